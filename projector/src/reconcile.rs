//! The live read tables against the log: all of it is folded afresh into tables beside them, and
//! the two are compared row by row, as of one event. Nothing live is changed or held up.
//!
//! - `snapshot`: the tables of a side, to read as of one event
//! - `compare`: two sides' tables, row by row, with a digest of each
//! - `across`: whether the tables agree with each other, as the log gives them

mod across;
mod compare;
mod snapshot;

use std::time::Duration;

use event_store::EventStore;
use log_record::{Place, Position};
use read_model::{ReadModelError, ReadModelUrl, Side, TABLES, WrongSum};
use tokio::time::{Instant, timeout};

use crate::rebuild::{RebuildLock, discard_shadow, name_of, remove_side};
use crate::{ProjectError, Projector};
use snapshot::{Read, Snapshot};

pub use across::Disagreement;
pub use compare::{RowDifference, RowDifferenceKind, TableDigest};

/// How many differences of a table are named, where all are counted; and how many of a check across
/// tables are looked for.
pub const NAMED_MAX: usize = 100;

/// A fold that took no longer than this is near enough to the live tables to compare with.
const NEAR: Duration = Duration::from_secs(1);

/// How long the live tables' snapshot may wait for the last events.
const LAST_FOLD_MAX: Duration = Duration::from_secs(20);

/// After this many late folds it works without rests; after `FOLDS_MAX` folds it gives up.
const FULL_SPEED_AFTER: usize = 5;
const FOLDS_MAX: usize = 30;

/// The tables that say what accounts have.
const BALANCES: [&str; 2] = ["account_balance", "unit_balance"];

/// How much of the time is spent working; the rest is left to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    percent: u32,
}

/// How many events are folded between two rests: a fraction of a second's work, so that no core is
/// busy for long, and no lock is held for long.
const STEP_EVENTS_MAX: u64 = 8_192;

/// How far a reconciliation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// So many events are folded, of so many.
    Folded(u64, u64),
    /// So many rows are compared.
    Compared(u64),
}

/// What a reconciliation found.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// Up to which event of each partition both sides have the log.
    pub at: Vec<Place>,
    /// Each read table, with a digest of what is there and of what the log gives.
    pub tables: Vec<TableDigest>,
    /// The rows that differ, as far as they are named.
    pub rows: Vec<RowDifference>,
    /// Where tables that the log gives don't agree with each other.
    pub disagreements: Vec<Disagreement>,
    /// The sums that the log gives and that aren't those of the rows.
    pub sums: Vec<WrongSum>,
}

impl Share {
    /// All of the time.
    pub const ALL: Self = Self { percent: 100 };

    /// So many percent of the time, of 1 to 100.
    #[must_use]
    pub fn of_percent(percent: u32) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self { percent })
    }

    /// Where a step ends at the latest that begins after a position.
    fn step_from(self, from: Position) -> Position {
        if self == Self::ALL { Position(u64::MAX) } else { from.plus(STEP_EVENTS_MAX) }
    }

    /// Rests after a piece of work.
    async fn rest_after(self, worked: Duration) {
        let rest = worked * (100 - self.percent) / self.percent;
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    }
}

impl Reconciled {
    /// How many rows, sums and agreements differ.
    #[must_use]
    pub fn differences(&self) -> u64 {
        let rows: u64 = self.tables.iter().map(|table| table.differences).sum();
        rows + (self.disagreements.len() + self.sums.len()) as u64
    }
}

/// The tables that were made of the log, while they are there.
pub struct Folded {
    url: ReadModelUrl,
    tables: Snapshot,
    /// What the live tables compared with them gave.
    pub found: Reconciled,
    _left: Left,
    _lock: RebuildLock,
}

/// What would be left of a reconciliation that is given up half-way, as by a signal: it has what is
/// private, too. A file is removed at once. Nobody can wait for a server then, so a schema is left
/// to the next one.
struct Left(ReadModelUrl);

impl Drop for Left {
    fn drop(&mut self) {
        if let ReadModelUrl::Sqlite(file) = &self.0
            && let Err(error) = remove_side(file, Side::Shadow)
        {
            tracing::warn!(%error, "the tables of a reconciliation are left to the next one");
        }
    }
}

/// What an account has of a unit, in tables that were made of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The account.
    pub account_id: String,
    /// The unit.
    pub unit: String,
    /// What is available, held, pending and owed.
    pub amounts: [i64; 4],
}

/// Compares the read model at `url` with the log, whether or not a projector is at work on it.
pub async fn reconcile(
    url: &ReadModelUrl,
    store: &EventStore,
    share: Share,
    told: impl FnMut(Told),
) -> Result<Reconciled, ProjectError> {
    fold_and_compare(url, store, share, told).await?.discard().await
}

/// The same, and keeps the tables that were made of the log until they are discarded.
pub async fn fold_and_compare(
    url: &ReadModelUrl,
    store: &EventStore,
    share: Share,
    mut told: impl FnMut(Told),
) -> Result<Folded, ProjectError> {
    let url = match url {
        ReadModelUrl::Sqlite(file) if !file.exists() => {
            return Err(ReadModelError::Missing { file: file.clone() }.into());
        }
        ReadModelUrl::Sqlite(file) => ReadModelUrl::Sqlite(name_of(file)?),
        ReadModelUrl::Postgres(at) => {
            read_model::check(at).await.map_err(ReadModelError::from)?;
            url.clone()
        }
    };
    let lock = RebuildLock::take(&url, Side::Shadow).await?;
    // One that was killed may have left its tables.
    discard_shadow(&url).await?;
    let left = Left(url.clone());
    match beside_the_live_tables(&url, store, share, &mut told).await {
        Ok((found, tables)) => Ok(Folded { url, tables, found, _left: left, _lock: lock }),
        Err(error) => {
            // The first error says more.
            drop(discard_shadow(&url).await);
            Err(error)
        }
    }
}

impl Folded {
    /// What each account has of each unit, as the log gives it.
    pub async fn each_balance(
        &mut self,
        mut each: impl FnMut(Balance),
    ) -> Result<(), ProjectError> {
        for table in TABLES.iter().filter(|table| BALANCES.contains(&table.name)) {
            let read = Read::of(table);
            let mut rows = self.tables.rows(&read);
            while rows.peek().await?.is_some() {
                if let Some(balance) = rows.take().and_then(|row| read.balance(&row)) {
                    each(balance);
                }
            }
        }
        Ok(())
    }

    /// Removes the tables, and gives what was found.
    pub async fn discard(self) -> Result<Reconciled, ProjectError> {
        // The last one goes first: nobody else may begin before the tables are removed.
        let Self { _lock, _left, url, tables, found } = self;
        drop(tables);
        discard_shadow(&url).await?;
        Ok(found)
    }
}

async fn beside_the_live_tables(
    url: &ReadModelUrl,
    store: &EventStore,
    share: Share,
    told: &mut impl FnMut(Told),
) -> Result<(Reconciled, Snapshot), ProjectError> {
    // Before the work: tables of another log, or of another history of it, are told apart at once.
    let ends = Snapshot::open(url, Side::Live).await?.ends(url, store).await?;
    read_model::migrate_side(url, Side::Shadow).await?;
    let mut shadow = Projector::open_side(url, Side::Shadow, store.clone()).await?;
    let (mut live, at) = fold_up_to_live(url, store, share, ends, &mut shadow, told).await?;
    shadow.close().await;
    let mut folded = Snapshot::open(url, Side::Shadow).await?;
    let (mut tables, mut rows, mut compared) = (vec![], vec![], 0);
    for table in &TABLES {
        let told = |rows| told(Told::Compared(compared + rows));
        let mut of_table = compare::compare(table, &mut live, &mut folded, share, told).await?;
        compared += of_table.digest.rows;
        rows.append(&mut of_table.differences);
        tables.push(of_table.digest);
    }
    // Held no longer than needed: a rebuild's swap waits for it, and SQLite's journal grows.
    drop(live);
    let (disagreements, sums) = across::check(&mut folded).await?;
    Ok((Reconciled { at, tables, rows, disagreements, sums }, folded))
}

/// Folds the log up to exactly where the live tables are, and gives these as of then.
async fn fold_up_to_live(
    url: &ReadModelUrl,
    store: &EventStore,
    share: Share,
    mut ends: Vec<Place>,
    shadow: &mut Projector,
    told: &mut impl FnMut(Told),
) -> Result<(Snapshot, Vec<Place>), ProjectError> {
    for folds in 0..FOLDS_MAX {
        let share = if folds < FULL_SPEED_AFTER { share } else { Share::ALL };
        let begun = Instant::now();
        fold(shadow, &ends, share, told).await?;
        let is_near = begun.elapsed() < NEAR || folds >= FULL_SPEED_AFTER;
        let mut live = Snapshot::open(url, Side::Live).await?;
        ends = live.ends(url, store).await?;
        if !is_near {
            continue;
        }
        let last = fold(shadow, &ends, Share::ALL, told);
        if let Ok(folded) = timeout(LAST_FOLD_MAX, last).await {
            folded?;
            if !is_erased_ahead(store, &ends).await? {
                return Ok((live, ends));
            }
            drop(live);
            tokio::time::sleep(NEAR).await;
        } else {
            // What was under way when it was given up may have been written or not.
            shadow.reopen().await?;
        }
    }
    Err(ProjectError::TooFast { at: url.clone() })
}

/// Whether an erasure that the tables haven't reached yet has already erased texts of the log;
/// until they reach it, the live tables still have these texts. While this holds the shadow's
/// lock, no erasure ends.
async fn is_erased_ahead(store: &EventStore, ends: &[Place]) -> Result<bool, ProjectError> {
    let is_ahead = |place: Place| {
        let end = ends.iter().find(|end| end.partition == place.partition);
        end.is_some_and(|end| place.position > end.position)
    };
    let erasures = store.unfinished_erasures().await?;
    Ok(erasures.iter().any(|erasure| is_ahead(erasure.place)))
}

/// Folds each partition up to a place, which the log is known to have.
async fn fold(
    shadow: &mut Projector,
    ends: &[Place],
    share: Share,
    told: &mut impl FnMut(Told),
) -> Result<(), ProjectError> {
    let all = ends.iter().map(|end| end.position.0).sum();
    let mut done_before = 0;
    for end in ends {
        let mut reached = None;
        loop {
            let begun = Instant::now();
            let from = shadow.position(end.partition).unwrap_or(end.position);
            let until = share.step_from(from).min(end.position);
            let position = shadow.step(end.partition, until).await?;
            told(Told::Folded(done_before + position.0, all));
            if position >= end.position || reached == Some(position) {
                break;
            }
            reached = Some(position);
            share.rest_after(begun.elapsed()).await;
        }
        done_before += end.position.0;
    }
    Ok(())
}
