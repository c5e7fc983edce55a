//! The rules of an intent.

use corefy_gateway::{
    domain::{
        amount_limits::AmountLimits,
        money::{Currency, Money},
    },
    pb,
};
use tonic_types::StatusExt as _;

use super::rules::{EMAILS, NO_COUNTRIES, NO_EMAILS, NO_PHONES, PHONES, at, judge, prose, reference, rule, words};
use crate::support::{app::TestApp, client::new_intent, database::TestDatabase, refusal::wrong_fields};

crate::on_both!(
    an_intent_s_fields_follow_their_rules,
    an_amount_is_limited_by_its_currency_and_the_operator,
    a_link_is_handed_on_in_ascii_and_may_lead_to_an_app_of_the_operator_s,
    a_reference_that_would_not_be_taken_any_more_can_be_searched_for,
);

async fn an_intent_s_fields_follow_their_rules(database: TestDatabase) {
    type R = pb::CreatePaymentIntentRequest;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let longest = format!("https://e.example/{}", "u".repeat(2030));
    let urls = ["https://shop.example/a?b=c#d", "http://127.0.0.1:8080", "https://käse.example/größe", &longest];
    let no_urls = [
        "shop.example",
        "ftp://shop.example",
        "https://",
        "https://a b.example",
        "javascript:alert(1)",
        "https:shop.example",
        "https:\\\\shop.example",
        "https://user@shop.example",
        "https://user:password@shop.example",
        "https://shop.example/\u{202e}gpj",
        "myapp://paid",
        &format!("{longest}u"),
    ];
    let rules = vec![
        rule("amount", |r: &mut R, v| r.amount = v, &["1", "0.01", "1000000.00", "1.10"], &AMOUNTS),
        rule("currency", |r, v| r.currency = v, &["EUR", "SLE", "XCG", "VES"], &CURRENCIES),
        rule(
            "payment_method_type",
            |r, v| r.payment_method_type = v,
            &["", "card", "apple_pay"],
            &["Card", "a-b", &"c".repeat(51)],
        ),
        rule("customer_email", |r, v| r.customer_email = v, &EMAILS, &NO_EMAILS),
        rule("customer_phone", |r, v| r.customer_phone = v, &PHONES, &NO_PHONES),
        words("customer_name", |r, v| r.customer_name = v, 100),
        prose("description", |r, v| r.description = v, 255),
        reference(|r, v| r.reference_id = v),
        rule("return_url", |r, v| r.return_url = v, &urls, &no_urls),
        rule("failure_url", |r, v| r.failure_url = v, &urls, &no_urls),
        rule(
            "billing_address.country",
            |r, v| at(&mut r.billing_address).country = v,
            &["", "DE", "XK"],
            &NO_COUNTRIES,
        ),
        words("billing_address.first_name", |r, v| at(&mut r.billing_address).first_name = v, 50),
        words("billing_address.last_name", |r, v| at(&mut r.billing_address).last_name = v, 50),
        words("billing_address.line1", |r, v| at(&mut r.billing_address).line1 = v, 100),
        words("billing_address.postal_code", |r, v| at(&mut r.billing_address).postal_code = v, 20),
        rule(
            "metadata",
            |r, v| drop(r.metadata.insert(v, String::new())),
            &["k", &"ü".repeat(40)],
            &["", &"k".repeat(41), "a\nb"],
        ),
        prose("metadata[\"key\"]", |r, v| drop(r.metadata.insert("key".to_owned(), v)), 500),
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
const CURRENCIES: [&str; 18] = [
    "", "usd", "USX", "US", "USDD", "840", "HRK", "BGN", "ZWL", "CUC", "SLL", "ANG", "XXX", "XTS", "XAU", "XDR", "CHE",
    "CLF",
];

async fn an_amount_is_limited_by_its_currency_and_the_operator(database: TestDatabase) {
    let currency = |code| Currency::parse(code).unwrap();
    let limits = AmountLimits::new([Money::parse("500.5", currency("USD")).unwrap()]);
    let app = TestApp::start_with(database, None, |config| config.amount_limits = limits).await;
    let client = app.client().await;
    let create = async |amount: &str, code: &str| {
        let request = pb::CreatePaymentIntentRequest { currency: code.to_owned(), ..new_intent(amount) };
        client.create_payment_intent(request).await.map(|answer| answer.into_inner().payment_intent.unwrap().amount)
    };
    for (amount, code, shown) in [
        ("1500000", "VND", "1500000"),
        ("100000000000", "VND", "100000000000"),
        ("26300000000.50", "IDR", "26300000000.50"),
        ("1000000000", "JPY", "1000000000"),
        ("1000000", "EUR", "1000000.00"),
        ("1000000.000", "KWD", "1000000.000"),
        ("500.50", "USD", "500.50"),
    ] {
        assert_eq!(create(amount, code).await.unwrap(), shown, "{code}");
    }
    for (amount, code, problem) in [
        ("100000000001", "VND", "must be at most 100000000000 VND"),
        ("26300000000.55", "IDR", "must have at most 12 digits"),
        ("1000000.01", "EUR", "must be at most 1000000 EUR"),
        ("500.51", "USD", "must be at most 500.5 USD"),
    ] {
        let status = create(amount, code).await.unwrap_err();
        let wrong = status.get_details_bad_request().unwrap().field_violations.pop().unwrap();
        assert_eq!((wrong.field.as_str(), wrong.description.as_str()), ("amount", problem), "{code}");
    }
}

async fn a_link_is_handed_on_in_ascii_and_may_lead_to_an_app_of_the_operator_s(database: TestDatabase) {
    let schemes = vec!["myapp".to_owned()];
    let app = TestApp::start_with(database, None, |config| config.return_url_schemes = schemes).await;
    let client = app.client().await;
    let request = pb::CreatePaymentIntentRequest {
        return_url: "myapp://paid?order=7".to_owned(),
        failure_url: "https://KÄSE.example:443/größe".to_owned(),
        ..new_intent("10.00")
    };
    let created = client.created(request).await;
    let links = ("myapp://paid?order=7", "https://xn--kse-qla.example/gr%C3%B6%C3%9Fe");
    assert_eq!((created.return_url.as_str(), created.failure_url.as_str()), links);
    let other = pb::CreatePaymentIntentRequest { return_url: "otherapp://paid".to_owned(), ..new_intent("10.00") };
    assert_eq!(wrong_fields(client.create_payment_intent(other).await), ["return_url"]);
}

async fn a_reference_that_would_not_be_taken_any_more_can_be_searched_for(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let created = client
        .created(pb::CreatePaymentIntentRequest { reference_id: "order".to_owned(), ..new_intent("10.00") })
        .await;
    // As an older gateway took it.
    app.database.execute("UPDATE payment_intents SET reference_id = 'order '").await;
    let request = pb::ListPaymentIntentsRequest { reference_id: "order ".to_owned(), ..Default::default() };
    assert_eq!(client.intents(request).await.unwrap().payment_intents[0].id, created.id);
}
