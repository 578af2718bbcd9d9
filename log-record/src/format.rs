//! The format that a log is written in: one number for everything that is stored.

use std::fmt;

/// The number of a log's format. It stands in the log's own row, in its archive's files and in its
/// snapshots. Until the first release, whatever changes a stored shape raises it
/// (`docs/decisions/0017-one-format-number.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogFormat(pub u32);

/// Something was written in another format than the one that this build reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} was written in format {found}; this build reads format {} only: run the build that \
     wrote it, or start a new log",
    LogFormat::CURRENT
)]
pub struct OtherFormat {
    /// What was written: `the log guerdon-data/log.sqlite`.
    pub what: String,
    /// The format that was found.
    pub found: LogFormat,
}

impl LogFormat {
    /// The one format that this build reads and writes.
    pub const CURRENT: Self = Self(12);

    /// What was written before there was a number for it.
    pub const UNNUMBERED: Self = Self(1);

    /// Refuses every format but the current one; `what` names what was written in it.
    pub fn check(self, what: impl fmt::Display) -> Result<(), OtherFormat> {
        if self == Self::CURRENT {
            return Ok(());
        }
        Err(OtherFormat { what: what.to_string(), found: self })
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_is_refused_by_its_number() {
        assert_eq!(LogFormat::CURRENT.check("the log"), Ok(()));
        let refused = LogFormat(1).check("the log a.sqlite").map_err(|error| error.to_string());
        let current = LogFormat::CURRENT;
        let sentence = format!(
            "the log a.sqlite was written in format 1; this build reads format {current} only: \
             run the build that wrote it, or start a new log"
        );
        assert_eq!(refused, Err(sentence));
    }
}
