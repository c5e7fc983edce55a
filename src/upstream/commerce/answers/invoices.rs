//! Invoices: how one stands, what was received by it, and where its payer goes.

use super::saved::saved_card;
use super::statuses::{InvoiceStanding, standing};
use crate::domain::{
    clock::Timestamp,
    money::Money,
    network_references::{NetworkReferences, acquirer_reference_number, approval_code, retrieval_reference_number},
    next_action::NextAction,
    payment_intent::PaymentIntent,
    private::Private,
    snapshot::PaymentMethodSnapshot,
};
use crate::upstream::amounts::{amount_that_counts, money};
use crate::upstream::commerce::{
    next_action,
    wire::{FlowData, InvoiceAttributes, InvoiceRefund, InvoiceRelationships, WireInvoice},
};
use crate::upstream::lenient::Entries;
use crate::upstream::reading::{Mismatch, id};

/// An invoice of an intent, as Corefy shows it.
#[derive(Clone, Debug)]
pub struct ShownInvoice {
    /// Corefy's id.
    pub id: String,
    /// Its status, in Corefy's word.
    pub word: String,
    /// Its resolution with the sentence about it.
    pub resolution: (String, String),
    /// How it stands.
    pub standing: InvoiceStanding,
    /// The amount to be paid; `None` where it does not matter and cannot be read.
    pub amount: Option<Money>,
    /// The amount received, in minor units.
    pub received: i64,
    /// The amount that the payer's bank has taken back, in minor units.
    pub charged_back: i64,
    /// The references of card networks, as far as they have the form of one.
    pub network_references: NetworkReferences,
    /// The amount that was given back, in minor units; `None` when it cannot be read.
    pub refunded: Option<i64>,
    /// Its refunds, by the newer model of refunds.
    pub refunds: Option<Entries<InvoiceRefund>>,
    /// When it was made; zero when it is not told.
    pub created: Timestamp,
    /// When it changed last; zero when it is not told.
    pub updated: Timestamp,
    /// Where its payer goes.
    pub page: Option<NextAction>,
    /// The pass to the Card Gate.
    pub token: Option<Private>,
    /// Whether it shows something that only an attempt leaves behind.
    pub has_activity: bool,
    /// The card that was saved.
    pub saved: Option<PaymentMethodSnapshot>,
}

impl ShownInvoice {
    /// Reads an invoice of the intent: its reference, when it has one, is the intent's id or begins with it.
    pub fn read(answer: WireInvoice, intent: &PaymentIntent) -> Result<Self, Mismatch> {
        let WireInvoice { id: told_id, attributes, relationships, .. } = answer;
        if attributes.reference_id.as_deref().is_some_and(|reference| !is_of(reference, intent)) {
            return Err("the answer has another reference");
        }
        let word = attributes.status.trim().to_ascii_lowercase();
        let standing = standing(&word, &attributes.resolution, &attributes.resolution_message);
        let is_paid = standing == InvoiceStanding::Paid;
        let amount = amount_that_counts(is_paid, attributes.amount, &attributes.currency)?;
        let received = if is_paid { received(&word, &attributes, amount)? } else { 0 };
        let is_active = |relationships: &InvoiceRelationships| relationships.has_active_payment();
        Ok(Self {
            id: id(told_id)?,
            standing,
            amount,
            received,
            charged_back: if is_paid { charged_back(&word, &attributes, received) } else { 0 },
            network_references: network_references(&attributes),
            refunded: refunded(&attributes),
            created: attributes.created.map(|moment| moment.0).unwrap_or_default(),
            updated: attributes.updated.map(|moment| moment.0).unwrap_or_default(),
            page: page(attributes.hpp_url.as_ref(), attributes.flow_data.as_ref()),
            token: attributes.flow_data.and_then(|flow| flow.metadata?.token),
            has_activity: relationships.as_ref().is_some_and(is_active) || attributes.payload.is_some(),
            saved: attributes.payload.and_then(saved_card),
            resolution: (attributes.resolution, attributes.resolution_message),
            refunds: attributes.refunds,
            word,
        })
    }

    /// Whether it ended without a payment.
    pub fn is_over(&self) -> bool {
        matches!(self.standing, InvoiceStanding::Failed(_))
    }

    /// Whether somebody certainly tried to pay it. One that nobody uses ends, too.
    pub fn was_attempted(&self) -> bool {
        let has_got_somewhere = matches!(self.standing, InvoiceStanding::Processing | InvoiceStanding::Paid);
        has_got_somewhere || self.has_activity || matches!(self.word.as_str(), "process_failed" | "verify_failed")
    }
}

fn is_of(reference: &str, intent: &PaymentIntent) -> bool {
    let rest = reference.strip_prefix(intent.id.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The amount received by a paid invoice. Only one that is simply `processed` was certainly paid as asked.
fn received(word: &str, attributes: &InvoiceAttributes, amount: Option<Money>) -> Result<i64, Mismatch> {
    match (attributes.processed_amount, amount) {
        (None, Some(amount)) if word == "processed" => Ok(amount.minor),
        (told, _) => match money(told, &attributes.currency)?.minor {
            0 => Err("the answer's processed amount is zero though money moved"),
            minor => Ok(minor),
        },
    }
}

/// The amount that the payer's bank has taken back. Anything beyond what was received is not the payer's money.
fn charged_back(word: &str, attributes: &InvoiceAttributes, received: i64) -> i64 {
    match money(attributes.charged_back_amount, &attributes.currency) {
        Ok(told) if told.minor > 0 => told.minor.min(received),
        Ok(_) | Err(_) if word == "charged_back" => received,
        Ok(_) | Err(_) => 0,
    }
}

/// The references of card networks that an invoice shows, as far as they have the form of one.
pub fn network_references(attributes: &InvoiceAttributes) -> NetworkReferences {
    let read = |told: &Option<String>, read: fn(&str) -> Option<String>| told.as_deref().and_then(read);
    NetworkReferences {
        retrieval_reference_number: read(&attributes.rrn, retrieval_reference_number),
        approval_code: read(&attributes.approval_code, approval_code),
        acquirer_reference_number: read(&attributes.arn, acquirer_reference_number),
    }
}

fn refunded(attributes: &InvoiceAttributes) -> Option<i64> {
    match attributes.refunded_amount {
        None => Some(0),
        told => money(told, &attributes.currency).ok().map(|refunded| refunded.minor),
    }
}

/// Where the payer goes: Corefy's page, else the action of the service.
fn page(hpp_url: Option<&Private>, flow: Option<&FlowData>) -> Option<NextAction> {
    let of_flow = || {
        let flow = flow?;
        next_action::form(flow.action.as_ref(), &flow.method, flow.params.clone())
    };
    next_action::page(hpp_url).or_else(of_flow)
}
