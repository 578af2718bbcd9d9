//! How the program logs: the options, and what they set up.

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::command_line::variable;
use crate::output::LogOutput;

/// The log's filter, unless `RUST_LOG` has another. The drivers' own messages about failed
/// connections are left out, because the part that needs the connection logs the error.
const FILTER: &str = "info,sqlx=warn,deadpool=error";

/// How to log.
#[derive(Args, Clone, Debug)]
pub(crate) struct LogConfig {
    /// How each line of the log is written to standard error.
    #[arg(long, env = "GUERDON_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    /// Log each request when it is answered: method, path, status, time, key and role.
    #[arg(long, env = "GUERDON_ACCESS_LOG")]
    pub(crate) access_log: bool,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people: time, level, place, message, fields.
    Text,
    /// For a log collector: one JSON object with timestamp, level, target, message and fields.
    Json,
}

/// Logs from now on.
pub(crate) fn start(format: LogFormat) {
    let filter = variable(EnvFilter::DEFAULT_ENV).map(|filter| with_marks(&filter));
    let filter = filter.and_then(|filter| EnvFilter::try_new(filter).ok());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new(FILTER)))
        .with_writer(LogOutput);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).init(),
    }
}

/// A filter with the lines about what an operator has marked, unless it says something of them:
/// whoever marks something wants to read of it.
fn with_marks(filter: &str) -> String {
    let is_said = filter.split(',').any(|part| part.trim().starts_with("mark"));
    if is_said { filter.into() } else { format!("{filter},mark=info") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_logged_whatever_else_is_not() {
        for (said, filter) in [
            ("warn", "warn,mark=info"),
            ("warn,sqlx=off", "warn,sqlx=off,mark=info"),
            ("info,mark=off", "info,mark=off"),
        ] {
            assert_eq!(with_marks(said), filter);
            EnvFilter::try_new(filter).expect("a filter");
        }
    }
}
