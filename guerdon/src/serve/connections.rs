//! All open connections of one address: closes those that keep the server waiting too long, makes
//! room for others, and ends all when the server stops.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior};

use super::connection::{Connection, Patience, Phase, Told};

/// How often deadlines are checked: a connection ends at most so much later.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// Who has kept the server waiting for less than this makes no room: the request is on its way, or
/// it is here and a server that thousands connect to at once hasn't read it yet.
const WAIT_MIN: Duration = Duration::from_secs(1);

/// Of so many connections one makes room at a time, so that a flood of new ones isn't answered by
/// looking through all of them for each.
const ROOM_SHARE: usize = 64;

/// The open connections.
#[derive(Debug)]
pub(super) struct Connections {
    begin: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    by_number: HashMap<u64, Arc<Connection>>,
}

/// A connection's place among the open ones, which it leaves when this is dropped.
pub(super) struct OpenConnection {
    pub(super) connection: Arc<Connection>,
    number: u64,
    of: Arc<Connections>,
}

/// The open connections of one address, for whoever counts them.
#[derive(Clone, Debug)]
pub(super) struct OpenConnections {
    /// Whose they are: `clients` or `operators`.
    pub(super) of: &'static str,
    /// How many there may be.
    pub(super) max: usize,
    connections: Arc<Connections>,
}

impl OpenConnections {
    pub(super) const fn new(of: &'static str, max: usize, connections: Arc<Connections>) -> Self {
        Self { of, max, connections }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.connections.open.lock().by_number.len()
    }
}

/// What the connections that are left do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Their requests are being worked on, or their answers are being sent.
    pub(super) busy: usize,
    /// Their requests have not come in full.
    pub(super) unfinished: usize,
}

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { begin: Instant::now(), open: Mutex::default() })
    }

    /// Adds a new connection.
    pub(super) fn add(self: &Arc<Self>) -> OpenConnection {
        let connection = Arc::new(Connection::new(self.begin));
        let mut open = self.open.lock();
        open.last += 1;
        let number = open.last;
        open.by_number.insert(number, Arc::clone(&connection));
        OpenConnection { connection, number, of: Arc::clone(self) }
    }

    /// Tells those that have kept the server waiting longest to make room; gives how many were
    /// told. There may be none: then each connection is new, or its request is being worked on.
    pub(super) fn make_room(&self) -> usize {
        let begun_before = Instant::now().checked_sub(WAIT_MIN).unwrap_or(self.begin);
        self.make_room_of(millis(begun_before.saturating_duration_since(self.begin)))
    }

    /// Likewise, of those that have waited since then or before.
    fn make_room_of(&self, latest: u64) -> usize {
        let open = self.open.lock();
        let waiting = open.by_number.values();
        let waiting = waiting.filter_map(|it| it.waits_since().map(|since| (since, it)));
        let waiting = waiting.filter(|(since, _)| *since <= latest);
        let mut waiting: Vec<(u64, &Arc<Connection>)> = waiting.collect();
        let wanted = (open.by_number.len() / ROOM_SHARE + 1).min(waiting.len());
        if wanted > 0 && wanted < waiting.len() {
            waiting.select_nth_unstable_by_key(wanted, |(since, _)| *since);
        }
        for (since, connection) in &waiting[..wanted] {
            connection.tell_to_make_room(*since);
        }
        wanted
    }

    /// Closes, as long as it runs, what has kept the server waiting too long.
    pub(super) async fn close_overdue(&self, patience: &Patience) {
        let mut check = tokio::time::interval(CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            check.tick().await;
            let open = self.open.lock();
            for connection in open.by_number.values() {
                if let Some(since) = connection.overdue_since(patience) {
                    connection.tell_to_make_room(since);
                }
            }
        }
    }

    /// Tells all.
    pub(super) fn tell_all(&self, told: Told) {
        self.open.lock().by_number.values().for_each(|connection| connection.tell(told));
    }

    /// What is left.
    pub(super) fn left(&self) -> Left {
        let mut left = Left::default();
        for connection in self.open.lock().by_number.values() {
            match connection.phase().0 {
                Phase::Busy | Phase::Sending => left.busy += 1,
                Phase::Header | Phase::Body => left.unfinished += 1,
                Phase::Idle => {}
            }
        }
        left
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.of.open.lock().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_that_waited_longest_make_room_and_no_busy_one() {
        let connections = Connections::new();
        let mut all: Vec<OpenConnection> = (0..100).map(|_| connections.add()).collect();
        for (open, since) in all.iter().zip(10..) {
            open.connection.enter_at(since, Phase::Header);
        }
        all[0].connection.enter(Phase::Busy);
        assert_eq!(connections.make_room_of(9), 0, "all are new");
        assert_eq!(connections.make_room_of(1_000), 2);
        for (number, open) in all.iter().enumerate() {
            let told = tokio::time::timeout(Duration::ZERO, open.connection.is_told()).await;
            assert_eq!(told.is_ok(), [1, 2].contains(&number), "{number}");
        }
        drop(all.drain(1..));
        assert_eq!(connections.make_room_of(1_000), 0, "its request is worked on");
        assert_eq!(connections.left(), Left { busy: 1, unfinished: 0 });
    }
}
