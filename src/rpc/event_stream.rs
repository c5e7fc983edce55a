//! One stream of events: from the reader to the wire, until the caller goes, is too slow, or the gateway shuts down.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::{Permit, Sender},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    app::events::{EventLog, EventReader, StreamItem},
    error::{Error, Reason},
    pb,
    pb::stream_events_response::Content,
};

use super::{
    event_view::{View, wire},
    status, timestamps,
};

/// How long a reader may take to make room for one event.
const SLOW_READER_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is looked whether that time is over.
const CHECK_INTERVAL: Duration = Duration::from_millis(200);

pub(super) type Message = Result<pb::StreamEventsResponse, Status>;

/// A stream: what it brings, in which view, and where to.
pub(super) struct Feed {
    pub(super) events: Arc<EventLog>,
    pub(super) reader: EventReader,
    pub(super) view: View,
    pub(super) out: Sender<Box<Message>>,
}

impl Feed {
    /// Feeds until it ends. The last message says why, and after which event to go on.
    pub(super) async fn run(mut self, drain: CancellationToken, request_id: String) {
        let out = self.out.clone();
        let error = tokio::select! {
            () = out.closed() => return,
            () = drain.cancelled() => Error::new(Reason::ShuttingDown, "the gateway is shutting down")
                .retry_after(Duration::from_secs(1)),
            error = self.feed() => error,
        };
        let error = error.with("resume_after_event_id", self.resume_after());
        // Waits for room as long as the reader is there: nothing else is held meanwhile.
        let _ = out.send(Box::new(Err(status::outgoing(error.into(), &[status::request_id(&request_id)])))).await;
    }

    async fn feed(&mut self) -> Error {
        loop {
            // Room first, so that the reader has come past only what was handed over.
            let permit = match room(&self.events, &self.out).await {
                Ok(permit) => permit,
                Err(error) => return error,
            };
            let content = match self.reader.next().await {
                Ok(StreamItem::Event(event)) => Content::Event(wire(*event, self.view)),
                Ok(StreamItem::SignOfLife { is_caught_up }) => Content::Heartbeat(pb::Heartbeat {
                    sent_at: Some(timestamps::wire(self.events.now())),
                    resume_after_event_id: self.resume_after(),
                    sequence: self.reader.last().map_or(0, |(_, sequence)| sequence),
                    caught_up: is_caught_up,
                }),
                Err(error) => return error,
            };
            permit.send(Box::new(Ok(pb::StreamEventsResponse { content: Some(content) })));
        }
    }

    fn resume_after(&self) -> String {
        self.reader.last().map_or_else(String::new, |(id, _)| id.to_string())
    }
}

async fn room<'a>(events: &EventLog, out: &'a Sender<Box<Message>>) -> Result<Permit<'a, Box<Message>>, Error> {
    let mut since = events.now();
    loop {
        tokio::select! {
            permit = out.reserve() => return permit.map_err(|_| Error::new(Reason::EventReaderTooSlow, "the reader has gone")),
            () = sleep(CHECK_INTERVAL) => {}
        }
        // A clock that is set back must not extend the reader's time.
        since = since.min(events.now());
        if events.now().since(since) > SLOW_READER_TIMEOUT {
            let message = "the reader takes too long; begin again after the last event it took in";
            return Err(Error::new(Reason::EventReaderTooSlow, message));
        }
    }
}
