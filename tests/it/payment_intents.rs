//! PaymentIntentService, call by call.

use std::time::Duration;

use corefy_gateway::{
    domain::money::Currency,
    pb::{self, PaymentIntentState as State},
    sandbox::faults::Fault,
};
use prost_types::Timestamp;
use tonic::Code;

use crate::support::{
    app::{START, TestApp},
    client::{APPROVED, Client, new_intent},
    database::TestDatabase,
    refusal::{facts, refused, wrong_fields},
    requests::full_intent,
};

crate::on_both!(
    an_intent_comes_back_as_it_was_given,
    amounts_have_the_decimals_of_their_currency,
    an_intent_is_found_by_either_of_its_ids,
    a_reference_is_taken_for_ever_and_only_by_objects_of_its_kind,
    a_reference_of_an_intent_that_was_refused_is_free_again,
    intents_are_listed_newest_first_page_by_page,
    a_page_token_is_good_only_for_its_own_list,
    page_sizes_are_bounded,
    a_page_that_would_not_fit_into_an_answer_is_shorter,
    intents_are_filtered_by_everything_that_is_given,
    a_currency_that_the_operator_does_not_accept_is_refused,
    a_creation_whose_answer_is_lost_is_an_answer_and_found_later,
);

async fn an_intent_comes_back_as_it_was_given(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let given = pb::CreatePaymentIntentRequest { customer_id, ..full_intent() };
    let created = client.created(given.clone()).await;

    assert!(created.id.starts_with("pi_") && created.upstream_id.starts_with("in_"), "{}", created.upstream_id);
    assert_eq!(created.payment_id, created.id.replacen("pi_", "pay_", 1));
    assert_eq!(created.state(), State::RequiresConfirmation);
    assert_eq!((created.amount.as_str(), created.amount_received.as_str()), ("100.00", "0.00"));
    assert_eq!(created.amount_refunded, "0.00");
    let back = pb::CreatePaymentIntentRequest {
        amount: given.amount.clone(),
        currency: created.currency.clone(),
        payment_method_type: created.payment_method_type.clone(),
        customer_id: created.customer_id.clone(),
        customer_email: created.customer_email.clone(),
        customer_name: created.customer_name.clone(),
        customer_phone: created.customer_phone.clone(),
        description: created.description.clone(),
        reference_id: created.reference_id.clone(),
        return_url: created.return_url.clone(),
        failure_url: created.failure_url.clone(),
        billing_address: created.billing_address.clone(),
        metadata: created.metadata.clone(),
    };
    assert!(back == given, "a field came back changed");
    assert!(created.next_action.is_none() && created.last_payment_error.is_none());
    let start = Timestamp { seconds: START.seconds(), nanos: 0 };
    assert_eq!((created.created_at, created.updated_at), (Some(start), Some(start)));
    assert!(client.get(&created.id).await == created);
    assert!(listed(&client, pb::ListPaymentIntentsRequest::default()).await == [created]);
}

async fn amounts_have_the_decimals_of_their_currency(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let in_currency = |amount: &str, currency: &str| pb::CreatePaymentIntentRequest {
        currency: currency.to_owned(),
        ..new_intent(amount)
    };
    for (currency, given, shown, none) in [
        ("USD", "100", "100.00", "0.00"),
        ("USD", "0.01", "0.01", "0.00"),
        ("USD", "1000000", "1000000.00", "0.00"),
        ("JPY", "100", "100", "0"),
        ("KWD", "1.234", "1.234", "0.000"),
        ("KWD", "1.5", "1.500", "0.000"),
    ] {
        let intent = client.created(in_currency(given, currency)).await;
        assert_eq!((intent.amount.as_str(), intent.amount_received.as_str()), (shown, none), "{given} {currency}");
        let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
        assert_eq!((paid.amount_received.as_str(), paid.amount_refunded.as_str()), (shown, none));
        let refund = client.refund(&intent.id, "").await.unwrap();
        assert_eq!((refund.amount.as_str(), refund.currency.as_str()), (shown, currency));
        assert_eq!(client.get(&intent.id).await.amount_refunded, shown);
    }
    for (currency, amount) in [("USD", "1.001"), ("JPY", "1.0"), ("KWD", "1.2345"), ("USD", "0"), ("USD", "1000000.01")]
    {
        let refusal = client.create_payment_intent(in_currency(amount, currency)).await;
        assert_eq!(wrong_fields(refusal), ["amount"], "{amount} {currency}");
    }
}

async fn an_intent_is_found_by_either_of_its_ids(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    assert!(client.get(&intent.payment_id).await == intent);
    let unknown = intent.id.replace(&intent.id[intent.id.len() - 4..], "0000");
    let refusal = refused(client.get_payment_intent(pb::GetPaymentIntentRequest { id: unknown.clone() }).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    assert_eq!(refusal.facts["resource_id"], unknown);
    let paid = client.confirm(&intent.payment_id, APPROVED).await.unwrap();
    assert_eq!((paid.id, paid.state), (intent.id, State::Succeeded.into()));
}

async fn a_reference_is_taken_for_ever_and_only_by_objects_of_its_kind(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let first = client.created(full_intent()).await;
    client.cancel(&first.id).await.unwrap();
    app.clock.advance(Duration::from_secs(365 * 24 * 3600));
    let refusal = refused(client.create_payment_intent(full_intent()).await);
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::AlreadyExists, "REFERENCE_ID_TAKEN"));
    assert_eq!(refusal.facts, facts(&[("reference_id", "order-7"), ("resource_id", &first.id)]));

    let customer = pb::CreateCustomerRequest {
        email: "jane@example.com".to_owned(),
        reference_id: "order-7".to_owned(),
        ..Default::default()
    };
    client.create_customer(customer).await.unwrap();
    let other = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    other.created(full_intent()).await;
    // Intents without one do not get in each other's way.
    assert_ne!(client.intent("1.00").await.id, client.intent("1.00").await.id);
}

async fn a_reference_of_an_intent_that_was_refused_is_free_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents", Fault::Http(400));
    assert_eq!(refused(client.create_payment_intent(full_intent()).await).reason, "UPSTREAM_REJECTED");
    assert_eq!(client.created(full_intent()).await.reference_id, "order-7");
}

async fn intents_are_listed_newest_first_page_by_page(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(client.intent("1.00").await.id);
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut request = pb::ListPaymentIntentsRequest { page_size: 2, ..Default::default() };
    let mut sizes = Vec::new();
    loop {
        let page = client.intents(request.clone()).await.unwrap();
        sizes.push(page.payment_intents.len());
        seen.extend(page.payment_intents.into_iter().map(|intent| intent.id));
        // Objects created in between move no page.
        client.intent("2.00").await;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!((seen, sizes), (ids, vec![2, 2, 1]));
}

async fn a_page_token_is_good_only_for_its_own_list(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..3 {
        client.intent("1.00").await;
    }
    let first = pb::ListPaymentIntentsRequest { page_size: 1, ..Default::default() };
    let page_token = client.intents(first.clone()).await.unwrap().next_page_token;
    let next = pb::ListPaymentIntentsRequest { page_token: page_token.clone(), ..first };
    // The size may change from page to page; the filters may not.
    let larger = pb::ListPaymentIntentsRequest { page_size: 50, ..next.clone() };
    assert_eq!(client.intents(larger).await.unwrap().payment_intents.len(), 2);
    let others = [
        pb::ListPaymentIntentsRequest { states: vec![State::RequiresConfirmation.into()], ..next.clone() },
        pb::ListPaymentIntentsRequest { reference_id: "order-7".to_owned(), ..next.clone() },
        pb::ListPaymentIntentsRequest { created_from: Some(Timestamp::default()), ..next.clone() },
        pb::ListPaymentIntentsRequest { page_token: "nonsense".to_owned(), ..next.clone() },
        pb::ListPaymentIntentsRequest { page_token: page_token[..page_token.len() - 2].to_owned(), ..next.clone() },
        pb::ListPaymentIntentsRequest { page_token: "two words".to_owned(), ..next },
    ];
    for other in others {
        assert_eq!(wrong_fields(client.intents(other).await), ["page_token"]);
    }
    let stranger = app.client_of(|new| new.partner_name = "Umbrella".to_owned()).await;
    let stolen = pb::ListPaymentIntentsRequest { page_token: page_token.clone(), ..Default::default() };
    assert_eq!(wrong_fields(stranger.intents(stolen).await), ["page_token"]);
    let of_refunds = pb::ListRefundsRequest { page_token, ..Default::default() };
    assert_eq!(wrong_fields(client.list_refunds(of_refunds).await), ["page_token"]);
}

async fn page_sizes_are_bounded(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..21 {
        client.intent("1.00").await;
    }
    let of_size = |page_size| client.intents(pb::ListPaymentIntentsRequest { page_size, ..Default::default() });
    for (asked, given) in [(0, 20), (1, 1), (21, 21), (100, 21)] {
        let page = of_size(asked).await.unwrap();
        assert_eq!((page.payment_intents.len(), page.next_page_token.is_empty()), (given, given == 21), "{asked}");
    }
    for asked in [-1, 101, i32::MIN, i32::MAX] {
        assert_eq!(wrong_fields(of_size(asked).await), ["page_size"], "{asked}");
    }
}

async fn a_page_that_would_not_fit_into_an_answer_is_shorter(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let longest = "\u{1f600}".repeat(500);
    let large = pb::CreatePaymentIntentRequest {
        metadata: (0..20).map(|number| (number.to_string(), longest.clone())).collect(),
        description: "\u{1f600}".repeat(255),
        return_url: format!("https://shop.example/{}", "a".repeat(2000)),
        failure_url: format!("https://shop.example/{}", "a".repeat(2000)),
        ..new_intent("1.00")
    };
    for _ in 0..100 {
        client.created(large.clone()).await;
    }
    let mut request = pb::ListPaymentIntentsRequest { page_size: 100, ..Default::default() };
    // Together they have 4.5 MB, and 4 MiB fit.
    request.page_token = client.intents(request.clone()).await.unwrap().next_page_token;
    assert_ne!(request.page_token, "");
    let rest = client.intents(request).await.unwrap();
    assert_eq!((rest.payment_intents.len(), rest.next_page_token.as_str()), (50, ""));
}

async fn intents_are_filtered_by_everything_that_is_given(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer_id = client.customer("jane@example.com").await;
    let first = client.created(full_intent()).await;
    app.clock.advance(Duration::from_secs(10));
    let second = client.created(pb::CreatePaymentIntentRequest { customer_id, ..new_intent("2.00") }).await;
    client.confirm(&second.id, APPROVED).await.unwrap();
    app.clock.advance(Duration::from_secs(10));
    let third = client.intent("3.00").await;

    let at = |after: i64| Some(Timestamp { seconds: START.seconds() + after, nanos: 0 });
    let of = |states: &[State]| pb::ListPaymentIntentsRequest {
        states: states.iter().map(|state| i32::from(*state)).collect(),
        ..Default::default()
    };
    let by_reference = pb::ListPaymentIntentsRequest { reference_id: "order-7".to_owned(), ..Default::default() };
    let customer = pb::ListPaymentIntentsRequest { customer_id: second.customer_id.clone(), ..Default::default() };
    let times = |created_from, created_before| pb::ListPaymentIntentsRequest {
        created_from,
        created_before,
        ..Default::default()
    };
    let of_both = pb::ListPaymentIntentsRequest { reference_id: "order-7".to_owned(), ..customer.clone() };
    let changed = |updated_from, updated_before| pb::ListPaymentIntentsRequest {
        updated_from,
        updated_before,
        ..Default::default()
    };
    let expected: [(_, &[&str]); 10] = [
        (of(&[State::Succeeded]), &[&second.id]),
        (of(&[State::RequiresConfirmation]), &[&third.id, &first.id]),
        (of(&[State::Succeeded, State::RequiresConfirmation]), &[&third.id, &second.id, &first.id]),
        (of(&[State::Canceled]), &[]),
        (by_reference, &[&first.id]),
        (customer, &[&second.id]),
        (of_both, &[]),
        (times(at(10), None), &[&third.id, &second.id]),
        (times(None, at(10)), &[&first.id]),
        (times(at(10), at(20)), &[&second.id]),
    ];
    for (request, ids) in expected {
        let found: Vec<_> = listed(&client, request.clone()).await.into_iter().map(|intent| intent.id).collect();
        assert_eq!(found, ids, "{request:?}");
    }
    app.clock.advance(Duration::from_secs(10));
    client.cancel(&first.id).await.unwrap();
    for (request, ids) in [
        (changed(at(30), None), vec![&first.id]),
        (changed(at(10), at(30)), vec![&second.id, &third.id]),
        (changed(None, at(20)), vec![&second.id]),
    ] {
        let found = listed(&client, request.clone()).await;
        assert_eq!(found.iter().map(|intent| &intent.id).collect::<Vec<_>>(), ids, "{request:?}");
    }
    assert_eq!(wrong_fields(client.intents(changed(at(10), at(10))).await), ["updated_from"]);
    assert_eq!(wrong_fields(client.intents(times(at(10), at(10))).await), ["created_from"]);
    let no_time = Some(Timestamp { seconds: 0, nanos: -1 });
    assert_eq!(wrong_fields(client.intents(times(no_time, None)).await), ["created_from"]);
    let request = pb::ListPaymentIntentsRequest { states: vec![0, 1, 99], ..Default::default() };
    assert_eq!(wrong_fields(client.intents(request).await), ["states[0]", "states[2]"]);
}

async fn a_currency_that_the_operator_does_not_accept_is_refused(database: TestDatabase) {
    let currencies = ["EUR", "JPY"].map(|code| Currency::parse(code).unwrap());
    let app = TestApp::start_with(database, None, |config| config.currencies = currencies.to_vec()).await;
    let client = app.client().await;
    assert_eq!(wrong_fields(client.create_payment_intent(new_intent("10.00")).await), ["currency"]);
    let euros = pb::CreatePaymentIntentRequest { currency: "EUR".to_owned(), ..new_intent("10.00") };
    assert_eq!(client.created(euros).await.currency, "EUR");
}

async fn a_creation_whose_answer_is_lost_is_an_answer_and_found_later(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.faults().fail_next(1, "POST", "/v1/payment-intents", Fault::DropAfterExecute);
    let intent = client.intent("10.00").await;
    assert_eq!((intent.state(), intent.upstream_id.as_str()), (State::Processing, ""));
    assert_eq!(refused(client.confirm(&intent.id, APPROVED).await).reason, "ATTEMPT_IN_DOUBT");
    app.recover_after(Duration::from_secs(5)).await;
    let found = client.get(&intent.id).await;
    assert_eq!(found.state(), State::RequiresConfirmation);
    assert_eq!(app.sandbox.payments().len(), 1);
    assert_eq!(found.upstream_id, app.sandbox.payments()[0].id);
}

async fn listed(client: &Client, request: pb::ListPaymentIntentsRequest) -> Vec<pb::PaymentIntent> {
    client.intents(request).await.unwrap().payment_intents
}
