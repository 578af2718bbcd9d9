//! How many partitions a log may have. It is fixed when the log is made: an account's partition
//! follows from its id and this number.

use std::ops::Range;

use anyhow::ensure;
use event_store::{EventStore, StoreUrl};

/// Each has a writer with a connection of its own, and counts its messages from and to every other.
pub(crate) const PARTITIONS_MAX: u16 = 256;

/// Checks what `--partitions` says, before anything is opened.
pub(crate) fn check(partitions: u16, store: &StoreUrl) -> anyhow::Result<()> {
    ensure!(
        (1..=PARTITIONS_MAX).contains(&partitions),
        "--partitions {partitions}: a ledger has 1 to {PARTITIONS_MAX} partitions"
    );
    check_store(partitions, store)
}

/// Checks that a store can have a log of so many. An append to KurrentDB can't carry the index of
/// messages between partitions.
pub(crate) fn check_store(partitions: u16, store: &StoreUrl) -> anyhow::Result<()> {
    let has_index = match store {
        StoreUrl::Sqlite(_) | StoreUrl::Postgres(_) | StoreUrl::Memory => true,
        #[cfg(feature = "kurrent")]
        StoreUrl::Kurrent(_) => false,
    };
    ensure!(
        has_index || partitions == 1,
        "{store} can't have a log of {partitions} partitions: a log in KurrentDB has one; keep \
         this one in PostgreSQL or SQLite"
    );
    Ok(())
}

/// The partitions that were asked for: one by its number, or all.
pub(crate) fn chosen(asked: Option<u16>, store: &EventStore) -> anyhow::Result<Range<u16>> {
    let all = store.partitions();
    let Some(partition) = asked else { return Ok(0..all) };
    ensure!(partition < all, "the log has no partition {partition}; it has {all}, counted from 0");
    Ok(partition..partition + 1)
}

/// Checks that the log that was opened has as many as `--partitions` says.
pub(crate) fn check_opened(partitions: u16, store: &EventStore) -> anyhow::Result<()> {
    let opened = store.partitions();
    ensure!(
        opened == partitions,
        "the log was made with --partitions {opened}, and --partitions says {partitions}; the \
         number can't be changed, so start with --partitions {opened}"
    );
    Ok(())
}
