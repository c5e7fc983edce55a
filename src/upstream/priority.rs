//! In what order those who would call Corefy are served when there are more of them than calls in the budget.

use std::time::Instant;

use crate::domain::operation::OperationKind;

/// What a call is for. The first are served more often, but none is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A payer waits for it.
    Confirm,
    /// Money goes back.
    Refund,
    /// Finds out what became of an operation; a part of the budget is kept for these.
    InDoubt,
    /// Makes something at Corefy that moves no money.
    Create,
    /// A caller asks, or a webhook says that there is news.
    Read,
    /// The gateway asks by itself whether there is news.
    Poll,
}

impl Priority {
    /// All classes, in the order of their declaration.
    pub const ALL: [Self; 6] = [Self::Confirm, Self::Refund, Self::InDoubt, Self::Create, Self::Read, Self::Poll];

    /// The word for it in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Refund => "refund",
            Self::InDoubt => "in_doubt",
            Self::Create => "create",
            Self::Read => "read",
            Self::Poll => "poll",
        }
    }
}

/// The class of the call that an operation begins with.
impl From<OperationKind> for Priority {
    fn from(kind: OperationKind) -> Self {
        match kind {
            OperationKind::ConfirmPaymentIntent => Self::Confirm,
            OperationKind::CreateRefund => Self::Refund,
            OperationKind::CreatePaymentIntent
            | OperationKind::CancelPaymentIntent
            | OperationKind::CreateCustomer
            | OperationKind::CreatePaymentMethod => Self::Create,
        }
    }
}

/// What a call is for, and how long it is worth waiting for its turn.
#[derive(Clone, Copy, Debug)]
pub struct Scheduling {
    /// What it is for.
    pub priority: Priority,
    /// When the caller stops waiting; `None` when nobody waits.
    pub deadline: Option<Instant>,
}

impl Scheduling {
    /// Of a call that nobody waits for.
    pub fn of(priority: Priority) -> Self {
        Self { priority, deadline: None }
    }

    /// Of a call that somebody waits for until `deadline`.
    pub fn until(priority: Priority, deadline: Instant) -> Self {
        Self { priority, deadline: Some(deadline) }
    }
}
