//! Time that goes by when a test says so.

use std::time::Duration;

use super::not_possible::NotPossible;
use crate::{
    domain::clock::Timestamp,
    sandbox::{
        catch_up::CatchUp,
        handle::Sandbox,
        lock::lock,
        state::State,
        turning::{MAX_ADVANCE, MAX_LEAD},
    },
};

/// The first steps in which a span goes by; later ones are a third of what has gone by.
const FIRST_STEP: Duration = Duration::from_secs(5);
/// How long a step waits until its webhooks were delivered.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(5);

impl Sandbox {
    /// The time, and how far it is ahead of the machine's.
    pub fn time(&self) -> (Timestamp, Duration) {
        let clock = &self.shared.environment.clock;
        (clock.now(), clock.lead())
    }

    /// Has `catch_up` done at each step of [`Sandbox::advance_clock`]: a gateway on the same clock does what is due.
    pub fn on_advance(&self, catch_up: CatchUp) {
        *lock(&self.shared.turning.catch_up) = Some(catch_up);
    }

    /// Has `keep` done before the clock is put ahead: it keeps the memory, which knows by then how far ahead the clock will be.
    pub fn before_advance(&self, keep: CatchUp) {
        *lock(&self.shared.turning.keep) = Some(keep);
    }

    /// Lets time go by, and whatever is due by it happen: step by step, short ones first, so that what repeats itself with
    /// growing pauses happens as often as it would have. Answers with the time afterwards. Fails when it is too long, or the
    /// clock is one that cannot be turned.
    pub async fn advance_clock(&self, by: Duration) -> Result<Timestamp, NotPossible> {
        let _alone = self.shared.turning.alone.lock().await;
        if by > MAX_ADVANCE {
            return Err(NotPossible::NotNow("the clock cannot be put so far ahead"));
        }
        self.check_turn(by)?;
        let clock = &self.shared.environment.clock;
        self.shared.turning.promise(clock.lead() + by).await;
        let mut gone = Duration::ZERO;
        while gone < by {
            let step = FIRST_STEP.max(Duration::from_secs(gone.as_secs() / 3)).min(by - gone);
            clock.advance(step);
            gone += step;
            self.catch_up().await;
        }
        self.shared.turning.is_done();
        Ok(clock.now())
    }

    /// Fails when the clock cannot be put ahead by this much.
    pub(super) fn check_turn(&self, by: Duration) -> Result<(), NotPossible> {
        let clock = &self.shared.environment.clock;
        if !clock.can_be_turned() {
            return Err(NotPossible::NotNow("the clock of this sandbox is the machine's"));
        }
        let is_too_far = clock.lead().saturating_add(by) > MAX_LEAD;
        if is_too_far { Err(NotPossible::NotNow("the clock cannot be put so far ahead")) } else { Ok(()) }
    }

    /// Lets happen what is due, in every ledger and in the gateway that shares the clock.
    pub(super) async fn catch_up(&self) {
        let Some(first) = self.shared.without_name() else { return };
        first.with_state(State::settle_due);
        first.all_named().values().for_each(|ledger| ledger.with_state(State::settle_due));
        let Some(catch_up) = lock(&self.shared.turning.catch_up).clone() else { return };
        // A gateway that takes no webhooks learns of things by itself.
        let _ = tokio::time::timeout(WEBHOOK_PATIENCE, Self { shared: first }.webhooks_idle()).await;
        catch_up().await;
    }
}
