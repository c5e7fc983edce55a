//! The network between the gateway and Corefy: a call of a function, by which every request is noted.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use corefy_gateway::{
    sandbox::Sandbox,
    upstream::transport::{HttpFailure, HttpResponse, HttpSender},
};
use tokio::time::timeout;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Every request, in the order in which Corefy got them.
pub type Requests = Arc<Mutex<Vec<String>>>;

/// The network.
#[derive(Debug)]
pub struct Network {
    pub corefy: Sandbox,
    /// How long an answer may take.
    pub patience: Duration,
    pub requests: Requests,
}

#[async_trait]
impl HttpSender for Network {
    async fn send(&self, request: reqwest::Request) -> Result<HttpResponse, HttpFailure> {
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let mut headers: Vec<_> = request.headers().iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        headers.sort();
        let line = format!("{method} {path} {} {}", headers.join(" "), String::from_utf8_lossy(&body));
        self.requests.lock().unwrap().push(line);

        let mut call = axum::http::Request::new(Body::from(body));
        *call.method_mut() = method;
        *call.uri_mut() = path.parse().unwrap();
        *call.headers_mut() = request.headers().clone();
        let broken = |why: &str| HttpFailure::Broken(why.to_owned());
        let answered = timeout(self.patience, self.corefy.call(call)).await;
        let response = answered.map_err(|_| broken("no answer"))?.ok_or_else(|| broken("the connection was cut"))?;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, MAX_ANSWER).await.map_err(|_| broken("the answer broke off"))?;
        Ok(HttpResponse { status: parts.status, headers: parts.headers, body: body.to_vec() })
    }
}
