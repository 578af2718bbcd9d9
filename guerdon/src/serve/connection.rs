//! What one connection does at the moment, and since when. Whoever closes connections looks at it:
//! one that keeps the server waiting is closed at its deadline, or for others; one whose request is
//! being worked on is not.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How many bits of the packed phase are its kind; the rest is the time.
const KIND_BITS: u32 = 2;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The server works on a request, or sends the answer.
    Busy,
    /// Some of a header came, or nothing at all since the connection was made.
    Header,
    /// The header of a request came, and not all of its body.
    Body,
    /// The last request is answered, and no other has begun.
    Idle,
}

/// What a connection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// Nothing yet.
    Nothing,
    /// To end, unless a request is being worked on.
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
            news: Notify::new(),
        };
        connection.enter(Phase::Header);
        connection
    }

    /// Enters the phase, now.
    pub(super) fn enter(&self, phase: Phase) {
        self.enter_at(self.now(), phase);
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

    /// Whether the client takes what is sent.
    pub(super) fn note_write(&self, is_taken: bool) {
        self.note_write_at(self.now(), is_taken);
    }

    fn note_write_at(&self, now: u64, is_taken: bool) {
        let is_noted = self.unread_since.load(Ordering::Relaxed) != 0;
        if is_taken && is_noted {
            self.unread_since.store(0, Ordering::Relaxed);
        } else if !is_taken && !is_noted {
            self.unread_since.store(now, Ordering::Relaxed);
        }
    }

    /// Since when the client keeps the server waiting; nothing if it doesn't.
    pub(super) fn waits_since(&self) -> Option<u64> {
        let unread = Some(self.unread_since.load(Ordering::Relaxed)).filter(|since| *since != 0);
        let (phase, since) = self.phase();
        let wanted = (phase != Phase::Busy).then_some(since);
        unread.into_iter().chain(wanted).min()
    }

    /// Whether it has kept the server waiting for too long. A body has a time of its own.
    pub(super) fn is_overdue(&self, patience: &Patience) -> bool {
        self.is_overdue_at(self.now(), patience)
    }

    fn is_overdue_at(&self, now: u64, patience: &Patience) -> bool {
        let is_past = |since: u64, patience: Duration| {
            u128::from(now.saturating_sub(since)) >= patience.as_millis()
        };
        let unread = self.unread_since.load(Ordering::Relaxed);
        if unread != 0 && is_past(unread, patience.write) {
            return true;
        }
        match self.phase() {
            (Phase::Header, since) => is_past(since, patience.header),
            (Phase::Idle, since) => is_past(since, patience.idle),
            (Phase::Busy | Phase::Body, _) => false,
        }
    }

    pub(super) fn phase(&self) -> (Phase, u64) {
        let packed = self.phase.load(Ordering::Relaxed);
        let kinds = [Phase::Busy, Phase::Header, Phase::Body, Phase::Idle];
        let kind = kinds.into_iter().find(|kind| *kind as u64 == packed & ((1 << KIND_BITS) - 1));
        (kind.unwrap_or(Phase::Busy), packed >> KIND_BITS)
    }

    /// Tells it to end so, or sooner.
    pub(super) fn tell(&self, told: Told) {
        self.told.fetch_max(told as u8, Ordering::Relaxed);
        self.news.notify_one();
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
            assert!(!connection.is_overdue_at(500 + millis - 1, &PATIENCE), "{phase:?}");
            assert!(connection.is_overdue_at(500 + millis, &PATIENCE), "{phase:?}");
        }
        for phase in [Phase::Busy, Phase::Body] {
            connection.enter_at(500, phase);
            assert!(!connection.is_overdue_at(1_000_000, &PATIENCE), "{phase:?}");
        }
        connection.note_write_at(1_000, false);
        connection.note_write_at(30_000, false);
        assert!(!connection.is_overdue_at(30_999, &PATIENCE));
        assert!(connection.is_overdue_at(31_000, &PATIENCE), "it reads nothing");
        connection.note_write_at(31_000, true);
        assert!(!connection.is_overdue_at(100_000, &PATIENCE), "it reads again");
    }

    #[test]
    fn only_a_client_that_keeps_the_server_waiting_makes_room() {
        let connection = Connection::new(Instant::now());
        assert!(connection.waits_since().is_some(), "from its beginning on");
        connection.enter_at(1_000, Phase::Busy);
        assert_eq!(connection.waits_since(), None);
        connection.note_write_at(2_000, false);
        assert_eq!(connection.waits_since(), Some(2_000));
        connection.enter_at(1_500, Phase::Body);
        assert_eq!(connection.waits_since(), Some(1_500));
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
