//! A dialect before a scripted Corefy, and one of each thing to ask about.

use super::Dialect;
use crate::{
    domain::{
        card::Card,
        clock::Timestamp,
        confirmation::{Confirmation, PaymentSource},
        customer::{Address, Customer, CustomerDetails},
        ids::{CustomerId, Ids, OperationId, PartnerId, PaymentIntentId, PaymentMethodId, RefundId},
        money::{Currency, Money},
        payment_intent::{Attempt, PaymentIntent, PaymentIntentDetails, PaymentIntentState, Progress},
        payment_method::PaymentMethod,
        private::Private,
        refund::{Refund, RefundDetails, RefundState},
        snapshot::{Merge, PaymentSnapshot},
        upstream_state::UpstreamState,
    },
    upstream::{
        Call, Error, PaymentContext, Priority, Rejection, Scheduling,
        scripted::{Scripted, ScriptedStep},
    },
};

/// The scheduling of every call here.
pub const ASKED: Scheduling = Scheduling { priority: Priority::Read, deadline: None };

pub struct Scene<D: Dialect> {
    pub server: Scripted,
    pub corefy: D::Corefy,
    pub operation_id: OperationId,
    pub intent: PaymentIntent,
    pub customer: Customer,
}

impl<D: Dialect> Scene<D> {
    /// Where Corefy answers by this script, the last step for ever; or by none yet.
    pub async fn new(script: impl IntoIterator<Item = ScriptedStep>) -> Self {
        Self::answered(|_| script.into_iter().collect()).await
    }

    /// The same by a script about its objects.
    pub async fn answered(script: impl FnOnce(&PaymentIntent) -> Vec<ScriptedStep>) -> Self {
        let customer = customer();
        let mut intent = intent(&customer);
        intent.upstream_state = D::notes(&intent);
        let server = Scripted::start(script(&intent)).await;
        let corefy = D::corefy(server.url.clone());
        Self { server, corefy, operation_id: OperationId::generate(&Ids::system()), intent, customer }
    }

    pub fn call(&self) -> Call<'_> {
        Call {
            operation_id: &self.operation_id,
            request_id: "request",
            not_after: Timestamp(i64::MAX),
            scheduling: ASKED,
        }
    }

    pub fn context(&self) -> PaymentContext<'_> {
        PaymentContext { intent: &self.intent, customer: Some(&self.customer), refunds: Vec::new() }
    }

    /// Begins an attempt by card, whose answer is missing from then on.
    pub fn begin_attempt(&mut self) {
        let attempt = Attempt { card: Some(card(None).masked()), ..Attempt::default() };
        self.intent.begin_attempt(attempt, Timestamp::default());
    }

    /// Merges what Corefy says of the payment, as the gateway does.
    pub fn merge(&mut self, snapshot: &PaymentSnapshot) {
        let merge = snapshot.merge(&self.intent);
        snapshot.note_in(&mut self.intent);
        match merge {
            Merge::Apply(change) => change.apply(&mut self.intent, Timestamp::default()),
            Merge::Unchanged => {}
            Merge::Stale | Merge::Conflict(_) => panic!("{merge:?}: {snapshot:?}"),
        }
    }

    /// Has Corefy answer by another script from now on.
    pub fn follow(&mut self, script: Vec<ScriptedStep>) {
        self.server.follow(script);
    }

    /// How many requests since the last look moved money, or could have.
    pub fn moves(&self) -> usize {
        self.server.seen().iter().filter(|request| D::moves_money(request)).count()
    }
}

pub fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::parse("USD").unwrap())
}

fn partner() -> PartnerId {
    PartnerId::parse("shop").unwrap()
}

pub fn customer() -> Customer {
    let address = Address { line1: Private::new("1 Main St"), country: "US".to_owned(), ..Address::default() };
    Customer {
        id: CustomerId::generate(&Ids::system()),
        partner_id: partner(),
        upstream_id: Some("cust_1".to_owned()),
        reference_id: Some("theirs".to_owned()),
        details: CustomerDetails {
            email: Private::new("jane@example.com"),
            name: Private::new("Jane Doe"),
            phone: Private::default(),
            address: Some(address),
            metadata: Default::default(),
            at_corefy: None,
        },
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        erased_at: None,
        revision: 1,
    }
}

pub fn intent(customer: &Customer) -> PaymentIntent {
    PaymentIntent {
        id: PaymentIntentId::generate(&Ids::system()),
        partner_id: partner(),
        upstream_id: Some("in_1".to_owned()),
        upstream_payment_id: None,
        state: PaymentIntentState::RequiresConfirmation,
        amount: usd(1050),
        received: 0,
        refunded: 0,
        refund_pending: 0,
        charged_back: 0,
        customer_id: Some(customer.id.clone()),
        reference_id: Some("theirs".to_owned()),
        details: PaymentIntentDetails {
            payment_method_type: "card".to_owned(),
            customer_email: Private::default(),
            customer_name: Private::default(),
            customer_phone: Private::default(),
            description: String::new(),
            return_url: "https://shop.test/back".to_owned(),
            failure_url: String::new(),
            billing_address: None,
            metadata: [("order".to_owned(), "7".to_owned())].into(),
        },
        progress: Progress::default(),
        upstream_version: Timestamp::default(),
        upstream_state: UpstreamState::default(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        sandbox: true,
        revision: 1,
    }
}

pub fn refund(intent: &PaymentIntent) -> Refund {
    Refund {
        id: RefundId::generate(&Ids::system()),
        partner_id: partner(),
        payment_intent_id: intent.id.clone(),
        upstream_id: None,
        state: RefundState::Pending,
        amount: usd(250),
        reference_id: None,
        details: RefundDetails::default(),
        failure: None,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        erased_at: None,
        revision: 1,
    }
}

pub fn method(customer: &Customer, upstream_id: Option<&str>) -> PaymentMethod {
    PaymentMethod {
        id: PaymentMethodId::generate(&Ids::system()),
        partner_id: partner(),
        customer_id: customer.id.clone(),
        upstream_id: upstream_id.map(str::to_owned),
        kind: "card".to_owned(),
        card: None,
        card_subject: None,
        card_at_corefy: None,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        deleted_at: None,
        revision: 1,
    }
}

pub fn card(cvv: Option<&str>) -> Card {
    Card {
        number: "4111111111111111".into(),
        expiry_month: 3,
        expiry_year: 2031,
        cvv: cvv.map(Into::into),
        holder_name: Private::new("Jane Doe"),
    }
}

pub fn by_card() -> Confirmation<PaymentMethod> {
    by(PaymentSource::Card(card(Some("987"))))
}

pub fn by(source: PaymentSource<PaymentMethod>) -> Confirmation<PaymentMethod> {
    Confirmation {
        source,
        three_d_secure: None,
        browser_info: None,
        save_payment_method: false,
        stored_credential: None,
    }
}

pub fn rejection<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Rejection {
    match outcome {
        Err(Error::Rejected(rejection)) => rejection,
        other => panic!("not refused: {other:?}"),
    }
}
