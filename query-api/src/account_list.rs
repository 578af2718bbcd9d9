//! Lists of an account, newest first, in pages.
//!
//! A filter by time selects a part of an index. A filter by status, kind or unit is applied to rows
//! that were read: at most `PICKED_FROM_MAX` for a page. So a page may be short, or empty, although
//! more items follow; `next` goes on after the last row that was read.

use std::cmp::Reverse;

use domain::{AccountId, Timestamp, UnitId};
use log_record::Place;
use read_model::{Query, Reading, RowOf};
use serde::Deserialize;
use wire::{Moment, PAGE_ITEMS_MAX, Page, Problem, page_limit, read_cursor, write_cursor};

use crate::cell::place_key;
use crate::family::Family;
use crate::unit::check_unit;
use crate::{bad_cursor, failed};

/// How many rows of an account a page reads from which it picks some: no more than the largest
/// page.
const PICKED_FROM_MAX: u32 = PAGE_ITEMS_MAX;

/// The query of a list whose items have a status.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery<S> {
    pub(crate) status: Option<S>,
    pub(crate) unit: Option<UnitId>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// The query of the statement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntriesQuery {
    pub(crate) kind: Option<String>,
    pub(crate) unit: Option<UnitId>,
    from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) at: Option<Moment>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A page that was asked for.
#[derive(Debug)]
pub(crate) struct ListPage {
    /// The list with its filter: a cursor belongs to both.
    list: String,
    /// The one that is asked for.
    unit: Option<UnitId>,
    limit: u32,
    /// How many rows are read for it.
    rows: u32,
    /// It begins before this time and place.
    pub(crate) before: (i64, i64),
    from: i64,
    /// What else the cursor says; nothing on the first page.
    pub(crate) more: Option<String>,
    /// The marks of the accounts that the first page shows; nothing before it is read.
    shows: Option<Vec<String>>,
}

impl<S: std::fmt::Debug> ListQuery<S> {
    /// The page of a list, such as `holds`.
    pub(crate) fn page(&self, what: &str, account_id: &AccountId) -> Result<ListPage, Problem> {
        let Self { status, unit, from, until, limit, cursor } = self;
        let list = format!("{what} of {account_id} that are {status:?} of {unit:?}");
        let picks = status.is_some();
        ListPage::new(&list, (picks, *unit), (*from, *until), *limit, cursor.as_deref())
    }
}

impl EntriesQuery {
    pub(crate) fn page(&self, account_id: &AccountId) -> Result<ListPage, Problem> {
        let Self { kind, unit, from, until, at, limit, cursor } = self;
        let then = at.map(|at| format!(" at {at}")).unwrap_or_default();
        let list = format!("entries of {account_id} that are {kind:?} of {unit:?}{then}");
        let picks = kind.is_some();
        ListPage::new(&list, (picks, *unit), (*from, *until), *limit, cursor.as_deref())
    }
}

impl ListPage {
    fn new(
        list: &str,
        (picks, unit): (bool, Option<UnitId>),
        (from, until): (Option<Timestamp>, Option<Timestamp>),
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Self, Problem> {
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(Problem::invalid_query("until", "must be later than from"));
        }
        let limit = page_limit(limit)?;
        let (from, until) = (from.map(Timestamp::micros), until.map(Timestamp::micros));
        let list = format!("{list} from {from:?} until {until:?}");
        let (before, more, shows) = match read_cursor(&list, cursor)? {
            // Nothing has the place 0.
            None => ((until.unwrap_or(i64::MAX), 0), None, None),
            Some(key) => {
                let (shows, key) = key.split_once(';').ok_or_else(bad_cursor)?;
                let (before, more) = read_key(key).ok_or_else(bad_cursor)?;
                let shows = shows.split('.').map(ToOwned::to_owned).collect();
                (before, Some(more.to_owned()), Some(shows))
            }
        };
        let rows = if picks || unit.is_some() { PICKED_FROM_MAX } else { limit + 1 };
        let from = from.unwrap_or(i64::MIN);
        Ok(Self { list, unit, limit, rows, before, from, more, shows })
    }

    /// The rows from which the page is made: those of the account and of the others that were
    /// merged with it, by when and where each was recorded; of a unit that there is. Who was merged
    /// with it since the first page was read isn't shown by the further ones, so that they go on
    /// where that ended.
    pub(crate) async fn read<R: RowOf>(
        &mut self,
        reading: &mut Reading,
        query: Query,
        account_id: &AccountId,
        key: impl Fn(&R) -> (i64, i64),
    ) -> Result<Vec<R>, Problem> {
        let family = Family::read(reading, account_id).await.map_err(failed)?;
        self.read_family(reading, query, &family, key).await
    }

    /// The same of accounts that were found already.
    pub(crate) async fn read_family<R: RowOf>(
        &mut self,
        reading: &mut Reading,
        query: Query,
        family: &Family,
        key: impl Fn(&R) -> (i64, i64),
    ) -> Result<Vec<R>, Problem> {
        check_unit(reading, self.unit).await?;
        let mut accounts = family.accounts.clone();
        if let Some(shows) = &self.shows {
            accounts.retain(|it| shows.contains(&it.mark()));
        }
        self.shows = Some(accounts.iter().map(AccountId::mark).collect());
        let mut rows = vec![];
        for account in &accounts {
            rows.append(&mut self.read_one(reading, query, account).await?);
        }
        if accounts.len() > 1 {
            rows.sort_by_key(|row| Reverse(key(row)));
            rows.truncate(self.rows as usize);
        }
        Ok(rows)
    }

    async fn read_one<R: RowOf>(
        &self,
        reading: &mut Reading,
        query: Query,
        account_id: &AccountId,
    ) -> Result<Vec<R>, Problem> {
        let (time, place) = self.before;
        let arguments = [
            account_id.as_str().into(),
            time.into(),
            place.into(),
            self.from.into(),
            self.rows.into(),
        ];
        reading.all(query, &arguments).await.map_err(failed)
    }

    /// The page with those of the items that were asked for.
    pub(crate) fn of<T>(
        self,
        all: Vec<T>,
        key: impl Fn(&T) -> String,
        is_asked_for: impl Fn(&T) -> bool,
    ) -> Page<T> {
        let (limit, rows) = (self.limit as usize, self.rows as usize);
        let mut has_more = all.len() >= rows;
        // The last row, where it wasn't asked for.
        let (mut items, mut passed) = (vec![], None);
        for item in all {
            if items.len() == limit {
                has_more = true;
                break;
            }
            if is_asked_for(&item) {
                items.push(item);
                passed = None;
            } else {
                passed = Some(item);
            }
        }
        let last = passed.as_ref().or(items.last()).filter(|_| has_more);
        let shows = self.shows.unwrap_or_default().join(".");
        let next = last.map(|last| write_cursor(&self.list, &format!("{shows};{}", key(last))));
        Page { items, next }
    }
}

/// The key of an item: when it was recorded, and where.
pub(crate) fn time_key(recorded_at: Timestamp, position: Place) -> String {
    format!("{}:{}", recorded_at.micros(), place_key(position).unwrap_or_default())
}

/// Time and place, and what stands behind them.
fn read_key(key: &str) -> Option<((i64, i64), &str)> {
    let (time, rest) = key.split_once(':')?;
    let (place, more) = rest.split_once(':').unwrap_or((rest, ""));
    Some(((time.parse().ok()?, place.parse().ok()?), more))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(picks: bool, cursor: Option<&str>) -> ListPage {
        ListPage::new("numbers", (picks, None), (None, None), Some(2), cursor).expect("a page")
    }

    #[test]
    fn a_page_from_which_some_are_picked_goes_on_behind_the_last_row_that_was_read() {
        let all: Vec<i64> = (0..500).collect();
        let key = |number: &i64| format!("7:{number}");
        let of_two = page(true, None).of(all.clone(), key, |number| number % 10 == 0);
        assert_eq!(of_two.items, [0, 10]);
        let next = page(true, of_two.next.as_deref());
        assert_eq!(next.before, (7, 10));
        let none = page(true, None).of(all, key, |_| false);
        assert_eq!(none.items, [0; 0]);
        assert_eq!(page(true, none.next.as_deref()).before, (7, 499));
        let last = page(true, None).of(vec![1, 2], key, |_| true);
        assert_eq!((last.items, last.next), (vec![1, 2], None));
    }

    #[test]
    fn a_page_without_a_pick_reads_one_row_more_than_it_has() {
        let full = page(false, None).of(vec![3, 2, 1], |number| format!("7:{number}"), |_| true);
        assert_eq!(full.items, [3, 2]);
        assert_eq!(page(false, full.next.as_deref()).before, (7, 2));
    }
}
