//! The wall clock, for spans, marks, keys and lags: no decision of the ledger sees it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// How long ago that was, in microseconds since 1970-01-01T00:00:00Z; no time where another clock
/// says that it is still to come.
#[must_use]
pub fn age(micros: i64) -> Duration {
    Duration::from_micros(unix_micros().saturating_sub(micros).max(0).unsigned_abs())
}
