//! What can go wrong on the way to a PostgreSQL.

use std::path::PathBuf;

/// A PostgreSQL server that can't be reached, or whose schema doesn't fit.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No server of the URL accepts the connection.
    #[error("can't connect to {url}")]
    Connect {
        /// The URL, without its password.
        url: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// None of the URL's servers takes writes.
    #[error("can't find a server of {url} that takes writes")]
    NoPrimary {
        /// The URL, without its password.
        url: String,
    },
    /// A pooler stands before the server, and gives away the session of each connection.
    #[error(
        "{url} is behind a pooler in transaction or statement mode ({why}); Guerdon keeps settings \
         and prepared statements on its connections: give it the server's own address, or a pooler \
         in session mode (PgBouncer: pool_mode = session)"
    )]
    Pooler {
        /// The URL, without its password.
        url: String,
        /// What shows it.
        why: String,
    },
    /// Somebody holds what a migration needs.
    #[error(
        "the schema {schema} of {url} can't be migrated now: somebody else migrates it, or a \
         transaction that stays open holds its tables. Run `guerdon migrate` again once that has \
         ended"
    )]
    Held {
        /// The URL, without its password.
        url: String,
        /// The schema's name.
        schema: &'static str,
    },
    /// The file of trusted certificates can't be read.
    #[error("can't read the certificates of sslrootcert={file}: {why}")]
    Certificates {
        /// Where they should be.
        file: PathBuf,
        /// The cause.
        why: String,
    },
    /// The schema is older than this build.
    #[error(
        "the schema {schema} of {url} is at migration {found}; this build needs migration \
         {known}. Run `guerdon migrate` with the same options first"
    )]
    SchemaOlder {
        /// The database's URL.
        url: String,
        /// The schema's name.
        schema: &'static str,
        /// The last migration that was applied; 0 if there is no schema.
        found: i64,
        /// The migration that this build needs.
        known: i64,
    },
    /// The schema is newer than this build.
    #[error(
        "the schema {schema} of {url} is at migration {found}, from a newer build; this build \
         knows migration {known}. Run the newer build"
    )]
    SchemaNewer {
        /// The database's URL.
        url: String,
        /// The schema's name.
        schema: &'static str,
        /// The last migration that was applied.
        found: i64,
        /// The last migration that this build knows.
        known: i64,
    },
    /// The schema can't be brought up to date.
    #[error("can't migrate the schema {schema} of {url}")]
    Migrate {
        /// The database's URL.
        url: String,
        /// The schema's name.
        schema: &'static str,
        /// The cause.
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
}
