//! A line of the log that would be written a thousand times a second is written every ten seconds.

use std::time::Duration;

use tokio::time::Instant;

const EVERY: Duration = Duration::from_secs(10);

/// Something that happens often, and is logged seldom.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    logged: Option<Instant>,
    times: u64,
}

impl Seldom {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// It happened once more; gives how often since it was last logged, if that is to be logged.
    pub(super) fn times(&mut self) -> Option<u64> {
        self.times_at(Instant::now())
    }

    fn times_at(&mut self, now: Instant) -> Option<u64> {
        self.times += 1;
        if self.logged.is_some_and(|logged| now.duration_since(logged) < EVERY) {
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_and_then_how_many_there_were() {
        let (mut seldom, now) = (Seldom::new(), Instant::now());
        assert_eq!(seldom.times_at(now), Some(1));
        assert!((0..5).all(|_| seldom.times_at(now).is_none()));
        assert_eq!(seldom.times_at(now + EVERY), Some(6));
    }
}
