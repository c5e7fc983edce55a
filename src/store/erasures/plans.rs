//! Tests of how the rows of a person are found: by indexes, however many rows others have.

use sqlx::Row as _;

use super::{
    ABOUT, NOTED_OF_CUSTOMER, NOTED_OF_PAYMENT, OF_CUSTOMER, OF_PAYMENT, OF_SUBJECT, UNDER_WAY, select_records,
};
use crate::store::{
    list::tests::{CUSTOMER, FILL},
    list_query::ListQuery,
    plan_tests::{self, Grown},
};

/// An operation, a call, a decision and an event for each intent, and as many that are about a customer alone.
const RECORDS: [&str; 7] = [
    "INSERT INTO operations (id, partner_id, kind, subject_id, payment_intent_id, state, epoch, lease_until, sent_at, misses,
       baseline, request_id)
     SELECT 'op_' || id, 'acme', 'payment_intent.confirm', id, id, 'done', 1, 0, 0, 0, 0, '' FROM payment_intents",
    "INSERT INTO operations (id, partner_id, kind, subject_id, state, epoch, lease_until, sent_at, misses, baseline, request_id)
     SELECT 'op_c' || id, 'acme', 'customer.create', 'cus_' || id, 'done', 1, 0, 0, 0, 0, '' FROM payment_intents",
    "INSERT INTO api_calls (id, partner_id, operation, method, path, subject_id, payment_intent_id, request_id, outcome, latency,
       exchange, created_at)
     SELECT 'call_' || id, 'acme', 'payment_intent.confirm', 'POST', '/', id, id, '', 'succeeded', 1, {none}, 0
     FROM payment_intents",
    "INSERT INTO events (id, partner_id, type, object_id, object, created_at)
     SELECT 'evt_' || id, 'acme', 'payment_intent.created', id, {none}, 0 FROM payment_intents",
    "INSERT INTO risk_decisions (id, partner_id, payment_intent_id, customer_id, created_at, record)
     SELECT 'rd_' || id, 'acme', id, 'cus_' || id, 0, {none} FROM payment_intents",
    "INSERT INTO risk_reviews (id, partner_id, payment_intent_id, state, created_at, decided_by, note, refund)
     SELECT 'rd_' || id, 'acme', id, 'approved', 0, '', 'a note', 'none' FROM payment_intents",
    "INSERT INTO risk_decisions (id, partner_id, customer_id, created_at, record)
     SELECT 'rd_c' || id, 'acme', 'cus_' || id, 0, {none} FROM payment_intents",
];

impl Grown {
    async fn assert_finds(&mut self, select: ListQuery, order: &str, index: &str) {
        let (explain, column) = self.explain();
        let rows = select.explain(explain, &mut self.connection, order, 100).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
        let told = plan.join("\n");
        assert!(told.contains(index), "{index} is not used:\n{told}");
        assert!(!told.contains("Seq Scan") && !told.contains("SCAN "), "everything is read:\n{told}");
    }
}

async fn check(grown: &mut Grown) {
    let intent = "pi_100007";
    for (table, condition, of, index) in [
        ("operations", OF_PAYMENT, intent, "operations_of_payment"),
        ("operations", OF_SUBJECT, "cus_pi_100007", "operations_of_subject"),
        ("api_calls", OF_PAYMENT, intent, "api_calls_of_payment"),
        ("api_calls", "subject_id = {}", intent, "api_calls_of_subject"),
        ("events", ABOUT, intent, "events_of_object"),
        ("risk_decisions", OF_PAYMENT, intent, "risk_decisions_of_payment"),
        ("risk_decisions", OF_CUSTOMER, "cus_pi_100007", "risk_decisions_of_customer"),
        ("risk_reviews", NOTED_OF_PAYMENT, intent, "risk_reviews_of_payment"),
        ("risk_reviews", NOTED_OF_CUSTOMER, "cus_pi_100007", "risk_decisions_of_customer"),
    ] {
        grown.assert_finds(select_records(table, condition, of, "").unwrap(), "id", index).await;
    }
    let of_customer = || ListQuery::from("payment_intents").and("customer_id", "=", Some(CUSTOMER.to_owned())).unwrap();
    grown.assert_finds(of_customer(), "created_at, id", "payment_intents_customer").await;
    let under_way = of_customer().only(UNDER_WAY);
    grown.assert_finds(under_way, "created_at, id", "payment_intents_customer").await;
}

fn fill() -> Vec<&'static str> {
    FILL.into_iter().chain(RECORDS).collect()
}

#[tokio::test]
async fn a_person_s_rows_are_found_by_their_indexes_on_sqlite() {
    plan_tests::on_sqlite(&fill(), check).await;
}

#[tokio::test]
async fn a_person_s_rows_are_found_by_their_indexes_on_postgres() {
    plan_tests::on_postgres(&fill(), check).await;
}
