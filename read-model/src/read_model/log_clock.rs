//! The log's time, where no writer runs in this process to check the wall clock.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::Instant;

/// Goes by the events alone: from when one was recorded, and how long ago it was first seen. It is
/// never ahead of the writer's clock, and behind it by no more than the shortest time in which an
/// event came here.
#[derive(Debug)]
pub(super) struct LogClock {
    begun: Instant,
    /// What to add to the time since then, in microseconds.
    offset: AtomicI64,
}

impl LogClock {
    pub(super) fn start() -> Self {
        Self { begun: Instant::now(), offset: AtomicI64::new(i64::MIN) }
    }

    /// Now, in microseconds, where the last event was recorded at this time.
    pub(super) fn now(&self, recorded_at: i64) -> i64 {
        let passed = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.now_after(passed, recorded_at)
    }

    fn now_after(&self, passed: i64, recorded_at: i64) -> i64 {
        let offset = recorded_at.saturating_sub(passed);
        let known = self.offset.fetch_max(offset, Ordering::Relaxed).max(offset);
        known.saturating_add(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logs_time_goes_on_from_the_event_that_came_soonest() {
        let clock = LogClock::start();
        assert_eq!(clock.now_after(0, 100), 100);
        assert_eq!(clock.now_after(30, 100), 130, "nothing was recorded since");
        assert_eq!(clock.now_after(30, 120), 130, "it came ten later");
        assert_eq!(clock.now_after(30, 150), 150);
        assert_eq!(clock.now_after(35, 150), 155);
    }
}
