//! The signals that tell a process to stop.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal as on};

/// Listens for SIGTERM, Ctrl-C and SIGHUP, which all mean the same, from when it is made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// None where the process is to outlive its terminal.
    hang_up: Option<Signal>,
}

impl Signals {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let terminate = on(SignalKind::terminate()).context("can't wait for SIGTERM")?;
        let interrupt = on(SignalKind::interrupt()).context("can't wait for SIGINT")?;
        // A terminal that is closed sends it, and it would end the process at once.
        let hang_up = if is_hang_up_ignored() {
            None
        } else {
            Some(on(SignalKind::hangup()).context("can't wait for SIGHUP")?)
        };
        Ok(Self { terminate, interrupt, hang_up })
    }

    /// Waits for one, and says which came.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            () = hung_up(self.hang_up.as_mut()) => "SIGHUP",
        }
    }
}

async fn hung_up(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether whoever started the process told it to ignore SIGHUP, as `nohup` does: listening to a
/// signal would end that.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|signals| u64::from_str_radix(signals.trim(), 16).ok());
    // The lowest bit is the signal with the number 1.
    ignored.is_some_and(|signals| signals & 1 == 1)
}
