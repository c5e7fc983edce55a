//! Texts of callers and of Corefy on their way into the database and the log: what is only compared is kept as a hash, and
//! nothing that a database cannot take gets as far as one.

use corefy_gateway::pb::{self, payment_intent_service_client::PaymentIntentServiceClient};
use serde_json::json;

use crate::{
    support::{
        app::TestApp,
        client::{APPROVED, confirmation, keyed, new_intent, new_refund},
        database::TestDatabase,
        refusal::wrong_fields,
    },
    webhooks::send_genuine,
};

crate::on_both!(
    an_idempotency_key_is_kept_as_a_hash_and_still_makes_a_call_the_same,
    a_request_id_that_may_be_a_card_number_is_not_taken,
    a_nul_in_a_genuine_webhook_does_not_keep_it_out,
    a_nul_in_a_field_is_refused_before_the_database_is_asked,
);

/// A card number, sent as an idempotency key or as a request's id.
const CARD: &str = "5555555555554444";

fn holds(raw: &[u8], text: &str) -> bool {
    raw.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn an_idempotency_key_is_kept_as_a_hash_and_still_makes_a_call_the_same(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let create = || client.create_payment_intent(keyed(CARD, new_intent("10.00")));
    let first = create().await.unwrap().into_inner().payment_intent.unwrap();
    let again = create().await.unwrap();
    assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
    assert_eq!(again.into_inner().payment_intent.unwrap().id, first.id);
    let of_another = app.client_of(|key| key.partner_name = "Other".to_owned()).await;
    let theirs = of_another.create_payment_intent(keyed(CARD, new_intent("10.00"))).await.unwrap();
    assert_ne!(theirs.into_inner().payment_intent.unwrap().id, first.id);

    let confirm = || client.confirm_payment_intent(keyed("confirm-canary-key", confirmation(&first.id, APPROVED)));
    confirm().await.unwrap();
    let refund = || client.create_refund(keyed("refund-canary-key", new_refund(&first.id, "4.00")));
    let refunded = refund().await.unwrap().into_inner().refund.unwrap();
    assert_eq!(refund().await.unwrap().into_inner().refund.unwrap().id, refunded.id);

    let raw = app.database.raw().await;
    assert!(holds(&raw, &first.id), "the bytes are those of the database");
    for key in [CARD, "confirm-canary-key", "refund-canary-key"] {
        assert!(!holds(&raw, key) && !holds(&raw, &base16ct::lower::encode_string(key.as_ref())), "{key}");
    }

    // The hash hangs on nothing but the master key, so it is the same after a restart.
    let app = app.crash_and_restart().await;
    let again = app.client().await.create_payment_intent(keyed(CARD, new_intent("10.00"))).await.unwrap().into_inner();
    assert_eq!(again.payment_intent.unwrap().id, first.id);
}

async fn a_request_id_that_may_be_a_card_number_is_not_taken(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for (id, is_taken) in [(CARD, false), ("pay-5555-5555-5555-4444", false), ("order-5555", true)] {
        let mut request = client.signed(new_intent("10.00"));
        request.metadata_mut().insert("x-request-id", id.parse().unwrap());
        let mut service = PaymentIntentServiceClient::new(client.channel.clone());
        let answer = service.create_payment_intent(request).await.unwrap();
        assert_eq!(answer.metadata().get("x-request-id").unwrap() == id, is_taken, "{id}");
    }
    app.server.app.api_calls.write_api_calls().await.unwrap();
    let raw = app.database.raw().await;
    assert!(holds(&raw, "order-5555") && !holds(&raw, CARD) && !holds(&raw, "5555-5555-5555-4444"));
}

async fn a_nul_in_a_genuine_webhook_does_not_keep_it_out(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await;
    for (number, members) in [
        json!({"event_id": "evt\u{0}1"}),
        json!({"event_type": "payment.failed\u{0}"}),
        json!({"reference_id": format!("{}\u{0}", paid.id), "payment_intent_id": "in\u{0}1", "payment_id": "\u{0}"}),
        json!({"event_type": "customer.updated", "customer_id": "cus\u{0}1"}),
        json!({"status\u{0}": "x", "status": "\u{0}\u{7}", "currency": "US\u{0}D"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body =
            json!({"event_type": "payment.updated", "event_id": format!("evt_{number}"), "reference_id": paid.id});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert!(body.to_string().contains("\\u0000"), "{body}");
        assert_eq!(send_genuine(&app, body.to_string()).await, 200, "{body}");
    }
    while app.server.app.webhooks.process_webhooks().await.unwrap() > 0 {}
    let metrics = app.server.app.diagnostics.metrics();
    assert!(!metrics.contains("webhooks_unprocessed{state=\"dead\"} 1"), "{metrics}");
}

async fn a_nul_in_a_field_is_refused_before_the_database_is_asked(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let nul = || "a\u{0}b".to_owned();
    let listed = pb::ListPaymentIntentsRequest {
        reference_id: nul(),
        customer_id: nul(),
        page_token: nul(),
        ..Default::default()
    };
    let refused = client.list_payment_intents(listed).await.map(|_| ());
    assert_eq!(wrong_fields(refused), ["customer_id", "page_token", "reference_id"]);
    let listed =
        pb::ListApiCallsRequest { operation: nul(), request_id: nul(), object_id: nul(), ..Default::default() };
    let refused = client.list_api_calls(listed).await.map(|_| ());
    assert_eq!(wrong_fields(refused), ["object_id", "operation", "request_id"]);
    let listed =
        pb::ListEventsRequest { types: vec![nul()], object_id: nul(), after_event_id: nul(), ..Default::default() };
    let refused = client.list_events(listed).await.map(|_| ());
    assert_eq!(wrong_fields(refused), ["after_event_id", "object_id", "types[0]"]);
    let created = pb::CreatePaymentIntentRequest {
        reference_id: nul(),
        description: nul(),
        customer_name: nul(),
        metadata: [("key".to_owned(), nul())].into(),
        ..new_intent("1.00")
    };
    let refused = client.create_payment_intent(created).await.map(|_| ());
    assert_eq!(wrong_fields(refused), ["customer_name", "description", "metadata[\"key\"]", "reference_id"]);
}
