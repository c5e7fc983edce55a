//! The calls that the dialect's operations are made of: invoices are made, read and found, cards are sold to the Card Gate.

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::answers::ShownInvoice;
use super::keys::{AuthorizationHeaders, Credentials, PrivateHeaders};
use super::notes::{CurrentInvoice, reference};
use super::refusals::{self, JsonApiRefusal, NoSuccess};
use super::requests::{self, InvoicePurpose};
use super::settings::CommerceSettings;
use super::wire::{InvoiceDocument, InvoiceList, PrerequestBody, PrerequestDocument, SaleAnswer, WireInvoice};
use crate::domain::{
    capability::Capability,
    card::Card,
    clock::Clock,
    confirmation::BrowserInfo,
    money::{Currency, Money},
    payment_intent::PaymentIntent,
    refund::Refund,
};
use crate::upstream::reading::{Mismatch, unreadable};
use crate::upstream::transport::{Authorize, HttpRequest, Transport};
use crate::upstream::values::Amount;
use crate::upstream::{
    Call, Error, PaymentContext, Scheduling,
    lenient::{self, Lenient as _},
};

/// The path of the account's balances.
pub const BALANCES: &str = "/account/balances";

/// The account at Corefy, and the way there.
#[derive(Debug)]
pub struct CommerceAccount {
    pub transport: Transport,
    pub private: PrivateHeaders,
    pub credentials: watch::Receiver<Credentials>,
    pub settings: CommerceSettings,
    pub clock: Clock,
}

impl CommerceAccount {
    /// Asks the private API.
    pub async fn ask<T: DeserializeOwned>(&self, request: &HttpRequest<'_>) -> Result<T, NoSuccess> {
        let answer = self.sent(request, &self.private).await?;
        lenient::read(&answer).map_err(|error| request.unclear(unreadable(&error)).into())
    }

    /// The body of a success.
    async fn sent(&self, request: &HttpRequest<'_>, authorization: &dyn Authorize) -> Result<Vec<u8>, NoSuccess> {
        let answer = self.transport.send(request, authorization).await?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(NoSuccess::Refused(refusals::read(&answer))) }
    }

    /// Makes an invoice for the intent.
    pub async fn create_invoice(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
        purpose: &InvoicePurpose,
    ) -> Result<ShownInvoice, NoSuccess> {
        let request = HttpRequest::mutation("payment_intent.create", "/payment-invoices", call)
            .without_key()
            .about(context.intent)
            .with_body(&requests::create_invoice(context, purpose, &self.settings));
        let InvoiceDocument(answer) = self.ask(&request).await?;
        let shown = ShownInvoice::read(answer, context.intent).and_then(|shown| fitting(shown, context.intent));
        shown.map_err(|mismatch| request.unclear(mismatch).into())
    }

    /// Makes an invoice, or finds the one that has its reference where Corefy says that it is taken. A refusal is given only where
    /// there is certainly none.
    pub async fn make_invoice(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
        purpose: &InvoicePurpose,
    ) -> Result<ShownInvoice, Error> {
        let doubt = match self.create_invoice(call, context, purpose).await {
            Ok(shown) => return Ok(shown),
            Err(NoSuccess::Refused(refusal)) if may_be_taken(&refusal) => refusal,
            Err(failed) => return Err(failed.into()),
        };
        let taken = reference(context.intent, purpose.attempt);
        match self.find_invoice(&taken, context.intent, call.scheduling).await {
            Ok(Some(shown)) => Ok(shown),
            Ok(None) if !doubt.is_conflict() => Err(Error::Rejected(doubt.0)),
            Ok(None) => Err(Error::Unknown(format!("{}, and no invoice has the reference", doubt.0))),
            Err(error) => Err(Error::Unknown(format!("{}, and its reference: {error}", doubt.0))),
        }
    }

    /// Finds the invoice with exactly this reference, of this amount.
    pub async fn find_invoice(
        &self,
        reference: &str,
        intent: &PaymentIntent,
        scheduling: Scheduling,
    ) -> Result<Option<ShownInvoice>, Error> {
        let request = HttpRequest::read("payment.find_by_reference", "/payment-invoices/", scheduling)
            .with_query("filter[reference_id]", reference)
            .about(intent);
        let InvoiceList(list) = self.ask(&request).await.map_err(not_about_the_invoice)?;
        let is_empty = list.read.is_empty() && list.left_out == 0;
        let mut entries = list.read.into_iter();
        let found = entries.find(|invoice| invoice.attributes.reference_id.as_deref() == Some(reference));
        match found {
            Some(invoice) => {
                let shown = ShownInvoice::read(invoice, intent).and_then(|shown| fitting(shown, intent));
                shown.map(Some).map_err(|mismatch| request.unclear(mismatch))
            }
            None if is_empty => Ok(None),
            // A filter that is not applied proves nothing.
            None => Err(request.unclear("the list is of other references")),
        }
    }

    /// Reads the invoice with this id; `None` when Corefy itself says that there is none.
    pub async fn read_invoice(
        &self,
        id: &str,
        intent: &PaymentIntent,
        scheduling: Scheduling,
    ) -> Result<Option<ShownInvoice>, Error> {
        let Some(answer) = self.fetch_invoice(id, intent, scheduling).await? else { return Ok(None) };
        asked_for(answer, id, intent).map(Some).map_err(|mismatch| Error::Protocol(mismatch.to_owned()))
    }

    /// The same, as it came.
    pub async fn fetch_invoice(
        &self,
        id: &str,
        intent: &PaymentIntent,
        scheduling: Scheduling,
    ) -> Result<Option<WireInvoice>, Error> {
        let request = HttpRequest::read("payment.find", "/payment-invoices/{id}", scheduling).about(intent).with_id(id);
        match self.ask::<InvoiceDocument>(&request).await {
            Err(NoSuccess::Refused(refusal)) if refusal.0.http_status == 404 => Ok(None),
            outcome => Ok(Some(outcome?.0)),
        }
    }

    /// Takes a card to the Card Gate. Moves money.
    pub async fn sell(
        &self,
        call: Call<'_>,
        intent: &PaymentIntent,
        invoice: &CurrentInvoice,
        (card, browser): (&Card, Option<&BrowserInfo>),
    ) -> Result<SaleAnswer, NoSuccess> {
        let card_gate = self.settings.card_gate_url.as_ref().ok_or(Error::Unsupported(Capability::RawCards))?;
        let request = HttpRequest::mutation("payment_intent.confirm", "/payment/sale", call)
            .at(card_gate)
            .without_key()
            .about(intent)
            .with_body(&requests::sale(card, browser));
        let token = SecretString::from(invoice.token.expose());
        let body = self.sent(&request, &AuthorizationHeaders::card_gate(&token)).await?;
        let answer = lenient::json(&body).map_err(|error| request.unclear(unreadable(&error)))?;
        SaleAnswer::lenient(answer).ok_or_else(|| request.unclear("the answer has no status").into())
    }

    /// Gives money back by the invoice with this id. Moves money.
    pub async fn refund<T: DeserializeOwned>(
        &self,
        call: Call<'_>,
        invoice_id: &str,
        refund: &Refund,
    ) -> Result<T, Error> {
        let request = HttpRequest::mutation("refund.create", "/payment-invoices/{id}/refund", call)
            .without_key()
            .about(refund)
            .with_id(invoice_id)
            .with_body(&requests::refund(invoice_id, refund));
        self.ask(&request).await.map_err(|failed| match failed {
            // Neither a conflict nor a decline proves that nothing was done.
            NoSuccess::Refused(refusal) if refusal.is_conflict() || refusal.is_decline() => {
                Error::Unknown(refusal.0.to_string())
            }
            failed => failed.into(),
        })
    }

    /// The services for an amount of a currency, by the public API; `None` where that is not set up.
    pub async fn offers(
        &self,
        currency: Currency,
        amount: Option<Money>,
        scheduling: Scheduling,
    ) -> Result<Option<PrerequestDocument>, Error> {
        let public_key = self.credentials.borrow().public_key.clone();
        let (Some(url), Some(public_key)) = (&self.settings.public_url, &public_key) else {
            return Ok(None);
        };
        let amount = amount.map(|amount| Amount(amount.major()));
        let template = "/public-api/payment-prerequest";
        let question = HttpRequest::question("payment_method.list_supported", template, scheduling)
            .at(url)
            .with_body(&PrerequestBody { public_key, currency: currency.code(), amount });
        let body = self.sent(&question, &AuthorizationHeaders::public()).await?;
        lenient::read(&body).map(Some).map_err(|error| question.unclear(unreadable(&error)))
    }
}

/// The invoice with this id.
pub fn asked_for(answer: WireInvoice, id: &str, intent: &PaymentIntent) -> Result<ShownInvoice, Mismatch> {
    let shown = ShownInvoice::read(answer, intent)?;
    if shown.id == id { Ok(shown) } else { Err("the answer is about another payment") }
}

/// Whether a refusal may say that the reference is taken: the status for that is not documented.
fn may_be_taken(refusal: &JsonApiRefusal) -> bool {
    refusal.is_conflict() || refusal.0.http_status == 422
}

/// That a search was refused says nothing of what is looked for, unless it is our own credentials.
fn not_about_the_invoice(failed: NoSuccess) -> Error {
    match Error::from(failed) {
        Error::Rejected(rejection) if !rejection.is_about_credentials() => Error::Protocol(rejection.to_string()),
        error => error,
    }
}

/// The invoice, when it is of the intent's amount.
fn fitting(shown: ShownInvoice, intent: &PaymentIntent) -> Result<ShownInvoice, Mismatch> {
    let fits = shown.amount.is_none_or(|amount| amount == intent.amount);
    if fits { Ok(shown) } else { Err("the answer has another amount") }
}
