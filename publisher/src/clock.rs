//! The publisher's wall clock: due times and parking times come from here.

use std::time::Duration;

use domain::Timestamp;
use trace::unix_micros;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnixMillis(pub(crate) i64);

impl UnixMillis {
    /// The present time.
    pub(crate) fn now() -> Self {
        Self(unix_micros() / 1_000)
    }

    /// The millisecond of a time.
    pub(crate) const fn of(time: Timestamp) -> Self {
        Self(time.micros() / 1_000)
    }

    pub(crate) fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(millis(time)))
    }

    pub(crate) fn minus(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(millis(time)))
    }

    /// The same time as the API writes it, in RFC 3339.
    pub(crate) fn to_timestamp(self) -> Timestamp {
        let time = Timestamp::from_micros(self.0.max(0).saturating_mul(1_000));
        time.unwrap_or(Timestamp::LAST)
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
