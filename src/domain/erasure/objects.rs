//! Customers, payment methods, payment intents and refunds.

use crate::domain::{
    clock::Timestamp,
    customer::{Customer, CustomerDetails},
    decline::PaymentError,
    payment_intent::{Attempt, EndedAttempt, PaymentIntent, PaymentIntentDetails, Progress},
    payment_method::PaymentMethod,
    private::Private,
    refund::{Refund, RefundDetails, RefundFailure},
};

impl Customer {
    /// Erases the person, whose id and reference stay. `false`: nothing was left to erase.
    pub fn erase(&mut self, now: Timestamp) -> bool {
        let before = self.clone();
        self.strip(now);
        let has_changed = *self != before;
        self.revision += i64::from(has_changed);
        has_changed
    }

    /// Whether the person was erased.
    pub fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// The same of a copy, which stays as old as it is.
    pub fn strip(&mut self, now: Timestamp) {
        let Self {
            id: _,
            partner_id: _,
            upstream_id: _,
            reference_id: _,
            details,
            created_at: _,
            updated_at: _,
            erased_at,
            revision: _,
        } = self;
        let CustomerDetails { email, name, phone, address, metadata, at_corefy } = details;
        [email, name, phone].into_iter().for_each(Private::clear);
        (*address, *at_corefy) = (None, None);
        metadata.clear();
        erased_at.get_or_insert(now);
    }
}

impl PaymentMethod {
    /// Erases the card, as its deletion does. `false`: nothing was left to erase.
    pub fn erase(&mut self, now: Timestamp) -> bool {
        let has_changed = !self.is_deleted();
        if has_changed {
            self.forget(now);
        }
        has_changed
    }

    /// Empties what tells of the card.
    pub fn strip(&mut self) {
        let Self {
            id: _,
            partner_id: _,
            customer_id: _,
            upstream_id: _,
            kind: _,
            card,
            card_subject,
            card_at_corefy,
            created_at: _,
            updated_at: _,
            deleted_at: _,
            revision: _,
        } = self;
        (*card, *card_subject, *card_at_corefy) = (None, None, None);
    }
}

impl PaymentIntent {
    /// Erases the payer. The time of the last change stays, for Corefy is asked by it. `false`: nothing was left to erase.
    pub fn erase(&mut self, now: Timestamp) -> bool {
        let before = self.clone();
        self.strip(now);
        let has_changed = *self != before;
        self.revision += i64::from(has_changed);
        has_changed
    }

    /// Whether the payer was erased.
    pub fn is_erased(&self) -> bool {
        self.progress.erased_at.is_some()
    }

    /// The same of a copy, which stays as old as it is.
    pub fn strip(&mut self, now: Timestamp) {
        let Self {
            id: _,
            partner_id: _,
            upstream_id: _,
            upstream_payment_id: _,
            state: _,
            amount: _,
            received: _,
            refunded: _,
            refund_pending: _,
            charged_back: _,
            customer_id: _,
            reference_id: _,
            details,
            progress,
            upstream_version: _,
            upstream_state: _,
            created_at: _,
            updated_at: _,
            sandbox: _,
            revision: _,
        } = self;
        details.strip();
        progress.strip(now);
    }
}

impl PaymentIntentDetails {
    fn strip(&mut self) {
        let Self {
            payment_method_type: _,
            customer_email,
            customer_name,
            customer_phone,
            description,
            return_url,
            failure_url,
            billing_address,
            metadata,
        } = self;
        [customer_email, customer_name, customer_phone].into_iter().for_each(Private::clear);
        for text in [description, return_url, failure_url] {
            text.clear();
        }
        *billing_address = None;
        metadata.clear();
    }
}

impl Progress {
    /// Empties what tells of the payer, and marks it.
    pub fn strip(&mut self, now: Timestamp) {
        let Self {
            attempt,
            ended_attempts,
            attempts: _,
            attempt_number: _,
            is_unanswered: _,
            next_action,
            last_error,
            // They are the payment's, as its ids are, and lead to it on the statements that the books are checked by.
            network_references: _,
            watch_until: _,
            contradicted_since: _,
            is_contradiction_reported: _,
            is_overdue_reported: _,
            succeeded_at: _,
            canceled_at: _,
            cancellation_reason,
            erased_at,
        } = self;
        attempt.iter_mut().for_each(Attempt::strip);
        for EndedAttempt { attempt, upstream_id: _, error } in ended_attempts {
            attempt.strip();
            error.iter_mut().for_each(PaymentError::strip);
        }
        *next_action = None;
        last_error.iter_mut().for_each(PaymentError::strip);
        cancellation_reason.clear();
        erased_at.get_or_insert(now);
    }

    /// The same, without what tells of a payer who was erased: Corefy goes on telling.
    #[must_use]
    pub fn without_the_erased(mut self) -> Self {
        if let Some(erased_at) = self.erased_at {
            self.strip(erased_at);
        }
        self
    }
}

impl Attempt {
    fn strip(&mut self) {
        let Self {
            id: _,
            number: _,
            started_at: _,
            payment_method_id: _,
            is_by_merchant: _,
            card,
            risk_decision_id: _,
        } = self;
        *card = None;
    }
}

impl PaymentError {
    fn strip(&mut self) {
        let Self { code: _, message } = self;
        message.clear();
    }
}

impl Refund {
    /// Erases what was written about the refund. `false`: nothing was left to erase.
    pub fn erase(&mut self, now: Timestamp) -> bool {
        let before = self.clone();
        self.strip(now);
        let has_changed = *self != before;
        self.revision += i64::from(has_changed);
        has_changed
    }

    /// The same of a copy, which stays as old as it is.
    pub fn strip(&mut self, now: Timestamp) {
        let Self {
            id: _,
            partner_id: _,
            payment_intent_id: _,
            upstream_id: _,
            state: _,
            amount: _,
            reference_id: _,
            details,
            failure,
            created_at: _,
            updated_at: _,
            erased_at,
            revision: _,
        } = self;
        let RefundDetails { reason, metadata } = details;
        reason.clear();
        metadata.clear();
        if let Some(RefundFailure { code: _, message }) = failure {
            message.clear();
        }
        erased_at.get_or_insert(now);
    }
}
