//! The tests of this crate, in one program.

mod audited;
mod events;
mod story;
mod trial_balance;
