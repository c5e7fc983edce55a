//! The order in which calls to Corefy are sent when there are more of them than the rate limit allows.

use tokio::time::Instant;

use crate::domain::operation::OperationKind;

/// The purpose of a call. Earlier ones are served more often, but none starves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// A payer waits for it.
    Confirm,
    /// Money goes back.
    Refund,
    /// Finds out the outcome of an operation; a part of the rate limit is reserved for these.
    InDoubt,
    /// Makes something at Corefy that moves no money.
    Create,
    /// A caller asks, or a webhook says that there is news.
    Read,
    /// The gateway asks by itself whether there is news.
    Poll,
    /// An operator's command compares the books with Corefy's.
    Books,
}

impl Priority {
    /// All priorities, in the order of their declaration.
    pub const ALL: [Self; 7] =
        [Self::Confirm, Self::Refund, Self::InDoubt, Self::Create, Self::Read, Self::Poll, Self::Books];

    /// The word for it in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Refund => "refund",
            Self::InDoubt => "in_doubt",
            Self::Create => "create",
            Self::Read => "read",
            Self::Poll => "poll",
            Self::Books => "books",
        }
    }
}

/// The priority of an operation's first call.
impl From<OperationKind> for Priority {
    fn from(kind: OperationKind) -> Self {
        match kind {
            OperationKind::ConfirmPaymentIntent => Self::Confirm,
            OperationKind::CreateRefund => Self::Refund,
            OperationKind::CreatePaymentIntent
            | OperationKind::CancelPaymentIntent
            | OperationKind::CreateCustomer
            | OperationKind::CreatePaymentMethod
            | OperationKind::UpdateCustomer
            | OperationKind::UpdatePaymentMethod
            | OperationKind::DeletePaymentMethod => Self::Create,
        }
    }
}

/// The priority of a call, and how long it is worth waiting.
#[derive(Clone, Copy, Debug)]
pub struct Scheduling {
    /// Its purpose.
    pub priority: Priority,
    /// The moment at which the caller stops waiting; `None` when no caller waits.
    pub deadline: Option<Instant>,
}

impl Scheduling {
    /// For a call without a waiting caller.
    pub fn of(priority: Priority) -> Self {
        Self { priority, deadline: None }
    }

    /// For a call whose caller waits until `deadline`.
    pub fn until(priority: Priority, deadline: Instant) -> Self {
        Self { priority, deadline: Some(deadline) }
    }
}
