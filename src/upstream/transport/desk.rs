//! Where calls take their turn: what of the budget lies ready, who waits for more, and what wait can be foreseen. Time is
//! handed in.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{
    outlook::{Outlook, Outlooks},
    queue::{Before, FairQueue},
    stock::Stock,
};
use crate::{
    domain::{
        ids::PartnerId,
        quota::{Ask, LEASE, Lease},
    },
    upstream::{Class, Turn},
};

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

/// The desk.
#[derive(Debug)]
pub struct Desk {
    queue: FairQueue<Ticket>,
    stock: Stock,
    outlook: Outlooks,
    /// Whether somebody sees to it that there is more.
    is_supplied: bool,
}

impl Desk {
    /// A desk at which nothing lies ready.
    pub fn new(has_reserve: bool, now: Instant) -> Self {
        let unknown = Outlook::unknown(now);
        let outlook = Outlooks { common: unknown, lookups: has_reserve.then_some(unknown) };
        Self { queue: FairQueue::new(), stock: Stock::new(now), outlook, is_supplied: false }
    }

    /// Lets a call in, refuses it when it would wait beyond `give_up`, or has it wait behind those who came before it.
    pub fn enter(&mut self, turn: Turn, partner: Option<&PartnerId>, give_up: Instant, now: Instant) -> Entry {
        if self.queue.len() == 0
            && let Some(left) = self.stock.take(now)
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
        let is_worth_asking = self.stock.is_low() && self.outlook.common.wait(0, now).is_zero();
        let must = !self.is_supplied && (is_worth_asking || self.queue.len() > 0);
        self.is_supplied |= must;
        must
    }

    /// What is to be asked of the common purse.
    pub fn ask(&mut self, now: Instant) -> Ask {
        self.stock.ask(count(self.queue.len()), now)
    }

    /// What is to be asked of the reserve; `None` when it is not needed.
    pub fn ask_reserve(&self) -> Option<Ask> {
        let waiting = count(self.queue.len_of(Class::InDoubt));
        (waiting > 0).then_some(Ask { waiting, ahead: 0 })
    }

    /// Takes in what the common purse has lent after it was asked at `asked_at`, and hands it out in turn. Those who now
    /// would wait too long are told.
    pub fn supply(&mut self, lease: Lease, asked_at: Instant, now: Instant) {
        self.outlook.common = Outlook::of(lease, now);
        self.stock.put(lease.granted, asked_at, now);
        while let left @ 1.. = self.stock.left()
            && let Some(ticket) = self.queue.pop()
        {
            // Who has stopped waiting takes nothing.
            if ticket.answer.send(Ok(left - 1)).is_ok() {
                self.stock.take(now);
            }
        }
        self.refuse_hopeless(now);
    }

    /// Hands out what the reserve has lent.
    pub fn supply_lookups(&mut self, lease: Lease, asked_at: Instant, now: Instant) {
        self.outlook.lookups = Some(Outlook::of(lease, now));
        let mut left = if now < asked_at + LEASE { lease.granted } else { 0 };
        while left > 0
            && let Some(ticket) = self.queue.pop_of(Class::InDoubt)
        {
            left -= u32::from(ticket.answer.send(Ok(self.stock.left())).is_ok());
        }
        self.refuse_hopeless(now);
    }

    /// The lender could not be asked: nothing more is lent for a while.
    pub fn supply_failed(&mut self, now: Instant) {
        let Outlooks { common, lookups } = self.outlook;
        let later = |outlook: Outlook| outlook.not_before(now + FAILED_PAUSE);
        self.outlook = Outlooks { common: later(common), lookups: lookups.map(later) };
        self.refuse_hopeless(now);
    }

    /// How long to wait with the next ask; `None` when nobody waits and supplying ends.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        self.is_supplied = self.queue.len() > 0;
        let has_lookups = self.queue.len_of(Class::InDoubt) > 0;
        let class = if has_lookups { Class::InDoubt } else { Class::Read };
        let next_in = self.outlook.wait(class, Before::default(), now);
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
