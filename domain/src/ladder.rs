//! Ladders: by how much an account has counted of a unit, it is of a tier.

mod window;

use indexmap::IndexMap;
use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::short_id::short_id;
use crate::{
    CauseKind, Event, LadderSet, Points, TimeZone, Timestamp, UnitId, WithdrawalCause, sum,
};
pub use window::{
    CountPeriod, KeptMonths, KeptMonthsError, KeptYears, KeptYearsError, Window, WindowMonths,
    WindowMonthsError, YearFrom, YearFromError,
};

/// How many ladders there are at most: each has a count in every account that it counts.
pub const LADDERS_MAX: usize = 10;

/// How many levels a ladder has at most.
pub const LEVELS_MAX: usize = 10;

short_id! {
    /// A ladder, by the id that an operator gave it.
    LadderId
}
short_id! {
    /// A tier of a ladder, by the id that an operator gave it.
    TierId
}

/// A step of a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// What who has reached it is.
    pub tier: TierId,
    /// From so much counted on.
    #[serde(with = "sum")]
    pub from: Points,
}

/// The levels of a ladder, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Level>", into = "Vec<Level>")]
pub struct Levels(Vec<Level>);

/// What is wrong with levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelsError {
    /// There are none, or too many.
    #[error("must be 1 to {LEVELS_MAX} levels")]
    Count,
    /// One begins where the one before it does, or below.
    #[error("must rise: each level's from must be more than that of the level before it")]
    Order,
    /// Two are of one tier.
    #[error("must name each tier once")]
    Twice,
}

impl Levels {
    /// The lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Level> {
        self.0.iter()
    }

    /// A level by its rank, from 0.
    #[must_use]
    pub fn get(&self, rank: usize) -> Option<&Level> {
        self.0.get(rank)
    }

    /// The rank of a tier.
    #[must_use]
    pub fn rank_of(&self, tier: TierId) -> Option<usize> {
        self.0.iter().position(|level| level.tier == tier)
    }

    /// The rank of the level that everybody has, where the lowest begins at 0.
    #[must_use]
    pub fn base(&self) -> Option<usize> {
        self.0.first().filter(|level| level.from == Points::ZERO).map(|_| 0)
    }

    /// The highest level that so much reaches.
    #[must_use]
    pub fn reached_by(&self, counted: i64) -> Option<usize> {
        let reached = self.0.iter().rposition(|level| reaches(counted, level.from));
        reached.or_else(|| self.base())
    }

    /// Whether these levels have all tiers of others, in the same order.
    fn keep_all_of(&self, others: &Self) -> bool {
        let ranks: Vec<_> = others.iter().map(|level| self.rank_of(level.tier)).collect();
        ranks.iter().all(Option::is_some) && ranks.is_sorted()
    }
}

/// Whether a count is as much as a level asks for.
pub(crate) fn reaches(counted: i64, from: Points) -> bool {
    u64::try_from(counted).is_ok_and(|counted| counted >= from.get())
}

impl TryFrom<Vec<Level>> for Levels {
    type Error = LevelsError;

    fn try_from(levels: Vec<Level>) -> Result<Self, LevelsError> {
        if !(1..=LEVELS_MAX).contains(&levels.len()) {
            return Err(LevelsError::Count);
        }
        if !levels.is_sorted_by(|lower, higher| lower.from < higher.from) {
            return Err(LevelsError::Order);
        }
        let is_twice = |(index, level): (usize, &Level)| {
            levels[..index].iter().any(|other| other.tier == level.tier)
        };
        if levels.iter().enumerate().any(is_twice) {
            return Err(LevelsError::Twice);
        }
        Ok(Self(levels))
    }
}

impl From<Levels> for Vec<Level> {
    fn from(levels: Levels) -> Self {
        levels.0
    }
}

/// To which level a tier lapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Downgrade {
    /// To the one that the count gives.
    ByCount,
    /// To the next lower one, or to the one that the count gives, where that is higher.
    OneLevel,
}

impl Downgrade {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByCount => "by-count",
            Self::OneLevel => "one-level",
        }
    }
}

/// What happens to a tier when what gave it comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Returns {
    /// It is lowered at once.
    #[default]
    Recount,
    /// It stays until its end.
    Keep,
}

impl Returns {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recount => "recount",
            Self::Keep => "keep",
        }
    }
}

/// What a ladder is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderTerms {
    /// What it counts.
    pub unit: UnitId,
    /// The lowest first.
    pub levels: Levels,
    /// In which time it counts, and for how long a tier holds.
    pub window: Window,
    /// To which level a tier lapses.
    pub downgrade: Downgrade,
    /// What happens to a tier when what gave it comes back.
    pub returns: Returns,
    /// Whether adjustments count.
    pub adjustments: bool,
}

impl LadderTerms {
    /// Whether an amendment may replace these terms by others.
    pub(crate) fn can_become(&self, other: &Self) -> bool {
        self.unit == other.unit
            && self.window.counts_like(other.window)
            && self.adjustments == other.adjustments
            && other.levels.keep_all_of(&self.levels)
    }
}

/// Terms that an amendment replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierLadderTerms {
    /// The terms.
    pub terms: LadderTerms,
    /// When the next version took their place.
    pub replaced_at: Timestamp,
}

/// A ladder as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// Its present terms.
    pub terms: LadderTerms,
    /// Counts changes of the terms, from 1.
    pub version: u64,
    /// Where its unit's days begin.
    pub time_zone: TimeZone,
    /// The event that made it; it counts lots that came later.
    pub made_at: Position,
    /// The event that last changed it.
    pub changed_at: Position,
    /// The terms of its earlier versions, from the first on: what is due in an account that nobody
    /// has looked at since goes by those that were in force then.
    pub earlier: Vec<EarlierLadderTerms>,
    /// All tiers, in the order in which they came: their numbers stay.
    tiers: Vec<TierId>,
}

/// A tier's place in its ladder, one byte where its id would be sixteen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TierNumber(u8);

/// A ladder's place in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LadderNumber(u8);

impl Ladder {
    fn new(terms: LadderTerms, time_zone: TimeZone, at: Position) -> Self {
        let tiers = terms.levels.iter().map(|level| level.tier).collect();
        let (version, earlier) = (1, vec![]);
        Self { terms, version, time_zone, made_at: at, changed_at: at, earlier, tiers }
    }

    fn amend(&mut self, terms: &LadderTerms, at: Position, time: Timestamp) {
        for level in terms.levels.iter() {
            if !self.tiers.contains(&level.tier) {
                self.tiers.push(level.tier);
            }
        }
        let former = std::mem::replace(&mut self.terms, terms.clone());
        self.earlier.push(EarlierLadderTerms { terms: former, replaced_at: time });
        self.version += 1;
        self.changed_at = at;
    }

    /// The terms of a version, where there was one.
    #[must_use]
    pub fn terms_of(&self, version: u64) -> Option<&LadderTerms> {
        if version == self.version {
            return Some(&self.terms);
        }
        let index = usize::try_from(version.checked_sub(1)?).ok()?;
        self.earlier.get(index).map(|earlier| &earlier.terms)
    }

    /// When a version came, where it was an amendment.
    pub(crate) fn amended_at(&self, version: u64) -> Option<Timestamp> {
        let index = usize::try_from(version.checked_sub(2)?).ok()?;
        self.earlier.get(index).map(|earlier| earlier.replaced_at)
    }

    /// The version by which a tier ends at a time: the one that was in force right before.
    pub(crate) fn version_before(&self, time: Timestamp) -> u64 {
        let index = self.earlier.iter().position(|earlier| time <= earlier.replaced_at);
        index.and_then(|index| u64::try_from(index + 1).ok()).unwrap_or(self.version)
    }

    /// A tier's number.
    pub(crate) fn number_of(&self, tier: TierId) -> Option<TierNumber> {
        let number = self.tiers.iter().position(|other| *other == tier)?;
        u8::try_from(number).ok().map(TierNumber)
    }

    /// The tier with a number.
    pub(crate) fn tier(&self, number: TierNumber) -> Option<TierId> {
        self.tiers.get(usize::from(number.0)).copied()
    }

    /// In which period an event counts here, and how much more or less by it; nothing where it
    /// doesn't count here.
    #[must_use]
    pub fn counts(&self, event: &Event) -> Option<(CountPeriod, i64)> {
        let counting = Counting::of(event)?;
        let is_counted = counting.unit == self.terms.unit
            && self.counts_kind(counting.kind)
            && counting.lot_at.is_none_or(|lot_at| lot_at > self.made_at);
        is_counted.then(|| (self.terms.window.period(counting.day), counting.points))
    }

    /// Whether credit with such a cause counts.
    pub(crate) const fn counts_kind(&self, kind: CauseKind) -> bool {
        match kind {
            CauseKind::Purchase | CauseKind::Review | CauseKind::Promotion => true,
            CauseKind::Adjustment => self.terms.adjustments,
            CauseKind::Conversion => false,
        }
    }
}

/// What of an event counts towards ladders.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting {
    pub(crate) unit: UnitId,
    pub(crate) day: crate::Day,
    pub(crate) kind: CauseKind,
    /// More, or less.
    pub(crate) points: i64,
    /// The event of the lot that is taken back or given back.
    pub(crate) lot_at: Option<Position>,
    /// What is given back was taken by this event.
    pub(crate) taken_at: Option<Position>,
}

impl Counting {
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let less = |points: Points| -more(points);
        let counting = match event {
            Event::CreditEarned(_, fact) => Self {
                unit: fact.unit,
                day: fact.counted_on?,
                kind: fact.cause.kind,
                points: more(fact.points),
                lot_at: None,
                taken_at: None,
            },
            Event::CreditWithdrawn(_, fact) => Self {
                unit: fact.unit,
                day: fact.counted_on?,
                kind: match (&fact.withdrawal, &fact.of) {
                    (WithdrawalCause::Adjustment { .. }, _) => CauseKind::Adjustment,
                    (_, of) => of.as_ref()?.kind,
                },
                points: less(fact.points),
                lot_at: fact.of_lot.map(|lot| lot.place().position()),
                taken_at: None,
            },
            Event::WithdrawalReversed(_, crate::WithdrawalReversed { credit, .. })
            | Event::CreditGivenBack(_, crate::ReturnCreditGivenBack { credit, .. })
            | Event::ReturnReversed(_, crate::ReturnReversed { credit: Some(credit), .. }) => {
                Self {
                    unit: credit.unit,
                    day: credit.counted_on?,
                    kind: credit.of.kind,
                    points: more(credit.points),
                    lot_at: Some(credit.of_lot.place().position()),
                    taken_at: Some(credit.withdrawn_at.position()),
                }
            }
            _ => return None,
        };
        Some(counting)
    }
}

/// An amount is far below the most that an `i64` can say.
fn more(points: Points) -> i64 {
    i64::try_from(points.get()).unwrap_or(i64::MAX)
}

/// All ladders, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ladders(IndexMap<LadderId, Ladder>);

impl Ladders {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each with its id.
    pub fn iter(&self) -> impl Iterator<Item = (LadderId, &Ladder)> {
        self.0.iter().map(|(id, ladder)| (*id, ladder))
    }

    /// One, if it was ever made.
    #[must_use]
    pub fn get(&self, id: LadderId) -> Option<&Ladder> {
        self.0.get(&id)
    }

    /// A ladder's place.
    #[must_use]
    pub fn number(&self, id: LadderId) -> Option<LadderNumber> {
        self.0.get_index_of(&id).and_then(|number| u8::try_from(number).ok()).map(LadderNumber)
    }

    /// The ladder at a place, with its id.
    #[must_use]
    pub fn at(&self, number: LadderNumber) -> Option<(LadderId, &Ladder)> {
        self.0.get_index(usize::from(number.0)).map(|(id, ladder)| (*id, ladder))
    }

    /// Each with its place.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (LadderNumber, &Ladder)> {
        (0..).map(LadderNumber).zip(self.0.values())
    }

    /// Whether credit of a unit with such a cause counts anywhere.
    pub(crate) fn count(&self, unit: UnitId, kind: CauseKind) -> Option<&Ladder> {
        self.0.values().find(|it| it.terms.unit == unit && it.counts_kind(kind))
    }

    /// Whether a ladder was ever amended.
    pub(crate) fn were_amended(&self) -> bool {
        self.0.values().any(|ladder| ladder.version > 1)
    }

    /// Makes or amends a ladder as an event says; `Err` says what the event breaks. The zone is
    /// that of its unit.
    pub fn set(
        &mut self,
        at: Position,
        time: Timestamp,
        fact: &LadderSet,
        time_zone: &TimeZone,
    ) -> Result<(), &'static str> {
        let Some(ladder) = self.0.get_mut(&fact.ladder) else {
            if fact.version != 1 {
                return Err("a ladder's versions are counted");
            }
            if self.0.len() >= LADDERS_MAX {
                return Err("there are more ladders than there can be");
            }
            let ladder = Ladder::new(fact.terms.clone(), time_zone.clone(), at);
            self.0.insert(fact.ladder, ladder);
            return Ok(());
        };
        if fact.version != ladder.version + 1 {
            return Err("a ladder's versions are counted");
        }
        if !ladder.terms.can_become(&fact.terms) {
            return Err("a ladder keeps its unit, its window and its tiers");
        }
        ladder.amend(&fact.terms, at, time);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{id, points};

    fn level(tier: &str, from: u64) -> Level {
        let from = if from == 0 { Points::ZERO } else { points(from) };
        Level { tier: id(tier), from }
    }

    #[test]
    fn levels_rise_and_name_each_tier_once() {
        let levels = |levels: &[(&str, u64)]| {
            Levels::try_from(
                levels.iter().map(|(tier, from)| level(tier, *from)).collect::<Vec<_>>(),
            )
        };
        let few = levels(&[("bronze", 0), ("silver", 1_000)]).expect("levels");
        assert_eq!([few.reached_by(-5), few.reached_by(999)], [Some(0); 2]);
        assert_eq!(few.reached_by(1_000), Some(1));
        let above = levels(&[("silver", 1_000)]).expect("levels");
        assert_eq!([above.reached_by(-5), above.reached_by(999)], [None; 2]);
        assert_eq!(levels(&[]), Err(LevelsError::Count));
        assert_eq!(levels(&[("a", 5), ("b", 5)]), Err(LevelsError::Order));
        assert_eq!(levels(&[("a", 5), ("b", 4)]), Err(LevelsError::Order));
        assert_eq!(levels(&[("a", 5), ("a", 6)]), Err(LevelsError::Twice));
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
        let many: Vec<_> = names.into_iter().zip(1..).collect();
        assert!(levels(&many[..10]).is_ok());
        assert_eq!(levels(&many), Err(LevelsError::Count));
    }
}
