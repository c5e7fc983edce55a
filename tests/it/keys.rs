//! Access: keys, scopes, addresses, and the wall between partners.

use std::time::Duration;

use corefy_gateway::{
    domain::{
        api_key::{ApiKey, Scope},
        clock::Timestamp,
        ids::PartnerId,
        key_pair::{KeyPair, PublicKey},
        randomness::Randomness,
    },
    pb,
};
use secrecy::ExposeSecret as _;
use tonic::{Code, Request, Status};

use crate::support::{
    app::{START, TestApp, until},
    client::{APPROVED, Client, new_intent},
    contract::{call_raw, methods, path},
    database::TestDatabase,
    refusal::{CallRefusal, refused},
    requests::{card_to_save, confirmation_by},
};

crate::on_both!(
    every_call_of_the_protos_needs_a_key,
    health_and_reflection_need_no_key,
    every_wrong_key_is_refused_in_the_same_words,
    a_key_comes_in_either_header,
    how_a_key_was_sent_wrongly_is_said_and_nothing_of_any_key,
    an_expired_key_is_refused_from_its_moment_on,
    a_revoked_key_is_refused_within_ten_seconds,
    a_key_is_good_only_from_its_networks,
    every_call_needs_exactly_the_scope_of_what_it_does,
    another_partner_s_objects_do_not_exist,
    another_partner_s_objects_are_in_no_list,
    the_last_use_is_written_at_most_once_a_minute,
);

/// The message to every caller without a good key.
const REFUSAL: &str = "the API key is not accepted";
/// Within how long a revocation takes effect everywhere.
const REVOCATION: Duration = Duration::from_secs(10);

async fn every_call_of_the_protos_needs_a_key(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let channel = app.client().await.channel;
    let methods = methods();
    assert_eq!(methods.len(), 48);
    for method in methods {
        // There are more calls than an address may be refused in a minute.
        app.clock.advance(Duration::from_secs(60));
        let refusal = refused(call_raw(&channel, &path(&method), Request::new(())).await);
        assert_refused_as(&refusal, "there is no API key; send it as metadata, authorization: Bearer pk_...:sk_...");
    }
}

async fn health_and_reflection_need_no_key(database: TestDatabase) {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    use tonic_reflection::pb::v1::{ServerReflectionRequest, server_reflection_client::ServerReflectionClient};

    let app = TestApp::start(database).await;
    let channel = app.client().await.channel;
    HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    let nothing = tokio_stream::empty::<ServerReflectionRequest>();
    ServerReflectionClient::new(channel).server_reflection_info(nothing).await.unwrap();
}

async fn every_wrong_key_is_refused_in_the_same_words(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (public, secret) = app.key().split_once(':').unwrap();
    let stranger = KeyPair::generate(&PartnerId::parse("acme").unwrap(), &Randomness::system()).expose();
    let other_secret = stranger.expose_secret().split_once(':').unwrap().1;
    let wrong = [
        "nonsense".to_owned(),
        stranger.expose_secret().to_owned(),
        format!("{public}:{other_secret}"),
        format!("{public}:"),
        public.to_owned(),
        format!("{secret}:{public}"),
        app.key()[..app.key().len() - 1].to_owned(),
        format!("{}0", app.key()),
        app.key().to_uppercase(),
    ];
    for key in wrong {
        let client = app.client_with(&key).await;
        let status = list(&client).await.unwrap_err();
        let shown = format!("{status:?} {:?}", status.details());
        assert!(!shown.contains(secret) && !shown.contains(other_secret) && !shown.contains(public), "{shown}");
        assert_refused(&status.into());
    }
    assert!(list(&app.client().await).await.is_ok());
}

async fn a_key_comes_in_either_header(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let channel = app.client().await.channel;
    let list = "/corefy.gateway.v1.CustomerService/ListCustomers";
    for (header, value) in [
        ("authorization", format!("Bearer {}", app.key())),
        ("authorization", format!("bearer {}", app.key())),
        ("x-api-key", app.key().to_owned()),
    ] {
        let mut request = Request::new(());
        request.metadata_mut().insert(header, value.parse().unwrap());
        call_raw(&channel, list, request).await.unwrap();
    }
}

async fn how_a_key_was_sent_wrongly_is_said_and_nothing_of_any_key(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let channel = app.client().await.channel;
    let list = "/corefy.gateway.v1.CustomerService/ListCustomers";
    let stranger = KeyPair::generate(&PartnerId::parse("acme").unwrap(), &Randomness::system()).expose();
    for (metadata, words) in [
        (None, "there is no API key; send it as metadata, authorization: Bearer"),
        (Some(("x-api-key", String::new())), "there is no API key"),
        (Some(("authorization", app.key().to_owned())), "must be the word Bearer, a space and the API key"),
        (Some(("authorization", "Bearer".to_owned())), "must be the word Bearer, a space and the API key"),
        (Some(("authorization", format!("Bearer {} ", app.key()))), "the API key ends with white space"),
        (Some(("authorization", format!("Bearer {} ", stranger.expose_secret()))), "the API key ends with white space"),
    ] {
        let mut request = Request::new(());
        if let Some((name, value)) = &metadata {
            request.metadata_mut().insert(*name, value.parse().unwrap());
        }
        let refusal = refused(call_raw(&channel, list, request).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unauthenticated, "CREDENTIALS_INVALID"));
        assert!(refusal.message.contains(words), "{metadata:?}: {refusal:?}");
        assert!(refusal.facts.is_empty() && refusal.retry_after.is_none(), "{refusal:?}");
    }
}

async fn an_expired_key_is_refused_from_its_moment_on(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let hour = Duration::from_secs(3600);
    let client = app.client_of(|new| new.expires_at = Some(START + hour)).await;
    app.clock.advance(hour - Duration::from_micros(1));
    assert!(list(&client).await.is_ok());
    app.clock.advance(Duration::from_micros(1));
    assert_refused(&refused(list(&client).await));
}

async fn a_revoked_key_is_refused_within_ten_seconds(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    assert!(list(&client).await.is_ok());
    let keys = app.keys().await;
    assert!(keys.revoke(&public_half(app.key())).await.unwrap());
    assert!(!keys.revoke(&public_half(app.key())).await.unwrap());
    app.clock.advance(REVOCATION);
    assert_refused(&refused(list(&client).await));
    // Keys that were never used are not cached, so they are refused at once.
    let other = app.new_key(|_| {}).await;
    assert!(keys.revoke(&public_half(other.expose_secret())).await.unwrap());
    assert_refused(&refused(list(&app.client_with(other.expose_secret()).await).await));
}

async fn a_key_is_good_only_from_its_networks(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let allow = |networks: &[&str]| {
        let networks: Vec<_> = networks.iter().map(|network| network.parse().unwrap()).collect();
        app.client_of(move |new| new.allowed = networks)
    };
    assert!(list(&allow(&["127.0.0.0/8"]).await).await.is_ok());
    assert!(list(&allow(&["10.0.0.0/8", "127.0.0.1/32"]).await).await.is_ok());
    assert_refused(&refused(list(&allow(&["10.0.0.0/8", "2001:db8::/32"]).await).await));
}

async fn every_call_needs_exactly_the_scope_of_what_it_does(database: TestDatabase) {
    let app = TestApp::start(database).await;
    for scope in Scope::ALL {
        let client = app.client_of(|new| new.scopes = vec![scope]).await;
        for method in methods() {
            let is_of_risk = method.parent_service().name() == "RiskService";
            let needed = if is_of_risk { Scope::Risk } else { scope_of(method.name()) };
            let result = call_raw(&client.channel, &path(&method), client.signed(())).await;
            if needed == scope {
                let code = result.err().map_or(Code::Ok, |status| status.code());
                assert!(matches!(code, Code::Ok | Code::InvalidArgument), "{} {code}", method.name());
            } else {
                let refusal = refused(result);
                assert_eq!((refusal.code, refusal.reason.as_str()), (Code::PermissionDenied, "SCOPE_MISSING"));
                assert_eq!(refusal.facts["scope"], needed.as_str(), "{}", method.name());
            }
        }
    }
}

/// The scope that a call of this name needs.
fn scope_of(method: &str) -> Scope {
    match method {
        "CreateRefund" => Scope::Refunds,
        "CreatePaymentIntent" | "ConfirmPaymentIntent" | "CancelPaymentIntent" => Scope::Write,
        "CreateCustomer" | "UpdateCustomer" | "EraseCustomer" | "ErasePayer" | "ExportPersonalData" => Scope::Write,
        "CreatePaymentMethod" | "UpdatePaymentMethod" | "DeletePaymentMethod" => Scope::Write,
        _ => Scope::Read,
    }
}

async fn another_partner_s_objects_do_not_exist(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let owner = app.client().await;
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    let (customer, method) = customer_with_card(&owner).await;
    let intent = owner.intent("10.00").await;
    let paid = owner.paid_intent("10.00").await;
    let refund = owner.refund(&paid.id, "1.00").await.unwrap();
    let id = |id: &str| id.to_owned();

    let of_intent = [
        refused(other.get_payment_intent(pb::GetPaymentIntentRequest { id: id(&intent.id) }).await),
        refused(other.confirm(&intent.id, APPROVED).await),
        refused(other.cancel(&intent.id).await),
    ];
    assert_all_missing(&of_intent, "payment_intent", &intent.id);
    assert_all_missing(&[refused(other.refund(&paid.id, "1.00").await)], "payment_intent", &paid.id);
    let of_payment = [
        refused(other.get_payment_intent(pb::GetPaymentIntentRequest { id: id(&paid.payment_id) }).await),
        refused(other.refund(&paid.payment_id, "1.00").await),
    ];
    assert_all_missing(&of_payment, "payment_intent", &paid.payment_id);
    let of_refund = [refused(other.get_refund(pb::GetRefundRequest { id: id(&refund.id) }).await)];
    assert_all_missing(&of_refund, "refund", &refund.id);
    let of_customer = [
        refused(other.get_customer(pb::GetCustomerRequest { id: id(&customer) }).await),
        refused(other.create_payment_method(card_to_save(&customer)).await),
        refused(
            other
                .list_payment_methods(pb::ListPaymentMethodsRequest {
                    customer_id: id(&customer),
                    ..Default::default()
                })
                .await,
        ),
        refused(
            other
                .create_payment_intent(pb::CreatePaymentIntentRequest {
                    customer_id: id(&customer),
                    ..new_intent("1.00")
                })
                .await,
        ),
    ];
    assert_all_missing(&of_customer, "customer", &customer);
    let own = other.intent("10.00").await;
    let of_method = [
        refused(other.get_payment_method(pb::GetPaymentMethodRequest { id: id(&method) }).await),
        refused(other.confirm_payment_intent(confirmation_by(&own.id, &method)).await),
    ];
    assert_all_missing(&of_method, "payment_method", &method);
    assert_eq!(owner.get(&intent.id).await.state(), pb::PaymentIntentState::RequiresConfirmation);
    assert_eq!(owner.get(&paid.id).await.amount_refunded, "1.00");
}

async fn another_partner_s_objects_are_in_no_list(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let owner = app.client().await;
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    customer_with_card(&owner).await;
    let paid = owner.paid_intent("10.00").await;
    owner.refund(&paid.id, "1.00").await.unwrap();

    assert!(list(&other).await.unwrap().payment_intents.is_empty());
    assert!(other.list_refunds(pb::ListRefundsRequest::default()).await.unwrap().into_inner().refunds.is_empty());
    let of_payment = pb::ListRefundsRequest { payment_id: paid.id.clone(), ..Default::default() };
    assert!(other.list_refunds(of_payment).await.unwrap().into_inner().refunds.is_empty());
    assert!(other.list_customers(pb::ListCustomersRequest::default()).await.unwrap().into_inner().customers.is_empty());
    assert!(other.list_events(pb::ListEventsRequest::default()).await.unwrap().into_inner().events.is_empty());
    assert!(other.event_types(&paid.id).await.is_empty());
    // Another key of the same partner sees them all.
    let colleague = app.client_of(|new| new.key_name = "another".to_owned()).await;
    assert_eq!(list(&colleague).await.unwrap().payment_intents.len(), 1);
    assert_eq!(colleague.event_types(&paid.id).await, owner.event_types(&paid.id).await);
}

async fn the_last_use_is_written_at_most_once_a_minute(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let minute = Duration::from_secs(60);
    assert_eq!(stored_key(&app).await.last_used_at, None);
    for moment in [START, START + minute] {
        app.clock.advance(moment.since(app.clock.now()));
        list(&client).await.unwrap();
        until("the last use is written", async || stored_key(&app).await.last_used_at == Some(moment)).await;
    }
    app.clock.advance(minute - Duration::from_micros(1));
    list(&client).await.unwrap();
    // Waits for everything that goes on behind the calls.
    app.server.app.drain().await;
    assert_eq!(stored_key(&app).await.last_used_at, Some(Timestamp::from_seconds((START + minute).seconds())));
}

fn assert_refused(refusal: &CallRefusal) {
    assert_refused_as(refusal, REFUSAL);
}

fn assert_refused_as(refusal: &CallRefusal, words: &str) {
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unauthenticated, "CREDENTIALS_INVALID"));
    assert_eq!(refusal.message, words);
    assert!(refusal.facts.is_empty() && refusal.fields.is_empty() && refusal.retry_after.is_none(), "{refusal:?}");
}

fn assert_all_missing(refusals: &[CallRefusal], kind: &str, id: &str) {
    for refusal in refusals {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"), "{refusal:?}");
        assert_eq!((refusal.facts["resource_type"].as_str(), refusal.facts["resource_id"].as_str()), (kind, id));
    }
}

async fn list(client: &Client) -> Result<pb::ListPaymentIntentsResponse, Status> {
    Ok(client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await?.into_inner())
}

fn public_half(pair: &str) -> PublicKey {
    PublicKey::parse(pair.split_once(':').unwrap().0).unwrap()
}

async fn stored_key(app: &TestApp) -> ApiKey {
    app.keys().await.list(None).await.unwrap().remove(0)
}

/// The ids of a customer and of the card that is saved for it.
async fn customer_with_card(client: &Client) -> (String, String) {
    let customer = client.customer("payer@example.com").await;
    let method = client.saved_card(&customer).await;
    (customer, method.id)
}
