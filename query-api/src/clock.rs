//! What time it is for a read.
//!
//! Credit expires and holds end at their time, whether or not the log says so by then. A log whose
//! clock is its commands stands still between them, and so do its reads; they do while the writer
//! doubts the wall clock, too.

use std::time::SystemTime;

use domain::Timestamp;
use projector::AsOf;

/// Now, in microseconds: never before what was recorded last.
pub(crate) fn now(as_of: &AsOf) -> i64 {
    let recorded_at = as_of.recorded_at();
    match as_of.clock() {
        Some("commands" | "doubted") => recorded_at,
        _ => wall_clock().max(recorded_at),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place here that reads the clock")]
fn wall_clock() -> i64 {
    Timestamp::from_system(SystemTime::now()).unwrap_or_default().micros()
}
