//! The operation journal: one row for every mutating call, written before anything is sent and finished only when its
//! outcome is known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    ids::{OperationId, PartnerId, PaymentIntentId},
};

/// The kind of call that an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// `CreatePaymentIntent`.
    CreatePaymentIntent,
    /// `ConfirmPaymentIntent`: the one that charges.
    ConfirmPaymentIntent,
    /// `CancelPaymentIntent`: ours alone, nothing is sent.
    CancelPaymentIntent,
    /// `CreateRefund`.
    CreateRefund,
    /// `CreateCustomer`.
    CreateCustomer,
    /// `CreatePaymentMethod`.
    CreatePaymentMethod,
    /// `UpdateCustomer`: ours alone, nothing is sent.
    UpdateCustomer,
    /// `UpdatePaymentMethod`: ours alone, nothing is sent.
    UpdatePaymentMethod,
    /// `DeletePaymentMethod`: ours alone, nothing is sent.
    DeletePaymentMethod,
}

impl OperationKind {
    /// All kinds, for tables and tests.
    pub const ALL: [Self; 9] = [
        Self::CreatePaymentIntent,
        Self::ConfirmPaymentIntent,
        Self::CancelPaymentIntent,
        Self::CreateRefund,
        Self::CreateCustomer,
        Self::CreatePaymentMethod,
        Self::UpdateCustomer,
        Self::UpdatePaymentMethod,
        Self::DeletePaymentMethod,
    ];

    /// The word for it in the store and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatePaymentIntent => "create_payment_intent",
            Self::ConfirmPaymentIntent => "confirm_payment_intent",
            Self::CancelPaymentIntent => "cancel_payment_intent",
            Self::CreateRefund => "create_refund",
            Self::CreateCustomer => "create_customer",
            Self::CreatePaymentMethod => "create_payment_method",
            Self::UpdateCustomer => "update_customer",
            Self::UpdatePaymentMethod => "update_payment_method",
            Self::DeletePaymentMethod => "delete_payment_method",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it moves money at Corefy.
    pub fn moves_money(self) -> bool {
        match self {
            Self::ConfirmPaymentIntent | Self::CreateRefund => true,
            Self::CreatePaymentIntent
            | Self::CancelPaymentIntent
            | Self::CreateCustomer
            | Self::CreatePaymentMethod
            | Self::UpdateCustomer
            | Self::UpdatePaymentMethod
            | Self::DeletePaymentMethod => false,
        }
    }
}

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationState {
    /// Reserved; the call to Corefy may have been sent. The holder of the lease is at it.
    Sent,
    /// Sent, and the outcome is not known. Corefy is asked at the times of [`next_check`].
    InDoubt,
    /// Asked for seven days, or Corefy's answer contradicts ours: a person has to look.
    NeedsOperator,
    /// The outcome is known and the answer frozen.
    Done,
}

impl OperationState {
    /// All states, for tables and tests.
    pub const ALL: [Self; 4] = [Self::Sent, Self::InDoubt, Self::NeedsOperator, Self::Done];

    /// The word for it in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::InDoubt => "in_doubt",
            Self::NeedsOperator => "needs_operator",
            Self::Done => "done",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Older than every version of Corefy's, those that it does not give among them.
pub const NO_BASELINE: Timestamp = Timestamp(-1);

/// One mutating call, from its reservation to its known end.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Our id; Corefy gets it as `Idempotency-Key`.
    pub id: OperationId,
    /// The partner that called.
    pub partner_id: PartnerId,
    /// The kind of the call.
    pub kind: OperationKind,
    /// The id of the object it makes or moves.
    pub subject_id: String,
    /// The intent whose money it moves, when it moves any: looking that up tells of this operation.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// How far it has come.
    pub state: OperationState,
    /// Counts the holders of the lease; an outcome is written only under the epoch that was claimed.
    pub epoch: i64,
    /// Until when the holder of the lease may work on it.
    pub lease_until: Timestamp,
    /// When it was reserved, just before it was sent.
    pub sent_at: Timestamp,
    /// How often Corefy was asked and cleanly knew nothing of it.
    pub misses: i64,
    /// The intent's upstream version at the time it was sent, when there was an attempt before: what Corefy shows must be
    /// newer to tell of this operation. Else [`NO_BASELINE`].
    pub baseline: Timestamp,
    /// The request it came with, for logs.
    pub request_id: String,
}

impl Operation {
    /// The id of the object in whose queue decisions about it wait.
    pub fn queue(&self) -> &str {
        queue(self.payment_intent_id.as_ref(), &self.subject_id)
    }

    /// Whether this is still the call that reserved it, and not recovery after it.
    pub fn is_first_holder(&self) -> bool {
        self.epoch == 1
    }

    /// Whether the call that reserved it is under way at `now`: it has not been taken over, and its lease holds.
    pub fn is_first_call_running(&self, now: Timestamp) -> bool {
        self.state == OperationState::Sent && self.is_first_holder() && self.is_held(now)
    }

    /// Whether the lease holds at `now`.
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.lease_until.is_awaited(now, LEASE)
    }

    /// Whether the call that reserved it may still be on its way to Corefy at `now`, when sending takes `send_limit` at most
    /// and the call has not said itself that it has ended.
    pub fn may_be_under_way(&self, now: Timestamp, send_limit: Duration) -> bool {
        now.since(self.sent_at).max(self.sent_at.since(now)) < send_limit + SETTLE_MARGIN
    }
}

/// The id of the object in whose queue decisions about a call wait: its payment's, or that of its own object.
pub fn queue<'a>(payment: Option<&'a PaymentIntentId>, subject: &'a str) -> &'a str {
    payment.map_or(subject, PaymentIntentId::as_str)
}

/// An operation whose outcome is not known, as an event shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenOperation {
    /// Its id.
    pub id: OperationId,
    /// The partner that called.
    pub partner_id: PartnerId,
    /// The call.
    pub kind: OperationKind,
    /// The object it makes or moves.
    pub subject_id: String,
    /// The intent it belongs to.
    pub payment_intent_id: Option<PaymentIntentId>,
    /// When it was reserved.
    pub since: Timestamp,
    /// When Corefy is asked next; `None`: a person has to find out.
    pub next_check_at: Option<Timestamp>,
}

impl OpenOperation {
    /// The operation, which is checked next at this time.
    pub fn of(operation: &Operation, next_check_at: Option<Timestamp>) -> Self {
        Self {
            id: operation.id.clone(),
            partner_id: operation.partner_id.clone(),
            kind: operation.kind,
            subject_id: operation.subject_id.clone(),
            payment_intent_id: operation.payment_intent_id.clone(),
            since: operation.sent_at,
            next_check_at,
        }
    }
}

/// The longest upstream timeout that can be set, in seconds.
pub const LONGEST_TIMEOUT_SECONDS: u32 = 300;
/// How long sending takes at most, whatever timeout is set.
pub const LONGEST_SEND: Duration = Duration::from_secs(LONGEST_TIMEOUT_SECONDS as u64).saturating_add(SEND_MARGIN);
/// How long sending may take beside the upstream timeout: waiting for a token, and connecting again.
pub const SEND_MARGIN: Duration = Duration::from_secs(15);
/// How long after the end of sending a call is taken to be over, by clocks that differ a little.
pub const SETTLE_MARGIN: Duration = Duration::from_secs(15);
/// How long an operation is held by the gateway that is at it, which renews that every second: when it dies, another goes
/// on this much later.
pub const LEASE: Duration = Duration::from_secs(5);
/// How often a lease is renewed; the database may fail to answer for some seconds before it is lost.
pub const RENEW_LEASE_EVERY: Duration = Duration::from_secs(1);
/// How long a webhook is held by the worker that claimed it.
pub const WEBHOOK_LEASE: Duration = Duration::from_secs(60);
/// Before this age nothing that Corefy does not know counts as absent: it may still be on its way.
pub const ABSENT_AFTER: Duration = Duration::from_secs(120);
/// How many clean misses it takes for absent, at least.
pub const ABSENT_MISSES: i64 = 3;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The shortest wait before a look that did not end an operation is made again outside the schedule.
const SHORTEST_AGAIN: Duration = Duration::from_secs(20);
/// From this age on only the schedule counts: whatever kept the looks from a clear answer lasts. A pass for a card that may still
/// arrive lasts an hour.
const AGAIN_UNTIL: Duration = Duration::from_secs(2 * HOUR);

/// The longest wait for another look after a clean miss, while more are needed: of an operation that no gateway could look up for hours,
/// the schedule would make them a day apart.
const AFTER_A_MISS: Duration = Duration::from_secs(5 * MINUTE);

/// When an operation that was sent at `sent_at` is to be looked up next, after `misses` clean misses; `None` when the
/// schedule is over.
///
/// That is at the times of [`next_look`], and earlier while the outcome could be certain soon: an operation that has not
/// got its [`ABSENT_MISSES`], or is old enough for absence and still open because a look failed or was not clear, is looked
/// up again after 20 s, or a quarter of its age if that is longer; after a clean miss, of which more are needed, within 5 min
/// whatever its age.
pub fn next_check(sent_at: Timestamp, now: Timestamp, misses: i64) -> Option<Timestamp> {
    let age = now.since(sent_at);
    let scheduled = next_look(sent_at, now)?;
    if (1..ABSENT_MISSES).contains(&misses) {
        return Some(scheduled.min(now + SHORTEST_AGAIN.max(age / 4).min(AFTER_A_MISS)));
    }
    let lacks_a_look = misses < ABSENT_MISSES || age >= ABSENT_AFTER;
    if age >= AGAIN_UNTIL || !lacks_a_look {
        return Some(scheduled);
    }
    Some(scheduled.min(now + SHORTEST_AGAIN.max(age / 4)))
}

/// When what began at `since` and has no end yet is to be asked about next: 2, 5, 15, 45 s, 2, 5, 15 min and 1 h after
/// that, hourly to 24 h, daily to 7 d; `None` when that is over.
pub fn next_look(since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    const FIRST: [u64; 8] = [2, 5, 15, 45, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR];
    // A beginning in the future was written by a clock that has been put back since.
    let since = since.min(now);
    let age = now.since(since).as_secs();
    let at = FIRST
        .into_iter()
        .chain((2..=24).map(|hours| hours * HOUR))
        .chain((2..=7).map(|days| days * DAY))
        .find(|&at| at > age)?;
    Some(since + Duration::from_secs(at))
}

/// Whether an operation that Corefy knew nothing of `misses` times is certain never to have reached it, when sending takes
/// `send_limit` at most: its call has ended, and is not on its way any more.
pub fn is_absent(sent_at: Timestamp, now: Timestamp, misses: i64, send_limit: Duration) -> bool {
    now.since(sent_at) >= ABSENT_AFTER.max(send_limit + SETTLE_MARGIN) && misses >= ABSENT_MISSES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_grow_apart_and_end_after_seven_days() {
        let sent = Timestamp::from_seconds(1_000_000);
        let mut now = sent;
        let mut offsets = Vec::new();
        while let Some(next) = next_look(sent, now) {
            offsets.push(next.since(sent).as_secs());
            now = next;
        }
        assert_eq!(offsets[..9], [2, 5, 15, 45, 120, 300, 900, 3600, 7200]);
        assert_eq!(offsets.len(), 8 + 23 + 6);
        assert_eq!(offsets.last(), Some(&(7 * 24 * 3600)));
    }

    /// The ages at which an operation is looked up until `end`, from `age` on, when each look is a clean miss or fails.
    fn looks(mut age: u64, end: u64, is_clean: impl Fn(u64) -> bool) -> Vec<u64> {
        let (sent, mut misses, mut ages) = (Timestamp::from_seconds(1_000_000), 0, Vec::new());
        let send_limit = Duration::from_secs(45);
        loop {
            let now = sent + Duration::from_secs(age);
            age = next_check(sent, now, misses).unwrap().since(sent).as_secs();
            if age > end {
                return ages;
            }
            ages.push(age);
            misses += i64::from(is_clean(age));
            if is_clean(age) && is_absent(sent, sent + Duration::from_secs(age), misses, send_limit) {
                return ages;
            }
        }
    }

    #[test]
    fn what_was_not_done_is_certain_within_three_minutes_though_a_look_fails() {
        assert_eq!(looks(0, 999, |_| true), [2, 5, 15, 45, 120]);
        assert_eq!(looks(30, 999, |_| true), [45, 65, 85, 120], "the call timed out");
        assert_eq!(looks(30, 999, |age| age != 45), [45, 65, 85, 106, 120]);
        assert_eq!(looks(0, 999, |age| age != 120), [2, 5, 15, 45, 120, 150]);
        assert_eq!(looks(0, 999, |age| age > 100), [2, 5, 15, 35, 45, 65, 85, 106, 120, 150]);
    }

    #[test]
    fn what_cannot_be_certain_is_looked_up_less_and_less_often() {
        let ages = looks(0, 3 * 3600, |_| false);
        assert!(ages.len() < 32, "{ages:?}");
        assert_eq!(ages[ages.len() - 2..], [7200, 10_800]);
    }

    #[test]
    fn what_is_clear_only_after_an_hour_is_certain_within_two() {
        let ages = looks(0, 3 * 3600, |age| age > 3900);
        assert!(ages.last().is_some_and(|age| *age < 7200), "{ages:?}");
    }

    #[test]
    fn what_was_not_done_before_a_night_without_gateways_is_certain_minutes_after_it() {
        const NIGHT: u64 = 26 * 3600;
        let (sent, first) = (Timestamp::from_seconds(1_000_000), Timestamp::from_seconds(1_000_000 + 26 * 3600));
        let second = next_check(sent, first, 1).unwrap();
        let third = next_check(sent, second, 2).unwrap();
        assert_eq!([second, third].map(|look| look.since(sent).as_secs() - NIGHT), [300, 600]);
        assert!(is_absent(sent, third, ABSENT_MISSES, Duration::from_secs(45)));
        assert_eq!(next_check(sent, first, 0).unwrap().since(sent).as_secs(), 2 * DAY, "nothing was clear");
    }

    #[test]
    fn a_beginning_in_the_future_counts_as_now() {
        let now = Timestamp::from_seconds(1_000_000);
        let ahead = now + Duration::from_secs(3600);
        assert_eq!(next_look(ahead, now), Some(now + Duration::from_secs(2)));
        assert_eq!(next_check(ahead, now, 0), Some(now + Duration::from_secs(2)));
    }

    #[test]
    fn nothing_is_absent_before_two_minutes_and_three_misses() {
        let sent = Timestamp::from_seconds(0);
        let (short, long) = (Duration::from_secs(45), Duration::from_secs(315));
        assert!(!is_absent(sent, Timestamp::from_seconds(119), 9, short));
        assert!(!is_absent(sent, Timestamp::from_seconds(120), 2, short));
        assert!(is_absent(sent, Timestamp::from_seconds(120), 3, short));
        assert!(!is_absent(sent, Timestamp::from_seconds(329), 9, long), "the call may still be on its way");
        assert!(is_absent(sent, Timestamp::from_seconds(330), 3, long));
    }

    #[test]
    fn words_read_back() {
        assert!(OperationKind::ALL.into_iter().all(|kind| OperationKind::parse(kind.as_str()) == Some(kind)));
        assert!(OperationState::ALL.into_iter().all(|state| OperationState::parse(state.as_str()) == Some(state)));
    }
}
