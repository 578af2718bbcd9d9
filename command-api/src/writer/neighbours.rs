//! What the writers of one process tell each other beside the log: which messages are durable, what
//! is asked of homes, what has become of transfers. All of it is soft: what is lost is looked up in
//! the log, or asked again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::{ExchangeKey, IdHash, Inquiry, MessageNumber, OfferId, Reply, State};
use log_record::{Partition, Position};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

/// How many words wait for a writer at most; further ones are lost, and said again.
const WORDS_MAX: usize = 64;

/// How often a caller that waits for other partitions looks whether their writers still run.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What one writer tells another.
#[derive(Debug)]
pub(crate) enum Word {
    /// What a partition asks of an offer's home, and when.
    Inquiry(Inquiry, Instant),
    /// What the home says to that, and when it was asked.
    Replies(OfferId, Vec<(ExchangeKey, Reply)>, Instant),
}

/// What others are told once a batch is durable.
#[derive(Debug)]
pub(super) enum News {
    /// A message for a partition, with its number.
    Sent(Partition, MessageNumber),
    /// The receipt of a message from a partition.
    Received(Partition, MessageNumber),
    /// A transfer has arrived, or has come back.
    Transfer(IdHash),
    /// A word to a partition's writer.
    Word(Partition, Word),
}

/// Shared by the writers of a log with several partitions.
#[derive(Debug)]
pub(crate) struct Neighbours {
    partitions: u16,
    /// The last durable message, by source and destination.
    sent: Box<[AtomicU64]>,
    /// The last durable receipt, by destination and source.
    received: Box<[AtomicU64]>,
    /// The last durable event of each partition.
    durable: Box<[AtomicU64]>,
    /// Changes when there are messages for a partition.
    mail: Box<[watch::Sender<()>]>,
    words: Box<[mpsc::Sender<Word>]>,
    /// Changes when a receipt has become durable.
    received_more: watch::Sender<()>,
    /// Callers who wait for a transfer's outcome.
    transfers: Mutex<HashMap<IdHash, Vec<oneshot::Sender<()>>>>,
    /// Why all stop, once one has found that the log's history is another.
    forked: watch::Sender<Option<Box<str>>>,
}

impl Neighbours {
    /// For so many partitions, with what each hears from the others.
    pub(crate) fn new(partitions: u16) -> (Arc<Self>, Vec<mpsc::Receiver<Word>>) {
        let each = usize::from(partitions);
        let zeros = |count: usize| (0..count).map(|_| AtomicU64::new(0)).collect();
        let (words, heard): (Vec<_>, Vec<_>) = (0..each).map(|_| mpsc::channel(WORDS_MAX)).unzip();
        let neighbours = Self {
            partitions,
            sent: zeros(each * each),
            received: zeros(each * each),
            durable: zeros(each),
            mail: (0..each).map(|_| watch::Sender::new(())).collect(),
            words: words.into(),
            received_more: watch::Sender::new(()),
            transfers: Mutex::default(),
            forked: watch::Sender::new(None),
        };
        (Arc::new(neighbours), heard)
    }

    pub(super) const fn partitions(&self) -> u16 {
        self.partitions
    }

    fn all(&self) -> impl Iterator<Item = Partition> + use<> {
        (0..self.partitions).map(Partition)
    }

    fn of<'a>(&self, numbers: &'a [AtomicU64], here: Partition, there: Partition) -> &'a AtomicU64 {
        &numbers[usize::from(here.0) * usize::from(self.partitions) + usize::from(there.0)]
    }

    /// A writer starts with this state, all of which is durable.
    pub(super) fn begin(&self, state: &State) {
        let here = state.partition();
        for there in self.all() {
            let (sent, received) = (state.sent_to(there), state.received_from(there).number);
            self.of(&self.sent, here, there).store(sent.0, Ordering::Release);
            self.of(&self.received, here, there).store(received.0, Ordering::Release);
            self.mail[usize::from(there.0)].send_replace(());
        }
        self.set_durable(here, state.position());
    }

    /// What was received and isn't known to be sent: by whom, of whom, and the last such message.
    pub(crate) fn received_beyond(&self) -> Vec<(Partition, Partition, MessageNumber)> {
        let pairs = self.all().flat_map(|to| self.all().map(move |from| (to, from)));
        let beyond = pairs.filter_map(|(to, from)| {
            let received = self.of(&self.received, to, from).load(Ordering::Acquire);
            let is_beyond = received > self.sent(from, to).0;
            is_beyond.then_some((to, from, MessageNumber(received)))
        });
        beyond.collect()
    }

    /// Every event of a partition up to this one is durable.
    pub(super) fn set_durable(&self, here: Partition, position: Position) {
        self.durable[usize::from(here.0)].store(position.0, Ordering::Release);
    }

    /// Whether an event is durable.
    pub(crate) fn is_durable(&self, here: Partition, position: Position) -> bool {
        position.0 <= self.durable[usize::from(here.0)].load(Ordering::Acquire)
    }

    /// Tells others what a partition's durable batch has for them.
    pub(super) fn tell(&self, here: Partition, news: impl Iterator<Item = News>) {
        let (mut mail, mut has_received): (Vec<Partition>, _) = (vec![], false);
        for news in news {
            match news {
                News::Sent(to, number) => {
                    self.of(&self.sent, here, to).store(number.0, Ordering::Release);
                    if !mail.contains(&to) {
                        mail.push(to);
                    }
                }
                News::Received(from, number) => {
                    self.of(&self.received, here, from).store(number.0, Ordering::Release);
                    has_received = true;
                }
                News::Transfer(id) => {
                    for waiting in self.transfers.lock().remove(&id).into_iter().flatten() {
                        // Whoever waited may have gone.
                        let _ = waiting.send(());
                    }
                }
                News::Word(to, word) => self.say(to, word),
            }
        }
        for to in mail {
            self.mail[usize::from(to.0)].send_replace(());
        }
        if has_received {
            self.received_more.send_replace(());
        }
    }

    /// Says something to a partition's writer. It is lost where that has too much to hear, or has
    /// stopped.
    pub(super) fn say(&self, to: Partition, word: Word) {
        if let Some(words) = self.words.get(usize::from(to.0)) {
            let _ = words.try_send(word);
        }
    }

    /// Changes when there are messages for a partition.
    pub(super) fn mail(&self, to: Partition) -> watch::Receiver<()> {
        self.mail[usize::from(to.0)].subscribe()
    }

    /// The last message from one partition to another that is known to be durable.
    pub(super) fn sent(&self, from: Partition, to: Partition) -> MessageNumber {
        MessageNumber(self.of(&self.sent, from, to).load(Ordering::Acquire))
    }

    /// How many partitions have received all that a partition had sent by now. It waits for all but
    /// those that `is_away` names, until `deadline`.
    pub(crate) async fn have(
        &self,
        from: Partition,
        deadline: Instant,
        is_away: impl Fn(Partition) -> bool,
    ) -> u16 {
        let sent: Vec<_> =
            self.all().filter(|to| *to != from).map(|to| (to, self.sent(from, to))).collect();
        let mut moved = self.received_more.subscribe();
        loop {
            moved.mark_unchanged();
            let lacking: Vec<Partition> = sent
                .iter()
                .filter(|(to, number)| {
                    self.of(&self.received, *to, from).load(Ordering::Acquire) < number.0
                })
                .map(|(to, _)| *to)
                .collect();
            let have = usize::from(self.partitions) - lacking.len();
            let have = u16::try_from(have).unwrap_or(u16::MAX);
            if lacking.into_iter().all(&is_away) {
                return have;
            }
            let now = Instant::now();
            if now >= deadline {
                return have;
            }
            // A partition that is away tells nobody.
            let until = deadline.min(now + LOOK_AGAIN);
            let _ = tokio::time::timeout_at(until.into(), moved.changed()).await;
        }
    }

    /// Gets a message when the transfer has arrived, or has come back, from now on.
    pub(crate) fn transfer(&self, id: IdHash) -> oneshot::Receiver<()> {
        let (told, waits) = oneshot::channel();
        self.transfers.lock().entry(id).or_default().push(told);
        waits
    }

    /// Nobody waits for the transfer any more, but for those who still do.
    pub(crate) fn leave_transfer(&self, id: IdHash) {
        let mut transfers = self.transfers.lock();
        if let Some(waiting) = transfers.get_mut(&id) {
            waiting.retain(|told| !told.is_closed());
            if waiting.is_empty() {
                transfers.remove(&id);
            }
        }
    }

    /// All stop: one of them has found that the log's history is another.
    pub(super) fn fork(&self, why: &str) {
        self.forked.send_if_modified(|forked| {
            let is_news = forked.is_none();
            if is_news {
                *forked = Some(why.into());
            }
            is_news
        });
    }

    /// Why all stop, once they do.
    pub(super) fn forked(&self) -> watch::Receiver<Option<Box<str>>> {
        self.forked.subscribe()
    }
}
