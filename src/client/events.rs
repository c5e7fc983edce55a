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
    pub(super) fn new(service: EventServiceClient<Calls>, after_event_id: &str, types: &[&str]) -> Self {
        let request = StreamEventsRequest {
            after_event_id: after_event_id.to_owned(),
            types: types.iter().map(|&name| name.to_owned()).collect(),
            ..Default::default()
        };
        Self { service, request, stream: None, broken: 0 }
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// Those of `StreamEvents`, and of a gateway that could not be reached again and again.
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
                self.request.after_event_id.clone_from(&event.id);
                Some(event)
            }
            Some(Content::Heartbeat(heartbeat)) => {
                if !heartbeat.resume_after_event_id.is_empty() {
                    self.request.after_event_id = heartbeat.resume_after_event_id;
                }
                None
            }
            None => None,
        })
    }

    async fn wait_before_next_stream(&mut self, status: Status) -> Result<(), GatewayError> {
        self.stream = None;
        self.broken += 1;
        let error = GatewayError::from(status.clone());
        // Whoever was too slow may go on at once; a connection that broke is one more gateway that is not there.
        let is_break = error.reason().is_empty() || error.reason() == "EVENT_READER_TOO_SLOW";
        let unavailable = Status::unavailable(error.message());
        let wait = pause(self.broken, if is_break { &unavailable } else { &status }).ok_or(error)?;
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
