//! What one connection does at the moment, and since when. Whoever closes connections looks at it:
//! one that keeps the server waiting is closed at its deadline, or for others; one whose request is
//! being worked on is not.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How many bits of the packed phase are its kind; the rest is the time.
const KIND_BITS: u32 = 3;

/// For how long a client of a stream may read nothing before it counts as one that keeps the server
/// waiting, in milliseconds: a line that is slow is no client that doesn't read.
const STREAM_UNREAD_MIN: u64 = 5_000;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The server works on a request, or a stream is its answer.
    Busy,
    /// Some of a header came, or nothing at all since the connection was made.
    Header,
    /// The header of a request came, and not all of its body.
    Body,
    /// The last request is answered, and no other has begun.
    Idle,
    /// The answer is made, and not all of it is sent.
    Sending,
}

/// What a connection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// Nothing yet.
    Nothing,
    /// To end, if it still keeps the server waiting as it did then.
    MakeRoom,
    /// To end after the request that has begun.
    Drain,
    /// To end now.
    End,
}

/// How long a connection may keep the server waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
}

/// A connection, as those who close connections see it.
#[derive(Debug)]
pub(super) struct Connection {
    /// Times are milliseconds since then.
    begin: Instant,
    /// The phase, and since when.
    phase: AtomicU64,
    /// Since when the client reads nothing although there is something to read; 0 if it reads.
    unread_since: AtomicU64,
    told: AtomicU8,
    /// Up to which beginning a wait is meant that is to make room.
    room_from: AtomicU64,
    /// More came while an answer was being sent.
    has_more: AtomicBool,
    news: Notify,
}

impl Connection {
    /// A new one, of which nothing has come yet. Its times count from `begin` on.
    pub(super) fn new(begin: Instant) -> Self {
        let connection = Self {
            begin,
            phase: AtomicU64::new(0),
            unread_since: AtomicU64::new(0),
            told: AtomicU8::new(Told::Nothing as u8),
            room_from: AtomicU64::new(0),
            has_more: AtomicBool::new(false),
            news: Notify::new(),
        };
        connection.enter(Phase::Header);
        connection
    }

    /// Enters the phase, now.
    pub(super) fn enter(&self, phase: Phase) {
        let now = match phase {
            // Nobody asks since when, so the clock isn't read for each answer.
            Phase::Busy | Phase::Sending => 0,
            Phase::Header | Phase::Body | Phase::Idle => self.now(),
        };
        self.enter_at(now, phase);
    }

    /// Enters the phase so many milliseconds after the beginning.
    pub(super) fn enter_at(&self, now: u64, phase: Phase) {
        self.phase.store((now << KIND_BITS) | phase as u64, Ordering::Relaxed);
    }

    /// Enters the phase, if it is in that one.
    pub(super) fn enter_from(&self, from: Phase, to: Phase) {
        if self.phase().0 == from {
            self.enter(to);
        }
    }

    /// Something came. The server looks at a next request when the answer before is sent.
    pub(super) fn note_read(&self) {
        match self.phase().0 {
            Phase::Idle => self.enter(Phase::Header),
            Phase::Sending => self.has_more.store(true, Ordering::Relaxed),
            Phase::Busy | Phase::Header | Phase::Body => {}
        }
    }

    /// All that there was to send was sent.
    pub(super) fn note_sent(&self) {
        if self.phase().0 == Phase::Sending {
            let has_more = self.has_more.swap(false, Ordering::Relaxed);
            self.enter(if has_more { Phase::Header } else { Phase::Idle });
        }
    }

    /// Whether the client takes what is sent.
    pub(super) fn note_write(&self, is_taken: bool) {
        self.note_write_at(|| self.now(), is_taken);
    }

    fn note_write_at(&self, now: impl FnOnce() -> u64, is_taken: bool) {
        let is_noted = self.unread_since.load(Ordering::Relaxed) != 0;
        if is_taken && is_noted {
            self.unread_since.store(0, Ordering::Relaxed);
        } else if !is_taken && !is_noted {
            self.unread_since.store(now(), Ordering::Relaxed);
        }
    }

    /// Since when the client keeps the server waiting; nothing if it doesn't.
    pub(super) fn waits_since(&self) -> Option<u64> {
        let unread = self.unread();
        match self.phase() {
            (Phase::Header | Phase::Body | Phase::Idle, since) => {
                Some(unread.map_or(since, |unread| unread.min(since)))
            }
            (Phase::Sending, _) => unread,
            (Phase::Busy, _) => unread.map(|unread| unread + STREAM_UNREAD_MIN),
        }
    }

    /// Since when it keeps the server waiting, if that is too long. A body has a time of its own.
    pub(super) fn overdue_since(&self, patience: &Patience) -> Option<u64> {
        self.overdue_at(self.now(), patience)
    }

    fn overdue_at(&self, now: u64, patience: &Patience) -> Option<u64> {
        let is_past = |since: u64, patience: Duration| {
            u128::from(now.saturating_sub(since)) >= patience.as_millis()
        };
        // Since when, as it will be compared when the connection hears of it.
        let is_unread = self.unread().is_some_and(|since| is_past(since, patience.write));
        let unread = self.waits_since().filter(|_| is_unread);
        let wanted = match self.phase() {
            (Phase::Header, since) => Some(since).filter(|since| is_past(*since, patience.header)),
            (Phase::Idle, since) => Some(since).filter(|since| is_past(*since, patience.idle)),
            (Phase::Busy | Phase::Body | Phase::Sending, _) => None,
        };
        unread.or(wanted)
    }

    fn unread(&self) -> Option<u64> {
        Some(self.unread_since.load(Ordering::Relaxed)).filter(|since| *since != 0)
    }

    pub(super) fn phase(&self) -> (Phase, u64) {
        let packed = self.phase.load(Ordering::Relaxed);
        let kinds = [Phase::Busy, Phase::Header, Phase::Body, Phase::Idle, Phase::Sending];
        let kind = kinds.into_iter().find(|kind| *kind as u64 == packed & ((1 << KIND_BITS) - 1));
        (kind.unwrap_or(Phase::Busy), packed >> KIND_BITS)
    }

    /// Tells it to end so, or sooner.
    pub(super) fn tell(&self, told: Told) {
        self.told.fetch_max(told as u8, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// Tells it to make room, if it has kept the server waiting since then or before and still does
    /// when it hears that. A request that comes in between isn't cut.
    pub(super) fn tell_to_make_room(&self, since: u64) {
        self.room_from.store(since, Ordering::Relaxed);
        self.tell(Told::MakeRoom);
    }

    /// Whether it still keeps the server waiting as it did when it was told to make room.
    pub(super) fn is_to_make_room(&self) -> bool {
        let meant = self.room_from.load(Ordering::Relaxed);
        self.waits_since().is_some_and(|since| since <= meant)
    }

    /// Waits until it is told something.
    pub(super) async fn is_told(&self) -> Told {
        self.news.notified().await;
        // What was told before the last holds still, but making room was for that moment.
        let (room, nothing) = (Told::MakeRoom as u8, Told::Nothing as u8);
        let told = self.told.compare_exchange(room, nothing, Ordering::Relaxed, Ordering::Relaxed);
        let told = told.unwrap_or_else(|told| told);
        let all = [Told::Nothing, Told::MakeRoom, Told::Drain, Told::End];
        all.into_iter().find(|known| *known as u8 == told).unwrap_or(Told::End)
    }

    /// Waits until it is told to end at once, before its first request.
    pub(super) async fn is_to_end(&self) {
        loop {
            match self.is_told().await {
                Told::End => return,
                Told::MakeRoom | Told::Drain if self.is_to_make_room() => return,
                Told::MakeRoom | Told::Drain | Told::Nothing => {}
            }
        }
    }

    /// Never 0, which stands for no time.
    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX >> KIND_BITS) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        write: Duration::from_secs(30),
    };

    #[test]
    fn each_wait_has_a_time_of_its_own_and_work_has_none() {
        let connection = Connection::new(Instant::now());
        for (phase, millis) in [(Phase::Header, 10_000), (Phase::Idle, 75_000)] {
            connection.enter_at(500, phase);
            assert_eq!(connection.overdue_at(500 + millis - 1, &PATIENCE), None, "{phase:?}");
            assert_eq!(connection.overdue_at(500 + millis, &PATIENCE), Some(500), "{phase:?}");
        }
        for phase in [Phase::Busy, Phase::Body, Phase::Sending] {
            connection.enter_at(500, phase);
            assert_eq!(connection.overdue_at(1_000_000, &PATIENCE), None, "{phase:?}");
        }
        connection.note_write_at(|| 1_000, false);
        connection.note_write_at(|| 30_000, false);
        assert_eq!(connection.overdue_at(30_999, &PATIENCE), None);
        assert_eq!(connection.overdue_at(31_000, &PATIENCE), Some(1_000), "it reads nothing");
        connection.note_write_at(|| 31_000, true);
        assert_eq!(connection.overdue_at(100_000, &PATIENCE), None, "it reads again");
    }

    #[test]
    fn a_stream_that_nobody_reads_ends_at_its_deadline() {
        let connection = Connection::new(Instant::now());
        connection.enter_at(500, Phase::Busy);
        connection.note_write_at(|| 1_000, false);
        let since = connection.overdue_at(31_000, &PATIENCE).expect("it reads nothing");
        connection.tell_to_make_room(since);
        assert!(connection.is_to_make_room());
        connection.note_write_at(|| 31_100, true);
        assert!(!connection.is_to_make_room(), "it reads again");
    }

    #[test]
    fn only_a_client_that_keeps_the_server_waiting_makes_room() {
        let connection = Connection::new(Instant::now());
        assert!(connection.waits_since().is_some(), "from its beginning on");
        connection.enter_at(1_000, Phase::Busy);
        assert_eq!(connection.waits_since(), None);
        connection.note_write_at(|| 2_000, false);
        assert_eq!(connection.waits_since(), Some(7_000), "a stream may be slow");
        connection.enter_at(1_900, Phase::Sending);
        assert_eq!(connection.waits_since(), Some(2_000));
        connection.enter_at(1_500, Phase::Body);
        assert_eq!(connection.waits_since(), Some(1_500));
    }

    #[test]
    fn an_answer_that_is_being_sent_is_neither_an_idle_connection_nor_a_header() {
        let connection = Connection::new(Instant::now());
        connection.enter(Phase::Sending);
        assert_eq!(connection.waits_since(), None, "the client reads");
        connection.note_read();
        assert_eq!(connection.phase().0, Phase::Sending, "a next request waits its turn");
        connection.note_sent();
        assert_eq!(connection.phase().0, Phase::Header, "and has its time from then on");
        connection.enter(Phase::Busy);
        connection.note_sent();
        assert_eq!(connection.phase().0, Phase::Busy);
        connection.enter(Phase::Sending);
        connection.note_sent();
        assert_eq!(connection.phase().0, Phase::Idle);
        connection.note_read();
        assert_eq!(connection.phase().0, Phase::Header);
    }

    #[test]
    fn a_request_that_comes_before_its_connection_hears_that_it_is_to_end_goes_on() {
        let connection = Connection::new(Instant::now());
        connection.enter_at(1_000, Phase::Idle);
        connection.tell_to_make_room(1_000);
        assert!(connection.is_to_make_room());
        connection.enter_at(1_200, Phase::Busy);
        assert!(!connection.is_to_make_room());
        for phase in [Phase::Body, Phase::Header, Phase::Idle] {
            connection.enter_at(1_200, phase);
            assert!(!connection.is_to_make_room(), "{phase:?}");
        }
    }

    #[tokio::test]
    async fn what_is_told_holds_except_to_make_room() {
        let connection = Connection::new(Instant::now());
        connection.tell(Told::MakeRoom);
        assert_eq!(connection.is_told().await, Told::MakeRoom);
        connection.tell(Told::End);
        connection.tell(Told::Drain);
        assert_eq!(connection.is_told().await, Told::End);
    }
}
