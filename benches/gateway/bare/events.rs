//! Webhooks that are passed on: each has its payment read from the sandbox, and a success is an event for all who listen.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use corefy_gateway::{
    pb,
    pb::{event_service_server::EventService, stream_events_response::Content},
};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Request, Response, Status};

use super::{Bare, text};

/// One message of a stream.
type Message = Result<pb::StreamEventsResponse, Status>;

/// The readers of events. All clones are the same.
#[derive(Clone, Default)]
pub struct Readers(Arc<Mutex<Vec<UnboundedSender<Message>>>>);

/// Takes webhooks.
pub fn webhooks(bare: Bare, readers: Readers) -> Router {
    Router::new().route("/webhooks/corefy", post(take)).with_state((bare, readers))
}

async fn take(State((bare, readers)): State<(Bare, Readers)>, Json(webhook): Json<Value>) -> StatusCode {
    tokio::spawn(async move {
        let path = format!("/v1/payments/{}", text(&webhook, "payment_intent_id"));
        if let Ok(payment) = bare.send(Method::GET, &path, Vec::new()).await
            && payment["status"] == "succeeded"
        {
            readers.send(&text(&payment, "id"));
        }
    });
    StatusCode::OK
}

impl Readers {
    /// Sends the success of a payment to all.
    fn send(&self, payment: &str) {
        let event = pb::Event {
            r#type: "payment_intent.succeeded".to_owned(),
            object_id: payment.to_owned(),
            ..Default::default()
        };
        let message = pb::StreamEventsResponse { content: Some(Content::Event(event)) };
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|reader| reader.send(Ok(message.clone())).is_ok());
    }
}

#[tonic::async_trait]
impl EventService for Readers {
    type StreamEventsStream = UnboundedReceiverStream<Message>;

    async fn stream_events(
        &self,
        _: Request<pb::StreamEventsRequest>,
    ) -> Result<Response<Self::StreamEventsStream>, Status> {
        let (sender, receiver) = unbounded_channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        Ok(Response::new(UnboundedReceiverStream::new(receiver)))
    }

    async fn list_events(&self, _: Request<pb::ListEventsRequest>) -> Result<Response<pb::ListEventsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}
