//! Records about objects: events, calls to Corefy, decisions about risk. Webhooks have nothing of a person: of their
//! bodies only ids, amounts and states are kept.

use crate::domain::{
    api_call::{ApiCall, Exchange},
    clock::Timestamp,
    event::{Event, EventObject},
    risk::{decision::RiskDecision, inputs::RiskInputs},
};

impl Event {
    /// Erases the person from the object as it was then.
    pub fn erase(&mut self, now: Timestamp) {
        let Self { id: _, sequence: _, partner_id: _, kind: _, object, operation_id: _, request_id: _, created_at: _ } =
            self;
        object.strip(now);
    }
}

impl EventObject {
    /// Empties what tells of the person.
    pub fn strip(&mut self, now: Timestamp) {
        match self {
            Self::PaymentIntent(intent) => intent.strip(now),
            Self::Refund(refund) => refund.strip(now),
            Self::Customer(customer) => customer.strip(now),
            Self::PaymentMethod(method) => method.strip(),
            // Of these it has ids, times, states and amounts alone.
            Self::Operation(_) | Self::Erasure(_) | Self::Mismatch(_) => {}
        }
    }
}

impl ApiCall {
    /// Erases the bodies and the sentence about the error. The headers that are kept have ids and types alone.
    pub fn erase(&mut self) {
        let Self {
            id: _,
            partner_id: _,
            operation: _,
            method: _,
            path: _,
            upstream_id: _,
            operation_id: _,
            subject_id: _,
            payment_intent_id: _,
            request_id: _,
            outcome: _,
            http_status: _,
            error_code: _,
            latency: _,
            exchange,
            created_at: _,
        } = self;
        let Exchange { error, request_headers: _, request_body, response_headers: _, response_body } = exchange;
        for text in [error, request_body, response_body] {
            text.clear();
        }
    }
}

impl RiskDecision {
    /// Erases the inputs that tell of the payer: card, addresses, country and metadata. What was decided and why stays.
    pub fn erase(&mut self) {
        let Self {
            id: _,
            operation_id: _,
            rules_version: _,
            action: _,
            step: _,
            decided_by: _,
            results: _,
            inputs,
            velocities: _,
            ip_lists,
            decided_at: _,
            took_micros: _,
        } = self;
        let RiskInputs {
            payment_intent_id: _,
            partner_id: _,
            amount: _,
            base_amount: _,
            payment_method_type: _,
            card,
            ip,
            email,
            billing_country,
            customer: _,
            attempt: _,
            is_authenticated: _,
            metadata,
            is_sandbox: _,
            at: _,
        } = inputs;
        (*card, *ip, *email, *billing_country) = (None, None, None, None);
        metadata.clear();
        ip_lists.clear();
    }
}
