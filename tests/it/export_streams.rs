//! Books over gRPC.

use std::time::Duration;

use corefy_gateway::{
    app::audit::AuditLog,
    domain::{audit::AuditFilter, clock::Timestamp, environment::Environment},
    pb,
};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming, transport::Channel};

use crate::{
    exports::many,
    on_both,
    store_contract::objects::{NOW, after},
    support::{
        app::{START, TestApp, until},
        client::{Client, reason},
        database::TestDatabase,
        refusal::refused,
    },
};

on_both![
    books_are_streamed_in_whole_lines_and_go_on_behind_any_cursor,
    slow_readers_are_few_for_a_key_and_keep_nobody_from_the_database,
    an_export_that_would_have_gaps_is_refused_with_every_field_that_is_wrong,
];

/// The payments of the partner Acme: two thirds of all.
const COUNT: i64 = 4500;

fn wire(time: Timestamp) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: time.seconds(), nanos: 0 })
}

fn payments() -> pb::ExportRequest {
    pb::ExportRequest {
        kind: pb::ExportKind::Payments.into(),
        created_from: wire(NOW),
        created_before: wire(after(COUNT)),
        ..Default::default()
    }
}

async fn all(mut stream: Streaming<pb::ExportResponse>) -> Result<Vec<pb::ExportResponse>, Status> {
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await? {
        messages.push(message);
    }
    Ok(messages)
}

fn text(messages: &[pb::ExportResponse]) -> String {
    messages.iter().map(|message| str::from_utf8(&message.rows).unwrap()).collect()
}

async fn books_are_streamed_in_whole_lines_and_go_on_behind_any_cursor(database: TestDatabase) {
    many(&database, COUNT).await;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let whole = all(client.export(payments()).await.unwrap()).await.unwrap();
    assert!(whole.len() > 5, "{}", whole.len());
    for message in &whole {
        assert!(message.rows.len() <= 64 * 1024 && message.rows.ends_with(b"\n"));
        assert!(!message.cursor.is_empty());
    }
    let lines: Vec<_> = text(&whole).lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("partner_id,id,reference_id,"));
    assert_eq!(lines.len(), 3001);
    assert!(lines[1..].iter().all(|line| line.starts_with("acme,pi_")), "no other partner's");
    assert_eq!(whole.iter().map(|message| message.row_count).sum::<u32>(), 3000);
    for place in [0, 2, whole.len() - 1] {
        let request = pb::ExportRequest { cursor: whole[place].cursor.clone(), ..payments() };
        let rest = all(client.export(request).await.unwrap()).await.unwrap();
        assert!(text(&whole[..=place]) + &text(&rest) == text(&whole), "behind {place}");
    }

    let jsonl = pb::ExportRequest { format: pb::ExportFormat::Jsonl.into(), created_before: None, ..payments() };
    let first = all(client.export(jsonl.clone()).await.unwrap()).await.unwrap();
    let row: serde_json::Value = serde_json::from_str(text(&first).lines().next().unwrap()).unwrap();
    assert_eq!(row["amount"], "100.00");
    let cursor = first[0].cursor.clone();
    let other = app.client_of(|key| key.partner_name = "Other".to_owned()).await;
    for (caller, request) in [
        (&other, pb::ExportRequest { cursor: cursor.clone(), ..jsonl.clone() }),
        (&client, pb::ExportRequest { cursor: cursor.clone(), ..payments() }),
        (&client, pb::ExportRequest { cursor, kind: pb::ExportKind::Refunds.into(), ..jsonl }),
    ] {
        assert_eq!(fields(caller, request).await, ["cursor"]);
    }
    let entries = AuditLog::new(app.database.store().await, Environment::system());
    let entries = entries.list(&AuditFilter::default(), 100).await.unwrap();
    let exports: Vec<_> = entries.iter().filter(|entry| entry.action == "books.export").collect();
    assert_eq!(exports.len(), 5, "each call that was not refused");
    assert!(exports.iter().all(|entry| entry.actor == app.key().split_once(':').unwrap().0));
}

/// The fields for which the request is refused.
async fn fields(client: &Client, request: pb::ExportRequest) -> Vec<String> {
    let refusal = refused(client.export(request).await.map(|_| ()));
    assert_eq!((refusal.code, refusal.reason.as_str()), (Code::InvalidArgument, "FIELDS_INVALID"), "{refusal:?}");
    refusal.fields
}

async fn slow_readers_are_few_for_a_key_and_keep_nobody_from_the_database(database: TestDatabase) {
    many(&database, COUNT).await;
    let app = TestApp::start(database).await;
    let (mut readers, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let client = narrow_client(&app).await;
        for _ in 0..2 {
            readers.push(client.export(payments()).await.unwrap());
        }
        let refusal = refused(client.export(payments()).await.map(|_| ()));
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::ResourceExhausted, "EXPORTS_LIMITED"));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(5)));
        clients.push(client);
    }
    // More readers that take nothing in than there are connections to the database. Over another connection: theirs are full.
    let client = app.client().await;
    for _ in 0..5 {
        let intent = timeout(Duration::from_secs(20), client.intent("10.00")).await.unwrap();
        assert_eq!(client.get(&intent.id).await.id, intent.id);
    }
    readers.truncate(1);
    until("the key has room again", async || client_has_room(&clients[1]).await).await;
    let messages = all(readers.remove(0)).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.row_count).sum::<u32>(), 3000, "it goes on where it was");
}

/// A client over a connection that takes no more than a message ahead, with a key of its own. The server's end holds some more, but
/// not half of the rows.
async fn narrow_client(app: &TestApp) -> Client {
    const WINDOW: u32 = 65_535;
    let endpoint = Channel::from_shared(format!("http://{}", app.server.grpc_addr)).unwrap();
    let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    Client::over(endpoint.connect().await.unwrap(), app.new_key(|_| {}).await.expose_secret())
}

async fn client_has_room(client: &Client) -> bool {
    match client.export(payments()).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(reason(&status), "EXPORTS_LIMITED");
            false
        }
    }
}

async fn an_export_that_would_have_gaps_is_refused_with_every_field_that_is_wrong(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let wrong = pb::ExportRequest { kind: 7, format: 9, cursor: "é".to_owned(), ..Default::default() };
    assert_eq!(fields(&client, wrong).await, ["created_from", "cursor", "format", "kind"]);
    let minutes = |minutes: i64| Timestamp(START.0 - minutes * 60 * 1_000_000);
    let range = |from, before| pb::ExportRequest {
        created_from: wire(minutes(from)),
        created_before: wire(minutes(before)),
        ..payments()
    };
    assert_eq!(fields(&client, range(60, 4)).await, ["created_before"]);
    assert_eq!(fields(&client, range(5, 5)).await, ["created_from"]);
    let empty = all(client.export(range(6, 5)).await.unwrap()).await.unwrap();
    assert_eq!((empty.len(), empty[0].row_count, empty[0].cursor.as_str()), (1, 0, ""));
}
