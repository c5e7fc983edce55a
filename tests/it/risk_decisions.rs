//! Decisions about risk, as their partner and the operator see them, and rules that are tried on them.

use corefy_gateway::{
    domain::{
        hash_key::HashKey,
        ids::{CustomerId, OperationId, PartnerId, PaymentIntentId, RiskDecisionId},
        money::{Currency, Money},
        risk::{
            action::{Action, Mode},
            decision::{RiskDecision, RuleOutcome, RuleResult, Step},
            inputs::{CardInputs, CustomerInputs, IpInputs, RiskInputs},
            outcome::{OutcomeKind, RiskOutcome},
            subject::{Dimension, SubjectHasher},
            velocity::{Measure, Velocities, Window},
        },
    },
    pb::{self, RiskAction, RiskDecisionStep},
    store::Change,
};
use secrecy::ExposeSecret as _;
use tonic::Code;

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client},
    database::{TestDatabase, master_key_text},
    program::output,
    refusal::{refused, wrong_fields},
};

crate::on_both!(
    decisions_are_listed_for_their_partner_newest_first,
    a_decision_is_explained_without_anything_personal,
    rules_are_tried_on_what_was_decided,
    the_commands_explain_and_try,
    what_is_applied_decides_about_the_next_attempt_and_is_explained,
);

const RULES: &str = r#"
name = "tried"
on_error = "review"

[[rules]]
name = "large"
action = "block"
mode = "live"
condition = "has(payment.amount) && payment.amount >= money('100.00')"
"#;

fn partner(name: &str) -> PartnerId {
    PartnerId::parse(name).unwrap()
}

fn decision(app: &TestApp, of: &str, minor: i64) -> RiskDecision {
    let (ids, at) = (&app.environment.ids, app.clock.now());
    let hasher = SubjectHasher::new(&HashKey::new(master_key_text()));
    let mut velocities = Velocities::default();
    velocities.set(Dimension::Ip, Window::Hour, Measure::Attempts, 7);
    let rule = |name: &str, mode, outcome| RuleResult {
        name: name.to_owned(),
        step: Step::ReviewRule,
        action: Action::Review,
        mode,
        outcome,
    };
    RiskDecision {
        id: RiskDecisionId::generate(ids),
        operation_id: OperationId::generate(ids),
        rules_version: 3,
        action: Action::Review,
        step: Step::ReviewRule,
        decided_by: "new".to_owned(),
        results: vec![
            rule("new", Mode::Live, RuleOutcome::Match),
            rule("odd", Mode::Shadow, RuleOutcome::Error("division by zero".to_owned())),
        ],
        inputs: RiskInputs {
            payment_intent_id: Some(PaymentIntentId::generate(ids)),
            partner_id: partner(of),
            amount: Some(Money::new(minor, Currency::parse("USD").unwrap())),
            base_amount: None,
            payment_method_type: "card".to_owned(),
            card: Some(CardInputs {
                bin: "411111".to_owned(),
                brand: "visa".to_owned(),
                subject: Some(hasher.card("4111111111111111")),
                country: Some("US".to_owned()),
                funding: None,
                issuer: None,
            }),
            ip: Some(IpInputs { subject: hasher.ip([203, 0, 113, 7].into()), country: None, network: None }),
            email: None,
            billing_country: None,
            customer: Some(CustomerInputs {
                id: CustomerId::generate(ids),
                age_days: 0,
                successes: 1,
                declines: 2,
                chargebacks: 0,
            }),
            attempt: 1,
            is_authenticated: false,
            metadata: [("phone".to_owned(), "+1 415 555 2671".to_owned())].into(),
            is_sandbox: true,
            at,
        },
        velocities,
        ip_lists: Vec::new(),
        decided_at: at,
        took_micros: 250,
    }
}

/// Keeps decisions over these amounts of Acme, each with what came of it.
async fn keep(app: &TestApp, all: &[(i64, &[OutcomeKind])]) -> Vec<RiskDecision> {
    let store = app.database.store().await;
    let mut kept = Vec::new();
    for (minor, outcomes) in all {
        let made = decision(app, "acme", *minor);
        store.commit(&[Change::RiskDecision(Box::new(made.clone()))].into_iter().collect()).await.unwrap();
        let at = app.clock.now();
        let outcome = |kind: &OutcomeKind| Change::RiskOutcome(RiskOutcome::of(made.id.clone(), *kind, at));
        for outcome in outcomes.iter().map(outcome) {
            store.commit(&[outcome].into_iter().collect()).await.unwrap();
        }
        kept.push(made);
    }
    let strangers = decision(app, "umbrella", 99_999);
    store.commit(&[Change::RiskDecision(Box::new(strangers.clone()))].into_iter().collect()).await.unwrap();
    kept.push(strangers);
    store.close().await;
    kept
}

async fn explain(client: &Client, id: &str) -> Result<pb::RiskExplanation, tonic::Status> {
    let request = pb::ExplainDecisionRequest { decision_id: id.to_owned() };
    client.explain_decision(request).await.map(|answer| answer.into_inner().explanation.unwrap())
}

async fn decisions_are_listed_for_their_partner_newest_first(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let kept = keep(&app, &[(1_000, &[]), (2_000, &[]), (3_000, &[])]).await;
    let list = |request: pb::ListDecisionsRequest| async { client.list_decisions(request).await.unwrap().into_inner() };
    let amounts = |page: &pb::ListDecisionsResponse| {
        page.decisions.iter().map(|decision| decision.amount.clone()).collect::<Vec<_>>()
    };
    let first = list(pb::ListDecisionsRequest { page_size: 2, ..Default::default() }).await;
    assert_eq!(amounts(&first), ["30.00", "20.00"]);
    let next = pb::ListDecisionsRequest { page_size: 2, page_token: first.next_page_token, ..Default::default() };
    assert_eq!(amounts(&list(next).await), ["10.00"]);
    let newest = &first.decisions[0];
    assert_eq!((newest.action(), newest.step()), (RiskAction::Review, RiskDecisionStep::ReviewRule));
    assert_eq!((newest.decided_by.as_str(), newest.rules_version, newest.sandbox), ("new", 3, true));
    let blocked = pb::ListDecisionsRequest { action: RiskAction::Block.into(), ..Default::default() };
    assert_eq!(list(blocked).await.decisions, []);
    let id = kept[1].inputs.payment_intent_id.as_ref().unwrap().payment_id();
    let of_payment = pb::ListDecisionsRequest { payment_intent_id: id, ..Default::default() };
    assert_eq!(amounts(&list(of_payment).await), ["20.00"]);
    let wrong = pb::ListDecisionsRequest { action: 99, payment_intent_id: "re_1".to_owned(), ..Default::default() };
    assert_eq!(wrong_fields(client.list_decisions(wrong).await), ["action", "payment_intent_id"]);
    let missing = refused(explain(&client, kept[3].id.as_str()).await);
    assert_eq!((missing.code, missing.facts["resource_type"].as_str()), (Code::NotFound, "risk_decision"));
}

async fn a_decision_is_explained_without_anything_personal(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let kept = keep(&app, &[(1_000, &[OutcomeKind::Succeeded])]).await;
    let explained = explain(&app.client().await, kept[0].id.as_str()).await.unwrap();
    let fact = |name: &str| explained.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value.as_str());
    assert_eq!(
        (fact("payment.amount"), fact("card.country"), fact("metadata")),
        (Some("10.00 USD"), Some("US"), Some("phone"))
    );
    assert!(fact("card.subject").unwrap().starts_with("card:") && fact("ip.subject").unwrap().starts_with("ip:"));
    assert_eq!(fact("email.domain"), None);
    let velocities: Vec<_> = explained.velocities.iter().map(|fact| (&*fact.name, &*fact.value)).collect();
    assert_eq!(velocities, [("ip/1h/attempts", "7")]);
    assert_eq!(
        (explained.outcomes.as_slice(), explained.took.unwrap().nanos),
        (&["succeeded".to_owned()][..], 250_000)
    );
    let results: Vec<_> =
        explained.results.iter().map(|rule| (&*rule.name, rule.matched, rule.shadow, &*rule.error)).collect();
    assert_eq!(results, [("new", true, false, ""), ("odd", false, true, "division by zero")]);
    let told = format!("{explained:?}");
    assert!(!told.contains("415 555") && !told.contains("203.0.113"), "{told}");
}

async fn rules_are_tried_on_what_was_decided(database: TestDatabase) {
    use OutcomeKind::{ChargedBack, Succeeded};
    let app = TestApp::start(database).await;
    let client = app.client().await;
    keep(&app, &[(5_000, &[Succeeded]), (20_000, &[Succeeded, ChargedBack]), (30_000, &[])]).await;
    let request = pb::BacktestRulesRequest { source: RULES.to_owned(), ..Default::default() };
    let tried = |request: pb::BacktestRulesRequest| async {
        client.backtest_rules(request).await.unwrap().into_inner().backtest.unwrap()
    };
    let told = tried(request.clone()).await;
    assert_eq!((told.decision_count, told.truncated), (3, false), "of the partner alone");
    let row = |row: &pb::RiskBacktestRow| {
        let amounts = [&row.amount, &row.paid_amount, &row.charged_back_amount].map(String::clone);
        (row.action(), row.currency.clone(), [row.count, row.paid_count, row.charged_back_count], amounts)
    };
    let rows = |rows: &[pb::RiskBacktestRow]| rows.iter().map(row).collect::<Vec<_>>();
    let expected = |action, counts, amounts: [&str; 3]| (action, "USD".to_owned(), counts, amounts.map(str::to_owned));
    assert_eq!(
        rows(&told.tested),
        [
            expected(RiskAction::Allow, [1, 1, 0], ["50.00", "50.00", "0.00"]),
            expected(RiskAction::Block, [2, 1, 1], ["500.00", "200.00", "200.00"]),
        ]
    );
    assert_eq!(rows(&told.in_force), [expected(RiskAction::Allow, [3, 2, 1], ["550.00", "250.00", "200.00"])]);
    assert_eq!((told.rules[0].name.as_str(), told.rules[0].match_count), ("large", 2));
    let few = tried(pb::BacktestRulesRequest { max_decisions: 2, ..request.clone() }).await;
    assert_eq!((few.decision_count, few.truncated), (2, true), "the newest ones");
    let later = prost_types::Timestamp { seconds: app.clock.now().seconds() + 60, nanos: 0 };
    let none = tried(pb::BacktestRulesRequest { decided_from: Some(later), ..request.clone() }).await;
    assert_eq!((none.decision_count, none.first_decided_at), (0, None));
    let faulty = pb::BacktestRulesRequest { source: RULES.replace("100.00", "much"), ..request.clone() };
    assert_eq!(wrong_fields(client.backtest_rules(faulty).await), ["source"]);
    let wrong = pb::BacktestRulesRequest { max_decisions: 100_001, ..Default::default() };
    assert_eq!(wrong_fields(client.backtest_rules(wrong).await), ["max_decisions", "source"]);
}

/// Runs the program on the app's database, and returns what it said.
fn run(app: &TestApp, args: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("rules.toml"), RULES).unwrap();
    let key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", key.expose_secret())];
    let output = output(directory.path(), args, &variables);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn the_commands_explain_and_try(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let kept = keep(&app, &[(20_000, &[OutcomeKind::Succeeded])]).await;
    let shown = run(&app, &["risk", "explain", kept[0].id.as_str()]);
    for part in
        ["review", "at the step review_rule by new", "card:", "ip/1h/attempts", "failed: division by zero", "succeeded"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("415 555"), "{shown}");
    let tried = run(&app, &["risk", "backtest", "rules.toml", "--since=2026-01-01T00:00:00Z"]);
    assert!(tried.starts_with("2 decisions about payments"), "of all partners: {tried}");
    let blocked = tried.lines().find(|line| line.starts_with("block")).unwrap();
    assert!(blocked.contains("1199.99") && blocked.contains("200.00"), "{tried}");
    let intent = app.client().await.intent("10.00").await;
    assert!(run(&app, &["risk", "explain", &intent.id]).starts_with("no attempt to pay it"));
}

async fn what_is_applied_decides_about_the_next_attempt_and_is_explained(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let first = client.paid_intent("100.00").await;
    let reason = || "chargebacks".to_owned();
    let apply = pb::ApplyRulesRequest { source: RULES.to_owned(), reason: reason(), expected_version: Some(0) };
    client.apply_rules(apply).await.unwrap();
    let blocked = client.intent("100.00").await;
    let blocked = client.confirm(&blocked.id, APPROVED).await.unwrap();
    assert_eq!(blocked.state(), pb::PaymentIntentState::RequiresPaymentMethod);
    let error = blocked.last_payment_error.unwrap();
    assert_eq!(error.code, "blocked_by_risk");
    assert!(!format!("{error:?}").contains("large"), "the caller does not learn which rule it was: {error:?}");

    let list = async |payment: &str| {
        let request = pb::ListDecisionsRequest { payment_intent_id: payment.to_owned(), ..Default::default() };
        client.list_decisions(request).await.unwrap().into_inner().decisions
    };
    let [decision] = list(&blocked.id).await.try_into().unwrap();
    assert_eq!((decision.action(), decision.step()), (RiskAction::Block, RiskDecisionStep::BlockRule));
    assert_eq!((decision.decided_by.as_str(), decision.rules_version), ("large", 1));
    let explained = explain(&client, &decision.id).await.unwrap();
    assert!(explained.results.iter().any(|rule| rule.name == "large" && rule.matched), "{explained:?}");
    assert!(run(&app, &["risk", "explain", &blocked.id]).contains("at the step block_rule by large"));

    let source = RULES.replace("100.00", "900.00");
    let apply = pb::ApplyRulesRequest { source, reason: reason(), expected_version: Some(1) };
    client.apply_rules(apply).await.unwrap();
    let bin = pb::NewRiskListEntry { value: "555555".to_owned(), expires_at: None };
    let add = pb::AddListEntriesRequest { list: "blocked_bins".to_owned(), entries: vec![bin], reason: reason() };
    client.add_list_entries(add).await.unwrap();
    let intent = client.intent("100.00").await;
    let stopped = client.confirm(&intent.id, "5555555555554444").await.unwrap();
    assert_eq!(stopped.last_payment_error.unwrap().code, "blocked_by_risk");
    let [decision] = list(&intent.id).await.try_into().unwrap();
    assert_eq!((decision.step(), decision.decided_by.as_str()), (RiskDecisionStep::HardList, "blocked_bins"));
    let paid = client.confirm(&intent.id, APPROVED).await.unwrap();
    assert_eq!(paid.state(), pb::PaymentIntentState::Succeeded);

    let backtest = pb::BacktestRulesRequest { source: RULES.to_owned(), ..Default::default() };
    let told = client.backtest_rules(backtest).await.unwrap().into_inner().backtest.unwrap();
    assert_eq!((told.decision_count, told.rules[0].match_count), (4, 4));
    let of = |rows: &[pb::RiskBacktestRow], action| {
        rows.iter().find(|row| row.action() == action).map(|row| (row.count, row.paid_count))
    };
    assert_eq!(of(&told.tested, RiskAction::Block), Some((4, 2)), "what was paid would have been stopped");
    // The list blocks now as it did then; all else goes on.
    assert_eq!(of(&told.in_force, RiskAction::Allow), Some((3, 2)));
    assert_eq!(list(&first.id).await[0].action(), RiskAction::Allow);
}
