//! How long a command would wait for the writer, and which commands aren't let into the queue for
//! that. What isn't let in was never begun.
//!
//! While few wait, that is one comparison. Otherwise the wait is reckoned from how many wait and
//! how long the writer needed for each, and from how long the present append has been under way: so
//! it counts at once, and not when those that wait now have been decided.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::{Command, Owner};
use wire::{Overload, Role, Shed, Stage};

use super::answer::{NotDecided, Request};
use super::breaker::Breaker;
use super::decide::BATCH_COMMANDS_MAX;

/// While fewer than this wait, nothing is reckoned: the next batch has room for all of them.
const CALM: usize = 64;

/// The time that a command takes is measured on batches with at least this many commands, and on
/// batches that left some commands waiting. A smaller batch that took all says nothing: it could
/// have taken more.
const FULL_BATCH: usize = BATCH_COMMANDS_MAX / 2;

/// Shared by the writer and everyone who submits.
#[derive(Debug)]
pub(super) struct Pressure {
    pub(super) breaker: Breaker,
    overload: Overload,
    shed_after: Duration,
    made: Instant,
    /// How long a command takes, in nanoseconds, while more wait than a batch can have; else 0.
    each: AtomicU64,
    /// When the present append began, or waiting for that of others, in milliseconds after `made`
    /// and one more; 0 without one.
    appending_since: AtomicU64,
    /// When the batch before it was handed over, in nanoseconds after `made`, if more waited then.
    handed_over: AtomicU64,
    /// How many waited then.
    left_waiting: AtomicU64,
}

impl Pressure {
    pub(super) fn new(overload: Overload, shed_after: Duration) -> Self {
        Self {
            breaker: Breaker::new(overload.clone()),
            overload,
            shed_after,
            made: Instant::now(),
            each: AtomicU64::new(0),
            appending_since: AtomicU64::new(0),
            handed_over: AtomicU64::new(0),
            left_waiting: AtomicU64::new(0),
        }
    }

    /// Checks that the command may enter the queue, in which so many wait.
    pub(super) fn admit(
        &self,
        request: &Request,
        waiting: usize,
        is_new: impl FnOnce() -> bool,
    ) -> Result<(), NotDecided> {
        if waiting < CALM && !self.breaker.is_open() {
            return Ok(());
        }
        self.look(request, waiting, is_new)
    }

    #[cold]
    fn look(
        &self,
        request: &Request,
        waiting: usize,
        is_new: impl FnOnce() -> bool,
    ) -> Result<(), NotDecided> {
        if self.breaker.is_open() {
            return Err(NotDecided::LogAway);
        }
        let now = Instant::now();
        let wait = self.wait(waiting, now);
        let stage = Stage::of_wait(wait, self.shed_after);
        self.overload.tell(stage, now);
        let what = match &request.command {
            _ if request.is_one_of_many => return Ok(()),
            _ if request.is_dry_run => Shed::DryRun,
            command if is_an_operators(request, command) => return Ok(()),
            // A hold may be captured for an exchange.
            command if command.exchange().is_some() && is_new() => Shed::Redemption,
            _ => Shed::Command,
        };
        if !stage.sheds(what) {
            return Ok(());
        }
        self.overload.count(what);
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        Err(NotDecided::Overloaded { seconds })
    }

    fn wait(&self, waiting: usize, now: Instant) -> Duration {
        let each = self.each.load(Ordering::Relaxed);
        let queue = Duration::from_nanos(each.saturating_mul(waiting as u64));
        let append = match self.appending_since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => now
                .saturating_duration_since(self.made)
                .saturating_sub(Duration::from_millis(since - 1)),
        };
        queue.max(append)
    }

    /// A batch is handed to the log, in which so many commands came alone; so many more wait.
    pub(super) fn hand_over(&self, single: usize, waiting: usize, now: Instant) {
        let since = now.saturating_duration_since(self.made);
        let nanos = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let handed_over = if waiting < CALM { 0 } else { nanos.max(1) };
        let before = self.handed_over.swap(handed_over, Ordering::Relaxed);
        let waited = self.left_waiting.swap(waiting as u64, Ordering::Relaxed);
        let is_full = single >= FULL_BATCH || (single > 0 && (single as u64) < waited);
        let each = self.each.load(Ordering::Relaxed);
        if waiting < CALM {
            self.each.store(0, Ordering::Relaxed);
        } else if before > 0 && is_full {
            let of_batch = nanos.saturating_sub(before) / single as u64;
            // The last few batches count: one may have met the disk at a bad moment.
            let of_last = if each == 0 { of_batch } else { (3 * each + of_batch) / 4 };
            self.each.store(of_last, Ordering::Relaxed);
        }
        self.append_begins(now);
    }

    /// An append is under way, of this batch or of others that it waits for.
    pub(super) fn append_begins(&self, now: Instant) {
        let since = now.saturating_duration_since(self.made);
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX - 1);
        self.appending_since.store(millis + 1, Ordering::Relaxed);
    }

    /// The batch has landed, or the log said that it didn't.
    pub(super) fn settled(&self) {
        self.appending_since.store(0, Ordering::Relaxed);
    }
}

/// What operators ask is never shed: it may be what helps.
fn is_an_operators(request: &Request, command: &Command) -> bool {
    let role = request.principal.as_ref().map(|principal| principal.role);
    // An offer's home is asked for each shopper who wants to wait.
    let is_shoppers = matches!(command, Command::AdmitWait(_));
    let is_of_programme = matches!(command.owner(), Owner::Programme) && !is_shoppers;
    is_of_programme || role == Some(Role::Operator.as_str())
}

#[cfg(test)]
mod tests {
    use domain::command::{AdmitWait, Capture, CaptureHold, Order};

    use super::*;

    const SHED_AFTER: Duration = Duration::from_millis(500);

    #[test]
    fn the_wait_is_that_of_full_batches_and_forgotten_once_few_wait() {
        let pressure = Pressure::new(Overload::default(), SHED_AFTER);
        let at = |millis| pressure.made + Duration::from_millis(millis);
        let wait = |waiting, millis| pressure.wait(waiting, at(millis)).as_millis();
        pressure.hand_over(1_000, 4_000, at(60_000));
        pressure.settled();
        assert_eq!(wait(4_000, 60_000), 0, "nobody waited before that");
        pressure.hand_over(1_000, 4_000, at(60_100));
        pressure.settled();
        assert_eq!(wait(4_000, 60_100), 400, "100 ms for a thousand");
        pressure.hand_over(10, 80, at(60_100));
        let each = pressure.each.load(Ordering::Relaxed);
        pressure.hand_over(80, 4_000, at(60_900));
        pressure.settled();
        let same = pressure.each.load(Ordering::Relaxed);
        assert_eq!(same, each, "of a small batch that took all who waited nothing is known");
        pressure.hand_over(1_000, CALM - 1, at(61_000));
        pressure.settled();
        assert_eq!(wait(8_000, 61_000), 0);
    }

    #[test]
    fn the_capture_of_a_hold_for_an_exchange_is_shed_as_a_redemption() {
        let shed = |capture| {
            let overload = Overload::default();
            let pressure = Pressure::new(overload.clone(), Duration::ZERO);
            pressure.hand_over(1, 0, pressure.made);
            let (account_id, hold_id) = ("ann".parse().expect("id"), "h-1".parse().expect("id"));
            let hold = CaptureHold { account_id, hold_id, capture, occurred_at: None };
            let request = Request::of(Command::CaptureHold(hold));
            pressure.admit(&request, CALM, || true).expect_err("it is shed");
            let counts = overload.counts().filter(|(_, count)| *count > 0);
            counts.map(|(what, _)| what).collect::<Vec<Shed>>()
        };
        let order = Order {
            exchange_id: "x-1".parse().expect("id"),
            offer_id: "mug".parse().expect("id"),
            quantity: domain::Units::new(1).expect("units"),
            deliver_to: None,
            expected_points: None,
            expected_prices: None,
        };
        assert_eq!(shed(Capture::Exchange(order)), [Shed::Redemption]);
        assert_eq!(shed(Capture::Points(None)), [Shed::Command]);
    }

    #[test]
    fn an_offers_home_is_asked_for_no_shopper_who_would_wait_too_long() {
        let pressure = Pressure::new(Overload::default(), Duration::ZERO);
        pressure.hand_over(1, 0, pressure.made);
        let admit = AdmitWait { offer_id: "mug".parse().expect("id") };
        let admitted = pressure.admit(&Request::of(Command::AdmitWait(admit)), CALM, || true);
        assert!(matches!(admitted, Err(NotDecided::Overloaded { .. })));
    }

    #[test]
    fn small_batches_that_leave_some_waiting_show_how_long_a_command_takes() {
        let pressure = Pressure::new(Overload::default(), SHED_AFTER);
        let at = |millis| pressure.made + Duration::from_millis(millis);
        pressure.hand_over(100, 4_000, at(1_000));
        pressure.hand_over(100, 4_000, at(1_100));
        pressure.settled();
        assert_eq!(pressure.wait(4_000, at(1_100)).as_millis(), 4_000, "100 ms for a hundred");
    }

    #[test]
    fn an_append_that_is_under_way_is_waited_for() {
        let pressure = Pressure::new(Overload::default(), SHED_AFTER);
        let at = |millis| pressure.made + Duration::from_millis(millis);
        pressure.hand_over(1, 0, at(1_000));
        assert_eq!(pressure.wait(100, at(1_700)).as_millis(), 700);
        pressure.settled();
        assert_eq!(pressure.wait(100, at(1_700)), Duration::ZERO);
        // Of other partitions, for which the next batch waits.
        pressure.append_begins(at(2_000));
        assert_eq!(pressure.wait(100, at(2_300)).as_millis(), 300);
    }
}
