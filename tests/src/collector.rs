//! A collector of traces, as the services know it: it takes `POST /v1/traces` of OTLP over HTTP and remembers every span.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

const PROTOBUF: &str = "application/x-protobuf";

/// A running collector; it runs until the runtime ends.
#[derive(Debug)]
pub struct Collector {
    endpoint: String,
    spans: Spans,
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// A span as it was exported.
#[derive(Clone, Debug)]
pub struct Span {
    /// `service.name` of the resource.
    pub service: String,
    /// The span's name.
    pub name: String,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// 16 hexadecimal digits; empty for a root.
    pub parent_id: String,
    /// Whether it is of kind `SERVER`.
    pub is_server: bool,
    attributes: Vec<KeyValue>,
}

impl Collector {
    /// Listens on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Spans::default();
        let router = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&spans));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { endpoint, spans }
    }

    /// What a service needs in its environment to export to this collector, and to do it soon.
    #[must_use]
    pub fn variables(&self) -> [(&str, &str); 2] {
        [("OTEL_EXPORTER_OTLP_ENDPOINT", &self.endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "200")]
    }

    /// The spans of a trace that have come so far.
    pub async fn trace(&self, trace_id: &str) -> Vec<Span> {
        self.spans.lock().await.iter().filter(|it| it.trace_id == trace_id).cloned().collect()
    }
}

impl Span {
    /// An attribute that is text; empty when there is none.
    #[must_use]
    pub fn attribute(&self, key: &str) -> &str {
        text_of(&self.attributes, key)
    }

    fn new(service: &str, exported: v1::Span) -> Self {
        Self {
            service: service.to_owned(),
            trace_id: hex(&exported.trace_id),
            span_id: hex(&exported.span_id),
            parent_id: hex(&exported.parent_span_id),
            is_server: exported.kind() == v1::span::SpanKind::Server,
            name: exported.name,
            attributes: exported.attributes,
        }
    }
}

/// A body that is no export panics here, so the exporter sees a broken connection and the test misses its span.
async fn receive(State(spans): State<Spans>, body: Bytes) -> impl IntoResponse {
    let export = ExportTraceServiceRequest::decode(body).expect("an export of traces");
    let mut spans = spans.lock().await;
    for of_resource in export.resource_spans {
        let attributes = of_resource.resource.map(|it| it.attributes).unwrap_or_default();
        let service = text_of(&attributes, "service.name");
        let exported = of_resource.scope_spans.into_iter().flat_map(|it| it.spans);
        spans.extend(exported.map(|it| Span::new(service, it)));
    }
    ([(CONTENT_TYPE, PROTOBUF)], ExportTraceServiceResponse::default().encode_to_vec())
}

fn text_of<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let found = attributes.iter().find(|it| it.key == key).and_then(|it| it.value.as_ref());
    match found {
        Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) => text,
        Some(_) | None => "",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}
