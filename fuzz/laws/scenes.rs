//! The things to ask about: an intent as it was made, one with an attempt in doubt, and those that a dialect has beside.

use corefy_gateway::{
    domain::{
        card::Card,
        clock::Timestamp,
        confirmation::{Confirmation, PaymentSource},
        customer::{Customer, CustomerDetails},
        ids::{CustomerId, Ids, PartnerId, PaymentIntentId, PaymentMethodId, RefundId},
        money::Money,
        payment_intent::{Attempt, PaymentIntent, PaymentIntentDetails, PaymentIntentState, Progress},
        payment_method::PaymentMethod,
        private::Private,
        refund::{Refund, RefundDetails, RefundState},
        snapshot::{Merge, PaymentSnapshot},
        upstream_state::UpstreamState,
    },
    upstream::{PaymentContext, Upstream as _, commerce::Commerce, intents::Intents},
};
use reqwest::StatusCode;

use super::corefy::{EchoingCorefy, NOW, TriedDialect, scheduling};

/// The members of an invoice that has just been made. Its token, which nobody checks, ends in a hundred years.
const NEW_INVOICE: &str = r#""status":"created","resolution":"ok","amount":10.5,"currency":"EUR","reference_id":"$REF",
    "test_mode":true,"created":1700000000,"updated":1700000000,"payload":[],"hpp_url":"https://corefy.test/hpp?cpi=1",
    "flow_data":{"action":"https://corefy.test/hpp","method":"GET","params":[],
    "metadata":{"token":"e30.eyJleHAiOjQ4NTM2MDAwMDB9.c2ln"}}"#;

/// A payment of the intents API that has just been made.
const NEW_PAYMENT: &str =
    r#"{"id":"$ID","status":"requires_confirmation","amount":10.5,"currency":"EUR","reference_id":"$REF"}"#;

/// An invoice with these members, as an answer shows it.
pub fn invoice(members: &str) -> String {
    format!(r#"{{"data":{{"type":"payment-invoices","id":"$ID","attributes":{{{members}}}}},"included":[]}}"#)
}

/// An intent with what belongs to it.
#[derive(Clone)]
pub struct Scene {
    pub intent: PaymentIntent,
    pub customer: Customer,
    pub refund: Refund,
}

/// A dialect with the scenes that only it has.
pub trait Staged: TriedDialect {
    /// Corefy's answer to the creation of a payment.
    fn new_payment() -> String;

    /// Scenes beside those that every dialect has.
    fn of_its_own(corefy: &EchoingCorefy<Self>, amount: Money) -> Vec<Scene>;
}

impl Staged for Commerce {
    fn new_payment() -> String {
        invoice(NEW_INVOICE)
    }

    /// One whose payer was sent to Corefy's page for two attempts, so that two invoices may be paid.
    fn of_its_own(corefy: &EchoingCorefy<Self>, amount: Money) -> Vec<Scene> {
        let mut scene = Scene::made(corefy, amount);
        for _ in 0..2 {
            scene.intent.begin_attempt(Attempt::default(), Timestamp::default());
            let by_page = by(PaymentSource::HostedPage);
            corefy.answer(StatusCode::CREATED, invoice(NEW_INVOICE).as_bytes());
            let confirmed =
                corefy.outcome(corefy.dialect.payment_intent_confirm(corefy.call(), &scene.context(), &by_page));
            scene.note(&confirmed.expect("there is a page"));
        }
        vec![scene]
    }
}

impl Staged for Intents {
    fn new_payment() -> String {
        NEW_PAYMENT.to_owned()
    }

    /// One that was paid by card.
    fn of_its_own(corefy: &EchoingCorefy<Self>, amount: Money) -> Vec<Scene> {
        let mut scene = Scene::in_doubt(corefy, amount);
        let paid = NEW_PAYMENT.replace("requires_confirmation", "succeeded");
        corefy.answer(StatusCode::OK, paid.as_bytes());
        let found = corefy.outcome(corefy.dialect.payment_find(&scene.context(), scheduling()));
        let found = found.expect("it can be read").expect("it is there");
        let Merge::Apply(change) = found.merge(&scene.intent) else { panic!("it cannot be believed: {found:?}") };
        scene.note(&found);
        change.apply(&mut scene.intent, Timestamp::default());
        vec![scene]
    }
}

impl Scene {
    /// An intent that Corefy has no payment of yet.
    pub fn new<D: TriedDialect>(corefy: &EchoingCorefy<D>, amount: Money) -> Self {
        let ids = &corefy.environment.ids;
        let customer = customer(ids);
        let intent = intent(ids, &customer, amount);
        Self { refund: refund(ids, &intent), intent, customer }
    }

    /// An intent that Corefy has made a payment of.
    pub fn made<D: Staged>(corefy: &EchoingCorefy<D>, amount: Money) -> Self {
        let mut scene = Self::new(corefy, amount);
        corefy.answer(StatusCode::CREATED, D::new_payment().as_bytes());
        let made = corefy.outcome(corefy.dialect.payment_intent_create(corefy.call(), &scene.context()));
        let made = made.expect("it is made");
        scene.intent.upstream_id = Some(made.upstream_id.clone());
        scene.note(&made);
        scene
    }

    /// One whose attempt by card has no answer.
    pub fn in_doubt<D: Staged>(corefy: &EchoingCorefy<D>, amount: Money) -> Self {
        let mut scene = Self::made(corefy, amount);
        scene.intent.begin_attempt(Attempt { card: Some(card().masked()), ..Attempt::default() }, Timestamp::default());
        scene
    }

    /// All of them.
    pub fn all<D: Staged>(corefy: &EchoingCorefy<D>, amount: Money) -> Vec<Self> {
        let mut all = vec![Self::made(corefy, amount), Self::in_doubt(corefy, amount)];
        all.extend(D::of_its_own(corefy, amount));
        all
    }

    fn note(&mut self, snapshot: &PaymentSnapshot) {
        snapshot.note_in(&mut self.intent);
        self.intent.progress.is_unanswered = false;
    }

    /// The intent with what the dialect may need.
    pub fn context(&self) -> PaymentContext<'_> {
        PaymentContext { intent: &self.intent, customer: Some(&self.customer), refunds: vec![&self.refund] }
    }
}

fn partner() -> PartnerId {
    PartnerId::parse("shop").expect("it is an id")
}

fn customer(ids: &Ids) -> Customer {
    Customer {
        id: CustomerId::generate(ids),
        partner_id: partner(),
        upstream_id: None,
        reference_id: None,
        details: CustomerDetails {
            email: Private::new("jane@example.com"),
            name: Private::new("Jane Doe"),
            phone: Private::default(),
            address: None,
            metadata: Default::default(),
            at_corefy: None,
        },
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        erased_at: None,
        revision: 1,
    }
}

fn intent(ids: &Ids, customer: &Customer, amount: Money) -> PaymentIntent {
    PaymentIntent {
        id: PaymentIntentId::generate(ids),
        partner_id: partner(),
        upstream_id: None,
        upstream_payment_id: None,
        state: PaymentIntentState::RequiresConfirmation,
        amount,
        received: 0,
        refunded: 0,
        refund_pending: 0,
        charged_back: 0,
        customer_id: Some(customer.id.clone()),
        reference_id: None,
        details: PaymentIntentDetails {
            payment_method_type: "card".to_owned(),
            customer_email: Private::default(),
            customer_name: Private::default(),
            customer_phone: Private::default(),
            description: String::new(),
            return_url: "https://shop.test/back".to_owned(),
            failure_url: String::new(),
            billing_address: None,
            metadata: Default::default(),
        },
        progress: Progress::default(),
        upstream_version: Timestamp::default(),
        upstream_state: UpstreamState::default(),
        created_at: Timestamp::from_seconds(NOW),
        updated_at: Timestamp::from_seconds(NOW),
        sandbox: true,
        revision: 1,
    }
}

fn refund(ids: &Ids, intent: &PaymentIntent) -> Refund {
    Refund {
        id: RefundId::generate(ids),
        partner_id: partner(),
        payment_intent_id: intent.id.clone(),
        upstream_id: None,
        state: RefundState::Pending,
        amount: intent.amount,
        reference_id: None,
        details: RefundDetails::default(),
        failure: None,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        erased_at: None,
        revision: 1,
    }
}

/// A saved card.
pub fn saved(customer: &Customer, id: PaymentMethodId) -> PaymentMethod {
    PaymentMethod {
        id,
        partner_id: partner(),
        customer_id: customer.id.clone(),
        upstream_id: Some("token_1".to_owned()),
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

/// A test card.
pub fn card() -> Card {
    Card {
        number: "4111111111111111".into(),
        expiry_month: 3,
        expiry_year: 2031,
        cvv: Some("987".into()),
        holder_name: Private::new("Jane Doe"),
    }
}

/// A confirmation by this.
pub fn by(source: PaymentSource<PaymentMethod>) -> Confirmation<PaymentMethod> {
    Confirmation {
        source,
        three_d_secure: None,
        browser_info: None,
        save_payment_method: false,
        stored_credential: None,
    }
}
