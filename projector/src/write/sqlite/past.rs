//! Tables in memory that are made of a few events, as they were at a time.

use log_record::LogId;
use read_model::{Checkpoint, sqlite_schema};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::tables_file::connect_to_memory;
use super::{checkpoint, write_batch};
use crate::past::Past;
use crate::rows::{Lanes, Rows};
use crate::write::{Batch, WriteError};

const AT: &str = include_str!("../../sql/sqlite/set_past_time.sql");
const SOLD: &str = include_str!("../../sql/sqlite/add_sold.sql");

/// Makes the tables under a name in this process's memory. They are there as long as somebody has
/// them open.
pub(crate) fn write_past(
    name: &str,
    log_id: LogId,
    past: &Past,
    rows: Rows,
) -> Result<Connection, WriteError> {
    let connection = connect_to_memory(name)?;
    let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
    for statements in sqlite_schema() {
        transaction.execute_batch(statements)?;
    }
    let partition = past.partition;
    let (_, from) = checkpoint(&transaction, partition, log_id)?;
    if let Some(next) = past.events.last().map(Checkpoint::at) {
        write_batch(&transaction, Batch { partition, from, next, lanes: Lanes::new(), rows })?;
    }
    transaction.execute(AT, params![partition.0, past.time.micros()])?;
    if let Some((offer_id, sold)) = &past.sold {
        transaction.execute(SOLD, params![offer_id.as_str(), sold])?;
    }
    transaction.commit()?;
    Ok(connection)
}
