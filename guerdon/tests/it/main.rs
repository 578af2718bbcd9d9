//! The tests of this crate, in one program.

mod archive;
mod archive_killed;
mod at_once;
mod bad_input;
mod busy_lock;
mod complete_journey;
mod complete_journey_shipped;
mod connections;
mod copy_log;
mod crash;
mod expiring_year;
mod failover;
mod first_redemption;
mod inbound_refusals;
#[cfg(feature = "kafka-tls")]
mod kafka_tls;
mod keys;
#[cfg(feature = "kurrent")]
mod kurrent;
mod ledger;
mod options;
mod output;
mod parcel;
mod postgres_faults;
mod publish;
mod publish_refused;
mod publisher_trouble;
mod raw;
mod read_model;
mod readiness;
mod refused_start;
mod roles;
mod routes_and_roles;
mod rush;
mod secrets;
mod separate_roles;
mod shipping_faults;
mod snapshot;
mod start_failures;
mod stopping;
mod topic;
mod tour;
mod warehouses;
