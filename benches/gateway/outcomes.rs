//! Payments whose outcome comes by webhook, and the callers that wait for the event that reports it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use corefy_gateway::{
    pb,
    pb::{event_service_client::EventServiceClient, stream_events_response::Content},
};
use tokio::{sync::oneshot, task::JoinSet, time::timeout};
use tonic::{Request, Status};

use crate::load::Target;

/// How long an outcome may take; a webhook that is lost is made good by a look much sooner.
const LIMIT: Duration = Duration::from_secs(30);

/// The callers that wait, by the id of the payment. All clones are the same.
#[derive(Clone, Default)]
pub struct Outcomes(Arc<Mutex<HashMap<String, oneshot::Sender<()>>>>);

/// The outcome of one payment.
pub struct Outcome(oneshot::Receiver<()>);

impl Outcomes {
    /// Reads the events of successes from now on, until the set is dropped.
    pub async fn listen(&self, target: &Target) -> Result<JoinSet<()>, Status> {
        let message = pb::StreamEventsRequest {
            types: vec!["payment_intent.succeeded".to_owned()],
            only_new: true,
            ..Default::default()
        };
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", target.authorization.clone());
        let mut events = EventServiceClient::new(target.channels[0].clone()).stream_events(request).await?.into_inner();
        let outcomes = self.clone();
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            while let Ok(Some(message)) = events.message().await {
                if let Some(Content::Event(event)) = message.content
                    && let Some(caller) = outcomes.lock().remove(&event.object_id)
                {
                    // Fails when the caller has given up.
                    let _ = caller.send(());
                }
            }
        });
        Ok(listening)
    }

    /// The outcome of the payment `id`, which has none yet.
    pub fn of(&self, id: &str) -> Outcome {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(id.to_owned(), sender);
        Outcome(receiver)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    /// Returns when it was reported.
    pub async fn wait(self) -> Result<(), Status> {
        let lost = || Status::deadline_exceeded("no event reports the success of a payment");
        timeout(LIMIT, self.0).await.map_err(|_| lost())?.map_err(|_| lost())
    }
}
