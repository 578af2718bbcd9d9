//! Which log read tables must have been made of, and how far they must have come.

use log_record::{Generation, LogId, Partition, Place, Position};
use tokio::sync::watch;

use super::ReadError;
use super::as_of::AsOf;

/// The log that read tables must have been made of.
#[derive(Clone, Debug)]
pub struct OfLog {
    log_id: LogId,
    /// In which generation the log is, where that is followed.
    generation: Option<watch::Receiver<Generation>>,
    /// Where each partition ended when this process started. What hasn't come as far may lack
    /// anything.
    started_at: Vec<Position>,
}

impl OfLog {
    /// Any tables of a log.
    #[must_use]
    pub const fn any_of(log_id: LogId) -> Self {
        Self { log_id, generation: None, started_at: vec![] }
    }

    /// Tables of a log in its present generation that have come to where its partitions ended when
    /// this process started.
    #[must_use]
    pub const fn now(
        log_id: LogId,
        generation: watch::Receiver<Generation>,
        started_at: Vec<Position>,
    ) -> Self {
        Self { log_id, generation: Some(generation), started_at }
    }

    /// Where the partitions ended when this process started.
    pub(super) fn start(&self) -> Vec<Place> {
        let ends = (0..).map(Partition).zip(&self.started_at);
        ends.map(|(partition, position)| Place { partition, position: *position }).collect()
    }

    /// A partition of the tables that hasn't come as far. One whose projection has stopped at an
    /// event never will; it is read as it is.
    pub(super) fn missing(&self, as_of: &AsOf) -> Option<Place> {
        self.start()
            .into_iter()
            .find(|end| !as_of.is_stopped(end.partition) && as_of.reached(end) < end.position)
    }

    /// Whether reads take tables that are so far: they aren't of another log or history, and lack
    /// nothing.
    pub(super) fn has(&self, as_of: &AsOf) -> bool {
        self.missing(as_of).is_none() && self.check("", as_of).is_ok()
    }

    /// Whether the tables of a server were made of this log, and of its present history. What is
    /// still on its way through former generations may be.
    pub(super) fn check(&self, server: &str, as_of: &AsOf) -> Result<(), ReadError> {
        if let Some(of) = as_of.log_ids().find(|of| *of != self.log_id) {
            return Err(ReadError::OtherLog { server: server.into(), of, log: self.log_id });
        }
        let Some(log) = self.generation.as_ref().map(|generation| *generation.borrow()) else {
            return Ok(());
        };
        match as_of.generations().find(|of| *of != log) {
            Some(of) if self.missing(as_of).is_none() => {
                Err(ReadError::OtherGeneration { server: server.into(), of, log })
            }
            _ => Ok(()),
        }
    }
}
