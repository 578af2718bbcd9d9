//! Schemas: a ledger's side in a schema of its own, with the table of its migrations in it.

use std::io;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::timeout;

use crate::pooler::check_sessions;
use crate::session::set_session;
use crate::{PostgresError, PostgresUrl};

/// Between two migrations the session is idle and holds the lock of them all.
const MIGRATING: [(&str, &str); 2] = [("lock_timeout", "5s"), ("idle_session_timeout", "10s")];

const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The table in the schema that says which migrations have run.
const TABLE: &str = "migration";

/// Brings `schema` up to date; makes it where there is none. What the files name without a schema
/// is of this one.
pub async fn migrate(
    url: &PostgresUrl,
    schema: &'static str,
    mut migrations: Migrator,
) -> Result<(), PostgresError> {
    check_sessions(url).await?;
    let mut connection = primary(url, &MIGRATING).await?;
    let known = last(&migrations);
    migrations.create_schema(schema);
    migrations.dangerous_set_table_name(format!("{schema}.{TABLE}"));
    let find_tables = AssertSqlSafe(format!("set search_path to {schema}"));
    connection.execute(find_tables).await.map_err(|source| url.failed(source))?;
    migrations.run(&mut connection).await.map_err(|source| match source {
        MigrateError::VersionMissing(found) => {
            PostgresError::SchemaNewer { url: url.to_string(), schema, found, known }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)
            if is_held(&error) =>
        {
            PostgresError::Held { url: url.to_string(), schema }
        }
        source => PostgresError::Migrate { url: url.to_string(), schema, source: Box::new(source) },
    })?;
    connection.close().await.map_err(|source| url.failed(source))
}

/// Whether `schema` is the one that this build was made for.
pub async fn check_schema(
    url: &PostgresUrl,
    schema: &'static str,
    migrations: &Migrator,
) -> Result<(), PostgresError> {
    check_sessions(url).await?;
    let mut connection = primary(url, &[]).await?;
    let there: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(format!("{schema}.{TABLE}"))
        .fetch_one(&mut connection)
        .await
        .map_err(|source| url.failed(source))?;
    let found: i64 = if there {
        let last = format!("select coalesce(max(version), 0) from {schema}.{TABLE} where success");
        sqlx::query_scalar(AssertSqlSafe(last))
            .fetch_one(&mut connection)
            .await
            .map_err(|source| url.failed(source))?
    } else {
        0
    };
    connection.close().await.map_err(|source| url.failed(source))?;
    let (url, known) = (url.to_string(), last(migrations));
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(PostgresError::SchemaOlder { url, schema, found, known }),
        std::cmp::Ordering::Greater => {
            Err(PostgresError::SchemaNewer { url, schema, found, known })
        }
    }
}

fn last(migrations: &Migrator) -> i64 {
    migrations.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The one of the URL's servers that takes writes.
async fn primary(url: &PostgresUrl, own: &[(&str, &str)]) -> Result<PgConnection, PostgresError> {
    let mut refused = vec![];
    for options in url.options() {
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let connecting = timeout(url.connect_timeout(), connect(&options, own));
        let timed_out = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
        let mut connection = match connecting.await.unwrap_or_else(timed_out) {
            Ok(connection) => connection,
            Err(error) => {
                refused.push(format!("{server}: {}", why(error)));
                continue;
            }
        };
        let is_standby = sqlx::query_scalar("select pg_is_in_recovery()");
        match is_standby.fetch_one(&mut connection).await {
            Ok(false) => return Ok(connection),
            Ok(true) => {}
            Err(error) => refused.push(format!("{server}: {}", why(error))),
        }
    }
    Err(if refused.is_empty() {
        PostgresError::NoPrimary { url: url.to_string() }
    } else {
        url.failed(refused.join("; "))
    })
}

async fn connect(
    options: &PgConnectOptions,
    own: &[(&str, &str)],
) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    set_session(&mut connection, own).await?;
    Ok(connection)
}

fn is_held(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

/// Without the words around those of the operating system, which come again with the cause.
fn why(error: sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}
