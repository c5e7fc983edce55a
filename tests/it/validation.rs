//! What requests may look like: each field's rule, and that everything wrong is told at once.

use std::collections::{BTreeMap, BTreeSet};

use corefy_gateway::pb::{self, confirm_payment_intent_request::Source};
use prost_reflect::{Kind, MessageDescriptor};
use tonic::Status;

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client, card, confirmation, keyed, new_intent},
    contract::descriptors,
    database::TestDatabase,
    refusal::wrong_fields,
    requests::{card_to_save, confirmation_by, full_customer},
};

crate::on_both!(
    every_wrong_field_of_a_request_is_named_at_once,
    every_wrong_field_of_a_list_is_named_at_once,
    an_intent_s_fields_follow_their_rules,
    a_card_s_fields_follow_their_rules,
    an_authentication_s_and_a_browser_s_fields_follow_their_rules,
    a_refund_s_fields_follow_their_rules,
    a_customer_s_fields_follow_their_rules,
    a_payment_method_s_fields_follow_their_rules,
    an_id_of_another_kind_is_refused_wherever_an_id_stands,
);

/// A text that no field takes: too long, and with a control character.
fn wrong() -> String {
    "\n".repeat(3_000)
}

fn wrong_map() -> BTreeMap<String, String> {
    [(String::new(), String::new())].into()
}

async fn every_wrong_field_of_a_request_is_named_at_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = pb::CreatePaymentIntentRequest {
        amount: wrong(),
        currency: wrong(),
        payment_method: wrong(),
        customer_id: wrong(),
        customer_email: wrong(),
        customer_name: wrong(),
        customer_phone: wrong(),
        description: wrong(),
        reference_id: wrong(),
        return_url: wrong(),
        failure_url: wrong(),
        billing_address: Some(wrong_address()),
        metadata: wrong_map(),
    };
    let told = wrong_fields(client.create_payment_intent(keyed("two words", intent)).await);
    assert_all_named(&told, "CreatePaymentIntentRequest", &["idempotency-key"]);

    let told = wrong_fields(client.confirm_payment_intent(keyed("two words", wrong_confirmation())).await);
    assert_all_named(&told, "ConfirmPaymentIntentRequest", &["idempotency-key"]);

    let told = wrong_fields(client.cancel_payment_intent(keyed("", pb::CancelPaymentIntentRequest::default())).await);
    assert_all_named(&told, "CancelPaymentIntentRequest", &["idempotency-key"]);

    let refund = pb::CreateRefundRequest {
        payment_id: wrong(),
        amount: wrong(),
        reason: wrong(),
        reference_id: wrong(),
        metadata: wrong_map(),
    };
    let told = wrong_fields(client.create_refund(keyed("two words", refund)).await);
    assert_all_named(&told, "CreateRefundRequest", &["idempotency-key"]);

    let customer = pb::CreateCustomerRequest {
        email: wrong(),
        name: wrong(),
        phone: wrong(),
        address: Some(wrong_address()),
        reference_id: wrong(),
        metadata: wrong_map(),
    };
    let told = wrong_fields(client.create_customer(keyed("two words", customer)).await);
    assert_all_named(&told, "CreateCustomerRequest", &["idempotency-key"]);

    let method = pb::CreatePaymentMethodRequest {
        customer_id: wrong(),
        r#type: wrong(),
        card: Some(pb::CardToSave { number: wrong(), expiry_month: 13, expiry_year: 26, holder_name: wrong() }),
        data: wrong_map(),
    };
    let told = wrong_fields(client.create_payment_method(keyed("two words", method)).await);
    assert_all_named(&told, "CreatePaymentMethodRequest", &["idempotency-key", "card"]);
    assert!(app.sandbox.requests().is_empty());
}

async fn every_wrong_field_of_a_list_is_named_at_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let no_time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    let intents = pb::ListPaymentIntentsRequest {
        state: 99,
        customer_id: wrong(),
        reference_id: wrong(),
        created_from: no_time,
        created_before: no_time,
        page_size: -1,
        page_token: wrong(),
    };
    assert_all_named(&wrong_fields(client.intents(intents).await), "ListPaymentIntentsRequest", &[]);
    let refunds = pb::ListRefundsRequest { payment_id: wrong(), page_size: -1, page_token: wrong() };
    assert_all_named(&wrong_fields(client.list_refunds(refunds).await), "ListRefundsRequest", &[]);
    let customers = pb::ListCustomersRequest { reference_id: wrong(), page_size: -1, page_token: wrong() };
    assert_all_named(&wrong_fields(client.list_customers(customers).await), "ListCustomersRequest", &[]);
    let methods = pb::ListPaymentMethodsRequest { customer_id: wrong(), page_size: -1, page_token: wrong() };
    assert_all_named(&wrong_fields(client.list_payment_methods(methods).await), "ListPaymentMethodsRequest", &[]);
    let supported = pb::ListSupportedPaymentMethodsRequest { currency: wrong() };
    let told = wrong_fields(client.list_supported_payment_methods(supported).await);
    assert_all_named(&told, "ListSupportedPaymentMethodsRequest", &[]);
    let events = pb::ListEventsRequest {
        after_event_id: wrong(),
        types: vec![String::new(); 21],
        object_id: wrong(),
        page_size: -1,
        page_token: wrong(),
    };
    assert_all_named(&wrong_fields(client.events(events).await), "ListEventsRequest", &[]);
}

fn wrong_address() -> pb::Address {
    pb::Address {
        first_name: wrong(),
        last_name: wrong(),
        line1: wrong(),
        line2: wrong(),
        city: wrong(),
        state: wrong(),
        postal_code: wrong(),
        country: wrong(),
    }
}

fn wrong_confirmation() -> pb::ConfirmPaymentIntentRequest {
    let source = pb::Card { number: wrong(), expiry_month: 13, expiry_year: 26, cvv: wrong(), holder_name: wrong() };
    pb::ConfirmPaymentIntentRequest {
        payment_intent_id: wrong(),
        source: Some(Source::Card(source)),
        three_d_secure: Some(pb::ThreeDSecure { version: wrong(), eci: wrong(), cavv: wrong(), xid: wrong() }),
        browser_info: Some(pb::BrowserInfo {
            ip: wrong(),
            user_agent: wrong(),
            accept_header: wrong(),
            language: wrong(),
            color_depth: -1,
            screen_height: -1,
            screen_width: -1,
            window_height: -1,
            window_width: -1,
            timezone_offset_minutes: 841,
            java_enabled: true,
        }),
    }
}

/// Whether exactly the fields that `request` has in the protos were named, and the `others`.
fn assert_all_named(told: &[String], request: &str, others: &[&str]) {
    let message = descriptors().get_message_by_name(&format!("corefy.gateway.v1.{request}")).unwrap();
    let mut expected = BTreeSet::new();
    add_paths(&message, "", &mut expected);
    expected.extend(others.iter().map(|&other| other.to_owned()));
    // A whole field stands for its entries.
    let told: BTreeSet<_> = told.iter().cloned().collect();
    assert_eq!(told, expected, "{request}");
}

/// Adds the paths of the fields that can be wrong. Of a oneof, that is its first.
fn add_paths(message: &MessageDescriptor, prefix: &str, paths: &mut BTreeSet<String>) {
    for field in message.fields() {
        let is_other_choice =
            field.containing_oneof().is_some_and(|oneof| oneof.fields().next() != Some(field.clone()));
        let path = format!("{prefix}{}", field.name());
        match field.kind() {
            _ if is_other_choice => {}
            Kind::Bool => {}
            Kind::Message(inner) if !field.is_map() && inner.package_name() == "corefy.gateway.v1" => {
                add_paths(&inner, &format!("{path}."), paths);
            }
            _ => drop(paths.insert(path)),
        }
    }
}

/// One field's rule by examples.
struct Rule<R> {
    field: &'static str,
    set: fn(&mut R, String),
    fits: Vec<String>,
    does_not: Vec<String>,
}

fn rule<R>(field: &'static str, set: fn(&mut R, String), fits: &[&str], does_not: &[&str]) -> Rule<R> {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Rule { field, set, fits: owned(fits), does_not: owned(does_not) }
}

/// The rule of a text of at most `max` characters, of any script but without control characters.
fn bounded<R>(field: &'static str, set: fn(&mut R, String), max: usize) -> Rule<R> {
    let (longest, too_long) = ("ü".repeat(max), "ü".repeat(max + 1));
    rule(field, set, &[&longest], &[&too_long, "a\nb", "a\0b", "\u{7f}", "\u{85}"])
}

/// Sends `base` with each example in its field.
async fn judge<R: Clone>(base: R, rules: Vec<Rule<R>>, send: impl AsyncFn(R) -> Result<(), Status>) {
    for Rule { field, set, fits, does_not } in rules {
        let with = |text: &String| {
            let mut request = base.clone();
            set(&mut request, text.clone());
            request
        };
        for text in &fits {
            send(with(text)).await.unwrap_or_else(|status| panic!("{field} {text:?}: {status:?}"));
        }
        for text in &does_not {
            assert_eq!(wrong_fields(send(with(text)).await), [field], "{text:?}");
        }
    }
}

async fn an_intent_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::CreatePaymentIntentRequest;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let urls =
        ["https://shop.example/a?b=c#d", "http://127.0.0.1:8080", &format!("https://e.example/{}", "u".repeat(2030))];
    let no_urls = ["shop.example", "ftp://shop.example", "https://", "https://a b.example", "javascript:alert(1)"];
    let rules = vec![
        rule("amount", |r: &mut R, v| r.amount = v, &["1", "0.01", "1000000.00", "1.10"], &AMOUNTS),
        rule("currency", |r, v| r.currency = v, &["EUR"], &["", "usd", "USX", "US", "USDD", "840"]),
        rule(
            "payment_method",
            |r, v| r.payment_method = v,
            &["", "card", "apple_pay"],
            &["Card", "a-b", &"c".repeat(51)],
        ),
        rule("customer_email", |r, v| r.customer_email = v, &EMAILS, &NO_EMAILS),
        rule("customer_phone", |r, v| r.customer_phone = v, &PHONES, &NO_PHONES),
        bounded("customer_name", |r, v| r.customer_name = v, 100),
        bounded("description", |r, v| r.description = v, 255),
        bounded("reference_id", |r, v| r.reference_id = v, 100),
        rule("return_url", |r, v| r.return_url = v, &urls, &no_urls),
        rule("failure_url", |r, v| r.failure_url = v, &urls, &no_urls),
        rule("billing_address.country", |r, v| at(&mut r.billing_address).country = v, &["", "DE"], &NO_COUNTRIES),
        bounded("billing_address.first_name", |r, v| at(&mut r.billing_address).first_name = v, 50),
        bounded("billing_address.last_name", |r, v| at(&mut r.billing_address).last_name = v, 50),
        bounded("billing_address.line1", |r, v| at(&mut r.billing_address).line1 = v, 100),
        bounded("billing_address.postal_code", |r, v| at(&mut r.billing_address).postal_code = v, 20),
        rule(
            "metadata",
            |r, v| drop(r.metadata.insert(v, String::new())),
            &["k", &"ü".repeat(40)],
            &["", &"k".repeat(41), "a\nb"],
        ),
        bounded("metadata[\"key\"]", |r, v| drop(r.metadata.insert("key".to_owned(), v)), 500),
    ];
    judge(new_intent("10.00"), rules, async |request| client.create_payment_intent(request).await.map(|_| ())).await;

    let many = |count: usize| (0..count).map(|number| (number.to_string(), String::new())).collect();
    client.create_payment_intent(R { metadata: many(20), ..new_intent("1.00") }).await.unwrap();
    let refused = client.create_payment_intent(R { metadata: many(21), ..new_intent("1.00") }).await;
    assert_eq!(wrong_fields(refused), ["metadata"]);
    let nobody = R { customer_email: String::new(), ..new_intent("1.00") };
    assert_eq!(wrong_fields(client.create_payment_intent(nobody).await), ["customer_id"]);
}

const AMOUNTS: [&str; 14] =
    ["", "0", "0.00", "-1", "+1", "1.001", "1000000.01", "1,5", "1e3", " 1", ".5", "1.", "NaN", "0x10"];
const EMAILS: [&str; 3] = ["jane@example.com", "jane.doe+tag@mail.example.co.uk", "o'neil@example.com"];
const NO_EMAILS: [&str; 6] =
    ["jane", "jane@", "@example.com", "jane@localhost", "Jane <jane@example.com>", "a b@example.com"];
const PHONES: [&str; 3] = ["", "+1 (415) 555-2671", "415.555.2671"];
const NO_PHONES: [&str; 4] = ["call me", "+-+", "555x123", "123456789012345678901"];
const NO_COUNTRIES: [&str; 4] = ["de", "DEU", "XX", "Germany"];

fn at(address: &mut Option<pb::Address>) -> &mut pb::Address {
    address.get_or_insert_default()
}

async fn a_card_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::Card;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let numbers = [APPROVED, "4111-1111 1111-1111", "378282246310005", "6304000000000000"];
    let no_numbers =
        ["", "4111111111111112", "41111111111", "41111111111111111111", "4111x11111111111", "4111\n111111111111"];
    let rules = vec![
        rule("card.number", |r: &mut R, v| r.number = v, &numbers, &no_numbers),
        rule("card.cvv", |r, v| r.cvv = v, &["123", "1234"], &["", "12", "12345", "12a", "1 3"]),
        rule("card.expiry_month", |r, v| r.expiry_month = v.parse().unwrap(), &["1", "12"], &["0", "13", "-1"]),
        // The clock of the tests says November 2026.
        rule(
            "card.expiry_month",
            |r, v| (r.expiry_year, r.expiry_month) = (2026, v.parse().unwrap()),
            &["11"],
            &["10", "1"],
        ),
        rule(
            "card.expiry_year",
            |r, v| r.expiry_year = v.parse().unwrap(),
            &["2026", "9999"],
            &["0", "26", "2025", "10000"],
        ),
        bounded("card.holder_name", |r, v| r.holder_name = v, 100),
    ];
    judge(card(APPROVED), rules, async |card| {
        let intent = client.intent("1.00").await;
        let request =
            pb::ConfirmPaymentIntentRequest { source: Some(Source::Card(card)), ..confirmation(&intent.id, "") };
        client.confirm_payment_intent(request).await.map(|_| ())
    })
    .await;
}

async fn an_authentication_s_and_a_browser_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::ConfirmPaymentIntentRequest;
    fn secure(request: &mut R) -> &mut pb::ThreeDSecure {
        request.three_d_secure.get_or_insert_default()
    }
    fn browser(request: &mut R) -> &mut pb::BrowserInfo {
        request.browser_info.get_or_insert_default()
    }
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let pixels = (&["0", "100000"], &["-1", "100001"]);
    let offset: fn(&mut R, String) = |r, v| browser(r).timezone_offset_minutes = v.parse().unwrap();
    let rules = vec![
        rule("three_d_secure.eci", |r: &mut R, v| secure(r).eci = v, &["", "05"], &["5", "055", "0a"]),
        rule("three_d_secure.cavv", |r, v| secure(r).cavv = v, &["", "AAAB"], &["?", "AAA", &"A".repeat(68)]),
        bounded("three_d_secure.version", |r, v| secure(r).version = v, 10),
        bounded("three_d_secure.xid", |r, v| secure(r).xid = v, 64),
        rule("browser_info.ip", |r, v| browser(r).ip = v, &["", "10.0.0.1", "2001:db8::1"], &["10.0.0", "::g", "host"]),
        rule(
            "browser_info.language",
            |r, v| browser(r).language = v,
            &["", "en", "en-US", "zh-Hant-TW"],
            &["en_US", "e n", "-"],
        ),
        bounded("browser_info.user_agent", |r, v| browser(r).user_agent = v, 2048),
        bounded("browser_info.accept_header", |r, v| browser(r).accept_header = v, 2048),
        rule(
            "browser_info.color_depth",
            |r, v| browser(r).color_depth = v.parse().unwrap(),
            &["0", "48"],
            &["-1", "49"],
        ),
        rule("browser_info.screen_height", |r, v| browser(r).screen_height = v.parse().unwrap(), pixels.0, pixels.1),
        rule("browser_info.screen_width", |r, v| browser(r).screen_width = v.parse().unwrap(), pixels.0, pixels.1),
        rule("browser_info.window_height", |r, v| browser(r).window_height = v.parse().unwrap(), pixels.0, pixels.1),
        rule("browser_info.window_width", |r, v| browser(r).window_width = v.parse().unwrap(), pixels.0, pixels.1),
        rule("browser_info.timezone_offset_minutes", offset, &["-840", "840"], &["-841", "841"]),
    ];
    judge(confirmation("", APPROVED), rules, async |mut request| {
        request.payment_intent_id = client.intent("1.00").await.id;
        client.confirm_payment_intent(request).await.map(|_| ())
    })
    .await;
    let intent = client.intent("1.00").await;
    let nothing = R { source: None, ..confirmation(&intent.id, APPROVED) };
    assert_eq!(wrong_fields(client.confirm_payment_intent(nothing).await), ["card"]);
}

async fn a_refund_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::CreateRefundRequest;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("100.00").await;
    let base = R { payment_id: paid.id, amount: "0.01".to_owned(), ..Default::default() };
    let rules = vec![
        rule("amount", |r: &mut R, v| r.amount = v, &["1", "0.01"], &["0", "-1", "1.001", "all", "1,5", "1e3", " 1"]),
        bounded("reason", |r, v| r.reason = v, 255),
        bounded("reference_id", |r, v| r.reference_id = v, 100),
        bounded("metadata[\"key\"]", |r, v| drop(r.metadata.insert("key".to_owned(), v)), 500),
    ];
    judge(base, rules, async |request| client.create_refund(request).await.map(|_| ())).await;
}

async fn a_customer_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::CreateCustomerRequest;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let emails = [&NO_EMAILS[..], &[""]].concat();
    let rules = vec![
        rule("email", |r: &mut R, v| r.email = v, &EMAILS, &emails),
        rule("phone", |r, v| r.phone = v, &PHONES, &NO_PHONES),
        bounded("name", |r, v| r.name = v, 100),
        bounded("reference_id", |r, v| r.reference_id = v, 100),
        rule("address.country", |r, v| at(&mut r.address).country = v, &["", "DE"], &NO_COUNTRIES),
        bounded("address.line2", |r, v| at(&mut r.address).line2 = v, 100),
        bounded("address.city", |r, v| at(&mut r.address).city = v, 50),
        bounded("address.state", |r, v| at(&mut r.address).state = v, 50),
        bounded("address.postal_code", |r, v| at(&mut r.address).postal_code = v, 20),
        bounded("metadata[\"key\"]", |r, v| drop(r.metadata.insert("key".to_owned(), v)), 500),
    ];
    let base = R { reference_id: String::new(), ..full_customer() };
    judge(base, rules, async |request| client.create_customer(request).await.map(|_| ())).await;
}

async fn a_payment_method_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::CreatePaymentMethodRequest;
    fn card(request: &mut R) -> &mut pb::CardToSave {
        request.card.get_or_insert_default()
    }
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let send = async |request| client.create_payment_method(request).await.map(|_| ());
    let base = card_to_save(&client.customer("jane@example.com").await);
    let rules = vec![
        rule("type", |r: &mut R, v| r.r#type = v, &["", "card"], &["paypal"]),
        rule("card.number", |r, v| card(r).number = v, &["4111 1111 1111 1111"], &["", "4111111111111112"]),
        rule("card.expiry_month", |r, v| card(r).expiry_month = v.parse().unwrap(), &["1"], &["0", "13"]),
        rule("card.expiry_year", |r, v| card(r).expiry_year = v.parse().unwrap(), &["2026"], &["2025", "40"]),
        bounded("card.holder_name", |r, v| card(r).holder_name = v, 100),
    ];
    judge(base.clone(), rules, send).await;

    let wallet = R { r#type: "paypal".to_owned(), card: None, ..base.clone() };
    let rules = vec![
        rule("data", |r: &mut R, v| drop(r.data.insert(v, String::new())), &["account"], &["", &"k".repeat(41)]),
        bounded("data[\"account\"]", |r, v| drop(r.data.insert("account".to_owned(), v)), 500),
        rule(
            "type",
            |r, v| (r.r#type, _) = (v, r.data.insert("a".to_owned(), "b".to_owned())),
            &["paypal"],
            &["", "card"],
        ),
    ];
    judge(wallet.clone(), rules, send).await;
    assert_eq!(wrong_fields(send(wallet).await), ["card"]);
    let both = R { data: [("a".to_owned(), "b".to_owned())].into(), ..base };
    assert_eq!(wrong_fields(send(both).await), ["card"]);
}

async fn an_id_of_another_kind_is_refused_wherever_an_id_stands(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let method = client.saved_card(&customer).await.id;
    let paid = client.paid_intent("10.00").await;
    let refund = client.refund(&paid.id, "1.00").await.unwrap().id;
    let ids = [customer, method, paid.id, paid.payment_id, refund];
    let fields: [(&str, &[&str]); 11] = [
        ("GetPaymentIntent", &["pi_", "pay_"]),
        ("CancelPaymentIntent", &["pi_", "pay_"]),
        ("ConfirmPaymentIntent", &["pi_", "pay_"]),
        ("CreateRefund", &["pi_", "pay_"]),
        ("ListRefunds", &["pi_", "pay_"]),
        ("GetRefund", &["re_"]),
        ("GetCustomer", &["cus_"]),
        ("CreatePaymentIntent", &["cus_"]),
        ("ListPaymentMethods", &["cus_"]),
        ("GetPaymentMethod", &["pm_"]),
        ("ConfirmBySavedMethod", &["pm_"]),
    ];
    for (call, takes) in fields {
        for id in ids.iter().filter(|id| !takes.iter().any(|prefix| id.starts_with(prefix))) {
            let fields = wrong_fields(call_with_id(&client, call, id).await);
            assert_eq!(fields.len(), 1, "{call} {id}: {fields:?}");
            assert!(fields[0].ends_with("id"), "{call}: {fields:?}");
        }
    }
}

async fn call_with_id(client: &Client, call: &str, id: &str) -> Result<(), Status> {
    let id = id.to_owned();
    match call {
        "GetPaymentIntent" => client.get_payment_intent(pb::GetPaymentIntentRequest { id }).await.map(|_| ()),
        "CancelPaymentIntent" => client.cancel(&id).await.map(|_| ()),
        "ConfirmPaymentIntent" => client.confirm(&id, APPROVED).await.map(|_| ()),
        "CreateRefund" => client.refund(&id, "1.00").await.map(|_| ()),
        "GetRefund" => client.get_refund(pb::GetRefundRequest { id }).await.map(|_| ()),
        "GetCustomer" => client.get_customer(pb::GetCustomerRequest { id }).await.map(|_| ()),
        "GetPaymentMethod" => client.get_payment_method(pb::GetPaymentMethodRequest { id }).await.map(|_| ()),
        "ListRefunds" => {
            let request = pb::ListRefundsRequest { payment_id: id, ..Default::default() };
            client.list_refunds(request).await.map(|_| ())
        }
        "ListPaymentMethods" => {
            let request = pb::ListPaymentMethodsRequest { customer_id: id, ..Default::default() };
            client.list_payment_methods(request).await.map(|_| ())
        }
        "CreatePaymentIntent" => {
            let request = pb::CreatePaymentIntentRequest { customer_id: id, ..new_intent("1.00") };
            client.create_payment_intent(request).await.map(|_| ())
        }
        _ => {
            let intent = client.intent("1.00").await;
            client.confirm_payment_intent(confirmation_by(&intent.id, &id)).await.map(|_| ())
        }
    }
}
