//! The entry of each record in a timeline: its sentence, and its place in the order.

use crate::{
    domain::{
        api_call::{ApiCall, CallOutcome},
        clock::Timestamp,
        event::{Event, EventObject},
        operation::{Operation, OperationKind},
        risk::{action::Action, decision::RiskDecision},
        timeline::{TimelineEntry, TimelineIds, TimelineKind, TimelinePlace},
    },
    store::{OperationSummary, WebhookRecord, WebhookState},
};

/// An entry with its place in the order.
pub struct Placed {
    /// The entry.
    pub entry: TimelineEntry,
    /// Its place.
    pub place: TimelinePlace,
}

impl Placed {
    fn new(entry: TimelineEntry, is_end: bool, id: &str) -> Self {
        Self { place: TimelinePlace::new(entry.at, is_end, id), entry }
    }
}

/// The beginning of an operation.
pub(super) fn of_beginning(past: &OperationSummary) -> Placed {
    let operation = &past.operation;
    let entry = TimelineEntry {
        at: operation.sent_at,
        kind: TimelineKind::Rpc,
        sentence: format!("{} was called.", rpc(operation.kind)),
        ids: ids_of(operation),
    };
    Placed::new(entry, false, operation.id.as_str())
}

/// The end of an operation at `at`, or the next check of it.
pub(super) fn of_end((past, at): &(OperationSummary, Timestamp)) -> Placed {
    let operation = &past.operation;
    let (name, misses) = (rpc(operation.kind), misses(operation));
    let (kind, sentence) = match past.finished_at {
        Some(_) if operation.is_first_holder() => (TimelineKind::Rpc, format!("{name} was finished.")),
        Some(_) => (TimelineKind::Recovery, format!("The outcome of {name} was found out{misses}.")),
        None => {
            let sentence = format!("The outcome of {name} is not known; Corefy is asked at this time{misses}.");
            (TimelineKind::Recovery, sentence)
        }
    };
    Placed::new(TimelineEntry { at: *at, kind, sentence, ids: ids_of(operation) }, true, operation.id.as_str())
}

fn misses(operation: &Operation) -> String {
    match operation.misses {
        0 => String::new(),
        1 => ", after Corefy had shown no trace of it once".to_owned(),
        times => format!(", after Corefy had shown no trace of it {times} times"),
    }
}

fn ids_of(operation: &Operation) -> TimelineIds {
    TimelineIds {
        object: operation.subject_id.clone(),
        operation: operation.id.to_string(),
        request: operation.request_id.clone(),
        ..TimelineIds::default()
    }
}

/// The name of the call that an operation was reserved by.
fn rpc(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::CreatePaymentIntent => "CreatePaymentIntent",
        OperationKind::ConfirmPaymentIntent => "ConfirmPaymentIntent",
        OperationKind::CancelPaymentIntent => "CancelPaymentIntent",
        OperationKind::CreateRefund => "CreateRefund",
        OperationKind::CreateCustomer => "CreateCustomer",
        OperationKind::CreatePaymentMethod => "CreatePaymentMethod",
        OperationKind::UpdateCustomer => "UpdateCustomer",
        OperationKind::UpdatePaymentMethod => "UpdatePaymentMethod",
        OperationKind::DeletePaymentMethod => "DeletePaymentMethod",
    }
}

/// A call to Corefy.
pub(super) fn of_call(call: &ApiCall) -> Placed {
    let said = match (call.http_status, call.outcome) {
        (Some(status), _) => format!("answered HTTP {status}"),
        (None, CallOutcome::NotSent) => format!("was not sent: {}", call.exchange.error),
        (None, _) => format!("was not answered: {}", call.exchange.error),
    };
    let code = call.error_code.as_deref().filter(|_| call.http_status.is_some());
    let code = code.map(|code| format!(", {code}")).unwrap_or_default();
    let note = Some(call.exchange.error.as_str()).filter(|note| call.http_status.is_some() && !note.is_empty());
    let note = note.map(|note| format!("; {note}")).unwrap_or_default();
    let latency = call.latency.as_millis();
    let entry = TimelineEntry {
        at: call.created_at,
        kind: TimelineKind::UpstreamCall,
        sentence: format!("{}: {} {} {said}{code} ({latency} ms){note}.", call.operation, call.method, call.path),
        ids: TimelineIds {
            object: call.subject_id.clone().unwrap_or_default(),
            operation: call.operation_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            request: call.request_id.clone(),
            api_call: call.id.to_string(),
            ..TimelineIds::default()
        },
    };
    Placed::new(entry, false, call.id.as_str())
}

/// A webhook.
pub(super) fn of_webhook(webhook: &WebhookRecord) -> Placed {
    let fate = match webhook.state {
        WebhookState::Waiting => "waits to be processed",
        WebhookState::Processed => "was processed",
        WebhookState::Parked => "is parked, for its object was not known",
        WebhookState::Dead => "is a dead letter",
    };
    let repeated = match webhook.duplicates {
        0 => String::new(),
        times => format!(" It came {} times.", times + 1),
    };
    let entry = TimelineEntry {
        at: webhook.received_at,
        kind: TimelineKind::Webhook,
        sentence: format!("Corefy reported {}; the webhook {fate}.{repeated}", webhook.event_type),
        ids: TimelineIds {
            object: webhook.payment_intent_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            webhook: webhook.id.to_string(),
            ..TimelineIds::default()
        },
    };
    Placed::new(entry, false, webhook.id.as_str())
}

/// An event: a transition, or the beginning of a doubt.
pub(super) fn of_event(event: &Event) -> Placed {
    let is_doubt = event.kind.starts_with("operation.");
    let entry = TimelineEntry {
        at: event.created_at,
        kind: if is_doubt { TimelineKind::Recovery } else { TimelineKind::Transition },
        sentence: format!("{}: {}.", event.kind, state(&event.object)),
        ids: TimelineIds {
            object: event.object.id().to_owned(),
            operation: event.operation_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            request: event.request_id.clone(),
            event: event.id.to_string(),
            ..TimelineIds::default()
        },
    };
    Placed::new(entry, false, event.id.as_str())
}

/// A decision about the risk of an attempt. Its reason is for the operator: a payer must not come to know it.
pub(super) fn of_decision(decision: &RiskDecision, is_operator: bool) -> Placed {
    let said = match decision.action {
        Action::Allow => "let through",
        Action::Review => "let through, to be reviewed",
        Action::Request3ds => "let through, with 3-D Secure",
        Action::Block => "stopped",
    };
    let reason = Some(decision.decided_by.as_str()).filter(|name| is_operator && !name.is_empty());
    let reason = reason.map(|name| format!(" by {} {name}", decision.step.as_str())).unwrap_or_default();
    let attempt = decision.inputs.attempt;
    let entry = TimelineEntry {
        at: decision.decided_at,
        kind: TimelineKind::Risk,
        sentence: format!("Attempt {attempt} was {said}{reason}."),
        ids: TimelineIds {
            object: decision.inputs.payment_intent_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            operation: decision.operation_id.to_string(),
            risk_decision: decision.id.to_string(),
            ..TimelineIds::default()
        },
    };
    Placed::new(entry, false, decision.id.as_str())
}

/// The state of the event's object, as it was then.
fn state(object: &EventObject) -> String {
    match object {
        EventObject::PaymentIntent(intent) => {
            let error = intent.progress.last_error.as_ref().map(|error| format!(" ({})", error.code));
            format!("the payment intent is in state {}{}", intent.state.as_str(), error.unwrap_or_default())
        }
        EventObject::Refund(refund) => {
            let failure = refund.failure.as_ref().map(|failure| format!(" ({})", failure.code));
            let currency = refund.amount.currency.code();
            let state = refund.state.as_str();
            format!("the refund of {} {currency} is in state {state}{}", refund.amount, failure.unwrap_or_default())
        }
        EventObject::Operation(operation) => format!("the outcome of {} is not known", rpc(operation.kind)),
        EventObject::Customer(_) | EventObject::PaymentMethod(_) => "it was saved".to_owned(),
        EventObject::Erasure(_) => "the payer was erased".to_owned(),
        EventObject::Mismatch(mismatch) => {
            let kinds: Vec<_> = mismatch.differences.iter().map(|difference| difference.kind.as_str()).collect();
            format!("Corefy's books differ: {}", kinds.join(", "))
        }
    }
}
