//! Callbacks: the document of an invoice, posted when it was made and whenever it changes, and its signature.

use axum::body::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest as _, Sha1};

use crate::sandbox::{
    payment::SandboxPayment,
    signed_webhook::{SignedWebhook, WebhookAbout},
    state::State,
};

/// The type by which the sandbox's log of webhooks has callbacks.
const CALLBACK: &str = "callback";

/// The signature of a callback: the key, the body and the key again, by SHA-1, in base64.
pub(in crate::sandbox) fn callback_signature(key: &SecretString, body: &[u8]) -> String {
    let key = key.expose_secret().as_bytes();
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(body).chain_update(key).finalize())
}

impl State {
    /// The callback about an invoice as it stands; `None` of a payment of another dialect.
    pub fn callback(&self, payment: &SandboxPayment) -> Option<SignedWebhook> {
        let shown = self.true_invoice(payment, &self.faults.switches())?;
        let invoice = payment.invoice.as_deref()?;
        // PHP escapes slashes; in JSON they stand in texts only.
        let body = Bytes::from(self.document(payment, shown).to_string().replace('/', r"\/"));
        let signature = callback_signature(self.commerce.secret_key(invoice.test_mode), &body);
        let about = WebhookAbout { event: CALLBACK.to_owned(), reference: payment.reference.clone() };
        Some(SignedWebhook { body, signature, url: invoice.notify_url.clone(), about })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk_test_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    const BODY: &str = r#"{"data":{"type":"payment-invoices","id":"cpi_AbCdEfGh12345678","attributes":{"status":"processed","resolution":"ok","amount":10.5,"currency":"EUR","reference_id":"order-1001","test_mode":true,"callback_url":"https:\/\/shop.example\/cb"}}}"#;

    #[test]
    fn the_known_signatures_come_out() {
        assert_eq!(callback_signature(&KEY.into(), BODY.as_bytes()), "9mvcanecMKvs975nJ+cGtybuUaA=");
        assert_eq!(callback_signature(&"sk".into(), b"{}"), "6O+bmE9b4RTIy5WAs3PHZXdD1fU=");
    }

    #[test]
    fn a_body_that_was_written_anew_has_another_signature() {
        let rewritten = BODY.replace(r"\/", "/");
        assert_eq!(callback_signature(&KEY.into(), rewritten.as_bytes()), "BJ7sr91PdgKIoYWsV8yqrnRyIaM=");
        assert_ne!(
            callback_signature(&KEY.into(), BODY.as_bytes()),
            STANDARD.encode("f66bdc6a779c30abecf7be6727e706b726ee51a0")
        );
    }
}
