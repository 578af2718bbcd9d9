//! Opening a log's database: the schema, and which log it holds.

use log_record::{LogFormat, LogId};
use postgres_connection::PostgresUrl;
use sqlx::migrate::Migrator;
use tokio_postgres::Client;
use uuid::Uuid;

use super::postgres;
use crate::{Access, ImportState, NewLog, StoreError};

const SCHEMA: &str = "guerdon_log";

/// An open log's database.
pub(super) struct Opened {
    pub(super) log_id: LogId,
    pub(super) partitions: u16,
    pub(super) range_positions: u64,
    import: Option<ImportState>,
}

fn migrations() -> Migrator {
    sql_macros::migrations!("../migrations/log/postgres")
}

/// Brings the schema up to date; makes it where there is none.
pub(crate) async fn migrate(url: &PostgresUrl) -> Result<(), StoreError> {
    check_format(url).await?;
    Ok(postgres_connection::migrate(url, SCHEMA, migrations()).await?)
}

/// Chooses how large ranges are, for a log that isn't there yet.
pub(crate) async fn choose_range_positions(
    url: &PostgresUrl,
    positions: u64,
) -> Result<(), StoreError> {
    let client = url.connect().await?.client;
    match which_log(&client).await?.map(|log| log.range_positions) {
        None => {}
        Some(found) if found == positions => return Ok(()),
        Some(found) => return Err(StoreError::RangesChosen { log: url.to_string(), found }),
    }
    let choose =
        format!("alter table guerdon_log.log alter column range_positions set default {positions}");
    let chosen = client.batch_execute(&choose).await;
    chosen.map_err(|source| postgres("choose the ranges of", source))
}

pub(super) async fn check_schema(url: &PostgresUrl) -> Result<(), StoreError> {
    check_format(url).await?;
    Ok(postgres_connection::check_schema(url, SCHEMA, &migrations()).await?)
}

/// Refuses a log of another format before its schema is looked at.
async fn check_format(url: &PostgresUrl) -> Result<(), StoreError> {
    // Where no server answers, whoever connects next names each server with its reason.
    let Ok(connection) = url.connect().await else { return Ok(()) };
    check_format_of(&connection.client, url).await
}

/// Refuses a log of another format.
async fn check_format_of(client: &Client, url: &PostgresUrl) -> Result<(), StoreError> {
    const IS_THERE: &str = "select to_regclass('guerdon_log.log') is not null";
    // As JSON, the row can be asked for a column that it doesn't have.
    const FORMAT: &str = "select cast(to_jsonb(log) ->> 'format' as integer) from guerdon_log.log";
    let failed = |source| postgres("open", source);
    let is_there: bool =
        client.query_one(IS_THERE, &[]).await.and_then(|row| row.try_get(0)).map_err(failed)?;
    if !is_there {
        return Ok(());
    }
    let Some(row) = client.query_opt(FORMAT, &[]).await.map_err(failed)? else { return Ok(()) };
    let format: Option<i32> = row.try_get(0).map_err(failed)?;
    let format = format.map_or(LogFormat::UNNUMBERED, |format| LogFormat(format.cast_unsigned()));
    Ok(format.check(format_args!("the log {url}"))?)
}

/// Finds out which log it is, and makes one where there is none and `access` says so.
pub(super) async fn open(url: &PostgresUrl, access: Access) -> Result<Opened, StoreError> {
    let connection = url.connect().await?;
    // Again, on the connection that is used: there may have been no server for the first check.
    check_format_of(&connection.client, url).await?;
    let is_import = matches!(access, Access::Import(_));
    if let Access::Write(new_log) | Access::Import(new_log) = access {
        make_log(&connection.client, new_log, is_import).await?;
    }
    let opened = which_log(&connection.client).await?;
    let opened = opened.ok_or_else(|| StoreError::Missing { log: url.to_string() })?;
    ImportState::check(opened.import, is_import, url)?;
    Ok(opened)
}

/// Changes nothing where there is a log already, also one that another process makes right now.
async fn make_log(client: &Client, new_log: NewLog, is_import: bool) -> Result<(), StoreError> {
    const MAKE: &str = include_str!("make_log.sql");
    let NewLog { log_id, partitions } = new_log;
    let format = LogFormat::CURRENT.0.cast_signed();
    let import = is_import.then_some(ImportState::Unfinished.as_str());
    let made = client.execute(MAKE, &[&log_id.0, &i32::from(partitions), &format, &import]).await;
    made.map(drop).map_err(|source| postgres("make", source))
}

async fn which_log(client: &Client) -> Result<Option<Opened>, StoreError> {
    let failed = |source| postgres("open", source);
    let select = "select log_id, partitions, range_positions, import_state from guerdon_log.log";
    let Some(row) = client.query_opt(select, &[]).await.map_err(failed)? else { return Ok(None) };
    Ok(Some(Opened {
        log_id: LogId(row.try_get::<_, Uuid>("log_id").map_err(failed)?),
        partitions: u16::try_from(row.try_get::<_, i32>("partitions").map_err(failed)?)
            .unwrap_or(u16::MAX),
        range_positions: row.try_get::<_, i64>("range_positions").map_err(failed)?.unsigned_abs(),
        import: ImportState::of_column(row.try_get("import_state").map_err(failed)?),
    }))
}
