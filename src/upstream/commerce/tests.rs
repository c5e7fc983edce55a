//! The dialect over real HTTP: what goes out, and what is made of answers that the suite does not have.

use std::time::Duration;

use serde_json::{Value, json};

use super::conformance::{
    InCommerce, MADE, TOKEN, TOKEN_ENDS, challenge, corefy_with, errors, first_invoice, invoice, list,
};
use super::notes::EarlierInvoice;
use super::*;
use crate::domain::{
    confirmation::{BrowserInfo, Initiator, PaymentSource, StorageReason, StoredCredential},
    network_references::NetworkReferences,
    next_action::NextAction,
    operation::NO_BASELINE,
    payment_intent::{Attempt, PaymentIntentState},
    payment_method::OtherMethod,
    private::Private,
    snapshot::{Evidence, Merge, PaymentStatus},
};
use crate::upstream::conformance::{ASKED, Scene, by, by_card, card, method, refund, rejection, usd};
use crate::upstream::scripted::{ScriptedStep, answer};
use crate::upstream::{NotSent, Rejection};

type InScene = Scene<InCommerce>;

/// Where an attempt by card has begun.
async fn attempting(script: impl IntoIterator<Item = ScriptedStep>) -> InScene {
    let mut scene = InScene::new(script).await;
    scene.begin_attempt();
    scene
}

async fn confirm(scene: &InScene, confirmation: &Confirmation<PaymentMethod>) -> Result<PaymentSnapshot, Error> {
    scene.corefy.payment_intent_confirm(scene.call(), &scene.context(), confirmation).await
}

async fn find(scene: &InScene) -> PaymentSnapshot {
    scene.corefy.payment_find(&scene.context(), ASKED).await.unwrap().unwrap()
}

/// The method and path of what was asked since the last look.
fn asked(scene: &InScene) -> Vec<String> {
    scene.server.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
}

/// An invoice of another attempt.
fn another(intent: &PaymentIntent, id: &str, attempt: u32, members: Value) -> Value {
    let mut document = invoice(intent, json!({"reference_id": format!("{}-{attempt}", intent.id)}));
    document["data"]["id"] = json!(id);
    document["data"]["attributes"].as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    document
}

fn in_list(document: &Value) -> Value {
    list([document["data"].clone()])
}

fn lookup(intent: &PaymentIntent, attempt: u32) -> String {
    format!("GET /payment-invoices/?filter%5Breference_id%5D={}-{attempt}", intent.id)
}

#[tokio::test]
async fn an_invoice_is_made_with_what_was_given() {
    let mut scene = InScene::answered(|intent| vec![answer(201, invoice(intent, json!({})))]).await;
    scene.intent.details.failure_url = "https://shop.test/no".to_owned();
    let created = scene.corefy.payment_intent_create(scene.call(), &scene.context()).await.unwrap();
    let seen = scene.server.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/payment-invoices"));
    assert_eq!(seen[0].header("authorization"), "Basic Y29tYV8xOmFrXzAxMjM0NTY3ODk=");
    assert_eq!((seen[0].header("idempotency-key"), seen[0].header("content-type")), ("", "application/json"));
    let amount: Value = serde_json::from_str("10.50").unwrap();
    let body = json!({"data": {"type": "payment-invoices", "attributes": {"reference_id": scene.intent.id.as_str(),
        "amount": amount, "currency": "USD", "service": "payment_card_usd_hpp", "test_mode": true,
        "customer": {"reference_id": scene.customer.id.as_str(), "name": "Jane Doe", "email": "jane@example.com",
            "address": {"country": "US", "street": "1 Main St", "full_address": "1 Main St, US"}},
        "metadata": {"order": "7"}, "return_urls": {"success": "https://shop.test/back",
            "pending": "https://shop.test/back", "fail": "https://shop.test/no"}}}});
    assert_eq!(seen[0].json(), body);
    assert_eq!(created.version, Timestamp::from_seconds(MADE));
    let state = created.state.unwrap();
    assert_eq!(state, Notes::begin(first_invoice(&scene.intent)).to_state());
    assert!(!format!("{state:?} {:?}", scene.corefy).contains(TOKEN));
}

#[tokio::test]
async fn a_card_goes_to_the_card_gate_alone_with_all_that_is_known_of_the_browser() {
    let scene = attempting([answer(201, challenge())]).await;
    let browser = BrowserInfo {
        ip: Private::new("203.0.113.7"),
        user_agent: "Mozilla/5.0".to_owned(),
        accept_header: "text/html".to_owned(),
        language: "en-US".to_owned(),
        color_depth: Some(24),
        screen_height: Some(1080),
        screen_width: Some(1920),
        window_height: None,
        window_width: None,
        timezone_offset_minutes: Some(-570),
        java_enabled: Some(false),
        javascript_enabled: Some(true),
    };
    let paid = confirm(&scene, &Confirmation { browser_info: Some(browser), ..by_card() }).await.unwrap();
    let seen = scene.server.seen();
    assert_eq!((seen.len(), seen[0].path.as_str()), (1, "/payment/sale"));
    assert_eq!(seen[0].header("authorization"), format!("Bearer {TOKEN}"));
    let body = json!({"data": {"type": "sale-operation", "attributes": {"card_number": "4111111111111111",
        "card_holder": "Jane Doe", "cvv": "987", "exp_month": "03", "exp_year": "31", "browser_info": {
            "browser_accept_header": "text/html", "browser_color_depth": "24", "browser_ip": "203.0.113.7",
            "browser_java_enabled": false, "browser_language": "en-US", "browser_screen_height": "1080",
            "browser_screen_width": "1920", "browser_tz": "-570", "browser_user_agent": "Mozilla/5.0",
            "device_channel": "02"}}}});
    assert_eq!(seen[0].json(), body);
    let PaymentStatus::RequiresAction(NextAction::Redirect(redirect)) = &paid.status else { panic!("{paid:?}") };
    assert_eq!((redirect.url.expose(), redirect.method.as_str()), ("https://acs.test/pareq", "POST"));
    let params: Vec<_> = redirect.params.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let term_url = ("TermUrl", "https://checkout.test/auth?pid=pay_1");
    assert_eq!(params, [("MD", "cGF5XzE="), ("PaReq", ""), term_url], "each field as it came, the empty one too");
}

#[tokio::test]
async fn a_token_that_ends_is_not_used_and_one_that_is_refused_is_renewed_once() {
    let made = |intent: &PaymentIntent| another(intent, "in_2", 1, json!({}));
    let mut scene = attempting([]).await;
    let mut old = first_invoice(&scene.intent);
    old.token_ends = Timestamp::from_seconds(MADE + 60);
    scene.intent.upstream_state = Notes::begin(old).to_state();
    scene.follow(vec![answer(201, made(&scene.intent)), answer(201, challenge())]);
    let paid = confirm(&scene, &by_card()).await.unwrap();
    assert_eq!(paid.upstream_id, "in_2");
    assert_eq!(asked(&scene), ["POST /payment-invoices", "POST /payment/sale"]);

    let mut scene = attempting([]).await;
    let refused = answer(401, errors("401", "Unauthorized"));
    scene.follow(vec![refused.clone(), answer(201, made(&scene.intent)), answer(201, challenge())]);
    let paid = confirm(&scene, &by_card()).await.unwrap();
    assert_eq!((paid.upstream_id.as_str(), paid.version), ("in_2", Timestamp(MADE * 1_000_000 + 1)));
    assert_eq!(asked(&scene), ["POST /payment/sale", "POST /payment-invoices", "POST /payment/sale"]);
    scene.follow(vec![refused.clone(), answer(201, made(&scene.intent)), refused]);
    assert!(rejection(confirm(&scene, &by_card()).await).is_about_credentials());
    assert_eq!(scene.moves(), 2, "it is renewed once");
}

#[tokio::test]
async fn a_lost_sale_is_in_doubt_until_its_token_has_ended_and_never_sent_again() {
    let mut scene = attempting([answer(502, "")]).await;
    let lost = confirm(&scene, &by_card()).await;
    assert!(matches!(lost, Err(Error::Unknown(_))), "{lost:?}");
    assert_eq!(scene.moves(), 1);
    let unused = invoice(&scene.intent, json!({}));
    let look = vec![answer(200, list([])), answer(200, &unused)];
    scene.follow(look.clone());
    assert_eq!(find(&scene).await.evidence_of_attempt_since(NO_BASELINE), Evidence::Unclear);
    assert_eq!(asked(&scene), [lookup(&scene.intent, 1), "GET /payment-invoices/in_1".to_owned()]);
    let clock = scene.corefy.0.clock.clone();
    clock.advance(Duration::from_secs(u64::try_from(TOKEN_ENDS - MADE).unwrap() + 299));
    scene.follow(look.clone());
    assert_eq!(find(&scene).await.evidence_of_attempt_since(NO_BASELINE), Evidence::Unclear);
    clock.advance(Duration::from_secs(1));
    scene.follow(look);
    let found = find(&scene).await;
    assert_eq!(found.evidence_of_attempt_since(NO_BASELINE), Evidence::None);
    assert_eq!(scene.moves(), 0);
    let current = serde_json::from_str::<Notes>(found.state.unwrap().as_str()).unwrap().current;
    assert!(!current.takes_cards_of("payment_card_usd_hpp", Timestamp::from_seconds(MADE)), "no other attempt uses it");
    for trace in
        [json!({"updated": MADE + 1}), json!({"status": "process_pending"}), json!({"payload": {"client_ip": "x"}})]
    {
        scene.follow(vec![answer(200, list([])), answer(200, invoice(&scene.intent, trace.clone()))]);
        assert_eq!(find(&scene).await.status, PaymentStatus::Processing, "{trace}");
    }
}

#[tokio::test]
async fn an_invoice_of_an_attempt_that_is_lost_is_found_or_nothing_is_charged() {
    let saving = Confirmation { save_payment_method: true, ..by_card() };
    let mut scene = attempting([]).await;
    let made = another(&scene.intent, "in_2", 1, json!({}));
    scene.follow(vec![answer(502, ""), answer(200, in_list(&made)), answer(201, challenge())]);
    assert_eq!(confirm(&scene, &saving).await.unwrap().upstream_id, "in_2");
    let seen = scene.server.seen();
    let attributes = &seen[0].json()["data"]["attributes"];
    assert_eq!(attributes["gateway_options"], json!({"cardgate": {"tokenize": true}}));
    assert_eq!(attributes["reference_id"], format!("{}-1", scene.intent.id));
    for unfound in [answer(200, list([])), answer(502, ""), answer(200, list([invoice(&scene.intent, json!({}))]))] {
        scene.follow(vec![answer(502, ""), unfound.clone()]);
        let outcome = confirm(&scene, &saving).await;
        let is_not_prepared = matches!(outcome, Err(Error::NotSent { reason: NotSent::NotPrepared, .. }));
        assert!(is_not_prepared, "{unfound:?}: {outcome:?}");
        assert_eq!(scene.moves(), 0);
    }
    scene.intent.customer_id = None;
    let alone = PaymentContext { customer: None, ..scene.context() };
    let refused = rejection(scene.corefy.payment_intent_confirm(scene.call(), &alone, &saving).await);
    assert_eq!(refused.fields[0].0, "customer_id");
}

#[tokio::test]
async fn a_reference_that_is_taken_is_adopted_only_with_the_same_amount() {
    let scene = InScene::new([]).await;
    let outcome = async |status: u16, found: Value| {
        let mut scene = InScene::new([]).await;
        let mut found = found;
        for entry in found["data"].as_array_mut().unwrap() {
            entry["attributes"]["reference_id"] = json!(scene.intent.id.as_str());
        }
        scene.follow(vec![answer(status, errors("x", "Invalid")), answer(200, found)]);
        scene.corefy.payment_intent_create(scene.call(), &scene.context()).await
    };
    let same = in_list(&invoice(&scene.intent, json!({})));
    let other = in_list(&invoice(&scene.intent, json!({"amount": 11})));
    for status in [409, 422] {
        assert_eq!(outcome(status, same.clone()).await.unwrap().upstream_id, "in_1");
        let mismatch = outcome(status, other.clone()).await;
        assert!(matches!(mismatch, Err(Error::Unknown(_))), "{mismatch:?}");
    }
    let Rejection { http_status, .. } = rejection(outcome(422, list([])).await);
    assert_eq!(http_status, 422);
    for status in [409, 429] {
        let nothing = outcome(status, list([])).await;
        assert!(matches!(nothing, Err(Error::Unknown(_))), "{status}: {nothing:?}");
    }
}

#[tokio::test]
async fn the_payer_goes_to_the_page_of_the_unused_invoice_or_of_a_new_one() {
    let page = by(PaymentSource::HostedPage);
    let mut scene = attempting([]).await;
    scene.follow(vec![answer(200, invoice(&scene.intent, json!({})))]);
    let shown = confirm(&scene, &page).await.unwrap();
    let PaymentStatus::RequiresAction(NextAction::Redirect(redirect)) = &shown.status else { panic!("{shown:?}") };
    assert_eq!(redirect.url.expose(), "https://api.test/redirect/hpp/?cpi=in_1");
    assert_eq!(asked(&scene), ["GET /payment-invoices/in_1"]);
    scene.merge(&shown);
    scene.follow(vec![answer(200, invoice(&scene.intent, json!({"status": "process_pending", "updated": MADE + 9})))]);
    assert_eq!(find(&scene).await.status, shown.status, "the page stays what it is while the payer is there");

    let mut scene = attempting([]).await;
    let expired = invoice(&scene.intent, json!({"status": "expired"}));
    let own = json!({"hpp_url": null, "flow_data": {"action": "https://bank.test/go", "method": "post",
        "params": {"a": 1, "b": "x"}}});
    scene.follow(vec![answer(200, expired), answer(201, another(&scene.intent, "in_2", 1, own))]);
    let shown = confirm(&scene, &page).await.unwrap();
    let PaymentStatus::RequiresAction(NextAction::Redirect(redirect)) = &shown.status else { panic!("{shown:?}") };
    assert_eq!((redirect.url.expose(), redirect.method.as_str()), ("https://bank.test/go", "POST"));
    assert_eq!((redirect.params["a"].expose(), redirect.params["b"].expose()), ("1", "x"));
    assert_eq!(shown.upstream_id, "in_2");
}

#[tokio::test]
async fn other_methods_are_checked_by_what_their_service_wants_before_anything_is_made() {
    let offer = json!({"data": {"type": "payment-prerequest", "attributes": {"services": {"upi_usd_hpp": {
        "code": "upi_usd_hpp", "method": "upi", "fields": [{"key": "vpa", "required": true, "regexp": "^\\S+@\\S+$"}]}},
        "methods": []}}});
    let other = |kind: &str, vpa: &str| {
        let fields = [("vpa".to_owned(), Private::new(vpa))].into();
        by(PaymentSource::Other(OtherMethod { kind: kind.to_owned(), fields }))
    };
    let mut scene = attempting([]).await;
    let url = scene.server.url.clone();
    scene.corefy = corefy_with(url.clone(), |settings| settings.public_url = Some(url));
    scene.follow(vec![answer(200, &offer)]);
    let refused = rejection(confirm(&scene, &other("upi", "nothing")).await);
    assert_eq!((refused.http_status, refused.fields[0].0.as_str()), (422, "other.fields.vpa"));
    let refused = rejection(confirm(&scene, &other("ideal", "a@b")).await);
    assert_eq!(refused.fields[0].0, "other.payment_method_type");
    scene.server.seen();
    scene.follow(vec![answer(200, &offer), answer(201, another(&scene.intent, "in_2", 1, json!({})))]);
    let shown = confirm(&scene, &other("upi", "a@b")).await.unwrap();
    assert!(matches!(shown.status, PaymentStatus::RequiresAction(_)), "{shown:?}");
    let seen = scene.server.seen();
    assert_eq!(seen[0].json()["public_key"], "pk_test_1");
    let attributes = &seen[1].json()["data"]["attributes"];
    assert_eq!(
        (&attributes["service"], &attributes["service_fields"]),
        (&json!("upi_usd_hpp"), &json!({"vpa": "a@b"}))
    );
}

#[tokio::test]
async fn a_saved_card_is_charged_at_once_by_the_merchant_and_chosen_on_a_page_by_the_payer() {
    let mut scene = attempting([]).await;
    let saved = |scene: &InScene, initiator| Confirmation {
        stored_credential: Some(StoredCredential {
            initiator,
            reason: StorageReason::Recurring,
            network_transaction_id: String::new(),
        }),
        ..by(PaymentSource::Saved(method(&scene.customer, Some("tok_1"))))
    };
    let paid = json!({"status": "processed", "processed_amount": 10.5, "updated": MADE + 1});
    scene.follow(vec![answer(201, another(&scene.intent, "in_2", 1, paid))]);
    let charged = confirm(&scene, &saved(&scene, Initiator::Merchant)).await.unwrap();
    assert_eq!((charged.status, charged.received), (PaymentStatus::Paid, 1050));
    let attributes = scene.server.seen()[0].json()["data"]["attributes"].clone();
    assert_eq!(
        (&attributes["token"], &attributes["gateway_options"]),
        (&json!("tok_1"), &json!({"cardgate": {"instant": true}}))
    );
    assert_eq!(attributes["customer"]["reference_id"], scene.customer.id.as_str());
    scene.follow(vec![answer(502, "")]);
    let lost = confirm(&scene, &saved(&scene, Initiator::Merchant)).await;
    assert!(matches!(lost, Err(Error::Unknown(_))), "its creation charges: {lost:?}");
    scene.follow(vec![answer(201, another(&scene.intent, "in_3", 1, json!({})))]);
    let chosen = confirm(&scene, &saved(&scene, Initiator::Customer)).await.unwrap();
    assert!(matches!(chosen.status, PaymentStatus::RequiresAction(_)), "{chosen:?}");
}

#[tokio::test]
async fn a_card_is_saved_only_where_that_was_asked_for() {
    for saves in [true, false] {
        let mut scene = attempting([]).await;
        let payload = json!({"token": "tok_1", "payment_card": {"first": "411111", "last": "1111", "brand": "visa",
            "expiry_month": 3, "expiry_year": "31", "holder": "JANE DOE"}});
        let paid = json!({"status": "processed", "processed_amount": 10.5, "payload": payload});
        let current = CurrentInvoice { attempt: 1, saves, ..first_invoice(&scene.intent) };
        scene.intent.upstream_state = Notes::begin(current).to_state();
        scene.follow(vec![answer(200, invoice(&scene.intent, paid))]);
        let saved = find(&scene).await.saved;
        assert_eq!(saved.is_some(), saves, "{saved:?}");
        assert_eq!(saved.and_then(|saved| saved.card).map(|card| card.expiry_year), saves.then_some(2031));
    }
}

#[tokio::test]
async fn an_earlier_invoice_that_is_paid_late_counts_and_two_are_more_than_was_asked() {
    let late =
        |scene: &InScene| another(&scene.intent, "in_2", 1, json!({"status": "processed", "processed_amount": 10.5}));
    let mut scene = attempting([]).await;
    scene.begin_attempt();
    let earlier = vec![EarlierInvoice { id: "in_2".to_owned(), attempt: 1 }];
    let current = CurrentInvoice { attempt: 2, ..first_invoice(&scene.intent) };
    scene.intent.upstream_state = Notes { current, earlier }.to_state();
    scene.intent.progress.is_unanswered = false;
    let failed = invoice(&scene.intent, json!({"status": "process_failed", "updated": MADE + 50}));
    scene.follow(vec![answer(200, failed), answer(200, late(&scene))]);
    let found = find(&scene).await;
    assert_eq!((found.status.clone(), found.received, found.upstream_id.as_str()), (PaymentStatus::Paid, 1050, "in_2"));
    scene.merge(&found);
    assert_eq!((scene.intent.state, scene.intent.received), (PaymentIntentState::Succeeded, 1050));

    let mut scene = attempting([]).await;
    let earlier = vec![EarlierInvoice { id: "in_2".to_owned(), attempt: 1 }];
    let current = CurrentInvoice { attempt: 2, ..first_invoice(&scene.intent) };
    scene.intent.upstream_state = Notes { current, earlier }.to_state();
    let paid = invoice(&scene.intent, json!({"status": "processed", "processed_amount": 10.5}));
    scene.follow(vec![answer(200, paid), answer(200, late(&scene))]);
    let twice = find(&scene).await;
    assert_eq!(twice.received, 2100);
    assert!(matches!(twice.merge(&scene.intent), Merge::Conflict(_)), "{twice:?}");
}

#[tokio::test]
async fn a_failed_attempt_is_told_from_the_one_before_by_its_invoice() {
    let mut scene = attempting([]).await;
    let failed = |members: Value| {
        json!({"status": "process_failed", "resolution": "card_is_stolen", "updated": MADE})
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .chain(members.as_object().unwrap().clone())
            .collect::<Value>()
    };
    scene.follow(vec![
        answer(201, json!({"status": "process_failed"})),
        answer(200, invoice(&scene.intent, failed(json!({})))),
    ]);
    let first = confirm(&scene, &by_card()).await.unwrap();
    let PaymentStatus::Failed(error) = &first.status else { panic!("{first:?}") };
    assert_eq!(error.code, "stolen_card");
    scene.merge(&first);
    let baseline = scene.intent.upstream_version;
    scene.begin_attempt();
    scene.follow(vec![answer(200, list([])), answer(200, invoice(&scene.intent, failed(json!({}))))]);
    assert_eq!(find(&scene).await.evidence_of_attempt_since(baseline), Evidence::None, "that is the first attempt's");
    scene.follow(vec![answer(200, in_list(&another(&scene.intent, "in_2", 2, failed(json!({})))))]);
    let second = find(&scene).await;
    assert_eq!(second.evidence_of_attempt_since(baseline), Evidence::Outcome, "within the same second, too");
    assert_eq!(second.upstream_id, "in_2");
}

#[tokio::test]
async fn a_refund_is_read_by_either_model() {
    let mut scene = InScene::new([]).await;
    let (one, two) = (refund(&scene.intent), Refund { amount: usd(300), ..refund(&scene.intent) });
    let paid = |scene: &InScene, status: &str, refunded: Value| {
        let members = json!({"status": status, "processed_amount": 10.5, "refunded_amount": refunded});
        invoice(&scene.intent, members)
    };
    for (status, refunded, state) in
        [("refunding", json!(null), RefundState::Pending), ("partially_refunded", json!(2.5), RefundState::Succeeded)]
    {
        scene.follow(vec![answer(200, paid(&scene, status, refunded))]);
        let told = scene.corefy.refund_create(scene.call(), &scene.context(), &one).await.unwrap();
        assert_eq!((told.upstream_id.as_str(), told.state), (one.id.as_str(), Some(state)));
        let body = scene.server.seen()[0].json();
        assert_eq!((&body["data"]["id"], &body["data"]["attributes"]["invoiceId"]), (&json!("in_1"), &json!("in_1")));
    }
    use RefundState::{Failed, Pending, Succeeded};
    for (status, refunded, expected) in [
        ("processed", json!(null), Some(vec![])),
        ("refunding", json!(2.5), Some(vec![(250, Succeeded), (300, Pending)])),
        ("partially_refunded", json!(3), Some(vec![(300, Succeeded)])),
        ("refunding", json!(5.5), None),
        ("partially_refunded", json!("5.50"), Some(vec![(250, Succeeded), (300, Succeeded)])),
        ("refund_failed", json!(3.0), Some(vec![(300, Succeeded), (250, Failed)])),
        // Neither was taken, as far as we know: one of the two failed, and none is under way.
        ("refund_failed", json!(0), Some(vec![])),
        ("refunding", json!(null), None),
        ("partially_refunded", json!(1), None),
        ("partially_refunded", json!("odd"), Some(vec![])),
    ] {
        scene.follow(vec![answer(200, paid(&scene, status, refunded.clone()))]);
        let context = PaymentContext { refunds: vec![&one, &two], ..scene.context() };
        let shown = scene.corefy.payment_find(&context, ASKED).await.unwrap().unwrap();
        let told = shown.refunds.map(|refunds| {
            refunds.iter().map(|refund| (refund.amount.unwrap().minor, refund.state.unwrap())).collect::<Vec<_>>()
        });
        assert_eq!(told, expected, "{status} {refunded}");
        assert_eq!(shown.received, 1050);
    }
}

#[tokio::test]
async fn of_refunds_that_are_told_by_their_sum_alone_those_that_were_taken_failed_with_the_last() {
    let mut scene = InScene::new([]).await;
    let members =
        json!({"status": "refund_failed", "processed_amount": 10.5, "refunded_amount": 0, "updated": 1_730_721_060});
    scene.follow(vec![answer(200, invoice(&scene.intent, members))]);
    let made = |at, upstream_id: Option<&str>| Refund {
        created_at: Timestamp::from_seconds(at),
        upstream_id: upstream_id.map(str::to_owned),
        ..refund(&scene.intent)
    };
    let (first, second, lost) =
        (made(1_730_721_000, Some("r1")), made(1_730_721_001, Some("r2")), made(1_730_721_002, None));
    let told = async |refunds: Vec<&Refund>| {
        let context = PaymentContext { refunds, ..scene.context() };
        let shown = scene.corefy.payment_find(&context, ASKED).await.unwrap().unwrap().refunds;
        shown.map(|refunds| refunds.into_iter().map(|it| (it.upstream_id, it.state.unwrap())).collect::<Vec<_>>())
    };
    let failed = |id: &str| (id.to_owned(), RefundState::Failed);
    assert_eq!(
        told(vec![&first, &second, &lost]).await,
        Some(vec![failed("r1"), failed("r2")]),
        "the lost one is absent"
    );
    let younger = made(1_730_721_060, Some("r3"));
    assert_eq!(told(vec![&first, &younger]).await, None, "the word may be older than the refund");
    let lost_later = Refund { upstream_id: None, ..younger };
    assert_eq!(told(vec![&first, &lost_later]).await, Some(vec![failed("r1")]));
    assert_eq!(told(vec![&lost_later]).await, Some(vec![]), "another failed before it");
}

#[tokio::test]
async fn the_money_of_a_payment_is_read_from_what_was_processed() {
    let mut scene = InScene::new([]).await;
    for (members, expected) in [
        (json!({"status": "processed"}), Some((1050, 0))),
        (json!({"status": "processed", "processed_amount": 10.5}), Some((1050, 0))),
        (json!({"status": "partially_processed", "processed_amount": 4}), Some((400, 0))),
        (json!({"status": "partially_processed"}), None),
        (json!({"status": "refunded", "processed_amount": 10.50, "refunded_amount": 10.5}), Some((1050, 0))),
        (json!({"status": "refunded"}), None),
        (json!({"status": "charged_back", "processed_amount": 10.5}), Some((1050, 1050))),
        (
            json!({"status": "partially_charged_back", "processed_amount": 10.5, "charged_back_amount": 3}),
            Some((1050, 300)),
        ),
        (json!({"status": "processed", "processed_amount": 0}), None),
        (json!({"status": "processed", "amount": null, "processed_amount": 10.5}), None),
        (json!({"status": "process_pending", "amount": null, "currency": [], "updated": null}), Some((0, 0))),
    ] {
        scene.follow(vec![answer(200, invoice(&scene.intent, members.clone()))]);
        let shown = scene.corefy.payment_find(&scene.context(), ASKED).await;
        let told = shown.ok().flatten().map(|shown| (shown.received, shown.charged_back));
        assert_eq!(told, expected, "{members}");
    }
}

#[tokio::test]
async fn the_network_references_of_an_invoice_are_read_as_far_as_they_have_the_form_of_one() {
    let mut scene = InScene::new([]).await;
    for (members, expected) in [
        (
            json!({"rrn": "001122334455", "approval_code": "A1B2C3", "arn": "24692164300100123456789"}),
            [Some("001122334455"), Some("A1B2C3"), Some("24692164300100123456789")],
        ),
        (json!({"rrn": 112_233_445_566_u64, "approval_code": 7}), [Some("112233445566"), Some("7"), None]),
        (json!({"rrn": "", "approval_code": null, "arn": []}), [None; 3]),
        (json!({"rrn": "0011223344556", "approval_code": "A1-B2", "arn": "4111111111111111"}), [None; 3]),
    ] {
        let mut paid = json!({"status": "processed"});
        paid.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        scene.follow(vec![answer(200, invoice(&scene.intent, paid))]);
        let shown = find(&scene).await;
        let NetworkReferences { retrieval_reference_number, approval_code, acquirer_reference_number } =
            shown.network_references;
        let read = [retrieval_reference_number, approval_code, acquirer_reference_number];
        assert_eq!(read.each_ref().map(Option::as_deref), expected, "{members}");
    }
}

#[tokio::test]
async fn the_services_of_every_currency_are_told_or_those_of_the_settings() {
    let mut scene = InScene::new([]).await;
    let url = scene.server.url.clone();
    let eur = Currency::parse("EUR");
    scene.corefy = corefy_with(url.clone(), |settings| {
        settings.services = [(("wallet".to_owned(), eur), "skrill_eur_hpp".to_owned())].into();
    });
    let told = scene.corefy.supported_payment_methods(None, ASKED).await.unwrap();
    assert_eq!((told.len(), told[0].kind.as_str(), told[0].currencies.join(",")), (1, "wallet", "EUR".to_owned()));
    assert!(scene.server.seen().is_empty());
    scene.corefy = corefy_with(url.clone(), |settings| settings.public_url = Some(url));
    let account =
        json!({"data": {"type": "account", "attributes": {"currency_accounts": {"EUR": {}, "USD": {}, "???": {}}}}});
    let offer = |code: &str| {
        let services = json!({format!("payment_card_{code}_hpp"): {"method": "payment_card"},
            format!("skrill_{code}_hpp"): {"method": "skrill"}});
        json!({"data": {"services": services, "methods": {"skrill": {"name": "Skrill"}, "payment_card": {"name": "Card"}}}})
    };
    scene.follow(vec![answer(200, account), answer(200, offer("eur")), answer(200, offer("usd"))]);
    let told = scene.corefy.supported_payment_methods(None, ASKED).await.unwrap();
    let told: Vec<_> = told.iter().map(|it| (it.kind.as_str(), it.name.as_str(), it.currencies.join(","))).collect();
    let both = "EUR,USD".to_owned();
    assert_eq!(told, [("card", "Card", both.clone()), ("skrill", "Skrill", both)]);
    assert_eq!(asked(&scene)[1..], ["POST /public-api/payment-prerequest", "POST /public-api/payment-prerequest"]);
}

#[tokio::test]
async fn the_services_that_take_an_amount_are_asked_for_with_it() {
    let mut scene = InScene::new([]).await;
    let url = scene.server.url.clone();
    scene.corefy = corefy_with(url.clone(), |settings| settings.public_url = Some(url));
    let offer = json!({"data": {"services": {"skrill_eur_hpp": {"method": "skrill"}}, "methods": []}});
    scene.follow(vec![answer(200, offer)]);
    let amount = Money::new(1_050, Currency::parse("EUR").unwrap());
    let told = scene.corefy.supported_payment_methods(Some(amount), ASKED).await.unwrap();
    assert_eq!((told.len(), told[0].kind.as_str(), told[0].currencies.join(",")), (1, "skrill", "EUR".to_owned()));
    let seen = scene.server.seen();
    let body: Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!((seen.len(), &body["currency"], body["amount"].to_string().as_str()), (1, &json!("EUR"), "10.50"));
}

#[tokio::test]
async fn a_connection_test_says_what_an_address_without_an_account_may_lack() {
    let scene = InScene::new([answer(404, errors("404", "Not found"))]).await;
    let tested = scene.corefy.test_connection().await;
    assert!(!tested.is_authenticated && tested.message.contains("/api"), "{tested:?}");
    assert_eq!(asked(&scene), ["GET /account/balances"]);
}

#[tokio::test]
async fn what_corefy_cannot_be_told_is_refused_unsent() {
    let scene = attempting([answer(500, "")]).await;
    let stored = |network_transaction_id: &str| {
        Some(StoredCredential {
            initiator: Initiator::Merchant,
            reason: StorageReason::Unscheduled,
            network_transaction_id: network_transaction_id.to_owned(),
        })
    };
    let saved = || by(PaymentSource::Saved(method(&scene.customer, Some("tok_1"))));
    for confirmation in [
        Confirmation { stored_credential: stored(""), ..by(PaymentSource::Card(card(None))) },
        Confirmation { stored_credential: stored("n1"), ..saved() },
    ] {
        let outcome = confirm(&scene, &confirmation).await;
        assert!(matches!(outcome, Err(Error::Unsupported(Capability::StoredCredential))), "{outcome:?}");
    }
    assert!(asked(&scene).is_empty());
}

#[tokio::test]
async fn a_page_whose_answer_was_lost_is_found_and_the_payer_can_still_go_there() {
    for is_saved in [false, true] {
        let mut scene = attempting_without_card(is_saved).await;
        let own = another(&scene.intent, "in_2", 1, json!({}));
        scene.follow(vec![answer(200, in_list(&own))]);
        let found = find(&scene).await;
        assert!(matches!(found.status, PaymentStatus::RequiresAction(_)), "{found:?}");
        assert_eq!(found.upstream_id, "in_2");
        scene.follow(vec![answer(200, list([])), answer(200, invoice(&scene.intent, json!({})))]);
        assert_eq!(find(&scene).await.evidence_of_attempt_since(NO_BASELINE), Evidence::None, "nothing could charge");
    }

    let mut scene = attempting_without_card(true).await;
    scene.intent.progress.attempt.as_mut().unwrap().is_by_merchant = true;
    let own = another(&scene.intent, "in_2", 1, json!({}));
    scene.follow(vec![answer(200, in_list(&own))]);
    assert_eq!(find(&scene).await.status, PaymentStatus::Processing, "its creation may charge");
}

#[tokio::test]
async fn a_payment_with_too_many_open_attempts_begins_no_other() {
    let mut scene = attempting([answer(500, "")]).await;
    let earlier = (1..=8).map(|attempt| EarlierInvoice { id: format!("in_{attempt}"), attempt }).collect();
    let current = CurrentInvoice { attempt: 9, ..first_invoice(&scene.intent) };
    scene.intent.upstream_state = Notes { current, earlier }.to_state();
    assert_eq!(rejection(confirm(&scene, &by_card()).await).code, "too_many_open_attempts");
    assert!(asked(&scene).is_empty());
}

/// Where an attempt has begun that is by a saved card, or by another method or on a page.
async fn attempting_without_card(is_saved: bool) -> InScene {
    let mut scene = InScene::new([]).await;
    let payment_method_id = is_saved.then(|| method(&scene.customer, Some("tok_1")).id);
    let now = scene.corefy.0.clock.now();
    scene.intent.begin_attempt(Attempt { payment_method_id, ..Attempt::default() }, now);
    scene
}

/// The invoice that the intent was made with, as it stands.
fn stands(scene: &InScene, status: &str, members: Value) -> Value {
    let mut told = json!({"status": status, "updated": MADE + 90_000, "processed_amount": 10.5});
    told.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    invoice(&scene.intent, told)
}

#[tokio::test]
async fn an_attempt_ends_by_no_invoice_that_it_did_not_use() {
    let payload = || json!({"payload": {"client_ip": "203.0.113.7"}});
    let (saved, other, card) = (attempting_without_card(true), attempting_without_card(false), attempting([]));
    for (mut scene, ends) in [
        (saved.await, [Evidence::None, Evidence::None, Evidence::None, Evidence::None, Evidence::Outcome]),
        (other.await, [Evidence::None, Evidence::Outcome, Evidence::Outcome, Evidence::Outcome, Evidence::Outcome]),
        (card.await, [Evidence::None, Evidence::Outcome, Evidence::Outcome, Evidence::Outcome, Evidence::Outcome]),
    ] {
        for ((status, members), expected) in [
            ("expired", json!({})),
            ("expired", payload()),
            ("process_failed", json!({})),
            ("processing", json!({})),
            ("processed", json!({})),
        ]
        .into_iter()
        .zip(ends)
        {
            let first = stands(&scene, status, members);
            scene.follow(vec![answer(200, list([])), answer(200, first)]);
            let found = find(&scene).await;
            assert_eq!(found.evidence_of_attempt_since(NO_BASELINE), expected, "{status}: {found:?}");
        }
    }
}

#[tokio::test]
async fn the_charge_of_a_saved_card_is_found_behind_an_invoice_that_has_expired() {
    let mut scene = attempting_without_card(true).await;
    let expired = stands(&scene, "expired", json!({}));
    scene.follow(vec![answer(200, list([])), answer(200, &expired)]);
    let missed = find(&scene).await;
    scene.intent.give_up_attempt("upstream_no_record", "", Timestamp::default());
    scene.merge(&missed);
    assert_eq!(scene.intent.state, PaymentIntentState::RequiresPaymentMethod);
    assert!(scene.intent.progress.watch_until.is_some(), "it is still asked about");
    let own = another(&scene.intent, "in_2", 1, json!({"status": "processed", "processed_amount": 10.5}));
    scene.follow(vec![answer(200, in_list(&own))]);
    let found = find(&scene).await;
    assert_eq!(asked(&scene)[2..], [lookup(&scene.intent, 1)]);
    scene.merge(&found);
    assert_eq!((scene.intent.state, scene.intent.received), (PaymentIntentState::Succeeded, 1050));
}

#[tokio::test]
async fn a_card_that_may_have_an_invoice_of_its_own_is_looked_for_until_that_is_known() {
    let mut scene = attempting([]).await;
    scene.intent.give_up_attempt("upstream_no_record", "", Timestamp::default());
    let expired = stands(&scene, "expired", json!({}));
    for _ in 0..2 {
        scene.follow(vec![answer(200, list([])), answer(200, &expired)]);
        let missed = find(&scene).await;
        assert_eq!(asked(&scene)[0], lookup(&scene.intent, 1));
        scene.merge(&missed);
    }
    let declined = stands(&scene, "process_failed", json!({}));
    scene.follow(vec![answer(200, list([])), answer(200, &declined)]);
    let found = find(&scene).await;
    scene.merge(&found);
    assert_eq!(asked(&scene).len(), 2);
    scene.follow(vec![answer(200, &declined)]);
    find(&scene).await;
    assert_eq!(asked(&scene), ["GET /payment-invoices/in_1"], "that was the attempt");
}

#[tokio::test]
async fn an_attempt_whose_payment_another_invoice_paid_is_still_looked_for() {
    let mut scene = attempting_without_card(true).await;
    let paid = stands(&scene, "processed", json!({}));
    scene.follow(vec![answer(200, list([])), answer(200, &paid)]);
    let found = find(&scene).await;
    scene.merge(&found);
    assert_eq!(scene.intent.state, PaymentIntentState::Succeeded);
    let own = |status: &str| another(&scene.intent, "in_2", 1, json!({"status": status, "processed_amount": 10.5}));
    let (failed, twice) = (own("process_failed"), own("processed"));
    scene.follow(vec![answer(200, in_list(&failed)), answer(200, &paid)]);
    let found = find(&scene).await;
    assert_eq!((found.status, found.received, found.upstream_id.as_str()), (PaymentStatus::Paid, 1050, "in_1"));
    scene.follow(vec![answer(200, in_list(&twice)), answer(200, &paid)]);
    let found = find(&scene).await;
    assert_eq!(found.received, 2100);
    assert!(matches!(found.merge(&scene.intent), Merge::Conflict(_)), "{found:?}");
}

#[tokio::test]
async fn an_attempt_that_was_given_up_is_found_behind_the_one_after_it() {
    let mut scene = attempting_without_card(true).await;
    scene.intent.give_up_attempt("upstream_no_record", "", Timestamp::default());
    scene.begin_attempt();
    let second = another(&scene.intent, "in_3", 2, json!({"status": "process_failed", "updated": MADE + 9}));
    let late = another(&scene.intent, "in_2", 1, json!({"status": "processed", "processed_amount": 10.5}));
    scene.follow(vec![answer(200, in_list(&second)), answer(200, list([]))]);
    let failed = find(&scene).await;
    assert_eq!(asked(&scene), [lookup(&scene.intent, 2), lookup(&scene.intent, 1)]);
    scene.merge(&failed);
    assert_eq!(scene.intent.state, PaymentIntentState::RequiresPaymentMethod);
    scene.follow(vec![answer(200, &second), answer(200, in_list(&late))]);
    let found = find(&scene).await;
    assert_eq!((found.status.clone(), found.upstream_id.as_str()), (PaymentStatus::Paid, "in_2"));
    scene.merge(&found);
    assert_eq!((scene.intent.state, scene.intent.received), (PaymentIntentState::Succeeded, 1050));
    scene.corefy.0.clock.advance(Duration::from_secs(7 * 24 * 3600));
    scene.follow(vec![answer(200, in_list(&second)), answer(200, &late)]);
    asked(&scene);
    assert_eq!(find(&scene).await.received, 1050);
    let last = [lookup(&scene.intent, 2), "GET /payment-invoices/in_2".to_owned()];
    assert_eq!(asked(&scene), last, "a week later what was given up is no longer looked for");
}
