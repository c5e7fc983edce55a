//! History: the attempts that were let through before, of each subject, and what a decision makes of them. An attempt is
//! counted in its minute and in its hour; a window counts the buckets that begin within it, and the one in which it begins.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    buckets::{BucketLength, Buckets, Tally},
    outcome::PastOutcomes,
    subject::{Dimension, SubjectId},
    velocity::{Measure, Velocities, Window},
};
use crate::domain::clock::{CLOCK_SKEW, Timestamp};

/// The most cards of a subject that are remembered: the latest.
pub const MOST_CARDS: usize = 256;
/// The most cool-downs of a subject at a time: those that end last.
const MOST_COOL_DOWNS: usize = 16;
/// The digits of a card's hash that tell the cards of one subject apart.
const CARD_DIGITS: usize = 16;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A card, an address or a customer, with the attempts that were let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskSubject {
    /// The subject.
    pub id: SubjectId,
    /// Grows with every change.
    pub revision: i64,
    /// The attempts.
    pub past: SubjectPast,
    /// Nothing of it counts from then on. A whole day, so that it changes seldom.
    pub expires_at: Timestamp,
}

/// The attempts of a subject, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubjectPast {
    #[serde(skip_serializing_if = "Buckets::is_empty")]
    minutes: Buckets,
    #[serde(skip_serializing_if = "Buckets::is_empty")]
    hours: Buckets,
    /// The cards that were tried, the latest last. Not kept for cards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cards: Vec<SeenCard>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cool_downs: Vec<CoolDown>,
}

/// A card that a subject tried: of its hash so much that the cards of one subject are told apart, when it was tried last, and how
/// often since it was first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SeenCard(String, Timestamp, u32);

/// A time for which a guard blocks a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoolDown {
    /// The name of the guard.
    pub guard: String,
    /// The other subject that an attempt must have too; none: any attempt is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<SubjectId>,
    /// When it began.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

impl CoolDown {
    /// Whether it holds. One that is to begin was written by a clock that has been put back since, and does not.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now + CLOCK_SKEW && now < self.until
    }
}

/// The attempts of a BIN within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinCount {
    /// The window.
    pub window: Window,
    /// Attempts and their amount.
    pub tally: Tally,
    /// Declines of the issuers.
    pub declines: i64,
}

impl RiskSubject {
    /// A subject of which nothing is known.
    pub fn new(id: SubjectId) -> Self {
        Self { id, revision: 0, past: SubjectPast::default(), expires_at: Timestamp::default() }
    }

    /// Counts an attempt that is let through, with this card and this amount in minor units of the base currency.
    pub fn note_attempt(&mut self, card: Option<&SubjectId>, base_amount: Option<i64>, now: Timestamp) {
        let amount = base_amount.unwrap_or_default();
        let past = &mut self.past;
        for (buckets, length, kept) in [
            (&mut past.minutes, BucketLength::Minute, Window::Hour),
            (&mut past.hours, BucketLength::Hour, Window::Week),
        ] {
            buckets.add(length.number(now), amount, length.first_of(kept.length(), now));
        }
        if let Some(card) = card
            && self.id.dimension() != Some(Dimension::Card)
        {
            past.see_card(card, now);
        }
        past.cool_downs.retain(|cool_down| cool_down.holds(now));
        self.keep_until(now + self.kept_after_attempt());
    }

    /// Takes back an attempt that was counted at `at`, and was certainly not made. A card that was tried by other attempts as well
    /// goes on counting from when it was tried last, be it by this one.
    pub fn take_back_attempt(&mut self, card: Option<&SubjectId>, base_amount: Option<i64>, at: Timestamp) {
        let amount = base_amount.unwrap_or_default();
        self.past.minutes.take_back(BucketLength::Minute.number(at), amount);
        self.past.hours.take_back(BucketLength::Hour.number(at), amount);
        if let Some(card) = card {
            self.past.forget_card(card);
        }
        self.revision += 1;
    }

    /// Has a guard block the subject for a time.
    pub fn cool_down(&mut self, cool_down: CoolDown, now: Timestamp) {
        self.keep_until(cool_down.until);
        let kept = &mut self.past.cool_downs;
        kept.retain(|other| other.holds(now) && (&other.guard, &other.with) != (&cool_down.guard, &cool_down.with));
        kept.push(cool_down);
        kept.sort_by_key(|cool_down| cool_down.until);
        kept.drain(..kept.len().saturating_sub(MOST_COOL_DOWNS));
    }

    /// The cool-downs that hold.
    pub fn cool_downs(&self, now: Timestamp) -> impl Iterator<Item = &CoolDown> {
        self.past.cool_downs.iter().filter(move |cool_down| cool_down.holds(now))
    }

    /// The attempts within the window.
    pub fn attempts(&self, window: Window, now: Timestamp) -> Tally {
        let (buckets, length) = match window {
            Window::TenMinutes | Window::Hour => (&self.past.minutes, BucketLength::Minute),
            Window::Day | Window::Week => (&self.past.hours, BucketLength::Hour),
        };
        buckets.since(length.first_of(window.length(), now))
    }

    /// How many different cards were tried within the window; at most [`MOST_CARDS`].
    pub fn distinct_cards(&self, window: Window, now: Timestamp) -> i64 {
        if self.id.dimension() == Some(Dimension::Card) {
            return self.attempts(window, now).attempts.min(1);
        }
        let since = now.before(window.length());
        let seen = self.past.cards.iter().filter(|SeenCard(_, at, _)| *at > since).count();
        i64::try_from(seen).unwrap_or(i64::MAX)
    }

    /// For how long after an attempt something may count that came of it: a decline within a week for another week, of a card for
    /// the 30 days to which the schemes' caps apply, and every outcome of a customer as long as its decision is kept. A subject
    /// without a row is one of which nothing counts.
    fn kept_after_attempt(&self) -> Duration {
        match self.id.dimension() {
            Some(Dimension::Customer) => DAY * 400,
            Some(Dimension::Card) => DAY * (7 + 30),
            Some(Dimension::Ip | Dimension::Email | Dimension::Bin) | None => DAY * (7 + 7),
        }
    }

    fn keep_until(&mut self, until: Timestamp) {
        let day = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
        let whole = Timestamp(until.0.div_euclid(day).saturating_add(1).saturating_mul(day));
        self.expires_at = self.expires_at.max(whole);
        self.revision += 1;
    }
}

impl SubjectPast {
    fn see_card(&mut self, card: &SubjectId, now: Timestamp) {
        let hash = told_apart(card);
        let since = now.before(Window::Week.length());
        self.cards.retain(|SeenCard(_, at, _)| *at > since);
        let before = self.cards.iter().position(|SeenCard(other, ..)| other == hash);
        let times = before.map_or(0, |place| self.cards.remove(place).2);
        self.cards.push(SeenCard(hash.to_owned(), now, times.saturating_add(1)));
        self.cards.drain(..self.cards.len().saturating_sub(MOST_CARDS));
    }

    fn forget_card(&mut self, card: &SubjectId) {
        let hash = told_apart(card);
        if let Some(SeenCard(.., times)) = self.cards.iter_mut().find(|SeenCard(other, ..)| other == hash) {
            *times = times.saturating_sub(1);
        }
        self.cards.retain(|SeenCard(.., times)| *times > 0);
    }
}

/// The digits of the card's hash by which it is kept.
fn told_apart(card: &SubjectId) -> &str {
    let hash = card.as_str().rsplit(':').next().unwrap_or_default();
    hash.get(..CARD_DIGITS).unwrap_or(hash)
}

/// The velocities of an attempt: what its subjects, their outcomes and its BIN come to before it.
pub fn velocities<'a>(
    subjects: impl IntoIterator<Item = &'a RiskSubject>,
    outcomes: &PastOutcomes,
    bins: &[BinCount],
    now: Timestamp,
) -> Velocities {
    let mut velocities = Velocities::default();
    for subject in subjects {
        let Some(dimension) = subject.id.dimension() else { continue };
        for window in Window::ALL {
            let tally = subject.attempts(*window, now);
            velocities.set(dimension, *window, Measure::Attempts, tally.attempts);
            velocities.set(dimension, *window, Measure::Amount, tally.amount);
            velocities.set(dimension, *window, Measure::DistinctCards, subject.distinct_cards(*window, now));
        }
    }
    for (dimension, declines) in [
        (Dimension::Card, &outcomes.card.declines),
        (Dimension::Ip, &outcomes.ip.declines),
        (Dimension::Email, &outcomes.email),
        (Dimension::Customer, &outcomes.customer.declines),
    ] {
        for (window, count) in Window::ALL.iter().zip(declines.0) {
            velocities.set(dimension, *window, Measure::Declines, count);
        }
    }
    for bin in bins {
        velocities.set(Dimension::Bin, bin.window, Measure::Attempts, bin.tally.attempts);
        velocities.set(Dimension::Bin, bin.window, Measure::Amount, bin.tally.amount);
        velocities.set(Dimension::Bin, bin.window, Measure::Declines, bin.declines);
    }
    velocities
}

#[cfg(test)]
mod tests;
