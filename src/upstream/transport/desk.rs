//! Where calls take their turn: what of the budget lies ready, who waits for more, and what wait can be foreseen. Time is
//! handed in.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::queue::{Before, FairQueue};
use crate::{
    domain::{
        ids::PartnerId,
        quota::{Ask, LEASE, Lease},
    },
    upstream::{Class, Turn},
};

/// So many calls are kept ready at least, as far as there are some to spare.
const LEAST_AHEAD: u32 = 8;
/// The shortest time over which demand is counted.
const COUNT_FOR: Duration = Duration::from_millis(50);
/// The shortest and the longest pause between two asks while somebody waits.
const SHORTEST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The pause after an ask that failed.
const FAILED_PAUSE: Duration = Duration::from_millis(250);

/// The turn of a call: how many more could leave at once; or the time until there may be room.
pub type Answer = Result<u32, Duration>;

/// What a call hears at once.
pub enum Entry {
    /// Its turn, or that it would wait too long.
    Answered(Answer),
    /// It has to wait.
    Waiting(oneshot::Receiver<Answer>),
}

/// One who waits.
#[derive(Debug)]
struct Ticket {
    give_up: Instant,
    answer: oneshot::Sender<Answer>,
}

/// Calls that were lent and not made.
#[derive(Debug)]
struct Slice {
    left: u32,
    until: Instant,
}

/// When a purse has the next call, by its last answer, and how fast others follow.
#[derive(Clone, Copy, Debug)]
struct Outlook {
    next_at: Instant,
    pace: Duration,
}

/// Both purses' outlooks.
#[derive(Clone, Copy, Debug)]
struct Outlooks {
    common: Outlook,
    /// `None`: nothing is kept for lookups.
    lookups: Option<Outlook>,
}

/// The desk.
#[derive(Debug)]
pub struct Desk {
    queue: FairQueue<Ticket>,
    stock: VecDeque<Slice>,
    outlook: Outlooks,
    ahead: u32,
    /// Calls that were admitted since demand was last counted.
    admitted: u32,
    counted_at: Instant,
    is_supplied: bool,
}

impl Outlook {
    /// How long one waits who has `before` others before it. What is past tells nothing: then there may be any number.
    fn wait(self, before: usize, now: Instant) -> Duration {
        let next_in = self.next_at.saturating_duration_since(now);
        let rest = self.pace.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX));
        if next_in.is_zero() { next_in } else { next_in.saturating_add(rest) }
    }

    fn learn(&mut self, lease: Lease, now: Instant) {
        *self = Self { next_at: now + lease.next_in, pace: lease.pace };
    }
}

impl Outlooks {
    /// How long a call of `class` waits.
    fn wait(self, class: Class, before: Before, now: Instant) -> Duration {
        let common = self.common.wait(before.in_all, now);
        let reserve = self.lookups.filter(|_| class == Class::InDoubt);
        reserve.map_or(common, |lookups| common.min(lookups.wait(before.in_class, now)))
    }

    /// How long until there is another call for somebody of the classes that wait.
    fn next_in(self, is_for_lookups: bool, now: Instant) -> Duration {
        let reserve = self.lookups.filter(|_| is_for_lookups).map(|lookups| lookups.next_at);
        let next_at = reserve.map_or(self.common.next_at, |at| at.min(self.common.next_at));
        next_at.saturating_duration_since(now)
    }
}

impl Desk {
    /// A desk at which nothing lies ready.
    pub fn new(has_reserve: bool, now: Instant) -> Self {
        let unknown = Outlook { next_at: now, pace: Duration::ZERO };
        Self {
            queue: FairQueue::new(),
            stock: VecDeque::new(),
            outlook: Outlooks { common: unknown, lookups: has_reserve.then_some(unknown) },
            ahead: LEAST_AHEAD,
            admitted: 0,
            counted_at: now,
            is_supplied: false,
        }
    }

    /// Lets a call in, refuses it when it would wait beyond `give_up`, or has it wait behind those who came before it.
    pub fn enter(&mut self, turn: Turn, partner: Option<&PartnerId>, give_up: Instant, now: Instant) -> Entry {
        if self.queue.len() == 0
            && let Some(left) = self.take(now)
        {
            return Entry::Answered(Ok(left));
        }
        let (answer, receiver) = oneshot::channel();
        let (place, pushed_out) = self.queue.push(turn.class, partner, Ticket { give_up, answer });
        self.refuse(pushed_out, now);
        let wait = self.outlook.wait(turn.class, self.queue.before(place), now);
        if now + wait > give_up {
            self.queue.remove(place);
            return Entry::Answered(Err(wait));
        }
        Entry::Waiting(receiver)
    }

    /// Whether somebody has to see to it that there is more. It is asked of nobody else until [`Self::pause`] ends it.
    pub fn must_be_supplied(&mut self, now: Instant) -> bool {
        let is_low = self.stock() <= self.ahead / 2 && self.outlook.common.next_at <= now;
        let must = !self.is_supplied && (is_low || self.queue.len() > 0);
        self.is_supplied |= must;
        must
    }

    /// What is to be asked of the common purse.
    pub fn ask(&mut self, now: Instant) -> Ask {
        let counted_for = now.saturating_duration_since(self.counted_at);
        if counted_for >= COUNT_FOR {
            let expected = u128::from(self.admitted) * (LEASE / 2).as_micros() / counted_for.as_micros();
            self.ahead = u32::try_from(expected).unwrap_or(u32::MAX).max(LEAST_AHEAD);
            (self.admitted, self.counted_at) = (0, now);
        }
        self.discard_void(now);
        Ask { waiting: count(self.queue.len()), ahead: self.ahead.saturating_sub(self.stock()) }
    }

    /// What is to be asked of the reserve; `None` when it is not needed.
    pub fn ask_reserve(&self) -> Option<Ask> {
        let waiting = count(self.queue.len_of(Class::InDoubt));
        (waiting > 0).then_some(Ask { waiting, ahead: 0 })
    }

    /// Takes in what the common purse has lent after it was asked at `asked_at`, and hands it out in turn. Those who now
    /// would wait too long are told.
    pub fn supply(&mut self, lease: Lease, asked_at: Instant, now: Instant) {
        self.outlook.common.learn(lease, now);
        self.stock.push_back(Slice { left: lease.granted, until: asked_at + LEASE });
        self.discard_void(now);
        while let left @ 1.. = self.stock()
            && let Some(ticket) = self.queue.pop()
        {
            // Who has stopped waiting takes nothing.
            if ticket.answer.send(Ok(left - 1)).is_ok() {
                self.take(now);
            }
        }
        self.refuse_hopeless(now);
    }

    /// Hands out what the reserve has lent.
    pub fn supply_lookups(&mut self, lease: Lease, asked_at: Instant, now: Instant) {
        if let Some(lookups) = &mut self.outlook.lookups {
            lookups.learn(lease, now);
        }
        let mut left = if now < asked_at + LEASE { lease.granted } else { 0 };
        while left > 0
            && let Some(ticket) = self.queue.pop_of(Class::InDoubt)
        {
            left -= u32::from(ticket.answer.send(Ok(self.stock())).is_ok());
        }
        self.refuse_hopeless(now);
    }

    /// The lender could not be asked: nothing more is lent for a while.
    pub fn supply_failed(&mut self, now: Instant) {
        for outlook in [Some(&mut self.outlook.common), self.outlook.lookups.as_mut()].into_iter().flatten() {
            outlook.next_at = outlook.next_at.max(now + FAILED_PAUSE);
        }
        self.refuse_hopeless(now);
    }

    /// How long to wait with the next ask; `None` when nobody waits and supplying ends.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        self.is_supplied = self.queue.len() > 0;
        let next_in = self.outlook.next_in(self.queue.len_of(Class::InDoubt) > 0, now);
        let pause = if next_in.is_zero() { next_in } else { next_in.clamp(SHORTEST_PAUSE, LONGEST_PAUSE) };
        self.is_supplied.then_some(pause)
    }

    /// Nobody supplies any more.
    pub fn is_left_alone(&mut self) {
        self.is_supplied = false;
    }

    /// How long one would wait who came now, behind all others.
    pub fn longest_wait(&self, now: Instant) -> Duration {
        self.outlook.common.wait(self.queue.len(), now)
    }

    /// Takes one of the calls that lie ready; answers how many are left.
    fn take(&mut self, now: Instant) -> Option<u32> {
        self.discard_void(now);
        self.stock.front_mut()?.left -= 1;
        self.admitted = self.admitted.saturating_add(1);
        self.discard_void(now);
        Some(self.stock())
    }

    fn discard_void(&mut self, now: Instant) {
        self.stock.retain(|slice| slice.left > 0 && now < slice.until);
    }

    fn stock(&self) -> u32 {
        self.stock.iter().map(|slice| slice.left).sum()
    }

    fn refuse_hopeless(&mut self, now: Instant) {
        let outlook = self.outlook;
        let hopeless = self.queue.take_out(|class, before, ticket| {
            ticket.answer.is_closed() || now + outlook.wait(class, before, now) > ticket.give_up
        });
        self.refuse(hopeless, now);
    }

    fn refuse(&self, tickets: impl IntoIterator<Item = Ticket>, now: Instant) {
        for ticket in tickets {
            // Who has stopped waiting hears nothing.
            let _ = ticket.answer.send(Err(self.longest_wait(now)));
        }
    }
}

fn count(waiting: usize) -> u32 {
    u32::try_from(waiting).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
