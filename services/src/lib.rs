//! Real services for tests and benchmarks, on loopback ports of their own, without containers.
//!
//! [`Postgres`] is a server of one's own, to be stopped, killed, copied and promoted at will.
//! [`TestDatabase`] is an empty database on a server that all tests share; the first test starts
//! it, and `cargo xtask services stop` ends it. [`PgBouncer`] is a pooler in front of a server.
//! [`Kafka`] is a broker of one's own, [`KafkaCluster`] three of them, and [`shared_kafka`] the one
//! that all tests share. [`debian_program`] is a program of a Debian package that need not be
//! installed, and [`go()`] a Go. [`IdentityProvider`] signs tokens and publishes its keys. With the
//! feature `kurrent` there is a server in this process that speaks KurrentDB's protocol.

mod debian;
mod go;
mod home;
mod identity_provider;
mod kafka;
#[cfg(feature = "kurrent")]
mod kurrent;
mod node;
mod pgbouncer;
mod postgres;
mod process;
mod python;
mod test_database;

pub use debian::debian_program;
pub use go::go;
pub use home::home;
pub use identity_provider::{IdentityProvider, SigningKey, Trouble, seconds_from_now};
pub use kafka::{Kafka, KafkaCluster, shared_kafka};
#[cfg(feature = "kurrent")]
pub use kurrent::{AppendFault, KurrentServer, LostTail};
pub use node::{Node, node_with};
pub use pgbouncer::{PgBouncer, has_pgbouncer};
pub use postgres::{Postgres, Stop, bin_folder};
pub use python::{PYTHON_KAFKA, python_with};
pub use test_database::TestDatabase;

/// With this variable no server starts: the tests that are run need none.
pub const NO_SERVICES: &str = "GUERDON_NO_SERVICES";

/// Starts the servers that tests share, unless they run.
pub fn start_shared() -> anyhow::Result<()> {
    shared_kafka()?;
    TestDatabase::create().map(drop)
}

/// Fails where [`NO_SERVICES`] is set.
pub(crate) fn may_start(server: &str) -> anyhow::Result<()> {
    let may = std::env::var_os(NO_SERVICES).is_none();
    anyhow::ensure!(
        may,
        "`cargo xtask test --fast` starts no {server}: list this test in `.config/nextest.toml`"
    );
    Ok(())
}

/// Stops the servers that tests share, and deletes their data.
pub fn stop_shared() -> anyhow::Result<()> {
    kafka::stop_shared()?;
    test_database::stop_shared()
}
