//! What a log in PostgreSQL keeps of the ranges that were archived, and detaching them.

use std::time::Duration;

use log_record::{Partition, Place, Position};
use postgres_connection::PostgresUrl;
use postgres_types::ToSql;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row};
use uuid::Uuid;

use super::waiting::run_and_tell;
use super::{PostgresStore, postgres};
use crate::{ArchivedRange, StoreError};

/// How long until a range is detached again that somebody else's transaction kept from it.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A file that the index has isn't to be removed.
pub(super) const FORGET_SUPERSEDED: &str =
    "delete from guerdon_log.superseded_archive where file = $1";

/// Notes a file as to be removed.
pub(super) const NOTE_SUPERSEDED: &str =
    "insert into guerdon_log.superseded_archive values ($1) on conflict do nothing";

impl PostgresStore {
    pub(crate) async fn archived_range(
        &self,
        place: Place,
    ) -> Result<Option<ArchivedRange>, StoreError> {
        let find = async |client: &Client| range_of(client, place).await;
        self.read_with("read the archived ranges of", find).await
    }

    pub(crate) async fn archived_ranges(&self) -> Result<Vec<ArchivedRange>, StoreError> {
        self.read_with("read the archived ranges of", ranges).await
    }

    pub(crate) async fn archive_served(&self) -> Result<Option<(Uuid, String)>, StoreError> {
        self.read_with("read the archive of", served).await
    }

    pub(crate) async fn serve_archive(
        &self,
        archive_id: Uuid,
        folder: String,
    ) -> Result<(), StoreError> {
        let serve = async |client: &mut Client| serve(client, archive_id, &folder).await;
        self.write_with("note the archive of", serve).await
    }

    pub(crate) async fn is_live(&self, last: Position) -> Result<bool, StoreError> {
        let table = self.shared.ranges.table_of(last);
        self.read_with("read", async |client: &Client| is_there(client, &table).await).await
    }

    pub(crate) async fn keep_archived(&self, range: ArchivedRange) -> Result<(), StoreError> {
        let keep = async |client: &mut Client| keep(client, &range).await;
        self.write_with("archive a range of", keep).await
    }

    pub(crate) async fn take_out(&self, last: Position) -> Result<(), StoreError> {
        let (table, url) = (self.shared.ranges.table_of(last), &self.shared.url);
        loop {
            let connection = url.connect().await?;
            match take_out(url, &connection.client, &table).await {
                Err(error) if may_pass(&error) => {
                    // What the server still does for a run that was killed may be in the way.
                    tracing::warn!(table, %error, "a range can't be detached yet; trying again");
                    tokio::time::sleep(TRY_AGAIN_AFTER).await;
                }
                taken => return taken.map_err(|source| postgres("detach a range of", source)),
            }
        }
    }
}

async fn range_of(client: &Client, place: Place) -> Result<Option<ArchivedRange>, Error> {
    const SELECT: &str = include_str!("select_archived_range.sql");
    let position = place.position.0.cast_signed();
    let found = client.query_opt(SELECT, &[&i32::from(place.partition.0), &position]).await?;
    found.as_ref().map(range_of_row).transpose()
}

async fn ranges(client: &Client) -> Result<Vec<ArchivedRange>, Error> {
    const SELECT: &str = include_str!("select_archived_ranges.sql");
    client.query(SELECT, &[]).await?.iter().map(range_of_row).collect()
}

/// The id of the folder that the log's server reads, and where that is for it.
async fn served(client: &Client) -> Result<Option<(Uuid, String)>, Error> {
    let select = "select archive_id, archive_folder from guerdon_log.log";
    let Some(row) = client.query_opt(select, &[]).await? else { return Ok(None) };
    Ok(row.try_get::<_, Option<Uuid>>(0)?.zip(row.try_get::<_, Option<String>>(1)?))
}

async fn serve(client: &Client, archive_id: Uuid, folder: &str) -> Result<(), Error> {
    let update = "update guerdon_log.log set archive_id = $1, archive_folder = $2";
    client.execute(update, &[&archive_id, &folder]).await.map(drop)
}

fn range_of_row(row: &Row) -> Result<ArchivedRange, Error> {
    Ok(ArchivedRange {
        partition: Partition(u16::try_from(row.try_get::<_, i32>(0)?).unwrap_or(u16::MAX)),
        first: Position(row.try_get::<_, i64>(1)?.cast_unsigned()),
        last: Position(row.try_get::<_, i64>(2)?.cast_unsigned()),
        file: row.try_get(3)?,
        sha256: row.try_get::<_, &[u8]>(4)?.try_into().unwrap_or_default(),
        members: serde_json::from_str(row.try_get::<_, &str>(5)?).unwrap_or_default(),
    })
}

async fn keep(client: &mut Client, range: &ArchivedRange) -> Result<(), Error> {
    const INSERT: &str = include_str!("insert_archived_range.sql");
    let members = serde_json::json!(range.members).to_string();
    let ends = [range.first, range.last].map(|position| position.0.cast_signed());
    let (partition, sha256) = (i32::from(range.partition.0), &range.sha256[..]);
    let row: [&(dyn ToSql + Sync); 6] =
        [&partition, &ends[0], &ends[1], &range.file, &sha256, &members];
    let transaction = client.transaction().await?;
    transaction.execute(INSERT, &row).await?;
    transaction.execute(FORGET_SUPERSEDED, &[&range.file]).await?;
    transaction.commit().await
}

/// Whether a range's table is there. Its rows are no longer among the log's from when it begins to
/// be detached, which may have been cut short, too.
async fn is_there(client: &Client, table: &str) -> Result<bool, Error> {
    let row = client.query_one("select to_regclass($1) is not null", &[&table]).await?;
    row.try_get(0)
}

/// Detaches a range's table, which keeps nobody waiting, and drops it. Where that was cut short, it
/// goes on from there.
async fn take_out(url: &PostgresUrl, client: &Client, table: &str) -> Result<(), Error> {
    let select = "select inhdetachpending from pg_inherits where inhrelid = to_regclass($1)";
    let how = match client.query_opt(select, &[&table]).await? {
        Some(row) if row.try_get(0)? => Some("finalize"),
        Some(_) => Some("concurrently"),
        None => None,
    };
    if let Some(how) = how {
        let detach = format!("alter table guerdon_log.event detach partition {table} {how}");
        run_and_tell(url, client, "an archived range leaves the log", &detach).await?;
    }
    let drop = format!("drop table if exists {table}");
    run_and_tell(url, client, "an archived range leaves the log", &drop).await
}

/// Whether another transaction was in the way, which ends.
fn may_pass(error: &Error) -> bool {
    let passing = [SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE];
    error.code().is_some_and(|code| passing.contains(code))
}

/// Puts another file in the place of a range's former one, which is noted as to be removed.
pub(super) async fn replace(
    client: &mut Client,
    former: &str,
    range: &ArchivedRange,
) -> Result<(), Error> {
    let members = serde_json::json!(range.members).to_string();
    let (partition, first) = (i32::from(range.partition.0), range.first.0.cast_signed());
    let transaction = client.transaction().await?;
    let update = include_str!("replace_archived_range.sql");
    let row: [&(dyn ToSql + Sync); 6] =
        [&partition, &first, &range.file, &&range.sha256[..], &members, &former];
    transaction.execute(update, &row).await?;
    transaction.execute(NOTE_SUPERSEDED, &[&former]).await?;
    transaction.execute(FORGET_SUPERSEDED, &[&range.file]).await?;
    transaction.commit().await
}
