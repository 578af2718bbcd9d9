//! The queues of a topic's workers: messages of one key wait in one queue, in their order.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::call::{Call, Unreadable};
use super::worker::{Work, Worker};
use crate::kafka::consumer::{Incoming, Offset};

/// The number of workers of a topic.
const WORKERS: usize = 64;

/// The capacity of each worker's queue, and of the queue from the consumer.
pub(super) const QUEUE_MESSAGES: usize = 64;

/// How many bytes of a topic's messages wait for the command API or for parking.
const QUEUE_BYTES: u32 = 32 * 1024 * 1024;

/// A queue for each worker.
pub(super) struct Queues {
    of_workers: Vec<mpsc::Sender<Work>>,
    /// What is left of [`QUEUE_BYTES`].
    room: Arc<Semaphore>,
}

impl Queues {
    /// Starts workers, who tell what is `done` of what is put into the queues, until `stop`.
    pub(super) fn start(
        worker: &Worker,
        done: &mpsc::UnboundedSender<Offset>,
        stop: &CancellationToken,
    ) -> (Self, JoinSet<()>) {
        let (mut of_workers, mut workers) = (vec![], JoinSet::new());
        for _ in 0..WORKERS {
            let (queue, queued) = mpsc::channel(QUEUE_MESSAGES);
            let (worker, done, stop) = (worker.clone(), done.clone(), stop.clone());
            workers.spawn(async move {
                stop.run_until_cancelled(worker.run(queued, done)).await;
            });
            of_workers.push(queue);
        }
        let room = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
        (Self { of_workers, room }, workers)
    }

    /// Puts a message into the queue of its key, once there is room. A worker that waits for the
    /// command API holds up the others: they need it, too.
    pub(super) async fn put(&self, message: Incoming, call: Result<Call, Unreadable>) {
        let queue = &self.of_workers[worker_of(&message, call.as_ref().ok())];
        let bytes = u32::try_from(message.body.len()).unwrap_or(QUEUE_BYTES);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes.min(QUEUE_BYTES)).await;
        drop(queue.send(Work { message, call, _room: room.ok() }).await);
    }
}

/// The worker of a message: all messages of one key have the same.
fn worker_of(message: &Incoming, call: Option<&Call>) -> usize {
    let mut hasher = DefaultHasher::new();
    match call {
        Some(call) => call.key.as_bytes().hash(&mut hasher),
        None => message.key.hash(&mut hasher),
    }
    usize::try_from(hasher.finish() % WORKERS as u64).unwrap_or_default()
}
