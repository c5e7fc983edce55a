//! The story by which the rows come about: objects of every kind, in the states that they can be in.

use std::time::Duration;

use corefy_gateway::{
    app::operations::{OperationAdmin, Resolution},
    domain::{audit::Operator, list_filters::OperationFilter, resolution::StatedOutcome},
    pb,
    sandbox::faults::Fault,
};
use prost::Message;

use super::calls::{Recorded, record};
use crate::support::{
    app::TestApp,
    client::{APPROVED, Client, confirmation, new_intent, new_refund},
    money::READ,
    requests::{card_to_save, confirmation_by, full_customer, full_intent},
};

/// The payer has to act.
const CHALLENGE: &str = "4000000000003220";
/// Declined.
const DECLINED: &str = "4000000000009995";
/// Charged, although the answer says otherwise: HTTP 500.
const CHARGED_500: &str = "4000000000005019";

/// Not charged: HTTP 500.
const NOT_CHARGED_500: &str = "4000000000005001";

/// The time after which a pending refund has failed: that takes five seconds.
const ENDING: Duration = Duration::from_secs(6);
/// The tries after which a webhook about an unknown object is parked, and more than the time between any two of them.
const TRIES: u32 = 6;
const BETWEEN_TRIES: Duration = Duration::from_secs(40);

/// Calls that change something, each under a key of its own, to be repeated later.
struct Story<'a> {
    client: &'a Client,
    keyed: Vec<(&'static str, String, Vec<u8>)>,
}

impl Story<'_> {
    /// Makes the call, and returns the id of the object in its answer.
    async fn call(&mut self, method: &'static str, object: &str, request: impl Message) -> String {
        let key = format!("golden-{}", self.keyed.len());
        let recorded = record(self.client, method, Some(&key), request.encode_to_vec()).await;
        self.keyed.push((method, key, recorded.request()));
        recorded.answer["message"][object]["id"].as_str().unwrap_or_default().to_owned()
    }

    async fn intent(&mut self, request: pb::CreatePaymentIntentRequest) -> String {
        self.call("create_payment_intent", "payment_intent", request).await
    }

    async fn confirm(&mut self, id: &str, card: &str) {
        self.call("confirm_payment_intent", "payment_intent", confirmation(id, card)).await;
    }
}

/// Has everything happen, and returns the calls that later versions have to answer in the same way.
pub async fn tell(app: &TestApp) -> Vec<Recorded> {
    park_a_webhook(app).await;
    let client = app.client().await;
    let mut story = Story { client: &client, keyed: Vec::new() };
    let customer = story.call("create_customer", "customer", full_customer()).await;
    let method = story.call("create_payment_method", "payment_method", card_to_save(&customer)).await;

    let full = pb::CreatePaymentIntentRequest { customer_id: customer.clone(), ..full_intent() };
    let paid = story.intent(full).await;
    story.confirm(&paid, APPROVED).await;
    app.process_webhooks().await;
    let refund = pb::CreateRefundRequest {
        reason: "One ticket less".to_owned(),
        reference_id: "back-7".to_owned(),
        metadata: [("ticket".to_owned(), "2".to_owned())].into(),
        ..new_refund(&paid, "40.00")
    };
    story.call("create_refund", "refund", refund).await;
    // Given back later, failing later, and refused by Corefy: the refusal is frozen.
    for amount in ["1.61", "1.62", "1.63"] {
        let refund = pb::CreateRefundRequest { reference_id: format!("back-{amount}"), ..new_refund(&paid, amount) };
        story.call("create_refund", "refund", refund).await;
    }
    let saved = pb::CreatePaymentIntentRequest { customer_id: customer.clone(), ..new_intent("9.00") };
    let saved = story.intent(saved).await;
    story.call("confirm_payment_intent", "payment_intent", confirmation_by(&saved, &method)).await;
    let (declined, challenged) = (story.intent(new_intent("10.00")).await, story.intent(new_intent("11.00")).await);
    story.confirm(&declined, DECLINED).await;
    story.confirm(&challenged, CHALLENGE).await;
    let (new, canceled) = (story.intent(new_intent("12.00")).await, story.intent(new_intent("13.00")).await);
    let cancel = pb::CancelPaymentIntentRequest { payment_intent_id: canceled.clone(), reason: "sold out".into() };
    story.call("cancel_payment_intent", "payment_intent", cancel).await;
    let disputed = story.intent(new_intent("15.00")).await;
    story.confirm(&disputed, APPROVED).await;
    app.sandbox.charge_back(&disputed, 600).unwrap();
    let partly_paid = story.intent(new_intent("16.00")).await;
    story.confirm(&partly_paid, NOT_CHARGED_500).await;
    decide(app).await;
    app.recover_after(ENDING).await;
    app.process_webhooks().await;
    let pending = pb::CreateRefundRequest { reference_id: "back-9".to_owned(), ..new_refund(&paid, "2.61") };
    story.call("create_refund", "refund", pending).await;

    let keyed = std::mem::take(&mut story.keyed);
    // Stays in doubt: made without a key that is repeated, and found by no read.
    let doubted = client.intent("14.00").await;
    app.sandbox.faults().fail_next(9, READ.0, READ.1, Fault::Http(500));
    client.confirm(&doubted.id, CHARGED_500).await.unwrap();
    app.sandbox.webhooks_idle().await;
    while app.server.app.api_calls.write_api_calls().await.unwrap() > 0 {}

    let mut calls = Vec::new();
    for (method, key, request) in keyed {
        calls.push(record(&client, method, Some(&key), request).await);
    }
    for id in [paid.clone(), saved, declined, challenged, new, canceled, disputed, partly_paid] {
        calls.push(read(&client, "get_payment_intent", pb::GetPaymentIntentRequest { id }).await);
    }
    calls.extend(lists(&client, &customer, &method, &paid).await);
    calls
}

/// A webhook about a payment that is not known, tried until it is parked.
async fn park_a_webhook(app: &TestApp) {
    let body = r#"{"event_type": "payment.succeeded", "event_id": "evt_unknown", "payment_id": "cfpay_unknown"}"#;
    app.sandbox.send_webhook(body, None).await.unwrap();
    for _ in 0..TRIES {
        app.process_webhooks().await;
        app.clock.advance(BETWEEN_TRIES);
    }
}

/// An operator states that the only operation in doubt brought a part of the amount, and has what comes later rechecked.
async fn decide(app: &TestApp) {
    let operations = OperationAdmin::new(app.database.store().await, app.environment.clone());
    let open = operations.list(&OperationFilter::default(), 2).await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    let operator = Operator { user: "jane".to_owned(), host: "bastion".to_owned() };
    let resolution = Resolution {
        outcome: StatedOutcome::Succeeded,
        received: Some("4.00".to_owned()),
        reason: "the acquirer's statement".to_owned(),
        operator: operator.clone(),
    };
    operations.resolve(&open[0].operation.id, resolution).await.unwrap();
    operations.recheck(app.clock.now() + Duration::from_secs(3600), &operator, |_| {}).await.unwrap();
}

async fn read(client: &Client, method: &str, request: impl Message) -> Recorded {
    record(client, method, None, request.encode_to_vec()).await
}

async fn lists(client: &Client, customer: &str, method: &str, paid: &str) -> Vec<Recorded> {
    let (customer_id, id) = (customer.to_owned(), paid.to_owned());
    vec![
        read(client, "list_payment_intents", pb::ListPaymentIntentsRequest { page_size: 100, ..Default::default() })
            .await,
        read(client, "list_refunds", pb::ListRefundsRequest { page_size: 100, ..Default::default() }).await,
        read(client, "list_chargebacks", pb::ListChargebacksRequest { page_size: 100, ..Default::default() }).await,
        read(client, "get_customer", pb::GetCustomerRequest { id: customer.to_owned() }).await,
        read(client, "list_customers", pb::ListCustomersRequest { page_size: 100, ..Default::default() }).await,
        read(client, "get_payment_method", pb::GetPaymentMethodRequest { id: method.to_owned() }).await,
        read(client, "list_payment_methods", pb::ListPaymentMethodsRequest { customer_id, ..Default::default() }).await,
        read(client, "list_events", pb::ListEventsRequest { page_size: 100, ..Default::default() }).await,
        read(client, "list_api_calls", pb::ListApiCallsRequest { page_size: 100, ..Default::default() }).await,
        read(client, "get_timeline", pb::GetTimelineRequest { id, page_size: 100, ..Default::default() }).await,
    ]
}
