//! When an unaccepted request is sent again, and when an operator is told.

use std::time::Duration;

/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(6 * 3_600);

/// When an unaccepted request is sent again, and when it is overdue.
#[derive(Clone, Copy, Debug)]
pub struct ResendPolicy {
    /// How long a warehouse has to accept a request.
    pub accept_within: Duration,
    /// The number of attempts after which a request is overdue.
    pub alert_after: u32,
}

impl ResendPolicy {
    /// The pause after an attempt, which counts from 1. It doubles with each attempt.
    pub(crate) fn pause_after(self, attempt: i64) -> Duration {
        let doubled = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
        let pause = self.accept_within.saturating_mul(1 << doubled);
        pause.min(PAUSE_MAX.max(self.accept_within))
    }

    /// The pause between two checks: an eighth of the time to accept, within bounds.
    pub(crate) fn check_every(self) -> Duration {
        (self.accept_within / 8).clamp(Duration::from_millis(100), Duration::from_secs(30))
    }

    /// Whether a request is overdue after so many attempts.
    pub(crate) fn is_overdue_after(self, attempts: i64) -> bool {
        attempts >= i64::from(self.alert_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_a_quarter_of_a_day() {
        let policy = ResendPolicy { accept_within: Duration::from_secs(900), alert_after: 5 };
        let minutes = |attempt| policy.pause_after(attempt).as_secs() / 60;
        assert_eq!([1, 2, 3, 4].map(minutes), [15, 30, 60, 120]);
        assert_eq!([6, 60, i64::MAX].map(minutes), [360, 360, 360]);
    }
}
