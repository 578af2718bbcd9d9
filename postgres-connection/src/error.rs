//! What can go wrong on the way to a PostgreSQL.

use std::path::PathBuf;

/// A PostgreSQL server that can't be reached, or whose schema doesn't fit. Its URLs are without
/// passwords.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum PostgresError {
    /// No server of the URL accepts the connection.
    #[error("can't connect to {url}")]
    Connect {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// None of the URL's servers takes writes.
    #[error("can't find a server of {url} that takes writes")]
    NoPrimary { url: String },
    /// A pooler stands before the server, and gives away the session of each connection.
    #[error(
        "{url} is behind a pooler in transaction or statement mode ({why}); Guerdon keeps settings \
         and prepared statements on its connections: give it the server's own address, or a pooler \
         in session mode (PgBouncer: pool_mode = session)"
    )]
    Pooler { url: String, why: String },
    /// Somebody holds what a migration needs.
    #[error(
        "the schema {schema} of {url} can't be migrated now: somebody else migrates it, or a \
         transaction that stays open holds its tables. Run `guerdon migrate` again once that has \
         ended"
    )]
    Held { url: String, schema: &'static str },
    /// The file of trusted certificates can't be read.
    #[error("can't read the certificates of sslrootcert={file}: {why}")]
    Certificates { file: PathBuf, why: String },
    /// The schema is older than this build.
    #[error(
        "the schema {schema} of {url} is at migration {found}; this build needs migration \
         {known}. Run `guerdon migrate` with the same options first"
    )]
    SchemaOlder { url: String, schema: &'static str, found: i64, known: i64 },
    /// The schema is newer than this build.
    #[error(
        "the schema {schema} of {url} is at migration {found}, from a newer build; this build \
         knows migration {known}. Run the newer build"
    )]
    SchemaNewer { url: String, schema: &'static str, found: i64, known: i64 },
    /// The schema can't be brought up to date.
    #[error("can't migrate the schema {schema} of {url}")]
    Migrate {
        url: String,
        schema: &'static str,
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
}
