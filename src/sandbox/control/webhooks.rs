//! Webhooks: where they go, when, and again.

use axum::body::Bytes;
use url::Url;

use super::not_possible::NotPossible;
use crate::sandbox::{
    auth::hmac_hex,
    commerce::callbacks::callback_signature,
    handle::Sandbox,
    signed_webhook::{SignedWebhook, WebhookAbout},
    webhook_log::WebhookRecord,
};

impl Sandbox {
    /// Where webhooks go from now on; without an address they are lost.
    pub fn set_webhook_url(&self, url: Option<Url>) {
        self.shared.webhooks.set_url(url);
    }

    /// The last [`crate::sandbox::MAX_REMEMBERED_WEBHOOKS`] webhooks, oldest first.
    pub fn webhooks(&self) -> Vec<WebhookRecord> {
        self.shared.webhooks.records()
    }

    /// Sends a webhook again, whatever became of it. Fails when it is not remembered, or too many wait.
    pub fn resend_webhook(&self, id: &str) -> Result<(), NotPossible> {
        self.shared.webhooks.resend(id).then_some(()).ok_or(NotPossible::Missing("webhook"))
    }

    /// Keeps webhooks back from now on, or delivers again, beginning with those that were held.
    pub fn hold_webhooks(&self, hold: bool) {
        self.faults().set(|switches| switches.webhooks.hold = hold);
        if !hold {
            self.deliver_held();
        }
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
        self.send(body, signature).await
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
        self.send(body, signature).await
    }

    async fn send(&self, body: Bytes, signature: String) -> reqwest::Result<u16> {
        let about = WebhookAbout::default();
        self.shared.webhooks.send(&SignedWebhook { body, signature, url: None, about }).await
    }

    /// Returns when every webhook was delivered or given up, those held back excepted, or the sandbox was stopped.
    pub async fn webhooks_idle(&self) {
        self.shared.shutdown.run_until_cancelled(self.shared.webhooks.idle()).await;
    }
}
