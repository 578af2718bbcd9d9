//! How the log and the read model reach a PostgreSQL: its URL, TLS, connections, migrations.
//!
//! It knows no table. [`PostgresUrl`] names one server or several of which one is the primary;
//! [`PostgresUrl::connect`] gives a connection that tells of warnings, [`PostgresUrl::pool`] a pool
//! of plain ones, [`PostgresUrl::options`] what sqlx needs; [`migrate()`] and [`check_schema()`]
//! bring a schema up to date, or say how it differs.

mod connect;
mod error;
mod migrate;
mod tls;
mod url;

pub use connect::Connection;
pub use error::PostgresError;
pub use migrate::{check_schema, migrate};
pub use url::{PostgresUrl, PostgresUrlError};
