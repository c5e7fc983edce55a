//! Screening: what the guard stops before anything is sent, with no rule set at all.

use std::time::Duration;

use corefy_gateway::{
    app::Checkpoint,
    config::Config,
    domain::card::satisfies_luhn,
    pb::{
        self, PaymentErrorAdvice as Advice, PaymentIntentState as State, TimelineEntryKind as Kind,
        create_payment_method_request::Details,
    },
};
use tokio::task::JoinSet;
use tonic::Code;
use url::Url;

use crate::support::{
    app::{CLOSED_PORT, TestApp, dies_at, http_client},
    client::{APPROVED, Client, confirmation, keyed, new_intent},
    database::TestDatabase,
    refusal::refused,
};

crate::on_both!(
    a_burst_of_cards_from_one_address_is_stopped_after_ten_and_touches_no_other_payer,
    two_gateways_let_no_more_through_than_one,
    a_stopped_attempt_is_a_decline_without_a_request_to_corefy_and_without_a_reason_for_the_payer,
    a_repeated_call_counts_once_and_is_answered_as_the_first,
    a_customer_is_stopped_after_eight_declines_and_may_pay_again_a_day_later,
    failures_that_never_reached_the_issuer_stop_nobody,
    a_card_that_is_lost_is_not_tried_again_where_money_moves,
    cards_are_not_saved_one_after_the_other,
    rules_block_flag_and_watch_as_they_say,
    a_hard_list_stops_also_whom_a_rule_lets_through,
    many_payments_of_one_customer_at_once_are_all_made,
    an_address_that_all_payers_share_is_not_counted,
    a_gateway_that_does_not_screen_stops_nothing,
    an_attempt_of_a_process_that_died_counts,
    attempts_that_could_not_be_sent_count_for_nobody,
);

const ATTACKER: &str = "203.0.113.7";
const PAYER: &str = "198.51.100.20";
const BLOCKED: &str = "blocked_by_risk";
const DECLINED: &str = "4000000000009995";
const LOST: &str = "4000000000009987";
const PROCESSING_ERROR: &str = "4000000000000119";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The card number of this place among those that the sandbox approves.
fn number(place: u32) -> String {
    let front = format!("411111{place:09}");
    (0..10).map(|check| format!("{front}{check}")).find(|number| satisfies_luhn(number)).unwrap()
}

/// An intent of a payer whose email address nobody else has.
async fn intent_of(client: &Client, payer: &str) -> pb::PaymentIntent {
    let customer_email = format!("{payer}@example.com");
    client.created(pb::CreatePaymentIntentRequest { customer_email, ..new_intent("10.00") }).await
}

fn from_address(id: &str, number: &str, ip: &str) -> pb::ConfirmPaymentIntentRequest {
    let browser_info = Some(pb::BrowserInfo { ip: ip.to_owned(), ..Default::default() });
    pb::ConfirmPaymentIntentRequest { browser_info, ..confirmation(id, number) }
}

async fn pay(client: &Client, payer: &str, number: &str, ip: &str) -> pb::PaymentIntent {
    let intent = intent_of(client, payer).await;
    let paid = client.confirm_payment_intent(from_address(&intent.id, number, ip)).await.unwrap();
    paid.into_inner().payment_intent.unwrap()
}

fn is_blocked(intent: &pb::PaymentIntent) -> bool {
    intent.last_payment_error.as_ref().is_some_and(|error| error.code == BLOCKED)
}

/// Attempts with as many cards as there are places, several at a time, at each of the clients in turn. Returns how many were
/// let through.
async fn burst(clients: &[Client], cards: u32) -> usize {
    const AT_A_TIME: usize = 16;
    let (mut running, mut let_through) = (JoinSet::<bool>::new(), 0);
    for place in 0..cards {
        if running.len() == AT_A_TIME {
            let_through += usize::from(!running.join_next().await.unwrap().unwrap());
        }
        let client = clients[place as usize % clients.len()].clone();
        running.spawn(async move { is_blocked(&pay(&client, &format!("a{place}"), &number(place), ATTACKER).await) });
    }
    while let Some(was_blocked) = running.join_next().await {
        let_through += usize::from(!was_blocked.unwrap());
    }
    let_through
}

async fn a_burst_of_cards_from_one_address_is_stopped_after_ten_and_touches_no_other_payer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    assert_eq!(burst(std::slice::from_ref(&client), 300).await, 10);
    assert_eq!(app.sandbox.ledger().entries.len(), 10);
    let paid = pay(&client, "jane", &number(0), PAYER).await;
    assert_eq!(paid.state(), State::Succeeded);
    assert!(is_blocked(&pay(&client, "b", &number(1000), ATTACKER).await));
    app.clock.advance(Duration::from_secs(3601));
    assert_eq!(pay(&client, "c", &number(1001), ATTACKER).await.state(), State::Succeeded);
}

async fn two_gateways_let_no_more_through_than_one(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let replica = app.replica().await;
    let clients = [app.client().await, Client::connect(replica.grpc_addr, app.key()).await];
    assert_eq!(burst(&clients, 60).await, 10);
}

async fn a_stopped_attempt_is_a_decline_without_a_request_to_corefy_and_without_a_reason_for_the_payer(
    database: TestDatabase,
) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    burst(std::slice::from_ref(&client), 10).await;
    let intent = intent_of(&client, "eve").await;
    let requests = app.sandbox.requests().len();
    let stopped = client.confirm_payment_intent(from_address(&intent.id, &number(99), ATTACKER)).await.unwrap();
    let stopped = stopped.into_inner().payment_intent.unwrap();
    assert_eq!(app.sandbox.requests().len(), requests);
    let error = stopped.last_payment_error.clone().unwrap();
    assert_eq!((stopped.state(), error.code.as_str()), (State::RequiresPaymentMethod, BLOCKED));
    assert_eq!(error.advice(), Advice::UseAnotherMethod);
    assert_eq!(error.payer_message, "The payment was declined. Please use another payment method.");
    assert_eq!(client.event_types(&intent.id).await, ["payment_intent.created", "payment_intent.blocked"]);
    assert!(client.get(&intent.id).await == stopped);

    let request = pb::GetTimelineRequest { id: intent.id.clone(), ..Default::default() };
    let timeline = client.get_timeline(request).await.unwrap().into_inner();
    let decision = timeline.entries.iter().find(|entry| entry.kind() == Kind::Risk).unwrap();
    assert_eq!(decision.sentence, "Attempt 1 was stopped.");
    assert!(decision.risk_decision_id.starts_with("rd_"));
    let seen = format!("{stopped:?} {timeline:?}");
    assert!(!seen.contains("distinct_cards"), "{seen}");

    let paid = client.confirm_payment_intent(from_address(&intent.id, APPROVED, PAYER)).await.unwrap();
    assert_eq!(paid.into_inner().payment_intent.unwrap().state(), State::Succeeded);
}

async fn a_repeated_call_counts_once_and_is_answered_as_the_first(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for place in 0..10 {
        let intent = intent_of(&client, &format!("a{place}")).await;
        for _ in 0..3 {
            let request = keyed(&intent.id, from_address(&intent.id, &number(place), ATTACKER));
            let paid = client.confirm_payment_intent(request).await.unwrap().into_inner().payment_intent.unwrap();
            assert_eq!(paid.state(), State::Succeeded);
        }
    }
    let intent = intent_of(&client, "b").await;
    let attempt = || keyed(&intent.id, from_address(&intent.id, &number(10), ATTACKER));
    let stopped = client.confirm_payment_intent(attempt()).await.unwrap();
    assert!(is_blocked(stopped.get_ref().payment_intent.as_ref().unwrap()));
    app.clock.advance(Duration::from_secs(7200));
    let again = client.confirm_payment_intent(attempt()).await.unwrap();
    assert_eq!(again.metadata().get("idempotent-replayed").unwrap(), "true");
    assert!(again.get_ref() == stopped.get_ref());
    assert_eq!(client.event_types(&intent.id).await, ["payment_intent.created", "payment_intent.blocked"]);
}

async fn a_customer_is_stopped_after_eight_declines_and_may_pay_again_a_day_later(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut attempts = Vec::new();
    let [jane, joan] = [client.customer("jane@example.com").await, client.customer("joan@example.com").await];
    let intent = |customer_id: &str| pb::CreatePaymentIntentRequest {
        customer_id: customer_id.to_owned(),
        customer_email: String::new(),
        ..new_intent("10.00")
    };
    let of_jane = client.created(intent(&jane)).await;
    for _ in 0..9 {
        attempts.push(client.confirm(&of_jane.id, DECLINED).await.unwrap().last_payment_error.unwrap().code);
    }
    assert_eq!(attempts[..8], ["insufficient_funds"; 8]);
    assert_eq!(attempts[8], BLOCKED);
    let of_joan = client.created(intent(&joan)).await;
    assert_eq!(client.confirm(&of_joan.id, APPROVED).await.unwrap().state(), State::Succeeded);
    app.clock.advance(DAY + Duration::from_secs(1));
    assert_eq!(client.confirm(&of_jane.id, APPROVED).await.unwrap().state(), State::Succeeded);
}

async fn failures_that_never_reached_the_issuer_stop_nobody(database: TestDatabase) {
    let app = TestApp::start_with(database, None, with_money).await;
    let client = app.client().await;
    let intent = intent_of(&client, "jane").await;
    for _ in 0..20 {
        let failed = client.confirm_payment_intent(from_address(&intent.id, PROCESSING_ERROR, PAYER)).await.unwrap();
        let code = failed.into_inner().payment_intent.unwrap().last_payment_error.unwrap().code;
        assert_eq!(code, "processing_error");
    }
    let paid = client.confirm_payment_intent(from_address(&intent.id, APPROVED, PAYER)).await.unwrap();
    assert_eq!(paid.into_inner().payment_intent.unwrap().state(), State::Succeeded);
}

/// Has the gateway believe that money moves.
fn with_money(config: &mut Config) {
    config.upstream.sandbox_mode = false;
}

async fn a_card_that_is_lost_is_not_tried_again_where_money_moves(database: TestDatabase) {
    let app = TestApp::start_with(database, None, with_money).await;
    let client = app.client().await;
    let codes = async |client: &Client| {
        let mut codes = Vec::new();
        for payer in ["jane", "joan"] {
            codes.push(pay(client, payer, LOST, PAYER).await.last_payment_error.unwrap().code);
        }
        codes
    };
    assert_eq!(codes(&client).await, ["lost_card", BLOCKED]);
    // The sandbox's cards have their outcome written on them, and everybody uses them.
    let app = app.crash_and_restart_changed(|config| config.upstream.sandbox_mode = true).await;
    assert_eq!(codes(&app.client().await).await, ["lost_card", "lost_card"]);
}

async fn attempts_that_could_not_be_sent_count_for_nobody(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let mut intents = Vec::new();
    for place in 0..12 {
        intents.push(intent_of(&client, &format!("a{place}")).await.id);
    }
    let corefy = app.config().upstream.base_url.clone();
    let nobody = Url::parse(&format!("http://{}", CLOSED_PORT)).unwrap();
    let app = app.crash_and_restart_changed(|config| config.upstream.base_url = nobody).await;
    let client = app.client().await;
    for (place, id) in (0..).zip(&intents) {
        let refusal = refused(client.confirm_payment_intent(from_address(id, &number(place), ATTACKER)).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unavailable, "UPSTREAM_UNAVAILABLE"));
        let refusal = refused(client.create_payment_method(card_to_save(&customer, place)).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::Unavailable, "UPSTREAM_UNAVAILABLE"));
    }
    let app = app.crash_and_restart_changed(|config| config.upstream.base_url = corefy).await;
    let client = app.client().await;
    let paid = client.confirm_payment_intent(from_address(&intents[0], &number(20), ATTACKER)).await.unwrap();
    assert_eq!(paid.into_inner().payment_intent.unwrap().state(), State::Succeeded);
    client.create_payment_method(card_to_save(&customer, 21)).await.unwrap();
}

fn card_to_save(customer_id: &str, place: u32) -> pb::CreatePaymentMethodRequest {
    pb::CreatePaymentMethodRequest {
        customer_id: customer_id.to_owned(),
        details: Some(Details::Card(pb::CardToSave {
            number: number(place),
            expiry_month: 12,
            expiry_year: 2040,
            holder_name: String::new(),
        })),
    }
}

async fn cards_are_not_saved_one_after_the_other(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let customer = client.customer("jane@example.com").await;
    let save = |place: u32| card_to_save(&customer, place);
    for place in 0..10 {
        client.create_payment_method(save(place)).await.unwrap();
    }
    let requests = app.sandbox.requests().len();
    for _ in 0..2 {
        let refusal = refused(client.create_payment_method(keyed("eleventh", save(10))).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::FailedPrecondition, "BLOCKED_BY_RISK"));
    }
    assert_eq!(app.sandbox.requests().len(), requests);
    let request = pb::ListPaymentMethodsRequest { customer_id: customer.clone(), ..Default::default() };
    assert_eq!(client.list_payment_methods(request).await.unwrap().into_inner().payment_methods.len(), 10);
}

const RULES: &str = r#"
name = "shop"
on_error = "block"
request_3ds_fallback = "review"

[[rules]]
name = "all"
action = "block"
mode = "shadow"
condition = "payment.attempt >= 1"

[[rules]]
name = "friends"
action = "allow"
mode = "live"
condition = "has(email.domain) && email.domain == 'friends.example'"

[[rules]]
name = "large"
action = "block"
mode = "live"
condition = "has(payment.amount) && payment.amount >= money('500.00')"

[[rules]]
name = "notable"
action = "review"
mode = "live"
condition = "has(payment.amount) && payment.amount >= money('200.00')"
"#;

async fn apply(client: &Client) {
    let request = pb::ApplyRulesRequest { source: RULES.to_owned(), reason: "a try".to_owned(), ..Default::default() };
    client.apply_rules(request).await.unwrap();
}

async fn paid_by(client: &Client, email: &str, amount: &str) -> pb::PaymentIntent {
    let request = pb::CreatePaymentIntentRequest { customer_email: email.to_owned(), ..new_intent(amount) };
    let intent = client.created(request).await;
    client.confirm(&intent.id, APPROVED).await.unwrap()
}

async fn rules_block_flag_and_watch_as_they_say(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    apply(&client).await;
    for (email, amount, is_stopped) in [
        ("jane@example.com", "199.99", false),
        ("jane@example.com", "200.00", false),
        ("jane@example.com", "500.00", true),
        ("jane@friends.example", "500.00", false),
    ] {
        let intent = paid_by(&client, email, amount).await;
        assert_eq!(is_blocked(&intent), is_stopped, "{email} {amount}");
        assert_eq!(intent.state() == State::Succeeded, !is_stopped, "{email} {amount}");
    }
    let reviews = client.list_reviews(pb::ListReviewsRequest::default()).await.unwrap().into_inner().reviews;
    let [review] = &reviews[..] else { panic!("{reviews:?}") };
    let request = pb::ListDecisionsRequest::default();
    let decisions = client.list_decisions(request).await.unwrap().into_inner().decisions;
    let decided: Vec<_> = decisions.iter().rev().map(|decision| decision.decided_by.as_str()).collect();
    assert_eq!(decided, ["", "notable", "large", "friends"]);
    assert_eq!(decisions[2].id, review.decision_id);
    let request = pb::ExplainDecisionRequest { decision_id: decisions[3].id.clone() };
    let explained = client.explain_decision(request).await.unwrap().into_inner().explanation.unwrap();
    let all = explained.results.iter().find(|result| result.name == "all").unwrap();
    assert!(all.shadow && all.matched, "{all:?}");
    let metrics = http_client().get(app.http("/metrics")).send().await.unwrap().text().await.unwrap();
    for line in [
        r#"{action="block",mode="live"} 1"#,
        r#"{action="review",mode="live"} 1"#,
        r#"{action="block",mode="shadow"} 4"#,
    ] {
        assert!(metrics.contains(&format!("corefy_gateway_risk_decisions_total{line}")), "{line}: {metrics}");
    }
}

async fn a_hard_list_stops_also_whom_a_rule_lets_through(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    apply(&client).await;
    let entry = pb::NewRiskListEntry { value: "jane@friends.example".to_owned(), expires_at: None };
    let (list, reason) = ("blocked_emails".to_owned(), "a try".to_owned());
    client.add_list_entries(pb::AddListEntriesRequest { list, entries: vec![entry], reason }).await.unwrap();
    assert!(is_blocked(&paid_by(&client, "Jane@friends.example", "10.00").await));
    assert!(!is_blocked(&paid_by(&client, "joan@friends.example", "10.00").await));
}

async fn many_payments_of_one_customer_at_once_are_all_made(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let replica = app.replica().await;
    let clients = [app.client().await, Client::connect(replica.grpc_addr, app.key()).await];
    let mut running = JoinSet::new();
    for place in 0..32 {
        let client = clients[place % clients.len()].clone();
        running.spawn(async move { pay(&client, "jane", APPROVED, PAYER).await.state() });
    }
    assert!(running.join_all().await.into_iter().all(|state| state == State::Succeeded));
}

async fn an_address_that_all_payers_share_is_not_counted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for place in 0..12 {
        let paid = pay(&client, &format!("p{place}"), &number(place), "10.1.2.3").await;
        assert_eq!(paid.state(), State::Succeeded);
    }
}

async fn a_gateway_that_does_not_screen_stops_nothing(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.risk.screening = false).await;
    let client = app.client().await;
    assert_eq!(burst(std::slice::from_ref(&client), 20).await, 20);
}

async fn an_attempt_of_a_process_that_died_counts(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let intent = intent_of(&app.client().await, "mallory").await;
    let (probe, died) = dies_at(Checkpoint::Reserved);
    let app = app.crash_and_restart_with(Some(probe)).await;
    let (client, request) = (app.client().await, from_address(&intent.id, &number(900), ATTACKER));
    let call = tokio::spawn(async move { client.confirm_payment_intent(request).await });
    let _ = died.acquire().await.unwrap();
    call.abort();
    let app = app.crash_and_restart().await;
    assert_eq!(burst(&[app.client().await], 20).await, 9);
}
