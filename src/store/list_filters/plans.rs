//! Tests of how the rows of a search are found: its places by the index that is meant for them, and its rows by their ids.

use sqlx::Row as _;

use crate::{
    domain::{
        hash_key::HashKey,
        ids::{CustomerId, PartnerId, PaymentIntentId},
        list_filters::{AmountRange, CustomerFilter, PaymentIntentFilter, RefundFilter},
        money::Currency,
        payment_intent::PaymentIntentState,
        refund::RefundState,
        search_term::{SearchTerm, TermHasher},
    },
    store::{
        list::tests::{CUSTOMER, FILL, seconds},
        list_filter::ListFilter,
        plan_tests::{self, Grown},
        search::MOST_EXAMINED,
    },
};

/// A term that a hundredth of the intents have, among others that one has each; and customers.
const TERMS: [&str; 2] = [
    "INSERT INTO search_terms (term, created_at, id) SELECT {none}, created_at, id FROM payment_intents
       WHERE customer_id IS NOT NULL",
    "INSERT INTO customers (id, partner_id, reference_id, details, created_at, updated_at)
       WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
       SELECT 'cus_' || (100000 + n), 'acme', 'c' || n, {none}, CAST(n AS BIGINT), 0 FROM numbers",
];

impl Grown {
    /// Asserts that a search reads its places by this index, and no table from its beginning to its end.
    async fn assert_searches<F: ListFilter>(&mut self, filter: &F, index: &str) {
        let hasher = TermHasher::new(&HashKey::new("0123456789abcdef0123456789abcdef".into()));
        let acme = PartnerId::parse("acme").unwrap();
        let terms: Vec<_> = filter.terms().iter().map(|term| hasher.hash(&acme, F::KIND, term)).collect();
        let (explain, column) = self.explain();
        let search = filter.search(&acme, &terms, None).unwrap();
        let rows = search.explain((self.dialect, explain), &mut self.connection, MOST_EXAMINED).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
        let told = plan.join("\n");
        assert!(told.contains(index), "{index} is not used:\n{told}");
        for table in [F::TABLE, "candidate", "search_terms", "also", "refunds"] {
            assert!(!told.contains(&format!("SCAN {table}")), "all of {table} is read:\n{told}");
        }
        assert!(!told.contains("Seq Scan"), "everything is read:\n{told}");
        assert!(!told.contains("EXISTS"), "a condition became a join, which a planner may begin with:\n{told}");
    }
}

fn email() -> Vec<SearchTerm> {
    vec![SearchTerm::email("jane@example.com")]
}

async fn check_intents(grown: &mut Grown) {
    let all = PaymentIntentFilter::default;
    let (customer, early) = (CustomerId::parse(CUSTOMER), seconds(10, 100));
    let currency = Currency::parse("USD");
    let terms = [email(), vec![SearchTerm::metadata("order", "7")]].concat();
    for (filter, index) in [
        (PaymentIntentFilter { terms: email(), ..all() }, "search_terms"),
        (PaymentIntentFilter { terms, customer_id: customer.clone(), created: early, ..all() }, "search_terms"),
        (PaymentIntentFilter { terms: email(), has_refunds: Some(true), ..all() }, "refunds_of_payment"),
        (PaymentIntentFilter { terms: email(), reference_id: Some("r7".to_owned()), ..all() }, "reference_id"),
        (PaymentIntentFilter { reference_prefix: Some("r199".to_owned()), ..all() }, "reference_id"),
        (PaymentIntentFilter { currency, ..all() }, "payment_intents_list"),
        (
            PaymentIntentFilter { currency, amount: AmountRange { from: Some(1), to: Some(2) }, ..all() },
            "payment_intents_list",
        ),
        (PaymentIntentFilter { currency, customer_id: customer.clone(), ..all() }, "payment_intents_customer"),
        (
            PaymentIntentFilter { states: vec![PaymentIntentState::Processing], customer_id: customer, ..all() },
            "payment_intents_customer",
        ),
        (PaymentIntentFilter { currency, updated: early, ..all() }, "payment_intents_updated"),
        (PaymentIntentFilter { terms: email(), updated: early, ..all() }, "payment_intents_updated"),
        (
            PaymentIntentFilter { currency, states: vec![PaymentIntentState::Processing], ..all() },
            "payment_intents_state",
        ),
        (PaymentIntentFilter { only_outcome_unknown: true, ..all() }, "payment_intents_state"),
        (PaymentIntentFilter { has_refunds: Some(false), ..all() }, "refunds_of_payment"),
    ] {
        grown.assert_searches(&filter, index).await;
    }
}

async fn check_refunds(grown: &mut Grown) {
    let all = RefundFilter::default;
    let currency = Currency::parse("USD");
    let payment = PaymentIntentId::parse("pi_01994111111171118111111111111111");
    let terms = || vec![SearchTerm::metadata("order", "7")];
    for (filter, index) in [
        (RefundFilter { terms: terms(), created: seconds(10, 100), ..all() }, "search_terms"),
        (RefundFilter { terms: terms(), updated: seconds(10, 100), ..all() }, "refunds_updated"),
        (RefundFilter { terms: terms(), payment_intent_id: payment, ..all() }, "refunds_of_payment"),
        (RefundFilter { reference_prefix: Some("r".to_owned()), ..all() }, "reference_id"),
        (RefundFilter { currency, ..all() }, "refunds_list"),
        (RefundFilter { currency, states: vec![RefundState::Pending], ..all() }, "refunds_state"),
        (RefundFilter { currency, updated: seconds(10, 100), ..all() }, "refunds_updated"),
    ] {
        grown.assert_searches(&filter, index).await;
    }
}

async fn check_customers(grown: &mut Grown) {
    let all = CustomerFilter::default;
    for (filter, index) in [
        (CustomerFilter { terms: email(), created: seconds(10, 100), ..all() }, "search_terms"),
        (CustomerFilter { reference_prefix: Some("c199".to_owned()), ..all() }, "reference_id"),
        (CustomerFilter { terms: email(), reference_id: Some("c7".to_owned()), ..all() }, "reference_id"),
    ] {
        grown.assert_searches(&filter, index).await;
    }
}

async fn check(grown: &mut Grown) {
    check_intents(grown).await;
    check_refunds(grown).await;
    check_customers(grown).await;
}

fn fill() -> Vec<&'static str> {
    FILL.into_iter().chain(TERMS).collect()
}

#[tokio::test]
async fn searches_read_by_their_indexes_on_sqlite() {
    plan_tests::on_sqlite(&fill(), check).await;
}

#[tokio::test]
async fn searches_read_by_their_indexes_on_postgres() {
    plan_tests::on_postgres(&fill(), check).await;
}
