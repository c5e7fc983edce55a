//! The decisions of the rate limiter: which call gets a token, which waits, and which is refused because its wait would
//! be too long. Time is handed in.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{
    leased_tokens::LeasedTokens,
    queue::{FairQueue, QueuePosition},
    wait_estimate::{WaitEstimate, WaitEstimates},
};
use crate::{
    domain::{
        ids::PartnerId,
        quota::{Demand, LEASE, Lease},
    },
    upstream::{Priority, Scheduling},
};

/// The shortest and the longest pause between two leases while calls wait.
const MIN_REFILL_INTERVAL: Duration = Duration::from_millis(25);
const MAX_REFILL_INTERVAL: Duration = Duration::from_secs(1);
/// The pause after a lease that failed.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// The tokens that are left after a call got one; or the time until there may be one.
pub type TokenResult = Result<u32, Duration>;

/// The answer to a call that asks for a token.
pub enum Acquisition {
    /// A token, or that the wait would be too long.
    Decided(TokenResult),
    /// It has to wait.
    Queued(oneshot::Receiver<TokenResult>),
}

/// A call that waits.
#[derive(Debug)]
struct Waiter {
    give_up: Instant,
    reply: oneshot::Sender<TokenResult>,
}

/// The state of the limiter, behind its lock.
#[derive(Debug)]
pub struct LimiterState {
    queue: FairQueue<Waiter>,
    tokens: LeasedTokens,
    estimate: WaitEstimates,
    /// Whether a refill task runs.
    is_refilling: bool,
}

impl LimiterState {
    /// Starts without tokens.
    pub fn new(has_recovery: bool, now: Instant) -> Self {
        let unknown = WaitEstimate::unknown(now);
        let estimate = WaitEstimates { common: unknown, recovery: has_recovery.then_some(unknown) };
        Self { queue: FairQueue::new(), tokens: LeasedTokens::new(now), estimate, is_refilling: false }
    }

    /// Gives the call a token, refuses it when it would wait beyond `give_up`, or queues it.
    pub fn acquire(
        &mut self,
        scheduling: Scheduling,
        partner: Option<&PartnerId>,
        give_up: Instant,
        now: Instant,
    ) -> Acquisition {
        if self.queue.len() == 0
            && let Some(left) = self.tokens.take(now)
        {
            return Acquisition::Decided(Ok(left));
        }
        let (reply, receiver) = oneshot::channel();
        let (ticket, evicted) = self.queue.push(scheduling.priority, partner, Waiter { give_up, reply });
        self.refuse(evicted, now);
        let wait = self.estimate.wait(scheduling.priority, self.queue.position(ticket), now);
        if now + wait > give_up {
            self.queue.remove(ticket);
            return Acquisition::Decided(Err(wait));
        }
        Acquisition::Queued(receiver)
    }

    /// Whether a refill task has to be started. From then on one is taken to run, until [`Self::next_refill`] ends it.
    pub fn needs_refill(&mut self, now: Instant) -> bool {
        let is_worth_asking = self.tokens.is_low() && self.estimate.common.wait(0, now).is_zero();
        let needs_refill = !self.is_refilling && (is_worth_asking || self.queue.len() > 0);
        self.is_refilling |= needs_refill;
        needs_refill
    }

    /// The demand on the common bucket.
    pub fn demand(&mut self, now: Instant) -> Demand {
        self.tokens.demand(count(self.queue.len()), now)
    }

    /// The demand on the recovery bucket; `None` while no call needs it.
    pub fn recovery_demand(&self) -> Option<Demand> {
        let waiting = count(self.queue.len_of(Priority::InDoubt));
        (waiting > 0).then_some(Demand { waiting, ahead: 0 })
    }

    /// Takes in a lease of the common bucket that was requested at `asked_at`, and hands the tokens out in order. Calls
    /// that would now wait too long are refused.
    pub fn refill(&mut self, lease: Lease, asked_at: Instant, now: Instant) {
        self.estimate.common = WaitEstimate::of(lease, now);
        self.tokens.put(lease.granted, asked_at, now);
        while let left @ 1.. = self.tokens.left()
            && let Some(waiter) = self.queue.pop()
        {
            // A call that has stopped waiting takes no token.
            if waiter.reply.send(Ok(left - 1)).is_ok() {
                self.tokens.take(now);
            }
        }
        self.refuse_late(now);
    }

    /// Hands out a lease of the recovery bucket.
    pub fn refill_recovery(&mut self, lease: Lease, asked_at: Instant, now: Instant) {
        self.estimate.recovery = Some(WaitEstimate::of(lease, now));
        let mut left = if now < asked_at + LEASE { lease.granted } else { 0 };
        while left > 0
            && let Some(waiter) = self.queue.pop_of(Priority::InDoubt)
        {
            left -= u32::from(waiter.reply.send(Ok(self.tokens.left())).is_ok());
        }
        self.refuse_late(now);
    }

    /// Notes that leasing failed: no token is expected for a while.
    pub fn refill_failed(&mut self, now: Instant) {
        let WaitEstimates { common, recovery } = self.estimate;
        let later = |estimate: WaitEstimate| estimate.not_before(now + RETRY_INTERVAL);
        self.estimate = WaitEstimates { common: later(common), recovery: recovery.map(later) };
        self.refuse_late(now);
    }

    /// The pause before the next lease; `None` when no call waits, which ends the refill task.
    pub fn next_refill(&mut self, now: Instant) -> Option<Duration> {
        self.is_refilling = self.queue.len() > 0;
        let recovers = self.queue.len_of(Priority::InDoubt) > 0;
        let priority = if recovers { Priority::InDoubt } else { Priority::Read };
        let next_in = self.estimate.wait(priority, QueuePosition::default(), now);
        let next_refill =
            if next_in.is_zero() { next_in } else { next_in.clamp(MIN_REFILL_INTERVAL, MAX_REFILL_INTERVAL) };
        self.is_refilling.then_some(next_refill)
    }

    /// Notes that the refill task has died.
    pub fn refill_aborted(&mut self) {
        self.is_refilling = false;
    }

    /// The wait of a call that came now, behind all others.
    pub fn estimated_wait(&self, now: Instant) -> Duration {
        self.estimate.common.wait(self.queue.len(), now)
    }

    fn refuse_late(&mut self, now: Instant) {
        let estimate = self.estimate;
        let late = self.queue.remove_where(|priority, position, waiter| {
            waiter.reply.is_closed() || now + estimate.wait(priority, position, now) > waiter.give_up
        });
        self.refuse(late, now);
    }

    fn refuse(&self, waiters: impl IntoIterator<Item = Waiter>, now: Instant) {
        for waiter in waiters {
            // A call that has stopped waiting gets no reply.
            let _ = waiter.reply.send(Err(self.estimated_wait(now)));
        }
    }
}

fn count(waiting: usize) -> u32 {
    u32::try_from(waiting).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
