//! One stream of events: from the reader to the wire, until the caller goes, is too slow, or the gateway shuts down.

use std::time::Duration;

use tokio::{
    sync::mpsc::{Permit, Sender},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    app::{
        App,
        events::{EventReader, News},
    },
    error::{Error, Reason},
    pb,
    pb::stream_events_response::Content,
};

use super::{status, timestamps};

/// How long a reader may take to make room for one event.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether that time is over.
const LOOK: Duration = Duration::from_millis(200);

pub(super) type Message = Result<pb::StreamEventsResponse, Status>;

/// Feeds `out` until it ends. The last message says why, and after which event to go on.
pub(super) async fn feed(
    app: App,
    mut reader: EventReader,
    out: Sender<Box<Message>>,
    drain: CancellationToken,
    request_id: String,
) {
    let error = tokio::select! {
        () = out.closed() => return,
        () = drain.cancelled() => Error::new(Reason::ShuttingDown, "the gateway is shutting down")
            .retry_after(Duration::from_secs(1)),
        error = run(&app, &mut reader, &out) => error,
    };
    let resume = reader.last().map_or_else(String::new, ToString::to_string);
    let error = error.with("resume_after_event_id", resume);
    // Waits for room as long as the reader is there: nothing else is held meanwhile.
    let _ = out.send(Box::new(Err(status::outgoing(error.into(), &[status::request_id(&request_id)])))).await;
}

async fn run(app: &App, reader: &mut EventReader, out: &Sender<Box<Message>>) -> Error {
    loop {
        // Room first, so that the reader has come past only what was handed over.
        let permit = match room(app, out).await {
            Ok(permit) => permit,
            Err(error) => return error,
        };
        let content = match reader.next().await {
            Ok(News::Event(event)) => Content::Event((*event).into()),
            Ok(News::Silence) => Content::Heartbeat(pb::Heartbeat {
                sent_at: Some(timestamps::wire(app.now())),
                resume_after_event_id: reader.last().map_or_else(String::new, ToString::to_string),
            }),
            Err(error) => return error,
        };
        permit.send(Box::new(Ok(pb::StreamEventsResponse { content: Some(content) })));
    }
}

async fn room<'a>(app: &App, out: &'a Sender<Box<Message>>) -> Result<Permit<'a, Box<Message>>, Error> {
    let mut since = app.now();
    loop {
        tokio::select! {
            permit = out.reserve() => return permit.map_err(|_| Error::new(Reason::EventReaderTooSlow, "the reader has gone")),
            () = sleep(LOOK) => {}
        }
        // A clock that is put back must not lend the reader the time it went back by.
        since = since.min(app.now());
        if app.now().since(since) > PATIENCE {
            let message = "the reader takes too long; begin again after the last event it took in";
            return Err(Error::new(Reason::EventReaderTooSlow, message));
        }
    }
}
