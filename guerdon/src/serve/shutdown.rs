//! The signals that tell a process to stop.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal as on};

/// Listens for SIGTERM, Ctrl-C and SIGHUP, which all mean the same, from when it is made.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn listen() -> anyhow::Result<Self> {
        let terminate = on(SignalKind::terminate()).context("can't wait for SIGTERM")?;
        let interrupt = on(SignalKind::interrupt()).context("can't wait for SIGINT")?;
        // A terminal that is closed sends it, and it would end the process at once.
        let hang_up = on(SignalKind::hangup()).context("can't wait for SIGHUP")?;
        Ok(Self { terminate, interrupt, hang_up })
    }

    /// Waits for one, and says which came.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}
