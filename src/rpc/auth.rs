//! Who may call what: the key check around every service but health and reflection. A stream is checked as long as it
//! goes on ([`while_admitted`]).

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use tonic::{
    Status,
    body::Body,
    codegen::http::{HeaderMap, Request, Response, header::AUTHORIZATION, request::Parts},
    server::NamedService,
};
use tower::{Service, ServiceExt as _};
use tracing::Span;
use zeroize::Zeroizing;

use crate::{
    app::{App, Caller, keys::Admitted},
    error::Error,
    port::Peer,
};

use super::{
    call::Admission,
    contract::Contract,
    request::{Deadline, RequestId},
    while_admitted::WhileAdmitted,
};

/// The other header that can carry a key.
pub(super) const API_KEY: &str = "x-api-key";

/// A service behind the key check.
#[derive(Clone)]
pub(super) struct Guarded<S> {
    pub(super) service: S,
    pub(super) app: App,
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
        let Admitted { partner_id, key_id, shown, .. } = admitted;
        let stream = self.contract.is_stream(&path).then(|| (self.contract.scope(&path), request_id.clone()));
        let caller = Caller { partner_id, key_id, request_id, deadline, idempotency: None };
        parts.extensions.insert(Admission { caller, path });
        let response = self.service.oneshot(Request::from_parts(parts, body)).await?;
        Ok(match stream {
            Some((scope, request_id)) => {
                response.map(|body| WhileAdmitted::new(body, self.app, shown, scope, request_id).into())
            }
            None => response,
        })
    }
}

impl<S> Guarded<S> {
    /// Lets the call in, or says why not. The key is gone from the headers afterwards.
    async fn admit(&self, parts: &mut Parts) -> Result<Admitted, Error> {
        let pair = take_key(&mut parts.headers);
        let peer = parts.extensions.get::<Peer>();
        // An IPv4 caller of an IPv6 socket is still the IPv4 address that the key's list may name.
        let address = peer.map(|peer| peer.address.ip().to_canonical());
        // No key is refused where a wrong one is, in the same words.
        let admitted = self.app.authenticate(&pair, address).await?;
        if let Some(peer) = peer {
            peer.standing.prove();
        }

        let span = Span::current();
        span.record("partner", admitted.partner_id.as_str());
        span.record("key", admitted.key_id.as_str());

        admitted.require(self.contract.scope(parts.uri.path()))?;
        Ok(admitted)
    }
}

/// Takes the key out of the headers; empty when there is none.
fn take_key(headers: &mut HeaderMap) -> Zeroizing<String> {
    let bearer = headers.remove(AUTHORIZATION);
    let api_key = headers.remove(API_KEY);
    let bearer = bearer.as_ref().and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, pair) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| pair.trim_start())
    });
    let pair = bearer.or_else(|| api_key.as_ref()?.to_str().ok());
    Zeroizing::new(pair.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(given: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        let key = take_key(&mut headers);
        assert!(headers.is_empty(), "a key stayed in the headers");
        key.to_string()
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
}
