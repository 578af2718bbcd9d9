//! Keeps commands from waiting for a log that takes nothing: after some failures in a row they are
//! refused at once.
//!
//! Nobody else tries the log meanwhile: the writer goes on with what it has decided, less and less
//! often (`recover.rs`). When that lands, commands are let in again; or when nothing is left to try
//! with, because those who asked for it have gone.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use wire::Overload;

/// After so many failures in a row commands are refused. The first four come within a third of a
/// second where the log refuses at once; where it hangs, each takes seconds.
const FAILURES: u32 = 5;

/// Whether the log takes anything. Only the writer changes it.
#[derive(Debug)]
pub(super) struct Breaker {
    overload: Overload,
    failures: AtomicU32,
    is_open: AtomicBool,
}

impl Breaker {
    pub(super) fn new(overload: Overload) -> Self {
        Self { overload, failures: AtomicU32::new(0), is_open: AtomicBool::new(false) }
    }

    /// Whether commands are refused.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// The log failed. Whether commands are refused from now on.
    pub(super) fn failed(&self) -> bool {
        let failures = self.failures.load(Ordering::Relaxed).saturating_add(1);
        self.failures.store(failures, Ordering::Relaxed);
        let opens = failures >= FAILURES && !self.is_open();
        if opens {
            tracing::error!(
                failures,
                "the log takes nothing; commands are refused at once until it does again"
            );
            self.set(true);
        }
        opens
    }

    /// The writer has nothing left to try the log with. Commands are let in for that; the next
    /// failure is enough to refuse them again.
    pub(super) fn lets_try(&self) {
        if self.is_open() {
            self.failures.store(FAILURES - 1, Ordering::Relaxed);
            self.close("the log may take something again; commands are let in to try it");
        }
    }

    /// Something landed.
    pub(super) fn landed(&self) {
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
            self.close("the log takes something again; commands are let in");
        }
    }

    /// The writer decides no more. Whoever calls is told that, and not that the log is away.
    pub(super) fn stopped(&self) {
        self.close("the writer has stopped, so commands hear that instead");
    }

    fn close(&self, why: &str) {
        if self.is_open() {
            tracing::warn!("{why}");
            self.set(false);
        }
    }

    fn set(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::Relaxed);
        self.overload.set_log_away(is_open);
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        if self.is_open() {
            self.overload.set_log_away(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_to_try() {
        let overload = Overload::default();
        let breaker = Breaker::new(overload.clone());
        let fail = |times| (0..times).map(|_| breaker.failed()).collect::<Vec<bool>>();
        assert_eq!(fail(4), [false; 4]);
        breaker.landed();
        assert_eq!(fail(6), [false, false, false, false, true, false]);
        assert!(breaker.is_open() && overload.logs_away() == 1);
        breaker.lets_try();
        assert!(!breaker.is_open() && overload.logs_away() == 0);
        assert_eq!(fail(1), [true], "it is still away");
        breaker.landed();
        assert_eq!(fail(4), [false; 4]);
        breaker.landed();
        assert_eq!((overload.logs_away(), overload.went_away()), (0, 2));
    }

    #[test]
    fn a_writer_that_has_stopped_or_is_gone_refuses_nothing() {
        let overload = Overload::default();
        for has_stopped in [true, false] {
            let breaker = Breaker::new(overload.clone());
            while !breaker.failed() {}
            assert_eq!(overload.logs_away(), 1);
            if has_stopped {
                breaker.stopped();
                assert!(!breaker.is_open() && overload.logs_away() == 0);
            }
            drop(breaker);
            assert_eq!(overload.logs_away(), 0);
        }
    }
}
