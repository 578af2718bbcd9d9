//! A small OpenTelemetry collector: takes spans by OTLP (protobuf over HTTP) and keeps them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost_otlp::Message as _;

use crate::ledger::PATIENCE;
#[cfg(feature = "tls")]
use crate::ledger::certificate::CertificateFiles;

/// A span as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) took: Duration,
    pub(crate) is_failed: bool,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// The collector.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    spans: Arc<Mutex<Vec<Received>>>,
    url: String,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let receiver = Self { url, ..Self::default() };
        let router = Router::new().route("/v1/traces", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// An address at which the collector is reached by TLS, with this certificate.
    #[cfg(feature = "tls")]
    pub(crate) async fn encrypted(&self, files: &CertificateFiles) -> String {
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};

        let chain = CertificateDer::pem_file_iter(&files.chain).expect("read");
        let chain = chain.collect::<Result<_, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(&files.key).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they go together");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let plain = self.url.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, plain) = (acceptor.clone(), plain.clone());
                tokio::spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let mut plain = tokio::net::TcpStream::connect(plain).await?;
                    tokio::io::copy_bidirectional(&mut stream, &mut plain).await
                });
            }
        });
        url
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.spans.lock().expect("unpoisoned").clone()
    }

    /// Waits until a trace has spans of all these names; gives all that it has by then.
    pub(crate) async fn trace_with(&self, trace_id: &str, names: &[&str]) -> Vec<Received> {
        let begun = Instant::now();
        loop {
            let spans: Vec<Received> =
                self.all().into_iter().filter(|span| span.trace_id == trace_id).collect();
            let is_there = |name: &&str| spans.iter().any(|span| span.name == **name);
            if names.iter().all(is_there) {
                return spans;
            }
            assert!(begun.elapsed() < PATIENCE, "{names:?} in {trace_id}: {:#?}", self.all());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Received {
    #[track_caller]
    pub(crate) fn says(&self, name: &str) -> &str {
        self.attributes.get(name).unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }
}

async fn take(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Vec<u8>) {
    assert_eq!(headers[CONTENT_TYPE], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).expect("spans");
    for of_resource in request.resource_spans {
        let resource = of_resource.resource.expect("a resource").attributes;
        let name = resource.iter().find(|it| it.key == "service.name").expect("a service");
        let name = name.value.clone().and_then(|value| value.value);
        assert_eq!(name, Some(Value::StringValue("guerdon".into())));
        let spans = of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans);
        receiver.spans.lock().expect("unpoisoned").extend(spans.map(received));
    }
    (StatusCode::OK, ExportTraceServiceResponse::default().encode_to_vec())
}

fn received(span: Span) -> Received {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("an attribute is {other:?}"),
    };
    let attributes = span.attributes.into_iter();
    let attributes =
        attributes.map(|it| (it.key, text(it.value.and_then(|value| value.value)))).collect();
    let nanos = span.end_time_unix_nano.checked_sub(span.start_time_unix_nano);
    Received {
        trace_id: log_record::hex(&span.trace_id),
        span_id: log_record::hex(&span.span_id),
        parent: log_record::hex(&span.parent_span_id),
        name: span.name,
        kind: span.kind,
        took: Duration::from_nanos(nanos.expect("it ends after it began")),
        is_failed: span.status.is_some_and(|status| status.code == 2),
        attributes,
    }
}
