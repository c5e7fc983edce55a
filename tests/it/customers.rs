//! CustomerService, call by call.

use std::{collections::BTreeSet, time::Duration};

use corefy_gateway::{pb, sandbox::faults::Fault};
use prost_types::{FieldMask, Timestamp};
use serde_json::json;
use tonic::{Code, Status};

use crate::support::{
    app::{START, TestApp},
    client::{Client, keyed, new_customer, new_intent},
    database::TestDatabase,
    refusal::{refused, wrong_fields},
    requests::{card_to_save, full_customer},
};

crate::on_both!(
    a_customer_comes_back_as_it_was_given,
    a_customer_that_does_not_exist_is_not_found,
    a_customer_s_reference_is_unique,
    customers_are_listed_newest_first_page_by_page,
    customers_are_found_by_their_reference,
    a_customer_that_corefy_has_not_confirmed_cannot_be_used_yet,
    a_customer_that_turns_out_to_be_refused_is_no_more_and_an_event_says_so,
    the_fields_that_a_mask_names_change_and_one_event_says_so,
    without_a_mask_the_fields_that_are_not_empty_change,
    a_change_that_is_based_on_an_older_revision_changes_nothing,
    a_change_that_is_repeated_under_its_key_is_made_once,
    changes_of_many_callers_at_once_are_all_kept,
    a_change_that_cannot_be_made_names_every_wrong_field,
    what_was_changed_here_stays_until_it_changes_at_corefy,
);

async fn a_customer_comes_back_as_it_was_given(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let given = full_customer();
    let customer = created(&client, given.clone()).await;
    assert!(customer.id.starts_with("cus_") && customer.upstream_id.starts_with("cfcus_"));
    let back = pb::CreateCustomerRequest {
        email: customer.email.clone(),
        name: customer.name.clone(),
        phone: customer.phone.clone(),
        address: customer.address.clone(),
        reference_id: customer.reference_id.clone(),
        metadata: customer.metadata.clone(),
    };
    assert!(back == given, "a field came back changed");
    let start = Timestamp { seconds: START.seconds(), nanos: 0 };
    assert_eq!((customer.created_at, customer.updated_at), (Some(start), Some(start)));
    assert!(get(&client, &customer.id).await.unwrap() == customer);
    assert!(listed(&client, pb::ListCustomersRequest::default()).await.customers == [customer]);
}

async fn a_customer_that_does_not_exist_is_not_found(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = client.customer("jane@example.com").await;
    let unknown = id.replace(&id[id.len() - 4..], "0000");
    let refusal = refused(get(&client, &unknown).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    assert_eq!(refusal.facts["resource_id"], unknown);
    assert_eq!(wrong_fields(get(&client, "jane").await), ["id"]);
}

async fn a_customer_s_reference_is_unique(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let first = created(&client, full_customer()).await;
    let refusal = refused(client.create_customer(full_customer()).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::AlreadyExists, "REFERENCE_ID_TAKEN"));
    assert_eq!((refusal.facts["reference_id"].as_str(), &refusal.facts["resource_id"]), ("customer-7", &first.id));
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    assert_ne!(created(&other, full_customer()).await.id, first.id);
}

async fn customers_are_listed_newest_first_page_by_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, client.customer("jane@example.com").await);
    }
    let mut request = pb::ListCustomersRequest { page_size: 2, ..Default::default() };
    let first = listed(&client, request.clone()).await;
    request.page_token = first.next_page_token;
    let second = listed(&client, request.clone()).await;
    assert_eq!((first.customers.len(), second.customers.len(), second.next_page_token.as_str()), (2, 1, ""));
    let seen: Vec<_> = first.customers.into_iter().chain(second.customers).map(|customer| customer.id).collect();
    assert_eq!(seen, ids);

    let filtered = pb::ListCustomersRequest { reference_id: "customer-7".to_owned(), ..request };
    assert_eq!(wrong_fields(client.list_customers(filtered).await), ["page_token"]);
    for page_size in [-1, 101] {
        let request = pb::ListCustomersRequest { page_size, ..Default::default() };
        assert_eq!(wrong_fields(client.list_customers(request).await), ["page_size"]);
    }
}

async fn customers_are_found_by_their_reference(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = created(&client, full_customer()).await;
    client.customer("joan@example.com").await;
    let by = |reference: &str| pb::ListCustomersRequest { reference_id: reference.to_owned(), ..Default::default() };
    assert!(listed(&client, by("customer-7")).await.customers == [customer]);
    assert!(listed(&client, by("customer-8")).await.customers.is_empty());
}

async fn a_customer_that_corefy_has_not_confirmed_cannot_be_used_yet(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(1, "POST", "/v1/customers", Fault::HttpAfterExecute(500));
    let customer = created(&client, full_customer()).await;
    assert_eq!(customer.upstream_id, "");
    let intent = pb::CreatePaymentIntentRequest { customer_id: customer.id.clone(), ..new_intent("10.00") };
    for refusal in [
        refused(client.create_payment_intent(intent.clone()).await),
        refused(client.create_payment_method(card_to_save(&customer.id)).await),
    ] {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "CUSTOMER_NOT_READY"));
        assert_eq!(refusal.facts["resource_id"], customer.id);
        assert!(refusal.retry_after.is_some());
    }
    app.recover_after(Duration::from_secs(5)).await;
    let found = get(&client, &customer.id).await.unwrap();
    assert!(found.upstream_id.starts_with("cfcus_"));
    assert_eq!(client.event_types(&customer.id).await.last().unwrap(), "customer.created");
    client.create_payment_intent(intent).await.unwrap();
}

async fn a_customer_that_turns_out_to_be_refused_is_no_more_and_an_event_says_so(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(1, "POST", "/v1/customers", Fault::QuoteCard);
    refused(client.create_customer(full_customer()).await);
    let quiet = client.events(pb::ListEventsRequest::default()).await.unwrap().events;
    assert!(quiet.is_empty(), "who hears at once that it is refused needs no event: {quiet:?}");

    app.sandbox.faults().fail_next(1, "POST", "/v1/customers", Fault::Http(500));
    app.sandbox.faults().fail_next(1, "POST", "/v1/customers", Fault::QuoteCard);
    let customer = client.create_customer(keyed("jane", full_customer())).await.unwrap().into_inner().customer.unwrap();
    app.recover_after(Duration::from_secs(5)).await;
    assert_eq!(get(&client, &customer.id).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(client.event_types(&customer.id).await, ["operation.in_doubt", "customer.creation_failed"]);
    let replayed = refused(client.create_customer(keyed("jane", full_customer())).await);
    assert_eq!(replayed.reason, "UPSTREAM_REJECTED");
    created(&client, full_customer()).await;
}

/// A change that names nothing yet.
fn change(id: &str) -> pb::UpdateCustomerRequest {
    pb::UpdateCustomerRequest { id: id.to_owned(), ..Default::default() }
}

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

async fn the_fields_that_a_mask_names_change_and_one_event_says_so(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let before = created(&client, full_customer()).await;
    app.clock.advance(Duration::from_secs(60));
    let request = pb::UpdateCustomerRequest {
        email: "ignored@example.com".to_owned(),
        name: "Jane Roe".to_owned(),
        update_mask: mask(&["name", "phone", "address"]),
        ..change(&before.id)
    };
    let changed = updated(&client, request.clone()).await.unwrap();
    let expected = pb::Customer {
        name: "Jane Roe".to_owned(),
        phone: String::new(),
        address: None,
        updated_at: changed.updated_at,
        revision: before.revision + 1,
        ..before.clone()
    };
    assert!(changed == expected, "another field has changed, or a named one has not");
    assert_eq!(changed.updated_at.unwrap().seconds, before.updated_at.unwrap().seconds + 60);
    assert!(get(&client, &before.id).await.unwrap() == changed);
    assert_eq!(client.event_types(&before.id).await, ["customer.created", "customer.updated"]);

    assert!(updated(&client, request).await.unwrap() == changed, "the same values again change nothing");
    assert_eq!(client.event_types(&before.id).await.len(), 2);
    let everything = pb::UpdateCustomerRequest {
        email: "roe@example.com".to_owned(),
        update_mask: mask(&["*"]),
        ..change(&before.id)
    };
    let bare = updated(&client, everything).await.unwrap();
    assert_eq!((bare.email.as_str(), bare.name.as_str(), bare.metadata.len()), ("roe@example.com", "", 0));
    assert_eq!(bare.reference_id, before.reference_id);
    assert_eq!(app.sandbox.request_count("POST", "/v1/customers"), 1, "Corefy is sent nothing");
}

async fn without_a_mask_the_fields_that_are_not_empty_change(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let before = created(&client, full_customer()).await;
    let request = pb::UpdateCustomerRequest { phone: "+44 20 7946 0000".to_owned(), ..change(&before.id) };
    let changed = updated(&client, request).await.unwrap();
    assert_eq!(
        (changed.phone.as_str(), &changed.email, &changed.address),
        ("+44 20 7946 0000", &before.email, &before.address)
    );
    assert!(updated(&client, change(&before.id)).await.unwrap() == changed, "nothing is named, and nothing changes");
}

async fn a_change_that_is_based_on_an_older_revision_changes_nothing(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let read = created(&client, full_customer()).await;
    let based = |name: &str| pb::UpdateCustomerRequest {
        name: name.to_owned(),
        expected_revision: Some(read.revision),
        ..change(&read.id)
    };
    let first = updated(&client, based("Jane Roe")).await.unwrap();
    let refusal = refused(updated(&client, based("Joan Doe")).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Aborted, "REVISION_STALE"));
    assert_eq!((&refusal.facts["resource_id"], &refusal.facts["revision"]), (&read.id, &first.revision.to_string()));
    assert!(refusal.retry_after.is_none(), "a client that repeats by itself must not repeat this");
    assert!(get(&client, &read.id).await.unwrap() == first);
}

async fn a_change_that_is_repeated_under_its_key_is_made_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let before = created(&client, full_customer()).await;
    let request = pb::UpdateCustomerRequest {
        name: "Jane Roe".to_owned(),
        expected_revision: Some(before.revision),
        ..change(&before.id)
    };
    let first = client.update_customer(keyed("rename", request.clone())).await.unwrap().into_inner();
    let later = pb::UpdateCustomerRequest { name: "Joan Doe".to_owned(), ..change(&before.id) };
    updated(&client, later).await.unwrap();
    let again = client.update_customer(keyed("rename", request.clone())).await.unwrap();
    assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
    assert!(again.into_inner() == first, "the answer is that of the first call");
    assert_eq!(get(&client, &before.id).await.unwrap().name, "Joan Doe");
    let other = pb::UpdateCustomerRequest { name: "Jill Doe".to_owned(), ..request };
    assert_eq!(refused(client.update_customer(keyed("rename", other)).await).reason, "IDEMPOTENCY_KEY_REUSED");
}

async fn changes_of_many_callers_at_once_are_all_kept(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let before = created(&client, full_customer()).await;
    let rename = |name: String| {
        let (client, request) = (&client, pb::UpdateCustomerRequest { name, ..change(&before.id) });
        async move { updated(client, request).await.unwrap() }
    };
    let call = pb::UpdateCustomerRequest { phone: "+1 415 555 0000".to_owned(), ..change(&before.id) };
    let (_, _, _, called) = tokio::join!(
        rename("Jane One".to_owned()),
        rename("Jane Two".to_owned()),
        rename("Jane Three".to_owned()),
        updated(&client, call)
    );
    called.unwrap();
    let after = get(&client, &before.id).await.unwrap();
    assert_eq!((after.revision, after.phone.as_str()), (before.revision + 4, "+1 415 555 0000"));
    assert!(after.name.starts_with("Jane T") || after.name == "Jane One");
    assert_eq!(client.event_types(&before.id).await.len(), 5);
}

async fn a_change_that_cannot_be_made_names_every_wrong_field(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = created(&client, full_customer()).await;
    let wrong = pb::UpdateCustomerRequest {
        id: "jane".to_owned(),
        phone: "none".to_owned(),
        address: Some(pb::Address { country: "us".to_owned(), ..Default::default() }),
        update_mask: mask(&["email", "phone", "address", "reference_id", "nickname", "address.city"]),
        expected_revision: Some(0),
        ..Default::default()
    };
    let told = wrong_fields(updated(&client, wrong).await);
    let mut expected = ["update_mask.paths[3]", "update_mask.paths[4]", "update_mask.paths[5]"].to_vec();
    expected.extend(["id", "email", "phone", "address.country", "expected_revision"]);
    assert_eq!(BTreeSet::from_iter(told.iter().map(String::as_str)), BTreeSet::from_iter(expected));
    let many = pb::UpdateCustomerRequest { update_mask: mask(&["name"; 21]), ..change(&customer.id) };
    assert_eq!(wrong_fields(updated(&client, many).await), ["update_mask.paths"]);

    let unknown = customer.id.replace(&customer.id[customer.id.len() - 4..], "0000");
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    for refusal in
        [refused(updated(&client, change(&unknown)).await), refused(updated(&other, change(&customer.id)).await)]
    {
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    }
    app.sandbox.faults().fail_next(1, "POST", "/v1/customers", Fault::HttpAfterExecute(500));
    let open = created(&client, new_customer()).await;
    assert_eq!(refused(updated(&client, change(&open.id)).await).reason, "CUSTOMER_NOT_READY");
    assert!(get(&client, &customer.id).await.unwrap() == customer);
}

async fn what_was_changed_here_stays_until_it_changes_at_corefy(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let before = created(&client, full_customer()).await;
    let request = pb::UpdateCustomerRequest { name: "Jane Roe".to_owned(), ..change(&before.id) };
    updated(&client, request).await.unwrap();
    let notify = async |event: &str| {
        let body = json!({"event_type": "customer.updated", "event_id": event, "customer_id": before.upstream_id});
        assert_eq!(app.sandbox.send_webhook(body.to_string(), None).await.unwrap(), 200);
        app.process_webhooks().await;
        get(&client, &before.id).await.unwrap()
    };
    assert_eq!(notify("evt_1").await.name, "Jane Roe", "Corefy shows the name that it was given at the creation");
    app.sandbox.change_customer(&before.upstream_id, "roe@example.com", &before.name).unwrap();
    let moved = notify("evt_2").await;
    assert_eq!((moved.email.as_str(), moved.name.as_str()), ("roe@example.com", "Jane Roe"));
    app.sandbox.change_customer(&before.upstream_id, "roe@example.com", "J. Doe").unwrap();
    assert_eq!(notify("evt_3").await.name, "J. Doe");
}

async fn updated(client: &Client, request: pb::UpdateCustomerRequest) -> Result<pb::Customer, Status> {
    Ok(client.update_customer(request).await?.into_inner().customer.unwrap())
}

async fn created(client: &Client, request: pb::CreateCustomerRequest) -> pb::Customer {
    client.create_customer(request).await.unwrap().into_inner().customer.unwrap()
}

async fn get(client: &Client, id: &str) -> Result<pb::Customer, Status> {
    let response = client.get_customer(pb::GetCustomerRequest { id: id.to_owned() }).await?;
    Ok(response.into_inner().customer.unwrap())
}

async fn listed(client: &Client, request: pb::ListCustomersRequest) -> pb::ListCustomersResponse {
    client.list_customers(request).await.unwrap().into_inner()
}
