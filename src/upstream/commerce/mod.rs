//! The `commerce` dialect: which call carries which operation.
//!
//! At Corefy a payment is an invoice, and an attempt may need one of its own: an intent has several, of which the notes say which
//! stands for it (`notes.rs`). The reference of each begins with the intent's id.

use async_trait::async_trait;
use tokio::sync::watch;

use super::transport::{HttpAnswer, HttpFailure, HttpRequest, SetupError, Transport};
use super::{
    Call, ConnectionTest, Error, NewPaymentMethod, Notice, PaymentContext, Priority, Scheduling, Upstream, lenient,
    not_at_corefy, require, signature::WrongSignature,
};
use crate::domain::{
    capability::Capability,
    clock::{Clock, Timestamp},
    confirmation::Confirmation,
    customer::{Contact, Customer},
    money::{Currency, Money},
    payment_intent::PaymentIntent,
    payment_method::{PaymentMethod, SupportedPaymentMethod},
    refund::{Refund, RefundState},
    snapshot::{CustomerSnapshot, PaymentMethodSnapshot, PaymentMethodsSnapshot, PaymentSnapshot, RefundSnapshot},
};

mod answers;
mod asking;
mod attempts;
#[cfg(test)]
mod conformance;
mod facts;
mod keys;
mod last_attempt;
mod live_test;
mod looking;
mod next_action;
mod notes;
mod redact;
mod refusals;
mod requests;
mod settings;
#[cfg(test)]
mod tests;
mod unread;
mod webhook;
mod wire;

use answers::ShownInvoice;
use asking::{BALANCES, CommerceAccount};
use attempts::AttemptCall;
pub use facts::{FACTS, Fact, Ground};
pub use keys::Credentials;
use keys::PrivateHeaders;
use last_attempt::LastAttempt;
pub use live_test::{
    FactFinding, FactVerdict, LiveTest, LiveTestNotice, LiveTestPlan, LiveTestReport, ReceivedCallback,
};
use notes::{CurrentInvoice, Notes, reference};
pub use redact::REDACT;
use requests::InvoicePurpose;
pub use settings::CommerceSettings;
use wire::{AccountDocument, RefundAnswer};

/// The things that this dialect can do; the first needs the Card Gate.
const CAPABILITIES: &[Capability] = &[
    Capability::RawCards,
    Capability::ConfirmOther,
    Capability::HostedPage,
    Capability::SavePaymentMethod,
    Capability::StoredCredential,
];
const WITHOUT_CARD_GATE: &[Capability] = CAPABILITIES.split_at(1).1;

/// The most currencies whose services are asked for.
const MOST_CURRENCIES: usize = 20;

/// Corefy, spoken to in the `commerce` dialect.
#[derive(Debug)]
pub struct Commerce(CommerceAccount);

impl Commerce {
    /// Fails when the account id cannot stand in a header, or a host cannot be called. The clock tells when a token for a card
    /// ends. Each request and each callback goes by the credentials as they are then.
    pub fn new(
        transport: Transport,
        credentials: watch::Receiver<Credentials>,
        settings: CommerceSettings,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        settings.check()?;
        credentials.borrow().check()?;
        let private = PrivateHeaders(credentials.clone());
        Ok(Self(CommerceAccount { transport, private, credentials, settings, clock }))
    }

    /// A walk through this account, which `tell` hears of; `plan` says how it goes.
    pub fn into_live_test(self, plan: LiveTestPlan, tell: Box<dyn Fn(LiveTestNotice<'_>) + Send + Sync>) -> LiveTest {
        LiveTest::new(self.0, plan, tell)
    }

    /// The invoice that is made with an intent.
    fn first_invoice(&self, intent: &PaymentIntent) -> InvoicePurpose {
        let service = self.0.settings.service(&intent.details.payment_method_type, intent.amount.currency);
        InvoicePurpose { service, ..InvoicePurpose::default() }
    }

    /// The payment that was made with the intent.
    fn created(&self, shown: &ShownInvoice, context: &PaymentContext<'_>) -> PaymentSnapshot {
        let service = self.first_invoice(context.intent).service;
        let current = CurrentInvoice::made(shown, service, 0, false);
        let status = LastAttempt::of(context.intent, self.0.clock.now()).by_known(shown, &current);
        looking::snapshot(Notes::begin(current), shown, status, context)
    }

    /// A refund by the older model, in which its invoice tells how much was given back: what that says of this one.
    fn refunded_by(
        invoice: wire::WireInvoice,
        context: &PaymentContext<'_>,
        refund: &Refund,
    ) -> Result<RefundSnapshot, &'static str> {
        let shown = ShownInvoice::read(invoice, context.intent)?;
        if Some(&shown.id) != context.intent.upstream_id.as_ref() {
            return Err("the answer is about another payment");
        }
        let others = context.refunds.iter().copied().filter(|other| other.id != refund.id);
        let ours: Vec<_> = others.chain([refund]).collect();
        let told = answers::refunds(&shown, &ours).unwrap_or_default();
        if let Some(told) = told.into_iter().find(|told| told.is_of(refund)) {
            return Ok(told);
        }
        let state = answers::refund_state(&shown.word).filter(|state| *state == RefundState::Pending);
        state.ok_or("the answer does not tell of the refund").map(|state| RefundSnapshot {
            upstream_id: refund.id.to_string(),
            reference: Some(refund.id.to_string()),
            state: Some(state),
            amount: Some(refund.amount),
            failure: None,
        })
    }

    /// The kinds that the settings name, where the public API is not set up.
    fn configured_methods(&self) -> Vec<SupportedPaymentMethod> {
        let mut methods: Vec<SupportedPaymentMethod> = Vec::new();
        for (kind, currency) in self.0.settings.services.keys() {
            let code = currency.map(|currency| currency.code().to_owned());
            match methods.iter_mut().find(|method| method.kind == *kind) {
                // The kind is for all currencies, or for one more.
                Some(method) if method.currencies.is_empty() => {}
                Some(method) => method.currencies.extend(code),
                None => {
                    let currencies = code.into_iter().collect();
                    methods.push(SupportedPaymentMethod { kind: kind.clone(), name: kind.clone(), currencies });
                }
            }
        }
        methods
    }
}

/// Judges a connection test; the error says in a sentence why there is no connection.
fn verdict(outcome: &Result<HttpAnswer, HttpFailure>) -> Result<(), String> {
    match outcome {
        Ok(answer) if answer.status.is_success() => {
            let account = lenient::read::<AccountDocument>(&answer.body);
            account
                .map(|_| ())
                .map_err(|_| format!("What answered, with {}, does not speak as Corefy does.", answer.words()))
        }
        Ok(answer) if answer.status.as_u16() == 404 => {
            let hint = "the base URL may need or lack /api at its end";
            Err(format!("The answer was {}: there is no account at this address; {hint}.", answer.words()))
        }
        Ok(answer) if answer.is_foreign() => Err(format!("The answer was {}.", answer.words())),
        Ok(answer) => Err(format!("Corefy answered {}.", answer.words())),
        Err(HttpFailure::NotSent { reason, .. }) => Err(format!("Nothing was sent: {reason}.")),
        Err(HttpFailure::Broken(detail)) => Err(format!("Corefy did not answer: {detail}.")),
    }
}

#[async_trait]
impl Upstream for Commerce {
    fn dialect(&self) -> &'static str {
        "commerce"
    }

    fn capabilities(&self) -> &'static [Capability] {
        if self.0.settings.card_gate_url.is_some() { CAPABILITIES } else { WITHOUT_CARD_GATE }
    }

    async fn payment_intent_create(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
    ) -> Result<PaymentSnapshot, Error> {
        let shown = self.0.make_invoice(call, context, &self.first_invoice(context.intent)).await?;
        Ok(self.created(&shown, context))
    }

    /// Looks for the invoice by its reference, and makes it where there is none: the reference lets Corefy make one only.
    async fn payment_intent_recover(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
    ) -> Result<Option<PaymentSnapshot>, Error> {
        let found = self.0.find_invoice(&reference(context.intent, 0), context.intent, call.scheduling).await?;
        let shown = match found {
            Some(shown) => shown,
            None => self.0.make_invoice(call, context, &self.first_invoice(context.intent)).await?,
        };
        Ok(Some(self.created(&shown, context)))
    }

    async fn payment_intent_confirm(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
        confirmation: &Confirmation<PaymentMethod>,
    ) -> Result<PaymentSnapshot, Error> {
        require(self.capabilities(), confirmation.needs())?;
        let notes = Notes::of(context.intent).ok_or_else(|| not_at_corefy("payment intent"))?;
        AttemptCall { account: &self.0, call, context, notes: &notes }.make(confirmation).await
    }

    async fn payment_find(
        &self,
        context: &PaymentContext<'_>,
        scheduling: Scheduling,
    ) -> Result<Option<PaymentSnapshot>, Error> {
        self.0.look(context, scheduling).await
    }

    async fn refund_create(
        &self,
        call: Call<'_>,
        context: &PaymentContext<'_>,
        refund: &Refund,
    ) -> Result<RefundSnapshot, Error> {
        let id = context.intent.upstream_id.as_deref().ok_or_else(|| not_at_corefy("payment"))?;
        let told = match self.0.refund(call, id, refund).await? {
            RefundAnswer::Refund(answer) => answers::refunded(answer, refund),
            RefundAnswer::Invoice(answer) => Self::refunded_by(answer, context, refund),
        };
        told.map_err(|mismatch| Error::Unknown(mismatch.to_owned()))
    }

    /// Sends nothing: Corefy learns of a customer by the first payment, under our id.
    async fn customer_create(&self, _: Call<'_>, customer: &Customer) -> Result<CustomerSnapshot, Error> {
        Ok(CustomerSnapshot { upstream_id: customer.id.to_string(), contact: Contact::default() })
    }

    async fn customer_recover(&self, call: Call<'_>, customer: &Customer) -> Result<Option<CustomerSnapshot>, Error> {
        self.customer_create(call, customer).await.map(Some)
    }

    /// Sends nothing: Corefy has no record of customers that merchants can read.
    async fn customer_find(&self, customer: &Customer, _: Scheduling) -> Result<Option<CustomerSnapshot>, Error> {
        let known = customer.upstream_id.clone();
        Ok(known.map(|upstream_id| CustomerSnapshot { upstream_id, contact: Contact::default() }))
    }

    async fn payment_method_create(
        &self,
        _: Call<'_>,
        _: NewPaymentMethod<'_>,
    ) -> Result<PaymentMethodSnapshot, Error> {
        Err(Error::Unsupported(Capability::CreatePaymentMethod))
    }

    /// Sends nothing: Corefy lists no saved cards, so what is not here may still exist.
    async fn payment_methods_of(&self, _: &Customer, _: Scheduling) -> Result<PaymentMethodsSnapshot, Error> {
        Ok(PaymentMethodsSnapshot { methods: Vec::new(), is_complete: false })
    }

    /// Asks for the services that take the amount, or else for those of each currency that the account has.
    async fn supported_payment_methods(
        &self,
        amount: Option<Money>,
        scheduling: Scheduling,
    ) -> Result<Vec<SupportedPaymentMethod>, Error> {
        if self.0.settings.public_url.is_none() || self.0.credentials.borrow().public_key.is_none() {
            return Ok(self.configured_methods());
        }
        if let Some(Money { currency, .. }) = amount {
            let offer = self.0.offers(currency, amount, scheduling).await?;
            let offers = offer.map(|offer| (currency, offer)).into_iter().collect();
            return Ok(answers::supported(offers, &self.0.settings));
        }
        let request = HttpRequest::read("account.balances", BALANCES, scheduling);
        let AccountDocument(codes) = self.0.ask(&request).await?;
        let mut offers = Vec::new();
        for currency in codes.iter().filter_map(|code| Currency::parse(code)).take(MOST_CURRENCIES) {
            let offer = self.0.offers(currency, None, scheduling).await?;
            offers.extend(offer.map(|offer| (currency, offer)));
        }
        Ok(answers::supported(offers, &self.0.settings))
    }

    async fn test_connection(&self) -> ConnectionTest {
        let request = HttpRequest::read("connection.test", BALANCES, Scheduling::of(Priority::Read));
        ConnectionTest::of(&self.0.transport, &request, &self.0.private, verdict).await
    }

    fn last_told_time(&self) -> Option<Timestamp> {
        self.0.transport.last_told_time()
    }

    fn webhook_signature_header(&self) -> &'static str {
        "x-signature"
    }

    fn webhook_verify(&self, signature: Option<&str>, body: &[u8]) -> Result<(), WrongSignature> {
        webhook::verify(&self.0.credentials.borrow().webhook_secrets, self.0.settings.test_mode, signature, body)
    }

    fn webhook_redact(&self, body: &[u8]) -> Option<String> {
        webhook::redact(body)
    }

    fn webhook_read(&self, redacted: &str) -> Option<Notice> {
        webhook::read(redacted)
    }
}
