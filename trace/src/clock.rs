//! The wall clock, for the times of spans and the ends of marks. Neither counts in a decision.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
#[expect(clippy::disallowed_methods, reason = "no decision sees this time")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Now, in microseconds since 1970-01-01T00:00:00Z.
#[must_use]
pub fn unix_micros() -> i64 {
    let since = now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
