//! Where an account stood that was merged, added to where another stands.

use std::cmp::Ordering;

use log_record::Position;

use super::sums::Sums;
use super::{Counted, Given, Grant, Held, Standing, Standings, UNKNOWN_LADDER};
use crate::{GrantInForce, Ladder, LadderCounts, LadderId, Ladders, TierEarned, Timestamp};

const UNKNOWN_TIER: &str = "of an unknown tier";

impl Standings {
    /// All of it, as another account adds it.
    pub(crate) fn to_pass_on(&self, ladders: &Ladders) -> Vec<LadderCounts> {
        let passed = self.iter().filter_map(|(number, standing)| {
            let (id, ladder) = ladders.at(number)?;
            standing.to_pass_on(id, ladder)
        });
        passed.collect()
    }

    /// Nothing of it stays with the account, which was merged.
    pub(super) fn pass_on(&mut self) {
        for (_, standing) in &mut self.0 {
            *standing = Standing { judged: standing.judged, ..Standing::default() };
        }
    }

    /// Adds what another account counted. Says on which ladders.
    pub(super) fn take_over(
        &mut self,
        ladders: &Ladders,
        at: (Position, Timestamp),
        counts: &[LadderCounts],
    ) -> Result<Vec<Counted>, &'static str> {
        let mut counted = vec![];
        for taken in counts {
            let ladder = ladders.number(taken.ladder).ok_or(UNKNOWN_LADDER)?;
            let (standing, known) = self.on(ladders, taken.ladder)?;
            standing.take_over(known, at, taken)?;
            let is_less = taken.sums.iter().any(|(_, count)| *count < 0);
            counted.push(Counted { ladder, is_less });
        }
        Ok(counted)
    }
}

impl Standing {
    /// What another account adds; nothing where there is nothing.
    fn to_pass_on(&self, id: LadderId, ladder: &Ladder) -> Option<LadderCounts> {
        let tier = self.held.as_deref().and_then(|held| {
            let Given { count: counted, from, first, at: _ } = held.given;
            let (tier, since) = (ladder.tier(held.tier)?, self.since.unwrap_or_default());
            Some(TierEarned { tier, until: held.until, since, counted, first, from })
        });
        let grant = self.grant.as_deref().and_then(|grant| {
            let (grant_id, tier) = (grant.id.clone(), ladder.tier(grant.tier)?);
            Some(GrantInForce { grant_id, tier, until: grant.until, since: grant.since })
        });
        let sums: Vec<_> = self.sums.iter().collect();
        let is_there = !sums.is_empty() || tier.is_some() || grant.is_some();
        let (ladder, version) = (id, self.judged);
        is_there.then_some(LadderCounts { ladder, version, sums, tier, grant })
    }

    /// The sums of equal years and months are added; the higher tier, the later `until` and the
    /// later grant stay. What ended on the way lengthens no tier and takes no grant's
    /// place.
    fn take_over(
        &mut self,
        ladder: &Ladder,
        (at, now): (Position, Timestamp),
        taken: &LadderCounts,
    ) -> Result<(), &'static str> {
        if taken.version > ladder.version {
            return Err("of an unknown version of a ladder");
        }
        let window = ladder.terms.window;
        let theirs = Sums::of(taken.sums.iter().copied());
        // Each count that gave a tier has from now on what the other account counted on its days.
        let own = self.held.take().map(|mut held| {
            held.given.add(ladder, &theirs);
            (*held, self.since.unwrap_or_default())
        });
        let other = taken.tier.as_ref().map(|it| {
            let tier = ladder.number_of(it.tier).ok_or(UNKNOWN_TIER)?;
            let mut given = Given { count: it.counted, from: it.from, first: it.first, at };
            given.add(ladder, &self.sums);
            Ok::<_, &str>((Held { tier, until: it.until, given }, it.since))
        });
        let held = match (own, other.transpose()?) {
            (Some(own), Some((other, _))) if other.until.is_some_and(|until| until <= now) => {
                Some(own)
            }
            (Some(own), Some(other)) => Some(higher(ladder, own, other)),
            (own, other) => own.or(other),
        };
        if let Some((held, since)) = held {
            self.since = Some(since);
            self.held = Some(Box::new(held));
        }
        for (period, count) in &taken.sums {
            self.sums.add(window, *period, *count);
        }
        if let Some(grant) = taken.grant.as_ref().filter(|grant| grant.until > now) {
            let tier = ladder.number_of(grant.tier).ok_or(UNKNOWN_TIER)?;
            let is_later = |own: &Grant| (grant.since, grant.until) > (own.since, own.until);
            if self.grant.as_deref().is_none_or(is_later) {
                let GrantInForce { grant_id: id, until, since, tier: _ } = grant.clone();
                self.grant = Some(Box::new(Grant { id, tier, until, since }));
            }
        }
        // Whoever decided it judges it by the present terms.
        self.judged = ladder.version;
        Ok(())
    }
}

impl Given {
    /// Adds what was counted on its days.
    fn add(&mut self, ladder: &Ladder, sums: &Sums) {
        let last = ladder.terms.window.last_counted(self.first);
        self.count = self.count.saturating_add(sums.between(self.first, last));
    }
}

/// The higher of two tiers that were earned, each with since when it was had. It holds as long as
/// the one that holds for longer.
fn higher(ladder: &Ladder, own: (Held, Timestamp), other: (Held, Timestamp)) -> (Held, Timestamp) {
    let rank =
        |held: &Held| ladder.tier(held.tier).and_then(|tier| ladder.terms.levels.rank_of(tier));
    // Nothing is later than for ever.
    let until = own.0.until.zip(other.0.until).map(|(own, other)| own.max(other));
    let (held, since) = match rank(&own.0).cmp(&rank(&other.0)) {
        Ordering::Greater => own,
        Ordering::Less => other,
        Ordering::Equal => {
            let since = own.1.min(other.1);
            let is_own = own.0.until == until;
            (if is_own { own.0 } else { other.0 }, since)
        }
    };
    (Held { until, ..held }, since)
}
