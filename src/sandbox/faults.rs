//! Faults on request: for single requests, and switches that hold until they are turned.

use std::{collections::BTreeMap, sync::Mutex};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{change_signal::ChangeSignal, commerce::switches::CommerceSwitches, lock::lock};

/// A fault of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Not executed; answered with this status, 429 with `Retry-After: 1`.
    Http(u16),
    /// Not executed; refused with 422 and words that quote the card number of the request, or some card number.
    QuoteCard,
    /// Executed, but answered with this status.
    HttpAfterExecute(u16),
    /// Not executed; the connection is cut before the first byte of an answer.
    DropBefore,
    /// Executed; the connection is cut before the first byte of an answer.
    DropAfterExecute,
    /// Not executed; no answer for [`super::HANG_TIME`], then the connection is cut.
    Hang,
    /// Executed; otherwise like [`Fault::Hang`].
    HangAfterExecute,
    /// Executed; answered with 200 and a body that is not JSON.
    Garbage,
    /// Executed; the answer names an amount that is 1 major unit more than the true one.
    WrongAmount,
    /// Not executed; answered with 404 and a page of HTML, as by a proxy that does not find its way.
    NoRoute,
}

impl Fault {
    /// Whether the request is executed although it suffers this fault.
    pub fn executes(self) -> bool {
        match self {
            Self::Http(_) | Self::QuoteCard | Self::DropBefore | Self::Hang | Self::NoRoute => false,
            Self::HttpAfterExecute(_)
            | Self::DropAfterExecute
            | Self::HangAfterExecute
            | Self::Garbage
            | Self::WrongAmount => true,
        }
    }
}

/// The settings for every request and webhook, until they are changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// A repeated `Idempotency-Key` is executed again.
    pub ignore_idempotency_keys: bool,
    /// A used `reference_id` makes a second object.
    pub ignore_references: bool,
    /// A payment that is paid can be confirmed again, and is charged again: what a repeated request costs.
    pub charge_again: bool,
    /// Reading a payment answers 404, as while a record is not yet replicated.
    pub hide_payments: bool,
    /// Every payment is shown with the status `on_hold`, a word the contract does not have.
    pub show_unknown_status: bool,
    /// The form in which a payment shows its refunds.
    pub shown_refunds: ShownRefunds,
    /// The precision of a payment's time of change.
    pub shown_time: ShownTime,
    /// Payments that reads show differently, by the sandbox's id or by the reference they were created with: members that take the
    /// place of the answer's own, or `null` for a payment that is not there. What really happened stays in the ledger.
    pub shown_payments: BTreeMap<String, Value>,
    /// Customers of one email address are one customer, whatever their reference, and a card saved again is one method.
    pub merge_customers: bool,
    /// Every answer is this many milliseconds late, though its call is executed at once; at most 60 000.
    pub answer_delay_ms: u64,
    /// The account's behaviour where documents of the `commerce` dialect leave it open.
    pub commerce: CommerceSwitches,
    /// How webhooks are delivered.
    pub webhooks: WebhookSwitches,
}

/// The form in which a payment shows its refunds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownRefunds {
    /// Each, and what they are together.
    #[default]
    All,
    /// The same, but none has a reference.
    WithoutReferences,
    /// Their sum, without a list.
    SumOnly,
    /// Their sum, and an empty list.
    SumAndEmptyList,
    /// Nothing, as while they are not yet replicated: the list is empty and the sum is zero.
    None,
}

/// The precision of a payment's time of change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownTime {
    /// To the microsecond.
    #[default]
    Exact,
    /// To the second, rounded down.
    WholeSeconds,
    /// Not at all.
    Missing,
}

/// How webhooks are delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSwitches {
    /// Each is delivered this many times more; at most 100.
    pub extra_copies: u8,
    /// They are gathered for a moment and delivered newest first.
    pub shuffle: bool,
    /// Each is delivered this many milliseconds late; at most 60 000.
    pub delay_ms: u64,
    /// Of a hundred, this many are never delivered; 100 loses all.
    pub loss_percent: u8,
    /// They are kept until [`super::Sandbox::deliver_held`].
    pub hold: bool,
}

/// Faults that wait for their request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// How many requests it still hits.
    pub count: u32,
    /// `POST` or `GET`.
    pub method: String,
    /// Path with `{id}` where an id stands, as `/v1/payment-intents/{id}/confirm`.
    pub template: String,
    /// The fault that hits them.
    pub fault: Fault,
}

/// How many plans can wait at once; more are dropped.
pub(super) const MAX_PLANS: usize = 1_000;

/// The faults in force.
#[derive(Debug, Default)]
pub struct Faults {
    switches: Mutex<Switches>,
    plans: Mutex<Vec<Planned>>,
    changes: ChangeSignal,
}

/// The faults in force, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptFaults {
    pub switches: Switches,
    pub plans: Vec<Planned>,
}

impl Faults {
    /// Knows of none; says when that changes.
    pub(super) fn new(changes: ChangeSignal) -> Self {
        Self { changes, ..Self::default() }
    }

    /// All of them, as they are kept.
    pub(super) fn kept(&self) -> KeptFaults {
        KeptFaults { switches: self.switches(), plans: lock(&self.plans).clone() }
    }

    /// Takes over what was kept.
    pub(super) fn load(&self, kept: KeptFaults) {
        *lock(&self.switches) = kept.switches;
        *lock(&self.plans) = kept.plans;
        self.changes.note();
    }

    /// The switches as they stand.
    pub fn switches(&self) -> Switches {
        lock(&self.switches).clone()
    }

    /// Turns switches: `set(|s| s.hide_payments = true)`.
    pub fn set(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut lock(&self.switches));
        self.changes.note();
    }

    /// Lets `fault` hit the next `count` requests of `method` and `template` that carry valid credentials. Plans for
    /// the same requests follow one another.
    pub fn fail_next(&self, count: u32, method: &str, template: &str, fault: Fault) {
        self.plan(Planned { count, method: method.to_owned(), template: template.to_owned(), fault });
    }

    /// Takes back every fault and switch.
    pub fn clear(&self) {
        self.load(KeptFaults::default());
    }

    pub(super) fn plan(&self, planned: Planned) {
        let mut plans = lock(&self.plans);
        if planned.count > 0 && plans.len() < MAX_PLANS {
            plans.push(planned);
            self.changes.note();
        }
    }

    /// The fault that hits this request, used up by asking.
    pub(super) fn take(&self, (method, template): (&str, &str)) -> Option<Fault> {
        let mut plans = lock(&self.plans);
        let at = plans.iter().position(|plan| plan.method == method && plan.template == template)?;
        let fault = plans[at].fault;
        plans[at].count -= 1;
        if plans[at].count == 0 {
            plans.remove(at);
        }
        self.changes.note();
        Some(fault)
    }
}
