//! The controls that tests use in place of payers, banks, merchants at the dashboard, and time.
//!
//! Payments and refunds are named by the sandbox's id or by the reference they were created with.

use axum::body::Bytes;
use url::Url;

use super::{
    auth::hmac_hex,
    commerce::callbacks::callback_signature,
    faults::Faults,
    handle::Sandbox,
    ledger::{Ledger, belongs_to},
    lock::lock,
    payment::{SandboxPayment, SandboxStatus, intent_id_of},
    route::SeenRequest,
    shared::SandboxInner,
    state::{ReferenceKind, State},
    webhooks::SignedWebhook,
};
use crate::{domain::money::Money, upstream::intents::wire::WireIntent};

/// The request cannot be carried out as things stand; the sentence says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPossible(&'static str);

impl Sandbox {
    /// The money that really moved until now.
    pub fn ledger(&self) -> Ledger {
        self.shared.with_state(|state| state.ledger.clone())
    }

    /// Every payment, oldest first, as the API shows it.
    pub fn payments(&self) -> Vec<WireIntent> {
        self.shared.with_state(|state| state.intents.values().map(|payment| state.show_intent(payment)).collect())
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

    /// The last [`super::MAX_SEEN_REQUESTS`] authenticated requests, oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        lock(&self.shared.journal).seen.iter().cloned().collect()
    }

    /// The payer's answer to a 3-D Secure challenge, or to details that they were shown. Fails when neither is open.
    pub fn complete_action(&self, payment: &str, is_approved: bool) -> Result<(), NotPossible> {
        let id = self.shared.with_state(|state| intent_named(state, payment));
        let is_done = self.shared.complete_action(&id, is_approved);
        is_done.then_some(()).ok_or(NotPossible("the payer of this payment has nothing to do"))
    }

    /// Settles everything that is due by the clock.
    pub fn settle_due(&self) {
        self.shared.with_state(State::settle_due);
    }

    /// Lets the next thing happen to a payment now that would happen to it with time: a processing one is charged. Fails when
    /// nothing would.
    pub fn settle_payment(&self, payment: &str) -> Result<(), NotPossible> {
        let is_done = self.shared.with_state(|state| state.settle(&intent_named(state, payment)));
        is_done.then_some(()).ok_or(NotPossible("nothing awaits this payment"))
    }

    /// Lets the next thing happen to a refund now that would happen to it with time. Fails when nothing would.
    pub fn settle_refund(&self, refund: &str) -> Result<(), NotPossible> {
        let is_done = self.shared.with_state(|state| state.settle(&state.resolve(ReferenceKind::Refund, refund)));
        is_done.then_some(()).ok_or(NotPossible("nothing awaits this refund"))
    }

    /// Charges a payment whose request was lost, as if it had only been slow. Fails when the payment is already paid.
    pub fn charge_late(&self, payment: &str) -> Result<(), NotPossible> {
        self.shared.with_state(|state| {
            let id = intent_named(state, payment);
            let found = state.intents.get(&id).ok_or(NotPossible("no such payment"))?;
            if found.status == SandboxStatus::Succeeded {
                return Err(NotPossible("the payment is paid already"));
            }
            state.charge(&id);
            Ok(())
        })
    }

    /// Gives `minor` units of a paid payment back, as a merchant does on the dashboard: without a reference. Answers
    /// with the refund's id; fails when the payment is not paid or has less left.
    pub fn refund_from_dashboard(&self, payment: &str, minor: i64) -> Result<String, NotPossible> {
        self.shared.with_state(|state| {
            let id = intent_named(state, payment);
            let found = state.intents.get(&id).ok_or(NotPossible("no such payment"))?;
            let amount = Money::new(minor, found.amount.currency);
            if found.status != SandboxStatus::Succeeded || !(1..=state.refund_room(found)).contains(&minor) {
                return Err(NotPossible("so much is not left of the payment"));
            }
            let refund = state.add_refund(&id, amount, None, None);
            state.refund_succeeds(&refund);
            Ok(refund)
        })
    }

    /// Takes `minor` units of a paid payment back, as the payer's bank does. Fails when the payment is not paid, or less is left
    /// that was not taken back; what was refunded does not count.
    pub fn charge_back(&self, payment: &str, minor: i64) -> Result<(), NotPossible> {
        let is_done = self.shared.with_state(|state| state.charge_back(&intent_named(state, payment), minor));
        is_done.then_some(()).ok_or(NotPossible("not as much was paid"))
    }

    /// Cancels a payment. Fails when it is paid.
    pub fn cancel(&self, payment: &str) -> Result<(), NotPossible> {
        self.shared.with_state(|state| {
            let id = intent_named(state, payment);
            let found = state.intents.get(&id).ok_or(NotPossible("no such payment"))?;
            if found.status == SandboxStatus::Succeeded {
                return Err(NotPossible("the payment is paid already"));
            }
            state.pending.remove(&id);
            state.move_payment(&id, SandboxStatus::Canceled);
            Ok(())
        })
    }

    /// Lets the lifetime of an invoice end. Fails when there is none that is open.
    pub fn expire(&self, payment: &str) -> Result<(), NotPossible> {
        let is_done = self.shared.with_state(|state| state.expire(&intent_named(state, payment)));
        is_done.then_some(()).ok_or(NotPossible("no such invoice is open"))
    }

    /// Renews the card of a saved payment method until the end of `expiry_year`, as a card's network does by itself. Fails
    /// when there is no such card.
    pub fn renew_card(&self, method: &str, expiry_year: u16) -> Result<(), NotPossible> {
        let is_done = self.shared.with_state(|state| state.renew_card(method, expiry_year));
        is_done.then_some(()).ok_or(NotPossible("no such card is saved"))
    }

    /// Changes a customer's email address and name, as a merchant does in the dashboard. Fails when there is no such
    /// customer.
    pub fn change_customer(&self, customer: &str, email: &str, name: &str) -> Result<(), NotPossible> {
        let is_done = self.shared.with_state(|state| state.change_customer(customer, email, name));
        is_done.then_some(()).ok_or(NotPossible("no such customer"))
    }

    /// Saves an approved card for a customer, as another system of the merchant's does. Answers with the method's id;
    /// fails when there is no such customer.
    pub fn save_card_elsewhere(&self, customer: &str) -> Result<String, NotPossible> {
        let id = self.shared.with_state(|state| state.save_card_elsewhere(customer));
        id.ok_or(NotPossible("no such customer"))
    }

    /// Where webhooks go from now on; without an address they are lost.
    pub fn set_webhook_url(&self, url: Option<Url>) {
        self.shared.webhooks.set_url(url);
    }

    /// Delivers the webhooks that were held back.
    pub fn deliver_held(&self) {
        self.shared.webhooks.release_held();
    }

    /// Sends a webhook of any body, once, signed correctly unless `signature` is given. Answers with the HTTP status;
    /// fails when no answer came.
    pub async fn send_webhook(&self, body: impl Into<Bytes>, signature: Option<&str>) -> reqwest::Result<u16> {
        let body = body.into();
        let own = || hmac_hex(&self.shared.settings.webhook_secret, &body);
        let signature = signature.map_or_else(own, str::to_owned);
        self.shared.webhooks.send(&SignedWebhook { body, signature, url: None }).await
    }

    /// Sends a callback of the `commerce` dialect, once: `body`, signed with the key of test payments or of real ones unless
    /// `signature` is given. Answers with the HTTP status; fails when no answer came.
    pub async fn send_callback(
        &self,
        body: impl Into<Bytes>,
        test_mode: bool,
        signature: Option<&str>,
    ) -> reqwest::Result<u16> {
        let body = body.into();
        let own = || callback_signature(self.shared.settings.commerce.secret_key(test_mode), &body);
        let signature = signature.map_or_else(own, str::to_owned);
        self.shared.webhooks.send(&SignedWebhook { body, signature, url: None }).await
    }

    /// Returns when every webhook was delivered or given up, those held back excepted, or the sandbox was stopped.
    pub async fn webhooks_idle(&self) {
        self.shared.shutdown.run_until_cancelled(self.shared.webhooks.idle()).await;
    }
}

impl SandboxInner {
    /// The payer's answer to a challenge, or to details that they were shown. `false` when neither is open.
    pub fn complete_action(&self, id: &str, is_approved: bool) -> bool {
        self.with_state(|state| state.complete_action(id, is_approved))
    }
}

/// The id of the payment that `name` stands for: of an intent with several invoices, the one that was made last.
fn intent_named(state: &State, name: &str) -> String {
    let is_later = |payment: &&SandboxPayment| {
        let own = payment.reference.as_deref().filter(|_| payment.invoice.is_some());
        own.is_some_and(|own| belongs_to(own, name))
    };
    let last = state.intents.values().filter(is_later).max_by_key(|payment| payment.created_at);
    last.map_or_else(|| intent_id_of(&state.resolve(ReferenceKind::Intent, name)), |payment| payment.id.clone())
}
