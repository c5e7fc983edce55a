//! Operations with an unknown outcome, on the wire.

use crate::{
    domain::operation::{OpenOperation, OperationKind},
    pb,
};

use super::timestamps;

impl From<OpenOperation> for pb::Operation {
    fn from(operation: OpenOperation) -> Self {
        let state = match operation.next_check_at {
            Some(_) => pb::OperationState::InDoubt,
            None => pb::OperationState::NeedsOperator,
        };
        Self {
            id: operation.id.to_string(),
            kind: pb::OperationKind::from(operation.kind).into(),
            state: state.into(),
            object_id: operation.subject_id,
            payment_intent_id: operation.payment_intent_id.map(|id| id.to_string()).unwrap_or_default(),
            since: Some(timestamps::wire(operation.since)),
            next_check_at: operation.next_check_at.map(timestamps::wire),
        }
    }
}

impl From<OperationKind> for pb::OperationKind {
    fn from(kind: OperationKind) -> Self {
        match kind {
            OperationKind::CreatePaymentIntent => Self::CreatePaymentIntent,
            OperationKind::ConfirmPaymentIntent => Self::ConfirmPaymentIntent,
            OperationKind::CancelPaymentIntent => Self::CancelPaymentIntent,
            OperationKind::CreateRefund => Self::CreateRefund,
            OperationKind::CreateCustomer => Self::CreateCustomer,
            OperationKind::CreatePaymentMethod => Self::CreatePaymentMethod,
            OperationKind::UpdateCustomer => Self::UpdateCustomer,
            OperationKind::UpdatePaymentMethod => Self::UpdatePaymentMethod,
            OperationKind::DeletePaymentMethod => Self::DeletePaymentMethod,
        }
    }
}
