//! Lists of rows, of which one that cannot be read does not hide the others: it is left out, logged and counted.

use sqlx::any::AnyRow;

use super::{
    Error, ListPosition, ReadSession, Sealer, StoreContext,
    columns::{get, time},
    error::Corruption,
    list_query::ListQuery,
};
use crate::telemetry::catalogue::UNREADABLE_ROWS;

/// Rows that are read at least when a list goes on behind rows that were left out.
const LEAST_BATCH: u32 = 20;

/// The source of a list's rows, and their order.
pub(super) struct Listing<K> {
    /// The table.
    pub(super) table: &'static str,
    /// Reads the place of a row in the list.
    pub(super) key: fn(&AnyRow) -> Result<K, Error>,
    /// The order as SQL has it.
    pub(super) order: &'static str,
}

impl Listing<String> {
    /// The newest rows of `table` first: ids ascend with time.
    pub(super) fn newest(table: &'static str) -> Self {
        Self { table, key: |row| get(row, "id"), order: "id DESC" }
    }
}

impl Listing<ListPosition> {
    /// The rows of `table`, the last created first.
    pub(super) fn by_creation(table: &'static str) -> Self {
        let key = |row: &AnyRow| Ok(ListPosition { moment: time(row, "created_at")?, id: get(row, "id")? });
        Self { table, key, order: "created_at DESC, id DESC" }
    }

    /// The rows of `table`, those first that have not changed for the longest.
    pub(super) fn by_change(table: &'static str) -> Self {
        let key = |row: &AnyRow| Ok(ListPosition { moment: time(row, "updated_at")?, id: get(row, "id")? });
        Self { table, key, order: "updated_at, id" }
    }
}

/// Reads a row, opening what is sealed in it.
pub(super) type ReadRow<T> = fn(&AnyRow, &Sealer) -> Result<T, Error>;

impl ReadSession {
    /// The first `limit` readable rows of a list, so that a short answer is the end of it. `select` makes the query, of
    /// what follows the key that it is given.
    pub(super) async fn list<K, T>(
        &mut self,
        listing: Listing<K>,
        limit: u32,
        select: impl Fn(Option<K>) -> Result<ListQuery, Error>,
        read: ReadRow<T>,
    ) -> Result<Vec<T>, Error> {
        let (mut found, mut after, mut batch) = (Vec::new(), None, limit);
        loop {
            let rows = select(after.take())?.fetch(self.connection(), listing.order, batch).await?;
            found.extend(self.shared.readable(listing.table, &rows, read)?);
            let is_last = rows.len() < batch as usize;
            match rows.last() {
                Some(last) if !is_last && found.len() < limit as usize => after = Some((listing.key)(last)?),
                _ => break,
            }
            batch = limit.max(LEAST_BATCH);
        }
        found.truncate(limit as usize);
        Ok(found)
    }
}

impl StoreContext {
    /// The readable ones of `rows`. Fails when none can be opened: then it is the master key that is wrong, and not a
    /// row, and an empty list would be a lie.
    pub(super) fn readable<T>(&self, table: &'static str, rows: &[AnyRow], read: ReadRow<T>) -> Result<Vec<T>, Error> {
        let mut found = Vec::with_capacity(rows.len());
        let mut sealed = None;
        for row in rows {
            match read(row, &self.sealer) {
                Ok(item) => found.push(item),
                Err(Error::Corrupt(corruption)) => {
                    self.report_unreadable(table, row, &corruption);
                    sealed = Some(corruption)
                        .filter(|found| matches!(found, Corruption::Sealed(_) | Corruption::Format { .. }))
                        .or(sealed);
                }
                Err(other) => return Err(other),
            }
        }
        match sealed {
            Some(sealed) if found.is_empty() => Err(Error::Corrupt(sealed)),
            _ => Ok(found),
        }
    }

    fn report_unreadable(&self, table: &'static str, row: &AnyRow, error: &Corruption) {
        let id: String = get(row, "id").unwrap_or_default();
        tracing::error!(table, row = %id, %error, "a stored row is left out of a list because it cannot be read");
        self.telemetry.count(&UNREADABLE_ROWS, [table]);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::domain::list_filters::{ChargebackFilter, ListOrder, PaymentIntentFilter, RefundFilter};
    use crate::{
        domain::{
            clock::{TimeRange, Timestamp},
            ids::{CustomerId, PartnerId, PaymentIntentId},
            payment_intent::PaymentIntentState,
            refund::RefundState,
        },
        store::{
            list_filter::ListFilter as _,
            plan_tests::{self, Grown},
        },
    };

    pub(in crate::store) const CUSTOMER: &str = "cus_01994111111171118111111111111111";
    const INTENT: &str = "pi_01994111111171118111111111111111";
    /// The length of a page.
    const LIMIT: u32 = 20;
    /// The seconds between the first object and the last.
    const SECONDS: i64 = 20_000;

    /// Fills the tables, with `{none}` for what is sealed: an intent and a refund a second, of which few are in the states that do
    /// not last, and of which a hundredth is one customer's.
    pub(in crate::store) const FILL: [&str; 5] = [
        "INSERT INTO customers (id, partner_id, details, created_at, updated_at)
           VALUES ('cus_01994111111171118111111111111111', 'acme', {none}, 0, 0)",
        "INSERT INTO payment_intents (id, partner_id, state, currency, amount, received, refunded, refund_pending, charged_back,
           customer_id, reference_id, details, progress, upstream_version, asked_at, created_at, updated_at)
         WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
         SELECT 'pi_' || (100000 + n), CASE WHEN n % 10 = 0 THEN 'other' ELSE 'acme' END,
           CASE WHEN n % 200 = 1 THEN 'processing' WHEN n % 100 = 2 THEN 'canceled' ELSE 'succeeded' END,
           'USD', 1000, 0, 0, 0, 0, CASE WHEN n % 100 = 3 THEN 'cus_01994111111171118111111111111111' END, 'r' || n,
           {none}, {none}, 0, 0, CAST(n AS BIGINT) * 1000000, CAST(n AS BIGINT) * 1000000 + 500 FROM numbers",
        "UPDATE payment_intents SET id = 'pi_01994111111171118111111111111111' WHERE id = 'pi_100001'",
        "INSERT INTO refunds (id, partner_id, payment_intent_id, state, currency, amount, details, failure, created_at, updated_at)
         WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
         SELECT 're_' || (100000 + n), 'acme', CASE WHEN n % 1000 = 1 THEN 'pi_01994111111171118111111111111111'
           ELSE 'pi_100002' END, CASE WHEN n % 200 = 1 THEN 'pending' ELSE 'succeeded' END, 'USD', 10, {none}, {none},
           CAST(n AS BIGINT) * 1000000, CAST(n AS BIGINT) * 1000000 + 500 FROM numbers",
        "INSERT INTO chargebacks (id, partner_id, payment_intent_id, currency, amount, total, created_at)
         SELECT 'cb_' || SUBSTR(id, 4), partner_id, id, 'USD', 10, 10, created_at FROM payment_intents",
    ];

    impl Grown {
        /// Asserts that a list is read by this index, in the order in which it is shown when it is `ordered` by it.
        pub(in crate::store) async fn assert_reads(
            &mut self,
            select: Result<ListQuery, Error>,
            Listing { table, order, .. }: Listing<ListPosition>,
            index: &str,
            ordered: bool,
        ) {
            let (explain, column) = self.explain();
            let rows = select.unwrap().explain(explain, &mut self.connection, order, LIMIT).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.get(column)).collect();
            let told = plan.join("\n");
            assert!(told.contains(index), "{index} is not used:\n{told}");
            let scan = format!("SCAN {table}");
            assert!(!told.contains("Seq Scan") && !told.contains(&scan), "everything is read:\n{told}");
            // SQLite sorts what its arms have limited already; PostgreSQL merges that. Rows of one moment are sorted by both.
            let is_sort = |pair: &[String]| {
                let of_rows = pair[0].starts_with("SEARCH") && pair[1] == "USE TEMP B-TREE FOR ORDER BY";
                of_rows || pair[1].trim_start_matches([' ', '-', '>']).starts_with("Sort  (")
            };
            assert_eq!(plan.windows(2).any(is_sort), !ordered, "sorted or not:\n{told}");
        }
    }

    pub(in crate::store) fn seconds(from: i64, before: i64) -> TimeRange {
        let moment = |second: i64| Some(Timestamp::from_seconds(second));
        TimeRange { from: moment(from), before: moment(before) }
    }

    async fn check_intents(grown: &mut Grown) {
        let acme = PartnerId::parse("acme").unwrap();
        let all = PaymentIntentFilter::default;
        let position = ListPosition { moment: Timestamp::from_seconds(9_000), id: "pi_109000".to_owned() };
        let rare = vec![PaymentIntentState::Processing, PaymentIntentState::Canceled];
        let (early, most) = (seconds(10, 100), seconds(10, SECONDS / 2));
        for (filter, index, ordered) in [
            (all(), "payment_intents_list", true),
            (PaymentIntentFilter { created: early, ..all() }, "payment_intents_list", true),
            (PaymentIntentFilter { created: most, ..all() }, "payment_intents_list", true),
            (PaymentIntentFilter { states: rare.clone(), ..all() }, "payment_intents_state", true),
            (PaymentIntentFilter { states: rare, created: most, ..all() }, "payment_intents_state", true),
            (
                PaymentIntentFilter { customer_id: CustomerId::parse(CUSTOMER), ..all() },
                "payment_intents_customer",
                true,
            ),
            (PaymentIntentFilter { updated: early, ..all() }, "payment_intents_updated", true),
            (PaymentIntentFilter { updated: most, ..all() }, "payment_intents_updated", true),
        ] {
            let listing = if filter.order() == ListOrder::Change { Listing::by_change } else { Listing::by_creation };
            for after in [None, Some(&position)] {
                let select = filter.select("*", &acme, after);
                grown.assert_reads(select, listing("payment_intents"), index, ordered).await;
            }
        }
    }

    async fn check_refunds(grown: &mut Grown) {
        let acme = PartnerId::parse("acme").unwrap();
        let all = RefundFilter::default;
        let (early, most) = (seconds(10, 100), seconds(10, SECONDS / 2));
        for (filter, index, ordered) in [
            (all(), "refunds_list", true),
            (RefundFilter { created: early, ..all() }, "refunds_list", true),
            (RefundFilter { created: most, ..all() }, "refunds_list", true),
            (RefundFilter { states: vec![RefundState::Pending], ..all() }, "refunds_state", true),
            (RefundFilter { updated: early, ..all() }, "refunds_updated", true),
            (RefundFilter { updated: most, ..all() }, "refunds_updated", true),
            // The rows of one payment are few.
            (RefundFilter { payment_intent_id: PaymentIntentId::parse(INTENT), ..all() }, "refunds_of_payment", false),
        ] {
            let listing = if filter.order() == ListOrder::Change { Listing::by_change } else { Listing::by_creation };
            grown.assert_reads(filter.select("*", &acme, None), listing("refunds"), index, ordered).await;
        }
    }

    async fn check_chargebacks(grown: &mut Grown) {
        let acme = PartnerId::parse("acme").unwrap();
        let all = ChargebackFilter::default;
        let position = ListPosition { moment: Timestamp::from_seconds(9_000), id: "cb_109000".to_owned() };
        for (filter, index, ordered) in [
            (all(), "chargebacks_list", true),
            (ChargebackFilter { created: seconds(10, 100), ..all() }, "chargebacks_list", true),
            // The rows of one payment are few.
            (
                ChargebackFilter { payment_intent_id: PaymentIntentId::parse(INTENT), ..all() },
                "chargebacks_of_payment",
                false,
            ),
        ] {
            for after in [None, Some(&position)] {
                let select = filter.select(&acme, after);
                grown.assert_reads(select, Listing::by_creation("chargebacks"), index, ordered).await;
            }
        }
    }

    async fn check(grown: &mut Grown) {
        check_intents(grown).await;
        check_refunds(grown).await;
        check_chargebacks(grown).await;
    }

    #[tokio::test]
    async fn lists_read_no_more_than_they_show_on_sqlite() {
        plan_tests::on_sqlite(&FILL, check).await;
    }

    #[tokio::test]
    async fn lists_read_no_more_than_they_show_on_postgres() {
        plan_tests::on_postgres(&FILL, check).await;
    }
}
