//! Authenticates us to the hosts of the commerce API: the credentials, and the headers made of them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use crate::upstream::transport::{Authorize, HttpRequest, SetupError};

/// The credentials of a commerce account.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account, `coma_…`: the user of the private API.
    pub account_id: String,
    /// The password of the private API.
    pub api_key: SecretString,
    /// `sk_live_…`, or `sk_test_…` in test mode. Any of them verifies a callback: the current one, and one that it replaces.
    pub webhook_secrets: Vec<SecretString>,
    /// `pk_…`: names the account to the public API, and is no secret.
    pub public_key: Option<String>,
}

impl Credentials {
    /// Fails when the credentials cannot stand in a header.
    pub fn check(&self) -> Result<(), SetupError> {
        if self.account_id.contains(':') {
            return Err(SetupError::new("the account id has a colon, which parts it from the API key"));
        }
        Ok(())
    }
}

/// The headers of the private API, made of the credentials as they are when something is sent.
#[derive(Debug)]
pub struct PrivateHeaders(pub watch::Receiver<Credentials>);

impl Authorize for PrivateHeaders {
    fn headers(&self, _: &HttpRequest<'_>, _: &str) -> HeaderMap {
        AuthorizationHeaders::private(&self.0.borrow()).0
    }
}

/// Headers that authenticate a request: the same for each of one kind.
pub struct AuthorizationHeaders(HeaderMap);

impl AuthorizationHeaders {
    fn private(Credentials { account_id, api_key, .. }: &Credentials) -> Self {
        let user = STANDARD.encode(format!("{account_id}:{}", api_key.expose_secret()));
        Self::with(Some(&format!("Basic {user}")))
    }

    /// The headers of the Card Gate, by the token of an invoice.
    pub fn card_gate(token: &SecretString) -> Self {
        Self::with(Some(&format!("Bearer {}", token.expose_secret())))
    }

    /// The headers of the public API, which wants none: the key is in the body.
    pub fn public() -> Self {
        Self::with(None)
    }

    fn with(authorization: Option<&str>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // A token that no header can carry is none that Corefy gave; without one the request is refused.
        if let Some(mut value) = authorization.and_then(|text| HeaderValue::from_str(text).ok()) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Self(headers)
    }
}

impl Authorize for AuthorizationHeaders {
    fn headers(&self, _: &HttpRequest<'_>, _: &str) -> HeaderMap {
        self.0.clone()
    }
}

impl fmt::Debug for AuthorizationHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizationHeaders")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(account_id: &str) -> Credentials {
        Credentials {
            account_id: account_id.to_owned(),
            api_key: "apikey-EXAMPLE".into(),
            webhook_secrets: vec!["sk_test_1".into()],
            public_key: None,
        }
    }

    #[test]
    fn the_private_api_is_told_account_and_key() {
        let headers = AuthorizationHeaders::private(&credentials("coma_EXAMPLE"));
        assert_eq!(headers.0[AUTHORIZATION], "Basic Y29tYV9FWEFNUExFOmFwaWtleS1FWEFNUExF");
        assert!(credentials("coma_EXAMPLE").check().is_ok() && credentials("coma:1").check().is_err());
        let printed = format!("{headers:?} {:?} {:?}", headers.0, credentials("coma_EXAMPLE"));
        assert!(!printed.contains("apikey") && !printed.contains("Y29") && !printed.contains("sk_test"), "{printed}");
    }

    #[test]
    fn the_card_gate_is_told_the_token_alone() {
        let headers = AuthorizationHeaders::card_gate(&"a.b.c".into());
        assert_eq!(headers.0[AUTHORIZATION], "Bearer a.b.c");
        assert!(!AuthorizationHeaders::card_gate(&"a\nb".into()).0.contains_key(AUTHORIZATION));
        assert!(!AuthorizationHeaders::public().0.contains_key(AUTHORIZATION));
    }
}
