//! A payment from end to end.

use corefy_gateway::pb::PaymentIntentState as State;

use crate::support::{app::TestApp, database::TestDatabase};

crate::on_both!(a_payment_is_created_confirmed_and_refunded);

async fn a_payment_is_created_confirmed_and_refunded(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("100.00").await;
    assert_eq!(intent.state(), State::RequiresConfirmation);
    let paid = client.confirm(&intent.id, "4111111111111111").await.unwrap();
    assert_eq!(paid.state(), State::Succeeded);
    let refund = client.refund(&paid.payment_id, "40.00").await.unwrap();
    assert_eq!(refund.amount, "40.00");
    assert_eq!(client.get(&intent.id).await.amount_refunded, "40.00");
    let ledger = app.sandbox.ledger();
    assert_eq!((ledger.charged(&intent.id), ledger.refunded(&intent.id)), (10_000, 4_000));
}
