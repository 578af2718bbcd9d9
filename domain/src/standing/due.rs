//! What falls due on ladders by itself, and what follows where something was counted.

use log_record::Position;

use super::{Standing, Standings, Verdict, as_points};
use crate::ladder::reaches;
use crate::{
    AccountId, Calendar, Day, Downgrade, Event, GrantEnd, Ladder, LadderId, LadderNumber,
    LadderTerms, Ladders, Note, Points, Returns, TierChanged, TierGrantEnded, Timestamp, Window,
};

/// Something that happened to an account's tier by itself, as its event says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TierStep {
    /// A tier was reached.
    Reached(TierChanged),
    /// A tier is kept for longer.
    Kept(TierChanged),
    /// A tier lapsed.
    Lapsed(TierChanged),
    /// A granted tier is over.
    GrantEnded(TierGrantEnded),
}

impl TierStep {
    /// As an event of an account.
    #[must_use]
    pub fn event(self, id: &AccountId) -> Event {
        let id = id.clone();
        match self {
            Self::Reached(fact) => Event::TierReached(id, fact),
            Self::Kept(fact) => Event::TierKept(id, fact),
            Self::Lapsed(fact) => Event::TierLapsed(id, fact),
            Self::GrantEnded(fact) => Event::TierGrantEnded(id, fact),
        }
    }
}

impl Standings {
    /// When something falls due next, whatever was amended.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|(_, standing)| standing.next_end()).min()
    }

    /// Whether something may be due: a tier ended, or a ladder was amended.
    pub(crate) fn has_due(&self, ladders: &Ladders, now: Timestamp) -> bool {
        self.0.iter().any(|(number, standing)| {
            standing.next_end().is_some_and(|due| due <= now)
                || ladders.at(*number).is_some_and(|(_, ladder)| standing.judged < ladder.version)
        })
    }

    /// When something falls due next, amendments included.
    pub(crate) fn next_due_of(&self, ladders: &Ladders) -> Option<Timestamp> {
        let due = |(number, standing): &(LadderNumber, Standing)| {
            ladders.at(*number).and_then(|(_, ladder)| standing.next_due(ladder))
        };
        self.0.iter().filter_map(due).min()
    }

    /// Applies all that falls due at a time, ladder by ladder, in events that follow `last`.
    pub(crate) fn fall_due(
        &mut self,
        ladders: &Ladders,
        (time, now): (Timestamp, Timestamp),
        last: Position,
    ) -> Vec<TierStep> {
        let mut applied = vec![];
        for (number, standing) in &mut self.0 {
            let Some((id, ladder)) = ladders.at(*number) else { continue };
            loop {
                let at = last.plus(applied.len() as u64 + 1);
                match standing.fall_due(id, ladder, time) {
                    Due::Nothing => break,
                    Due::Judged(version) => standing.judged = version,
                    Due::Step(step) => {
                        if standing.apply(ladder, (at, now), &step).is_err() {
                            // Unreachable: the step follows from the standing.
                            break;
                        }
                        applied.push(step);
                    }
                }
            }
        }
        applied
    }

    /// Applies all that is due by now, in events that follow `last`.
    pub(crate) fn apply_due(
        &mut self,
        ladders: &Ladders,
        now: Timestamp,
        last: Position,
    ) -> Vec<TierStep> {
        let mut applied: Vec<TierStep> = vec![];
        while let Some(due) = self.next_due_of(ladders).filter(|due| *due <= now) {
            let last = last.plus(applied.len() as u64);
            applied.extend(self.fall_due(ladders, (due, now), last));
        }
        applied
    }

    /// What follows on a ladder from what was counted now.
    pub(crate) fn judge(
        &mut self,
        ladders: &Ladders,
        number: LadderNumber,
        is_less: bool,
        (at, now): (Position, Timestamp),
    ) -> Option<TierStep> {
        let (id, ladder) = ladders.at(number)?;
        let standing = self.get_mut(number);
        let step = standing.judge(id, ladder, is_less, now)?;
        standing.apply(ladder, (at, now), &step).ok()?;
        Some(step)
    }
}

/// What is due next on a ladder.
pub(super) enum Due {
    Nothing,
    /// An amendment gives nothing.
    Judged(u64),
    Step(TierStep),
}

impl Standing {
    /// When a tier ends next, earned or granted.
    fn next_end(&self) -> Option<Timestamp> {
        let earned = self.held.as_ref().and_then(|held| held.until);
        let granted = self.grant.as_ref().map(|grant| grant.until);
        [earned, granted].into_iter().flatten().min()
    }

    /// When something falls due next: a tier's end, or what an amendment gives.
    #[must_use]
    pub fn next_due(&self, ladder: &Ladder) -> Option<Timestamp> {
        let amended = ladder.amended_at(self.judged.saturating_add(1));
        [self.next_end(), amended].into_iter().flatten().min()
    }

    pub(super) fn apply(
        &mut self,
        ladder: &Ladder,
        at: (Position, Timestamp),
        step: &TierStep,
    ) -> Result<(), &'static str> {
        match step {
            TierStep::Reached(fact) => self.change(ladder, at, super::Change::Reached, fact),
            TierStep::Kept(fact) => self.change(ladder, at, super::Change::Kept, fact),
            TierStep::Lapsed(fact) => self.change(ladder, at, super::Change::Lapsed, fact),
            TierStep::GrantEnded(fact) => self.end_grant(ladder, fact),
        }
    }

    /// The first thing that is due at a time: the end of a tier, then what amendments give, then
    /// the end of a grant.
    pub(super) fn fall_due(&self, id: LadderId, ladder: &Ladder, time: Timestamp) -> Due {
        let end = self.held.as_ref().and_then(|held| held.until);
        if let Some(end) = end.filter(|end| *end <= time) {
            return self.end(id, ladder, end).map_or(Due::Nothing, Due::Step);
        }
        let version = self.judged.saturating_add(1);
        if let Some(amended_at) = ladder.amended_at(version).filter(|at| *at <= time) {
            let step = self.amended(id, ladder, version, amended_at);
            return step.map_or(Due::Judged(version), Due::Step);
        }
        match &self.grant {
            Some(grant) if grant.until <= time => {
                let Some(tier) = ladder.tier(grant.tier) else { return Due::Nothing };
                Due::Step(TierStep::GrantEnded(TierGrantEnded {
                    ladder: id,
                    grant_id: grant.id.clone(),
                    tier,
                    ended: GrantEnd::Until,
                    occurred_at: None,
                    note: Note::default(),
                }))
            }
            _ => Due::Nothing,
        }
    }

    /// What becomes of a tier at its end.
    fn end(&self, id: LadderId, ladder: &Ladder, time: Timestamp) -> Option<TierStep> {
        let version = ladder.version_before(time).max(self.judged);
        let terms = ladder.terms_of(version)?;
        let calendar = ladder.calendar();
        let found = self.verdict(terms, calendar, time);
        let rank = self.rank(ladder, terms);
        if found.rank >= rank {
            // A higher level is reached when something counts, or by an amendment.
            let change = self.changed((id, version), ladder, terms, rank, found, time);
            return Some(TierStep::Kept(change));
        }
        let mut to = found;
        if terms.downgrade == Downgrade::OneLevel {
            let lower = rank.and_then(|rank| rank.checked_sub(1));
            let present = terms.window.period(calendar.day(time));
            let until = terms.window.sunk_until(calendar, present);
            if lower > found.rank {
                (to.rank, to.until) = (lower, until);
            } else if lower == found.rank {
                to.until = to.until.max(until);
            }
        }
        Some(TierStep::Lapsed(self.changed((id, version), ladder, terms, to.rank, to, time)))
    }

    /// What a newer version gives: a higher tier, or nothing.
    fn amended(
        &self,
        id: LadderId,
        ladder: &Ladder,
        version: u64,
        time: Timestamp,
    ) -> Option<TierStep> {
        let terms = ladder.terms_of(version)?;
        let found = self.verdict(terms, ladder.calendar(), time);
        let is_higher = found.rank > self.rank(ladder, terms);
        is_higher.then(|| {
            TierStep::Reached(self.changed((id, version), ladder, terms, found.rank, found, time))
        })
    }

    /// What follows from what was counted now, by the present terms.
    fn judge(
        &self,
        id: LadderId,
        ladder: &Ladder,
        is_less: bool,
        now: Timestamp,
    ) -> Option<TierStep> {
        let (terms, calendar) = (&ladder.terms, ladder.calendar());
        let found = self.verdict(terms, calendar, now);
        let rank = self.rank(ladder, terms);
        let change = || self.changed((id, ladder.version), ladder, terms, found.rank, found, now);
        if found.rank > rank {
            return Some(TierStep::Reached(change()));
        }
        // Below what is held by everybody nobody sinks.
        let held = self.held.as_ref()?;
        let has_come_back = is_less
            && terms.returns == Returns::Recount
            && !reaches(held.given.count, held.given.from);
        if found.rank == rank {
            // A later year reached the level again, or the one that did doesn't any more.
            let is_longer = found.last > held.given.first && found.until > held.until;
            let is_shorter = has_come_back && found.until < held.until;
            let is_by_years = matches!(terms.window, Window::Years { .. });
            return (is_by_years && (is_longer || is_shorter)).then(|| TierStep::Kept(change()));
        }
        let is_gone = has_come_back && !self.any_reaches(terms, calendar, now, held.given.from);
        is_gone.then(|| TierStep::Lapsed(change()))
    }

    /// Which level the count gives at a time.
    fn verdict(&self, terms: &LadderTerms, calendar: Calendar, time: Timestamp) -> Verdict {
        let found = |last, count| {
            let rank = terms.levels.reached_by(count);
            let level = rank.and_then(|rank| terms.levels.get(rank));
            let is_given = level.is_some_and(|level| level.from > Points::ZERO);
            let until = is_given.then(|| terms.window.until(calendar, last)).flatten();
            Verdict { rank, count, last, until }
        };
        let counts = self.counts(terms, calendar, time).map(|(last, count)| found(last, count));
        // The highest level, and of the years that give it the latest.
        let best = counts.max_by_key(|found| (found.rank, found.last));
        best.unwrap_or_else(|| found(terms.window.period(calendar.day(time)), 0))
    }

    /// The counts that can give a level at a time, each with the year or the month with which it
    /// ends: those of the running year and of the years whose tiers haven't ended; that of the
    /// window; or that of all time.
    fn counts(
        &self,
        terms: &LadderTerms,
        calendar: Calendar,
        time: Timestamp,
    ) -> impl Iterator<Item = (super::CountPeriod, i64)> {
        let window = terms.window;
        let present = window.period(calendar.day(time));
        let count = self.sums.between(window.first_counted(present), present);
        let is_ahead = move |year| window.until(calendar, year).is_some_and(|until| until > time);
        let is_by_years = matches!(window, Window::Years { .. });
        let earlier = self
            .sums
            .iter()
            .filter(move |(year, _)| is_by_years && *year < present && is_ahead(*year));
        std::iter::once((present, count)).chain(earlier)
    }

    /// Whether any count reaches so much at a time.
    fn any_reaches(
        &self,
        terms: &LadderTerms,
        calendar: Calendar,
        time: Timestamp,
        from: Points,
    ) -> bool {
        self.counts(terms, calendar, time).any(|(_, count)| reaches(count, from))
    }

    /// What is counted at a time in the running year, in the window or of all time.
    pub(super) fn counted(&self, ladder: &Ladder, time: Timestamp) -> i64 {
        let (window, calendar) = (ladder.terms.window, ladder.calendar());
        let present = window.period(calendar.day(time));
        self.sums.between(window.first_counted(present), present)
    }

    fn changed(
        &self,
        (ladder_id, version): (LadderId, u64),
        ladder: &Ladder,
        terms: &LadderTerms,
        rank: Option<usize>,
        found: Verdict,
        time: Timestamp,
    ) -> TierChanged {
        let level_of = |rank: usize| terms.levels.get(rank);
        let level = rank.and_then(level_of);
        let is_given = level.is_some_and(|level| level.from > Points::ZERO);
        let first = terms.window.first_counted(found.last);
        TierChanged {
            ladder: ladder_id,
            version,
            tier: level.map(|level| level.tier),
            before: self.rank(ladder, terms).and_then(level_of).map(|level| level.tier),
            counted: as_points(found.count),
            counted_from: terms.window.first_day(first),
            // At the end of all time nothing ends any more.
            until: found.until.filter(|until| is_given && *until > time),
        }
    }
}

impl Ladder {
    /// The calendar by which it counts. A zone that was known when the unit was made is known to
    /// every later build.
    fn calendar(&self) -> Calendar {
        self.time_zone.calendar().unwrap_or(Calendar::UTC)
    }

    /// The day that it is for it at a time.
    pub(crate) fn day(&self, at: Timestamp) -> Day {
        self.calendar().day(at)
    }
}
