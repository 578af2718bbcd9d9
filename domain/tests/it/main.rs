//! The tests of this crate, in one program.

mod dependencies;
mod laws;
mod model;
