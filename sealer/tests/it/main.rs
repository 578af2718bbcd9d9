//! The tests of this crate, in one program.

mod log;
mod sealing;
mod serving;
mod tampering;
