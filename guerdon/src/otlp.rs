//! Sends spans to an OpenTelemetry collector: OTLP, protobuf over HTTP.
//!
//! OpenTelemetry's own batch processor and exporter do it, on a thread of theirs. A queue that is
//! full loses spans, and never keeps a request waiting.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{Request, Response};
use event_store::with_causes;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind as OtelKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value as OtelValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanProcessor as _,
};
use tokio::runtime::Handle;
use trace::{Collect, EndedSpan, SpanKind, Value};
use uuid::Uuid;

use crate::http_client::{body_within, http_client};

/// How many spans wait for the collector; those beyond are lost. A trace has about six.
const QUEUE_SPANS_MAX: usize = 16_384;

/// How often spans are sent.
const SEND_EVERY: Duration = Duration::from_secs(1);

/// How long the collector may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How much of its answer is read: it says little.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends spans.
#[derive(Debug)]
pub(crate) struct Otlp {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
}

impl Otlp {
    /// Begins to send to the collector at this address.
    pub(crate) fn start(url: &str) -> anyhow::Result<Self> {
        let client = Client {
            http: http_client()?,
            runtime: Handle::current(),
            is_failing: AtomicBool::new(false),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{url}/v1/traces"))
            .with_timeout(ANSWER_MAX)
            .build()
            .context("can't send traces")?;
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_SPANS_MAX)
            .with_scheduled_delay(SEND_EVERY)
            .build();
        let mut processor = BatchSpanProcessor::new(exporter, config);
        let version = env!("CARGO_PKG_VERSION");
        let resource = Resource::builder()
            .with_attribute(KeyValue::new("service.name", service_name()))
            .with_attribute(KeyValue::new("service.version", version))
            .with_attribute(KeyValue::new("service.instance.id", Uuid::now_v7().to_string()))
            .build();
        processor.set_resource(&resource);
        let scope = InstrumentationScope::builder("guerdon").with_version(version).build();
        Ok(Self { processor, scope })
    }

    /// Sends what waits; blocks until then.
    pub(crate) fn end(&self, within: Duration) {
        if let Err(error) = self.processor.shutdown_with_timeout(within) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// `guerdon`, unless OpenTelemetry's own variable has another.
fn service_name() -> String {
    crate::command_line::variable("OTEL_SERVICE_NAME").unwrap_or_else(|| "guerdon".into())
}

impl Collect for Otlp {
    fn collect(&self, span: EndedSpan) {
        self.processor.on_end(span_data(span, self.scope.clone()));
    }
}

fn span_data(span: EndedSpan, instrumentation_scope: InstrumentationScope) -> SpanData {
    let EndedSpan { at, parent, kind, name, begun_at, ended_at, attributes, error } = span;
    let (trace_id, span_id) = (TraceId::from_bytes(at.trace_id), SpanId::from_bytes(at.span_id));
    let flags = if at.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let span_kind = match kind {
        SpanKind::Internal => OtelKind::Internal,
        SpanKind::Server => OtelKind::Server,
        SpanKind::Producer => OtelKind::Producer,
        SpanKind::Consumer => OtelKind::Consumer,
    };
    let attributes = attributes.into_iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => OtelValue::from(text),
            Value::Int(number) => OtelValue::I64(number),
        };
        KeyValue::new(name, value)
    });
    SpanData {
        span_context: SpanContext::new(trace_id, span_id, flags, false, TraceState::default()),
        parent_span_id: parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: kind != SpanKind::Internal,
        span_kind,
        name,
        start_time: begun_at,
        end_time: ended_at,
        attributes: attributes.collect(),
        dropped_attributes_count: 0,
        events: opentelemetry_sdk::trace::SpanEvents::default(),
        links: opentelemetry_sdk::trace::SpanLinks::default(),
        status: error.map_or(Status::Unset, |description| Status::Error { description }),
        instrumentation_scope,
    }
}

/// The exporter's way to the collector. It runs on a thread of OpenTelemetry's, and the connections
/// on the program's own runtime.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    is_failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let asked = self
            .http
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .timeout(ANSWER_MAX)
            .body(body);
        let answer = match self.runtime.spawn(answer(asked)).await {
            Ok(answer) => answer,
            Err(ended) => Err(ended.into()),
        };
        self.note(answer.as_ref());
        answer
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Response<Bytes>, HttpError> {
    let response = request.send().await?;
    let status = response.status();
    let body = body_within(ANSWER_BYTES_MAX, response).await?;
    let body = body.ok_or("the collector's answer is too long")?;
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    Ok(answer)
}

impl Client {
    /// Logs the first of several failures in a row, and that it works again.
    fn note(&self, answer: Result<&Response<Bytes>, &HttpError>) {
        let why = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answered {}", answer.status())),
            Err(error) => Some(with_causes(&**error)),
        };
        let was_failing = self.is_failing.swap(why.is_some(), Ordering::Relaxed);
        match why {
            Some(why) if !was_failing => {
                tracing::warn!(why, "traces don't reach the collector, and are lost");
            }
            None if was_failing => tracing::info!("traces reach the collector again"),
            _ => {}
        }
    }
}
