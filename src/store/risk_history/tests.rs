//! Plans of the statements by which risk reads and deletes.

use sqlx::{AssertSqlSafe, Row as _, any::AnyRow};

use super::*;
use crate::{
    domain::{
        clock::Timestamp,
        ids::{PartnerId, PaymentIntentId},
        list_filters::RiskDecisionFilter,
        risk::action::Action,
    },
    store::{
        Dialect, ListPosition,
        list::Listing,
        list_query::ListQuery,
        plan_tests::{self, Grown},
        risk_bins, risk_decisions, risk_subjects,
    },
};

const INTENT: &str = "pi_01994111111171118111111111111111";
const PARTNER: &str = "acme";

/// A decision a second, a fifth of them of one partner, every hundredth of which blocks; what came of them; subjects and counters that are in force.
const FILL: [&str; 5] = [
    "INSERT INTO risk_decisions (id, partner_id, payment_intent_id, customer_id, card, ip, email, bin, strict_action, created_at,
       record)
     WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
     SELECT 'rd_' || (100000 + n), CASE WHEN n % 10 IN (1, 7) THEN 'acme' ELSE 'other' END, 'pi_' || n,
       'cus_' || (n % 5000), 'card:' || (n % 5000), 'ip:' || (n % 5000),
       'email:' || (n % 5000), '411111', CASE WHEN n % 100 = 1 THEN 'block' END, CAST(n AS BIGINT) * 1000000, {none}
     FROM numbers",
    "UPDATE risk_decisions SET payment_intent_id = 'pi_01994111111171118111111111111111' WHERE id = 'rd_100007'",
    "INSERT INTO risk_outcomes (decision_id, outcome, found_at, is_hard, customer_id, card, ip, email)
     SELECT id, CASE WHEN id < 'rd_110000' THEN 'declined' ELSE 'succeeded' END, created_at, 0, customer_id, card, ip, email
     FROM risk_decisions WHERE strict_action IS NULL",
    "INSERT INTO risk_subjects (id, revision, past, expires_at)
     SELECT 'email:' || id, 1, '{}', created_at FROM risk_decisions",
    "INSERT INTO risk_bin_counters (bin, resolution, bucket, shard, attempts, declines, amount, expires_at)
     SELECT '4' || id, '5m', 5, 0, 1, 0, 0, created_at FROM risk_decisions",
];

impl Grown {
    /// Asserts that a plan finds its rows by these indexes, each as SQLite and as PostgreSQL name it, and goes through no table.
    fn assert_uses(&self, plan: &[AnyRow], indexes: &[[&str; 2]]) {
        let (_, column) = self.explain();
        let told: Vec<String> = plan.iter().map(|row| row.get(column)).collect();
        let told = told.join("\n");
        for index in indexes {
            let index = index[usize::from(self.dialect == Dialect::Postgres)];
            assert!(told.contains(index), "{index} is not used:\n{told}");
        }
        assert!(!told.contains("Seq Scan") && !told.contains("SCAN risk_"), "everything is read:\n{told}");
    }

    async fn assert_lists(&mut self, select: Result<ListQuery, Error>, order: &str, index: [&str; 2], ordered: bool) {
        let (explain, _) = self.explain();
        let plan = select.unwrap().explain(explain, &mut self.connection, order, 20).await.unwrap();
        self.assert_uses(&plan, &[index]);
        let (_, column) = self.explain();
        let told: Vec<String> = plan.iter().map(|row| row.get(column)).collect();
        let is_sorted = told.iter().any(|line| line.contains("TEMP B-TREE") || line.contains("Sort  ("));
        assert_eq!(is_sorted, !ordered, "sorted or not: {told:?}");
    }

    async fn assert_deletes(&mut self, delete: &str, before: Before, index: [&str; 2]) {
        let (explain, _) = self.explain();
        let query = sqlx::query(AssertSqlSafe(format!("{explain} {delete}")));
        let query = match before {
            Before::Moment => query.bind(5_000_000_i64),
            Before::Id => query.bind("rd_100005"),
        };
        let plan = query.bind(2_i64).fetch_all(&mut *self.connection).await.unwrap();
        self.assert_uses(&plan, &[index]);
    }
}

/// The bound of a deletion.
enum Before {
    Moment,
    Id,
}

async fn check(grown: &mut Grown) {
    check_subjects(grown).await;
    check_walk(grown).await;
    check_history(grown).await;
    check_lists(grown).await;
    for (delete, before, index) in [
        (risk_bins::DELETE, Before::Moment, ["risk_bin_counters_expired"; 2]),
        (risk_decisions::DELETE, Before::Id, ["sqlite_autoindex_risk_decisions_1", "risk_decisions_pkey"]),
        (risk_decisions::DELETE_OUTCOMES, Before::Id, ["risk_outcomes USING PRIMARY KEY", "risk_outcomes_pkey"]),
    ] {
        grown.assert_deletes(delete, before, index).await;
    }
}

async fn check_walk(grown: &mut Grown) {
    let (explain, _) = grown.explain();
    let key = ["risk_subjects USING PRIMARY KEY", "risk_subjects_pkey"];
    let step =
        sqlx::query(AssertSqlSafe(format!("{explain} {}", risk_subjects::STEP))).bind("email:rd_100005").bind(499_i64);
    let plan = step.fetch_all(&mut *grown.connection).await.unwrap();
    grown.assert_uses(&plan, &[key]);
    let delete = sqlx::query(AssertSqlSafe(format!("{explain} {}", risk_subjects::DELETE)));
    let delete = delete.bind("email:rd_100005").bind(5_000_000_i64).bind("email:rd_100505");
    let plan = delete.fetch_all(&mut *grown.connection).await.unwrap();
    grown.assert_uses(&plan, &[key]);
}

async fn check_history(grown: &mut Grown) {
    let now = Timestamp::from_seconds(20_000);
    let subjects: Vec<_> =
        ["card:7", "ip:7", "email:7", "customer:cus_7"].into_iter().map(|id| SubjectId::parse(id).unwrap()).collect();
    let (explain, _) = grown.explain();
    let sql = AssertSqlSafe(format!("{explain} {}", *HISTORY));
    let plan = asking(sql, &subjects, Some("411111"), now).fetch_all(&mut *grown.connection).await.unwrap();
    grown.assert_uses(
        &plan,
        &[
            ["risk_outcomes_of_card"; 2],
            ["risk_outcomes_of_ip"; 2],
            ["risk_outcomes_of_email"; 2],
            ["risk_outcomes_of_customer"; 2],
            ["risk_bin_counters USING PRIMARY KEY", "risk_bin_counters_pkey"],
        ],
    );
}

async fn check_subjects(grown: &mut Grown) {
    let (explain, _) = grown.explain();
    let sql = risk_subjects::BY_ID.sql.replace("{keys}", grown.dialect.elements());
    let query = sqlx::query(AssertSqlSafe(format!("{explain} {sql}"))).bind(r#"["card:7", "ip:7"]"#);
    let plan = query.fetch_all(&mut *grown.connection).await.unwrap();
    grown.assert_uses(&plan, &[["risk_subjects USING PRIMARY KEY", "risk_subjects_pkey"]]);
}

async fn check_lists(grown: &mut Grown) {
    let partner = PartnerId::parse(PARTNER).unwrap();
    let any = RiskDecisionFilter::default;
    let newest = Listing::by_creation("risk_decisions").order;
    let position = ListPosition { moment: Timestamp::from_seconds(10_000), id: "rd_110000".to_owned() };
    for (filter, index) in [
        (any(), "risk_decisions_list"),
        (RiskDecisionFilter { action: Some(Action::Allow), ..any() }, "risk_decisions_list"),
        (RiskDecisionFilter { action: Some(Action::Block), ..any() }, "risk_decisions_strict"),
        (
            RiskDecisionFilter { payment_intent_id: PaymentIntentId::parse(INTENT), ..any() },
            "risk_decisions_of_payment",
        ),
    ] {
        // The few of one payment are sorted.
        let is_ordered = filter.payment_intent_id.is_none();
        for after in [None, Some(&position)] {
            grown.assert_lists(filter.select(&partner, after), newest, [index; 2], is_ordered).await;
        }
    }
    let by_id = ["sqlite_autoindex_risk_decisions_1", "risk_decisions_pkey"];
    let since = risk_decisions::since_query(Timestamp(0), Some("rd_110000".to_owned()));
    grown.assert_lists(since, "id", by_id, true).await;
}

#[tokio::test]
async fn what_risk_reads_is_found_by_indexes_on_sqlite() {
    plan_tests::on_sqlite(&FILL, check).await;
}

#[tokio::test]
async fn what_risk_reads_is_found_by_indexes_on_postgres() {
    plan_tests::on_postgres(&FILL, check).await;
}
