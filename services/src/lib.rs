//! Real services for tests and benchmarks, on loopback ports of their own, without containers.
//!
//! [`Postgres`] is a server of one's own, to be stopped, killed, copied and promoted at will.
//! [`TestDatabase`] is an empty database on a server that all tests share; the first test starts
//! it, and `cargo xtask services stop` ends it. With the feature `kurrent` there is a server in
//! this process that speaks KurrentDB's protocol, too.

mod home;
#[cfg(feature = "kurrent")]
mod kurrent;
mod postgres;
mod test_database;

pub use home::home;
#[cfg(feature = "kurrent")]
pub use kurrent::{AppendFault, KurrentServer};
pub use postgres::{Postgres, Stop, bin_folder};
pub use test_database::{TestDatabase, stop_shared};
