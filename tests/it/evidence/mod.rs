//! The evidence that nothing was done: which answers of Corefy count, and how many; and nothing is done twice before.

mod attempts;
mod late;
mod overtaken;
mod refunds;
mod slow_looks;
mod webhooks;

use std::time::Duration;

use corefy_gateway::{
    pb::{self, PaymentIntentState as State},
    sandbox::faults::Fault,
};
use tonic::Status;

use crate::support::{
    app::TestApp,
    client::{Client, reason},
    money::{CONFIRM, REFUND},
};

/// Declined.
const DECLINED: &str = "4000000000009995";
/// Processing, and charged a little later.
const PROCESSING: &str = "4000000000000077";
/// The payer has to act.
const CHALLENGE: &str = "4000000000003220";

/// When what Corefy shows no trace of is given up.
const CERTAIN: Duration = Duration::from_secs(120);
/// Longer than any wait between two lookups of the first hour.
const LONG: Duration = Duration::from_secs(3600);

/// Why the call was refused.
fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    reason(&result.unwrap_err())
}

/// The intent's state by what is stored: reading the intent would ask Corefy.
async fn stored(client: &Client, id: &str) -> State {
    let all = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
    all.payment_intents.iter().find(|intent| intent.id == id).unwrap().state()
}

/// The refund by what is stored.
async fn stored_refund(client: &Client, id: &str) -> pb::Refund {
    let all = client.list_refunds(pb::ListRefundsRequest::default()).await.unwrap().into_inner();
    all.refunds.into_iter().find(|refund| refund.id == id).unwrap()
}

/// Why the refund failed.
fn failure(refund: &pb::Refund) -> &str {
    refund.failure.as_ref().map_or("", |failure| &failure.code)
}

/// An intent over 10.00 whose confirmation with `card` suffers `fault`, and is in doubt.
async fn attempt(app: &TestApp, client: &Client, card: &str, fault: Fault) -> String {
    let id = client.intent("10.00").await.id;
    app.sandbox.faults().fail_next(1, CONFIRM.0, CONFIRM.1, fault);
    assert_eq!(client.confirm(&id, card).await.unwrap().state(), State::Processing);
    id
}

/// A refund of `amount` that suffers `fault`, and is in doubt: its id.
async fn refund(app: &TestApp, client: &Client, payment: &str, amount: &str, fault: Fault) -> String {
    app.sandbox.faults().fail_next(1, REFUND.0, REFUND.1, fault);
    let refund = client.refund(payment, amount).await.unwrap();
    assert_eq!((refund.state(), refund.upstream_id.as_str()), (pb::RefundState::Pending, ""));
    refund.id
}
