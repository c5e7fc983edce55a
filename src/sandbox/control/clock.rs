//! Time that goes by when a test says so.

use std::time::Duration;

use super::not_possible::NotPossible;
use crate::{
    domain::clock::Timestamp,
    sandbox::{catch_up::CatchUp, handle::Sandbox, lock::lock, state::State},
};

/// The longest span that goes by at once.
pub const MAX_ADVANCE: Duration = Duration::from_secs(400 * 86_400);
/// The farthest that a clock can be put ahead of the machine's.
pub const MAX_LEAD: Duration = Duration::from_secs(10 * 366 * 86_400);
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
        *lock(&self.shared.catch_up) = Some(catch_up);
    }

    /// Lets time go by, and whatever is due by it happen: step by step, short ones first, so that what repeats itself with
    /// growing pauses happens as often as it would have. Answers with the time afterwards. Fails when it is too long, or the
    /// clock is one that cannot be turned.
    pub async fn advance_clock(&self, by: Duration) -> Result<Timestamp, NotPossible> {
        let _alone = self.shared.turning.lock().await;
        let clock = &self.shared.environment.clock;
        if !clock.can_be_turned() {
            return Err(NotPossible::NotNow("the clock of this sandbox is the machine's"));
        }
        if by > MAX_ADVANCE || clock.lead() + by > MAX_LEAD {
            return Err(NotPossible::NotNow("the clock cannot be put so far ahead"));
        }
        let mut gone = Duration::ZERO;
        while gone < by {
            let step = FIRST_STEP.max(Duration::from_secs(gone.as_secs() / 3)).min(by - gone);
            clock.advance(step);
            gone += step;
            self.catch_up().await;
        }
        Ok(clock.now())
    }

    /// Lets happen what is due, here and in the gateway that shares the clock.
    async fn catch_up(&self) {
        self.shared.with_state(State::settle_due);
        let Some(catch_up) = lock(&self.shared.catch_up).clone() else { return };
        // A gateway that takes no webhooks learns of things by itself.
        let _ = tokio::time::timeout(WEBHOOK_PATIENCE, self.webhooks_idle()).await;
        catch_up().await;
    }
}
