//! A payment as Corefy has it, from its answer or from a file of its books.

use crate::domain::{
    clock::Timestamp,
    money::Money,
    snapshot::{PaymentSnapshot, PaymentStatus, RefundSnapshot},
};

/// What Corefy shows of a payment of ours.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// The payment.
    Payment(TheirPayment<'a>),
    /// For certain that it has no record of it.
    Absent,
    /// Nothing: a list has no row of it. Lists may leave out what was never paid.
    NotListed,
}

/// A payment as Corefy has it.
#[derive(Clone, Copy, Debug)]
pub struct TheirPayment<'a> {
    /// How it stands.
    pub status: &'a PaymentStatus,
    /// The amount to be paid; `None` when Corefy does not state it.
    pub amount: Option<Money>,
    /// The amount received, in minor units.
    pub received: i64,
    /// The amount that the payer's bank has taken back, in minor units; `None` when Corefy does not state it.
    pub charged_back: Option<i64>,
    /// Its refunds.
    pub refunds: TheirRefunds<'a>,
    /// Corefy's own time of this state; zero when it gives none.
    pub version: Timestamp,
}

/// The refunds of a payment as Corefy has them.
#[derive(Clone, Copy, Debug)]
pub enum TheirRefunds<'a> {
    /// Every one.
    Each(&'a [RefundSnapshot]),
    /// The sum of those that succeeded, in minor units.
    Sum(i64),
    /// Nothing is known of them.
    Unknown,
}

impl<'a> From<&'a PaymentSnapshot> for TheirPayment<'a> {
    fn from(snapshot: &'a PaymentSnapshot) -> Self {
        Self {
            status: &snapshot.status,
            amount: snapshot.amount,
            received: snapshot.received,
            charged_back: Some(snapshot.charged_back),
            refunds: snapshot.refunds.as_deref().map_or(TheirRefunds::Unknown, TheirRefunds::Each),
            version: snapshot.version,
        }
    }
}

impl TheirPayment<'_> {
    /// Whether money was received.
    pub(super) fn is_paid(&self) -> bool {
        *self.status == PaymentStatus::Paid
    }
}
