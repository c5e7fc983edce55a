//! A whole gateway, its Corefy and a caller in one thread, by a clock that nobody waits for.

use std::{
    cell::RefCell,
    sync::{Arc, mpsc},
    time::Duration,
};

use async_trait::async_trait;
use corefy_gateway::{
    app::key_admin::{KeyAdmin, NewKey},
    config::{
        Config,
        local::{SandboxKeys, sandbox_upstream},
    },
    domain::{
        api_key::Scope,
        audit::{Actor, Note, Operator},
        clock::Timestamp,
        environment::Environment,
        master_key::MasterKey,
    },
    rpc::{self, InProcess},
    sandbox::{Sandbox, SandboxAccount, SandboxOptions},
    server::{self, Harness},
    store::{Keyring, Store},
    upstream::transport::{HttpFailure, HttpResponse, HttpSender},
};
use http_body_util::BodyExt as _;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tonic::{
    Status,
    body::Body,
    codegen::http::{HeaderMap, HeaderValue, Request, Response},
};
use tower::ServiceExt as _;

use super::corefy::NOW;

/// Calls after which a gateway is replaced by a new one, so that its database stays small.
const CALLS: usize = 2_000;
/// The origin of the pages that may call.
pub const ORIGIN: &str = "https://shop.example";
/// The time that goes by with each call.
const STEP: Duration = Duration::from_secs(1);
/// The longest that an answer may take, by the clock that nobody waits for.
const PATIENCE: Duration = Duration::from_secs(300);
/// The most parts of an answer that are read: a stream has no end.
const PARTS: usize = 4;
/// The longest answer of the sandbox, in bytes.
const LONGEST_ANSWER: usize = 1 << 20;
const MASTER_KEY: &str = "0123456789abcdef0123456789abcdef";

/// An answer to a call.
pub struct Answered {
    /// The HTTP status.
    pub http_status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The end of the call; `None` where a stream goes on, or the answer is not gRPC's.
    pub status: Option<Status>,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
}

/// The gateway.
pub struct Gateway {
    /// Its Corefy.
    pub sandbox: Sandbox,
    /// A key that may do everything, `pk_…:sk_…`.
    pub key: String,
    services: Option<Services>,
    environment: Environment,
    runtime: tokio::runtime::Runtime,
    calls: usize,
    _folder: TempDir,
}

/// The services, for callers of gRPC and for pages.
struct Services {
    of_grpc: InProcess,
    of_pages: InProcess,
}

impl Drop for Gateway {
    /// Closes the database where the runtime still is.
    fn drop(&mut self) {
        let _context = self.runtime.enter();
        self.services = None;
    }
}

/// The way to the sandbox.
#[derive(Debug)]
struct Line(Sandbox);

#[async_trait]
impl HttpSender for Line {
    async fn send(&self, request: reqwest::Request) -> Result<HttpResponse, HttpFailure> {
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec();
        let url = request.url();
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut call = axum::http::Request::new(axum::body::Body::from(body));
        *call.method_mut() = request.method().clone();
        *call.uri_mut() = path.parse().map_err(|_| HttpFailure::Broken("no path".to_owned()))?;
        *call.headers_mut() = request.headers().clone();
        let cut = || HttpFailure::Broken("the connection was cut".to_owned());
        let (parts, body) = self.0.call(call).await.ok_or_else(cut)?.into_parts();
        let body = axum::body::to_bytes(body, LONGEST_ANSWER).await.map_err(|_| cut())?;
        Ok(HttpResponse { status: parts.status, headers: parts.headers, body: body.to_vec() })
    }
}

/// Lets a law use a gateway that others have used before it, in this thread, with what `make` has made on it.
pub fn with<M, R>(
    place: &'static std::thread::LocalKey<RefCell<Option<(Gateway, M)>>>,
    make: impl FnOnce(&mut Gateway) -> M,
    law: impl FnOnce(&mut Gateway, &M) -> R,
) -> R {
    // Tokio's own place in the thread is made first, so that it goes last: the gateway's end needs it.
    let _ = tokio::runtime::Handle::try_current();
    place.with(|place| {
        let kept = place.borrow_mut().take().filter(|(gateway, _)| gateway.calls < CALLS);
        let (mut gateway, made) = kept.unwrap_or_else(|| {
            let mut gateway = Gateway::start();
            let made = make(&mut gateway);
            (gateway, made)
        });
        // One that broke a law is not used again.
        let result = law(&mut gateway, &made);
        *place.borrow_mut() = Some((gateway, made));
        result
    })
}

impl Gateway {
    fn start() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("there is room");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.expect("there is a runtime");
        let environment = Environment::from_seed(Timestamp::from_seconds(NOW), 0);
        let sandbox = Sandbox::in_process(sandbox_options(), environment.clone()).expect("the settings are right");
        let config = config(&folder, &sandbox);
        let (key, services) = runtime.block_on(async {
            // The clock would go on by itself while the database is opened, which is not in lock step.
            let (opened, opening) = mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || opening.recv());
            let key = create_key(&config, &environment).await;
            let harness = Harness {
                environment: environment.clone(),
                in_lock_step: true,
                sender: Some(Arc::new(Line(sandbox.clone()))),
                without_workers: true,
                ..Harness::default()
            };
            let app = server::build(&config, &harness).await.expect("the gateway starts");
            drop(opened);
            let of_pages = rpc::in_process_for_pages(&app, &[ORIGIN.to_owned()]);
            (key, Some(Services { of_grpc: rpc::in_process(&app), of_pages }))
        });
        Self { sandbox, key, services, environment, runtime, calls: 0, _folder: folder }
    }

    /// Makes a call of gRPC with these headers beside the key, and this body.
    pub fn call(&mut self, path: &str, headers: &[(&'static str, HeaderValue)], body: Vec<u8>) -> Answered {
        let key = HeaderValue::from_str(&format!("Bearer {}", self.key)).expect("a key is ASCII");
        let headers: Vec<_> = [("authorization", key)].into_iter().chain(headers.iter().cloned()).collect();
        self.call_as(path, &headers, body)
    }

    /// The same with these headers alone.
    pub fn call_as(&mut self, path: &str, headers: &[(&'static str, HeaderValue)], body: Vec<u8>) -> Answered {
        let mut request = request(path, headers, body);
        request.headers_mut().entry("content-type").or_insert(HeaderValue::from_static("application/grpc"));
        self.answered(|services| &services.of_grpc, request)
    }

    /// The same as a page of a browser sends it.
    pub fn call_of_page(&mut self, path: &str, headers: &[(&'static str, HeaderValue)], body: Vec<u8>) -> Answered {
        self.answered(|services| &services.of_pages, request(path, headers, body))
    }

    fn answered(&mut self, service: fn(&Services) -> &InProcess, request: Request<Body>) -> Answered {
        let service = self.services.as_ref().map(service).expect("it has them to its end").clone();
        self.calls += 1;
        self.environment.clock.advance(STEP);
        self.runtime.block_on(async {
            let asked = tokio::time::timeout(PATIENCE, service.oneshot(request)).await;
            let Ok(response) = asked.expect("there is an answer in time");
            read(response).await
        })
    }
}

fn request(path: &str, headers: &[(&'static str, HeaderValue)], body: Vec<u8>) -> Request<Body> {
    let body = Body::new(http_body_util::Full::new(axum::body::Bytes::from(body)));
    let mut request = Request::new(body);
    *request.method_mut() = reqwest::Method::POST;
    *request.uri_mut() = path.parse().expect("it is a path");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.clone());
    }
    request
}

/// The answer, of a stream its beginning.
async fn read(response: Response<Body>) -> Answered {
    let (parts, mut body) = response.into_parts();
    let mut status = Status::from_header_map(&parts.headers);
    let mut read = Vec::new();
    for _ in 0..PARTS {
        let Ok(Some(Ok(frame))) = tokio::time::timeout(STEP, body.frame()).await else { break };
        match frame.into_data() {
            Ok(data) => read.extend_from_slice(&data),
            Err(frame) => status = frame.trailers_ref().and_then(Status::from_header_map).or(status),
        }
    }
    Answered { http_status: parts.status.as_u16(), headers: parts.headers, status, body: read }
}

/// The settings of a sandbox with the keys that it has by default.
pub fn sandbox_options() -> SandboxOptions {
    let SandboxKeys { api_key, secret_key, client_key, webhook_secret, .. } = SandboxKeys::default();
    SandboxOptions {
        api_key,
        secret_key,
        client_key,
        webhook_secret,
        commerce: SandboxAccount::default(),
        webhook_url: None,
        webhooks_at_a_time: 1,
        public_url: None,
        tick: None,
    }
}

/// The default settings, without limits of what a key may do.
fn config(folder: &TempDir, sandbox: &Sandbox) -> Config {
    let line = [
        format!("--database-url=sqlite://{}", folder.path().join("gateway.db").display()),
        format!("--gateway-master-key={MASTER_KEY}"),
        "--gateway-key-rate-per-minute=0".to_owned(),
        "--gateway-key-streams=0".to_owned(),
        "--corefy-rate-limit-per-minute=1000000".to_owned(),
        "--corefy-api-key=0123456789".to_owned(),
        "--corefy-secret-key=01234567890123456789".to_owned(),
        "--corefy-client-key=0123456789".to_owned(),
    ];
    let settings = super::settings::of_line(line.map(Into::into)).expect("the settings are right");
    let config = settings.read().expect("the settings are right");
    let upstream = sandbox_upstream(&SandboxKeys::default(), sandbox.base_url());
    Config { upstream, ..config }
}

async fn create_key(config: &Config, environment: &Environment) -> String {
    let url = config.database.url.expose_secret();
    let master_key = MasterKey::new(MASTER_KEY.into());
    let keyring = Keyring::new(&master_key.into(), environment.randomness.clone());
    let store = Store::open_in_lock_step(url, 4, keyring, environment.ids.clone(), None).expect("it can be opened");
    let by = Actor::Operator(Operator { user: "jane".to_owned(), host: "bastion".to_owned() });
    let note = Note { by, reason: "a law".to_owned() };
    let keys = KeyAdmin::new(store.clone(), environment.clone(), note);
    let new = NewKey {
        partner_name: "Acme".to_owned(),
        key_name: "laws".to_owned(),
        scopes: Scope::ALL.to_vec(),
        allowed: Vec::new(),
        expires_at: None,
    };
    let key = keys.create(new).await.expect("it can be made");
    store.close().await;
    key.expose_secret().to_owned()
}
