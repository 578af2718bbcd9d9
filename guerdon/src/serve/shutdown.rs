//! The signals that tell a process to stop.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal as on};

/// Listens for Ctrl-C and SIGTERM from when it is made.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let terminate = on(SignalKind::terminate()).context("can't wait for SIGTERM")?;
        let interrupt = on(SignalKind::interrupt()).context("can't wait for SIGINT")?;
        Ok(Self { terminate, interrupt })
    }

    /// Waits for one, and says which came.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
