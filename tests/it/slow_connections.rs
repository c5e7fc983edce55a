//! Connections that cost a stranger nothing: they drip, ping or only wait. They take neither port, and come to an end. No
//! storage takes part, so these run on one database only.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use corefy_gateway::{
    port::IdleTimeouts,
    server::{Harness, Lock, Server},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::support::{
    app::{TestApp, http_client, until},
    client::{Client, new_intent},
    database::{Backend, TestDatabase},
};

/// As many connections as a port holds by default.
const MANY: usize = 1000;
/// The share of them that one address may have without an admitted call.
const SHARE: usize = 250;
/// How soon an honest caller is answered meanwhile, on a busy machine.
const SOON: Duration = Duration::from_secs(5);
/// Between two bytes of a drip.
const DRIP: Duration = Duration::from_millis(200);

/// The first bytes of a request over HTTP/1.1, which go on with any number of letters.
const HALF_A_HEADER: &[u8] = b"GET /healthz HTTP/1.1\r\nx-padding: ";
/// The opening of an HTTP/2 connection: the preface and an empty frame of settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0knockknk";

async fn start() -> TestApp {
    TestApp::start(TestDatabase::new(Backend::Sqlite).await.unwrap()).await
}

/// Lets this process have the files for both ends of all these connections.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

/// A connection that says `opening`, and then `drop` again and again until it is closed. Returns how long that took.
async fn drip(address: SocketAddr, opening: &'static [u8], drop: &'static [u8]) -> Duration {
    drip_counted(address, opening, drop, &AtomicUsize::new(0)).await
}

/// The same, counted in `opened` when it is open.
async fn drip_counted(
    address: SocketAddr,
    opening: &'static [u8],
    drop: &'static [u8],
    opened: &AtomicUsize,
) -> Duration {
    let began = Instant::now();
    let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
    opened.fetch_add(1, Ordering::Relaxed);
    let closed = async {
        let mut taken = [0; 1024];
        while from.read(&mut taken).await.is_ok_and(|count| count > 0) {}
    };
    let dripping = async {
        let mut bytes = opening;
        while to.write_all(bytes).await.is_ok() {
            bytes = drop;
            sleep(DRIP).await;
        }
    };
    tokio::select! {
        () = closed => {}
        () = dripping => {}
    }
    began.elapsed()
}

type Drip = AbortOnDropHandle<Duration>;

/// Opens very many connections that drip, and returns when they are there.
async fn many(address: SocketAddr, opening: &'static [u8], drop: &'static [u8]) -> Vec<Drip> {
    let opened = Arc::new(AtomicUsize::new(0));
    let one = || {
        let opened = opened.clone();
        AbortOnDropHandle::new(tokio::spawn(async move { drip_counted(address, opening, drop, &opened).await }))
    };
    let drips = (0..MANY).map(|_| one()).collect();
    until("they are there", async || opened.load(Ordering::Relaxed) == MANY).await;
    drips
}

fn open(drips: &[Drip]) -> usize {
    drips.iter().filter(|drip| !drip.is_finished()).count()
}

async fn get(app: &TestApp, path: &str) -> u16 {
    let answer = timeout(SOON, http_client().get(app.http(path)).send());
    answer.await.expect("answered soon").unwrap().status().as_u16()
}

/// Everything that has to be answered whatever strangers do, each over a connection of its own.
async fn everybody_is_answered(app: &TestApp) {
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(app, path).await, 200, "{path}");
    }
    let webhook = app.sandbox.send_webhook(r#"{"event_type": "refund.succeeded", "event_id": "evt_1"}"#, None);
    assert_eq!(timeout(SOON, webhook).await.expect("taken soon").unwrap(), 200);
    let client = timeout(SOON, app.client()).await.expect("connected soon");
    let call = client.create_payment_intent(new_intent("10.00"));
    timeout(SOON, call).await.expect("answered soon").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_connections_of_one_address_take_no_more_than_its_share_of_a_port() {
    allow_many_files();
    let app = start().await;
    let client = app.client().await;
    client.create_payment_intent(new_intent("10.00")).await.unwrap();
    let (http, grpc) = (app.server.http_addr, app.server.grpc_addr);
    let (on_http, on_grpc) = tokio::join!(many(http, HALF_A_HEADER, b"x"), many(grpc, PREFACE, PING));
    everybody_is_answered(&app).await;
    until("the share is left", async || open(&on_http) <= SHARE && open(&on_grpc) <= SHARE).await;
    everybody_is_answered(&app).await;
    client.create_payment_intent(new_intent("10.00")).await.expect("whoever was let in stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_connections_of_any_number_of_addresses_make_room_for_others() {
    allow_many_files();
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    // Traffic through a proxy may come from anywhere.
    let trust =
        |config: &mut corefy_gateway::config::Config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let app = TestApp::start_with(database, None, trust).await;
    let client = app.client().await;
    client.create_payment_intent(new_intent("10.00")).await.unwrap();
    let (http, grpc) = (app.server.http_addr, app.server.grpc_addr);
    let (on_http, on_grpc) = tokio::join!(many(http, HALF_A_HEADER, b"x"), many(grpc, PREFACE, PING));
    everybody_is_answered(&app).await;
    let mut more = tokio::join!(many(http, HALF_A_HEADER, b"x"), many(grpc, PREFACE, PING));
    everybody_is_answered(&app).await;
    more.0.extend(on_http);
    more.1.extend(on_grpc);
    until("no more than fit are left", async || open(&more.0) <= MANY && open(&more.1) <= MANY).await;
    client.create_payment_intent(new_intent("10.00")).await.expect("whoever was let in stays");
}

/// As long as a whole header may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_or_a_body_that_drips_is_not_waited_for() {
    const HEADER: Duration = Duration::from_secs(15);
    const BODY: Duration = Duration::from_secs(10);
    const SLACK: Duration = Duration::from_secs(10);
    let app = start().await;
    let address = app.server.http_addr;
    let post = b"POST /webhooks/corefy HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n";
    let (header, body) = tokio::join!(drip(address, HALF_A_HEADER, b"x"), drip(address, post, b"x"));
    assert!((HEADER..HEADER + SLACK).contains(&header), "header: {header:?}");
    assert!((BODY..BODY + SLACK).contains(&body), "body: {body:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_call_that_is_let_in_ends_whatever_else_it_says() {
    const TRIAL: Duration = Duration::from_secs(2);
    let app = start().await;
    let long = Duration::from_secs(600);
    let harness = Harness {
        environment: app.environment.clone(),
        without_workers: true,
        rpc_idle_timeouts: Some(IdleTimeouts { first: long, idle: long, trial: Some(TRIAL) }),
        ..Harness::default()
    };
    let server = Server::start_with(app.config().clone(), harness, Lock::Held(None)).await.unwrap();
    let client = Client::connect(server.grpc_addr, app.key()).await;
    client.create_payment_intent(new_intent("10.00")).await.unwrap();
    let pinging = tokio::spawn(drip(server.grpc_addr, PREFACE, PING));
    let stranger = Client::connect(server.grpc_addr, "nonsense").await;
    let mut health = HealthClient::new(stranger.channel.clone());
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    stranger.create_payment_intent(new_intent("10.00")).await.unwrap_err();

    let began = Instant::now();
    while watch.message().await.is_ok() {}
    assert!(began.elapsed() < TRIAL + SOON, "{:?}", began.elapsed());
    assert!(pinging.await.unwrap() >= TRIAL - DRIP);
    client.create_payment_intent(new_intent("10.00")).await.unwrap();
}
