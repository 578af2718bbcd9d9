//! The tests of this crate, in one program.

mod life;
mod projection;
mod replica;
mod schemas;
mod shipping;
mod speed;
