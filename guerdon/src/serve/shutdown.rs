//! The signals that tell a process to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal as on};

/// Waits for Ctrl-C or SIGTERM, and says which came.
pub(super) async fn signal() -> anyhow::Result<&'static str> {
    let mut terminate = on(SignalKind::terminate()).context("can't wait for SIGTERM")?;
    let mut interrupt = on(SignalKind::interrupt()).context("can't wait for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
