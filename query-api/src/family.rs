//! Accounts that were merged into one: a read of any of them shows all.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::AccountId;
use log_record::{PackedPlace, Partition, Place, Position};
use read_model::{Query, ReadError, Reading};

use crate::QueryApi;

const FAMILY: Query = Query::each(
    include_str!("sql/list_family.sqlite.sql"),
    include_str!("sql/list_family.postgres.sql"),
);

const NEW: Query = Query::same(include_str!("sql/list_mergers.sql"));

/// An account with those that it was merged into, and that were merged into those.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    /// In the order of their ids. One alone that was never merged and has taken nobody over.
    pub(crate) accounts: Vec<AccountId>,
    /// The account that has all of them now.
    pub(crate) end: AccountId,
    /// Which was merged into which.
    mergers: Vec<(AccountId, AccountId)>,
}

impl Family {
    pub(crate) async fn read(
        reading: &mut Reading,
        account_id: &AccountId,
    ) -> Result<Self, sqlx::Error> {
        let rows: Vec<(String, Option<String>)> =
            reading.all(FAMILY, &[account_id.as_str().into()]).await?;
        let mut family = Self { accounts: vec![], end: account_id.clone(), mergers: vec![] };
        for (account, into) in rows {
            let account = parsed(&account)?;
            match into {
                Some(into) => family.mergers.push((account.clone(), parsed(&into)?)),
                None => family.end = account.clone(),
            }
            family.accounts.push(account);
        }
        Ok(family)
    }

    /// An account with those that were merged into it, and into these: what they had of an offer
    /// counts for it, too.
    pub(crate) fn counted_with(&self, account_id: &AccountId) -> Vec<AccountId> {
        let mut found = vec![account_id.clone()];
        for looked_at in 0..self.accounts.len() {
            let Some(into) = found.get(looked_at).cloned() else { break };
            let former = self.mergers.iter().filter(|(_, to)| *to == into);
            found.extend(former.map(|(from, _)| from.clone()));
        }
        found
    }

    /// The account that has this one now, where that is another.
    pub(crate) fn merged_into(&self, account_id: &AccountId) -> Option<AccountId> {
        Some(&self.end).filter(|end| *end != account_id).cloned()
    }
}

fn parsed(id: &str) -> Result<AccountId, sqlx::Error> {
    id.parse::<AccountId>().map_err(|error| sqlx::Error::Decode(error.into()))
}

/// How often the tables are asked for new mergers.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a look may wait for the read tables.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// How many mergers a look reads of each partition.
const MERGERS_MAX: u32 = 10_000;

/// Notes all mergers for those who are let in: whoever reaches an account reaches those that were
/// merged into it, within a second or two.
pub async fn watch_mergers(api: QueryApi) {
    let mut noted = BTreeMap::new();
    loop {
        // That the tables can't be read is told elsewhere, by whoever reads them for a caller.
        drop(look(&api, &mut noted).await);
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Notes what is new; `noted` is the place of the last one of each partition.
async fn look(api: &QueryApi, noted: &mut BTreeMap<Partition, i64>) -> Result<(), ReadError> {
    let mut reading = api.read_model.read(&[], LOOK_WITHIN).await?;
    let partitions: Vec<Partition> = reading.as_of().partitions().collect();
    for partition in partitions {
        let place = |position| PackedPlace::from(Place { partition, position }).as_i64();
        let end = place(reading.as_of().position(partition));
        let noted = noted.entry(partition).or_insert_with(|| place(Position::START));
        let arguments = [(*noted).into(), end.into(), MERGERS_MAX.into()];
        let rows = reading.all(NEW, &arguments).await;
        let rows: Vec<(String, String, i64)> = rows.map_err(ReadError::Unreachable)?;
        for (account_id, into, place) in rows {
            api.keys.note_merger(&account_id, &into);
            *noted = place;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AccountId {
        text.parse().expect("an id")
    }

    #[test]
    fn what_counts_for_an_account_is_what_was_merged_into_it() {
        let mergers = [("ann", "bob"), ("bob", "cid"), ("dan", "cid"), ("eve", "dan")];
        let family = Family {
            accounts: ["ann", "bob", "cid", "dan", "eve"].map(id).to_vec(),
            end: id("cid"),
            mergers: mergers.map(|(from, into)| (id(from), id(into))).to_vec(),
        };
        let of = |account: &str| {
            let mut found = family.counted_with(&id(account));
            found.sort();
            found
        };
        assert_eq!(of("cid"), family.accounts);
        assert_eq!(of("bob"), ["ann", "bob"].map(id));
        assert_eq!(of("ann"), ["ann"].map(id));
    }
}
