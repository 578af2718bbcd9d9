//! The writer's time. The domain has no clock.
//!
//! On a log that goes by the wall clock, a clock that can't be right decides nothing until an
//! operator vouches for it: what has expired, and what was taken in time, can't be undone.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::{Clock, State, Timestamp};
use log_record::Position;

/// By how much the wall clock may stray at once from the time since the machine was started.
const JUMP_MAX: Duration = Duration::from_secs(5);

/// After how many days of rest a start asks whether the clock is right.
const REST_DAYS_MAX: u32 = 30;

/// How far an operator's watch may be from the wall clock that is confirmed by it.
const WATCH_TOLERANCE: Duration = Duration::from_secs(60);

/// How far what a command says may be ahead of the wall clock, on a log that goes by its commands:
/// the clocks of callers differ by seconds.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// What the machine's clocks show at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ClockReading {
    /// The wall clock.
    pub wall: Timestamp,
    /// The time since the machine was started, suspends counted.
    pub since_boot: Duration,
}

/// How the clocks are read: [`ReadClock::system`], or what a test puts in its place.
#[derive(Clone)]
pub struct ReadClock(pub Arc<dyn Fn() -> ClockReading + Send + Sync>);

impl ReadClock {
    /// The machine's own clocks.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(read_system))
    }

    /// What the wall clock says, where it isn't what an operator's watch says.
    #[must_use]
    pub fn other_than(&self, watch: Timestamp) -> Option<Timestamp> {
        let wall = (self.0)().wall;
        (!is_near(wall, watch)).then_some(wall)
    }
}

impl fmt::Debug for ReadClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadClock")
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
fn read_system() -> ClockReading {
    let wall = Timestamp::from_system(SystemTime::now()).unwrap_or_default();
    ClockReading { wall, since_boot: since_boot() }
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// Elsewhere the time that the machine was suspended isn't counted, so waking it asks for an
/// operator's word.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(time).unwrap_or_default()
}

/// Why the wall clock can't be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockDoubt {
    /// At the start it was before the last event.
    #[error("the wall clock says {wall}, before the last event, {last_event}")]
    BeforeLastEvent {
        /// The wall clock.
        wall: Timestamp,
        /// The time of the last event.
        last_event: Timestamp,
    },
    /// At the start it was long after the last event.
    #[error(
        "the wall clock says {wall}, more than {REST_DAYS_MAX} days after the last event, \
         {last_event}"
    )]
    LongAfterLastEvent {
        /// The wall clock.
        wall: Timestamp,
        /// The time of the last event.
        last_event: Timestamp,
    },
    /// It strayed from the time since the machine was started.
    #[error("the wall clock jumped by {seconds} s, to {wall}")]
    Jumped {
        /// By how much, forward or back.
        seconds: i64,
        /// The wall clock after it.
        wall: Timestamp,
    },
    /// The log says so since before the start.
    #[error("{0}")]
    Recorded(Box<str>),
}

/// Gives each decision its time.
#[derive(Debug)]
pub(super) struct WriterClock {
    source: Clock,
    read: ReadClock,
    /// What was read last.
    last: ClockReading,
    /// Why the wall clock can't be trusted, where it can't.
    doubt: Option<ClockDoubt>,
    /// The doubt that the last confirmation lifted, and that confirmation's position: it comes back
    /// if the confirmation doesn't land.
    lifted: Option<(Position, ClockDoubt)>,
}

impl WriterClock {
    /// `last_event` is the time of the log's last event, if it has any; `doubted` is a recorded
    /// reason to distrust the clock that no operator has cleared.
    pub(super) fn start(
        source: Clock,
        read: ReadClock,
        last_event: Option<Timestamp>,
        doubted: Option<&str>,
    ) -> Self {
        let last = (read.0)();
        let at_start = last_event.and_then(|last_event| {
            let wall = last.wall;
            if wall.micros() + micros(JUMP_MAX) < last_event.micros() {
                Some(ClockDoubt::BeforeLastEvent { wall, last_event })
            } else if wall > last_event.plus_days(REST_DAYS_MAX) {
                Some(ClockDoubt::LongAfterLastEvent { wall, last_event })
            } else {
                None
            }
        });
        let doubt = doubted.map(|why| ClockDoubt::Recorded(why.into())).or(at_start);
        let doubt = doubt.filter(|_| source == Clock::Wall);
        Self { source, read, last, doubt, lifted: None }
    }

    /// What the wall clock said when it was looked at last.
    pub(super) const fn wall(&self) -> Timestamp {
        self.last.wall
    }

    /// How long it is until `due`, by the wall clock as it is now.
    pub(super) fn until(&self, due: Timestamp) -> Duration {
        let micros = due.micros() - (self.read.0)().wall.micros();
        u64::try_from(micros).map_or(Duration::ZERO, Duration::from_micros)
    }

    pub(super) const fn source(&self) -> Clock {
        self.source
    }

    /// Why the clock can't be trusted, where it can't.
    pub(super) const fn doubt(&self) -> Option<&ClockDoubt> {
        self.doubt.as_ref()
    }

    /// Looks at the clock, before anything is decided, and gives the reason where it can't be
    /// trusted.
    pub(super) fn check(&mut self) -> Option<&ClockDoubt> {
        if self.source == Clock::Wall && self.doubt.is_none() {
            let now = (self.read.0)();
            let passed = micros(now.since_boot) - micros(self.last.since_boot);
            let strayed = now.wall.micros() - self.last.wall.micros() - passed;
            if strayed.abs() > micros(JUMP_MAX) {
                let seconds = strayed / 1_000_000;
                self.doubt = Some(ClockDoubt::Jumped { seconds, wall: now.wall });
            }
            self.last = now;
        }
        self.doubt.as_ref()
    }

    /// An operator vouches for the wall clock, by the event that is to be at `at`; false where it
    /// isn't what the operator's `watch` said, because it jumped after that.
    pub(super) fn confirm(&mut self, at: Position, watch: Timestamp) -> bool {
        let now = (self.read.0)();
        if self.source == Clock::Wall && !is_near(now.wall, watch) {
            return false;
        }
        self.last = now;
        if let Some(doubt) = self.doubt.take() {
            self.lifted = Some((at, doubt));
        }
        true
    }

    /// Doubts what the log doubts: `state` was built from it anew, after an append failed or a
    /// decision panicked. A confirmation that isn't in it lifted nothing. A doubt that came after
    /// the confirmation stays: it says more of the clock as it is.
    pub(super) fn follow(&mut self, state: &State) {
        if let Some((at, doubt)) = self.lifted.take()
            && at > state.position()
        {
            self.doubt.get_or_insert(doubt);
        }
        if self.source == Clock::Wall
            && self.doubt.is_none()
            && let Some(why) = state.clock_doubt()
        {
            self.doubt = Some(ClockDoubt::Recorded(why.into()));
        }
    }

    /// The wall clock, where what a command says would take the log's time beyond it. The log could
    /// not come back: recorded times don't decrease, and what expires by one wrong year is gone.
    pub(super) fn if_ahead(&self, said: Option<Timestamp>) -> Option<Timestamp> {
        let said = said.filter(|_| self.source == Clock::Commands)?;
        let wall = (self.read.0)().wall;
        (said.micros() - wall.micros() > micros(AHEAD_MAX)).then_some(wall)
    }

    /// The time of a decision that is made after an event of `last`: recorded times don't decrease.
    /// `said` is what the command says. The wall clock's is what was read when it was checked: a
    /// reading of its own could be one that nobody checked.
    pub(super) fn now(&self, last: Timestamp, said: Option<Timestamp>) -> Timestamp {
        match self.source {
            Clock::Wall => self.last.wall.max(last),
            Clock::Commands => said.unwrap_or(last).max(last),
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn is_near(wall: Timestamp, watch: Timestamp) -> bool {
    (wall.micros() - watch.micros()).abs() <= micros(WATCH_TOLERANCE)
}

#[cfg(test)]
mod tests {
    use log_record::Partition;
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn a_confirmation_that_was_lost_does_not_hide_a_jump_that_came_after_it() {
        let hands = Arc::new(Mutex::new(reading(1_000)));
        let read = ReadClock(Arc::new({
            let hands = Arc::clone(&hands);
            move || *hands.lock()
        }));
        let mut clock = WriterClock::start(Clock::Wall, read, None, None);
        *hands.lock() = reading(2_000);
        assert!(matches!(clock.check(), Some(ClockDoubt::Jumped { seconds: 1_000, .. })));
        assert!(!clock.confirm(Position(7), reading(1_000).wall), "it isn't what the watch said");
        assert!(clock.confirm(Position(7), reading(2_000).wall));
        assert_eq!(clock.check(), None);
        *hands.lock() = reading(5_000);
        assert!(matches!(clock.check(), Some(ClockDoubt::Jumped { seconds: 3_000, .. })));
        clock.follow(&State::new(Partition(0)));
        assert!(matches!(clock.doubt(), Some(ClockDoubt::Jumped { seconds: 3_000, .. })));
    }

    fn reading(seconds: i64) -> ClockReading {
        let wall = Timestamp::from_micros(seconds * 1_000_000).expect("a time");
        ClockReading { wall, since_boot: Duration::from_secs(1) }
    }
}
