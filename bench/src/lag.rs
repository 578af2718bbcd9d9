//! How far the projection is behind what was accepted, once a second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;

use crate::connection::{Ask, Connection};

/// How often the accepted position is noted: the resolution of a lag in seconds.
const NOTED_EVERY: Duration = Duration::from_millis(10);

/// How many notes there are to a question for the projection's position.
const NOTES_PER_SAMPLE: u32 = 100;

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) second: f64,
    pub(crate) accepted: u64,
    pub(crate) projected: u64,
    /// How long ago the log was where the projection is now.
    pub(crate) behind_seconds: f64,
}

impl Sample {
    pub(crate) const fn behind_events(&self) -> u64 {
        self.accepted.saturating_sub(self.projected)
    }
}

/// Watches a ledger for so long. The clients' shared position is what was accepted.
pub(crate) async fn watch(
    address: SocketAddr,
    accepted: Arc<AtomicU64>,
    long: Duration,
) -> anyhow::Result<Vec<Sample>> {
    let mut connection = Connection::open(address).await?;
    let (started, mut notes, mut samples) = (Instant::now(), vec![], vec![]);
    let mut ticks = tokio::time::interval(NOTED_EVERY);
    for tick in 1_u32.. {
        ticks.tick().await;
        if started.elapsed() >= long {
            break;
        }
        notes.push((Instant::now(), accepted.load(Ordering::Relaxed)));
        if tick.is_multiple_of(NOTES_PER_SAMPLE) {
            connection.must(200, Ask::get("/health/ready", "")).await?;
            let projected = position(&connection.body())?;
            let accepted = accepted.load(Ordering::Relaxed);
            let second = started.elapsed().as_secs_f64();
            let behind_seconds = behind(&notes, accepted, projected).as_secs_f64();
            samples.push(Sample { second, accepted, projected, behind_seconds });
        }
    }
    Ok(samples)
}

fn position(ready: &str) -> anyhow::Result<u64> {
    let ready: Value = serde_json::from_str(ready)?;
    let position = ready["projections"][0]["position"].as_u64();
    position.context("it doesn't say how far the projection is")
}

/// The time since something was accepted that isn't projected.
fn behind(notes: &[(Instant, u64)], accepted: u64, projected: u64) -> Duration {
    if accepted <= projected {
        return Duration::ZERO;
    }
    let first = notes.partition_point(|(_, accepted)| *accepted <= projected);
    notes.get(first).map_or(Duration::ZERO, |(at, _)| at.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projection_is_as_late_as_the_first_event_that_it_lacks() {
        let now = Instant::now();
        let ago = |seconds| now.checked_sub(Duration::from_secs(seconds)).unwrap();
        let notes = [(ago(30), 10), (ago(20), 20), (ago(10), 30)];
        assert_eq!(behind(&notes, 30, 15).as_secs(), 20);
        assert_eq!(behind(&notes, 30, 20).as_secs(), 10);
        assert_eq!(behind(&notes, 30, 30), Duration::ZERO);
    }

    #[test]
    fn the_position_is_read_from_what_the_ledger_says_of_its_health() {
        let body = r#"{"projections":[{"status":"running","position":42}]}"#;
        assert_eq!(position(body).unwrap(), 42);
    }
}
