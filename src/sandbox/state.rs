//! All that the sandbox knows, behind one lock: a call is carried out and its answer remembered in one step, so that
//! nothing can come between the money and the record of it.

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use super::{
    answer::{Halt, SandboxOutcome, SandboxRefusal},
    dialect::SandboxDialect,
    faults::{Faults, Switches},
    kept::{FirstAnswer, KeptObjects, MAX_RECORDS, PendingOutcome, ReferenceKind},
    options::{SandboxAccount, SandboxOptions},
    payment::{EXPIRED, SandboxStatus},
    route::SandboxCall,
    signed_webhook::SignedWebhook,
};
use crate::domain::{clock::Clock, environment::Environment, ids::Ids};

/// Everything that the sandbox knows.
pub(super) struct State {
    pub clock: Clock,
    ids: Ids,
    pub webhook_secret: SecretString,
    pub commerce: SandboxAccount,
    pub faults: Arc<Faults>,
    pub base_url: Url,
    /// All of it that is part of the memory.
    pub kept: KeptObjects,
    /// Webhooks not yet handed to delivery.
    pub events: Vec<SignedWebhook>,
}

impl State {
    pub fn new(settings: &SandboxOptions, environment: &Environment, base_url: Url, faults: Arc<Faults>) -> Self {
        Self {
            clock: environment.clock.clone(),
            ids: environment.ids.clone(),
            webhook_secret: settings.webhook_secret.clone(),
            commerce: settings.commerce.clone(),
            faults,
            base_url,
            kept: KeptObjects::default(),
            events: Vec::new(),
        }
    }

    /// A new id of the sandbox's own form: the prefix and 32 hexadecimal digits, ascending.
    pub fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.ids.uuid().simple())
    }

    /// Carries out a call, or repeats the answer to the first one with its idempotency key. The true answer is
    /// remembered, whatever fault keeps it from the caller.
    pub fn carry_out(&mut self, call: &SandboxCall, switches: &Switches) -> SandboxOutcome {
        self.settle_due();
        let key = call.idempotency_key.as_ref().filter(|_| call.route.takes_key() && !switches.ignore_idempotency_keys);
        let slot = key.map(|key| KeptObjects::slot(call, key));
        if let Some(first) = slot.as_ref().and_then(|slot| self.kept.answers.get(slot)) {
            return first.repeat(call);
        }
        if call.route.creates() && self.is_full() {
            return Err(
                SandboxRefusal::new(503, "sandbox_full", "the sandbox holds as much as it can; restart it").into()
            );
        }
        let outcome = self.dispatch(call, switches);
        let answer = match &outcome {
            Ok(done) => Some(FirstAnswer::new(call, done)),
            Err(Halt::Refused(refusal)) => Some(FirstAnswer::new(call, &refusal.answer(SandboxDialect::Intents))),
            Err(Halt::Fault(_)) => None,
        };
        self.kept.answers.extend(slot.zip(answer));
        outcome
    }

    fn is_full(&self) -> bool {
        self.kept.count() >= MAX_RECORDS
    }

    /// Refuses a reference that was used before, unless references are ignored.
    pub fn check_reference(
        &self,
        kind: ReferenceKind,
        reference: Option<&String>,
        switches: &Switches,
    ) -> Result<(), SandboxRefusal> {
        let used = reference.and_then(|reference| self.reference(kind, reference));
        match used {
            Some(id) if !switches.ignore_references => Err(SandboxRefusal::duplicate_reference(id)),
            _ => Ok(()),
        }
    }

    /// Notes that a reference belongs to the object with this id.
    pub fn claim_reference(&mut self, kind: ReferenceKind, reference: Option<&String>, id: &str) {
        if let Some(reference) = reference {
            let of_kind = self.kept.references.entry(kind).or_default();
            of_kind.entry(reference.clone()).or_insert_with(|| id.to_owned());
        }
    }

    /// The id of the object of this kind that has the reference.
    fn reference(&self, kind: ReferenceKind, reference: &str) -> Option<&String> {
        self.kept.references.get(&kind)?.get(reference)
    }

    /// The id that `name` stands for, when it is the reference of an object of this kind; else `name`.
    pub fn resolve(&self, kind: ReferenceKind, name: &str) -> String {
        self.reference(kind, name).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Whether anything is due by the clock.
    pub fn has_due(&self) -> bool {
        let (now, kept) = (self.clock.now(), &self.kept);
        kept.pending.values().any(|(at, _)| *at <= now) || kept.lifetimes.first().is_some_and(|(at, _)| *at <= now)
    }

    /// Settles everything that is due by the clock.
    pub fn settle_due(&mut self) {
        let now = self.clock.now();
        let due: Vec<_> =
            self.kept.pending.iter().filter(|(_, (at, _))| *at <= now).map(|(subject, _)| subject.clone()).collect();
        for subject in due {
            self.settle(&subject);
        }
        while let Some((_, id)) = self.kept.lifetimes.first().filter(|(at, _)| *at <= now).cloned() {
            self.kept.lifetimes.pop_first();
            self.expire(&id);
        }
    }

    /// Settles one pending object now. `false` when nothing of that id is pending.
    pub fn settle(&mut self, subject: &str) -> bool {
        let Some((_, outcome)) = self.kept.pending.remove(subject) else { return false };
        match outcome {
            PendingOutcome::Charge => self.charge(subject),
            PendingOutcome::ChargeBack => self.charge_back_the_rest(subject),
            PendingOutcome::Expire => self.move_payment(subject, SandboxStatus::Failed(EXPIRED)),
            PendingOutcome::RefundSucceeds => self.refund_succeeds(subject),
            PendingOutcome::RefundFails => self.refund_fails(subject),
            PendingOutcome::RefundReturns => self.refund_returns(subject),
        }
        true
    }
}
