//! What time it is for a read.
//!
//! Credit expires and holds end at their time, whether or not the log says so by then. A log whose
//! clock is its commands has the time of the last of them, and so have its reads; the same holds
//! while the writer doubts the wall clock. Where no writer checks this host's wall clock, it isn't
//! believed where it is ahead of the log's time.

use std::time::SystemTime;

use domain::Timestamp;
use read_model::{AsOf, LogChanges, ReadModel};

/// What a read's time goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Wall,
    /// What was recorded last.
    Log,
}

impl Clock {
    pub(crate) fn of(as_of: &AsOf) -> Self {
        match as_of.clock() {
            Some("commands" | "doubted") => Self::Log,
            _ => Self::Wall,
        }
    }

    /// Now, by the last event that the projector in this process reports.
    pub(crate) fn now_by(self, changes: &LogChanges, read_model: &ReadModel) -> i64 {
        let recorded_at = changes.recorded_at();
        self.now(recorded_at, read_model.log_time(recorded_at))
    }

    /// Now, in microseconds, where the last event was recorded at this time; `log_time` is the
    /// log's, where no writer checks the wall clock.
    pub(crate) fn now(self, recorded_at: i64, log_time: Option<i64>) -> i64 {
        match self {
            Self::Wall => wall_clock().min(log_time.unwrap_or(i64::MAX)).max(recorded_at),
            Self::Log => recorded_at,
        }
    }
}

/// Now, in microseconds: never before what was recorded last.
pub(crate) fn now(as_of: &AsOf) -> i64 {
    Clock::of(as_of).now(as_of.recorded_at(), as_of.log_time())
}

#[expect(clippy::disallowed_methods, reason = "this is the one place here that reads the clock")]
fn wall_clock() -> i64 {
    Timestamp::from_system(SystemTime::now()).unwrap_or_default().micros()
}
