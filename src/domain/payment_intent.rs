//! Payment intents: what is to be paid, how far that has come, and what can be given back of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    customer::{Address, Metadata},
    decline::{BLOCKED_BY_RISK, PaymentError},
    ids::{CustomerId, PartnerId, PaymentIntentId},
    money::Money,
    operation::next_look,
    private::Private,
    refund::RefundState,
    upstream_state::UpstreamState,
};

mod progress;
mod state;

use progress::WATCH;
pub use progress::{Attempt, EndedAttempt, MOST_ENDED_ATTEMPTS, Progress};
pub use state::PaymentIntentState;

use PaymentIntentState as State;

/// A payment: the amount to be paid, and its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentIntent {
    /// Our id.
    pub id: PaymentIntentId,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// Corefy's id, once known.
    pub upstream_id: Option<String>,
    /// Corefy's id of the payment, when it has one of its own; webhooks may name only that.
    pub upstream_payment_id: Option<String>,
    /// Where it stands.
    pub state: PaymentIntentState,
    /// The amount to be paid.
    pub amount: Money,
    /// The amount received, in minor units.
    pub received: i64,
    /// The amount that succeeded refunds have given back, in minor units.
    pub refunded: i64,
    /// The amount that pending refunds have reserved, in minor units.
    pub refund_pending: i64,
    /// The amount that the payer's bank has taken back, in minor units.
    pub charged_back: i64,
    /// The customer.
    pub customer_id: Option<CustomerId>,
    /// The caller's own reference.
    pub reference_id: Option<String>,
    /// The details that the caller gave at creation.
    pub details: PaymentIntentDetails,
    /// The outcome of the last attempt.
    pub progress: Progress,
    /// Corefy's own time of the newest state merged; what is older is stale.
    pub upstream_version: Timestamp,
    /// The notes of the dialect of Corefy's API about it.
    #[serde(skip)]
    pub upstream_state: UpstreamState,
    /// When the gateway accepted it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Whether it was made in Corefy's sandbox, where no money moves.
    #[serde(default)]
    pub sandbox: bool,
    /// The number of its changes: of two copies, the one with the greater is newer.
    #[serde(default)]
    pub revision: i64,
}

impl PaymentIntent {
    /// Brings it into `state`.
    pub fn enter(&mut self, state: State, now: Timestamp) {
        self.state = state;
        match state {
            State::Succeeded => self.progress.succeeded_at = self.progress.succeeded_at.or(Some(now)),
            State::Canceled => self.progress.canceled_at = self.progress.canceled_at.or(Some(now)),
            State::RequiresPaymentMethod
            | State::RequiresConfirmation
            | State::RequiresAction
            | State::Processing
            | State::PartiallyPaid => {}
        }
        self.touch(now);
    }

    /// Notes that it changed. Of a payer who was erased nothing is kept again.
    pub fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
        if let Some(erased_at) = self.progress.erased_at {
            self.strip(erased_at);
        }
    }

    /// Begins an attempt, whose answer is missing until Corefy gives it.
    pub fn begin_attempt(&mut self, attempt: Attempt, now: Timestamp) {
        self.progress.begin(Attempt { started_at: now, ..attempt }, self.upstream_id.clone());
        self.progress.is_unanswered = true;
        self.enter(State::Processing, now);
    }

    /// Notes that an attempt was stopped for its risk, before there was one.
    pub fn block_attempt(&mut self, now: Timestamp) {
        let message = "The attempt was stopped for its risk; nothing was sent to Corefy.".to_owned();
        self.progress.last_error = Some(PaymentError { code: BLOCKED_BY_RISK.to_owned(), message });
        self.enter(State::RequiresPaymentMethod, now);
    }

    /// Whether it is under way only as far as we know: an answer of Corefy's is missing.
    pub fn is_outcome_unknown(&self) -> bool {
        self.state == State::Processing && self.progress.is_unanswered
    }

    /// The amount that can still be refunded: received, less what is pending, given back or charged back.
    pub fn refundable(&self) -> Money {
        let left = self.received - self.refund_pending - self.refunded - self.charged_back;
        Money::new(left.max(0), self.amount.currency)
    }

    /// Whether there may be refunds of it: none is made or taken in before something was received.
    pub fn may_have_refunds(&self) -> bool {
        self.received > 0 || self.refund_pending > 0 || self.refunded > 0 || self.progress.succeeded_at.is_some()
    }

    /// An amount of this intent's currency.
    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.amount.currency)
    }

    /// Whether Corefy may still have something to tell that it has not told: then it is polled.
    pub fn awaits_news(&self, now: Timestamp) -> bool {
        let is_watched = self.progress.watch_until.is_some_and(|end| now < end);
        is_watched || self.state.is_attempting() || self.refund_pending > 0
    }

    /// Notes that Corefy contradicts what we know. Whether that is confirmed: an earlier answer has said so too, long enough
    /// ago to be another one.
    pub fn note_contradiction(&mut self, now: Timestamp) -> bool {
        let since = self.progress.contradicted_since.filter(|since| *since <= now).unwrap_or(now);
        self.progress.contradicted_since = Some(since);
        now.since(since) >= CONFIRMED_AFTER
    }

    /// Whether Corefy contradicts what we know by an answer that no other has confirmed yet.
    pub fn is_doubtful(&self, now: Timestamp) -> bool {
        self.progress.contradicted_since.is_some_and(|since| now.since(since) < CONFIRMED_AFTER)
    }

    /// When Corefy is asked about it next without anybody's asking; `None`: not again.
    ///
    /// While there may be news, at the times of [`next_look`], and daily beyond those. A payment that is settled is asked about
    /// now and then, too: a refund that the payer's bank returns, a chargeback, and a refund made at the dashboard are known
    /// so without a webhook. That is at these ages of its last change, 42 times in all:
    ///
    /// | age | every |
    /// |---|---|
    /// | to 6 hours | hour |
    /// | to 24 hours | 6 hours |
    /// | to 30 days | day |
    /// | to 58 days | week |
    pub fn next_poll(&self, now: Timestamp) -> Option<Timestamp> {
        if self.awaits_news(now) {
            return Some(next_look(self.updated_at, now).unwrap_or(now + DAY));
        }
        let changed_at = self.updated_at.min(now);
        let age = now.since(changed_at);
        let next = settled_looks().find(|at| *at > age).filter(|_| self.state.is_paid())?;
        Some(changed_at + next)
    }

    /// Whether a read at `now` has Corefy asked, which was asked last at `asked_at`: what is at rest may have news, too, and
    /// is asked about when the last look is older than [`REST_LOOK_INTERVAL`].
    pub fn is_worth_a_look(&self, asked_at: Timestamp, now: Timestamp) -> bool {
        let last = asked_at.max(self.updated_at);
        let is_fresh = (last + REST_LOOK_INTERVAL).is_awaited(now, REST_LOOK_INTERVAL);
        self.upstream_id.is_some() && !is_fresh && now.since(self.updated_at) < REST_LOOKS_END
    }

    /// Moves a refund's share of the sums: from the state it was in to the one it is in, `None` when there is no refund
    /// before or after.
    pub fn shift_refund(&mut self, amount: i64, from: Option<RefundState>, to: Option<RefundState>) {
        let share = |state: Option<RefundState>| state.map_or((0, 0), |state| state.share(amount));
        let ((pending, refunded), (next_pending, next_refunded)) = (share(from), share(to));
        self.refund_pending += next_pending - pending;
        self.refunded += next_refunded - refunded;
    }

    /// Whether there is room for a refund that Corefy shows, which was in state `from`, to be in `to`: what it takes more than it had
    /// taken must be left. A chargeback leaves as much: a bank may take back what was refunded before.
    pub fn has_room_for(&self, amount: i64, from: Option<RefundState>, to: RefundState) -> bool {
        let taken = |state: RefundState| state.share(amount).0 + state.share(amount).1;
        taken(to) - from.map_or(0, taken) <= self.received - self.refund_pending - self.refunded
    }

    /// Ends an attempt that was given up: another may be made, but Corefy is still asked about this one.
    pub fn give_up_attempt(&mut self, code: &str, message: &str, now: Timestamp) {
        let last_error = PaymentError { code: code.to_owned(), message: message.to_owned() };
        self.progress = Progress { last_error: Some(last_error), ..self.progress.afresh() };
        self.enter(State::RequiresPaymentMethod, now);
        self.watch(now);
    }

    /// Gives up what Corefy has no record of, but goes on asking for a week: what is late is still the truth.
    pub fn watch(&mut self, now: Timestamp) {
        self.progress.watch_until = Some(now + WATCH);
    }
}

/// The details that a caller gives of an intent at creation; they do not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentIntentDetails {
    /// Type code of the payment method.
    pub payment_method_type: String,
    /// Email address; may be empty.
    pub customer_email: Private,
    /// Full name; may be empty.
    pub customer_name: Private,
    /// Phone number; may be empty.
    pub customer_phone: Private,
    /// May be empty.
    pub description: String,
    /// May be empty.
    pub return_url: String,
    /// May be empty.
    pub failure_url: String,
    /// Where the bills go.
    pub billing_address: Option<Address>,
    /// As given.
    pub metadata: Metadata,
}

/// How old a contradiction must be before an answer that repeats it confirms it: a single answer may be wrong, and one
/// that follows at once may be the same one.
const CONFIRMED_AFTER: Duration = Duration::from_secs(1);

/// When a settled payment is polled, by the age of its last change.
fn settled_looks() -> impl Iterator<Item = Duration> {
    let hours = (1..=6).chain([12, 18]).map(|hour| HOUR * hour);
    let days = (1..=30).chain([37, 44, 51, 58]).map(|day| DAY * day);
    hours.chain(days)
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The longest time between two polls of a settled payment.
pub const LONGEST_POLL_PAUSE: Duration = Duration::from_secs(7 * 24 * 3600);
/// How old the last look at a payment at rest must be for a read to have Corefy asked.
pub const REST_LOOK_INTERVAL: Duration = Duration::from_secs(300);
/// The age of its last change from which reads of a payment at rest ask no more: by then its banks have spoken.
const REST_LOOKS_END: Duration = Duration::from_secs(180 * 24 * 3600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{ids::Ids, money::Currency};

    fn paid(received: i64) -> PaymentIntent {
        let details = PaymentIntentDetails {
            payment_method_type: "card".to_owned(),
            customer_email: Private::default(),
            customer_name: Private::default(),
            customer_phone: Private::default(),
            description: String::new(),
            return_url: String::new(),
            failure_url: String::new(),
            billing_address: None,
            metadata: Metadata::default(),
        };
        PaymentIntent {
            id: PaymentIntentId::generate(&Ids::system()),
            partner_id: PartnerId::parse("acme").unwrap(),
            upstream_id: None,
            upstream_payment_id: None,
            state: State::Succeeded,
            amount: Money::new(received, Currency::parse("USD").unwrap()),
            received,
            refunded: 0,
            refund_pending: 0,
            charged_back: 0,
            customer_id: None,
            reference_id: None,
            details,
            progress: Progress::default(),
            upstream_version: Timestamp::default(),
            upstream_state: UpstreamState::default(),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            sandbox: false,
            revision: 1,
        }
    }

    proptest! {
        #[test]
        fn what_was_received_is_refundable_pending_refunded_or_charged_back(
            received in 1..1000_i64,
            refunds in prop::collection::vec((1..300_i64, 0..4_usize), 0..12),
            charged_back in prop_oneof![Just(0), 1..1000_i64],
        ) {
            let mut intent = paid(received);
            for (amount, end) in refunds {
                if !intent.has_room_for(amount, None, RefundState::Pending) {
                    continue;
                }
                intent.shift_refund(amount, None, Some(RefundState::Pending));
                intent.shift_refund(amount, Some(RefundState::Pending), Some(RefundState::ALL[end]));
            }
            let left = received - intent.refund_pending - intent.refunded;
            prop_assert_eq!(intent.refundable().minor, left);
            intent.charged_back = charged_back;
            let explained = intent.refundable().minor + intent.refund_pending + intent.refunded + charged_back;
            // A chargeback after a refund takes more than was left.
            prop_assert_eq!(explained, received + (charged_back - left).max(0));
        }
    }

    #[test]
    fn settled_payments_are_polled_less_and_less_often() {
        let looks: Vec<_> = settled_looks().collect();
        assert_eq!(looks.len(), 42);
        assert!(looks.is_sorted());
        let pauses = looks.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(pauses.clone().all(|pause| pause <= LONGEST_POLL_PAUSE), "{:?}", pauses.collect::<Vec<_>>());
    }
}
