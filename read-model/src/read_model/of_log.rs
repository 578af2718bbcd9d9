//! Which log read tables must have been made of, and how far they must have come.

use log_record::{Generation, LogId, Place};
use tokio::sync::watch;

use super::ReadError;
use super::as_of::AsOf;
use super::log_ends::LogEnds;
use super::proof::AskLog;

/// The log that read tables must have been made of.
#[derive(Clone, Debug)]
pub struct OfLog {
    log_id: LogId,
    /// Its present history, where that is followed.
    history: Option<watch::Receiver<LogHistory>>,
    /// Where it ends, where that is followed.
    ends: Option<watch::Receiver<LogEnds>>,
    /// Asks it whether it has the events of which a replica's tables were made.
    ask: Option<AskLog>,
}

/// A log's history, as a process found it in the log's present generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHistory {
    /// The present generation.
    pub generation: Generation,
    /// Where each partition ended when the process started, or first saw the log in this
    /// generation. What hasn't come as far may lack anything.
    pub ends: Vec<Place>,
    /// An event of each generation but the first: its first event, as far as that could be found.
    pub begins: Vec<(Generation, Place)>,
}

impl LogHistory {
    /// A partition of the tables that hasn't come as far, or hasn't begun: how many there are says
    /// where an account lives. One whose projection has stopped at an event never will come as far;
    /// it is read as it is.
    fn missing(&self, as_of: &AsOf) -> Option<Place> {
        let mut ends = self.ends.iter();
        let missing = ends.find(|end| {
            let is_behind = as_of.reached(end) < end.position;
            !as_of.has(end.partition) || (is_behind && !as_of.is_stopped(end.partition))
        });
        missing.copied()
    }

    /// Whether the log has another event at a place than that of a generation.
    fn has_other_at(&self, generation: Generation, place: Place) -> bool {
        self.begins.iter().any(|(later, begin)| {
            *later > generation
                && begin.partition == place.partition
                && begin.position <= place.position
        })
    }
}

impl OfLog {
    /// Any tables of a log.
    #[must_use]
    pub const fn any_of(log_id: LogId) -> Self {
        Self { log_id, history: None, ends: None, ask: None }
    }

    /// Tables of a log's present history that have come to where its partitions ended.
    #[must_use]
    pub const fn now(log_id: LogId, history: watch::Receiver<LogHistory>) -> Self {
        Self { log_id, history: Some(history), ends: None, ask: None }
    }

    /// The same, where it is followed, too, where the log ends.
    #[must_use]
    pub fn with_ends(self, ends: watch::Receiver<LogEnds>) -> Self {
        Self { ends: Some(ends), ..self }
    }

    /// The same, where a replica's tables must have been made of events that the log has.
    #[must_use]
    pub fn with_proof(self, ask: AskLog) -> Self {
        Self { ask: Some(ask), ..self }
    }

    /// Asks the log for events, where it can be asked.
    pub(super) const fn ask(&self) -> Option<&AskLog> {
        self.ask.as_ref()
    }

    pub(super) fn followed_ends(&self) -> Option<watch::Receiver<LogEnds>> {
        self.ends.clone()
    }

    /// The log's present history, where that is followed.
    #[must_use]
    pub fn history(&self) -> Option<watch::Receiver<LogHistory>> {
        self.history.clone()
    }

    /// How far the tables must have come.
    pub(super) fn ends(&self) -> Vec<Place> {
        self.history.as_ref().map(|history| history.borrow().ends.clone()).unwrap_or_default()
    }

    /// A partition of the tables that hasn't come as far.
    pub(super) fn missing(&self, as_of: &AsOf) -> Option<Place> {
        self.history.as_ref().and_then(|history| history.borrow().missing(as_of))
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
        let Some(history) = &self.history else { return Ok(()) };
        let history = history.borrow();
        let log = history.generation;
        let is_complete = history.missing(as_of).is_none();
        let mut reached = as_of.generations();
        let other = reached
            .find(|(of, place)| *of != log && (is_complete || history.has_other_at(*of, *place)));
        match other {
            Some((of, _)) => Err(ReadError::OtherGeneration { server: server.into(), of, log }),
            None => Ok(()),
        }
    }
}
