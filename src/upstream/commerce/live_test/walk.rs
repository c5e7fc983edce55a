//! A walk through an account: what it knows by now.

use std::collections::BTreeMap;

use super::{
    answer::RawAnswer,
    findings::FactFindings,
    plan::{LiveTestNotice, LiveTestPlan},
};
use crate::upstream::commerce::asking::CommerceAccount;

/// A walk through an account.
pub(super) struct AccountWalk {
    pub account: CommerceAccount,
    pub plan: LiveTestPlan,
    pub findings: FactFindings,
    /// Whether an invoice was made, about which a callback can come.
    pub has_invoice: bool,
    /// When each invoice changed last, in unix seconds.
    changes: BTreeMap<String, i64>,
    pub tell: Box<dyn Fn(LiveTestNotice<'_>) + Send + Sync>,
}

/// Ends the walk early, with the reason as a sentence without a full stop.
pub(super) struct WalkStopped(pub String);

impl AccountWalk {
    pub fn new(
        account: CommerceAccount,
        plan: LiveTestPlan,
        tell: Box<dyn Fn(LiveTestNotice<'_>) + Send + Sync>,
    ) -> Self {
        Self { account, plan, findings: FactFindings::begin(), has_invoice: false, changes: BTreeMap::new(), tell }
    }

    pub(super) fn say(&self, step: &'static str) {
        (self.tell)(LiveTestNotice::Step(step));
    }

    /// Notes when an invoice changed last: never before what it said earlier, and in seconds.
    pub(super) fn note_change(&mut self, id: &str, answer: &RawAnswer) {
        const NAME: &str = "updated_ascends";
        /// As seconds, in the year 5138.
        const MOST_SECONDS: i64 = 99_999_999_999;
        let Some(told) = answer.attribute("updated") else { return };
        let Some(seconds) = told.as_i64().filter(|seconds| (1..=MOST_SECONDS).contains(seconds)) else {
            return self.findings.disproved(NAME, "it is no unix time in seconds");
        };
        match self.changes.insert(id.to_owned(), seconds) {
            Some(before) if before > seconds => {
                self.findings.disproved(NAME, format!("it went back from {before} to {seconds}"));
            }
            Some(_) => self.findings.proved(NAME, "it did in every answer"),
            None => {}
        }
    }
}
