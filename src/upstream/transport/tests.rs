//! The outcomes of calls, over real HTTP.

use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;
use url::Url;

use super::super::scripted::{Scripted, ScriptedStep, answer, environment, no_log, nowhere, settings, transport};
use super::super::{Call, Error, NotSent, Scheduling};
use super::sender::LARGEST_ANSWER;
use super::*;
use crate::domain::api_call::{ApiCall, CallOutcome};
use crate::domain::clock::Timestamp;
use crate::domain::{
    ids::{Ids, OperationId},
    network::Proxy,
};
use crate::upstream::intents::REDACT;

struct NoKeys;

impl Authorize for NoKeys {
    fn headers(&self, _: &HttpRequest<'_>, _: &str) -> HeaderMap {
        HeaderMap::new()
    }
}

async fn read(transport: &Transport) -> Result<HttpAnswer, Error> {
    transport
        .send(&HttpRequest::read("test.read", "/v1/things/{id}", Scheduling::of(Priority::Read)).with_id("a"), &NoKeys)
        .await
}

async fn post(transport: &Transport) -> Result<HttpAnswer, Error> {
    let operation_id = OperationId::generate(&Ids::system());
    let call = Call {
        operation_id: &operation_id,
        request_id: "request",
        not_after: Timestamp(i64::MAX),
        scheduling: Scheduling::of(Priority::Create),
    };
    transport.send(&HttpRequest::mutation("test.post", "/v1/things", call).with_body(&"body"), &NoKeys).await
}

fn class(outcome: &Result<HttpAnswer, Error>) -> String {
    match outcome {
        Ok(answer) => answer.status.as_u16().to_string(),
        Err(Error::NotSent { reason: NotSent::Unreachable(_), .. }) => "Unreachable".to_owned(),
        Err(Error::NotSent { reason, .. }) => format!("{reason:?}"),
        Err(Error::Unknown(_)) => "unknown".to_owned(),
        Err(Error::Protocol(_)) => "protocol".to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

/// Why a post that has no connection has none.
pub(super) async fn post_fails(transport: &Transport) -> NoConnection {
    match post(transport).await {
        Err(Error::NotSent { reason: NotSent::Unreachable(why), .. }) => why,
        other => panic!("{}", class(&other)),
    }
}

fn redirect() -> ScriptedStep {
    ScriptedStep::HttpAnswer(302, vec![("location", "/elsewhere".to_owned())], String::new())
}

#[tokio::test]
async fn a_post_is_sent_once_whatever_leaves_its_outcome_open() {
    let too_large = answer(200, "x".repeat(LARGEST_ANSWER + 1));
    let statuses = [408, 429, 500, 502, 503, 504].map(|status| answer(status, "{}"));
    for step in statuses.into_iter().chain([redirect(), ScriptedStep::Hang, ScriptedStep::BreakOff, too_large]) {
        let server = Scripted::start([step.clone(), answer(200, "{}")]).await;
        let hurried = TransportSettings { timeout: Duration::from_millis(300), ..settings(server.url.clone()) };
        let outcome = post(&transport(hurried)).await;
        assert_eq!(class(&outcome), "unknown", "{step:?}");
        assert_eq!(server.seen().len(), 1, "{step:?}");
    }
}

#[tokio::test]
async fn a_refusal_in_corefy_s_words_is_an_answer_and_is_not_repeated() {
    for status in [400, 401, 403, 404, 409, 422] {
        let server = Scripted::start([answer(status, r#"{"error_code": "refused"}"#)]).await;
        let transport = transport(settings(server.url.clone()));
        assert_eq!(class(&post(&transport).await), status.to_string());
        assert_eq!(class(&read(&transport).await), status.to_string());
        assert_eq!(server.seen().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_of_something_on_the_way_proves_nothing_and_is_not_repeated() {
    for status in [400, 401, 403, 404, 413, 421, 424, 425, 499] {
        for body in ["", "{}", "<html>", r#"{"message": "Forbidden"}"#] {
            let server = Scripted::start([answer(status, body)]).await;
            let transport = transport(settings(server.url.clone()));
            assert_eq!(class(&post(&transport).await), "unknown", "{status} {body}");
            assert_eq!(class(&read(&transport).await), "protocol", "{status} {body}");
            assert_eq!(server.seen().len(), 2, "{status} {body}");
        }
    }
}

#[tokio::test]
async fn a_read_is_repeated_until_it_succeeds() {
    let failures = [408, 429, 500].map(|status| answer(status, ""));
    let server = Scripted::start(failures.into_iter().chain([answer(200, "{}")])).await;
    assert_eq!(class(&read(&transport(settings(server.url.clone()))).await), "200");
    assert_eq!(server.seen().len(), 4);

    let server = Scripted::start([ScriptedStep::BreakOff, answer(200, "{}")]).await;
    assert_eq!(class(&read(&transport(settings(server.url.clone()))).await), "200");

    let server = Scripted::start([ScriptedStep::Hang, answer(200, "{}")]).await;
    let hurried = TransportSettings { timeout: Duration::from_millis(500), ..settings(server.url.clone()) };
    assert_eq!(class(&read(&transport(hurried)).await), "200");
}

#[tokio::test]
async fn a_read_is_given_up_after_its_retries_and_when_time_is_over() {
    let server = Scripted::start([answer(503, "")]).await;
    let once = TransportSettings { retries: 1, ..settings(server.url.clone()) };
    assert_eq!(class(&read(&transport(once)).await), "protocol");
    assert_eq!(server.seen().len(), 2);

    let server = Scripted::start([ScriptedStep::Hang]).await;
    let hurried = TransportSettings { timeout: Duration::from_millis(500), ..settings(server.url.clone()) };
    assert_eq!(class(&read(&transport(hurried)).await), "protocol");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Scripted::start([redirect(), answer(200, "{}")]).await;
    assert_eq!(class(&read(&transport(settings(server.url.clone()))).await), "protocol");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_read_waits_as_long_as_it_is_asked_to() {
    let busy = ScriptedStep::HttpAnswer(429, vec![("retry-after", "1".to_owned())], String::new());
    let server = Scripted::start([busy, answer(200, "{}")]).await;
    let started = Instant::now();
    assert_eq!(class(&read(&transport(settings(server.url.clone()))).await), "200");
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let transport = transport(TransportSettings { retries: 1, ..settings(nowhere()) });
    assert_eq!(class(&post(&transport).await), "Unreachable");
    assert_eq!(class(&read(&transport).await), "Unreachable");
}

#[tokio::test]
async fn a_post_that_could_not_connect_is_sent_once_somebody_listens() {
    // Until it listens it refuses connections, and nobody else can be given its port.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = silent.local_addr().unwrap();
    let transport =
        transport(TransportSettings { retries: 20, ..settings(Url::parse(&format!("http://{address}")).unwrap()) });
    let (outcome, ()) = tokio::join!(post(&transport), async {
        tokio::task::yield_now().await;
        let listener = silent.listen(1).unwrap();
        exchange(&mut listener.accept().await.unwrap().0).await;
    });
    assert_eq!(class(&outcome), "200");
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_no_connection() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("https://{}", silent.local_addr().unwrap())).unwrap();
    let hurried = TransportSettings { timeout: Duration::from_millis(400), retries: 0, ..settings(url) };
    assert_eq!(class(&post(&transport(hurried)).await), "Unreachable");
}

/// Reads a request and answers it.
async fn exchange(connection: &mut tokio::net::TcpStream) {
    let mut buffer = [0; 4096];
    assert!(connection.read(&mut buffer).await.unwrap() > 0);
    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_post_leaves_its_outcome_open() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let connections = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        exchange(&mut connection).await;
        let _ = connection.read(&mut [0; 4096]).await;
        drop(connection);
        tokio::time::timeout(Duration::from_millis(300), listener.accept()).await.is_ok()
    });
    let transport = transport(settings(url));
    assert_eq!(class(&post(&transport).await), "200");
    assert_eq!(class(&post(&transport).await), "unknown");
    assert!(!connections.await.unwrap(), "the request was sent again");
}

#[tokio::test]
async fn after_failures_in_a_row_nothing_is_sent_until_a_probe_succeeds() {
    let failures = vec![answer(500, ""); breaker::FAILURES_TO_OPEN as usize];
    let server = Scripted::start(failures.into_iter().chain([answer(200, "{}")])).await;
    let environment = environment();
    let clock = environment.clock.clone();
    let transport = Transport::new(settings(server.url.clone()), environment.clone(), no_log()).unwrap();
    for _ in 0..breaker::FAILURES_TO_OPEN {
        assert_eq!(class(&post(&transport).await), "unknown");
    }
    assert_eq!(class(&post(&transport).await), "CircuitOpen");
    assert!(matches!(post(&transport).await, Err(Error::NotSent { retry_after: breaker::COOL_DOWN, .. })));
    assert_eq!(server.seen().len(), breaker::FAILURES_TO_OPEN as usize);
    clock.advance(breaker::COOL_DOWN);
    assert_eq!(class(&post(&transport).await), "200");
    assert_eq!(class(&post(&transport).await), "200");
}

#[tokio::test]
async fn refusals_do_not_open_the_circuit() {
    let server = Scripted::start([answer(429, "")]).await;
    let transport = transport(settings(server.url.clone()));
    for _ in 0..2 * breaker::FAILURES_TO_OPEN {
        assert_eq!(class(&post(&transport).await), "unknown");
    }
}

#[tokio::test]
async fn refusals_of_something_on_the_way_open_the_circuit_and_do_not_close_it() {
    for on_the_way in [answer(403, "<html>blocked</html>"), answer(404, ""), redirect()] {
        let failures = vec![on_the_way.clone(); breaker::FAILURES_TO_OPEN as usize + 1];
        let server = Scripted::start(failures.into_iter().chain([answer(404, r#"{"error_code": "not_found"}"#)])).await;
        let environment = environment();
        let clock = environment.clock.clone();
        let transport = Transport::new(settings(server.url.clone()), environment.clone(), no_log()).unwrap();
        for _ in 0..breaker::FAILURES_TO_OPEN {
            assert_eq!(class(&post(&transport).await), "unknown", "{on_the_way:?}");
        }
        assert_eq!(class(&post(&transport).await), "CircuitOpen", "{on_the_way:?}");
        clock.advance(breaker::COOL_DOWN);
        assert_eq!(class(&post(&transport).await), "unknown", "the probe: {on_the_way:?}");
        assert_eq!(class(&post(&transport).await), "CircuitOpen", "{on_the_way:?}");
        clock.advance(breaker::COOL_DOWN);
        assert_eq!(class(&post(&transport).await), "404", "Corefy itself: {on_the_way:?}");
        assert_eq!(class(&post(&transport).await), "404", "{on_the_way:?}");
    }
}

#[tokio::test]
async fn a_call_beyond_the_rate_limit_is_not_sent() {
    let server = Scripted::start([answer(200, "{}")]).await;
    let transport = transport(TransportSettings { rate_per_minute: 1, ..settings(server.url.clone()) });
    assert_eq!(class(&post(&transport).await), "200");
    let refused = post(&transport).await;
    assert!(
        matches!(&refused, Err(Error::NotSent { reason: NotSent::RateLimited, retry_after }) if retry_after.as_secs() >= 59),
        "{}",
        class(&refused)
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn paths_are_put_behind_the_base_url_and_ids_stay_one_segment() {
    let server = Scripted::start([answer(200, "{}")]).await;
    for (base, id, expected) in [
        ("", "a", "/v1/things/a"),
        ("/api", "a", "/api/v1/things/a"),
        ("/api/", "a", "/api/v1/things/a"),
        ("", "a/b?c#d", "/v1/things/a%2Fb%3Fc%23d"),
    ] {
        let transport = transport(settings(server.url.join(base).unwrap()));
        let request = HttpRequest::read("test.read", "/v1/things/{id}", Scheduling::of(Priority::Read)).with_id(id);
        transport.send(&request, &NoKeys).await.map_err(|error| error.to_string()).map(drop).unwrap();
        assert_eq!(server.seen()[0].path, expected);
    }
}

#[tokio::test]
async fn errors_do_not_name_the_address() {
    let server = Scripted::start([ScriptedStep::BreakOff]).await;
    let error = post(&transport(settings(server.url.clone()))).await.map(drop).unwrap_err().to_string();
    assert!(!error.contains("127.0.0.1") && !error.contains("http://"), "{error}");
}

#[test]
fn only_web_addresses_are_taken() {
    for url in ["ftp://corefy.test", "mailto:a@corefy.test", "unix:/run/corefy"] {
        assert!(Transport::new(settings(Url::parse(url).unwrap()), environment(), no_log()).is_err(), "{url}");
    }
}

#[tokio::test]
async fn every_request_is_counted_by_what_came_of_it() {
    let body = r#"{"error_code": "refused"}"#;
    let server = Scripted::start([200, 404, 500, 302, 429].map(|status| answer(status, body))).await;
    let telemetry = Telemetry::default();
    let once = |url| transport(TransportSettings { retries: 0, ..settings(url) }).with_telemetry(telemetry.clone());
    let corefy = once(server.url.clone());
    for _ in 0..3 {
        read(&corefy).await.ok();
    }
    for _ in 0..2 {
        post(&corefy).await.ok();
    }
    assert!(post(&once(nowhere())).await.is_err());
    let page = telemetry.render();
    for (operation, outcome, status) in [
        ("test.read", "ok", "2xx"),
        ("test.read", "rejected", "4xx"),
        ("test.read", "protocol", "5xx"),
        ("test.post", "unknown", "3xx"),
        ("test.post", "unknown", "4xx"),
        ("test.post", "not_sent", "none"),
    ] {
        let labels = format!(r#"operation="{operation}",outcome="{outcome}",status="{status}""#);
        let line = format!("corefy_gateway_upstream_requests_total{{{labels}}} 1\n");
        assert!(page.contains(&line), "{line}{page}");
    }
}

/// The records of what `call` does before a Corefy with this script.
async fn logged(script: Vec<ScriptedStep>, call: impl AsyncFnOnce(&Transport)) -> Vec<ApiCall> {
    let server = Scripted::start(script).await;
    let (log, mut records) = CallLog::new(REDACT);
    let transport =
        Transport::new(TransportSettings { retries: 1, ..settings(server.url.clone()) }, environment(), log).unwrap();
    call(&transport).await;
    let mut calls = Vec::new();
    records.take(&mut calls, usize::MAX);
    calls
}

#[tokio::test]
async fn every_attempt_is_logged_on_its_own() {
    let headers = vec![("retry-after", "0".to_owned()), ("set-cookie", "secret".to_owned())];
    let script = vec![ScriptedStep::HttpAnswer(503, headers, "busy".to_owned()), answer(200, r#"{"id": "a"}"#)];
    let calls = logged(script, async |transport| drop(read(transport).await)).await;
    let told: Vec<_> = calls.iter().map(|call| (call.outcome, call.http_status, call.error_code.as_deref())).collect();
    assert_eq!(told, [(CallOutcome::Unclear, Some(503), Some("http_503")), (CallOutcome::Succeeded, Some(200), None)]);
    assert_eq!((calls[0].path.as_str(), calls[0].upstream_id.as_deref()), ("/v1/things/{id}", Some("a")));
    let kept: Vec<_> = calls[0].exchange.response_headers.keys().map(String::as_str).collect();
    assert!(kept.contains(&"retry-after") && !kept.contains(&"set-cookie"), "{kept:?}");
    assert_eq!(calls[0].exchange.response_body, "\"[not JSON, 4 bytes]\"");
    assert_eq!(calls[1].exchange.response_body, r#"{"id":"a"}"#);
}

#[tokio::test]
async fn what_was_refused_cut_or_never_sent_is_logged_as_such() {
    let refused = answer(422, r#"{"error_code": "CardRefused", "message": "4111111111111111"}"#);
    let calls = logged(vec![refused, ScriptedStep::BreakOff], async |transport| {
        let _ = (post(transport).await, post(transport).await);
    })
    .await;
    let told: Vec<_> = calls.iter().map(|call| (call.outcome, call.error_code.as_deref().unwrap())).collect();
    assert_eq!(told, [(CallOutcome::Rejected, "card_refused"), (CallOutcome::Unclear, "no_answer")]);
    assert!(calls[0].operation_id.is_some() && calls[0].request_id == "request");
    assert!(calls[1].exchange.error.starts_with("the exchange broke off"), "{:?}", calls[1]);
    assert!(!format!("{calls:?}").contains("4111111111111111"));

    let (log, mut records) = CallLog::new(REDACT);
    let transport =
        Transport::new(TransportSettings { retries: 0, ..settings(nowhere()) }, environment(), log).unwrap();
    assert_eq!(class(&post(&transport).await), "Unreachable");
    let mut calls = Vec::new();
    records.take(&mut calls, usize::MAX);
    assert_eq!((calls.len(), calls[0].outcome, calls[0].http_status), (1, CallOutcome::NotSent, None));
    assert_eq!(calls[0].exchange.error, "no connection: nothing listens there");
}

/// A proxy that answers every request with 403, and what it was sent.
async fn proxy() -> (Proxy, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::parse(&format!("http://user:pass@{}", listener.local_addr().unwrap())).unwrap();
    let seen = std::sync::Arc::<std::sync::Mutex<Vec<String>>>::default();
    let requests = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let length = stream.read(&mut buffer).await.unwrap_or_default();
            requests.lock().unwrap().push(String::from_utf8_lossy(&buffer[..length]).into_owned());
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.ok();
        }
    });
    (proxy, seen)
}

#[tokio::test]
async fn a_proxy_is_never_asked_for_this_machine_and_never_in_clear() {
    let (proxy, seen) = proxy().await;
    let server = Scripted::start([answer(200, "{}")]).await;
    let by_name = format!("http://localhost:{}", server.url.port().unwrap());
    for url in [server.url.as_str(), &by_name] {
        let transport =
            transport(TransportSettings { proxy: Some(proxy.clone()), ..settings(Url::parse(url).unwrap()) });
        assert_eq!(class(&post(&transport).await), "200", "{url}");
    }
    for url in ["https://127.0.0.1:1", "https://[::1]:1", "https://localhost:1", "http://corefy.invalid"] {
        let settings =
            TransportSettings { retries: 0, proxy: Some(proxy.clone()), ..settings(Url::parse(url).unwrap()) };
        assert_eq!(class(&post(&transport(settings)).await), "Unreachable", "{url}");
    }
    assert!(seen.lock().unwrap().is_empty(), "{seen:?}");

    let far = settings(Url::parse("https://corefy.invalid").unwrap());
    let tunnelled = transport(TransportSettings { retries: 0, proxy: Some(proxy), ..far });
    assert_eq!(post_fails(&tunnelled).await, NoConnection::ProxyRefused);
    let seen = seen.lock().unwrap();
    assert!(seen.len() == 1 && seen[0].starts_with("CONNECT corefy.invalid:443 "), "{seen:?}");
    assert!(!seen[0].contains("/v1/things") && !seen[0].contains("body"), "{seen:?}");
    assert!(!format!("{tunnelled:?}").contains("pass@"));
}

#[tokio::test]
async fn another_host_is_called_by_the_same_transport_with_a_query_that_is_encoded() {
    let (own, other) = (Scripted::start([answer(200, "")]).await, Scripted::start([answer(200, "")]).await);
    let transport = transport(settings(own.url.clone()));
    let base_url = other.url.join("/gate/").unwrap();
    let request = HttpRequest::read("test.read", "/things/", Scheduling::of(Priority::Read))
        .at(&base_url)
        .with_query("filter[reference_id]", "a&b=c d")
        .with_query("page", "1");
    transport.send(&request, &NoKeys).await.unwrap();
    assert_eq!(other.seen()[0].path, "/gate/things/?filter%5Breference_id%5D=a%26b%3Dc+d&page=1");
    assert!(own.seen().is_empty());
}

#[tokio::test]
async fn a_question_with_a_body_is_repeated_as_any_read() {
    let server = Scripted::start([answer(503, ""), answer(200, "")]).await;
    let question = HttpRequest::question("test.ask", "/things", Scheduling::of(Priority::Read)).with_body(&"body");
    transport(settings(server.url.clone())).send(&question, &NoKeys).await.unwrap();
    let seen: Vec<_> = server.seen().iter().map(|seen| (seen.method.to_string(), seen.json())).collect();
    assert_eq!(seen, [("POST".to_owned(), "body".into()), ("POST".to_owned(), "body".into())]);
}

#[tokio::test]
async fn a_call_without_a_key_is_still_logged_with_its_operation() {
    let operation_id = OperationId::generate(&Ids::system());
    let calls = logged(vec![answer(200, "{}")], async |transport| {
        let scheduling = Scheduling::of(Priority::Create);
        let (request_id, not_after) = ("request", Timestamp(i64::MAX));
        let call = Call { operation_id: &operation_id, request_id, not_after, scheduling };
        let request = HttpRequest::mutation("test.post", "/v1/things", call).without_key();
        transport.send(&request, &NoKeys).await.unwrap();
    })
    .await;
    assert_eq!(calls[0].operation_id.as_ref(), Some(&operation_id));
    assert!(!calls[0].exchange.request_headers.contains_key("idempotency-key"));
}
