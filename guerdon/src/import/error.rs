//! The reasons why an import ends early. Each message says what to do.

use std::path::PathBuf;
use std::time::Duration;

use super::day::Day;
use crate::csv_rows::{Place, RowsError, listed};
use crate::ledger_client::AskError;

/// Why an import ended before its last row. Every one leaves a journal to go on from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("{} cannot be read", file.display())]
    Unreadable { file: PathBuf, source: std::io::Error },

    #[error("the history has malformed rows; nothing was sent\n{0}")]
    Rows(String),

    #[error(
        "the history's time jumps by more than a year; nothing was sent. Correct the rows, or give \
         --allow-jump if they are right\n{0}"
    )]
    Jumps(String),

    #[error("{} is not the ledger's api-keys.json", file.display())]
    Keys { file: PathBuf, source: serde_json::Error },

    #[error("the {role} key in {} cannot be sent in a header", file.display())]
    Key { file: PathBuf, role: &'static str, source: reqwest::header::InvalidHeaderValue },

    #[error("can't create an HTTP client")]
    Client(#[source] reqwest::Error),

    #[error("can't make a request for {place}; --url must look like http://127.0.0.1:8080")]
    Request { place: Place, source: reqwest::Error },

    #[error(
        "the ledger at {url} has not answered for {} seconds; run the same command again to continue \
         (last error: {last})", after.as_secs()
    )]
    Silent { url: String, after: Duration, last: String },

    #[error("can't read the health of the ledger at {url}; check --url")]
    NoHealth { url: String, source: reqwest::Error },

    #[error(
        "the ledger at {url} uses the {clock} clock, so points that expire after --expiry-days would \
         expire at once; import into a new ledger started with --clock commands, or leave \
         --expiry-days out"
    )]
    OtherClock { url: String, clock: String },

    #[error("{place}: the ledger answered {status}: {detail}")]
    Answer { place: Place, status: u16, detail: String },

    #[error("can't write the journal {}", journal.display())]
    Journal { journal: PathBuf, source: std::io::Error },

    #[error("{}, line {line}: this is not a line of an import's journal", journal.display())]
    NotAJournal { journal: PathBuf, line: usize, source: serde_json::Error },

    #[error(
        "the journal {} is of another import: its files or parameters differ; \
         name another file with --journal", journal.display()
    )]
    OtherImport { journal: PathBuf },

    #[error("another import is using the journal {}", journal.display())]
    JournalTaken { journal: PathBuf },

    #[error(
        "{place}: the ledger already has this row, but the journal {} does not know that {day} \
         was begun. A redemption that was refused then could be accepted now, because the account \
         may have earned since. Give the earlier import's journal with --journal, or --ask-again \
         to accept that", journal.display()
    )]
    AlreadyThere { place: Place, day: Day, journal: PathBuf },

    #[error("a task of the import has failed")]
    Task(#[from] tokio::task::JoinError),
}

impl From<RowsError> for ImportError {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Unreadable { file, source } => Self::Unreadable { file, source },
            RowsError::Malformed(sentences) => Self::rows(sentences),
        }
    }
}

impl ImportError {
    /// That a row's call wasn't answered.
    pub(crate) fn unasked(place: &Place) -> impl FnOnce(AskError) -> Self {
        move |error| match error {
            AskError::Request(source) => Self::Request { place: place.clone(), source },
            AskError::Silent { url, after, last } => Self::Silent { url, after, last },
        }
    }

    /// All malformed rows of one file, one to a line.
    pub(crate) fn rows(sentences: Vec<String>) -> Self {
        Self::Rows(listed(sentences))
    }

    /// All rows that come long after the row before them in time.
    pub(crate) fn jumps(sentences: Vec<String>) -> Self {
        Self::Jumps(listed(sentences))
    }
}
