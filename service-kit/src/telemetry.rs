//! What a process tells about itself: JSON logs on standard output, traces by OTLP, metrics for Prometheus.

mod log;
pub mod metrics;
pub mod trace;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::config::Reader;

/// Starts logs, metrics and, when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, traces. Once per process; keep the result
/// until the end, dropping it sends the last spans.
///
/// `RUST_LOG` filters (default `info,sqlx=warn`). A line per request has the target `http`; `RUST_LOG=info,http=warn`
/// leaves only those of failed requests.
///
/// # Errors
/// When it was started before, `RUST_LOG` is no filter, or the exporter cannot be built.
pub fn start(service: &'static str) -> Result<Telemetry, StartError> {
    let mut settings = Reader::from_environment();
    let filter = EnvFilter::try_new(settings.or("RUST_LOG", "info,sqlx=warn".to_owned()))?;
    // The exporter reads the address itself; whether there is one decides whether there are spans at all.
    let endpoint: Option<String> = settings.optional("OTEL_EXPORTER_OTLP_ENDPOINT");
    metrics::install();
    let provider = endpoint.map(|_| provider(service)).transpose()?;
    let traces = provider.as_ref().map(|it| tracing_opentelemetry::layer().with_tracer(it.tracer("karmyq")));
    Registry::default().with(filter).with(log::JsonLines::new(service)).with(traces).try_init()?;
    Ok(Telemetry { provider })
}

/// Running telemetry.
#[derive(Debug)]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// Telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `RUST_LOG` is no filter.
    #[error("RUST_LOG is no filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter of traces cannot be built.
    #[error("traces cannot be sent: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// It was started before.
    #[error("telemetry runs already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Endpoint, headers, sampler and batch sizes come from the `OTEL_…` variables that the SDK reads itself.
fn provider(service: &'static str) -> Result<SdkTracerProvider, opentelemetry_otlp::ExporterBuildError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build()?;
    let resource = Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build())
}
