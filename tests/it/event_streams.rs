//! Streams of events, over the wire.

use std::{num::NonZeroU32, time::Duration};

use corefy_gateway::{
    domain::key_pair::PublicKey,
    pb::{self, event_service_client::EventServiceClient, stream_events_response::Content},
};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming, transport::Channel};

use crate::support::{
    app::{START, TestApp, until},
    client::{APPROVED, Client, new_intent, reason},
    database::TestDatabase,
    refusal::refused,
};

crate::on_both!(
    a_stream_brings_what_was_and_goes_on_with_what_happens,
    a_stream_goes_on_after_the_last_event_that_was_taken_in,
    a_stream_brings_only_what_was_asked_for,
    an_idle_stream_says_every_15_seconds_that_it_lives_and_where_to_go_on,
    an_event_that_is_not_kept_is_no_beginning,
    a_stream_says_at_once_when_it_has_caught_up,
    a_stream_comes_past_any_number_of_events_that_do_not_fit,
    a_reader_goes_on_with_another_filter_and_another_view,
    a_stream_of_another_gateway_s_events_is_told_at_once,
    a_stream_ends_with_the_gateway_and_says_where_to_go_on,
    a_reader_who_is_too_slow_is_told_where_to_go_on,
    a_stream_ends_on_every_gateway_when_its_key_is_revoked,
    a_stream_ends_when_its_key_expires_or_fits_no_more,
    a_key_has_a_bounded_number_of_streams_and_gets_another_when_one_has_ended,
);

type EventMessages = Streaming<pb::StreamEventsResponse>;

async fn stream(client: &Client, request: pb::StreamEventsRequest) -> Result<EventMessages, Status> {
    let mut service = EventServiceClient::new(client.channel.clone());
    Ok(service.stream_events(client.signed(request)).await?.into_inner())
}

async fn next(events: &mut EventMessages) -> pb::Event {
    loop {
        let message = events.message().await.unwrap().expect("the stream does not end");
        if let Some(Content::Event(event)) = message.content {
            return event;
        }
    }
}

async fn kinds(events: &mut EventMessages, count: usize) -> Vec<String> {
    let mut kinds = Vec::new();
    for _ in 0..count {
        kinds.push(next(events).await.r#type);
    }
    kinds
}

async fn a_stream_brings_what_was_and_goes_on_with_what_happens(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    let mut events = stream(&client, pb::StreamEventsRequest::default()).await.unwrap();
    assert_eq!(kinds(&mut events, 1).await, ["payment_intent.created"]);
    client.confirm(&intent.id, APPROVED).await.unwrap();
    client.refund(&intent.id, "4.00").await.unwrap();
    let expected = ["payment_intent.succeeded", "refund.created", "refund.succeeded"];
    assert_eq!(kinds(&mut events, 3).await, expected);
    app.clock.advance(Duration::from_secs(30));
    until("the reader has all", async || shown(&app, "event_streams_lag_seconds") == "0").await;
    assert_eq!(shown(&app, "event_streams"), "1");
    drop(events);
    until("the stream is closed", async || shown(&app, "event_streams") == "0").await;
}

async fn a_stream_goes_on_after_the_last_event_that_was_taken_in(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.paid_intent("10.00").await;
    let mut events = stream(&client, pb::StreamEventsRequest::default()).await.unwrap();
    let first = next(&mut events).await;
    let second = next(&mut events).await;
    drop(events);
    let request = pb::StreamEventsRequest { after_event_id: first.id, ..Default::default() };
    let mut events = stream(&client, request).await.unwrap();
    assert_eq!(next(&mut events).await, second, "at least once, in the same order");

    let request = pb::StreamEventsRequest { only_new: true, ..Default::default() };
    let mut events = stream(&client, request).await.unwrap();
    client.intent("20.00").await;
    assert_eq!(kinds(&mut events, 1).await, ["payment_intent.created"], "what was before is left out");
}

/// The value of a metric without labels.
fn shown(app: &TestApp, metric: &str) -> String {
    let page = app.server.app.diagnostics.metrics();
    let line = page.lines().find(|line| line.starts_with(&format!("corefy_gateway_{metric} ")));
    line.and_then(|line| line.rsplit(' ').next()).unwrap().to_owned()
}

async fn a_stream_brings_only_what_was_asked_for(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let types = vec!["refund.succeeded".to_owned()];
    let mut events = stream(&client, pb::StreamEventsRequest { types, ..Default::default() }).await.unwrap();
    let intent = client.paid_intent("10.00").await;
    let refund = client.refund(&intent.id, "4.00").await.unwrap();
    let event = next(&mut events).await;
    assert_eq!((event.r#type.as_str(), event.object_id), ("refund.succeeded", refund.id));
    let other = app.client_of(|new| new.partner_name = "Other".to_owned()).await;
    let mut events = stream(&other, pb::StreamEventsRequest::default()).await.unwrap();
    other.intent("1.00").await;
    assert_eq!(kinds(&mut events, 1).await, ["payment_intent.created"], "nothing of another partner's");
}

async fn an_idle_stream_says_every_15_seconds_that_it_lives_and_where_to_go_on(database: TestDatabase) {
    /// Longer than it takes the gateway to look at the clock.
    const A_LOOK: Duration = Duration::from_millis(1500);
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let types = vec!["refund.succeeded".to_owned()];
    let mut events = stream(&client, pb::StreamEventsRequest { types, ..Default::default() }).await.unwrap();
    client.paid_intent("10.00").await;
    let last = client.events(pb::ListEventsRequest::default()).await.unwrap().events.pop().unwrap();

    // It has caught up for the first time, before the payment or after it.
    let Some(Content::Heartbeat(first)) = events.message().await.unwrap().unwrap().content else { panic!("an event") };
    assert!(first.caught_up && first.sequence <= last.sequence);

    app.clock.advance(Duration::from_millis(14_999));
    assert!(timeout(A_LOOK, events.message()).await.is_err(), "15 seconds are not over");
    for silences in 1..=2 {
        app.clock.advance(Duration::from_millis(1));
        let Some(Content::Heartbeat(heartbeat)) = events.message().await.unwrap().unwrap().content else {
            panic!("nothing happened that was asked for");
        };
        assert_eq!(heartbeat.sent_at.unwrap().seconds, START.seconds() + 15 * silences);
        assert_eq!(heartbeat.resume_after_event_id, last.id, "it came past what was not asked for");
        assert_eq!((heartbeat.sequence, heartbeat.caught_up), (last.sequence, true));
        app.clock.advance(Duration::from_millis(14_999));
    }
}

async fn an_event_that_is_not_kept_is_no_beginning(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.paid_intent("10.00").await;
    let events = client.events(pb::ListEventsRequest::default()).await.unwrap().events;
    let after = |id: &str| pb::StreamEventsRequest { after_event_id: id.to_owned(), ..Default::default() };
    let never = stream(&client, after(&format!("evt_{}", "0".repeat(32)))).await.unwrap_err();
    assert_eq!((never.code(), reason(&never).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
    app.database.execute("DELETE FROM events WHERE position = 1").await;
    let refused = stream(&client, after(&events[0].id)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::OutOfRange, "EVENT_NOT_KEPT"));
    assert_eq!(fact(&refused, "oldest_event_id"), events[1].id);
}

async fn a_stream_says_at_once_when_it_has_caught_up(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut events = stream(&client, pb::StreamEventsRequest::default()).await.unwrap();
    let nothing = events.message().await.unwrap().unwrap().content;
    let Some(Content::Heartbeat(nothing)) = nothing else { panic!("nothing happened") };
    assert_eq!((nothing.resume_after_event_id.as_str(), nothing.sequence, nothing.caught_up), ("", 0, true));
    client.paid_intent("10.00").await;
    let mut again = stream(&client, pb::StreamEventsRequest::default()).await.unwrap();
    let (_, last) = (next(&mut again).await, next(&mut again).await);
    let Some(Content::Heartbeat(heartbeat)) = again.message().await.unwrap().unwrap().content else {
        panic!("no more")
    };
    assert_eq!((heartbeat.resume_after_event_id, heartbeat.sequence, heartbeat.caught_up), (last.id, 2, true));
}

async fn a_stream_comes_past_any_number_of_events_that_do_not_fit(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let first = client.intent("10.00").await;
    // Imitates 50,000 events of others meanwhile: more than one look passes over, even in all of them.
    app.database.execute("UPDATE event_sequence SET last = last + 50000").await;
    client.customer("jane@example.com").await;
    let types = vec!["customer.*".to_owned()];
    let mut events = stream(&client, pb::StreamEventsRequest { types, ..Default::default() }).await.unwrap();
    let found = next(&mut events).await;
    assert_eq!((found.r#type.as_str(), found.sequence), ("customer.created", 50_002));
    let request = pb::StreamEventsRequest { object_id: first.payment_id.clone(), ..Default::default() };
    let mut events = stream(&client, request).await.unwrap();
    assert_eq!(next(&mut events).await.object_id, first.id);
    client.confirm(&first.id, APPROVED).await.unwrap();
    assert_eq!(next(&mut events).await.r#type, "payment_intent.succeeded", "the customer is left out");
}

async fn a_reader_goes_on_with_another_filter_and_another_view(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.paid_intent("10.00").await;
    client.refund(&intent.id, "4.00").await.unwrap();
    let types = vec!["payment_intent.*".to_owned()];
    let mut events = stream(&client, pb::StreamEventsRequest { types, ..Default::default() }).await.unwrap();
    let last = next(&mut events).await;
    let request = pb::StreamEventsRequest {
        types: vec!["refund.succeeded".to_owned()],
        view: pb::EventView::Full.into(),
        after_event_id: last.id,
        ..Default::default()
    };
    let mut events = stream(&client, request).await.unwrap();
    assert_eq!(kinds(&mut events, 1).await, ["refund.succeeded"]);
}

async fn a_stream_of_another_gateway_s_events_is_told_at_once(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let replica = app.replica().await;
    let there = Client::connect(replica.grpc_addr, app.key()).await;
    let mut events = stream(&there, pb::StreamEventsRequest::default()).await.unwrap();
    app.client().await.intent("10.00").await;
    assert_eq!(kinds(&mut events, 1).await, ["payment_intent.created"]);
}

async fn a_stream_ends_with_the_gateway_and_says_where_to_go_on(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.intent("10.00").await;
    let mut events = stream(&client, pb::StreamEventsRequest::default()).await.unwrap();
    let last = next(&mut events).await;
    let stopping = tokio::spawn(app.server.stop());
    // It may have said before that it has caught up.
    let ended = loop {
        match events.message().await {
            Ok(message) => assert!(matches!(message.unwrap().content, Some(Content::Heartbeat(_)))),
            Err(ended) => break ended,
        }
    };
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    assert_eq!(fact(&ended, "resume_after_event_id"), last.id);
    stopping.await.unwrap();
}

async fn a_reader_who_is_too_slow_is_told_where_to_go_on(database: TestDatabase) {
    const MORE_THAN_FITS: usize = 150;
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let mut reader = client.clone();
    let narrow = Channel::from_shared(format!("http://{}", app.server.grpc_addr)).unwrap();
    let narrow = narrow.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    reader.channel = narrow.connect().await.unwrap();
    let full = pb::StreamEventsRequest { view: pb::EventView::Full.into(), ..Default::default() };
    let mut events = stream(&reader, full).await.unwrap();
    let large = (0..20).map(|place| (format!("key{place}"), "x".repeat(500))).collect();
    let large = pb::CreatePaymentIntentRequest { metadata: large, ..new_intent("10.00") };
    for _ in 0..MORE_THAN_FITS {
        client.create_payment_intent(large.clone()).await.unwrap();
    }
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(shown(&app, "event_streams_lag_seconds"), "30");
    // The reader takes nothing in until its time is over; the feed looks at the clock a few times a second.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        app.clock.advance(Duration::from_secs(61));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut last = String::new();
    let mut taken = 0;
    let ended = loop {
        match events.message().await {
            Ok(Some(pb::StreamEventsResponse { content: Some(Content::Event(event)) })) => last = event.id,
            Ok(Some(_)) => continue,
            Ok(None) => panic!("the stream ends with a reason"),
            Err(ended) => break ended,
        }
        taken += 1;
    };
    assert_eq!((ended.code(), reason(&ended).as_str()), (Code::Aborted, "EVENT_READER_TOO_SLOW"));
    assert_eq!(fact(&ended, "resume_after_event_id"), last);
    assert!(taken < MORE_THAN_FITS, "not all fitted into the connection: {taken}");
}

async fn a_key_has_a_bounded_number_of_streams_and_gets_another_when_one_has_ended(database: TestDatabase) {
    let limit = NonZeroU32::new(2);
    let app = TestApp::start_with(database, None, |config| config.streams_per_key = limit).await;
    let (client, other) = (app.client().await, app.client_of(|_| {}).await);
    let first = stream(&client, pb::StreamEventsRequest::default()).await.unwrap();
    // Over another connection: the key counts.
    let again = app.client().await;
    let mut second = stream(&again, pb::StreamEventsRequest::default()).await.unwrap();
    for caller in [&client, &again] {
        let refusal = refused(stream(caller, pb::StreamEventsRequest::default()).await);
        assert_eq!((refusal.code, refusal.reason.as_str()), (Code::ResourceExhausted, "EVENT_STREAMS_LIMITED"));
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(5)));
    }
    stream(&other, pb::StreamEventsRequest::default()).await.unwrap();
    client.intent("10.00").await;
    assert_eq!(kinds(&mut second, 1).await, ["payment_intent.created"], "those that are open go on");
    drop(first);
    until("the key has room again", async || stream(&client, pb::StreamEventsRequest::default()).await.is_ok()).await;
}

fn fact(status: &Status, key: &str) -> String {
    use tonic_types::StatusExt as _;
    status.get_details_error_info().unwrap().metadata[key].clone()
}

/// Reads until the stream ends, and answers why it did.
async fn ending(events: &mut EventMessages) -> (Code, String) {
    let ended = timeout(Duration::from_secs(10), async {
        loop {
            match events.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ends with a reason"),
                Err(ended) => return ended,
            }
        }
    });
    let ended = ended.await.expect("the stream ends soon");
    (ended.code(), reason(&ended))
}

async fn a_stream_ends_on_every_gateway_when_its_key_is_revoked(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let replica = app.replica().await;
    let (here, there) = (app.client().await, Client::connect(replica.grpc_addr, app.key()).await);
    let other = app.client_of(|_| {}).await;
    let mut streams = Vec::new();
    for client in [&here, &there, &other] {
        streams.push(stream(client, pb::StreamEventsRequest::default()).await.unwrap());
    }
    let revoked = PublicKey::parse(app.key().split_once(':').unwrap().0).unwrap();
    assert!(app.keys().await.revoke(&revoked).await.unwrap());
    app.clock.advance(Duration::from_secs(10));
    for events in &mut streams[..2] {
        assert_eq!(ending(events).await, (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned()));
    }
    // The feeds are closed, too; the stream of another key of the same partner goes on.
    until("the streams are closed", async || shown(&app, "event_streams") == "1").await;
    other.intent("10.00").await;
    assert_eq!(kinds(&mut streams[2], 1).await, ["payment_intent.created"]);
}

async fn a_stream_ends_when_its_key_expires_or_fits_no_more(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let invalid = (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned());
    let scope = (Code::PermissionDenied, "SCOPE_MISSING".to_owned());
    let changes = [("expires_at = 1", &invalid), ("allowed = '10.0.0.0/8'", &invalid), ("scopes = 'write'", &scope)];
    for (change, expected) in changes {
        let key = app.new_key(|_| {}).await.expose_secret().to_owned();
        let client = app.client_with(&key).await;
        let mut events = stream(&client, pb::StreamEventsRequest::default()).await.unwrap();
        let id = key.split_once(':').unwrap().0;
        app.database.execute(&format!("UPDATE api_keys SET {change} WHERE id = '{id}'")).await;
        app.clock.advance(Duration::from_secs(10));
        assert_eq!(ending(&mut events).await, *expected, "{change}");
        let call = client.events(pb::ListEventsRequest::default()).await.unwrap_err();
        assert_eq!((call.code(), reason(&call)), *expected, "as a call: {change}");
    }
}
