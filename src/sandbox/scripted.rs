//! Outcomes by script: which word is next, for the attempts and refunds of one intent over all its invoices.

use super::{
    cards::CardEffect, kept::ReferenceKind, ledger::belongs_to, script::Script, state::State,
    test_refunds::RefundEffect,
};

impl State {
    /// The outcome of the next attempt to pay this payment, used up by asking; `None` when its card decides.
    pub fn scripted_attempt(&mut self, id: &str) -> Option<CardEffect> {
        let payment = self.kept.intents.get(id)?;
        let (script, key) = (payment.script.clone()?, self.script_key(payment.reference.as_deref(), id));
        self.next_attempt(&script, key)
    }

    /// The outcome of the next attempt by this script, of the intent that has the reference.
    pub fn next_attempt(&mut self, script: &Script, key: String) -> Option<CardEffect> {
        let used = self.kept.used_words.entry(key).or_default();
        let word = script.attempts.get(used.attempts).copied()?;
        used.attempts += 1;
        Some(word)
    }

    /// The outcome of the next refund of this payment, used up by asking; `None` when its amount decides.
    pub fn scripted_refund(&mut self, id: &str) -> Option<RefundEffect> {
        let payment = self.kept.intents.get(id)?;
        let (script, key) = (payment.script.clone()?, self.script_key(payment.reference.as_deref(), id));
        let used = self.kept.used_words.entry(key).or_default();
        let word = script.refunds.get(used.refunds).copied()?;
        used.refunds += 1;
        Some(word)
    }

    /// The name of the intent whose attempts a script counts: the first of its invoices, or the payment itself.
    pub fn script_key(&self, reference: Option<&str>, id: &str) -> String {
        let Some(reference) = reference else { return id.to_owned() };
        let first = reference.rsplit_once('-').map(|(first, _)| first).filter(|first| belongs_to(reference, first));
        match first.filter(|first| self.resolve(ReferenceKind::Intent, first) != **first) {
            Some(first) => first.to_owned(),
            None => reference.to_owned(),
        }
    }
}
