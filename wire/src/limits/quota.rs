//! So many calls in so long a time, and the classes of calls that have such quotas.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::Method;

/// The most calls of a quota: no process answers more in a second.
const CALLS_MAX: u32 = 1_000_000;

/// The longest time of a quota. A bucket that isn't full again takes up room for as long.
const TIME_MAX: Duration = Duration::from_secs(3_600);

/// What a call does, as far as limits tell calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CallClass {
    /// It tries to redeem an offer, or asks what that would come to.
    Redemptions,
    /// It changes something else.
    Commands,
    /// It changes something for many accounts at once.
    Batches,
    /// It changes nothing.
    Reads,
}

impl CallClass {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Redemptions, Self::Commands, Self::Batches, Self::Reads];

    /// The class's name, as in settings and problems.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redemptions => "redemptions",
            Self::Commands => "commands",
            Self::Batches => "batches",
            Self::Reads => "reads",
        }
    }

    /// The class with that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// In which class the calls of a route are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counted {
    /// In that of their method: a read or a command.
    ByMethod,
    /// In this one.
    As(CallClass),
    /// In none: they are never limited.
    Never,
}

impl Counted {
    pub(crate) fn class(self, method: &Method) -> Option<CallClass> {
        match self {
            Self::ByMethod if [Method::GET, Method::HEAD].contains(method) => {
                Some(CallClass::Reads)
            }
            Self::ByMethod => Some(CallClass::Commands),
            Self::As(class) => Some(class),
            Self::Never => None,
        }
    }
}

/// So many calls in so long a time: a bucket that is full of calls at first, gives one to each call
/// and gets them back one by one, at equal distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    calls: NonZeroU32,
    time: Duration,
}

/// Why there can be no such quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// The number of calls is out of range.
    #[error("so many must be a whole number from 1 to {CALLS_MAX}")]
    Calls,
    /// The time is out of range.
    #[error("the time must be from 1s to 1h, in whole seconds")]
    Time,
}

impl Quota {
    /// So many calls in so long a time.
    pub fn new(calls: u32, time: Duration) -> Result<Self, QuotaError> {
        let is_whole = time.subsec_nanos() == 0;
        if !is_whole || time.is_zero() || time > TIME_MAX {
            return Err(QuotaError::Time);
        }
        let calls = NonZeroU32::new(calls).filter(|calls| calls.get() <= CALLS_MAX);
        Ok(Self { calls: calls.ok_or(QuotaError::Calls)?, time })
    }

    /// How many calls.
    #[must_use]
    pub const fn calls(self) -> NonZeroU32 {
        self.calls
    }

    /// In how many seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.time.as_secs()
    }

    /// So many percent of it: of the calls, at least one; where that would be less than one, one in
    /// a longer time.
    pub(crate) fn scaled(self, percent: u16) -> Self {
        let hundredths = u64::from(self.calls.get()) * u64::from(percent);
        let calls = u32::try_from(hundredths / 100).unwrap_or(CALLS_MAX).min(CALLS_MAX);
        match NonZeroU32::new(calls) {
            Some(calls) => Self { calls, ..self },
            None => {
                let seconds = (self.seconds() * 100).div_ceil(hundredths.max(1));
                let time = Duration::from_secs(seconds).min(TIME_MAX);
                Self { calls: NonZeroU32::MIN, time }
            }
        }
    }

    /// After how long a bucket gets the next call back.
    pub(crate) fn interval(self) -> Duration {
        self.time / self.calls.get()
    }
}

/// The quota of each class that has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByClass {
    quotas: [Option<Quota>; CallClass::ALL.len()],
}

impl ByClass {
    /// The class has this quota from now on. Gives the one that it had.
    pub fn set(&mut self, class: CallClass, quota: Quota) -> Option<Quota> {
        self.quotas.get_mut(class as usize).and_then(|place| place.replace(quota))
    }

    /// All that have one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CallClass, Quota)> {
        let all = CallClass::ALL.into_iter().zip(self.quotas);
        all.filter_map(|(class, quota)| Some((class, quota?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_number_of_calls_in_whole_seconds() {
        let seconds = Duration::from_secs;
        let quota = Quota::new(5, seconds(10)).expect("a quota");
        assert_eq!(quota.interval(), seconds(2));
        for (calls, time) in [(1, seconds(1)), (CALLS_MAX, seconds(1)), (1, TIME_MAX)] {
            assert!(!Quota::new(calls, time).expect("a quota").interval().is_zero());
        }
        for calls in [0, CALLS_MAX + 1] {
            assert_eq!(Quota::new(calls, seconds(10)), Err(QuotaError::Calls));
        }
        for time in [seconds(0), Duration::from_millis(1_500), TIME_MAX + seconds(1)] {
            assert_eq!(Quota::new(5, time), Err(QuotaError::Time), "{time:?}");
        }
    }

    #[test]
    fn a_quota_is_scaled_in_its_calls_and_to_less_than_one_call_in_its_time() {
        let seconds = Duration::from_secs;
        let scaled = |calls, time, percent| {
            let scaled = Quota::new(calls, seconds(time)).expect("a quota").scaled(percent);
            (scaled.calls().get(), scaled.seconds())
        };
        assert_eq!(scaled(5, 10, 100), (5, 10));
        assert_eq!(scaled(5, 10, 50), (2, 10));
        assert_eq!(scaled(5, 10, 300), (15, 10));
        assert_eq!(scaled(5, 10, 10), (1, 20));
        assert_eq!(scaled(1, 10, 50), (1, 20));
        assert_eq!(scaled(1, 10, 1), (1, 1_000));
        assert_eq!(scaled(1, 3_600, 1), (1, 3_600), "no quota takes longer");
        assert_eq!(scaled(CALLS_MAX, 1, 1_000), (CALLS_MAX, 1));
    }

    #[test]
    fn a_class_is_that_of_the_route_or_of_the_method() {
        assert_eq!(Counted::ByMethod.class(&Method::HEAD), Some(CallClass::Reads));
        assert_eq!(Counted::ByMethod.class(&Method::DELETE), Some(CallClass::Commands));
        let batches = Counted::As(CallClass::Batches);
        assert_eq!(batches.class(&Method::POST), Some(CallClass::Batches));
        assert_eq!(Counted::Never.class(&Method::GET), None);
        for class in CallClass::ALL {
            assert_eq!(CallClass::parse(class.as_str()), Some(class));
        }
    }

    #[test]
    fn a_class_has_one_quota() {
        let quota = |calls| Quota::new(calls, Duration::from_secs(1)).expect("a quota");
        let mut quotas = ByClass::default();
        assert_eq!(quotas.set(CallClass::Reads, quota(7)), None);
        assert_eq!(quotas.set(CallClass::Reads, quota(8)), Some(quota(7)));
        assert_eq!(quotas.iter().collect::<Vec<_>>(), [(CallClass::Reads, quota(8))]);
    }
}
