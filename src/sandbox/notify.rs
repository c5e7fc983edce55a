//! Tells the gateway what happened, by a signed webhook in the dialect of its object.

use axum::body::Bytes;

use super::{
    auth::hmac_hex,
    signed_webhook::{SignedWebhook, WebhookAbout},
    state::State,
};
use crate::upstream::intents::wire::WireWebhook;

impl State {
    /// Tells by a webhook of the `intents` dialect.
    pub fn tell(&mut self, webhook: &WireWebhook) {
        let body = Bytes::from(serde_json::to_vec(webhook).expect("a webhook has text keys and can be written"));
        let signature = hmac_hex(&self.webhook_secret, &body);
        let about = WebhookAbout { event: webhook.event_type.clone(), reference: webhook.reference_id.clone() };
        self.events.push(SignedWebhook { body, signature, url: None, about });
    }

    /// Tells that a payment changed: of an invoice by its callback, of an intent by a webhook of type `event`, if it has one,
    /// that `amend` has the last word on.
    pub fn tell_of_payment(&mut self, id: &str, event: Option<&str>, amend: impl FnOnce(&mut WireWebhook)) {
        let Some(payment) = self.kept.intents.get(id) else { return };
        if payment.invoice.is_some() {
            let callback = self.callback(payment);
            self.events.extend(callback);
        } else if let Some(event) = event {
            let mut webhook = payment.webhook(self.new_id("cfevt_"), event, self.clock.now());
            amend(&mut webhook);
            self.tell(&webhook);
        }
    }
}
