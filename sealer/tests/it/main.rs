//! The tests of this crate, in one program.

mod balances;
mod exporting;
mod log;
mod proving;
mod sealing;
mod serving;
mod tampering;
mod witnesses;
