//! How overloaded a process is, and what it refuses for that.
//!
//! Each writer tells how long commands would wait for it, and whether the log takes nothing. It
//! refuses commands itself; reads are refused here, where callers are let in. The order is the same
//! for all: what costs its caller least goes first (docs/decisions/0069).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::{Problem, Role};

/// How long what a writer tells counts. While too much comes, it tells it all the time.
const TOLD_FOR: Duration = Duration::from_secs(1);

/// What is refused of an overloaded process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// A question what a redemption would do.
    DryRun,
    /// A list.
    List,
    /// A redemption whose id isn't known yet.
    Redemption,
    /// Any other command: a repeat, too.
    Command,
    /// Any other read: of a balance, most of all.
    Read,
}

/// How far shedding goes; each stage sheds what those before it do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing is shed.
    Calm,
    /// Dry runs and lists are.
    Questions,
    /// New redemptions, too.
    Redemptions,
    /// All but what operators ask.
    All,
}

/// What a process knows of its overload. Clones share it.
#[derive(Clone, Debug)]
pub struct Overload(Arc<Known>);

#[derive(Debug)]
struct Known {
    made: Instant,
    /// Until when each stage but the first counts, in milliseconds after `made`.
    until: [AtomicU64; 3],
    /// By [`Shed::ALL`].
    shed: [AtomicU64; Shed::ALL.len()],
    /// How many writers refuse all commands, because the log takes nothing.
    logs_away: AtomicUsize,
    /// How often one began to.
    went_away: AtomicU64,
}

impl Shed {
    /// All, as they are counted.
    pub const ALL: [Self; 5] =
        [Self::DryRun, Self::List, Self::Redemption, Self::Command, Self::Read];

    /// As metrics write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DryRun => "dry-run",
            Self::List => "list",
            Self::Redemption => "redemption",
            Self::Command => "command",
            Self::Read => "read",
        }
    }

    /// From which stage on it is shed.
    const fn stage(self) -> Stage {
        match self {
            Self::DryRun | Self::List => Stage::Questions,
            Self::Redemption => Stage::Redemptions,
            Self::Command | Self::Read => Stage::All,
        }
    }
}

impl Stage {
    /// That of a wait: the first begins after `shed_after`, each next one after twice as long.
    #[must_use]
    pub fn of_wait(wait: Duration, shed_after: Duration) -> Self {
        match wait {
            wait if wait <= shed_after => Self::Calm,
            wait if wait <= shed_after.saturating_mul(2) => Self::Questions,
            wait if wait <= shed_after.saturating_mul(4) => Self::Redemptions,
            _ => Self::All,
        }
    }

    /// Whether it sheds this.
    #[must_use]
    pub fn sheds(self, what: Shed) -> bool {
        self >= what.stage()
    }
}

impl Overload {
    /// A writer found that commands would wait so long that this is shed.
    pub fn tell(&self, stage: Stage, now: Instant) {
        let of_stage = (stage as usize).checked_sub(1).and_then(|index| self.0.until.get(index));
        if let Some(until) = of_stage {
            until.store(self.millis(now + TOLD_FOR), Ordering::Relaxed);
        }
    }

    /// How far shedding goes at the moment.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let until = self.0.until.each_ref().map(|until| until.load(Ordering::Relaxed));
        if until == [0; 3] {
            return Stage::Calm;
        }
        let now = self.millis(Instant::now());
        let stages = [Stage::All, Stage::Redemptions, Stage::Questions];
        let mut told = stages.into_iter().zip(until.into_iter().rev());
        told.find(|(_, until)| now < *until).map_or(Stage::Calm, |(stage, _)| stage)
    }

    /// Counts what was shed.
    pub fn count(&self, what: Shed) {
        self.0.shed[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often each was shed.
    pub fn counts(&self) -> impl Iterator<Item = (Shed, u64)> {
        let counts = self.0.shed.each_ref().map(|count| count.load(Ordering::Relaxed));
        Shed::ALL.into_iter().zip(counts)
    }

    /// A writer refuses all commands from now on, or no longer does.
    pub fn set_log_away(&self, is_away: bool) {
        if is_away {
            self.0.logs_away.fetch_add(1, Ordering::Relaxed);
            self.0.went_away.fetch_add(1, Ordering::Relaxed);
        } else {
            self.0.logs_away.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many writers refuse all commands, because the log takes nothing.
    #[must_use]
    pub fn logs_away(&self) -> usize {
        self.0.logs_away.load(Ordering::Relaxed)
    }

    /// How often a writer began to refuse all commands.
    #[must_use]
    pub fn went_away(&self) -> u64 {
        self.0.went_away.load(Ordering::Relaxed)
    }

    /// Refuses a read where it is shed. What operators ask never is: they are to find out why.
    pub(crate) fn check_read(&self, is_list: bool, role: Role) -> Result<(), Problem> {
        let what = if is_list { Shed::List } else { Shed::Read };
        if role == Role::Operator || !self.stage().sheds(what) {
            return Ok(());
        }
        self.count(what);
        Err(Problem::overloaded())
    }

    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.0.made);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Default for Overload {
    fn default() -> Self {
        Self(Arc::new(Known {
            made: Instant::now(),
            until: Default::default(),
            shed: Default::default(),
            logs_away: AtomicUsize::new(0),
            went_away: AtomicU64::new(0),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_commands_wait_the_more_is_shed() {
        let shed_after = Duration::from_millis(500);
        for (millis, shed) in [
            (0, &[][..]),
            (500, &[]),
            (501, &[Shed::DryRun, Shed::List]),
            (1_000, &[Shed::DryRun, Shed::List]),
            (1_001, &[Shed::DryRun, Shed::List, Shed::Redemption]),
            (2_000, &[Shed::DryRun, Shed::List, Shed::Redemption]),
            (2_001, &Shed::ALL),
        ] {
            let stage = Stage::of_wait(Duration::from_millis(millis), shed_after);
            let sheds: Vec<Shed> =
                Shed::ALL.into_iter().filter(|what| stage.sheds(*what)).collect();
            assert_eq!(sheds, shed, "after {millis} ms");
        }
        let never = Stage::of_wait(Duration::from_secs(1_000_000), Duration::MAX);
        assert_eq!(never, Stage::Calm);
    }

    #[test]
    fn the_furthest_stage_that_was_told_counts_for_a_second() {
        let overload = Overload::default();
        assert_eq!(overload.stage(), Stage::Calm);
        let now = Instant::now();
        overload.tell(Stage::Questions, now + Duration::from_secs(60));
        assert_eq!(overload.stage(), Stage::Questions);
        overload.tell(Stage::All, now + Duration::from_secs(60));
        overload.tell(Stage::Calm, now + Duration::from_secs(60));
        assert_eq!(overload.stage(), Stage::All);
        overload.tell(Stage::All, now - TOLD_FOR);
        assert_eq!(overload.stage(), Stage::Questions);
    }

    #[test]
    fn reads_are_shed_in_their_order_and_an_operators_never() {
        let overload = Overload::default();
        let later = Instant::now() + Duration::from_secs(60);
        let is_shed = |is_list, role| overload.check_read(is_list, role).is_err();
        overload.tell(Stage::Redemptions, later);
        assert!(is_shed(true, Role::Shopper) && !is_shed(false, Role::Shopper));
        overload.tell(Stage::All, later);
        assert!(is_shed(true, Role::Auditor) && is_shed(false, Role::Shopper));
        assert!(!is_shed(true, Role::Operator) && !is_shed(false, Role::Operator));
        let counts: Vec<u64> = overload.counts().map(|(_, count)| count).collect();
        assert_eq!(counts, [0, 2, 0, 0, 1]);
    }
}
