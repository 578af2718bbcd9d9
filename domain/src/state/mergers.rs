//! Which accounts were merged into which, and what follows for each partition.
//!
//! An account is merged once and for ever, into one that isn't merged then and isn't about to be.
//! So there is no circle: along a circle each account would have begun its merger after the one
//! before had been agreed to.

use std::collections::BTreeMap;

use log_record::Position;
use serde::{Deserialize, Serialize};

use super::State;
use super::impossible::{Changed, ensure};
use super::programme::UNKNOWN_UNIT;
use crate::account::{OfferNumber, SegmentNumber};
use crate::{
    AccountId, AccountMerged, AccountMergerAbandoned, AccountMergerBegun, CapCount, Counts,
    LimitCount, SegmentId, Timestamp,
};

/// The mergers that a partition knows of.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Mergers {
    /// Of its own accounts, those that were merged or are about to be.
    of: BTreeMap<AccountId, Merger>,
    /// The accounts that were merged into one of its own, wherever they live.
    former: BTreeMap<AccountId, Vec<AccountId>>,
}

impl Mergers {
    /// About how many bytes they have allocated: trees' nodes are two thirds full.
    pub(super) fn allocated_bytes(&self) -> usize {
        let Self { of, former } = self;
        let ids = of.first_key_value();
        let ids = ids.map_or(0, |(id, merger)| id.as_str().len() + merger.into.as_str().len());
        let each = size_of::<(AccountId, Merger)>() * 3 / 2 + ids;
        let lists = former.values().map(|former| {
            let ids = former.first().map_or(0, |id| former.len() * id.as_str().len());
            former.capacity() * size_of::<AccountId>() + ids
        });
        let in_tree = former.len() * size_of::<(AccountId, Vec<AccountId>)>() * 3 / 2;
        of.len() * each + in_tree + lists.sum::<usize>()
    }
}

/// An account's merger into another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merger {
    /// The account that has it from now on, or is to have it.
    pub into: AccountId,
    /// The event that merged it or, where it is about to be, that began the merger.
    pub at: Position,
    /// Whether it was merged. It is merged for ever; what was begun may be abandoned.
    pub is_done: bool,
}

impl State {
    /// The merger of an account of this partition, where it was merged or is about to be.
    #[must_use]
    pub fn merger(&self, id: &AccountId) -> Option<&Merger> {
        self.mergers.of.get(id)
    }

    /// The account that an account of this partition was merged into.
    #[must_use]
    pub fn merged_into(&self, id: &AccountId) -> Option<&AccountId> {
        self.merger(id).filter(|merger| merger.is_done).map(|merger| &merger.into)
    }

    /// The accounts of this partition that were merged, each with the one that has it now.
    pub fn all_merged(&self) -> impl Iterator<Item = (&AccountId, &AccountId)> {
        let done = self.mergers.of.iter().filter(|(_, merger)| merger.is_done);
        done.map(|(id, merger)| (id, &merger.into))
    }

    /// Where the mergers lead that this partition knows of: to the account itself where it wasn't
    /// merged, or lives elsewhere.
    #[must_use]
    pub fn end_of<'a>(&'a self, id: &'a AccountId) -> &'a AccountId {
        let mut end = id;
        // There is no circle.
        while let Some(next) = self.merged_into(end) {
            end = next;
        }
        end
    }

    /// Whose counts and tiers an account of this partition goes by: its own, or where it was merged
    /// those of the last account that the mergers lead to in this partition.
    pub(crate) fn counting_account<'a>(&'a self, id: &'a AccountId) -> &'a AccountId {
        let mut last = id;
        while let Some(next) = self.merged_into(last).filter(|next| self.is_home_of(next)) {
            last = next;
        }
        last
    }

    /// The accounts of this partition that were merged into an account of it, and into those.
    #[must_use]
    pub fn former_accounts(&self, id: &AccountId) -> Vec<&AccountId> {
        let mut found: Vec<&AccountId> = vec![];
        let mut into = id;
        let mut looked_at = 0;
        loop {
            let former = self.mergers.former.get(into).into_iter().flatten();
            found.extend(former.filter(|former| self.accounts.by_id.contains_key(*former)));
            let Some(next) = found.get(looked_at) else { return found };
            (into, looked_at) = (*next, looked_at + 1);
        }
    }

    /// Whether an account lives in this partition, by its id.
    pub(crate) fn is_home_of(&self, id: &AccountId) -> bool {
        !self.is_shared() || id.partition(self.partitions()) == self.partition
    }

    pub(super) fn merger_begun(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &AccountMergerBegun,
    ) -> Changed {
        self.check_to_be_merged(id, &fact.into)?;
        ensure(!self.is_home_of(&fact.into), "a merger within a partition is done at once")?;
        let into = fact.into.clone();
        self.mergers.of.insert(id.clone(), Merger { into, at, is_done: false });
        Ok(())
    }

    pub(super) fn merger_abandoned(
        &mut self,
        id: &AccountId,
        fact: &AccountMergerAbandoned,
    ) -> Changed {
        let former = self.mergers.of.remove(id);
        let is_it = former.is_some_and(|former| !former.is_done && former.into == fact.into);
        ensure(is_it, "a merger was abandoned that wasn't begun")
    }

    pub(super) fn account_merged(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &AccountMerged,
    ) -> Changed {
        self.check_to_be_merged(id, &fact.into)?;
        let AccountMerged { into } = fact;
        if self.is_home_of(into) {
            ensure(self.account(into).is_some(), "an account was merged into an unknown one")?;
            ensure(self.merger(into).is_none(), "I21: an account was merged into a merged one")?;
        } else {
            let begun = self.merger(id).is_some_and(|begun| begun.into == *into);
            ensure(begun, "I21: a merger across partitions is begun first")?;
        }
        self.mergers.of.insert(id.clone(), Merger { into: into.clone(), at, is_done: true });
        Ok(())
    }

    pub(crate) fn segment_id(&self, number: SegmentNumber) -> Option<SegmentId> {
        self.accounts.segment_id(number)
    }

    pub(super) fn counts_passed_on(&self, id: &AccountId) -> Changed {
        ensure(self.merged_into(id).is_some(), "I21: an account passes its counts on once merged")
    }

    /// Adds what another account counted towards limits and caps. What it counted on ladders is
    /// added with what else becomes of tiers, and segments are set by events of their own.
    pub(super) fn counts_taken_over(
        &mut self,
        recorded_at: Timestamp,
        id: &AccountId,
        counts: &Counts,
    ) -> Changed {
        let Self { programme, accounts, .. } = self;
        let account = accounts.by_id.get_mut(id).ok_or("of an unknown account")?;
        for LimitCount { offer_id, period, units } in &counts.limits {
            let number = programme.offers.get_index_of(offer_id).ok_or("of an unknown offer")?;
            let number = u32::try_from(number).map_err(|_| "more than 2^32 offers")?;
            account.take_over(OfferNumber(number), *period, *units, recorded_at);
        }
        for CapCount { unit, rule_id, period, points } in &counts.caps {
            let number = programme.units.number(*unit).ok_or(UNKNOWN_UNIT)?;
            account.wallet_mut(number).take_over(rule_id, *period, *points, recorded_at)?;
        }
        Ok(())
    }

    fn check_to_be_merged(&self, id: &AccountId, into: &AccountId) -> Changed {
        ensure(self.account(id).is_some(), "an unknown account was merged")?;
        ensure(self.merged_into(id).is_none(), "I21: an account is merged once")?;
        ensure(id != into, "I21: an account was merged into itself")
    }

    pub(super) fn account_taken_over(&mut self, id: &AccountId, from: &AccountId) -> Changed {
        ensure(self.account(id).is_some(), "an unknown account took another over")?;
        let former = self.mergers.former.entry(id.clone()).or_default();
        ensure(!former.contains(from), "I21: an account is taken over once")?;
        former.push(from.clone());
        Ok(())
    }
}
