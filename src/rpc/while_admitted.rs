//! The body of a streaming call: it ends as soon as its caller would no longer be admitted, so that a stream outlives
//! no key. Every call that the protos declare as a stream gets one, so that none can be forgotten.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body::Frame;
use tokio::time::sleep;
use tonic::{
    Status,
    body::Body,
    codegen::{Bytes, http::HeaderMap},
};

use crate::{
    app::keys::{Admission, PresentedKey},
    domain::api_key::Scope,
    error::{Error, Reason},
};

use super::status;

/// The interval at which the key is checked again. A key is cached for up to 5 s, so a revocation ends a stream within
/// 7 s.
const INTERVAL: Duration = Duration::from_secs(2);

/// A body that ends with a refusal when its caller's key no longer admits the caller.
pub(super) struct WhileAdmitted {
    body: Body,
    refusal: Pin<Box<dyn Future<Output = Status> + Send>>,
    has_ended: bool,
}

impl WhileAdmitted {
    pub(super) fn new(
        body: Body,
        admission: Arc<Admission>,
        presented: PresentedKey,
        scope: Scope,
        request_id: String,
    ) -> Self {
        let refusal = async move {
            status::outgoing(refusal(&admission, &presented, scope).await.into(), &[status::request_id(&request_id)])
        };
        Self { body, refusal: Box::pin(refusal), has_ended: false }
    }
}

impl From<WhileAdmitted> for Body {
    fn from(body: WhileAdmitted) -> Self {
        Self::new(body)
    }
}

/// Waits until the caller would be refused.
async fn refusal(admission: &Admission, presented: &PresentedKey, scope: Scope) -> Error {
    loop {
        sleep(INTERVAL).await;
        match admission.readmit(presented, scope).await {
            Ok(()) => {}
            // Only a look at the key can say that it is good no more; without the database there is nothing to stream.
            Err(error) if error.reason == Reason::StoreUnavailable => {}
            Err(error) => return error,
        }
    }
}

impl http_body::Body for WhileAdmitted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(refusal) = self.refusal.as_mut().poll(context) {
            self.has_ended = true;
            // Dropping the body ends the task that feeds it.
            self.body = Body::empty();
            let mut trailers = HeaderMap::new();
            return Poll::Ready(Some(refusal.add_header(&mut trailers).map(|()| Frame::trailers(trailers))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.has_ended = frame.is_none();
        Poll::Ready(frame)
    }
}
