//! The calls of a live test, each made once and answered with what came, whatever it is.

use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{answer::RawAnswer, walk::AccountWalk};
use crate::upstream::{
    Priority, Scheduling,
    commerce::{
        keys::AuthorizationHeaders,
        wire::{RefundInvoiceBody, RequestBody, SaleBody, WireInvoice},
    },
    lenient,
    transport::{Authorize, HttpFailure, HttpRequest},
};

/// Between two looks at an invoice.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

impl AccountWalk {
    /// Makes a call of the private API.
    pub(super) async fn ask(&self, request: HttpRequest<'_>) -> Result<RawAnswer, String> {
        self.send(&request, &self.account.private).await
    }

    /// Makes an invoice.
    pub(super) async fn post_invoice(&self, body: &impl Serialize) -> Result<RawAnswer, String> {
        self.ask(question("payment_intent.create", "/payment-invoices").with_body(body)).await
    }

    /// Reads an invoice, and notes when it changed last.
    pub(super) async fn read_invoice(&mut self, id: &str) -> Result<RawAnswer, String> {
        let request = HttpRequest::read("payment.find", "/payment-invoices/{id}", scheduling()).with_id(id);
        let answer = self.ask(request).await?;
        self.note_change(id, &answer);
        Ok(answer)
    }

    /// Reads an invoice until `is_enough`, or its time is over; answers with the last that was read.
    pub(super) async fn watch(
        &mut self,
        id: &str,
        patience: Duration,
        is_enough: impl Fn(&WireInvoice) -> bool,
    ) -> Option<WireInvoice> {
        let give_up = Instant::now() + patience;
        let mut last = None;
        loop {
            if let Some(invoice) = self.read_invoice(id).await.ok().and_then(|answer| answer.invoice()) {
                if is_enough(&invoice) {
                    return Some(invoice);
                }
                last = Some(invoice);
            }
            if Instant::now() + LOOK_PAUSE > give_up {
                return last;
            }
            sleep(LOOK_PAUSE).await;
        }
    }

    /// Takes a card to the Card Gate, which settings name.
    pub(super) async fn post_sale(
        &self,
        token: &SecretString,
        body: &RequestBody<SaleBody>,
    ) -> Result<RawAnswer, String> {
        let card_gate = self.account.settings.card_gate_url.as_ref().ok_or("COREFY_CARD_GATE_URL is not set")?;
        let request = question("payment_intent.confirm", "/payment/sale").at(card_gate).with_body(body);
        self.send(&request, &AuthorizationHeaders::card_gate(token)).await
    }

    /// Gives money back.
    pub(super) async fn post_refund(
        &self,
        id: &str,
        body: &RequestBody<RefundInvoiceBody>,
    ) -> Result<RawAnswer, String> {
        self.ask(question("refund.create", "/payment-invoices/{id}/refund").with_id(id).with_body(body)).await
    }

    /// Makes a call once; the error says why there is no answer.
    pub(super) async fn send(&self, request: &HttpRequest<'_>, headers: &dyn Authorize) -> Result<RawAnswer, String> {
        match self.account.transport.attempt(request, headers).await {
            Ok(answer) => {
                let body = lenient::json(&answer.body).unwrap_or_default();
                Ok(RawAnswer { status: answer.status, bytes: answer.body, body })
            }
            Err(HttpFailure::NotSent { reason, .. }) => Err(format!("nothing was sent: {reason}")),
            Err(HttpFailure::Broken(detail)) => Err(format!("there was no answer: {detail}")),
        }
    }
}

/// A `POST`. None is repeated here, so that whether it changes something makes no difference.
pub(super) fn question<'a>(operation: &'static str, template: &'static str) -> HttpRequest<'a> {
    HttpRequest::question(operation, template, scheduling())
}

pub(super) fn scheduling() -> Scheduling {
    Scheduling::of(Priority::Read)
}
