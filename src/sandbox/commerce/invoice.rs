//! An invoice as the sandbox keeps it: what a payment of this dialect has beside what every payment has.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::ReturnLinks;
use crate::{
    domain::{card::MaskedCard, clock::Timestamp},
    sandbox::{
        cards::CardEffect,
        failure_codes::{self, FailureCode},
    },
};

/// The prefix of an invoice's id, which its session at the card gate and its payment share the rest of.
pub(super) const INVOICE_PREFIX: &str = "cpi_";
const SESSION_PREFIX: &str = "cgi_";
const PAYMENT_PREFIX: &str = "pay_";

/// The part of a payment that only an invoice has.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct Invoice {
    /// The code of its service; `None` until the payer has chosen.
    pub service: Option<String>,
    pub test_mode: bool,
    pub descriptor: Option<String>,
    /// As it was given; `null` when there is none.
    pub customer: Value,
    /// As it was given.
    pub metadata: Value,
    pub return_url: Option<String>,
    pub return_urls: ReturnLinks,
    /// Where its callbacks go.
    pub notify_url: Option<url::Url>,
    /// Whether the card is to be saved.
    pub tokenize: bool,
    /// How many attempts the payer has left on the hosted page.
    pub tries_left: u8,
    /// The code that the last attempt on the hosted page was declined with.
    #[serde(deserialize_with = "failure_codes::read_optional")]
    pub last_decline: Option<FailureCode>,
    /// The saved card that it is to be paid with.
    pub saved: Option<UsedCard>,
    /// The card of its attempt.
    pub card: Option<UsedCard>,
    /// The token that the card was saved under.
    pub saved_as: Option<String>,
    pub paid_at: Option<Timestamp>,
}

/// A card that was used: of its number only what may be kept, and what it does.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct UsedCard {
    pub id: String,
    pub masked: MaskedCard,
    pub effect: CardEffect,
    /// Whether its payer is asked by the bank.
    pub is_3ds: bool,
    pub client_ip: Option<String>,
}

impl Invoice {
    /// The customer's `reference_id`.
    pub fn customer_reference(&self) -> Option<&str> {
        self.customer["reference_id"].as_str()
    }
}

/// The session at the card gate of the invoice with this id.
pub(super) fn session_id(invoice: &str) -> String {
    invoice.replacen(INVOICE_PREFIX, SESSION_PREFIX, 1)
}

/// The payment of the invoice with this id.
pub(super) fn payment_id(invoice: &str) -> String {
    invoice.replacen(INVOICE_PREFIX, PAYMENT_PREFIX, 1)
}

/// The invoice of a session or payment; an invoice's own id stays.
pub(in crate::sandbox) fn invoice_id(name: &str) -> String {
    let rest = name.strip_prefix(SESSION_PREFIX).or_else(|| name.strip_prefix(PAYMENT_PREFIX));
    rest.map_or_else(|| name.to_owned(), |rest| format!("{INVOICE_PREFIX}{rest}"))
}
