//! Payments as they lie in a database that has grown, written by the store itself, so that lists can read them.

use std::{collections::BTreeMap, error::Error, sync::Arc};

use corefy_gateway::{
    domain::{
        card::MaskedCard,
        clock::{Clock, Timestamp},
        customer::{Customer, CustomerDetails},
        decline::PaymentError,
        ids::{CustomerId, Ids, PartnerId, PaymentIntentId, RefundId},
        master_key::MasterKey,
        money::{Currency, Money},
        payment_intent::{Attempt, PaymentIntent, PaymentIntentDetails, PaymentIntentState, Progress},
        private::Private,
        randomness::Randomness,
        refund::{Refund, RefundDetails, RefundState},
        upstream_state::UpstreamState,
    },
    store::{Change, Changes, Keyring, Store, Tracked},
};
use tokio::task::JoinSet;

/// Payments that are written together, and how often that is done at one time.
const BATCH: u32 = 1000;
const AT_A_TIME: usize = 2;
/// Microseconds between two payments.
const APART: i64 = 1_000_000;

/// The values that a page is asked for by. One payment in twenty has each, so that two pages of them are full among few and among many.
pub const EMAIL: &str = "jane@example.com";
pub const ORDER: &str = "7";
pub const DECLINE: &str = "insufficient_funds";
pub const METHOD: &str = "wallet";

/// The payments of a database, and what some of them are found by.
pub struct Filled {
    /// One of whose payments there are many.
    pub customer: CustomerId,
    /// When the last was made; each was made a second after the one before.
    pub newest: Timestamp,
    /// How many there are.
    pub rows: u32,
}

/// Writes `rows` payments of the partner.
pub async fn fill(database: &str, master_key: &str, partner: &str, rows: u32) -> Result<Filled, Box<dyn Error>> {
    let keyring = Keyring::new(&MasterKey::new(master_key.into()).into(), Randomness::system());
    let store = Arc::new(Store::open(database, 4, keyring, Ids::system()).await?);
    let ids = Ids::system();
    let series = Arc::new(Series {
        partner: PartnerId::parse(partner).ok_or("no partner")?,
        customer: CustomerId::generate(&ids),
        currencies: [Currency::parse("USD").ok_or("no USD")?, Currency::parse("EUR").ok_or("no EUR")?],
        first: Timestamp(Clock::system().now().0 - i64::from(rows) * APART),
        ids,
    });
    store.commit_once(&Changes::from_iter([Change::Customer(Tracked::new(series.person()))])).await?;
    let mut tasks = JoinSet::new();
    for first in (0..rows).step_by(BATCH as usize) {
        if tasks.len() == AT_A_TIME {
            tasks.join_next().await.ok_or("no task")??;
        }
        let (store, series, last) = (store.clone(), series.clone(), (first + BATCH).min(rows));
        tasks.spawn(async move {
            let changes = Changes::from_iter((first..last).flat_map(|number| series.changes(number)));
            store.commit_once(&changes).await.expect("payments can be written");
        });
        anstream::eprint!("{last} of {rows} payments \r");
    }
    tasks.join_all().await;
    store.close().await;
    Ok(Filled { customer: series.customer.clone(), newest: series.at(rows - 1), rows })
}

/// Payments by their number.
struct Series {
    partner: PartnerId,
    customer: CustomerId,
    currencies: [Currency; 2],
    first: Timestamp,
    ids: Ids,
}

impl Series {
    fn at(&self, number: u32) -> Timestamp {
        Timestamp(self.first.0 + i64::from(number) * APART)
    }

    fn person(&self) -> Customer {
        Customer {
            id: self.customer.clone(),
            partner_id: self.partner.clone(),
            upstream_id: None,
            reference_id: None,
            details: CustomerDetails {
                email: Private::new(EMAIL),
                name: Private::default(),
                phone: Private::default(),
                address: None,
                metadata: BTreeMap::new(),
                at_corefy: None,
            },
            created_at: self.first,
            updated_at: self.first,
            erased_at: None,
            revision: 1,
        }
    }

    fn changes(&self, number: u32) -> Vec<Change> {
        let intent = self.intent(number);
        let refund = (number % 10 == 1).then(|| Change::Refund(Tracked::new(self.refund(&intent))));
        let made = Change::PaymentIntent(Box::new(Tracked::new(intent)), None);
        std::iter::once(made).chain(refund).collect()
    }

    fn intent(&self, number: u32) -> PaymentIntent {
        let is = |of: u32, rest: u32| number % of == rest;
        let state = match number % 20 {
            7 | 17 => PaymentIntentState::Processing,
            8 => PaymentIntentState::RequiresPaymentMethod,
            9 => PaymentIntentState::Canceled,
            _ => PaymentIntentState::Succeeded,
        };
        let amount = Money::new(1000 + i64::from(number * 37 % 997), self.currencies[usize::from(is(20, 11))]);
        let received = if state == PaymentIntentState::Succeeded { amount.minor } else { 0 };
        let email = if is(20, 3) { EMAIL.to_owned() } else { format!("payer-{number}@example.com") };
        let declined = state == PaymentIntentState::RequiresPaymentMethod;
        PaymentIntent {
            id: PaymentIntentId::generate(&self.ids),
            partner_id: self.partner.clone(),
            upstream_id: Some(format!("cfy_{number:012}")),
            upstream_payment_id: None,
            state,
            amount,
            received,
            refunded: if is(10, 1) { received / 10 } else { 0 },
            refund_pending: 0,
            charged_back: 0,
            customer_id: is(20, 5).then(|| self.customer.clone()),
            reference_id: Some(format!("order-{number:09}")),
            details: PaymentIntentDetails {
                payment_method_type: if is(20, 9) { METHOD } else { "card" }.to_owned(),
                customer_email: Private::new(email),
                customer_name: Private::new("Jane Doe"),
                customer_phone: Private::default(),
                description: "an order".to_owned(),
                return_url: String::new(),
                failure_url: String::new(),
                billing_address: None,
                metadata: BTreeMap::from([("order".to_owned(), (number % 20).to_string())]),
            },
            progress: Progress {
                attempt: Some(Attempt { card: Some(card(number)), ..Attempt::default() }),
                attempts: 1,
                is_unanswered: is(20, 7),
                last_error: declined.then(|| PaymentError { code: DECLINE.to_owned(), message: String::new() }),
                succeeded_at: (received > 0).then(|| self.at(number)),
                ..Progress::default()
            },
            upstream_version: self.at(number),
            upstream_state: UpstreamState::default(),
            created_at: self.at(number),
            updated_at: Timestamp(self.at(number).0 + 5 * APART),
            sandbox: true,
            revision: 2,
        }
    }

    fn refund(&self, intent: &PaymentIntent) -> Refund {
        Refund {
            id: RefundId::generate(&self.ids),
            partner_id: self.partner.clone(),
            payment_intent_id: intent.id.clone(),
            upstream_id: None,
            state: RefundState::Succeeded,
            amount: intent.money(intent.received / 10),
            reference_id: None,
            details: RefundDetails::default(),
            failure: None,
            created_at: intent.updated_at,
            updated_at: intent.updated_at,
            erased_at: None,
            revision: 1,
        }
    }
}

/// One of 20 cards.
fn card(number: u32) -> MaskedCard {
    MaskedCard {
        brand: "visa".to_owned(),
        first6: "411111".to_owned(),
        last4: format!("{:04}", number % 20),
        expiry_month: 12,
        expiry_year: 2035,
        holder_name: Private::default(),
    }
}
