//! The tiers that an account has at a time: for decisions, and for whoever asks.

use std::cmp::Ordering;

use log_record::Position;

use super::due::Due;
use super::sums::Sums;
use super::{Given, Grant, Held, Standing, Standings, as_points};
use crate::{CountPeriod, GrantId, Ladder, LadderId, Ladders, Points, TierId, TierStep, Timestamp};

/// The tier that counts for an account: the higher of what it has earned and what was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldTier {
    /// The tier.
    pub tier: TierId,
    /// Its rank on its ladder, from 0.
    pub rank: usize,
    /// It holds before then; without it, for ever.
    pub until: Option<Timestamp>,
}

/// What an account has on a ladder, as an answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentTier {
    /// The higher of what it has earned and what was granted; without it, none.
    pub tier: Option<TierId>,
    /// What it has earned.
    pub earned: Option<TierId>,
    /// What was granted, and until when.
    pub granted: Option<(TierId, Timestamp)>,
    /// Since when it has the tier; without it, from the start.
    pub since: Option<Timestamp>,
    /// Until when; without it, for ever.
    pub until: Option<Timestamp>,
    /// What is counted: in the running year, in the window of months, or of all time.
    pub counted: Points,
    /// The next higher tier, and how much is missing to it.
    pub next: Option<(TierId, Points)>,
}

/// A standing in its parts, as read tables have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandingParts {
    /// The version of the ladder by which it was last judged.
    pub judged: u64,
    /// The tier that it has earned, where an event said so; a level from 0 counts as none.
    pub tier: Option<TierId>,
    /// Until when it holds.
    pub until: Option<Timestamp>,
    /// Since when it has what it has earned.
    pub since: Option<Timestamp>,
    /// What was counted, by year or month.
    pub sums: Vec<(CountPeriod, i64)>,
    /// The grant in force: its id, its tier, until when and since when it holds.
    pub grant: Option<(GrantId, TierId, Timestamp, Timestamp)>,
}

impl Standing {
    /// A standing to be asked, and not to be judged: it doesn't know what gave its tier.
    #[must_use]
    pub fn from_parts(ladder: &Ladder, parts: StandingParts) -> Self {
        let StandingParts { judged, tier, until, since, sums, grant } = parts;
        let held = tier.and_then(|tier| ladder.number_of(tier));
        let held = held.map(|tier| Box::new(Held { tier, until, given: Given::default() }));
        let grant = grant.and_then(|(id, tier, until, since)| {
            let tier = ladder.number_of(tier)?;
            Some(Box::new(Grant { id, tier, until, since }))
        });
        Self { judged, since, sums: Sums::of(sums), held, grant }
    }

    /// In its parts.
    #[must_use]
    pub fn parts(&self, ladder: &Ladder) -> StandingParts {
        let held = self.held.as_deref();
        let grant = self.grant.as_deref().and_then(|grant| {
            let tier = ladder.tier(grant.tier)?;
            Some((grant.id.clone(), tier, grant.until, grant.since))
        });
        StandingParts {
            judged: self.judged,
            tier: held.and_then(|held| ladder.tier(held.tier)),
            until: held.and_then(|held| held.until),
            since: self.since,
            sums: self.sums.iter().collect(),
            grant,
        }
    }

    /// What has fallen due by now counts as done; says what that was.
    pub fn apply_due(&mut self, id: LadderId, ladder: &Ladder, now: Timestamp) -> Vec<TierStep> {
        let mut applied = vec![];
        while let Some(due) = self.next_due(ladder).filter(|due| *due <= now) {
            loop {
                match self.fall_due(id, ladder, due) {
                    Due::Nothing => break,
                    Due::Judged(version) => self.judged = version,
                    Due::Step(step) => {
                        if self.apply(ladder, (Position::START, now), &step).is_err() {
                            // Unreachable: the step follows from the standing.
                            return applied;
                        }
                        applied.push(step);
                    }
                }
            }
        }
        applied
    }

    /// The tier that counts; what was due counts as done.
    #[must_use]
    pub fn held(&self, ladder: &Ladder) -> Option<HeldTier> {
        let levels = &ladder.terms.levels;
        let held = |rank: usize, until| {
            levels.get(rank).map(|level| HeldTier { tier: level.tier, rank, until })
        };
        let earned = self.earned(ladder);
        let granted = self.granted(ladder);
        match (earned, granted) {
            (Some(earned), Some(granted)) if granted.rank > earned.rank => Some(granted),
            (Some(earned), Some(granted)) if granted.rank == earned.rank => {
                // Of two that hold, the one that holds for longer says until when.
                let until = earned.until.zip(granted.until).map(|(it, other)| it.max(other));
                held(earned.rank, until)
            }
            (earned, granted) => earned.or(granted),
        }
    }

    /// The tier that events gave it and haven't taken, the higher of earned and granted, and since
    /// when. What everybody has is none.
    #[must_use]
    pub fn recorded(&self, ladder: &Ladder) -> Option<(HeldTier, Timestamp)> {
        let earned = self.held.as_ref().and_then(|_| self.earned(ladder));
        let granted = self.granted(ladder).zip(self.grant.as_ref().map(|grant| grant.since));
        let earned = earned.zip(self.since);
        match (earned, granted) {
            (Some((earned, since)), Some((granted, granted_since))) => {
                let held = self.held(ladder)?;
                Some(match earned.rank.cmp(&granted.rank) {
                    Ordering::Less => (held, granted_since),
                    Ordering::Equal => (held, since.min(granted_since)),
                    Ordering::Greater => (held, since),
                })
            }
            (earned, granted) => earned.or(granted),
        }
    }

    fn earned(&self, ladder: &Ladder) -> Option<HeldTier> {
        let rank = self.rank(ladder, &ladder.terms)?;
        let level = ladder.terms.levels.get(rank)?;
        let until = self.held.as_ref().and_then(|held| held.until);
        Some(HeldTier {
            tier: level.tier,
            rank,
            until: until.filter(|_| level.from > Points::ZERO),
        })
    }

    /// The grant in force, by its id and its tier.
    pub(crate) fn granted_by(&self, ladder: &Ladder) -> Option<(GrantId, TierId)> {
        let grant = self.grant.as_ref()?;
        Some((grant.id.clone(), ladder.tier(grant.tier)?))
    }

    fn granted(&self, ladder: &Ladder) -> Option<HeldTier> {
        let grant = self.grant.as_ref()?;
        let tier = ladder.tier(grant.tier)?;
        let rank = ladder.terms.levels.rank_of(tier)?;
        Some(HeldTier { tier, rank, until: Some(grant.until) })
    }

    /// What the account has now, with what is due counted as done.
    #[must_use]
    pub fn present(&self, id: LadderId, ladder: &Ladder, now: Timestamp) -> PresentTier {
        let mut then = self.clone();
        then.apply_due(id, ladder, now);
        let (earned, granted, held) =
            (then.earned(ladder), then.granted(ladder), then.held(ladder));
        let rank = |it: Option<HeldTier>| it.map(|held| held.rank);
        let is_earned = rank(earned) == rank(held);
        let is_granted = granted.is_some() && rank(granted) == rank(held);
        let granted_since = then.grant.as_ref().map(|grant| grant.since);
        let since = match (is_earned, is_granted) {
            (true, true) => then.since.zip(granted_since).map(|(it, other)| it.min(other)),
            (false, true) => granted_since,
            _ => then.since,
        };
        let counted = then.counted(ladder, now);
        let next = rank(held).map_or(0, |rank| rank + 1);
        let missing = |from: Points| from.minus(as_points(counted)).unwrap_or_default();
        PresentTier {
            tier: held.map(|held| held.tier),
            earned: earned.map(|held| held.tier),
            granted: granted.and_then(|held| Some((held.tier, held.until?))),
            since,
            until: held.and_then(|held| held.until),
            counted: as_points(counted),
            next: ladder.terms.levels.get(next).map(|level| (level.tier, missing(level.from))),
        }
    }
}

/// What an account has on each ladder now, with what is due counted as done, in the order of the
/// ladders. Who was never counted or granted anything on a ladder has its level from 0, or none.
#[must_use]
pub fn present_tiers(
    ladders: &Ladders,
    standings: &Standings,
    now: Timestamp,
) -> Vec<(LadderId, PresentTier)> {
    let nothing = Standing::default();
    let present = ladders.numbered().filter_map(|(number, ladder)| {
        let (id, _) = ladders.at(number)?;
        Some((id, standings.get(number).unwrap_or(&nothing).present(id, ladder, now)))
    });
    present.collect()
}
