//! Authenticates us to the `intents` API: the credentials, and the headers made of them.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

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

/// The keys in the form in which they are sent.
pub struct CredentialHeaders {
    fixed: HeaderMap,
    secret_key: SecretString,
    clock: Clock,
}

impl CredentialHeaders {
    /// Fails when a key cannot stand in a header.
    pub fn new(credentials: &Credentials, clock: Clock) -> Result<Self, SetupError> {
        let api_key = credentials.api_key.expose_secret();
        let mut fixed = HeaderMap::new();
        fixed.insert(AUTHORIZATION, sensitive("API key", &format!("Bearer {api_key}"))?);
        fixed.insert(API_KEY, sensitive("API key", api_key)?);
        fixed.insert(CLIENT_KEY, sensitive("client key", credentials.client_key.expose_secret())?);
        fixed.insert(reqwest::header::ACCEPT, HeaderValue::from_static("application/json"));
        Ok(Self { fixed, secret_key: credentials.secret_key.clone(), clock })
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
        let signature = sign_request(&self.secret_key, request.method.as_str(), path, &request.body, seconds);
        let mut headers = self.fixed.clone();
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
