//! Rules and lists, as those that govern them change them: by calls, and by the operator's commands.

use std::time::Duration;

use corefy_gateway::{
    domain::risk::{lists::ListKind, review::Review},
    pb::{
        self, PaymentIntentState as State, RiskListKind, RiskReviewRefundState as RefundState,
        RiskReviewState as ReviewState,
    },
    store::{Change, Store},
};
use secrecy::ExposeSecret as _;
use tonic::Code;

use corefy_gateway::domain::ids::{PartnerId, PaymentIntentId, RiskDecisionId};

use crate::support::{
    app::TestApp,
    client::{APPROVED, Client},
    database::{TestDatabase, master_key_text},
    program::output,
    refusal::{facts, refused, wrong_fields},
};

crate::on_both!(
    rules_are_checked_applied_and_reverted,
    rules_with_faults_are_refused_with_their_places,
    a_change_that_expects_another_version_is_refused,
    another_gateway_has_a_change_at_its_next_look,
    a_gateway_that_starts_has_the_policy_before_it_serves,
    lists_are_made_filled_and_emptied,
    what_does_not_fit_a_list_is_named_and_nothing_is_added,
    entries_that_have_expired_are_deleted,
    a_review_is_decided_once_and_for_its_partner_alone,
    a_rejected_payment_is_refunded_once,
    a_payment_that_was_not_paid_is_rejected_without_a_refund,
    a_rejected_payment_that_turns_out_to_be_paid_is_refunded_then,
    the_commands_do_as_the_calls,
);

const RULES: &str = r#"
name = "shop"
on_error = "review"
request_3ds_fallback = "block"

[[rules]]
name = "large"
action = "review"
mode = "live"
condition = "has(payment.amount) && payment.amount > money('500.00')"
"#;

fn text(text: &str) -> String {
    text.to_owned()
}

fn other_rules() -> String {
    RULES.replace("500.00", "900.00")
}

async fn apply(client: &Client, source: &str) -> pb::RiskRules {
    let request = pb::ApplyRulesRequest { source: text(source), reason: text("chargebacks"), expected_version: None };
    client.apply_rules(request).await.unwrap().into_inner().rules.unwrap()
}

async fn in_force(client: &Client) -> Option<pb::RiskRules> {
    client.get_rules(pb::GetRulesRequest::default()).await.unwrap().into_inner().rules
}

async fn rules_are_checked_applied_and_reverted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let checked = client.check_rules(pb::CheckRulesRequest { source: text(RULES) }).await.unwrap().into_inner();
    assert_eq!((checked.faults.len(), checked.rule_count), (0, 1));
    assert_eq!(in_force(&client).await, None);
    let first = apply(&client, RULES).await;
    assert_eq!((first.version, first.name.as_str(), first.source.as_str()), (1, "shop", RULES));
    assert_eq!(
        (first.applied_by.as_str(), first.reason.as_str()),
        (app.key().split_once(':').unwrap().0, "chargebacks")
    );
    let policy = app.server.app.risk.policies().current();
    assert_eq!((policy.version, policy.rules.as_ref().map(|rules| rules.rules.len())), (1, Some(1)));
    assert_eq!(apply(&client, RULES).await, first, "what is in force is not applied again");
    assert_eq!(apply(&client, &other_rules()).await.version, 2);

    let revert = pb::RevertRulesRequest { version: 1, reason: text("too strict"), expected_version: Some(2) };
    let reverted = client.revert_rules(revert).await.unwrap().into_inner().rules.unwrap();
    assert_eq!((reverted.version, reverted.source.as_str()), (3, RULES));
    assert_eq!(in_force(&client).await, Some(reverted));
    let list = |token: &str| pb::ListRulesVersionsRequest { page_size: 2, page_token: text(token) };
    let page = client.list_rules_versions(list("")).await.unwrap().into_inner();
    let numbers = |page: &pb::ListRulesVersionsResponse| {
        page.rules_versions.iter().map(|rules| (rules.version, rules.source.len())).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&page), [(3, 0), (2, 0)], "lists are without the files");
    let rest = client.list_rules_versions(list(&page.next_page_token)).await.unwrap().into_inner();
    assert_eq!((numbers(&rest), rest.next_page_token.as_str()), (vec![(1, 0)], ""));
    let second = client.get_rules(pb::GetRulesRequest { version: 2 }).await.unwrap().into_inner().rules.unwrap();
    assert_eq!(second.source, other_rules());
    let missing = refused(client.get_rules(pb::GetRulesRequest { version: 4 }).await);
    assert_eq!((missing.code, missing.reason.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

async fn rules_with_faults_are_refused_with_their_places(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let faulty =
        RULES.replace("payment.amount > money('500.00')", "payment.amount > 'much' && in_list('vips', card.bin)");
    let checked = client.check_rules(pb::CheckRulesRequest { source: faulty.clone() }).await.unwrap().into_inner();
    assert!(checked.faults.len() >= 2, "{:?}", checked.faults);
    for fault in &checked.faults {
        assert_eq!((fault.line, fault.rule.as_str()), (10, "large"), "{fault:?}");
        assert!(fault.column > 1 && !fault.message.is_empty(), "{fault:?}");
    }
    let request = pb::ApplyRulesRequest { source: faulty, reason: text("chargebacks"), expected_version: None };
    let wrong = wrong_fields(client.apply_rules(request).await);
    assert!(!wrong.is_empty() && wrong.iter().all(|field| field == "source"), "{wrong:?}");
    let request = pb::ApplyRulesRequest { source: text(""), reason: text(" "), expected_version: Some(-1) };
    assert_eq!(wrong_fields(client.apply_rules(request).await), ["expected_version", "reason", "source"]);
    let long = "#".repeat(256 * 1024 + 1);
    assert_eq!(wrong_fields(client.check_rules(pb::CheckRulesRequest { source: long }).await), ["source"]);
    assert_eq!(in_force(&client).await, None);
}

async fn a_change_that_expects_another_version_is_refused(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let apply_at = |source: String, expected| pb::ApplyRulesRequest {
        source,
        reason: text("x"),
        expected_version: Some(expected),
    };
    client.apply_rules(apply_at(text(RULES), 0)).await.unwrap();
    let stale = refused(client.apply_rules(apply_at(other_rules(), 0)).await);
    assert_eq!((stale.code, stale.reason.as_str()), (Code::Aborted, "REVISION_STALE"));
    assert_eq!(stale.facts, facts(&[("resource_id", "risk_rules"), ("revision", "1")]));
    let both = ["900.00", "901.00", "902.00", "903.00"].map(|amount| RULES.replace("500.00", amount));
    let at_once = both.map(|source| client.apply_rules(apply_at(source, 1)));
    let [a, b, c, d] = at_once;
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    let applied = [a, b, c, d].into_iter().filter(Result::is_ok).count();
    assert_eq!((applied, in_force(&client).await.unwrap().version), (1, 2), "one of those that were made at once");
}

async fn another_gateway_has_a_change_at_its_next_look(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let other = app.replica().await;
    apply(&client, RULES).await;
    let policies = other.app.risk.policies();
    assert_eq!(policies.current().version, 0);
    assert_eq!(other.app.risk.refresh_policy().await.unwrap(), 1);
    assert_eq!(policies.current().version, 1);
    assert_eq!(other.app.risk.refresh_policy().await.unwrap(), 0, "nothing has changed since");
    add(&client, "blocked_bins", &["411111"]).await;
    assert_eq!(policies.current().lists.len(), 0);
    assert_eq!(other.app.risk.refresh_policy().await.unwrap(), 1);
    assert!(policies.current().lists.contains("blocked_bins", "411111", None, app.clock.now()));
}

async fn a_gateway_that_starts_has_the_policy_before_it_serves(database: TestDatabase) {
    let app = TestApp::start(database).await;
    apply(&app.client().await, RULES).await;
    let app = app.crash_and_restart().await;
    assert_eq!(app.server.app.risk.policies().current().version, 1);
}

async fn create_list(client: &Client, name: &str, kind: RiskListKind) -> pb::RiskList {
    let request = pb::CreateListRequest { name: text(name), kind: kind.into(), reason: text("friends") };
    client.create_list(request).await.unwrap().into_inner().list.unwrap()
}

fn new_entries(list: &str, values: &[&str]) -> pb::AddListEntriesRequest {
    let entry = |value: &&str| pb::NewRiskListEntry { value: text(value), expires_at: None };
    pb::AddListEntriesRequest { list: text(list), entries: values.iter().map(entry).collect(), reason: text("ring") }
}

async fn add(client: &Client, list: &str, values: &[&str]) -> Vec<String> {
    let added = client.add_list_entries(new_entries(list, values)).await.unwrap().into_inner().entries;
    added.into_iter().map(|entry| entry.value).collect()
}

async fn entries(client: &Client, list: &str) -> Vec<String> {
    let request = pb::ListListEntriesRequest { list: text(list), ..Default::default() };
    let found = client.list_list_entries(request).await.unwrap().into_inner().entries;
    found.into_iter().map(|entry| entry.value).collect()
}

async fn lists_are_made_filled_and_emptied(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let made = create_list(&client, "vips", RiskListKind::Customer).await;
    assert_eq!((made.kind(), made.blocks, made.entry_count), (RiskListKind::Customer, false, 0));
    assert_eq!(create_list(&client, "vips", RiskListKind::Customer).await, made);
    let other = pb::CreateListRequest { name: text("vips"), kind: RiskListKind::Card.into(), reason: text("x") };
    assert_eq!(wrong_fields(client.create_list(other).await), ["kind"]);

    let customer = format!("cus_{}", "0".repeat(32));
    assert_eq!(add(&client, "vips", &[&customer, &customer]).await, [customer.as_str()]);
    let cards = add(&client, "blocked_cards", &[APPROVED]).await;
    assert!(cards[0].starts_with("card:") && cards.len() == 1, "{cards:?}");
    assert_eq!(add(&client, "blocked_cards", &[&cards[0]]).await, cards, "as decisions show it");
    add(&client, "blocked_ips", &["203.0.113.9/24", "2001:db8::/32"]).await;
    assert_eq!(entries(&client, "blocked_ips").await, ["2001:db8::/32", "203.0.113.0/24"]);
    let request = pb::ListListEntriesRequest { list: text("blocked_ips"), page_size: 1, ..Default::default() };
    let page = client.list_list_entries(request.clone()).await.unwrap().into_inner();
    let rest = client.list_list_entries(pb::ListListEntriesRequest { page_token: page.next_page_token, ..request });
    assert_eq!(rest.await.unwrap().into_inner().entries[0].value, "203.0.113.0/24");
    let all = client.list_lists(pb::ListListsRequest {}).await.unwrap().into_inner().lists;
    assert_eq!(all.len(), 8);
    let sizes: Vec<_> = all.iter().filter(|list| list.entry_count > 0).map(|list| (&*list.name, list.blocks)).collect();
    assert_eq!(sizes, [("blocked_cards", true), ("blocked_ips", true), ("vips", false)]);
    let policy = app.server.app.risk.policies().current();
    assert_eq!((policy.lists.kind("vips"), policy.lists.len()), (Some(ListKind::Customer), 4));

    let remove = |list: &str, value: &str| {
        client.remove_list_entry(pb::RemoveListEntryRequest { list: text(list), value: text(value), reason: text("x") })
    };
    remove("blocked_cards", APPROVED).await.unwrap();
    assert_eq!(entries(&client, "blocked_cards").await, [""; 0]);
    let gone = refused(remove("blocked_cards", APPROVED).await);
    assert_eq!(gone.facts["resource_type"], "list_entry");
    let missing = refused(remove("friends", "x").await);
    assert_eq!((missing.code, missing.facts["resource_id"].as_str()), (Code::NotFound, "friends"));
    let kept = app.database.raw().await;
    assert!(
        !kept.windows(APPROVED.len()).any(|bytes| bytes == APPROVED.as_bytes()),
        "a card number is in the database"
    );
}

async fn what_does_not_fit_a_list_is_named_and_nothing_is_added(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let expired = pb::NewRiskListEntry { value: text("411111"), expires_at: Some(prost_types::Timestamp::default()) };
    let mut request = new_entries("blocked_bins", &["411112", "4111111", ""]);
    request.entries.push(expired);
    assert_eq!(wrong_fields(client.add_list_entries(request.clone()).await), ["entries[2].value"]);
    request.entries.remove(2);
    let wrong = wrong_fields(client.add_list_entries(request).await);
    assert_eq!(wrong, ["entries[1].value", "entries[2].expires_at"]);
    assert_eq!(entries(&client, "blocked_bins").await, [""; 0]);
    assert_eq!(wrong_fields(client.add_list_entries(new_entries("blocked_bins", &[])).await), ["entries"]);
    let many: Vec<_> = (0..501).map(|n| format!("{n:06}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(wrong_fields(client.add_list_entries(new_entries("blocked_bins", &many)).await), ["entries"]);
    assert_eq!(add(&client, "blocked_bins", &many[..500]).await.len(), 500);
    let nameless = pb::CreateListRequest { name: text("Vips"), kind: 99, reason: text("") };
    assert_eq!(wrong_fields(client.create_list(nameless).await), ["kind", "name", "reason"]);
}

async fn entries_that_have_expired_are_deleted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let in_an_hour = prost_types::Timestamp { seconds: app.clock.now().seconds() + 3600, nanos: 0 };
    let mut request = new_entries("blocked_bins", &["411111", "411112"]);
    request.entries[0].expires_at = Some(in_an_hour);
    client.add_list_entries(request).await.unwrap();
    let lists = || app.server.app.risk.policies().current().lists.clone();
    assert!(lists().contains("blocked_bins", "411111", None, app.clock.now()));
    app.clock.advance(Duration::from_secs(3600));
    assert!(!lists().contains("blocked_bins", "411111", None, app.clock.now()));
    assert_eq!(app.server.app.risk.prune_list_entries(500).await.unwrap(), 1);
    assert_eq!(entries(&client, "blocked_bins").await, ["411112"]);
}

/// Opens a review of a payment.
pub async fn open_review(app: &TestApp, payment: &str) -> String {
    let store: Store = app.database.store().await;
    let id = RiskDecisionId::generate(&app.environment.ids);
    let partner = PartnerId::parse("acme").unwrap();
    let review = Review::open(id.clone(), partner, PaymentIntentId::parse(payment), app.clock.now());
    store.commit(&[Change::RiskReview(Box::new(review))].into_iter().collect()).await.unwrap();
    store.close().await;
    id.to_string()
}

fn approval(id: &str) -> pb::ApproveReviewRequest {
    pb::ApproveReviewRequest { decision_id: text(id), reason: text("a known customer") }
}

fn rejection(id: &str, refund: bool) -> pb::RejectReviewRequest {
    pb::RejectReviewRequest { decision_id: text(id), reason: text("a stolen card"), refund }
}

async fn reject(client: &Client, id: &str) -> pb::RiskReview {
    client.reject_review(rejection(id, true)).await.unwrap().into_inner().review.unwrap()
}

async fn a_review_is_decided_once_and_for_its_partner_alone(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let id = open_review(&app, &client.paid_intent("10.00").await.id).await;
    let later = open_review(&app, &client.paid_intent("10.00").await.id).await;
    let stranger = app.client_of(|key| key.partner_name = text("Umbrella")).await;
    let list = |states: &[ReviewState]| pb::ListReviewsRequest {
        states: states.iter().map(|state| i32::from(*state)).collect(),
        ..Default::default()
    };
    let ids = |page: tonic::Response<pb::ListReviewsResponse>| {
        page.into_inner().reviews.into_iter().map(|review| review.decision_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(client.list_reviews(list(&[])).await.unwrap()), [later.clone(), id.clone()]);
    assert_eq!(ids(stranger.list_reviews(list(&[])).await.unwrap()), [""; 0]);
    let missing = refused(stranger.approve_review(approval(&id)).await);
    assert_eq!((missing.code, missing.facts["resource_id"].as_str()), (Code::NotFound, id.as_str()));

    let approved = client.approve_review(approval(&id)).await.unwrap().into_inner().review.unwrap();
    assert_eq!((approved.state(), approved.reason.as_str()), (ReviewState::Approved, "a known customer"));
    assert_eq!(client.approve_review(approval(&id)).await.unwrap().into_inner().review, Some(approved));
    let decided = refused(client.reject_review(rejection(&id, false)).await);
    assert_eq!((decided.code, decided.reason.as_str()), (Code::FailedPrecondition, "REVIEW_DECIDED"));
    assert_eq!(decided.facts, facts(&[("state", "approved")]));
    assert_eq!(ids(client.list_reviews(list(&[ReviewState::Open])).await.unwrap()), [later]);
    let wrong = pb::ApproveReviewRequest { decision_id: text("rd_1"), reason: text("") };
    assert_eq!(wrong_fields(client.approve_review(wrong).await), ["decision_id", "reason"]);
}

async fn a_rejected_payment_is_refunded_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let paid = client.paid_intent("10.00").await.id;
    let id = open_review(&app, &paid).await;
    let rejected = reject(&client, &id).await;
    assert_eq!((rejected.state(), rejected.refund_state()), (ReviewState::Rejected, RefundState::Created));
    assert_eq!(reject(&client, &id).await, rejected, "the same again changes nothing");
    let refund = client.get_refund(pb::GetRefundRequest { id: rejected.refund_id }).await.unwrap().into_inner();
    let refund = refund.refund.unwrap();
    assert_eq!((refund.payment_intent_id.as_str(), refund.amount.as_str()), (paid.as_str(), "10.00"));
    assert_eq!(app.server.app.risk.refund_rejected(&app.server.app.payments).await.unwrap(), 0);
    app.assert_books_agree(&client, &paid).await;
}

async fn a_payment_that_was_not_paid_is_rejected_without_a_refund(database: TestDatabase) {
    /// Not charged: HTTP 500.
    const NOT_CHARGED_500: &str = "4000000000005001";
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let unpaid = open_review(&app, &client.intent("10.00").await.id).await;
    assert_eq!(reject(&client, &unpaid).await.refund_state(), RefundState::Refused);
    // One whose outcome is not known may still turn out to be paid.
    let in_doubt = client.intent("10.00").await.id;
    client.confirm(&in_doubt, NOT_CHARGED_500).await.unwrap();
    let waiting = open_review(&app, &in_doubt).await;
    assert_eq!(reject(&client, &waiting).await.refund_state(), RefundState::Wanted);
    assert_eq!(app.server.app.risk.refund_rejected(&app.server.app.payments).await.unwrap(), 0);
}

async fn a_rejected_payment_that_turns_out_to_be_paid_is_refunded_then(database: TestDatabase) {
    /// Charged: HTTP 500.
    const CHARGED_500: &str = "4000000000005019";
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let in_doubt = client.intent("10.00").await.id;
    client.confirm(&in_doubt, CHARGED_500).await.unwrap();
    let id = open_review(&app, &in_doubt).await;
    assert_eq!(reject(&client, &id).await.refund_state(), RefundState::Wanted);
    app.recover_after(Duration::from_secs(60)).await;
    assert_eq!(client.get(&in_doubt).await.state(), State::Succeeded);
    let refund_rejected = async || app.server.app.risk.refund_rejected(&app.server.app.payments).await.unwrap();
    assert_eq!((refund_rejected().await, refund_rejected().await), (1, 0));
    assert_eq!(reject(&client, &id).await.refund_state(), RefundState::Created);
    app.assert_books_agree(&client, &in_doubt).await;
}

/// Runs the program on the app's database: its exit code, and what it said to standard output and standard error.
fn run(app: &TestApp, args: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("rules.toml"), RULES).unwrap();
    std::fs::write(directory.path().join("faulty.toml"), RULES.replace("500.00", "much")).unwrap();
    std::fs::write(directory.path().join("bins.txt"), "# of the ring\n411111\n\n411112\n").unwrap();
    std::fs::write(directory.path().join("wrong.txt"), "411111\n41111\n").unwrap();
    let key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", key.expose_secret())];
    let output = output(directory.path(), args, &variables);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

async fn the_commands_do_as_the_calls(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let done = |args: &[&str]| {
        let (code, told, why) = run(&app, args);
        assert_eq!(code, Some(0), "{args:?}: {why}");
        told
    };
    let fails = |args: &[&str], said: &str| {
        let (code, _, why) = run(&app, args);
        assert!(code != Some(0) && why.contains(said), "{args:?}: {why}");
    };
    assert!(done(&["risk", "check", "rules.toml"]).contains("shop has no faults"));
    fails(&["risk", "check", "faulty.toml"], "faulty.toml: line 10, column ");
    fails(&["risk", "apply", "rules.toml"], "--reason");
    fails(&["risk", "show"], "no rules were applied yet");
    let reason = "--reason=chargebacks";
    assert!(done(&["risk", "apply", "rules.toml", reason]).starts_with("version 1 (shop) is in force"));
    assert_eq!(done(&["risk", "show"]), RULES);
    apply(&client, &other_rules()).await;
    assert!(done(&["risk", "revert", "1", reason]).starts_with("version 3 (shop) is in force"));
    assert_eq!(done(&["risk", "versions", "--limit=2"]).lines().count(), 3);

    done(&["risk", "lists", "create", "vips", "--kind=customer", reason]);
    assert!(done(&["risk", "lists", "import", "blocked_bins", "bins.txt", reason]).starts_with("2 lines are on"));
    fails(&["risk", "lists", "import", "blocked_bins", "wrong.txt", reason], "(lines 2)");
    fails(&["risk", "lists", "add", "blocked_cards", APPROVED, reason], "must not be an argument");
    done(&["risk", "lists", "add", "blocked_domains", "spam.example", "--expires-in-days=30", reason]);
    done(&["risk", "lists", "remove", "blocked_bins", "411112", reason]);
    let shown = done(&["risk", "lists", "show", "blocked_bins"]);
    assert!(shown.contains("411111") && !shown.contains("411112"), "{shown}");
    assert!(done(&["risk", "lists", "show"]).contains("blocked_domains"));

    let paid = client.paid_intent("10.00").await.id;
    let (fine, not_fine) = (open_review(&app, &paid).await, open_review(&app, &paid).await);
    assert!(done(&["risk", "reviews", "list"]).contains(&fine));
    assert_eq!(done(&["risk", "reviews", "approve", &fine, reason]), format!("{fine} is approved\n"));
    done(&["risk", "reviews", "reject", &not_fine, "--refund", reason]);
    assert_eq!(app.server.app.risk.refund_rejected(&app.server.app.payments).await.unwrap(), 1);
    assert!(done(&["risk", "reviews", "list", "--state=rejected"]).contains("re_"));
    let changes = done(&["risk", "changes"]);
    for change in ["rules.apply", "rules.revert", "list.create", "list.add", "list.remove", "review.reject"] {
        assert!(changes.contains(&format!("  risk.{change}  ")), "{change}: {changes}");
    }
    let refunds = done(&["audit", "list", "--action=refund.create"]);
    assert!(refunds.lines().count() == 2 && refunds.contains("  re_"), "{refunds}");
}
