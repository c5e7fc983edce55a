//! `/metrics` shows what really happened, and the documents name every metric and every alert.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use corefy_gateway::{
    domain::{
        api_key::Scope,
        decline::known_codes,
        ids::PartnerId,
        key_pair::{KeyPair, PublicKey},
        randomness::Randomness,
    },
    pb::{CreatePaymentIntentRequest, payment_intent_service_client::PaymentIntentServiceClient},
    sandbox::faults::Fault,
    telemetry::{
        catalogue::{CATALOGUE, MetricEntry, MetricKind},
        label_values::{OTHER, WEBHOOK_TYPES},
    },
};

use secrecy::ExposeSecret as _;

use crate::{
    on_both,
    support::{
        app::{TestApp, http_client, until},
        client::{Client, keyed, new_intent},
        contract::call_raw,
        database::TestDatabase,
    },
};

on_both![
    calls_and_requests_are_counted_with_their_outcomes,
    declines_are_counted_by_code,
    operations_in_doubt_are_shown_until_the_truth_is_known,
    an_operation_that_waits_for_a_person_is_shown,
    webhooks_are_counted_by_type_and_forged_ones_are_not_received,
    the_last_webhook_is_shown_with_its_time_on_every_gateway,
    a_refused_key_is_counted_by_the_check_that_refused_it,
    webhooks_that_wait_and_that_were_given_up_are_shown,
    an_open_breaker_is_shown_until_corefy_answers_again,
    replays_and_reused_keys_are_counted,
    commits_are_counted_with_their_conflicts,
    nothing_of_a_caller_is_in_the_metrics_and_no_label_is_made_up,
    the_metrics_are_on_the_sidecar_alone,
    the_backlog_is_measured_by_itself,
    a_trace_is_passed_on_to_corefy,
];

const RUNBOOKS: &str = include_str!("../../docs/alerts.md");
const ALERTS: &str = include_str!("../../docs/alerts.yml");
const ALERT_TESTS: &str = include_str!("../../docs/alerts_test.yml");

const DECLINED: &str = "4000000000009995";
const CHARGED_500: &str = "4000000000005019";
const GARBLED: &str = "4000000000002008";
const CONFIRM: &str = "corefy.gateway.v1.PaymentIntentService/ConfirmPaymentIntent";

/// One page of metrics: the value of each series, by its name with its labels as they are written.
struct MetricsPage {
    text: String,
    series: BTreeMap<String, f64>,
}

impl MetricsPage {
    /// The metrics of the gateway, with a backlog that is measured now.
    async fn of(app: &TestApp) -> Self {
        app.server.app.diagnostics.measure_backlog().await.unwrap();
        Self::as_shown(app).await
    }

    async fn as_shown(app: &TestApp) -> Self {
        let answer = http_client().get(app.http("/metrics")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let text = answer.text().await.unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let series = lines.map(|line| line.rsplit_once(' ').unwrap());
        let series = series.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect();
        Self { text, series }
    }

    /// The series' value; 0 when there is no such series.
    fn value(&self, series: &str) -> f64 {
        self.series.get(&format!("corefy_gateway_{series}")).copied().unwrap_or_default()
    }

    /// The name and the labels of each series.
    fn labels(&self) -> Vec<(&str, Vec<(&str, &str)>)> {
        self.series
            .keys()
            .map(|series| {
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                let pairs = labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
                (name, pairs.map(|pair| pair.split_once('=').unwrap()).collect())
            })
            .collect()
    }
}

/// The metric that a series with this name belongs to.
fn entry_of(series: &str) -> Option<&'static MetricEntry> {
    CATALOGUE.iter().find(|entry| match entry.kind {
        MetricKind::Histogram => {
            series.strip_prefix(entry.name).is_some_and(|rest| matches!(rest, "_bucket" | "_sum" | "_count"))
        }
        MetricKind::Counter | MetricKind::Gauge => series == entry.name,
    })
}

async fn deliver_genuine(app: &TestApp, body: &str) {
    assert_eq!(app.sandbox.send_webhook(body.to_owned(), None).await.unwrap(), 200);
}

async fn deliver_forged(app: &TestApp, body: &str) {
    assert_eq!(app.sandbox.send_webhook(body.to_owned(), Some(&"0".repeat(64))).await.unwrap(), 401);
}

async fn calls_and_requests_are_counted_with_their_outcomes(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    client.paid_intent("10.00").await;
    client.confirm("pi_0", "4111111111111111").await.unwrap_err();
    let page = MetricsPage::of(&app).await;
    for series in [
        format!(r#"rpc_calls_total{{method="{CONFIRM}",code="OK"}}"#),
        format!(r#"rpc_calls_total{{method="{CONFIRM}",code="INVALID_ARGUMENT"}}"#),
        format!(r#"rpc_duration_seconds_count{{method="{CONFIRM}",code="OK"}}"#),
        format!(r#"rpc_duration_seconds_bucket{{method="{CONFIRM}",code="OK",le="+Inf"}}"#),
        r#"upstream_requests_total{operation="payment_intent.confirm",outcome="ok",status="2xx"}"#.to_owned(),
        r#"upstream_duration_seconds_count{operation="payment_intent.confirm"}"#.to_owned(),
        r#"events_total{type="payment_intent.succeeded"}"#.to_owned(),
    ] {
        assert_eq!(page.value(&series), 1.0, "{series}\n{}", page.text);
    }
    for priority in ["create", "confirm"] {
        let series = format!(r#"upstream_limiter_wait_seconds_count{{priority="{priority}"}}"#);
        assert_eq!(page.value(&series), 1.0, "{series}\n{}", page.text);
    }
    assert!(page.value("upstream_limiter_tokens") > 1.0);
    assert!(page.text.contains("# TYPE corefy_gateway_rpc_duration_seconds histogram"), "{}", page.text);
    assert!(page.text.contains("# HELP corefy_gateway_upstream_breaker_open "), "{}", page.text);
}

async fn declines_are_counted_by_code(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    for _ in 0..2 {
        client.confirm(&intent.id, DECLINED).await.unwrap();
    }
    // Webhooks and reads report the same again.
    app.process_webhooks().await;
    client.get(&intent.id).await;
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.value(r#"declines_total{code="insufficient_funds"}"#), 2.0, "{}", page.text);
    assert_eq!(page.value(r#"events_total{type="payment_intent.payment_failed"}"#), 2.0);
}

async fn operations_in_doubt_are_shown_until_the_truth_is_known(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    app.sandbox.set_webhook_url(None);
    let before = MetricsPage::of(&app).await;
    assert_eq!(before.series[r#"corefy_gateway_operations_open{state="in_doubt"}"#], 0.0);
    assert_eq!(before.series[r#"corefy_gateway_events_total{type="payment_intent.orphan_charge"}"#], 0.0);

    let intent = client.intent("10.00").await;
    client.confirm(&intent.id, CHARGED_500).await.unwrap();
    app.clock.advance(Duration::from_secs(7));
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.value(r#"operations_open{state="in_doubt"}"#), 1.0);
    assert_eq!(page.value(r#"operations_oldest_age_seconds{state="in_doubt"}"#), 7.0);
    let unknown = r#"upstream_requests_total{operation="payment_intent.confirm",outcome="unknown",status="5xx"}"#;
    assert_eq!(page.value(unknown), 1.0, "{}", page.text);

    app.recover_after(Duration::from_secs(2)).await;
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.value(r#"operations_open{state="in_doubt"}"#), 0.0);
    assert_eq!(page.value(r#"operations_oldest_age_seconds{state="in_doubt"}"#), 0.0);
}

async fn an_operation_that_waits_for_a_person_is_shown(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let intent = client.intent("10.00").await;
    client.confirm(&intent.id, CHARGED_500).await.unwrap();
    app.sandbox.faults().fail_next(u32::MAX, "GET", "/v1/payments/{id}", Fault::WrongAmount);
    // A contradiction counts when it stays.
    app.recover_after(Duration::from_secs(5)).await;
    app.recover_after(Duration::from_secs(2)).await;
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.value(r#"operations_open{state="needs_operator"}"#), 1.0, "{}", page.text);
    assert_eq!(page.value(r#"operations_open{state="in_doubt"}"#), 0.0);
    assert_eq!(page.value(r#"events_total{type="payment_intent.orphan_charge"}"#), 1.0);
    assert_eq!(page.value(r#"events_total{type="operation.needs_operator"}"#), 1.0);
}

async fn webhooks_are_counted_by_type_and_forged_ones_are_not_received(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.series[r#"corefy_gateway_webhooks_refused_total{reason="signature"}"#], 0.0);
    deliver_genuine(&app, r#"{"event_type": "refund.succeeded", "event_id": "evt_1"}"#).await;
    deliver_genuine(&app, r#"{"event_type": "made.up.1", "event_id": "evt_2"}"#).await;
    deliver_genuine(&app, "no JSON at all").await;
    for _ in 0..3 {
        deliver_forged(&app, r#"{"event_type": "refund.failed"}"#).await;
    }
    for wrong in ["", "00", "sha256=00"] {
        assert_eq!(app.sandbox.send_webhook("{}", Some(wrong)).await.unwrap(), 401);
    }
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.value(r#"webhooks_refused_total{reason="signature"}"#), 3.0);
    for reason in ["signature_missing", "signature_malformed", "signature_prefixed"] {
        assert_eq!(page.value(&format!(r#"webhooks_refused_total{{reason="{reason}"}}"#)), 1.0, "{reason}");
    }
    assert_eq!(page.value(r#"webhooks_received_total{type="refund.succeeded"}"#), 1.0);
    assert_eq!(page.value(r#"webhooks_received_total{type="refund.failed"}"#), 0.0);
    assert_eq!(page.value(r#"webhooks_received_total{type="other"}"#), 2.0);
}

async fn webhooks_that_wait_and_that_were_given_up_are_shown(database: TestDatabase) {
    let app = TestApp::start(database).await;
    deliver_genuine(&app, r#"{"event_type": "payment.succeeded", "payment_id": "nobody"}"#).await;
    deliver_genuine(&app, "no JSON at all").await;
    app.clock.advance(Duration::from_secs(30));
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.value(r#"webhooks_unprocessed{state="waiting"}"#), 2.0);
    assert_eq!(page.value("webhooks_oldest_age_seconds"), 30.0);
    for _ in 0..12 {
        app.process_webhooks().await;
        app.clock.advance(Duration::from_secs(601));
    }
    let page = MetricsPage::of(&app).await;
    for (state, count) in [("waiting", 0.0), ("parked", 1.0), ("dead", 1.0)] {
        assert_eq!(page.value(&format!(r#"webhooks_unprocessed{{state="{state}"}}"#)), count, "{state}");
    }
    assert_eq!(page.value("webhooks_oldest_age_seconds"), 0.0);
}

async fn an_open_breaker_is_shown_until_corefy_answers_again(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    assert_eq!(MetricsPage::of(&app).await.series["corefy_gateway_upstream_breaker_open"], 0.0);
    app.sandbox.faults().fail_next(10, "POST", "/v1/payment-intents", Fault::Http(500));
    for _ in 0..11 {
        client.create_payment_intent(new_intent("10.00")).await.ok();
    }
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.value("upstream_breaker_open"), 1.0, "{}", page.text);
    let not_sent = r#"upstream_requests_total{operation="payment_intent.create",outcome="not_sent",status="none"}"#;
    assert_eq!(page.value(not_sent), 1.0, "{}", page.text);
    assert_eq!(page.value(r#"upstream_duration_seconds_count{operation="payment_intent.create"}"#), 10.0);
    app.clock.advance(Duration::from_secs(5));
    client.intent("10.00").await;
    assert_eq!(MetricsPage::of(&app).await.value("upstream_breaker_open"), 0.0);
}

async fn replays_and_reused_keys_are_counted(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    for _ in 0..3 {
        client.create_payment_intent(keyed("order-1", new_intent("10.00"))).await.unwrap();
    }
    client.create_payment_intent(keyed("order-1", new_intent("11.00"))).await.unwrap_err();
    let page = MetricsPage::of(&app).await;
    assert_eq!(page.value("idempotent_replays_total"), 2.0);
    assert_eq!(page.value("idempotency_keys_reused_total"), 1.0);
}

/// Does something of everything.
async fn be_busy(app: &TestApp, client: &Client) -> Vec<String> {
    let paid = client.paid_intent("10.00").await;
    let refund = client.refund(&paid.id, "1.00").await.unwrap();
    let doubtful = client.intent("10.00").await;
    client.confirm(&doubtful.id, CHARGED_500).await.unwrap();
    let declined = client.intent("10.00").await;
    client.confirm(&declined.id, DECLINED).await.unwrap();
    let garbled = client.intent("10.00").await;
    client.confirm(&garbled.id, GARBLED).await.unwrap();
    client.customer("jane@example.com").await;
    for path in
        ["/corefy.gateway.v1.PaymentIntentService/MadeUp", "/made.up.Service/Call", "/grpc.health.v1.Health/Check"]
    {
        call_raw(&client.channel, path, client.signed(())).await.ok();
    }
    deliver_genuine(app, r#"{"event_type": "made.up.1"}"#).await;
    deliver_forged(app, "{}").await;
    vec![paid.id, refund.id, doubtful.id, declined.id]
}

async fn commits_are_counted_with_their_conflicts(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let commits = async |outcome: &str| {
        MetricsPage::as_shown(&app).await.value(&format!("commits_total{{outcome=\"{outcome}\"}}"))
    };
    let paid = client.paid_intent("10.00").await;
    assert_eq!((commits("committed").await, commits("conflict").await), (4.0, 0.0), "each call reserves and settles");
    client.refund(&paid.id, "1.00").await.unwrap();
    assert_eq!((commits("committed").await, commits("conflict").await), (6.0, 0.0));
    let referenced = CreatePaymentIntentRequest { reference_id: "order-7".to_owned(), ..new_intent("1.00") };
    client.create_payment_intent(referenced.clone()).await.unwrap();
    client.create_payment_intent(referenced).await.unwrap_err();
    assert_eq!((commits("committed").await, commits("conflict").await), (8.0, 1.0), "the reference is taken");
}

async fn nothing_of_a_caller_is_in_the_metrics_and_no_label_is_made_up(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let ids = be_busy(&app, &client).await;
    let page = MetricsPage::of(&app).await;
    let public_key = app.key().split(':').next().unwrap();
    let told = ids.iter().map(String::as_str).chain([public_key, "acme", "Acme", "jane", "made", "MadeUp", "evt_"]);
    for word in told {
        assert!(!page.text.contains(word), "{word}\n{}", page.text);
    }
    assert!(page.value(r#"rpc_calls_total{method="other",code="UNIMPLEMENTED"}"#) >= 1.0, "{}", page.text);
    let mut shown = BTreeSet::new();
    for (name, labels) in page.labels() {
        let entry = entry_of(name).unwrap_or_else(|| panic!("{name} is in no catalogue"));
        shown.insert(entry.name);
        let names: Vec<_> = labels.iter().map(|(label, _)| *label).filter(|label| *label != "le").collect();
        assert_eq!(names, entry.labels, "{name}");
        assert_words_are_known(entry.name, &labels);
    }
    let missing: Vec<_> = CATALOGUE.iter().map(|entry| entry.name).filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "never shown: {missing:?}");
}

/// Words from outside become labels only when they are known ones.
fn assert_words_are_known(metric: &str, labels: &[(&str, &str)]) {
    let known: Vec<_> = match metric {
        "corefy_gateway_declines_total" => known_codes().collect(),
        "corefy_gateway_webhooks_received_total" => WEBHOOK_TYPES.to_vec(),
        _ => return,
    };
    for (_, value) in labels {
        let word = value.trim_matches('"');
        assert!(word == OTHER || known.contains(&word), "{metric}: {word}");
    }
}

async fn the_metrics_are_on_the_sidecar_alone(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    call_raw(&client.channel, "/metrics", client.signed(())).await.unwrap_err();
    let post = http_client().post(app.http("/metrics")).send().await.unwrap();
    assert_eq!(post.status().as_u16(), 405);
    // Another gateway of the same process has metrics of its own.
    client.paid_intent("10.00").await;
    let replica = app.replica().await;
    let own = MetricsPage::as_shown(&app).await.value(r#"events_total{type="payment_intent.succeeded"}"#);
    assert_eq!(own, 1.0);
    assert!(
        replica
            .app
            .diagnostics
            .metrics()
            .contains("corefy_gateway_events_total{type=\"payment_intent.succeeded\"} 0\n")
    );
}

async fn the_last_webhook_is_shown_with_its_time_on_every_gateway(database: TestDatabase) {
    const LAST: &str = "last_webhook_time_seconds";
    let app = TestApp::start(database).await;
    let seconds = || app.clock.now().seconds() as f64;
    assert_eq!(MetricsPage::of(&app).await.series["corefy_gateway_last_webhook_time_seconds"], 0.0);
    deliver_genuine(&app, r#"{"event_type": "customer.created", "event_id": "evt_1"}"#).await;
    let first = seconds();
    app.clock.advance(Duration::from_secs(3600));
    deliver_forged(&app, r#"{"event_type": "customer.created", "event_id": "evt_2"}"#).await;
    assert_eq!(MetricsPage::of(&app).await.value(LAST), first);
    deliver_genuine(&app, r#"{"event_type": "customer.created", "event_id": "evt_3"}"#).await;
    let replica = app.replica().await;
    replica.app.diagnostics.measure_backlog().await.unwrap();
    let shown = format!("corefy_gateway_{LAST} {}\n", seconds());
    assert!(replica.app.diagnostics.metrics().contains(&shown), "{shown}{}", replica.app.diagnostics.metrics());
}

async fn a_refused_key_is_counted_by_the_check_that_refused_it(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let (public, secret) = app.key().split_once(':').unwrap();
    let stranger = KeyPair::generate(&PartnerId::parse("acme").unwrap(), &Randomness::system())
        .expose()
        .expose_secret()
        .to_owned();
    let (unknown, other_secret) = stranger.split_once(':').unwrap();
    let expired = app.new_key(|key| key.expires_at = Some(app.clock.now())).await;
    let elsewhere = app.new_key(|key| key.allowed = vec!["10.0.0.0/8".parse().unwrap()]).await;
    let reader = app.new_key(|key| key.scopes = vec![Scope::Read]).await;
    let revoked = app.new_key(|_| {}).await;
    let name = PublicKey::parse(revoked.expose_secret().split_once(':').unwrap().0).unwrap();
    assert!(app.keys().await.revoke(&name).await.unwrap());
    for (key, check) in [
        (String::new(), "missing"),
        ("nonsense".to_owned(), "malformed"),
        (format!("{unknown}:{secret}"), "unknown"),
        (format!("{public}:{other_secret}"), "wrong_secret"),
        (expired.expose_secret().to_owned(), "expired"),
        (elsewhere.expose_secret().to_owned(), "network"),
        (reader.expose_secret().to_owned(), "scope"),
        (revoked.expose_secret().to_owned(), "revoked"),
    ] {
        let series = format!(r#"keys_refused_total{{reason="{check}"}}"#);
        assert_eq!(MetricsPage::as_shown(&app).await.value(&series), 0.0, "{check}");
        app.client_with(&key).await.create_payment_intent(new_intent("10.00")).await.unwrap_err();
        assert_eq!(MetricsPage::as_shown(&app).await.value(&series), 1.0, "{check}");
    }
}

async fn the_backlog_is_measured_by_itself(database: TestDatabase) {
    let app = TestApp::start_running(database).await;
    until("the backlog is measured", async || {
        MetricsPage::as_shown(&app).await.series.contains_key(r#"corefy_gateway_operations_open{state="in_doubt"}"#)
    })
    .await;
}

async fn a_trace_is_passed_on_to_corefy(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let client = app.client().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (given, passed_on) in
        [(&[parent][..], Some(parent)), (&["00-nonsense"], None), (&[parent, parent], None), (&[], None)]
    {
        let mut request = client.signed(new_intent("10.00"));
        for header in given {
            request.metadata_mut().append("traceparent", header.parse().unwrap());
        }
        let mut service = PaymentIntentServiceClient::new(client.channel.clone());
        service.create_payment_intent(request).await.unwrap();
        let seen = app.sandbox.requests();
        assert_eq!(seen.last().unwrap().traceparent.as_deref(), passed_on, "{given:?}");
    }
    for (given, passed_on) in [
        (&["congo=t61rcWkgMzE"][..], Some("congo=t61rcWkgMzE")),
        (&["a=1", "b=2"], Some("a=1,b=2")),
        (&["a=1", "nonsense"], None),
    ] {
        let mut request = client.signed(new_intent("10.00"));
        request.metadata_mut().append("traceparent", parent.parse().unwrap());
        for header in given {
            request.metadata_mut().append("tracestate", header.parse().unwrap());
        }
        PaymentIntentServiceClient::new(client.channel.clone()).create_payment_intent(request).await.unwrap();
        let seen = app.sandbox.requests().pop().unwrap();
        assert_eq!((seen.traceparent.as_deref(), seen.tracestate.as_deref()), (Some(parent), passed_on), "{given:?}");
    }
}

#[test]
fn names_keep_the_conventions_of_prometheus() {
    for entry in CATALOGUE {
        assert!(entry.name.starts_with("corefy_gateway_"), "{}", entry.name);
        assert_eq!(entry.name.ends_with("_total"), entry.kind == MetricKind::Counter, "{}", entry.name);
        assert!(entry.kind != MetricKind::Histogram || entry.name.ends_with("_seconds"), "{}", entry.name);
    }
}

#[test]
fn every_alert_is_about_existing_metrics_is_tested_and_has_a_runbook() {
    let alerts: BTreeSet<_> = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let told: BTreeSet<_> = RUNBOOKS.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(alerts, told);
    assert!(alerts.len() > 9, "{alerts:?}");
    let tested = |suffix: &str| {
        let names = ALERT_TESTS.lines().filter_map(|line| line.trim().strip_prefix("name: "));
        names.filter_map(|name| name.strip_suffix(suffix)).collect::<BTreeSet<_>>()
    };
    assert_eq!(alerts, tested(" fires"), "docs/alerts_test.yml");
    assert_eq!(alerts, tested(" is silent"), "docs/alerts_test.yml");
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let metrics = ALERTS.split(|letter| !is_part(letter)).filter(|word| word.starts_with("corefy_gateway_"));
    let unknown: Vec<_> = metrics.filter(|metric| entry_of(metric).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
