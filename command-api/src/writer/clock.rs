//! The writer's clock. The domain has none.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Timestamp;

/// The wall clock's time, but never before `last`: recorded times don't decrease.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub(super) fn now(last: Timestamp) -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since_epoch.as_micros()).unwrap_or_default();
    Timestamp::from_micros(micros).unwrap_or(last).max(last)
}
