//! Memory of streams of events that wait, in the program itself.

use std::{net::SocketAddr, time::Duration};

use corefy_gateway::{
    app::key_admin::{KeyAdmin, NewKey},
    config::local::SandboxKeys,
    domain::{api_key::Scope, environment::Environment},
    pb::{self, event_service_client::EventServiceClient, stream_events_response::Content},
    sandbox::Sandbox,
};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};
use tonic::{Streaming, codec::CompressionEncoding};

use crate::support::{
    app::start_sandbox,
    client::Client,
    database::{Backend, TestDatabase, master_key_text},
    operator::note,
    program::Program,
};

/// Streams over one connection, which takes 128 calls at a time.
const STREAMS_PER_CONNECTION: usize = 125;
const CONNECTIONS: usize = 8;
/// Memory that an idle stream may take with its share of the connection, in KiB: 1,000 of them stay below 30 MB.
const KIB_PER_STREAM: usize = 29;
/// Time in which each stream has looked for events at least twice.
const TWO_LOOKS: Duration = Duration::from_secs(3);
/// Events that each stream has brought before it waits.
const EVENTS: usize = 3;

type IdleEventMessages = Streaming<pb::StreamEventsResponse>;

#[tokio::test]
async fn a_thousand_streams_that_wait_take_less_than_30_megabytes() {
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    let key = create_key(&database).await;
    let directory = tempfile::tempdir().unwrap();
    let (sandbox, _stop) = start_sandbox(&Environment::system()).await;
    let mut program = serve(&database, &sandbox, &directory);
    let address: SocketAddr = program.word_after("grpc=").await.parse().unwrap();
    let first = Client::connect(address, &key).await;
    for _ in 0..EVENTS {
        first.intent("1.00").await;
    }
    // Creates what exists once per process before memory is measured.
    let _warm = open(&first).await;
    sleep(TWO_LOOKS).await;
    let before = program.memory_kib();

    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let client = Client::connect(address, &key).await;
        connections.spawn(async move {
            let mut streams = Vec::new();
            for _ in 0..STREAMS_PER_CONNECTION {
                streams.push(open(&client).await);
            }
            streams
        });
    }
    let streams: Vec<_> = connections.join_all().await.into_iter().flatten().collect();
    sleep(TWO_LOOKS).await;
    let per_stream = program.memory_kib().saturating_sub(before) / streams.len();
    println!("a stream that waits takes {per_stream} KiB");
    assert!(per_stream <= KIB_PER_STREAM, "a stream takes {per_stream} KiB");
}

/// A stream that has brought the events that there are, and waits for the next. It is compressed, which takes a buffer more.
async fn open(client: &Client) -> IdleEventMessages {
    let mut service = EventServiceClient::new(client.channel.clone()).accept_compressed(CompressionEncoding::Gzip);
    let request = client.signed(pb::StreamEventsRequest::default());
    let mut events = service.stream_events(request).await.unwrap().into_inner();
    for _ in 0..EVENTS {
        assert!(matches!(events.message().await.unwrap().unwrap().content, Some(Content::Event(_))));
    }
    events
}

fn serve(database: &TestDatabase, sandbox: &Sandbox, directory: &TempDir) -> Program {
    let keys = SandboxKeys::default();
    let (master_key, base_url) = (master_key_text(), sandbox.base_url());
    let variables = [
        ("COREFY_API_KEY", keys.api_key.expose_secret()),
        ("COREFY_SECRET_KEY", keys.secret_key.expose_secret()),
        ("COREFY_CLIENT_KEY", keys.client_key.expose_secret()),
        ("COREFY_BASE_URL", base_url.as_str()),
        ("DATABASE_URL", database.url()),
        ("GATEWAY_MASTER_KEY", master_key.expose_secret()),
        ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
        ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
        ("GATEWAY_KEY_STREAMS", "0"),
    ];
    Program::start(directory.path(), &["serve"], &variables)
}

async fn create_key(database: &TestDatabase) -> String {
    let new = NewKey {
        partner_name: "Acme".to_owned(),
        key_name: "streams".to_owned(),
        scopes: Scope::ALL.to_vec(),
        allowed: Vec::new(),
        expires_at: None,
    };
    let keys = KeyAdmin::new(database.store().await, Environment::system(), note());
    keys.create(new).await.unwrap().expose_secret().to_owned()
}
