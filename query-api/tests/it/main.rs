//! The tests of this crate, in one program.

mod account;
mod asks;
mod balance_cache;
mod cached_reads_only;
mod expiring;
mod facts;
mod followers;
mod kept;
mod lists;
mod mergers;
mod offers;
mod operations;
mod parcels;
mod partitions;
mod past;
mod plans;
mod positions;
mod programme;
mod random_life;
mod rush_reads;
mod shipments_agree;
mod shipping;
mod stream_cursor;
mod tiers;
mod units;
