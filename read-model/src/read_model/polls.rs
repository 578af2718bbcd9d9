//! How far each server is, asked again and again for all who wait for a position: one query at a
//! time for each server however many wait, and none while nobody does.

use std::sync::Arc;

use futures_util::future::join_all;
use log_record::Place;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::POLL_INTERVAL;
use super::as_of::AsOf;
use super::of_log::OfLog;
use super::reading::CHECKPOINT;
use super::server::{LOOK_INTERVAL, Server};
use super::single_read::{NoColumns, SingleRead};

/// What the servers were last found to have reached.
#[derive(Debug)]
pub(super) struct Polls {
    waiting: watch::Sender<usize>,
    /// How often a server was found at another position than before.
    moves: watch::Sender<u64>,
    /// By the server's number.
    reached: Box<[Mutex<AsOf>]>,
}

/// While there is one, the servers are asked.
#[derive(Debug)]
pub(super) struct Waiting<'a>(&'a Polls);

impl Polls {
    pub(super) fn of(servers: &[Server]) -> Self {
        Self {
            waiting: watch::Sender::new(0),
            moves: watch::Sender::new(0),
            reached: servers.iter().map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.send_modify(|waiting| *waiting += 1);
        Waiting(self)
    }

    /// Never ends by itself. Each server has its own loop, so that one that hangs holds up no
    /// other.
    pub(super) async fn keep_asking(self: Arc<Self>, servers: Arc<[Server]>) {
        let asking = servers.iter().zip(&self.reached).map(|(server, reached)| {
            self.keep_asking_one(server, reached, self.waiting.subscribe())
        });
        join_all(asking).await;
    }

    async fn keep_asking_one(
        &self,
        server: &Server,
        reached: &Mutex<AsOf>,
        mut waiting: watch::Receiver<usize>,
    ) {
        // The sender is in `self`.
        while waiting.wait_for(|waiting| *waiting > 0).await.is_ok() {
            match timeout(LOOK_INTERVAL, server.read_one::<NoColumns>(CHECKPOINT, &[])).await {
                Ok(Ok(SingleRead { as_of, .. })) => self.note(reached, as_of),
                Ok(Err(error)) => tracing::debug!(%error, "a server can't be asked how far it is"),
                Err(_) => {}
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    fn note(&self, reached: &Mutex<AsOf>, as_of: AsOf) {
        let has_moved = {
            let mut reached = reached.lock();
            let has_moved = !reached.is_at(&as_of);
            *reached = as_of;
            has_moved
        };
        if has_moved {
            self.moves.send_modify(|moves| *moves += 1);
        }
    }
}

impl Waiting<'_> {
    /// Ends when one of these servers, by their numbers, has all of these places and all that the
    /// log's reads want, or at a time.
    pub(super) async fn until_reached(
        &self,
        servers: &[usize],
        wanted: &[Place],
        log: Option<&OfLog>,
        until: Instant,
    ) {
        let mut moves = self.0.moves.subscribe();
        loop {
            moves.borrow_and_update();
            let has_all = |server: &usize| {
                let reached = self.0.reached.get(*server).map(Mutex::lock);
                reached.is_some_and(|it| {
                    wanted.iter().all(|at| it.reached(at) >= at.position)
                        && log.is_none_or(|log| log.has(&it))
                })
            };
            if servers.iter().any(has_all) || timeout_at(until, moves.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}
