//! The tests of this crate, in one program.

mod erasure;
mod large_batches;
mod life;
mod locks;
mod lost_batches;
mod of_log;
mod parcels;
mod partitions;
mod projection;
mod reconcile;
mod replica;
mod schemas;
mod shipping;
mod speed;
