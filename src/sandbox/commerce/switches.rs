//! Switches for what Corefy's documents leave open, or tell in two ways.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How the account behaves where its documents leave it open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommerceSwitches {
    /// The way in which refunds are answered and listed.
    pub refunds: RefundModel,
    /// The status that an invoice with a service begins with.
    pub created_as: CreatedStatus,
    /// The answer to a `reference_id` that was used before.
    pub duplicates: DuplicateAnswer,
    /// Charges without the payer are refused.
    pub refuse_instant: bool,
    /// Attributes that no invoice is shown with, as `flow_data`.
    pub lost_attributes: BTreeSet<String>,
}

/// The way in which refunds are answered and listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundModel {
    /// As objects of their own, which invoices list.
    #[default]
    New,
    /// Each as the invoice afterwards, which tells their sum only.
    Old,
}

/// The status that an invoice with a service begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatedStatus {
    /// The documents' `created`.
    #[default]
    Created,
    /// The `process_pending` that some accounts have.
    ProcessPending,
}

/// The answer to a `reference_id` that was used before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAnswer {
    /// HTTP 422, with the field.
    #[default]
    Unprocessable,
    /// HTTP 409.
    Conflict,
    /// HTTP 429, of the documents of 2021.
    TooManyRequests,
}

impl DuplicateAnswer {
    /// Its HTTP status.
    pub(in crate::sandbox) fn status(self) -> u16 {
        match self {
            Self::Unprocessable => 422,
            Self::Conflict => 409,
            Self::TooManyRequests => 429,
        }
    }
}
