//! All that the sandbox knows, behind one lock: a call is carried out and its answer remembered in one step, so that
//! nothing can come between the money and the record of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use secrecy::SecretString;
use url::Url;

use super::{
    answer::{Done, Halt, SandboxOutcome, SandboxRefusal},
    commerce::vault::Vault,
    dialect::SandboxDialect,
    faults::{Faults, Switches},
    ledger::Ledger,
    options::{SandboxAccount, SandboxOptions},
    payment::{EXPIRED, SandboxPayment, SandboxStatus},
    records::{RefundRecord, SavedMethod},
    route::SandboxCall,
    script::UsedWords,
    signed_webhook::SignedWebhook,
};
use crate::{
    domain::{
        clock::{Clock, Timestamp},
        environment::Environment,
        ids::Ids,
    },
    upstream::intents::wire::WireCustomer,
};

/// How many objects and remembered answers are kept in memory; then creating more is refused.
const MAX_RECORDS: usize = 1_000_000;

/// Kinds of objects whose references are unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ReferenceKind {
    Intent,
    Refund,
    Customer,
}

/// The outcome of a pending object, once it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PendingOutcome {
    /// The processing payment is charged.
    Charge,
    /// The payer's bank takes back what was paid.
    ChargeBack,
    /// The payer has not paid in time.
    Expire,
    /// The pending refund is carried out.
    RefundSucceeds,
    /// The pending refund fails.
    RefundFails,
    /// The refund that succeeded is returned by the payer's bank.
    RefundReturns,
}

/// Everything that the sandbox knows.
pub(super) struct State {
    pub clock: Clock,
    ids: Ids,
    pub webhook_secret: SecretString,
    pub commerce: SandboxAccount,
    pub faults: Arc<Faults>,
    pub base_url: Url,
    pub intents: BTreeMap<String, SandboxPayment>,
    pub refunds: BTreeMap<String, RefundRecord>,
    pub customers: BTreeMap<String, WireCustomer>,
    pub methods: BTreeMap<String, SavedMethod>,
    /// Saved cards and customers of the `commerce` dialect.
    pub vault: Vault,
    /// When the open invoices expire, soonest first, by id.
    pub lifetimes: BTreeSet<(Timestamp, String)>,
    pub ledger: Ledger,
    /// When, and how, the objects under way are settled, by id.
    pub pending: BTreeMap<String, (Timestamp, PendingOutcome)>,
    /// Webhooks not yet handed to delivery.
    pub events: Vec<SignedWebhook>,
    /// How many words of their scripts intents have used up, by [`State::script_key`].
    pub used_words: HashMap<String, UsedWords>,
    references: HashMap<(ReferenceKind, String), String>,
    answers: HashMap<(String, String), FirstAnswer>,
}

/// The answer to the first request with an idempotency key.
struct FirstAnswer {
    fingerprint: String,
    status: u16,
    body: String,
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
            intents: BTreeMap::new(),
            refunds: BTreeMap::new(),
            customers: BTreeMap::new(),
            methods: BTreeMap::new(),
            vault: Vault::default(),
            lifetimes: BTreeSet::new(),
            ledger: Ledger::default(),
            pending: BTreeMap::new(),
            events: Vec::new(),
            used_words: HashMap::new(),
            references: HashMap::new(),
            answers: HashMap::new(),
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
        let slot = key.map(|key| (call.path.clone(), key.clone()));
        if let Some(first) = slot.as_ref().and_then(|slot| self.answers.get(slot)) {
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
        self.answers.extend(slot.zip(answer));
        outcome
    }

    fn is_full(&self) -> bool {
        let objects =
            self.intents.len() + self.refunds.len() + self.customers.len() + self.methods.len() + self.vault.len();
        objects + self.used_words.len() + self.answers.len() >= MAX_RECORDS
    }

    /// Refuses a reference that was used before, unless references are ignored.
    pub fn check_reference(
        &self,
        kind: ReferenceKind,
        reference: Option<&String>,
        switches: &Switches,
    ) -> Result<(), SandboxRefusal> {
        let used = reference.and_then(|reference| self.references.get(&(kind, reference.clone())));
        match used {
            Some(id) if !switches.ignore_references => Err(SandboxRefusal::duplicate_reference(id)),
            _ => Ok(()),
        }
    }

    /// Notes that a reference belongs to the object with this id.
    pub fn claim_reference(&mut self, kind: ReferenceKind, reference: Option<&String>, id: &str) {
        if let Some(reference) = reference {
            self.references.entry((kind, reference.clone())).or_insert_with(|| id.to_owned());
        }
    }

    /// The id that `name` stands for, when it is the reference of an object of this kind; else `name`.
    pub fn resolve(&self, kind: ReferenceKind, name: &str) -> String {
        self.references.get(&(kind, name.to_owned())).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Settles everything that is due by the clock.
    pub fn settle_due(&mut self) {
        let now = self.clock.now();
        let due: Vec<_> =
            self.pending.iter().filter(|(_, (at, _))| *at <= now).map(|(subject, _)| subject.clone()).collect();
        for subject in due {
            self.settle(&subject);
        }
        while let Some((_, id)) = self.lifetimes.first().filter(|(at, _)| *at <= now).cloned() {
            self.lifetimes.pop_first();
            self.expire(&id);
        }
    }

    /// Settles one pending object now. `false` when nothing of that id is pending.
    pub fn settle(&mut self, subject: &str) -> bool {
        let Some((_, outcome)) = self.pending.remove(subject) else { return false };
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

impl FirstAnswer {
    fn new(call: &SandboxCall, done: &Done) -> Self {
        Self { fingerprint: call.fingerprint.clone(), status: done.status, body: done.body.clone() }
    }

    fn repeat(&self, call: &SandboxCall) -> SandboxOutcome {
        if self.fingerprint != call.fingerprint {
            let why = "the Idempotency-Key was used with another body";
            return Err(SandboxRefusal::new(409, "idempotency_key_reused", why).into());
        }
        Ok(Done { status: self.status, body: self.body.clone(), fault: None })
    }
}
