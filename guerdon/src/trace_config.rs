//! The options about traces, and what they set up.

#[cfg(feature = "otlp")]
use std::time::Duration;

use clap::Args;
use trace::{Share, Tracer};

use crate::command_line::http_url;
#[cfg(feature = "otlp")]
use crate::otlp::Otlp;

/// How long the last spans may take to reach the collector when the program ends.
#[cfg(feature = "otlp")]
const FLUSH_MAX: Duration = Duration::from_millis(300);

/// Where traces go, and how many.
#[derive(Args, Clone, Debug)]
pub(crate) struct TraceConfig {
    /// Send traces to this OpenTelemetry collector, by OTLP over HTTP or HTTPS:
    /// `http://127.0.0.1:4318`. [default: no traces]
    #[arg(long, env = "GUERDON_OTLP", hide_env_values = true)]
    #[arg(value_name = "URL", value_parser = collector)]
    pub(crate) otlp: Option<String>,

    /// The share of requests whose trace is kept, from 0 to 1. What a caller keeps (traceparent
    /// with the flag 01) is kept, too, up to 100 traces a second.
    #[arg(long, env = "GUERDON_TRACE_SHARE", default_value = "0.01", value_parser = share)]
    pub(crate) trace_share: Share,
}

/// What sends spans on, until the program ends.
pub(crate) struct Sending {
    #[cfg(feature = "otlp")]
    otlp: Option<std::sync::Arc<Otlp>>,
}

impl TraceConfig {
    /// Begins to send, where there is a collector.
    #[cfg(feature = "otlp")]
    pub(crate) fn start(&self) -> anyhow::Result<(Tracer, Sending)> {
        let Some(url) = &self.otlp else {
            return Ok((Tracer::default(), Sending { otlp: None }));
        };
        let otlp = std::sync::Arc::new(Otlp::start(url)?);
        let to = std::sync::Arc::clone(&otlp);
        tracing::info!(collector = url, "traces are sent by OTLP");
        Ok((Tracer::new(to, self.trace_share), Sending { otlp: Some(otlp) }))
    }

    /// Without the feature `otlp` there is nothing to send with.
    #[cfg(not(feature = "otlp"))]
    pub(crate) fn start(&self) -> anyhow::Result<(Tracer, Sending)> {
        anyhow::ensure!(
            self.otlp.is_none(),
            "this build can't send traces: build it with the feature otlp, or leave out --otlp"
        );
        Ok((Tracer::default(), Sending {}))
    }
}

impl Sending {
    /// Sends the last spans, as long as that may take.
    #[cfg(feature = "otlp")]
    pub(crate) async fn end(self) {
        let Some(otlp) = self.otlp else { return };
        let flushed = tokio::task::spawn_blocking(move || otlp.end(FLUSH_MAX));
        if tokio::time::timeout(FLUSH_MAX, flushed).await.is_err() {
            tracing::warn!("the last spans have not reached the collector");
        }
    }

    /// There is nothing to send.
    #[cfg(not(feature = "otlp"))]
    #[expect(
        clippy::unused_async,
        reason = "with the feature otlp, there is something to wait for"
    )]
    pub(crate) async fn end(self) {}
}

fn collector(text: &str) -> Result<String, String> {
    http_url(text).map_err(|_| {
        "a collector's address is http://HOST:PORT or https://HOST:PORT, without a user or a \
         password"
            .into()
    })
}

fn share(text: &str) -> Result<Share, String> {
    let share = text.parse().ok().and_then(Share::new);
    share.ok_or_else(|| format!("{text:?} is not a number from 0 to 1"))
}
