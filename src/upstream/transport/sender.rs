//! The way of one request to Corefy and back: over the network in production, to a Corefy in the same process in a
//! simulation.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use reqwest::{Client, ClientBuilder, Request, Response, StatusCode, header::HeaderMap, redirect};

use super::{
    super::NotSent,
    no_connection::NoConnection,
    request::{HttpFailure, UNREACHABLE_RETRY},
    settings::{SetupError, TransportSettings},
};
use crate::domain::network::may_use_proxy;

/// To make a connection, TLS included. Half the time of a whole request when that is less, so that a connection that is
/// never made is always known as such.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection unused for longer is closed by us before Corefy closes it under a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest answer that is read, after decompression, in bytes.
pub(super) const LARGEST_ANSWER: usize = 1024 * 1024;

/// An answer as it came. Has no `Debug`: the body can hold personal data.
pub struct HttpResponse {
    /// HTTP status.
    pub status: StatusCode,
    /// Every header.
    pub headers: HeaderMap,
    /// Decompressed, whole.
    pub body: Vec<u8>,
}

/// Sends requests.
#[async_trait]
pub trait HttpSender: Debug + Send + Sync {
    /// Sends the request once, and reads the whole answer.
    ///
    /// # Errors
    /// [`HttpFailure::NotSent`] only when certainly nothing was sent.
    async fn send(&self, request: Request) -> Result<HttpResponse, HttpFailure>;
}

/// Sends over the network.
#[derive(Debug)]
pub(super) struct ReqwestSender {
    client: Client,
    timeout: Duration,
}

impl ReqwestSender {
    /// Sets up the client; connects only when something is sent.
    pub(super) fn new(settings: &TransportSettings) -> Result<Self, SetupError> {
        // Fails only when one was installed before, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = through_proxy(Client::builder(), settings)?
            .user_agent(concat!("corefy-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT.min(settings.timeout / 2))
            .pool_idle_timeout(IDLE_TIMEOUT)
            .timeout(settings.timeout)
            .build()
            .map_err(setup_error)?;
        Ok(Self { client, timeout: settings.timeout })
    }

    async fn read(&self, mut response: Response) -> Result<HttpResponse, HttpFailure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(HttpFailure::Broken(format!("the answer is larger than {LARGEST_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
    }

    /// Only a connection that could not be made proves that nothing was sent: an error on one that stood before proves
    /// nothing, however early it comes.
    fn failure(&self, error: reqwest::Error) -> HttpFailure {
        if error.is_connect() {
            let why = if error.is_timeout() { NoConnection::TimedOut } else { NoConnection::read(&error) };
            HttpFailure::NotSent { reason: NotSent::Unreachable(why), retry_after: UNREACHABLE_RETRY }
        } else if error.is_timeout() {
            HttpFailure::Broken(format!("no complete answer within {:?}", self.timeout))
        } else {
            HttpFailure::Broken(format!("the exchange broke off: {}", root_cause(error)))
        }
    }
}

#[async_trait]
impl HttpSender for ReqwestSender {
    async fn send(&self, request: Request) -> Result<HttpResponse, HttpFailure> {
        let response = self.client.execute(request).await.map_err(|error| self.failure(error))?;
        self.read(response).await
    }
}

/// A client that goes by the proxy of the settings where that is allowed; by itself reqwest would go by whatever proxy the
/// environment names, also with a card in clear.
fn through_proxy(client: ClientBuilder, settings: &TransportSettings) -> Result<ClientBuilder, SetupError> {
    match settings.proxy.as_ref().filter(|_| may_use_proxy(&settings.base_url)) {
        Some(proxy) => Ok(client.proxy(reqwest::Proxy::https(proxy.url().clone()).map_err(setup_error)?)),
        None => Ok(client.no_proxy()),
    }
}

fn setup_error(error: reqwest::Error) -> SetupError {
    SetupError::new(root_cause(error))
}

/// The innermost cause: the layers around it repeat each other, and the outermost names the URL.
fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
