//! EventService: what happened.

use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, adapters::Map, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use crate::{
    app::{events::StartAt, paging::Page},
    domain::{
        event_filter::{EventFilter, EventPattern, MAX_PATTERN},
        ids::{CustomerId, ErasureId, EventId, PaymentIntentId, PaymentMethodId, RefundId},
    },
    pb,
    pb::event_service_server::EventService,
    task,
};

use super::{
    event_stream::{Feed, Message},
    event_view::{View, wire},
    fields::Fields,
    handler,
    handlers::Handlers,
};

/// The most types that a filter can name.
pub(super) const MAX_TYPES: usize = 100;

#[tonic::async_trait]
impl EventService for Handlers {
    async fn list_events(
        &self,
        request: Request<pb::ListEventsRequest>,
    ) -> Result<Response<pb::ListEventsResponse>, Status> {
        let (caller, (filter, view, after, page)) = handler::query(request, list)?;
        let list = |page| self.app.events.list_events(&caller, &filter, after.as_ref(), page);
        let answer = handler::page(page, list, |found| pb::ListEventsResponse {
            events: found.items.into_iter().map(|event| wire(event, view)).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    type StreamEventsStream = Map<ReceiverStream<Box<Message>>, fn(Box<Message>) -> Message>;

    async fn stream_events(
        &self,
        request: Request<pb::StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let (caller, (filter, view, beginning)) = handler::query(request, stream)?;
        let reader = self.app.events.read_events(&caller, filter, beginning).await?;
        let (out, stream) = mpsc::channel(BUFFER);
        let feed = Feed { events: self.app.events.clone(), reader, view, out };
        task::spawn("event stream", feed.run(self.drain.clone(), caller.request_id));
        let unboxed: fn(Box<Message>) -> Message = |message| *message;
        Ok(Response::new(ReceiverStream::new(stream).map(unboxed)))
    }
}

/// The number of events that wait for a reader, beside what its connection buffers. They are boxed: a channel always
/// reserves room for 32, which would be most of the memory of an idle stream.
const BUFFER: usize = 16;

fn stream(fields: &mut Fields, message: pb::StreamEventsRequest) -> Option<(EventFilter, View, StartAt)> {
    let after = fields.optional_id("after_event_id", &message.after_event_id, EventId::parse, EVENT_ID);
    if message.only_new && !message.after_event_id.is_empty() {
        fields.refuse("only_new", "must not be given with after_event_id");
    }
    let view = view(fields, message.view);
    let filter = filter(fields, &message.types, &message.object_id);
    let beginning = match after {
        Some(id) => StartAt::After(id),
        None if message.only_new => StartAt::New,
        None => StartAt::Oldest,
    };
    Some((filter, view, beginning))
}

fn list(fields: &mut Fields, message: pb::ListEventsRequest) -> Option<(EventFilter, View, Option<EventId>, Page)> {
    let after = fields.optional_id("after_event_id", &message.after_event_id, EventId::parse, EVENT_ID);
    if !message.after_event_id.is_empty() && !message.page_token.is_empty() {
        fields.refuse("after_event_id", "must not be given with page_token");
    }
    let view = view(fields, message.view);
    let filter = filter(fields, &message.types, &message.object_id);
    Some((filter, view, after, fields.page(message.page_size, message.page_token)))
}

const EVENT_ID: &str = "of an event, evt_…";
const OBJECT_ID: &str = "of an object, such as pi_…, pay_…, re_…, cus_…, pm_… or era_…";

fn filter(fields: &mut Fields, types: &[String], object: &str) -> EventFilter {
    let object_id = fields.optional_id("object_id", object, told_of, OBJECT_ID);
    EventFilter { types: patterns(fields, types), object_id }
}

/// Reads the id of an object that events tell of.
fn told_of(text: &str) -> Option<String> {
    object_id(text).or_else(|| ErasureId::parse(text).map(|id| id.to_string()))
}

fn patterns(fields: &mut Fields, types: &[String]) -> Vec<EventPattern> {
    if types.len() > MAX_TYPES {
        fields.refuse("types", format!("must have at most {MAX_TYPES} entries"));
        return Vec::new();
    }
    let mut read = Vec::with_capacity(types.len());
    for (place, text) in types.iter().enumerate() {
        match EventPattern::parse(text) {
            Some(pattern) => read.push(pattern),
            None => fields.refuse(
                &format!("types[{place}]"),
                format!(
                    "must be a type of event such as refund.succeeded, or all of a kind of object such as refund.*, at most \
                     {MAX_PATTERN} characters"
                ),
            ),
        }
    }
    read
}

fn view(fields: &mut Fields, view: i32) -> View {
    match pb::EventView::try_from(view) {
        Ok(pb::EventView::Unspecified | pb::EventView::Basic) => View::Basic,
        Ok(pb::EventView::Full) => View::Full,
        Err(_) => {
            fields.refuse("view", "must be EVENT_VIEW_BASIC or EVENT_VIEW_FULL");
            View::Basic
        }
    }
}

/// The id of any object that events are about; a payment's is its intent's.
pub(super) fn object_id(text: &str) -> Option<String> {
    let intent = PaymentIntentId::parse_any(text).map(|id| id.to_string());
    intent
        .or_else(|| RefundId::parse(text).map(|id| id.to_string()))
        .or_else(|| CustomerId::parse(text).map(|id| id.to_string()))
        .or_else(|| PaymentMethodId::parse(text).map(|id| id.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Ids;

    type ListInput = (EventFilter, View, Option<EventId>, Page);

    fn read(message: pb::ListEventsRequest) -> Result<ListInput, Vec<String>> {
        let mut fields = Fields::default();
        let input = list(&mut fields, message);
        fields.finish(input).map_err(|error| error.violations.iter().map(|wrong| wrong.field.clone()).collect())
    }

    #[test]
    fn a_payment_s_id_filters_by_its_intent() {
        let id = PaymentIntentId::generate(&Ids::system());
        let (filter, view, after, page) =
            read(pb::ListEventsRequest { object_id: id.payment_id(), ..Default::default() }).unwrap();
        assert_eq!(filter.object_id.as_deref(), Some(id.as_str()));
        assert_eq!((view, after, page.size), (View::Basic, None, 20));
    }

    #[test]
    fn types_are_a_hundred_patterns_at_most_and_each_wrong_one_is_named() {
        let of = |types: &[&str]| {
            let types = types.iter().map(|&name| name.to_owned()).collect();
            read(pb::ListEventsRequest { types, ..Default::default() })
        };
        let (filter, ..) = of(&["refund.*", "payment_intent.succeeded"]).unwrap();
        let expected =
            [EventPattern::Prefix("refund.".to_owned()), EventPattern::Type("payment_intent.succeeded".to_owned())];
        assert_eq!(filter.types, expected);
        assert_eq!(of(&["refund.created", "refunds.*", "refund", "refund.*"]).unwrap_err(), ["types[1]", "types[2]"]);
        assert!(of(&["refund.created"; 100]).is_ok());
        assert_eq!(of(&["refund.created"; 101]).unwrap_err(), ["types"]);
    }

    #[test]
    fn a_view_is_basic_unless_the_full_one_is_asked_for() {
        let of = |view| read(pb::ListEventsRequest { view, ..Default::default() }).map(|(_, view, ..)| view);
        assert_eq!([0, 1, 2].map(|view| of(view).unwrap()), [View::Basic, View::Basic, View::Full]);
        assert_eq!(of(3).unwrap_err(), ["view"]);
    }

    #[test]
    fn a_reader_goes_on_from_an_event_or_from_a_page_but_not_from_both() {
        let after_event_id = EventId::generate(&Ids::system()).to_string();
        let both = pb::ListEventsRequest { after_event_id, page_token: "t".to_owned(), ..Default::default() };
        assert_eq!(read(both).unwrap_err(), ["after_event_id"]);
        let wrong =
            pb::ListEventsRequest { after_event_id: "evt_1".into(), object_id: "op_1".into(), ..Default::default() };
        assert_eq!(read(wrong).unwrap_err(), ["after_event_id", "object_id"]);
    }
}
