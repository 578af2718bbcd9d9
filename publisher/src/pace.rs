//! How fast a warehouse is fed: so many messages in so long, and no more at once than a second's.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// `main=50/s`: what a warehouse takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseRate {
    /// Whose rate it is.
    pub warehouse: String,
    /// How long one message takes of the warehouse's time.
    pub interval: Duration,
}

impl FromStr for WarehouseRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unread = || {
            format!(
                "{text:?} is no warehouse's rate; it is WAREHOUSE=NUMBER/s, /min or /h, such as \
                 main=50/s"
            )
        };
        let (warehouse, rate) = text.split_once('=').ok_or_else(unread)?;
        let (number, unit) = rate.split_once('/').ok_or_else(unread)?;
        let number: u32 = number.parse().map_err(|_| unread())?;
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            _ => return Err(unread()),
        };
        let interval = Duration::from_secs(seconds).checked_div(number);
        let interval = interval.filter(|_| !warehouse.is_empty()).ok_or_else(unread)?;
        Ok(Self { warehouse: warehouse.into(), interval })
    }
}

/// Keeps to a rate, or to none: one of a warehouse for all that is sent to it.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    /// When all that was sent is done with, at that rate.
    busy_until: Mutex<Instant>,
}

/// What may be sent at once after a rest.
const BURST: Duration = Duration::from_secs(1);

impl Pace {
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        Self { interval: interval.unwrap_or_default(), busy_until: Mutex::new(Instant::now()) }
    }

    /// How many messages it lets pass in a second, and at least one; without a rate, no number.
    pub(crate) fn a_second(&self) -> Option<u32> {
        let nanos = Duration::from_secs(1).as_nanos().checked_div(self.interval.as_nanos())?;
        Some(u32::try_from(nanos).unwrap_or(u32::MAX).max(1))
    }

    /// Takes the time of one message, or says when there will be some.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Instant> {
        let ahead = BURST.max(self.interval).saturating_sub(self.interval);
        let mut busy_until = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        if *busy_until > now + ahead {
            return Err(*busy_until - ahead);
        }
        *busy_until = now.max(*busy_until) + self.interval;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_so_many_in_a_second_a_minute_or_an_hour() {
        let interval = |text: &str| text.parse().map(|rate: WarehouseRate| rate.interval);
        assert_eq!(interval("main=50/s"), Ok(Duration::from_millis(20)));
        assert_eq!(interval("north=30/min"), Ok(Duration::from_secs(2)));
        for text in ["main", "main=50", "main=0/s", "main=x/s", "=5/s", "main=5/d"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_second_s_worth_goes_at_once_and_then_one_at_a_time() {
        let pace = Pace::new(Some(Duration::from_millis(100)));
        let begun = Instant::now();
        let at_once = (0..100).take_while(|_| pace.take(begun).is_ok()).count();
        assert_eq!(at_once, 10);
        let then = pace.take(begun).expect_err("it is used up");
        assert_eq!(then, begun + Duration::from_millis(100));
        assert_eq!(pace.take(then), Ok(()));
        assert!(pace.take(then).is_err());
    }

    #[tokio::test]
    async fn without_a_rate_there_is_no_end() {
        let pace = Pace::new(None);
        let now = Instant::now();
        assert!((0..1_000_000).all(|_| pace.take(now).is_ok()));
    }
}
