//! The step that a payer has to take before an attempt can end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{clock::Timestamp, private::Private};

/// The step that the payer has to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextAction {
    /// The payer's browser goes to another page.
    Redirect(Redirect),
    /// The payer is shown what to pay with elsewhere.
    Display(DisplayDetails),
}

/// A navigation of the payer's browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// The address; it can be a pass to the payment.
    pub url: Private,
    /// `GET` or `POST`.
    pub method: String,
    /// Form fields, sent unchanged.
    pub params: BTreeMap<String, Private>,
}

/// Details to show to the payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayDetails {
    /// The form of `data`.
    pub kind: DisplayKind,
    /// The details.
    pub data: Private,
    /// Instructions for the payer; may be empty.
    #[serde(default)]
    pub text: Private,
    /// The end of their validity, when it is told.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// Kinds of details that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisplayKind {
    /// The text of a QR code.
    QrCode,
    /// The number of a voucher.
    Voucher,
    /// The account to transfer to.
    BankTransfer,
}

impl DisplayKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::QrCode, Self::Voucher, Self::BankTransfer];

    /// The word for it at Corefy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QrCode => "qr_code",
            Self::Voucher => "voucher",
            Self::BankTransfer => "bank_transfer",
        }
    }

    /// Reads the word that [`Self::as_str`] writes.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}
