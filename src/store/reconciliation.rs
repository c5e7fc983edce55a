//! Payments in the order of their creation, as books are compared.

use super::{Error, ListPosition, ReadSession, exports::CREATION, list_query::ListQuery, payment_intents::read};
use crate::domain::{clock::TimeRange, ids::PartnerId, payment_intent::PaymentIntent};

impl ReadSession {
    /// The partner's intents that were created within the range after a position, oldest first, at most `limit`. One that cannot be
    /// read fails the others: books with a gap are wrong.
    pub async fn payment_intents_created(
        &mut self,
        partner: &PartnerId,
        created: TimeRange,
        after: Option<&ListPosition>,
        limit: u32,
    ) -> Result<Vec<PaymentIntent>, Error> {
        self.exported(select(partner, created, after)?, CREATION, limit, read).await
    }
}

/// The beginning is bounded once: by the position, which is never before the range, or by that.
fn select(partner: &PartnerId, created: TimeRange, after: Option<&ListPosition>) -> Result<ListQuery, Error> {
    let query = ListQuery::from("payment_intents").and("partner_id", "=", Some(partner.as_str().to_owned()))?.and(
        "created_at",
        "<",
        created.before.map(|before| before.0),
    )?;
    match after {
        Some(ListPosition { moment: created_at, id }) => query.and_after("created_at", created_at.0, id.clone()),
        None => query.and("created_at", ">=", created.from.map(|from| from.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::clock::Timestamp,
        store::{
            list::{
                Listing,
                tests::{FILL, seconds},
            },
            plan_tests::{self, Grown},
        },
    };

    async fn check(grown: &mut Grown) {
        let acme = PartnerId::parse("acme").unwrap();
        let at = ListPosition { moment: Timestamp::from_seconds(500), id: "pi_100500".into() };
        for after in [None, Some(&at)] {
            let query = select(&acme, seconds(10, 10_000), after);
            let listing = Listing { order: CREATION, ..Listing::by_creation("payment_intents") };
            grown.assert_reads(query, listing, "payment_intents_list", true).await;
        }
    }

    #[tokio::test]
    async fn books_are_read_in_their_order_on_sqlite() {
        plan_tests::on_sqlite(&FILL, check).await;
    }

    #[tokio::test]
    async fn books_are_read_in_their_order_on_postgres() {
        plan_tests::on_postgres(&FILL, check).await;
    }
}
