//! What was sold, as the log says it.

use std::collections::HashSet;
use std::path::Path;

use domain::{Event, Timestamp};
use event_schema::decode;
use event_store::READ_EVENTS_MAX;
use log_record::{Partition, Position};

use crate::make_log::open_log;

/// The exchanges of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Sold {
    /// By account and id.
    pub(super) exchanges: HashSet<(String, String)>,
    /// How many there are, should one be there twice.
    pub(super) count: u64,
    /// Units of all of them.
    pub(super) units: u64,
    /// Accounts that have one.
    pub(super) accounts: HashSet<String>,
    /// How many were recorded before the offer opened.
    pub(super) early: u64,
}

impl Sold {
    /// Reads the log in a ledger's folder.
    pub(super) async fn of(folder: &Path, opens: Timestamp) -> anyhow::Result<Self> {
        let store = open_log(folder).await?;
        let mut sold = Self::default();
        for partition in (0..store.partitions()).map(Partition) {
            let mut after = Position::START;
            loop {
                let rows = store.read(partition, after, READ_EVENTS_MAX).await?;
                let Some(last) = rows.last() else { break };
                after = last.position();
                for row in rows.iter().filter(|row| &*row.event_type == "exchange-created") {
                    let (recorded_at, event) = decode(row)?;
                    let Event::ExchangeCreated(account, fact) = event else {
                        anyhow::bail!("{:?} is no exchange", row.place);
                    };
                    sold.count += 1;
                    sold.units += fact.allocation.quantity().get();
                    sold.early += u64::from(recorded_at < opens);
                    sold.accounts.insert(account.to_string());
                    sold.exchanges.insert((account.to_string(), fact.exchange_id.to_string()));
                }
            }
        }
        Ok(sold)
    }
}
