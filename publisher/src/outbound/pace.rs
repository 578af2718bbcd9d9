//! How fast a warehouse is fed: a number of messages per time, and at most one second's messages at
//! once.

use std::str::FromStr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The rate of one warehouse, written `main=50/s`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseRate {
    /// The warehouse's id.
    pub warehouse: String,
    /// The time that one message takes.
    pub interval: Duration,
}

impl FromStr for WarehouseRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unread = || {
            format!(
                "{text:?} is not a warehouse's rate; write WAREHOUSE=NUMBER/s, /min or /h, such as \
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

/// Keeps to a warehouse's rate, if it has one. A feed and its resends share it.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    /// When the warehouse is done with all messages so far, at its rate.
    busy_until: Mutex<Instant>,
}

/// How much time's messages may go at once after a pause.
const BURST: Duration = Duration::from_secs(1);

impl Pace {
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        Self { interval: interval.unwrap_or_default(), busy_until: Mutex::new(Instant::now()) }
    }

    /// The messages of one second, at least one; `None` without a rate.
    pub(crate) fn a_second(&self) -> Option<u32> {
        let nanos = Duration::from_secs(1).as_nanos().checked_div(self.interval.as_nanos())?;
        Some(u32::try_from(nanos).unwrap_or(u32::MAX).max(1))
    }

    /// Takes the time of one message; the error is the time when there is some.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Instant> {
        let ahead = BURST.max(self.interval).saturating_sub(self.interval);
        let mut busy_until = self.busy_until.lock();
        if *busy_until > now + ahead {
            return Err(*busy_until - ahead);
        }
        *busy_until = now.max(*busy_until) + self.interval;
        Ok(())
    }

    /// The same, now.
    pub(crate) fn take_now(&self) -> Result<(), Instant> {
        if self.interval.is_zero() { Ok(()) } else { self.take(Instant::now()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_of_messages_per_second_minute_or_hour() {
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
