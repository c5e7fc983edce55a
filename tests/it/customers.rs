//! CustomerService, call by call.

use std::time::Duration;

use corefy_gateway::{pb, sandbox::faults::Fault};
use prost_types::Timestamp;
use tonic::{Code, Status};

use crate::support::{
    app::{START, TestApp},
    client::{Client, keyed, new_intent},
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
