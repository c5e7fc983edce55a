//! Authenticates us to the `intents` API: the credentials, and the headers made of them.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use crate::domain::clock::Clock;
use crate::upstream::signature::sign_request;
use crate::upstream::transport::{Authorize, HttpRequest, SetupError};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const CLIENT_KEY: HeaderName = HeaderName::from_static("x-client-key");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The credentials that Corefy gave the merchant.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Sent as bearer token and as `X-API-Key`.
    pub api_key: SecretString,
    /// Signs requests, is never sent.
    pub secret_key: SecretString,
    /// Sent as `X-Client-Key`.
    pub client_key: SecretString,
    /// Any of them verifies a webhook: the current one, and one that it replaces.
    pub webhook_secrets: Vec<SecretString>,
}

impl Credentials {
    /// Fails when a key cannot stand in a header.
    pub fn check(&self) -> Result<(), SetupError> {
        self.headers().map(|_| ())
    }

    /// The headers that are the same for each request.
    fn headers(&self) -> Result<HeaderMap, SetupError> {
        let api_key = self.api_key.expose_secret();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, sensitive("API key", &format!("Bearer {api_key}"))?);
        headers.insert(API_KEY, sensitive("API key", api_key)?);
        headers.insert(CLIENT_KEY, sensitive("client key", self.client_key.expose_secret())?);
        headers.insert(reqwest::header::ACCEPT, HeaderValue::from_static("application/json"));
        Ok(headers)
    }
}

/// The headers that are made of the credentials as they are when something is sent.
pub struct CredentialHeaders {
    credentials: watch::Receiver<Credentials>,
    clock: Clock,
}

impl CredentialHeaders {
    /// Fails when a key cannot stand in a header.
    pub fn new(credentials: watch::Receiver<Credentials>, clock: Clock) -> Result<Self, SetupError> {
        credentials.borrow().check()?;
        Ok(Self { credentials, clock })
    }
}

fn sensitive(name: &str, value: &str) -> Result<HeaderValue, SetupError> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| SetupError::new(format!("the {name} has characters that no header can carry")))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Authorize for CredentialHeaders {
    fn headers(&self, request: &HttpRequest<'_>, path: &str) -> HeaderMap {
        let seconds = self.clock.now().seconds();
        let credentials = self.credentials.borrow();
        let signature = sign_request(&credentials.secret_key, request.method.as_str(), path, &request.body, seconds);
        // Credentials are checked before they are replaced. Without its keys a request is refused.
        let mut headers = credentials.headers().unwrap_or_default();
        headers.insert(TIMESTAMP, HeaderValue::from(seconds));
        let ascii = |text: &str| HeaderValue::from_str(text).expect("hex digits and our ids are ASCII");
        headers.insert(SIGNATURE, ascii(&signature));
        headers.extend(request.idempotency_key.map(|key| (IDEMPOTENCY_KEY, ascii(key))));
        headers
    }
}

impl fmt::Debug for CredentialHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}
