//! The tests of this crate, in one program.

mod dependencies;
mod ladders;
mod laws;
mod model;
mod partitions;
mod reservations;
mod zone_data;
