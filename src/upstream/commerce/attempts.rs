//! Attempts to pay: by card, by a saved card, by the fields of another method, or on Corefy's page.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use super::answers::{InvoiceStanding, ShownInvoice, check_fields};
use super::asking::{CommerceAccount, asked_for};
use super::last_attempt::by_standing;
use super::looking::snapshot;
use super::next_action::bank_step;
use super::notes::{CurrentInvoice, MOST_EARLIER, Notes, reference};
use super::refusals::NoSuccess;
use super::requests::InvoicePurpose;
use super::wire::{OfferedService, SaleAnswer};
use crate::domain::{
    capability::Capability,
    card::Card,
    confirmation::{BrowserInfo, Confirmation, Initiator, PaymentSource},
    decline,
    money::Currency,
    network_references::NetworkReferences,
    payment_method::{CARD, OtherMethod, PaymentMethod},
    private::Private,
    snapshot::{PaymentSnapshot, PaymentStatus},
};
use crate::upstream::{Call, Error, NotSent, PaymentContext, Rejection, not_at_corefy};

/// When it is worth trying again what could not be prepared.
const PREPARE_AGAIN: Duration = Duration::from_secs(5);

/// One attempt: the payment, its notes, and the call that makes it.
#[derive(Clone, Copy)]
pub struct AttemptCall<'a> {
    pub account: &'a CommerceAccount,
    pub call: Call<'a>,
    pub context: &'a PaymentContext<'a>,
    pub notes: &'a Notes,
}

impl AttemptCall<'_> {
    /// Makes the attempt.
    pub async fn make(self, confirmation: &Confirmation<PaymentMethod>) -> Result<PaymentSnapshot, Error> {
        require_told(confirmation)?;
        if confirmation.save_payment_method && self.context.customer.is_none() {
            let why = "is needed to save the payment method";
            return Err(refused("customer_missing", why, vec![("customer_id".to_owned(), why.to_owned())]));
        }
        let watched = self.context.intent.progress.watched_attempts(self.account.clock.now());
        if self.notes.earlier.len() + watched.count() >= MOST_EARLIER {
            return Err(refused("too_many_open_attempts", "too many earlier attempts may still be paid", Vec::new()));
        }
        let saves = confirmation.save_payment_method;
        match &confirmation.source {
            PaymentSource::Card(card) => self.by_card((card, confirmation.browser_info.as_ref()), saves).await,
            PaymentSource::HostedPage => self.on_page(saves).await,
            PaymentSource::Other(other) => self.by_other(other).await,
            PaymentSource::Saved(method) => self.by_saved(method, confirmation.is_by_merchant()).await,
        }
    }

    fn number(self) -> u32 {
        self.context.intent.progress.attempt_number.max(1)
    }

    /// The service that cards of the intent's currency are paid by.
    fn card_service(self) -> Option<String> {
        self.account.settings.service(CARD, self.context.intent.amount.currency)
    }

    /// By a card. The token that the intent was made with is used while it lives; once the Card Gate refuses it, nothing was done,
    /// and the attempt has an invoice of its own.
    async fn by_card(self, card: (&Card, Option<&BrowserInfo>), saves: bool) -> Result<PaymentSnapshot, Error> {
        let service = self.card_service();
        let takes_cards = |service: &String| self.notes.current.takes_cards_of(service, self.account.clock.now());
        if !saves && service.as_ref().is_some_and(takes_cards) {
            let first = CurrentInvoice { attempt: self.number(), ..self.notes.current.clone() };
            match self.account.sell(self.call, self.context.intent, &first, card).await {
                Err(NoSuccess::Refused(refusal)) if refusal.0.http_status == 401 => {}
                outcome => return self.sold(first, outcome).await,
            }
        }
        let purpose = InvoicePurpose { attempt: self.number(), service, saves, ..Default::default() };
        let shown = self.prepare(&purpose).await?;
        let invoice = CurrentInvoice::made(&shown, purpose.service, purpose.attempt, saves);
        if invoice.token.is_empty() {
            let why = "Corefy gave no token for the Card Gate: the account may not take cards from host to host.";
            return Err(refused("no_card_token", why, Vec::new()));
        }
        let outcome = self.account.sell(self.call, self.context.intent, &invoice, card).await;
        self.sold(invoice, outcome).await
    }

    /// The outcome of a sale.
    async fn sold(
        self,
        invoice: CurrentInvoice,
        outcome: Result<SaleAnswer, NoSuccess>,
    ) -> Result<PaymentSnapshot, Error> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(NoSuccess::Refused(refusal)) if refusal.is_decline() => {
                return self.declined(invoice, refusal.0).await;
            }
            Err(NoSuccess::Refused(refusal)) if refusal.is_conflict() => {
                return Err(Error::Unknown(refusal.0.to_string()));
            }
            Err(failed) => return Err(failed.into()),
        };
        let is_pending = answer.status.trim().eq_ignore_ascii_case("process_pending");
        if let Some(step) = answer.auth_payload.filter(|_| is_pending).and_then(bank_step) {
            return Ok(self.unread(invoice, PaymentStatus::RequiresAction(step)));
        }
        self.told(invoice).await
    }

    /// The whole truth after a sale that was answered: amounts, the reason of a failure, a saved card.
    async fn told(self, invoice: CurrentInvoice) -> Result<PaymentSnapshot, Error> {
        let intent = self.context.intent;
        match self.account.fetch_invoice(&invoice.id, intent, self.call.scheduling).await {
            Ok(Some(answer)) => {
                let shown = asked_for(answer, &invoice.id, intent);
                let shown = shown.map_err(|mismatch| Error::Unknown(mismatch.to_owned()))?;
                Ok(self.shown(invoice, &shown, PaymentStatus::Processing))
            }
            // The sale was taken; what came of it is asked again.
            Ok(None) | Err(_) => Ok(self.unread(invoice, PaymentStatus::Processing)),
        }
    }

    /// The meaning of a refusal that reads as a decline: an attempt that was made leaves its failure behind.
    async fn declined(self, invoice: CurrentInvoice, rejection: Rejection) -> Result<PaymentSnapshot, Error> {
        match self.account.read_invoice(&invoice.id, self.context.intent, self.call.scheduling).await {
            Ok(Some(shown)) if shown.is_over() => Ok(self.shown(invoice, &shown, PaymentStatus::Processing)),
            Ok(Some(shown)) if shown.standing == InvoiceStanding::Waiting && !invoice.has_trace(&shown) => {
                Err(Error::Rejected(rejection))
            }
            Ok(_) | Err(_) => Err(Error::Unknown(format!("{rejection}, and the invoice does not show why"))),
        }
    }

    /// On Corefy's page: that of the invoice which was made with the intent, while nothing has been done with it, else of one of
    /// the attempt's own.
    async fn on_page(self, saves: bool) -> Result<PaymentSnapshot, Error> {
        let (first, number) = (&self.notes.current, self.number());
        if first.attempt == 0 && !saves {
            let found = self.account.read_invoice(&first.id, self.context.intent, self.call.scheduling).await;
            let shown = found.map_err(not_prepared)?;
            let is_unused = |shown: &ShownInvoice| shown.standing == InvoiceStanding::Waiting && shown.page.is_some();
            if let Some(shown) = shown.filter(is_unused) {
                let invoice = CurrentInvoice { attempt: number, ..first.clone() };
                return Ok(self.at_page(invoice, &shown));
            }
        }
        let kind = &self.context.intent.details.payment_method_type;
        let service = self.account.settings.service(kind, self.context.intent.amount.currency);
        self.on_page_of(InvoicePurpose { attempt: number, service, saves, ..Default::default() }).await
    }

    /// On the page of an invoice that is made for this.
    async fn on_page_of(self, purpose: InvoicePurpose) -> Result<PaymentSnapshot, Error> {
        let shown = self.prepare(&purpose).await?;
        let invoice = CurrentInvoice::made(&shown, purpose.service, purpose.attempt, purpose.saves);
        Ok(self.at_page(invoice, &shown))
    }

    /// The payer goes to the page of an invoice.
    fn at_page(self, invoice: CurrentInvoice, shown: &ShownInvoice) -> PaymentSnapshot {
        let page = shown.page.clone().map_or(PaymentStatus::Processing, PaymentStatus::RequiresAction);
        self.shown(invoice, shown, page)
    }

    /// By the fields of another method.
    async fn by_other(self, other: &OtherMethod) -> Result<PaymentSnapshot, Error> {
        let (intent, account) = (self.context.intent, self.account);
        let offer = account.offers(intent.amount.currency, Some(intent.amount), self.call.scheduling).await;
        let named = is_service_code(&other.kind).then(|| other.kind.clone());
        let named = named.or_else(|| account.settings.service(&other.kind, intent.amount.currency));
        // Without an offer only the form of the fields stays unchecked, which Corefy checks too.
        let services = match (offer, &named) {
            (Ok(offer), _) => offer.map(|offer| offer.services).unwrap_or_default(),
            (Err(_), Some(_)) => BTreeMap::new(),
            (Err(error), None) => return Err(not_prepared(error)),
        };
        let by_method = || services.iter().find(|(_, it)| it.method == other.kind).map(|(code, _)| code.clone());
        let Some(service) = named.or_else(by_method) else {
            let why = "is served by no service of the account in this currency";
            let field = ("other.payment_method_type".to_owned(), why.to_owned());
            return Err(refused("unsupported_payment_method", why, vec![field]));
        };
        check(services.get(&service), &other.fields)?;
        let service_fields = other.fields.clone();
        let attempt = self.number();
        self.on_page_of(InvoicePurpose { attempt, service: Some(service), service_fields, ..Default::default() }).await
    }

    /// By a saved card: on Corefy's page where the payer is there, at once where the merchant charges it.
    async fn by_saved(self, method: &PaymentMethod, is_instant: bool) -> Result<PaymentSnapshot, Error> {
        let token = method.upstream_id.as_deref().map(SecretString::from);
        let purpose = InvoicePurpose {
            attempt: self.number(),
            service: self.card_service(),
            token: Some(token.ok_or_else(|| not_at_corefy("payment method"))?),
            is_instant,
            ..Default::default()
        };
        if !is_instant {
            return self.on_page_of(purpose).await;
        }
        // The creation itself charges the card.
        let shown = self.charge(&purpose).await?;
        let invoice = CurrentInvoice::made(&shown, purpose.service, purpose.attempt, false);
        Ok(self.shown(invoice, &shown, PaymentStatus::Processing))
    }

    /// Makes an invoice whose creation charges a saved card. Neither a conflict nor a decline proves that nothing was done.
    async fn charge(self, purpose: &InvoicePurpose) -> Result<ShownInvoice, Error> {
        match self.account.make_invoice(self.call, self.context, purpose).await {
            Err(Error::Rejected(rejection)) if decline::is_outcome(&rejection.code) => {
                self.found(purpose, rejection.to_string()).await
            }
            outcome => outcome,
        }
    }

    async fn found(self, purpose: &InvoicePurpose, why: String) -> Result<ShownInvoice, Error> {
        let reference = reference(self.context.intent, purpose.attempt);
        let found = self.account.find_invoice(&reference, self.context.intent, self.call.scheduling).await;
        found.ok().flatten().ok_or(Error::Unknown(why))
    }

    /// Makes an invoice that moves no money by itself. Where that is in doubt it is looked for once; what cannot be found is not
    /// used, so that certainly nothing is paid by it.
    async fn prepare(self, purpose: &InvoicePurpose) -> Result<ShownInvoice, Error> {
        let made = match self.account.make_invoice(self.call, self.context, purpose).await {
            Err(Error::Unknown(why)) => self.found(purpose, why).await,
            outcome => outcome,
        };
        made.map_err(not_prepared)
    }

    /// The snapshot of an invoice that was read, which is in this status where it waits.
    fn shown(self, invoice: CurrentInvoice, shown: &ShownInvoice, waiting: PaymentStatus) -> PaymentSnapshot {
        let status = by_standing(shown, || waiting);
        let invoice = CurrentInvoice { is_over: shown.is_over(), ..invoice };
        snapshot(self.notes.clone().followed_by(invoice), shown, status, self.context)
    }

    /// The snapshot of an invoice that was not read since.
    fn unread(self, invoice: CurrentInvoice, status: PaymentStatus) -> PaymentSnapshot {
        PaymentSnapshot {
            upstream_id: invoice.id.clone(),
            upstream_payment_id: None,
            status,
            amount: Some(self.context.intent.amount),
            received: 0,
            charged_back: 0,
            network_references: NetworkReferences::default(),
            refunds: None,
            version: invoice.version(invoice.updated),
            state: Some(self.notes.clone().followed_by(invoice).to_state()),
            saved: None,
        }
    }
}

/// Refuses what Corefy could not be told: a series of payments is told only by a saved card, or by saving one.
fn require_told(confirmation: &Confirmation<PaymentMethod>) -> Result<(), Error> {
    let saves = confirmation.save_payment_method;
    if saves && matches!(confirmation.source, PaymentSource::Other(_)) {
        return Err(Error::Unsupported(Capability::SavePaymentMethod));
    }
    let Some(stored) = &confirmation.stored_credential else { return Ok(()) };
    let is_told = match confirmation.source {
        PaymentSource::Saved(_) => true,
        PaymentSource::Card(_) | PaymentSource::HostedPage => saves && stored.initiator == Initiator::Customer,
        PaymentSource::Other(_) => false,
    };
    let is_told = is_told && stored.network_transaction_id.is_empty();
    if is_told { Ok(()) } else { Err(Error::Unsupported(Capability::StoredCredential)) }
}

/// Whether a type looks like the code of a service: a method, a currency and a flow.
fn is_service_code(kind: &str) -> bool {
    let mut parts = kind.rsplit('_');
    let (flow, currency, method) = (parts.next(), parts.next(), parts.next());
    let is_currency = |code: &str| Currency::parse_existing(&code.to_ascii_uppercase()).is_some();
    flow.is_some_and(|flow| !flow.is_empty()) && currency.is_some_and(is_currency) && method.is_some()
}

fn check(service: Option<&OfferedService>, fields: &BTreeMap<String, Private>) -> Result<(), Error> {
    let wrong = service.map(|service| check_fields(service, fields)).unwrap_or_default();
    if wrong.is_empty() { Ok(()) } else { Err(refused("invalid_fields", "the fields do not fit the service", wrong)) }
}

/// A refusal before anything was sent that could charge.
fn refused(code: &str, message: &str, fields: Vec<(String, String)>) -> Error {
    const UNPROCESSABLE: u16 = 422;
    let (code, message) = (code.to_owned(), message.to_owned());
    Error::Rejected(Rejection { http_status: UNPROCESSABLE, code, message, fields })
}

/// The error where an attempt could not be prepared: nothing was charged.
fn not_prepared(error: Error) -> Error {
    match error {
        Error::Unknown(_) | Error::Protocol(_) => {
            Error::NotSent { reason: NotSent::NotPrepared, retry_after: PREPARE_AGAIN }
        }
        error => error,
    }
}
