//! How the log and the read model reach a PostgreSQL: its URL, TLS, connections, migrations.
//!
//! It knows no table. [`PostgresUrl`] names one server or several of which one is the primary;
//! [`PostgresUrl::connect`] gives a connection that tells of warnings, [`PostgresUrl::pool`] a pool
//! of plain ones, [`session()`] what each sets for itself, [`PostgresUrl::options`] what sqlx
//! needs; [`migrate()`] and [`check_schema()`] bring a schema up to date, or say how it differs;
//! [`rewrite_table()`] gives a table other files, [`storable()`] a text that it takes.

mod connect;
mod error;
mod migrate;
mod pooler;
mod rewrite;
mod session;
mod text;
mod tls;
mod url;

pub use connect::{Connection, Pool, PoolError, PooledClient};
pub use error::PostgresError;
pub use migrate::{check_schema, migrate};
pub use rewrite::{Rewritten, rewrite_table};
pub use session::session;
pub use text::storable;
pub use url::{PostgresUrl, PostgresUrlError};
