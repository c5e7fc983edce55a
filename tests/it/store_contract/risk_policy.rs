//! Rules, lists and reviews.

use corefy_gateway::{
    domain::{
        clock::Timestamp,
        ids::{Ids, PaymentIntentId, RefundId, RiskDecisionId},
        risk::{
            list_entry::ListEntry,
            lists::ListKind,
            review::{Review, ReviewRefund, ReviewState},
            rules_version::RulesVersion,
        },
    },
    store::{Change, Conflict, ListPosition, Store},
};

use super::objects::{acme, after, commit, conflict, other};
use crate::{on_three, support::database::TestDatabase};

on_three![
    of_two_changes_that_were_decided_on_one_revision_one_stands,
    versions_of_the_rules_are_listed_newest_first_and_never_replaced,
    an_entry_is_kept_once_and_its_expiry_replaced,
    expired_entries_are_deleted_in_bounded_steps,
    entries_are_listed_page_by_page,
    a_review_is_decided_once,
    reviews_are_listed_by_partner_and_state_the_last_opened_first,
];

fn rules(version: i64) -> Change {
    Change::RiskRules(RulesVersion { ..rules_version(version) })
}

fn rules_version(version: i64) -> RulesVersion {
    RulesVersion {
        version,
        name: "shop".to_owned(),
        source: format!("name = 'shop {version}'"),
        applied_at: after(version),
        applied_by: "jane@bastion".to_owned(),
        reason: "chargebacks".to_owned(),
    }
}

fn entry(list: &str, value: &str, expires_at: Option<Timestamp>) -> ListEntry {
    ListEntry {
        list: list.to_owned(),
        value: value.to_owned(),
        expires_at,
        reason: "fraud ring".to_owned(),
        added_by: "jane@bastion".to_owned(),
        added_at: after(1),
    }
}

fn add(entry: ListEntry) -> Change {
    Change::RiskListEntry(entry)
}

async fn entries(store: &Store, list: Option<&str>) -> Vec<ListEntry> {
    store.read().await.unwrap().risk_list_entries(list, None, 100).await.unwrap()
}

async fn revision(store: &Store) -> i64 {
    store.read().await.unwrap().risk_policy_revision().await.unwrap()
}

async fn of_two_changes_that_were_decided_on_one_revision_one_stands(database: TestDatabase) {
    let store = database.store().await;
    assert_eq!(revision(&store).await, 0);
    commit(&store, [Change::RiskPolicy { read_revision: 0 }, rules(1)]).await.unwrap();
    let late = [Change::RiskPolicy { read_revision: 0 }, add(entry("blocked_bins", "411111", None))];
    assert_eq!(conflict(commit(&store, late).await), Conflict::Stale);
    assert_eq!(revision(&store).await, 1);
    assert_eq!(entries(&store, None).await, []);
}

async fn versions_of_the_rules_are_listed_newest_first_and_never_replaced(database: TestDatabase) {
    let store = database.store().await;
    let latest = async || store.read().await.unwrap().latest_risk_rules().await.unwrap();
    assert_eq!(latest().await, None);
    for version in 1..=3 {
        commit(&store, [rules(version)]).await.unwrap();
    }
    let again = RulesVersion { source: "another".to_owned(), ..rules_version(3) };
    assert_eq!(conflict(commit(&store, [Change::RiskRules(again)]).await), Conflict::Stale);
    assert_eq!(latest().await, Some(rules_version(3)));
    let mut session = store.read().await.unwrap();
    assert_eq!(session.risk_rules(2).await.unwrap(), Some(rules_version(2)));
    assert_eq!(session.risk_rules(4).await.unwrap(), None);
    let versions = session.risk_rules_versions(Some(3), 1).await.unwrap();
    assert_eq!(versions, [rules_version(2)]);
}

async fn an_entry_is_kept_once_and_its_expiry_replaced(database: TestDatabase) {
    let store = database.store().await;
    let list = || Change::RiskList { name: "vips".to_owned(), kind: ListKind::Customer, created_at: after(0) };
    commit(&store, [list(), add(entry("vips", "cus_1", None)), add(entry("blocked_bins", "411111", None))])
        .await
        .unwrap();
    assert_eq!(conflict(commit(&store, [list()]).await), Conflict::Stale);
    let other = ListEntry { reason: "a friend".to_owned(), ..entry("vips", "cus_1", Some(after(9))) };
    commit(&store, [add(other.clone())]).await.unwrap();
    assert_eq!(entries(&store, Some("vips")).await, [other]);
    assert_eq!(entries(&store, None).await.len(), 2);
    let mut session = store.read().await.unwrap();
    let lists = session.risk_lists().await.unwrap();
    let sizes: Vec<_> = lists.iter().filter(|list| list.entries > 0).map(|list| (&*list.name, list.kind)).collect();
    assert_eq!(sizes, [("blocked_bins", ListKind::Bin), ("vips", ListKind::Customer)]);
    let values = ["cus_1", "cus_2"].map(str::to_owned);
    assert_eq!(session.risk_values_on("vips", &values).await.unwrap(), ["cus_1"]);
    drop(session);
    let remove = || Change::RemoveRiskListEntry { list: "vips".to_owned(), value: "cus_1".to_owned() };
    commit(&store, [remove()]).await.unwrap();
    assert_eq!(conflict(commit(&store, [remove()]).await), Conflict::Stale);
}

async fn expired_entries_are_deleted_in_bounded_steps(database: TestDatabase) {
    let store = database.store().await;
    let expiries = [None, Some(after(1)), Some(after(2)), Some(after(3))];
    let all = expiries.into_iter().zip(1..).map(|(at, n)| add(entry("blocked_bins", &format!("41111{n}"), at)));
    commit(&store, all).await.unwrap();
    let prune = async || store.delete_expired_list_entries(after(2), 1).await.unwrap();
    assert_eq!((prune().await, prune().await, prune().await), (1, 1, 0));
    let left: Vec<_> = entries(&store, None).await.into_iter().map(|entry| entry.value).collect();
    assert_eq!(left, ["411111", "411114"]);
}

async fn entries_are_listed_page_by_page(database: TestDatabase) {
    let store = database.store().await;
    let all = [("a", "1"), ("a", "2"), ("b", "0"), ("b", "3")];
    commit(&store, all.map(|(list, value)| add(entry(list, value, None)))).await.unwrap();
    let (mut after, mut seen) = (None::<(String, String)>, Vec::new());
    loop {
        let place = after.as_ref().map(|(list, value)| (&**list, &**value));
        let page = store.read().await.unwrap().risk_list_entries(None, place, 1).await.unwrap();
        let Some(entry) = page.into_iter().next() else { break };
        after = Some((entry.list.clone(), entry.value.clone()));
        seen.push((entry.list, entry.value));
    }
    assert_eq!(seen, all.map(|(list, value)| (list.to_owned(), value.to_owned())));
}

fn review(partner: corefy_gateway::domain::ids::PartnerId, second: i64) -> Review {
    let ids = Ids::system();
    let intent = PaymentIntentId::generate(&ids);
    Review::open(RiskDecisionId::generate(&ids), partner, Some(intent), after(second))
}

async fn a_review_is_decided_once(database: TestDatabase) {
    let store = database.store().await;
    let open = review(acme(), 1);
    let opened = || Change::RiskReview(Box::new(open.clone()));
    commit(&store, [opened()]).await.unwrap();
    assert_eq!(conflict(commit(&store, [opened()]).await), Conflict::Stale);
    let rejected = Review {
        state: ReviewState::Rejected,
        decided_at: Some(after(5)),
        decided_by: "pk_acme_1".to_owned(),
        note: "stolen card".to_owned(),
        refund: ReviewRefund::Wanted,
        ..open.clone()
    };
    let decide = |review: &Review| Change::RiskReviewDecision(Box::new(review.clone()));
    commit(&store, [decide(&rejected)]).await.unwrap();
    let approved = Review { state: ReviewState::Approved, ..rejected.clone() };
    assert_eq!(conflict(commit(&store, [decide(&approved)]).await), Conflict::Stale);
    let stored = async || store.read().await.unwrap().risk_review(&open.decision_id).await.unwrap().unwrap();
    assert_eq!(stored().await, rejected);
    let wanted = async || store.read().await.unwrap().risk_reviews_to_refund(10).await.unwrap();
    assert_eq!(wanted().await, std::slice::from_ref(&rejected));
    let refund_id = Some(RefundId::generate(&Ids::system()));
    let refunded = Review { refund: ReviewRefund::Created, refund_id, ..rejected };
    let refund = || Change::RiskReviewRefund(Box::new(refunded.clone()));
    commit(&store, [refund()]).await.unwrap();
    assert_eq!(conflict(commit(&store, [refund()]).await), Conflict::Stale);
    assert_eq!(stored().await, refunded);
    assert_eq!(wanted().await, []);
}

async fn reviews_are_listed_by_partner_and_state_the_last_opened_first(database: TestDatabase) {
    let store = database.store().await;
    let all = [review(acme(), 1), review(acme(), 2), review(other(), 3), review(acme(), 4)];
    commit(&store, all.iter().cloned().map(|review| Change::RiskReview(Box::new(review)))).await.unwrap();
    let approved = Review { state: ReviewState::Approved, decided_at: Some(after(9)), ..all[1].clone() };
    commit(&store, [Change::RiskReviewDecision(Box::new(approved))]).await.unwrap();
    let places = async |partner: Option<_>, states: &[ReviewState], after: Option<ListPosition>, limit| {
        let mut session = store.read().await.unwrap();
        let found = session.risk_reviews(partner.as_ref(), states, after, limit).await.unwrap();
        let place = |review: &Review| all.iter().position(|one| one.decision_id == review.decision_id).unwrap();
        found.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(places(None, &[], None, 10).await, [3, 2, 1, 0]);
    assert_eq!(places(Some(acme()), &[ReviewState::Open], None, 10).await, [3, 0]);
    assert_eq!(places(Some(acme()), &[ReviewState::Open, ReviewState::Approved], None, 2).await, [3, 1]);
    let position = ListPosition { moment: all[3].opened_at, id: all[3].decision_id.to_string() };
    assert_eq!(places(Some(acme()), &[], Some(position), 10).await, [1, 0]);
}
