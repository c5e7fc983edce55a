//! EventService: what happened.

use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, adapters::Map, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use crate::{
    app::{
        events::{Beginning, EventFilter},
        paging::Page,
    },
    domain::{
        event::{Event, EventObject, EventType},
        ids::{CustomerId, EventId, PaymentIntentId, PaymentMethodId, RefundId},
    },
    pb,
    pb::{event::Object, event_service_server::EventService},
};

use super::{
    Handlers, call,
    event_stream::{self, Message},
    fields::Fields,
    timestamps,
};

/// The most types that a filter can name.
pub(super) const MAX_TYPES: usize = 20;

#[tonic::async_trait]
impl EventService for Handlers {
    async fn list_events(
        &self,
        request: Request<pb::ListEventsRequest>,
    ) -> Result<Response<pb::ListEventsResponse>, Status> {
        let (caller, (filter, after, page)) = call::query(request, list)?;
        let list = |page| self.app.list_events(&caller, &filter, after.as_ref(), page);
        let answer = call::page(page, list, |found| pb::ListEventsResponse {
            events: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    type StreamEventsStream = Map<ReceiverStream<Box<Message>>, fn(Box<Message>) -> Message>;

    async fn stream_events(
        &self,
        request: Request<pb::StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let (caller, (filter, beginning)) = call::query(request, stream)?;
        let reader = self.app.read_events(&caller, filter, beginning).await?;
        let (out, stream) = mpsc::channel(BUFFER);
        tokio::spawn(event_stream::feed(self.app.clone(), reader, out, self.drain.clone(), caller.request_id));
        let unboxed: fn(Box<Message>) -> Message = |message| *message;
        Ok(Response::new(ReceiverStream::new(stream).map(unboxed)))
    }
}

/// How many events wait for a reader, beside what its connection takes in. They are boxed: a channel keeps places for 32 at
/// any time, and those of an idle stream would be most of its memory.
const BUFFER: usize = 16;

fn stream(fields: &mut Fields, message: pb::StreamEventsRequest) -> Option<(EventFilter, Beginning)> {
    let after = fields.optional_id("after_event_id", &message.after_event_id, EventId::parse, "of an event, evt_…");
    if message.only_new && !message.after_event_id.is_empty() {
        fields.refuse("only_new", "must not be given with after_event_id");
    }
    let filter = EventFilter { types: types(fields, message.types), object_id: None };
    let beginning = match after {
        Some(id) => Beginning::After(id),
        None if message.only_new => Beginning::New,
        None => Beginning::Oldest,
    };
    Some((filter, beginning))
}

fn list(fields: &mut Fields, message: pb::ListEventsRequest) -> Option<(EventFilter, Option<EventId>, Page)> {
    let after = fields.optional_id("after_event_id", &message.after_event_id, EventId::parse, "of an event, evt_…");
    if !message.after_event_id.is_empty() && !message.page_token.is_empty() {
        fields.refuse("after_event_id", "must not be given with page_token");
    }
    let form = "of an object, such as pi_…, pay_…, re_…, cus_… or pm_…";
    let object_id = fields.optional_id("object_id", &message.object_id, object_id, form);
    let filter = EventFilter { types: types(fields, message.types), object_id };
    Some((filter, after, fields.page(message.page_size, message.page_token)))
}

fn types(fields: &mut Fields, types: Vec<String>) -> Vec<String> {
    if types.len() > MAX_TYPES {
        fields.refuse("types", format!("must have at most {MAX_TYPES} entries"));
        return Vec::new();
    }
    for (place, name) in types.iter().enumerate() {
        if !EventType::ALL.iter().any(|known| known.as_str() == name) {
            fields.refuse(&format!("types[{place}]"), "must be a type of event such as payment_intent.succeeded");
        }
    }
    types
}

/// The id of any object that events are about; a payment's is its intent's.
pub(super) fn object_id(text: &str) -> Option<String> {
    let intent = PaymentIntentId::parse_any(text).map(|id| id.to_string());
    intent
        .or_else(|| RefundId::parse(text).map(|id| id.to_string()))
        .or_else(|| CustomerId::parse(text).map(|id| id.to_string()))
        .or_else(|| PaymentMethodId::parse(text).map(|id| id.to_string()))
}

impl From<Event> for pb::Event {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            r#type: event.kind,
            object_id: event.object.id().to_owned(),
            created_at: Some(timestamps::wire(event.created_at)),
            object: Some(match event.object {
                EventObject::PaymentIntent(intent) => Object::PaymentIntent((*intent).into()),
                EventObject::Refund(refund) => Object::Refund((*refund).into()),
                EventObject::Customer(customer) => Object::Customer((*customer).into()),
                EventObject::PaymentMethod(method) => Object::PaymentMethod((*method).into()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: pb::ListEventsRequest) -> Result<(EventFilter, Option<EventId>, Page), Vec<String>> {
        let mut fields = Fields::default();
        let input = list(&mut fields, message);
        fields.finish(input).map_err(|error| error.violations.iter().map(|wrong| wrong.field.clone()).collect())
    }

    #[test]
    fn a_payment_s_id_filters_by_its_intent() {
        let id = PaymentIntentId::generate();
        let (filter, after, page) =
            read(pb::ListEventsRequest { object_id: id.payment_id(), ..Default::default() }).unwrap();
        assert_eq!(filter.object_id.as_deref(), Some(id.as_str()));
        assert_eq!((after, page.size), (None, 20));
    }

    #[test]
    fn every_type_that_can_happen_can_be_asked_for_and_no_other() {
        for known in EventType::ALL {
            let types = vec![known.as_str().to_owned()];
            assert!(read(pb::ListEventsRequest { types, ..Default::default() }).is_ok());
        }
        let types = vec!["refund.created".to_owned(), "refund.lost".to_owned()];
        assert_eq!(read(pb::ListEventsRequest { types, ..Default::default() }).unwrap_err(), ["types[1]"]);
        let types = vec!["refund.created".to_owned(); 21];
        assert_eq!(read(pb::ListEventsRequest { types, ..Default::default() }).unwrap_err(), ["types"]);
    }

    #[test]
    fn a_reader_goes_on_from_an_event_or_from_a_page_but_not_from_both() {
        let after_event_id = EventId::generate().to_string();
        let both = pb::ListEventsRequest { after_event_id, page_token: "t".to_owned(), ..Default::default() };
        assert_eq!(read(both).unwrap_err(), ["after_event_id"]);
        let wrong =
            pb::ListEventsRequest { after_event_id: "evt_1".into(), object_id: "op_1".into(), ..Default::default() };
        assert_eq!(read(wrong).unwrap_err(), ["after_event_id", "object_id"]);
    }
}
