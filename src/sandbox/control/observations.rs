//! All that happened until now, and how to forget it.

use crate::{
    sandbox::{
        faults::Faults,
        handle::Sandbox,
        kept::KeptObjects,
        ledger::Ledger,
        lock::lock,
        route::{Journal, SeenRequest},
        state::State,
    },
    upstream::intents::wire::WireIntent,
};

impl Sandbox {
    /// The money that really moved until now.
    pub fn ledger(&self) -> Ledger {
        self.shared.with_state(|state| state.kept.ledger.clone())
    }

    /// Every payment, oldest first, as the API shows it.
    pub fn payments(&self) -> Vec<WireIntent> {
        self.shared.with_state(|state| state.kept.intents.values().map(|payment| state.show_intent(payment)).collect())
    }

    /// The faults and switches.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How many authenticated requests came of this method and path, with `{id}` where an id stands.
    pub fn request_count(&self, method: &str, template: &str) -> u64 {
        let journal = lock(&self.shared.journal);
        let counted = journal.counts.iter().find(|((m, t), _)| *m == method && *t == template);
        counted.map_or(0, |(_, count)| *count)
    }

    /// The last [`crate::sandbox::MAX_SEEN_REQUESTS`] authenticated requests, oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.shared.journal).seen.iter().cloned().collect()
    }

    /// Settles everything that is due by the clock.
    pub fn settle_due(&self) {
        self.shared.with_state(State::settle_due);
    }

    /// Forgets everything: payments, refunds, customers, money, requests, webhooks, faults and switches. Where webhooks go and
    /// what the time is stays.
    pub fn reset(&self) {
        self.shared.with_state(|state| {
            state.kept = KeptObjects::default();
        });
        self.shared.faults.clear();
        *lock(&self.shared.journal) = Journal::default();
        self.shared.webhooks.forget();
    }
}
