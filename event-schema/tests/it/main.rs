//! The tests of this crate, in one program.

mod documented;
mod golden;
