//! Events as they are sent: whole, or without personal data.

use super::timestamps;
use crate::{
    domain::event::{Event, EventObject},
    pb::{self, event::Object},
};

/// How much of its object an event has on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// Everything but fields that may have personal data.
    Basic,
    /// Everything.
    Full,
}

/// The event as it is sent.
pub(super) fn wire(event: Event, view: View) -> pb::Event {
    let mut event = pb::Event::from(event);
    if view == View::Basic {
        event.leave_out_personal_data();
    }
    event
}

impl From<Event> for pb::Event {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            sequence: event.sequence,
            r#type: event.kind,
            object_id: event.object.id().to_owned(),
            created_at: Some(timestamps::wire(event.created_at)),
            request_id: event.request_id,
            operation_id: event.operation_id.map(|id| id.to_string()).unwrap_or_default(),
            object: Some(match event.object {
                EventObject::PaymentIntent(intent) => Object::PaymentIntent((*intent).into()),
                EventObject::Refund(refund) => Object::Refund((*refund).into()),
                EventObject::Customer(customer) => Object::Customer((*customer).into()),
                EventObject::PaymentMethod(method) => Object::PaymentMethod((*method).into()),
                EventObject::Operation(operation) => Object::Operation((*operation).into()),
                EventObject::Erasure(erasure) => Object::Erasure((*erasure).into()),
                EventObject::Mismatch(mismatch) => Object::Mismatch((*mismatch).into()),
            }),
        }
    }
}
