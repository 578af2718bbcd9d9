//! What can go wrong on the way to a PostgreSQL.

use std::path::PathBuf;

/// A PostgreSQL that can't be reached, or isn't as it must be.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No server of the URL answers as wanted.
    #[error("can't connect to {url}")]
    Connect {
        /// Which, without the password.
        url: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// None of the URL's servers takes writes.
    #[error("can't find a server of {url} that takes writes")]
    NoPrimary {
        /// Which, without the password.
        url: String,
    },
    /// The certificates that a server is to be checked against can't be had.
    #[error("can't read the certificates of sslrootcert={file}: {why}")]
    Certificates {
        /// Where they should be.
        file: PathBuf,
        /// Why not.
        why: String,
    },
    /// The schema is older than this build.
    #[error(
        "{url} has no schema {schema} that fits: it is at migration {found}, and this build needs \
         {known}; run `guerdon migrate` with the same options first"
    )]
    SchemaOlder {
        /// The database's address.
        url: String,
        /// The schema's name.
        schema: &'static str,
        /// What is there; 0 where nothing is.
        found: i64,
        /// What this build needs.
        known: i64,
    },
    /// The schema is newer than this build.
    #[error(
        "the schema {schema} of {url} is at migration {found}, which a newer build made; this one \
         knows {known}: run the newer build"
    )]
    SchemaNewer {
        /// The database's address.
        url: String,
        /// The schema's name.
        schema: &'static str,
        /// What is there.
        found: i64,
        /// What this build knows.
        known: i64,
    },
    /// The schema can't be brought up to date.
    #[error("can't migrate the schema {schema} of {url}")]
    Migrate {
        /// The database's address.
        url: String,
        /// The schema's name.
        schema: &'static str,
        /// Why not.
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
}
