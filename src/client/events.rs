//! Events that go on after a break.

use tonic::{Status, Streaming};

use super::{Calls, GatewayError, repetition::pause};
use crate::pb::{
    Event, StreamEventsRequest, StreamEventsResponse, event_service_client::EventServiceClient,
    stream_events_response::Content,
};

/// Events, oldest first, and then each as it happens.
#[derive(Debug)]
pub struct Events {
    service: EventServiceClient<Calls>,
    /// Says after which event to go on.
    request: StreamEventsRequest,
    stream: Option<Streaming<StreamEventsResponse>>,
    /// Streams that broke since the last message.
    broken: u32,
}

impl Events {
    pub(super) fn new(service: EventServiceClient<Calls>, request: StreamEventsRequest) -> Self {
        Self { service, request, stream: None, broken: 0 }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// The errors of `StreamEvents`, or the last one once the gateway could not be reached for too long.
    pub async fn next(&mut self) -> Result<Event, GatewayError> {
        loop {
            match self.read().await {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => {}
                Err(status) => self.wait_before_next_stream(status).await?,
            }
        }
    }

    /// The next message's event; a heartbeat has none.
    async fn read(&mut self) -> Result<Option<Event>, Status> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => self.stream.insert(self.service.stream_events(self.request.clone()).await?.into_inner()),
        };
        let message = stream.message().await?.ok_or_else(|| Status::unavailable("the stream of events ended"))?;
        self.broken = 0;
        Ok(match message.content {
            Some(Content::Event(event)) => {
                self.go_on_after(&event.id);
                Some(event)
            }
            Some(Content::Heartbeat(heartbeat)) => {
                if !heartbeat.resume_after_event_id.is_empty() {
                    self.go_on_after(&heartbeat.resume_after_event_id);
                }
                None
            }
            None => None,
        })
    }

    /// A stream that is resumed starts nowhere else.
    fn go_on_after(&mut self, id: &str) {
        id.clone_into(&mut self.request.after_event_id);
        self.request.only_new = false;
    }

    async fn wait_before_next_stream(&mut self, status: Status) -> Result<(), GatewayError> {
        self.stream = None;
        self.broken += 1;
        let error = GatewayError::from(status.clone());
        // A reader that was too slow may resume at once; a broken connection counts as another failed attempt to
        // connect.
        let is_break = error.reason().is_empty() || error.reason() == "EVENT_READER_TOO_SLOW";
        let unavailable = Status::unavailable(error.message());
        let wait = pause(self.broken, if is_break { &unavailable } else { &status }).ok_or(error)?;
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
