//! The tests of this crate, in one program.

mod archive;
mod contract;
mod damage;
mod durability;
mod format;
#[cfg(feature = "kurrent")]
mod kurrent;
mod locks;
mod several_hosts;
mod stores;
