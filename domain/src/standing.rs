//! Where an account stands on the ladders: what it has counted, which tiers that gave, and which an
//! operator granted. What falls due in it follows from it, the ladder and the time alone, so that
//! the writer and a query find the same, whenever they look.

mod due;
mod passing;
mod present;
mod sums;

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::ladder::{Counting, reaches};
use crate::{
    CountPeriod, Event, GrantId, Ladder, LadderId, LadderNumber, LadderTerms, Ladders, Points,
    TierChanged, TierGrantEnded, TierGranted, TierId, TierNumber, Timestamp,
};
pub use due::TierStep;
pub use present::{HeldTier, PresentTier, StandingParts, present_tiers};
use sums::Sums;

/// Where an account stands on a ladder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The version of the ladder by which it was last judged; 0 before the first time.
    judged: u64,
    /// Since when it has the tier that it has earned; without it, from the start.
    since: Option<Timestamp>,
    /// What was counted, by year or month.
    sums: Sums,
    /// The tier that it has earned, where that isn't the level that everybody has.
    held: Option<Box<Held>>,
    /// What an operator granted.
    grant: Option<Box<Grant>>,
}

/// A tier that was earned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    tier: TierNumber,
    /// It holds before then; without it, for ever.
    until: Option<Timestamp>,
    given: Given,
}

/// The count that gave a tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Given {
    /// How much it is now: with what was counted on its days since, less what has come back.
    count: i64,
    /// Where the tier's level began then.
    #[serde(with = "crate::sum")]
    from: Points,
    /// The year, or the first month, that was counted.
    first: CountPeriod,
    /// The event that said so.
    at: Position,
}

/// A tier that was granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    id: GrantId,
    tier: TierNumber,
    /// It holds before then.
    until: Timestamp,
    since: Timestamp,
}

/// An account's standings, by ladder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Standings(Vec<(LadderNumber, Standing)>);

/// A ladder that an event counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The ladder's place.
    pub ladder: LadderNumber,
    /// Whether it counts less than before.
    pub is_less: bool,
}

/// What is found where a count is looked at.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    /// The highest level that it gives, by its rank.
    rank: Option<usize>,
    count: i64,
    /// The year or the month with which the count ends.
    last: CountPeriod,
    /// Until when the level holds; without it, for ever.
    until: Option<Timestamp>,
}

pub(crate) const UNKNOWN_LADDER: &str = "of an unknown ladder";

impl Standings {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with the number of its ladder, in the order of the ladders.
    pub fn iter(&self) -> impl Iterator<Item = (LadderNumber, &Standing)> {
        self.0.iter().map(|(number, standing)| (*number, standing))
    }

    /// That on a ladder, where it was ever counted or granted something there.
    #[must_use]
    pub fn get(&self, number: LadderNumber) -> Option<&Standing> {
        self.iter().find(|(other, _)| *other == number).map(|(_, standing)| standing)
    }

    fn get_mut(&mut self, number: LadderNumber) -> &mut Standing {
        let index = self.0.partition_point(|(other, _)| *other < number);
        if self.0.get(index).is_none_or(|(other, _)| *other != number) {
            // Most accounts have one; the usual first growth is to four.
            self.0.reserve_exact(1);
            self.0.insert(index, (number, Standing::default()));
        }
        &mut self.0[index].1
    }

    /// The bytes that it has allocated.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let each: usize = self.0.iter().map(|(_, standing)| standing.allocated_bytes()).sum();
        self.0.capacity() * size_of::<(LadderNumber, Standing)>() + each
    }

    /// Applies an event of the account; `Err` says what the event breaks. Says on which ladders it
    /// counted.
    pub fn evolve(
        &mut self,
        ladders: &Ladders,
        at: Position,
        recorded_at: Timestamp,
        event: &Event,
    ) -> Result<Vec<Counted>, &'static str> {
        let (kind, fact) = match event {
            Event::TierReached(_, fact) => (Change::Reached, fact),
            Event::TierKept(_, fact) => (Change::Kept, fact),
            Event::TierLapsed(_, fact) => (Change::Lapsed, fact),
            Event::TierGranted(_, fact) => {
                let (standing, ladder) = self.on(ladders, fact.ladder)?;
                standing.grant(ladder, recorded_at, fact)?;
                return Ok(vec![]);
            }
            Event::TierGrantEnded(_, fact) => {
                let (standing, ladder) = self.on(ladders, fact.ladder)?;
                standing.end_grant(ladder, fact)?;
                return Ok(vec![]);
            }
            Event::CountsPassedOn(..) => {
                self.pass_on();
                return Ok(vec![]);
            }
            Event::CountsTakenOver(_, fact) => {
                return self.take_over(ladders, (at, recorded_at), &fact.counts.ladders);
            }
            _ => return Ok(self.count(ladders, event)),
        };
        let (standing, ladder) = self.on(ladders, fact.ladder)?;
        standing.change(ladder, (at, recorded_at), kind, fact)?;
        Ok(vec![])
    }

    fn on<'a>(
        &mut self,
        ladders: &'a Ladders,
        id: LadderId,
    ) -> Result<(&mut Standing, &'a Ladder), &'static str> {
        let number = ladders.number(id).ok_or(UNKNOWN_LADDER)?;
        let ladder = ladders.get(id).ok_or(UNKNOWN_LADDER)?;
        Ok((self.get_mut(number), ladder))
    }

    fn count(&mut self, ladders: &Ladders, event: &Event) -> Vec<Counted> {
        let mut counted = vec![];
        if Counting::of(event).is_none() {
            return counted;
        }
        for (number, ladder) in ladders.numbered() {
            if let Some((period, points)) = ladder.counts(event) {
                self.get_mut(number).count(ladder, period, points);
                counted.push(Counted { ladder: number, is_less: points < 0 });
            }
        }
        counted
    }
}

impl FromIterator<(LadderNumber, Standing)> for Standings {
    fn from_iter<I: IntoIterator<Item = (LadderNumber, Standing)>>(standings: I) -> Self {
        let mut standings: Vec<_> = standings.into_iter().collect();
        standings.sort_by_key(|(number, _)| *number);
        Self(standings)
    }
}

/// How a tier changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Reached,
    Kept,
    Lapsed,
}

impl Standing {
    fn allocated_bytes(&self) -> usize {
        let held = self.held.as_ref().map_or(0, |_| size_of::<Held>());
        let grant = self.grant.as_ref().map_or(0, |it| size_of::<Grant>() + it.id.as_str().len());
        self.sums.allocated_bytes() + held + grant
    }

    /// Counts points in a year or a month.
    fn count(&mut self, ladder: &Ladder, period: CountPeriod, points: i64) {
        let window = ladder.terms.window;
        self.sums.add(window, period, points);
        // Whoever decided it judged it by the present terms.
        self.judged = ladder.version;
        let Some(held) = &mut self.held else { return };
        let given = &mut held.given;
        // Its sums may be dropped while the tier still holds.
        if given.first <= period && period <= window.last_counted(given.first) {
            given.count = given.count.saturating_add(points);
        }
    }

    fn change(
        &mut self,
        ladder: &Ladder,
        (at, recorded_at): (Position, Timestamp),
        kind: Change,
        fact: &TierChanged,
    ) -> Result<(), &'static str> {
        let terms = ladder.terms_of(fact.version).ok_or("of an unknown version of a ladder")?;
        let rank_of = |tier: TierId| terms.levels.rank_of(tier).ok_or("of an unknown tier");
        let rank = fact.tier.map(rank_of).transpose()?;
        let before = fact.before.map(rank_of).transpose()?;
        if self.rank(ladder, terms) != before {
            return Err("I16: a tier changed that the account didn't have");
        }
        let is_sound = match kind {
            Change::Reached => rank > before,
            Change::Kept => rank == before,
            Change::Lapsed => rank < before,
        };
        if !is_sound {
            return Err("I16: a tier is reached upwards, kept, or lapses downwards");
        }
        let first = match fact.counted_from {
            Some(day) => terms.window.period(day),
            None => CountPeriod::default(),
        };
        if terms.window.first_day(first) != fact.counted_from {
            return Err("I16: a count begins with a year or a month of its ladder");
        }
        let count = self.sums.between(first, terms.window.last_counted(first));
        if as_points(count) != fact.counted {
            return Err("I16: a tier event says another count than there is");
        }
        let by_count = terms.levels.reached_by(count);
        let is_given = match kind {
            Change::Reached => rank == by_count,
            // Where it sinks by one level, it has more than the count gives.
            Change::Lapsed => rank >= by_count,
            Change::Kept => rank <= by_count,
        };
        if !is_given {
            return Err("I16: a tier that its count doesn't give");
        }
        if kind != Change::Kept {
            let end = self.held.as_ref().and_then(|held| held.until);
            let then = match kind {
                // By an amendment, whenever that is recorded.
                Change::Reached if fact.version > self.judged => ladder.amended_at(fact.version),
                Change::Lapsed => end.filter(|end| *end <= recorded_at),
                _ => None,
            };
            self.since = Some(then.unwrap_or(recorded_at));
        }
        let level = rank.and_then(|rank| terms.levels.get(rank));
        self.held = match level.filter(|level| level.from > Points::ZERO) {
            None => None,
            Some(level) => {
                let tier = ladder.number_of(level.tier).ok_or("of an unknown tier")?;
                let from = level.from;
                let carried = self.held.as_ref().map(|held| held.given);
                let given = match carried {
                    // It sank by one level: the count that gave the higher tier gives this one.
                    Some(given) if !reaches(count, from) => Given { from, ..given },
                    _ => Given { count, from, first, at },
                };
                Some(Box::new(Held { tier, until: fact.until, given }))
            }
        };
        self.judged = self.judged.max(fact.version);
        Ok(())
    }

    fn grant(
        &mut self,
        ladder: &Ladder,
        recorded_at: Timestamp,
        fact: &TierGranted,
    ) -> Result<(), &'static str> {
        let tier = ladder.number_of(fact.tier).ok_or("of an unknown tier")?;
        let former = self.grant.as_ref().map(|grant| &grant.id);
        if former != fact.replaces.as_ref().map(|replaced| &replaced.grant_id) {
            return Err("I16: a grant takes the place of the one in force");
        }
        if fact.until <= recorded_at {
            return Err("I16: a grant ends after it was made");
        }
        let (id, until, since) = (fact.grant_id.clone(), fact.until, recorded_at);
        self.grant = Some(Box::new(Grant { id, tier, until, since }));
        // Nobody who has counted nothing can be judged.
        self.judged = if self.judged == 0 { ladder.version } else { self.judged };
        Ok(())
    }

    fn end_grant(&mut self, ladder: &Ladder, fact: &TierGrantEnded) -> Result<(), &'static str> {
        let tier = ladder.number_of(fact.tier);
        let is_it = |grant: &Grant| grant.id == fact.grant_id && Some(grant.tier) == tier;
        if !self.grant.as_deref().is_some_and(is_it) {
            return Err("I16: a grant ended that wasn't in force");
        }
        self.grant = None;
        Ok(())
    }

    /// The rank of what it has earned, by these terms.
    fn rank(&self, ladder: &Ladder, terms: &LadderTerms) -> Option<usize> {
        let tier = self.held.as_ref().and_then(|held| ladder.tier(held.tier));
        tier.and_then(|tier| terms.levels.rank_of(tier)).max(terms.levels.base())
    }
}

/// A count as events and answers say it.
fn as_points(count: i64) -> Points {
    let count = u64::try_from(count).unwrap_or_default();
    Points::sum_of(count).unwrap_or(Points::MOST)
}

#[cfg(test)]
mod scenarios;
