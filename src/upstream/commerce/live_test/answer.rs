//! An answer as it came, and the meaning of an invoice in it.

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::upstream::{
    commerce::{
        answers::{InvoiceStanding, standing},
        refusals,
        wire::{InvoiceDocument, WireInvoice},
    },
    lenient,
};

/// An answer as it came. Has no `Debug`: it can hold a token.
pub(super) struct RawAnswer {
    pub status: StatusCode,
    pub bytes: Vec<u8>,
    /// Null when it is no JSON.
    pub body: Value,
}

impl RawAnswer {
    /// In a few words: the status, and Corefy's own code of a refusal.
    pub fn words(&self) -> String {
        let status = self.status.as_u16();
        match refusals::code(&self.bytes).filter(|_| !self.status.is_success()) {
            Some(code) => format!("HTTP {status}, {code}"),
            None => format!("HTTP {status}"),
        }
    }

    /// The body of a success, where it has this shape.
    pub fn success<T: DeserializeOwned>(&self) -> Option<T> {
        lenient::read(&self.bytes).ok().filter(|_| self.status.is_success())
    }

    /// The invoice in it.
    pub fn invoice(&self) -> Option<WireInvoice> {
        self.success().map(|InvoiceDocument(invoice)| invoice)
    }

    /// An attribute of the object in it.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.body.pointer("/data/attributes")?.get(name)
    }
}

/// How an invoice stands.
pub(super) fn standing_of(invoice: &WireInvoice) -> InvoiceStanding {
    let attributes = &invoice.attributes;
    let word = attributes.status.trim().to_ascii_lowercase();
    standing(&word, &attributes.resolution, &attributes.resolution_message)
}

/// Whether it was paid.
pub(super) fn is_paid(invoice: &WireInvoice) -> bool {
    standing_of(invoice) == InvoiceStanding::Paid
}

/// Whether nothing more will happen with it by itself.
pub(super) fn has_ended(invoice: &WireInvoice) -> bool {
    matches!(standing_of(invoice), InvoiceStanding::Paid | InvoiceStanding::Failed(_))
}
