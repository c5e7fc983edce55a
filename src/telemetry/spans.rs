//! Sends the spans of calls to a trace collector, by OTLP. Without a collector none is made, and the caller's trace is
//! passed on unchanged.
//!
//! A span holds names, ids, states and classes. Nothing else may be noted: collectors are other people's machines.

use std::{fmt, time::Duration};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, Tracer as _,
        TracerProvider as _,
    },
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider},
};

use super::trace::TraceParent;

/// How many spans wait to be sent; further ones are dropped, and the log says so.
const QUEUE: usize = 2048;
/// How many are sent at a time.
const BATCH: usize = 512;
/// How long a span waits for others to be sent with it.
const GATHER: Duration = Duration::from_secs(5);
/// How long the collector may take for a batch.
const EXPORT_LIMIT: Duration = Duration::from_secs(5);
/// How long the last spans may take at shutdown.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Nothing can be sent to the collector.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ExportError(#[from] opentelemetry_otlp::ExporterBuildError);

/// The collector, when there is one.
#[derive(Clone, Default)]
pub(super) struct Spans(Option<Exporter>);

#[derive(Clone)]
struct Exporter {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

impl Spans {
    /// Spans that go to the collector at `endpoint`, `http` or `https`, as those of the service `name`. Connects only when
    /// something is sent. Called in the runtime that the connection then lives in.
    pub(super) fn exported(endpoint: &str, name: String) -> Result<Self, ExportError> {
        let builder = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_timeout(EXPORT_LIMIT);
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(GATHER)
            .build();
        let processor = BatchSpanProcessor::builder(builder.build()?).with_batch_config(batches).build();
        let resource = Resource::builder()
            .with_service_name(name)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build();
        Ok(Self(Some(Exporter { tracer: provider.tracer(env!("CARGO_PKG_NAME")), provider })))
    }

    /// Begins a span below `parent`; without one, the first span of a new trace.
    pub(super) fn begin(&self, kind: SpanKind, name: &'static str, parent: Option<TraceParent>) -> Span {
        let Some(Exporter { tracer, .. }) = &self.0 else { return Span::none(parent) };
        let context = match parent.as_ref().and_then(remote) {
            Some(parent) => Context::new().with_remote_span_context(parent),
            None => Context::new(),
        };
        let builder = tracer.span_builder(name).with_kind(kind);
        let span = tracer.build_with_context(builder, &context);
        let context = span.span_context();
        let place = TraceParent::parse(&header(context)).map(|place| place.with_state(context.trace_state().clone()));
        Span { place, span: Some(span) }
    }

    /// Sends what is left, within [`FLUSH_LIMIT`]. Spans that end later are lost.
    pub(super) async fn flush(&self) {
        let Some(Exporter { provider, .. }) = self.0.clone() else { return };
        // It blocks its thread, in which the collector's answer would never come in.
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_LIMIT)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("the last spans did not reach the collector of traces");
        }
    }
}

fn remote(parent: &TraceParent) -> Option<SpanContext> {
    let trace_id = TraceId::from_hex(parent.trace_id()).ok()?;
    let span_id = SpanId::from_hex(parent.span_id()).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parent.flags(), 16).ok()?);
    Some(SpanContext::new(trace_id, span_id, flags, true, parent.state().clone()))
}

fn header(context: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags())
}

/// One call, from its beginning until this is dropped.
pub struct Span {
    span: Option<opentelemetry_sdk::trace::Span>,
    place: Option<TraceParent>,
}

impl Span {
    /// No span: what happens in it belongs to `parent`.
    pub fn none(parent: Option<TraceParent>) -> Self {
        Self { span: None, place: parent }
    }

    /// The position in the trace for calls within it.
    pub fn place(&self) -> Option<&TraceParent> {
        self.place.as_ref()
    }

    /// Notes an id, a name or a class.
    pub fn text(&mut self, key: &'static str, value: &str) {
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new(key, value.to_owned()));
        }
    }

    /// Notes a code.
    pub fn number(&mut self, key: &'static str, value: i64) {
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new(key, value));
        }
    }

    /// Notes that it failed, by the class of its failure.
    pub fn failed(&mut self, class: &'static str) {
        if let Some(span) = &mut self.span {
            span.set_status(Status::error(class));
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span").field("place", &self.place).finish_non_exhaustive()
    }
}
