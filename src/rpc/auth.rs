//! The key check around every service but health and reflection. A stream is checked as long as it
//! goes on ([`super::while_admitted`]).

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::time::Instant;
use tonic::{
    Status,
    body::Body,
    codegen::http::{HeaderMap, HeaderValue, Request, Response, request::Parts},
    server::NamedService,
};
use tower::{Service, ServiceExt as _};
use tracing::Span;
use zeroize::Zeroizing;

use crate::{
    app::{
        Caller,
        keys::{Admission, Admitted},
    },
    domain::proxies::FORWARDED_FOR,
    error::{Error, Reason},
    port::Peer,
};

use super::{
    contract::Contract,
    handler::AdmittedCall,
    metadata::{API_KEY, AUTHORIZATION},
    request::Deadline,
    request_id::RequestId,
    while_admitted::WhileAdmitted,
};

/// The fault in how a key was sent, whichever key it is.
const MISSING: &str = "there is no API key; send it as metadata, authorization: Bearer pk_...:sk_...";
const NO_BEARER: &str = "the metadata authorization must be the word Bearer, a space and the API key, pk_...:sk_...";
const WHITE_SPACE: &str = "the API key ends with white space";

/// A service behind the key check.
#[derive(Clone)]
pub(super) struct Guarded<S> {
    pub(super) service: S,
    pub(super) admission: Arc<Admission>,
    pub(super) contract: Arc<Contract>,
}

impl<S: NamedService> NamedService for Guarded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let guarded = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match guarded.admit(&mut parts).await {
                Ok(admitted) => guarded.serve(admitted, parts, body).await,
                Err(error) => Ok(Status::from(error).into_http()),
            }
        })
    }
}

impl<S> Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    async fn serve(self, admitted: Admitted, mut parts: Parts, body: Body) -> Result<Response<Body>, Infallible> {
        let path = parts.uri.path().to_owned();
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let deadline = parts.extensions.get::<Deadline>().map_or_else(Instant::now, |deadline| deadline.0);
        let Admitted { partner_id, key_id, presented, .. } = admitted;
        let stream = self.contract.is_stream(&path).then(|| (self.contract.scope(&path), request_id.clone()));
        let caller = Caller { partner_id, key_id, request_id, deadline, idempotency: None };
        parts.extensions.insert(AdmittedCall { caller, path });
        let response = self.service.oneshot(Request::from_parts(parts, body)).await?;
        Ok(match stream {
            Some((scope, request_id)) => {
                response.map(|body| WhileAdmitted::new(body, self.admission, presented, scope, request_id).into())
            }
            None => response,
        })
    }
}

impl<S> Guarded<S> {
    /// Lets the call in, or says why not. The key is gone from the headers afterwards.
    async fn admit(&self, parts: &mut Parts) -> Result<Admitted, Error> {
        let (pair, fault) = take_key(&mut parts.headers);
        let peer = parts.extensions.get::<Peer>();
        let source = peer.map(|peer| {
            let forwarded = parts.headers.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes);
            self.admission.proxies().source(peer.address.ip(), peer.sender, forwarded)
        });
        // The message says how the key was sent, and nothing about any key.
        let admitted = self.admission.authenticate(&pair, source).await.map_err(|error| match fault {
            Some(fault) if error.reason == Reason::CredentialsInvalid => error.worded(fault),
            _ => error,
        })?;
        if let Some(peer) = peer {
            peer.standing.prove();
        }

        let span = Span::current();
        span.record("partner", admitted.partner_id.as_str());
        span.record("key", admitted.key_id.as_str());

        self.admission.require(&admitted, self.contract.scope(parts.uri.path()))?;
        Ok(admitted)
    }
}

/// Takes the key out of the headers; empty when there is none. Beside it, what is wrong with how it was sent.
fn take_key(headers: &mut HeaderMap) -> (Zeroizing<String>, Option<&'static str>) {
    let bearer = headers.remove(AUTHORIZATION);
    let api_key = headers.remove(API_KEY);
    let has_authorization = bearer.is_some();
    let bearer = bearer.as_ref().and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, pair) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| pair.trim_start())
    });
    let pair = bearer.or_else(|| api_key.as_ref()?.to_str().ok()).unwrap_or_default();
    let fault = match pair {
        "" if has_authorization => Some(NO_BEARER),
        "" => Some(MISSING),
        _ if pair.ends_with([' ', '\t']) => Some(WHITE_SPACE),
        _ => None,
    };
    (Zeroizing::new(pair.to_owned()), fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(given: &[(&'static str, &'static str)]) -> String {
        taken_with_fault(given).0
    }

    fn taken_with_fault(given: &[(&'static str, &'static str)]) -> (String, Option<&'static str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        let (key, fault) = take_key(&mut headers);
        assert!(headers.is_empty(), "a key stayed in the headers");
        (key.to_string(), fault)
    }

    #[test]
    fn a_key_comes_in_either_header() {
        assert_eq!(taken(&[("authorization", "Bearer pk_a:sk_b")]), "pk_a:sk_b");
        assert_eq!(taken(&[("authorization", "bearer pk_a:sk_b")]), "pk_a:sk_b");
        assert_eq!(taken(&[("x-api-key", "pk_a:sk_b")]), "pk_a:sk_b");
        assert_eq!(taken(&[("authorization", "Basic eA=="), ("x-api-key", "pk_a:sk_b")]), "pk_a:sk_b");
    }

    #[test]
    fn what_is_no_key_is_taken_as_none() {
        for given in [&[][..], &[("authorization", "Bearer")], &[("authorization", "pk_a:sk_b")], &[("x-api-key", "")]]
        {
            assert_eq!(taken(given), "", "{given:?}");
        }
    }

    #[test]
    fn how_a_key_was_sent_wrongly_is_told_apart() {
        let fault = |given: &[(&'static str, &'static str)]| taken_with_fault(given).1;
        assert_eq!(fault(&[]), Some(MISSING));
        assert_eq!(fault(&[("x-api-key", "")]), Some(MISSING));
        for scheme in ["Bearer", "pk_a:sk_b", "Basic eA==", ""] {
            assert_eq!(fault(&[("authorization", scheme)]), Some(NO_BEARER), "{scheme}");
        }
        assert_eq!(fault(&[("authorization", "Bearer pk_a:sk_b ")]), Some(WHITE_SPACE));
        assert_eq!(fault(&[("x-api-key", "pk_a:sk_b\t")]), Some(WHITE_SPACE));
        assert_eq!(fault(&[("authorization", "Bearer nonsense")]), None);
    }
}
