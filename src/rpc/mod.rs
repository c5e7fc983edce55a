//! The gRPC server. tonic is used here and nowhere else.
//!
//! A call passes, from the outside in:
//! 1. [`web`]: CORS and the translation of grpc-web, so that all that is inside sees gRPC alone. Around the whole port and
//!    not around each service, for refusals made by [`request`] are to be translated too.
//! 2. [`request`]: id, trace, log line, deadline and panics. Around all else, so that whatever happens inside has an id, an end
//!    and a line, and every refusal gets its details in one place ([`status`]).
//! 3. [`auth`], but for health and reflection: before the body is read, so that strangers cost little.
//! 4. tonic: sizes, compression, decoding.
//! 5. the handler, in the file named like the service: [`fields`] → use case → answer.

use std::{convert::Infallible, iter, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tokio_stream::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    codec::CompressionEncoding::Gzip,
    codegen::http::{Request, Response},
    service::Routes,
    transport::{Server, server::Connected},
};
use tower::{Layer as _, Service, util::BoxCloneSyncService};

use crate::{
    app::App,
    pb::{
        customer_service_server::CustomerServiceServer, event_service_server::EventServiceServer,
        export_service_server::ExportServiceServer, gateway_service_server::GatewayServiceServer,
        payment_intent_service_server::PaymentIntentServiceServer,
        payment_method_service_server::PaymentMethodServiceServer, refund_service_server::RefundServiceServer,
        risk_service_server::RiskServiceServer,
    },
    port::{Connection, IdleTimeouts, Peer, Port},
};

use auth::Guarded;
use contract::Contract;
use handlers::Handlers;
use health::Health;
use sizes::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};

mod access_log;
mod api_calls;
mod attempts;
mod auth;
mod cards;
mod chargebacks;
mod confirmation;
pub(crate) mod contacts;
mod contract;
mod customers;
mod deadline;
mod event_stream;
mod event_view;
mod events;
mod exports;
mod fields;
mod filters;
mod formats;
mod gateway;
mod handler;
mod handlers;
mod health;
mod masks;
mod metadata;
mod network_references;
mod next_action;
mod operations;
mod payment_intents;
mod payment_methods;
mod reconciliation;
mod refunds;
mod request;
mod request_id;
mod risk;
mod risk_decisions;
mod risk_lists;
mod risk_reviews;
mod risk_rules;
mod sizes;
mod states;
mod status;
mod timeline;
mod timestamps;
mod web;
mod while_admitted;
/// Calls at one time on one connection.
const MAX_CONCURRENT_STREAMS: u32 = 128;
/// The headers of a request, in bytes as HTTP/2 counts them. A key, an id and an idempotency key need less than a tenth.
const MAX_HEADER_LIST_BYTES: u32 = 16 * 1024;
/// Calls that a client may have reset before we came to them (rapid reset); a connection with more is closed.
const MAX_PENDING_RESETS: usize = 20;
/// Calls that we may have to reset for a client's mistakes; a connection with more is closed.
const MAX_RESETS_BY_US: usize = 256;
/// How long a connection may be silent before we ask whether it is alive.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(60);
/// How long the answer to that may take.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How old a connection may grow, so that clients spread over replicas again.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(30 * 60);
/// How long a connection may be silent. HTTP/2 is never, for its pings are answered; over HTTP/1.1 nothing moves while a call
/// runs, so this is longer than the longest deadline.
/// A connection has half a minute to make a call that is let in; health checks and pings are none.
pub const IDLE_TIMEOUTS: IdleTimeouts = IdleTimeouts {
    first: Duration::from_secs(10),
    idle: deadline::MAX_DEADLINE.saturating_add(Duration::from_secs(30)),
    trial: Some(Duration::from_secs(30)),
};
/// How long the calls on an old connection may still take: the longest deadline and a little.
const MAX_CONNECTION_AGE_GRACE: Duration = deadline::MAX_DEADLINE.saturating_add(Duration::from_secs(10));

/// Serves on `port` until `drain`, also pages of `web_origins` (such as `https://shop.example`); then takes no more connections and returns when the running calls have ended.
/// How long that may take is the caller's business: dropping the future waits for them no longer. They run in tasks of
/// tonic's own, which end with the process.
///
/// # Errors
/// When tonic cannot serve at all.
pub async fn serve(
    port: Port,
    app: App,
    web_origins: &[String],
    drain: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let contract = Arc::new(Contract::read());
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = Health::start(reporter, contract.clone()).await;
    let routes = services(&app, &contract, &drain).add_service(health_service);
    let rpc_app = app.clone();

    Server::builder()
        // grpc-web may come over it.
        .accept_http1(true)
        .http2_max_header_list_size(MAX_HEADER_LIST_BYTES)
        .http2_max_pending_accept_reset_streams(Some(MAX_PENDING_RESETS))
        .http2_max_local_error_reset_streams(Some(MAX_RESETS_BY_US))
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_connection_age(MAX_CONNECTION_AGE)
        .max_connection_age_grace(MAX_CONNECTION_AGE_GRACE)
        .layer(web::layers(web_origins))
        .layer(tower::layer::layer_fn(move |routes| each_call(routes, &rpc_app)))
        .add_routes(routes)
        .serve_with_incoming_shutdown(connections(port), health.follow(app.diagnostics, drain))
        .await
}

/// The services as one, which a generated client takes in the place of a connection.
pub type InProcess = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The services for callers in the same process: all that the port serves, without a port.
pub fn in_process(app: &App) -> InProcess {
    let routes = services(app, &Arc::new(Contract::read()), &CancellationToken::new());
    BoxCloneSyncService::new(each_call(routes, app))
}

/// The same as pages of these origins reach them.
pub fn in_process_for_pages(app: &App, web_origins: &[String]) -> InProcess {
    BoxCloneSyncService::new(web::layers(web_origins).layer(in_process(app)))
}

/// The services with what is around each call, whatever its service.
fn each_call(
    routes: Routes,
    app: &App,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static
+ use<> {
    let (telemetry, ids) = (app.diagnostics.telemetry().clone(), app.payments.ids().clone());
    tower::service_fn(move |request| {
        let (routes, telemetry, ids) = (routes.clone(), telemetry.clone(), ids.clone());
        async move { request::serve(routes, telemetry, &ids, request).await }
    })
}

/// The connections that come in at the port, which is closed when the stream is dropped.
fn connections(port: Port) -> impl Stream<Item = Result<Connection, Infallible>> {
    let port = Arc::new(Mutex::new(port));
    tokio_stream::iter(iter::repeat(port)).then(|port| async move { Ok(port.lock().await.accept().await) })
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer()
    }
}

/// All services but health. Those of the protos are limited and behind the key check.
fn services(app: &App, contract: &Arc<Contract>, drain: &CancellationToken) -> Routes {
    let handlers = Arc::new(Handlers { app: app.clone(), drain: drain.clone() });
    macro_rules! guarded {
        ($server:ident) => {
            Guarded {
                service: $server::from_arc(handlers.clone())
                    .accept_compressed(Gzip)
                    .send_compressed(Gzip)
                    .max_decoding_message_size(MAX_REQUEST_BYTES)
                    .max_encoding_message_size(MAX_RESPONSE_BYTES),
                admission: app.admission.clone(),
                contract: contract.clone(),
            }
        };
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(crate::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // So that grpcurl can show the details of errors.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    Routes::new(guarded!(PaymentIntentServiceServer))
        .add_service(guarded!(RefundServiceServer))
        .add_service(guarded!(CustomerServiceServer))
        .add_service(guarded!(PaymentMethodServiceServer))
        .add_service(guarded!(EventServiceServer))
        .add_service(guarded!(ExportServiceServer))
        .add_service(guarded!(RiskServiceServer))
        .add_service(guarded!(GatewayServiceServer))
        .add_service(reflection().build_v1().expect("the compiler wrote the descriptors"))
        .add_service(reflection().build_v1alpha().expect("the compiler wrote the descriptors"))
}
