//! A request for what the Corefy API in use cannot do is refused before anything is reserved.

use corefy_gateway::pb::{self, confirm_payment_intent_request::Source};
use tonic::Code;

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client, confirmation, keyed, new_customer, new_payment_method},
    database::TestDatabase,
    refusal::{facts, refused, wrong_fields},
};

crate::on_both!(
    what_the_api_in_use_lacks_is_refused_and_leaves_no_trace,
    wrong_fields_are_told_before_a_missing_capability,
    a_gateway_that_takes_no_card_numbers_passes_none_on,
);

type ConfirmRequest = pb::ConfirmPaymentIntentRequest;

/// Confirmations of the intent `id` that the `intents` API cannot carry out, each by the capability that it lacks.
fn too_much(id: &str) -> Vec<(&'static str, ConfirmRequest)> {
    let by_card = || confirmation(id, APPROVED);
    let other = pb::OtherMethod { payment_method_type: "qr".to_owned(), fields: [].into() };
    let stored_credential = Some(pb::StoredCredential {
        initiator: pb::StoredCredentialInitiator::Merchant.into(),
        reason: pb::StoredCredentialReason::Recurring.into(),
        network_transaction_id: "tx-1".to_owned(),
    });
    vec![
        ("confirm_other", ConfirmRequest { source: Some(Source::Other(other)), ..by_card() }),
        ("hosted_page", ConfirmRequest { source: Some(Source::HostedPage(pb::HostedPage {})), ..by_card() }),
        ("save_payment_method", ConfirmRequest { save_payment_method: true, ..by_card() }),
        ("stored_credential", ConfirmRequest { stored_credential, ..by_card() }),
    ]
}

async fn what_the_api_in_use_lacks_is_refused_and_leaves_no_trace(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for (capability, request) in too_much(&client.intent("10.00").await.id) {
        let intent = client.intent("10.00").await;
        let request = ConfirmRequest { payment_intent_id: intent.id.clone(), ..request };
        let before = (app.sandbox.requests().len(), operations(&client, &intent.id).await);
        let refusal = refused(client.confirm_payment_intent(keyed(capability, request)).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unimplemented, "CAPABILITY_MISSING"));
        assert_eq!(refusal.facts, facts(&[("capability", capability)]));
        assert_eq!((app.sandbox.requests().len(), operations(&client, &intent.id).await), before, "{capability}");
        assert!(client.get(&intent.id).await == intent);

        // The key is free: another request may have it.
        let answer =
            client.confirm_payment_intent(keyed(capability, confirmation(&intent.id, APPROVED))).await.unwrap();
        assert!(!answer.metadata().contains_key("idempotent-replayed"));
        let paid = answer.into_inner().payment_intent.unwrap();
        assert_eq!(paid.state(), pb::PaymentIntentState::Succeeded);
        assert_eq!(app.sandbox.ledger().charged(&intent.id), 1_000);
    }
}

async fn wrong_fields_are_told_before_a_missing_capability(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for (capability, request) in too_much(&client.intent("10.00").await.id) {
        let browser_info = Some(pb::BrowserInfo { color_depth: Some(49), ..Default::default() });
        let wrong = ConfirmRequest { browser_info, ..request };
        let told = wrong_fields(client.confirm_payment_intent(wrong).await);
        assert_eq!(told, ["browser_info.color_depth"], "{capability}");
    }
}

async fn a_gateway_that_takes_no_card_numbers_passes_none_on(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.raw_cards = false).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let customer = client.create_customer(new_customer()).await.unwrap().into_inner().customer.unwrap();
    let before = app.sandbox.requests().len();
    let confirmed = refused(client.confirm_payment_intent(keyed("confirm", confirmation(&intent.id, APPROVED))).await);
    let saved = refused(client.create_payment_method(keyed("save", new_payment_method(&customer.id))).await);
    for refusal in [confirmed, saved] {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unimplemented, "CAPABILITY_MISSING"));
        assert_eq!(refusal.facts, facts(&[("capability", "raw_cards")]));
    }
    assert_eq!(app.sandbox.requests().len(), before);
    let info = client.get_gateway_info(pb::GetGatewayInfoRequest {}).await.unwrap().into_inner().gateway_info.unwrap();
    assert!(!info.capabilities.iter().any(|name| name == "raw_cards"), "{:?}", info.capabilities);
    assert!(client.get(&intent.id).await == intent);
}

/// How many entries the timeline of the intent has of the partner's calls.
async fn operations(client: &Client, id: &str) -> usize {
    let request = pb::GetTimelineRequest { id: id.to_owned(), ..Default::default() };
    let entries = client.get_timeline(request).await.unwrap().into_inner().entries;
    entries.iter().filter(|entry| entry.kind() == pb::TimelineEntryKind::Rpc).count()
}
