//! Compares our books with the money that really moved, for the tests about money.

use corefy_gateway::pb::{PaymentIntent, PaymentIntentState as State};

use super::{app::TestApp, client::Client};

/// Where a payment is created, confirmed, read, and refunded at Corefy.
pub const CREATE: (&str, &str) = ("POST", "/v1/payment-intents");
pub const CONFIRM: (&str, &str) = ("POST", "/v1/payment-intents/{id}/confirm");
pub const READ: (&str, &str) = ("GET", "/v1/payments/{id}");
pub const REFUND: (&str, &str) = ("POST", "/v1/refunds");

impl TestApp {
    /// How many of these requests Corefy got.
    pub fn sent(&self, (method, template): (&str, &str)) -> u64 {
        self.sandbox.request_count(method, template)
    }

    /// Asserts that the intent's amounts are what moved at Corefy, and no more than they may be. Answers with the intent.
    pub async fn assert_books_agree(&self, client: &Client, id: &str) -> PaymentIntent {
        let intent = client.get(id).await;
        let ledger = self.sandbox.ledger();
        let booked = (minor(&intent.amount_received), minor(&intent.amount_refunded));
        let moved = (ledger.charged(id), ledger.refunded(id));
        assert_eq!(booked, moved, "(received, refunded) of {id}, {:?}: booked, and moved", intent.state());
        assert!(moved.0 <= minor(&intent.amount) && moved.1 <= moved.0, "{id}: too much moved: {moved:?}");
        assert_eq!(moved.0 > 0, intent.state() == State::Succeeded, "{id} is {:?}", intent.state());
        let chargebacks = client.chargebacks(id).await;
        let sum: i64 = chargebacks.iter().map(|chargeback| minor(&chargeback.amount)).sum();
        let last = chargebacks.first().map_or(0, |chargeback| minor(&chargeback.total));
        let charged_back = minor(&intent.amount_charged_back);
        assert_eq!((sum, last), (charged_back, charged_back), "{id}: its chargebacks, and what was charged back");
        intent
    }
}

/// Cents of an amount in dollars.
pub fn minor(amount: &str) -> i64 {
    amount.replace('.', "").parse().unwrap()
}

/// Why the last attempt to pay failed.
pub fn last_error(intent: &PaymentIntent) -> &str {
    intent.last_payment_error.as_ref().map_or("", |error| &error.code)
}
