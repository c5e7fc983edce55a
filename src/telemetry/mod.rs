//! The metrics and the trace of a running gateway. Imports nothing of ours: each part of the gateway counts by a metric
//! of the [`catalogue`], and traces the calls that it makes by a [`Span`].

use std::{fmt, sync::Arc, time::Duration};

use metrics::{Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use opentelemetry::trace::SpanKind;

pub mod catalogue;
pub mod label_values;
mod spans;
pub mod trace;
pub mod worker;

use catalogue::{CATALOGUE, Counter, Gauge, Histogram, MetricKind};
use spans::Spans;
pub use spans::{ExportError, Span};
use trace::TraceParent;

/// The upper bounds of the buckets of every histogram, in seconds: from a read of the database to the longest call.
const BUCKETS: [f64; 16] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Where a metric comes from; the exporter shows nothing of it.
const SOURCE: Metadata<'static> = Metadata::new(env!("CARGO_PKG_NAME"), Level::INFO, None);

/// The metrics and spans of one gateway; clones share them. Not of the process: the gateways of a test do not see each
/// other's.
///
/// Values of labels are `'static`, so that nothing from outside can become one; [`label_values`] maps such words to
/// known ones.
#[derive(Clone)]
pub struct Telemetry {
    metrics: Arc<PrometheusRecorder>,
    spans: Spans,
}

impl Default for Telemetry {
    fn default() -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("there are buckets");
        let recorder = builder.build_recorder();
        for entry in CATALOGUE {
            let describe = match entry.kind {
                MetricKind::Counter => PrometheusRecorder::describe_counter,
                MetricKind::Gauge => PrometheusRecorder::describe_gauge,
                MetricKind::Histogram => PrometheusRecorder::describe_histogram,
            };
            describe(&recorder, entry.name.into(), None, entry.help.into());
        }
        Self { metrics: Arc::new(recorder), spans: Spans::default() }
    }
}

impl Telemetry {
    /// Has spans sent by OTLP to the collector at `endpoint`, `http` or `https`, as those of the service `name`.
    pub fn exporting_spans(self, endpoint: &str, name: String) -> Result<Self, ExportError> {
        Ok(Self { spans: Spans::exported(endpoint, name)?, ..self })
    }

    /// Begins the span of a call that is made here, from `parent`.
    pub fn serving(&self, name: &'static str, parent: Option<TraceParent>) -> Span {
        self.spans.begin(SpanKind::Server, name, parent)
    }

    /// Begins the span of a call that we make, for the call that runs.
    pub fn calling(&self, name: &'static str) -> Span {
        self.spans.begin(SpanKind::Client, name, trace::current())
    }

    /// Sends the spans that were not sent yet, within seconds; later ones are lost.
    pub async fn flush_spans(&self) {
        self.spans.flush().await;
    }

    /// Counts one more.
    pub fn count<const N: usize>(&self, metric: &Counter<N>, values: [&'static str; N]) {
        self.add(metric, values, 1);
    }

    /// Shows the counter as 0 until something is counted: where it appears with its first 1, Prometheus sees no increase.
    pub fn init_zero<const N: usize>(&self, metric: &Counter<N>, values: [&'static str; N]) {
        self.add(metric, values, 0);
    }

    /// Counts `count` more.
    pub fn add<const N: usize>(&self, metric: &Counter<N>, values: [&'static str; N], count: u64) {
        self.metrics.register_counter(&key(metric.name, metric.labels, values), &SOURCE).increment(count);
    }

    /// Notes how long something took.
    pub fn time<const N: usize>(&self, metric: &Histogram<N>, values: [&'static str; N], took: Duration) {
        self.metrics.register_histogram(&key(metric.name, metric.labels, values), &SOURCE).record(took);
    }

    /// Sets how many there are.
    pub fn set<const N: usize>(&self, metric: &Gauge<N>, values: [&'static str; N], count: u32) {
        self.metrics.register_gauge(&key(metric.name, metric.labels, values), &SOURCE).set(count);
    }

    /// Sets a time in seconds.
    pub fn set_seconds<const N: usize>(&self, metric: &Gauge<N>, values: [&'static str; N], time: Duration) {
        self.metrics.register_gauge(&key(metric.name, metric.labels, values), &SOURCE).set(time);
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        self.metrics.handle().render()
    }

    /// Sorts the recorded durations into their buckets, which otherwise happens when the metrics are rendered: without
    /// it, memory would grow while no scraper asks for them.
    pub fn tidy(&self) {
        self.metrics.handle().run_upkeep();
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telemetry")
    }
}

fn key<const N: usize>(name: &'static str, labels: [&'static str; N], values: [&'static str; N]) -> Key {
    let pairs = labels.into_iter().zip(values).map(|(label, value)| Label::from_static_parts(label, value));
    Key::from_parts(name, pairs.collect::<Vec<_>>())
}
