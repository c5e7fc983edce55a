//! One object of an export, and its place in it.

use serde::{Deserialize, Serialize};

use super::{cell::Cell, columns, event, payment, refund};
use crate::domain::{clock::Timestamp, event::Event, payment_intent::PaymentIntent, refund::Refund};

/// An object of an export.
#[derive(Clone, Debug)]
pub enum Exported {
    /// A payment.
    Payment(Box<PaymentIntent>),
    /// A refund.
    Refund(Box<Refund>),
    /// An event.
    Event(Box<Event>),
}

/// The place of an object among those of its partner: payments and refunds by when they were made, and by id; events in the order of
/// all events. None ever comes before a place whose time is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Microseconds since 1970; of an event, its sequence.
    pub at: i64,
    /// The id; of an event, nothing.
    pub id: String,
}

impl Exported {
    /// The values of its row, in the order of the columns.
    pub fn cells(&self) -> Vec<Cell<'_>> {
        match self {
            Self::Payment(intent) => columns::cells(payment::COLUMNS, intent),
            Self::Refund(refund) => columns::cells(refund::COLUMNS, refund),
            Self::Event(event) => columns::cells(event::COLUMNS, event),
        }
    }

    /// Its place.
    pub fn place(&self) -> Place {
        match self {
            Self::Payment(intent) => Place { at: intent.created_at.0, id: intent.id.to_string() },
            Self::Refund(refund) => Place { at: refund.created_at.0, id: refund.id.to_string() },
            Self::Event(event) => Place { at: event.sequence, id: String::new() },
        }
    }

    /// When it was made.
    pub fn created_at(&self) -> Timestamp {
        match self {
            Self::Payment(intent) => intent.created_at,
            Self::Refund(refund) => refund.created_at,
            Self::Event(event) => event.created_at,
        }
    }
}

impl From<PaymentIntent> for Exported {
    fn from(intent: PaymentIntent) -> Self {
        Self::Payment(Box::new(intent))
    }
}

impl From<Refund> for Exported {
    fn from(refund: Refund) -> Self {
        Self::Refund(Box::new(refund))
    }
}

impl From<Event> for Exported {
    fn from(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}
