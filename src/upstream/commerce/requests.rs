//! Translates our types into requests. What was not given is left out; nothing is invented for it.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::notes::reference;
use super::settings::CommerceSettings;
use super::wire::{
    BrowserBody, CardGateFlags, CreateInvoiceBody, GatewayFlags, InvoiceAddress, InvoiceCustomer, RefundInvoiceBody,
    RequestBody, ReturnUrls, SaleBody,
};
use super::wire::{INVOICES, ObjectBody};
use crate::domain::{
    card::Card,
    confirmation::BrowserInfo,
    customer::{Address, Customer},
    payment_intent::PaymentIntent,
    private::Private,
    refund::Refund,
};
use crate::upstream::PaymentContext;
use crate::upstream::values::{Amount, Secret};

/// The purpose of an invoice, beside its intent.
#[derive(Debug, Default)]
pub struct InvoicePurpose {
    /// The attempt that needs it; 0 for the one that is made with the intent.
    pub attempt: u32,
    /// The service; `None` where the payer chooses.
    pub service: Option<String>,
    /// The fields that the service wants.
    pub service_fields: BTreeMap<String, Private>,
    /// The saved card to pay with.
    pub token: Option<SecretString>,
    /// Whether the card is to be saved.
    pub saves: bool,
    /// Whether the merchant charges the saved card, without the payer.
    pub is_instant: bool,
}

/// The creation of an invoice.
pub fn create_invoice(
    context: &PaymentContext<'_>,
    purpose: &InvoicePurpose,
    settings: &CommerceSettings,
) -> RequestBody<CreateInvoiceBody> {
    let (intent, details) = (context.intent, &context.intent.details);
    let flags = CardGateFlags { tokenize: purpose.saves, instant: purpose.is_instant };
    let attributes = CreateInvoiceBody {
        reference_id: reference(intent, purpose.attempt),
        amount: Amount(intent.amount.major()),
        currency: intent.amount.currency.code().to_owned(),
        service: purpose.service.clone(),
        service_fields: purpose.service_fields.clone(),
        test_mode: settings.test_mode,
        description: given(&details.description),
        customer: customer(intent, context.customer),
        metadata: details.metadata.clone(),
        return_urls: return_urls(intent),
        callback_url: settings.callback_url.as_ref().map(ToString::to_string),
        token: purpose.token.clone().map(Secret),
        gateway_options: (flags.tokenize || flags.instant).then_some(GatewayFlags { cardgate: flags }),
    };
    RequestBody::new(INVOICES, attributes)
}

fn return_urls(intent: &PaymentIntent) -> Option<ReturnUrls> {
    let (back, failed) = (given(&intent.details.return_url), given(&intent.details.failure_url));
    let fail = failed.or_else(|| back.clone());
    fail.is_some().then(|| ReturnUrls { success: back.clone(), pending: back, fail })
}

/// The payer, by what was said of them for this payment, else of the customer. Corefy wants a reference for each: without a
/// customer it is the payment's, so that the payer's details can be told at all.
fn customer(intent: &PaymentIntent, customer: Option<&Customer>) -> Option<InvoiceCustomer> {
    let (details, known) = (&intent.details, customer.map(|customer| &customer.details));
    let either = |own: &Private, known: Option<&Private>| given_private(own).or_else(|| given_private(known?));
    let address = details.billing_address.as_ref().or_else(|| known?.address.as_ref());
    let payer = InvoiceCustomer {
        reference_id: customer.map_or_else(|| intent.id.to_string(), |customer| customer.id.to_string()),
        name: either(&details.customer_name, known.map(|known| &known.name)),
        first_name: address.and_then(|address| given_private(&address.first_name)),
        surname: address.and_then(|address| given_private(&address.last_name)),
        email: either(&details.customer_email, known.map(|known| &known.email)),
        phone: either(&details.customer_phone, known.map(|known| &known.phone)).and_then(|phone| digits(&phone)),
        address: address.and_then(invoice_address),
    };
    let tells_something = payer.name.is_some()
        || payer.first_name.is_some()
        || payer.surname.is_some()
        || payer.email.is_some()
        || payer.phone.is_some()
        || payer.address.is_some();
    (customer.is_some() || tells_something).then_some(payer)
}

fn invoice_address(address: &Address) -> Option<InvoiceAddress> {
    let join = |parts: &[&str], between: &str| {
        let told: Vec<_> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
        told.join(between)
    };
    let street = join(&[address.line1.expose(), address.line2.expose()], ", ");
    let place = join(&[address.postal_code.expose(), address.city.expose()], " ");
    let full = join(&[&street, &place, address.state.expose(), &address.country], ", ");
    let private = |text: String| (!text.is_empty()).then(|| Private::new(text));
    (!full.is_empty()).then(|| InvoiceAddress {
        country: given(&address.country),
        region: given_private(&address.state),
        city: given_private(&address.city),
        street: private(street),
        post_code: given_private(&address.postal_code),
        full_address: private(full),
    })
}

/// A phone number as Corefy wants it: digits.
fn digits(phone: &Private) -> Option<Private> {
    let digits: String = phone.expose().chars().filter(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| Private::new(digits))
}

/// A sale at the Card Gate.
pub fn sale(card: &Card, browser: Option<&BrowserInfo>) -> RequestBody<SaleBody> {
    let secret = |text: String| Secret(SecretString::from(text));
    let attributes = SaleBody {
        card_number: Secret(card.number.clone()),
        card_holder: given(card.holder_name.expose()).map(secret),
        cvv: card.cvv.clone().map(Secret),
        exp_month: secret(format!("{:02}", card.expiry_month)),
        exp_year: secret(format!("{:02}", card.expiry_year % 100)),
        browser_info: browser.map(browser_info),
    };
    RequestBody::new("sale-operation", attributes)
}

/// All that was said of the browser. That it is one is what `02` says.
fn browser_info(browser: &BrowserInfo) -> BrowserBody {
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    BrowserBody {
        browser_accept_header: given(&browser.accept_header),
        browser_color_depth: number(browser.color_depth),
        browser_ip: given_private(&browser.ip),
        browser_java_enabled: browser.java_enabled,
        browser_language: given(&browser.language),
        browser_screen_height: number(browser.screen_height),
        browser_screen_width: number(browser.screen_width),
        browser_tz: browser.timezone_offset_minutes.map(|minutes| minutes.to_string()),
        browser_user_agent: given(&browser.user_agent),
        device_channel: Some("02"),
        window_height: number(browser.window_height),
        window_width: number(browser.window_width),
    }
}

/// A refund by the invoice with this id. Fits both models of refunds: the newer one has the id among the attributes, the older
/// one beside them.
pub fn refund(invoice_id: &str, refund: &Refund) -> RequestBody<RefundInvoiceBody> {
    let attributes = RefundInvoiceBody {
        invoice_id: invoice_id.to_owned(),
        amount: Amount(refund.amount.major()),
        reference_id: refund.id.to_string(),
        description: given(&refund.details.reason),
    };
    RequestBody { data: ObjectBody { kind: "refund", id: Some(invoice_id.to_owned()), attributes } }
}

fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn given_private(text: &Private) -> Option<Private> {
    (!text.is_empty()).then(|| text.clone())
}
