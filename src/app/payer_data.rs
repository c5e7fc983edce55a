//! The end of the personal data of payments: each payment is looked at once its time may be over, and emptied as an erasure does it. The
//! customer and its payment methods stay.

use std::time::Duration;

use super::payments::Payments;
use crate::{
    domain::{
        clock::Timestamp,
        erasure::payer_data::{PayerDataRule, PayerDataWalk},
        ids::PaymentIntentId,
        retention::RetainedKind,
    },
    error::{Error, Reason},
};

/// How many rows a step looks at, of each walk and of those that wait behind them.
const ROWS_A_STEP: u32 = 20;
/// How long a step may take before another gateway goes on in its place.
const STEP_LEASE: Duration = Duration::from_secs(60);
/// How far the walks stay behind, so that a payment has ended by the time they come by: few payments take longer than this.
const STAY_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest time until a payment is looked at again, so that a shorter setting holds for it too.
const LOOK_AGAIN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Payments {
    /// Empties payments whose payer's time is over, at most [`ROWS_A_STEP`] of each walk and of those that wait behind them. Returns
    /// how many rows it came by. `now` is what both clocks agree on.
    pub(super) async fn prune_payer_data(&self, now: Timestamp) -> Result<usize, Error> {
        let rule = PayerDataRule { kept: self.retention.payer_data, now };
        let mut count = self.look_again(&rule).await?;
        for walk in PayerDataWalk::ALL.iter().copied() {
            count += self.walk_on(walk, &rule).await?;
        }
        Ok(count)
    }

    async fn look_again(&self, rule: &PayerDataRule) -> Result<usize, Error> {
        let due = self.store.read().await?.payer_data_due(rule.now, ROWS_A_STEP).await?;
        for payment in &due {
            if self.end_payer_data(payment, rule).await? {
                self.store.done_with_payer_data(payment).await?;
            }
        }
        Ok(due.len())
    }

    /// Takes a walk a step further. What breaks off is gone on with behind the last row that was passed.
    async fn walk_on(&self, walk: PayerDataWalk, rule: &PayerDataRule) -> Result<usize, Error> {
        let Some(passed) = self.store.claim_payer_data_walk(walk, self.now(), STEP_LEASE).await? else { return Ok(0) };
        let mut rows = self.store.read().await?.payer_data_walk(walk, &passed, ROWS_A_STEP).await?;
        let made_before = rule.now.before(rule.kept + STAY_BEHIND);
        let young = rows.iter().position(|row| row.made_at >= made_before);
        rows.truncate(young.unwrap_or(rows.len()));
        for row in rows.iter().filter(|row| !row.is_empty) {
            self.end_payer_data(&row.payment, rule).await?;
        }
        let last = rows.last().map_or(&passed, |row| &row.id);
        self.store.pass_payer_data(walk, &passed, last).await?;
        Ok(rows.len())
    }

    /// Empties a payment if its payer's time is over; if not, or if it cannot be read, has it looked at again. Returns whether it is
    /// empty.
    async fn end_payer_data(&self, payment: &PaymentIntentId, rule: &PayerDataRule) -> Result<bool, Error> {
        let stays_until = match self.empty_payment(payment, Some(rule)).await {
            Ok(emptied) => {
                if emptied.rows > 0 {
                    self.count_pruned(RetainedKind::PayerData, 1);
                }
                emptied.stays_until
            }
            Err(error) if error.reason == Reason::StoreUnavailable => return Err(error),
            Err(error) => {
                tracing::warn!(%payment, %error, cause = ?error.cause(), "a payment keeps its payer; it is tried again later");
                Some(rule.now + LOOK_AGAIN)
            }
        };
        let Some(stays_until) = stays_until else { return Ok(true) };
        self.store.look_at_payer_data(payment, stays_until.min(rule.now + LOOK_AGAIN)).await?;
        Ok(false)
    }
}
