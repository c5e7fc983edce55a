//! Snapshots: Corefy's word about a payment or a refund, in any dialect, and the one rule by which it is merged into
//! what we know: truth only moves forward, success wins however late it comes, and what contradicts us is never applied.

use super::{
    card::MaskedCard,
    clock::Timestamp,
    customer::Contact,
    decline::PaymentError,
    event::EventType,
    money::Money,
    network_references::NetworkReferences,
    next_action::NextAction,
    payment_intent::{PaymentIntent, PaymentIntentState as State, Progress},
    upstream_state::UpstreamState,
};

mod matching;
mod refund;

pub use matching::{RefundMatch, match_refunds};
pub use refund::{RefundMerge, RefundSnapshot};

/// A payment as Corefy shows it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentSnapshot {
    /// Corefy's id of the intent.
    pub upstream_id: String,
    /// Corefy's id of the payment, when it has another.
    pub upstream_payment_id: Option<String>,
    /// How it stands.
    pub status: PaymentStatus,
    /// The amount to be paid; `None` when Corefy does not state it. Counts only in [`PaymentStatus::Paid`].
    pub amount: Option<Money>,
    /// The amount received, in minor units; counts only in [`PaymentStatus::Paid`].
    pub received: i64,
    /// The amount that the payer's bank has taken back, in minor units.
    pub charged_back: i64,
    /// The references of card networks that it shows; count only in [`PaymentStatus::Paid`].
    pub network_references: NetworkReferences,
    /// Every refund that Corefy knows of; `None` when it does not tell all of them.
    pub refunds: Option<Vec<RefundSnapshot>>,
    /// Corefy's own time of this state; zero when it gives none.
    pub version: Timestamp,
    /// The dialect's notes about the intent from now on; `None` leaves those that it has.
    pub state: Option<UpstreamState>,
    /// The payment method that was saved while it was paid, when Corefy shows one.
    pub saved: Option<PaymentMethodSnapshot>,
}

/// How a payment stands at Corefy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Created, no attempt made.
    AwaitingConfirmation,
    /// The payer has to act.
    RequiresAction(NextAction),
    /// Under way.
    Processing,
    /// Money was received.
    Paid,
    /// The attempt failed.
    Failed(PaymentError),
    /// Can no longer be paid.
    Canceled,
    /// A word we do not know: not final, whatever it means.
    Unknown(String),
}

/// A customer as Corefy shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerSnapshot {
    /// Corefy's id.
    pub upstream_id: String,
    /// How the customer is reached.
    pub contact: Contact,
}

/// The payment methods that a customer has saved, as Corefy shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentMethodsSnapshot {
    /// The readable ones.
    pub methods: Vec<PaymentMethodSnapshot>,
    /// Whether that is all of them, so that what is not among them does not exist.
    pub is_complete: bool,
}

/// A saved payment method as Corefy shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentMethodSnapshot {
    /// Corefy's id.
    pub upstream_id: String,
    /// Type code; empty when Corefy does not tell.
    pub kind: String,
    /// The card, masked, when it is one and Corefy shows it.
    pub card: Option<MaskedCard>,
    /// When Corefy saved it; zero when it does not tell.
    pub created_at: Timestamp,
}

/// The evidence that a snapshot has of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Its outcome, or that it is under way.
    Outcome,
    /// Clearly no trace of it.
    None,
    /// Something that may be one.
    Unclear,
}

/// The meaning of a payment snapshot for an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// It tells something new.
    Apply(Box<IntentChange>),
    /// It tells what we know already, or nothing that can be acted on.
    Unchanged,
    /// It is older than what we know.
    Stale,
    /// It contradicts what we know; a person has to look.
    Conflict(&'static str),
}

/// The changes to an intent, and the events that report them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntentChange {
    state: State,
    received: i64,
    charged_back: i64,
    progress: Progress,
    version: Timestamp,
    /// The events to emit.
    pub events: Vec<EventType>,
}

impl PaymentSnapshot {
    /// The evidence of an attempt that was sent when `baseline` was the newest version we knew.
    pub fn evidence_of_attempt_since(&self, baseline: Timestamp) -> Evidence {
        match self.status {
            PaymentStatus::Paid => Evidence::Outcome,
            // The attempt before was under way once, too: Corefy was asked before the attempt was reserved.
            PaymentStatus::RequiresAction(_) | PaymentStatus::Processing if self.is_before(baseline) => {
                Evidence::Unclear
            }
            PaymentStatus::RequiresAction(_) | PaymentStatus::Processing => Evidence::Outcome,
            // A failure that is not newer is the one of the attempt before.
            PaymentStatus::Failed(_) | PaymentStatus::Canceled if self.version > baseline => Evidence::Outcome,
            PaymentStatus::Failed(_) | PaymentStatus::Canceled | PaymentStatus::AwaitingConfirmation => Evidence::None,
            PaymentStatus::Unknown(_) => Evidence::Unclear,
        }
    }

    /// Whether it is older than this version; one without a version is not.
    fn is_before(&self, version: Timestamp) -> bool {
        self.version.0 != 0 && self.version < version
    }

    /// Whether it tells less than is known by now: the intent was `asked` about while the answer to its attempt was missing, and
    /// that has come since. Without it no more may be told than that the attempt is under way, not where its payer has to go.
    pub fn is_superseded(&self, asked: &PaymentIntent, intent: &PaymentIntent) -> bool {
        let is_answered = asked.progress.is_unanswered && !intent.progress.is_unanswered;
        is_answered && self.status == PaymentStatus::Processing
    }

    /// Decides what this snapshot means for `intent`.
    pub fn merge(&self, intent: &PaymentIntent) -> Merge {
        if let Some(why) = self.contradiction(intent) {
            return Merge::Conflict(why);
        }
        let is_paid = self.status == PaymentStatus::Paid;
        if intent.state.is_paid() && self.takes_back() && self.version > intent.upstream_version {
            return Merge::Conflict("a payment that was received is taken back");
        }
        let is_older = self.is_before(intent.upstream_version);
        // Money that was received once was received: an older snapshot with a larger amount is no less true.
        let tells_of_more = is_paid && self.received > intent.received;
        if is_older && !tells_of_more {
            return Merge::Stale;
        }
        self.change(intent).map_or(Merge::Unchanged, |change| Merge::Apply(Box::new(change)))
    }

    /// Whether the intent has it noted where Corefy keeps it, with the dialect's notes of that.
    pub fn is_noted_in(&self, intent: &PaymentIntent) -> bool {
        let is_there = intent.upstream_id.as_deref() == Some(&self.upstream_id);
        is_there && self.state.as_ref().is_none_or(|state| *state == intent.upstream_state)
    }

    /// Notes in the intent where Corefy keeps it from now on: a dialect may make another payment there for another attempt.
    pub fn note_in(&self, intent: &mut PaymentIntent) {
        intent.upstream_id = Some(self.upstream_id.clone());
        if let Some(state) = &self.state {
            intent.upstream_state = state.clone();
        }
    }

    /// How the amount contradicts what we know. Of an attempt that came to nothing it says nothing, whatever it is.
    fn contradiction(&self, intent: &PaymentIntent) -> Option<&'static str> {
        if self.takes_back() {
            return None;
        }
        let is_paid = self.status == PaymentStatus::Paid;
        match self.amount {
            None if is_paid => Some("the amount that was paid is missing"),
            None => None,
            Some(amount) if amount.currency != intent.amount.currency => Some("the currency differs"),
            Some(_) if self.received > intent.amount.minor => Some("more was received than asked"),
            Some(amount) if !is_paid && amount != intent.amount => Some("the amount differs"),
            Some(_) => None,
        }
    }

    /// Whether it says that nothing was paid.
    fn takes_back(&self) -> bool {
        matches!(self.status, PaymentStatus::Failed(_) | PaymentStatus::Canceled)
    }

    /// The change this snapshot makes, if it makes one.
    fn change(&self, intent: &PaymentIntent) -> Option<IntentChange> {
        let wanted = self.state_for(intent);
        let state = if intent.state.may_become(wanted) { wanted } else { intent.state };
        let charged_back = self.charged_back.max(intent.charged_back);
        let mut change = IntentChange {
            state,
            received: intent.received.max(if self.status == PaymentStatus::Paid { self.received } else { 0 }),
            charged_back,
            // Whether the answer contradicts us is not decided by its status alone.
            progress: Progress {
                contradicted_since: intent.progress.contradicted_since,
                network_references: self.references_known(intent, state),
                ..self.progress(intent, state).without_the_erased()
            },
            version: self.version.max(intent.upstream_version),
            events: if state == intent.state { Vec::new() } else { entered(intent.state, state) },
        };
        if state == intent.state && intent.is_outcome_unknown() && !change.progress.is_unanswered {
            change.events.push(EventType::PaymentIntentProcessing); // nothing has told that it was begun
        }
        if charged_back > intent.charged_back {
            change.events.push(EventType::PaymentIntentChargedBack);
        }
        change.differs(intent).then_some(change)
    }

    /// The references that are known once the intent is in `state`. Those of an attempt that came to nothing are none of the payment's.
    fn references_known(&self, intent: &PaymentIntent, state: State) -> NetworkReferences {
        let known = &intent.progress.network_references;
        let are_of_the_payment = self.status == PaymentStatus::Paid && state.is_paid();
        if are_of_the_payment { self.network_references.clone().or(known) } else { known.clone() }
    }

    /// The state the intent would be in if this snapshot were all there is to know.
    fn state_for(&self, intent: &PaymentIntent) -> State {
        match &self.status {
            PaymentStatus::AwaitingConfirmation if intent.upstream_id.is_none() => State::RequiresConfirmation,
            // The payer has gone without acting. Only what is certainly newer may end an attempt in this way.
            PaymentStatus::AwaitingConfirmation
                if intent.state.is_attempting() && self.version > intent.upstream_version =>
            {
                State::RequiresConfirmation
            }
            PaymentStatus::AwaitingConfirmation | PaymentStatus::Unknown(_) => intent.state,
            PaymentStatus::RequiresAction(_) if intent.state != State::Canceled => State::RequiresAction,
            PaymentStatus::Processing if intent.state != State::Canceled => State::Processing,
            PaymentStatus::RequiresAction(_) | PaymentStatus::Processing => intent.state,
            PaymentStatus::Paid if self.received >= intent.amount.minor => State::Succeeded,
            PaymentStatus::Paid if self.received > 0 => State::PartiallyPaid,
            PaymentStatus::Paid => intent.state,
            PaymentStatus::Failed(_) if intent.state.is_attempting() => State::RequiresPaymentMethod,
            PaymentStatus::Failed(_) => intent.state,
            PaymentStatus::Canceled => State::Canceled,
        }
    }

    /// The progress after the last attempt, once the intent is in `state`. A status that could not bring the intent into its
    /// own state tells nothing of it.
    fn progress(&self, intent: &PaymentIntent, state: State) -> Progress {
        let afresh = intent.progress.afresh();
        match (&self.status, state) {
            (PaymentStatus::RequiresAction(action), State::RequiresAction) => {
                Progress { next_action: Some(action.clone()), ..afresh }
            }
            // Of an attempt that was given up, the failure before it tells nothing.
            (PaymentStatus::Failed(error), State::RequiresPaymentMethod)
                if intent.state.is_attempting() || self.version > intent.upstream_version =>
            {
                Progress { last_error: Some(error.clone()), ..afresh }
            }
            (PaymentStatus::Canceled, State::Canceled) => {
                Progress { last_error: intent.progress.last_error.clone(), ..afresh }
            }
            // An intent that was paid before is watched because of a refund.
            (PaymentStatus::Paid, State::Succeeded | State::PartiallyPaid) => {
                Progress { watch_until: intent.progress.watch_until.filter(|_| intent.state.is_paid()), ..afresh }
            }
            (PaymentStatus::Processing, State::Processing)
            | (PaymentStatus::AwaitingConfirmation, State::RequiresConfirmation) => afresh,
            _ => intent.progress.clone(),
        }
    }
}

impl IntentChange {
    fn differs(&self, intent: &PaymentIntent) -> bool {
        self.state != intent.state
            || self.received != intent.received
            || self.charged_back != intent.charged_back
            || self.progress != intent.progress
            || self.version != intent.upstream_version
    }

    /// Makes the change.
    pub fn apply(self, intent: &mut PaymentIntent, now: Timestamp) {
        let was = (intent.state, intent.received, intent.charged_back);
        let is_news = was != (self.state, self.received, self.charged_back) || intent.progress != self.progress;
        intent.received = self.received;
        intent.charged_back = self.charged_back;
        intent.progress = self.progress;
        intent.upstream_version = self.version;
        // A new version alone is no change: polls go by the time of the last one, and must not begin anew with each of them.
        if is_news {
            intent.enter(self.state, now);
        }
    }
}

/// The events that tell of an intent's move.
fn entered(from: State, to: State) -> Vec<EventType> {
    let is_late = matches!(from, State::RequiresPaymentMethod | State::Canceled) && to.is_paid();
    let late = is_late.then_some(EventType::PaymentIntentLateSuccess);
    let event = match to {
        State::RequiresConfirmation => None,
        State::RequiresPaymentMethod => Some(EventType::PaymentIntentPaymentFailed),
        State::RequiresAction => Some(EventType::PaymentIntentRequiresAction),
        State::Processing => Some(EventType::PaymentIntentProcessing),
        State::Succeeded => Some(EventType::PaymentIntentSucceeded),
        State::PartiallyPaid => Some(EventType::PaymentIntentPartiallyPaid),
        State::Canceled => Some(EventType::PaymentIntentCanceled),
    };
    late.into_iter().chain(event).collect()
}

#[cfg(test)]
mod tests;
