//! What the tests of several crates share; only a dev-dependency. Servers are in `services`.
//!
//! [`ledger`] is a log in memory with a read model on either database, [`life`] a history that has
//! every type of event, [`partitions`] a log of several partitions as the domain decides it,
//! [`golden`] the frozen examples of all events.
#![expect(missing_docs, reason = "the names say it, and a test is read with this beside it")]

pub mod golden;
pub mod ledger;
pub mod life;
pub mod partitions;
