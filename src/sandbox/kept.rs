//! The objects that a ledger keeps, and all else of its state that decides what happens later: what its memory is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    answer::{Done, SandboxOutcome, SandboxRefusal},
    as_written::each_as_written,
    commerce::vault::Vault,
    ledger::Ledger,
    payment::SandboxPayment,
    records::{RefundRecord, SavedMethod},
    route::SandboxCall,
    script::UsedWords,
};
use crate::{domain::clock::Timestamp, upstream::intents::wire::WireCustomer};

/// How many objects and remembered answers are kept; then creating more is refused.
pub(super) const MAX_RECORDS: usize = 1_000_000;

/// Kinds of objects whose references are unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReferenceKind {
    Intent,
    Refund,
    Customer,
}

/// The outcome of a pending object, once it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// The objects of a ledger.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptObjects {
    pub intents: BTreeMap<String, SandboxPayment>,
    pub refunds: BTreeMap<String, RefundRecord>,
    #[serde(deserialize_with = "each_as_written")]
    pub customers: BTreeMap<String, WireCustomer>,
    pub methods: BTreeMap<String, SavedMethod>,
    /// Saved cards and customers of the `commerce` dialect.
    pub vault: Vault,
    /// When the open invoices expire, soonest first, by id.
    pub lifetimes: BTreeSet<(Timestamp, String)>,
    pub ledger: Ledger,
    /// When, and how, the objects under way are settled, by id.
    pub pending: BTreeMap<String, (Timestamp, PendingOutcome)>,
    /// How many words of their scripts intents have used up, by [`State::script_key`](super::state::State::script_key).
    pub used_words: BTreeMap<String, UsedWords>,
    /// The id of the object that has a reference, by kind and reference.
    pub references: BTreeMap<ReferenceKind, BTreeMap<String, String>>,
    /// The first answers, by path and idempotency key.
    pub answers: BTreeMap<String, FirstAnswer>,
}

/// The answer to the first request with an idempotency key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstAnswer {
    fingerprint: String,
    status: u16,
    body: String,
}

impl KeptObjects {
    /// How many objects and answers there are.
    pub fn count(&self) -> usize {
        let objects = self.intents.len() + self.refunds.len() + self.customers.len() + self.methods.len();
        objects + self.vault.len() + self.used_words.len() + self.answers.len()
    }

    /// The name of the answer to a call under an idempotency key: no path has a space.
    pub fn slot(call: &SandboxCall, key: &str) -> String {
        format!("{} {key}", call.path)
    }
}

impl FirstAnswer {
    /// Notes an answer.
    pub fn new(call: &SandboxCall, done: &Done) -> Self {
        Self { fingerprint: call.fingerprint.clone(), status: done.status, body: done.body.clone() }
    }

    /// Answers a repetition, which has the same body.
    pub fn repeat(&self, call: &SandboxCall) -> SandboxOutcome {
        if self.fingerprint != call.fingerprint {
            let why = "the Idempotency-Key was used with another body";
            return Err(SandboxRefusal::new(409, "idempotency_key_reused", why).into());
        }
        Ok(Done { status: self.status, body: self.body.clone(), fault: None })
    }
}
