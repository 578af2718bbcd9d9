//! What a writer holds because of other partitions: what it has heard of them and not looked at
//! yet, and who waits for them. All of it is soft: a restart forgets it, and who waited asks again
//! with the same id. The writer of a log with one partition has none of it.
//!
//! In reading order: `pull.rs` reads messages, `receive.rs` takes them in, `waiting.rs` keeps who
//! waits and asks the homes, `neighbours.rs` is what writers share, `commits.rs` appends for all.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Desk, ExchangeKey, Letter, OfferId, Parked};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::commits::{Commits, Turn};
use super::neighbours::{Neighbours, Word};
use super::pull::Unread;
use super::queued_command::QueuedCommand;
use super::status::StopReason;

/// How often homes are asked again, and those who gave up are let go.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How many words are heard before they are looked at.
const HEARD_MAX: usize = 64;

const UNREAD: &str = "reading the messages of other partitions was cut short";

/// What a writer holds because of other partitions.
pub(super) struct Across {
    pub(super) neighbours: Arc<Neighbours>,
    pub(super) commits: Commits,
    /// Its turn in the next commit, from one append to the next.
    pub(super) turn: Option<Turn>,
    words: mpsc::Receiver<Word>,
    forked: watch::Receiver<Option<Box<str>>>,
    /// Reads the next messages; there is one such task at most.
    pub(super) pulling: JoinSet<Result<(Vec<Letter>, Unread), StopReason>>,
    /// The sources that it couldn't read, while there is no such task.
    pub(super) unread: Unread,
    /// What it has read, until it is taken in.
    pub(super) letters: Vec<Letter>,
    /// What other writers have said.
    pub(super) heard: Vec<Word>,
    /// Whether the last messages that were read had a gap.
    pub(super) has_gap: bool,
    /// Commands that wait for units of an offer's home.
    pub(super) parked: Parked<QueuedCommand>,
    /// Commands whose exchange waits already, by another command.
    pub(super) twins: Vec<(ExchangeKey, QueuedCommand)>,
    /// Operators' commands that wait until every shelf of the offer has come home.
    pub(super) operators: Vec<(OfferId, QueuedCommand)>,
    /// Commands that have waited and are decided again.
    pub(super) again: Vec<QueuedCommand>,
    /// The grants of the offers that have their home here.
    pub(super) desk: Desk,
    /// Offers of this home of which an inquiry couldn't be answered: further ones aren't heard.
    pub(super) unanswerable: HashSet<OfferId>,
    /// When each home was asked.
    pub(super) asked: HashMap<OfferId, Asked>,
    /// When who waits is looked at again.
    pub(super) look_at: Instant,
    /// Why the writer can't go on, once it can't.
    pub(super) stop: Option<StopReason>,
}

/// When an offer's home was asked for those that wait here.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) at: Option<Instant>,
    /// Whether the home hasn't answered yet.
    pub(super) is_open: bool,
    /// Whether somebody waits for whom it wasn't asked.
    pub(super) is_more: bool,
}

impl Asked {
    /// Whether the home is to be asked now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let is_old = self.at.is_none_or(|at| now.duration_since(at) >= ASK_AGAIN);
        is_old || (self.is_more && !self.is_open)
    }
}

impl Across {
    pub(super) fn new(
        neighbours: Arc<Neighbours>,
        commits: Commits,
        words: mpsc::Receiver<Word>,
    ) -> Self {
        let forked = neighbours.forked();
        Self {
            neighbours,
            commits,
            turn: None,
            words,
            forked,
            pulling: JoinSet::new(),
            unread: Unread::default(),
            letters: vec![],
            heard: vec![],
            has_gap: false,
            parked: Parked::default(),
            twins: vec![],
            operators: vec![],
            again: vec![],
            desk: Desk::default(),
            unanswerable: HashSet::new(),
            asked: HashMap::new(),
            look_at: Instant::now(),
            stop: None,
        }
    }

    /// Waits until there is something to look at; for ever where there is one partition.
    pub(super) async fn arrive(across: &mut Option<Box<Self>>) {
        match across {
            Some(across) => across.next().await,
            None => std::future::pending().await,
        }
    }

    async fn next(&mut self) {
        let waits = !(self.parked.is_empty() && self.twins.is_empty() && self.operators.is_empty());
        let look_at = self.look_at;
        let look = pin!(async {
            if waits {
                tokio::time::sleep_until(look_at.into()).await;
            } else {
                std::future::pending::<()>().await;
            }
        });
        tokio::select! {
            Some(pulled) = self.pulling.join_next() => match pulled {
                Ok(Ok((letters, unread))) => (self.letters, self.unread) = (letters, unread),
                Ok(Err(why)) => self.stop = Some(why),
                Err(_) => self.stop = Some(StopReason::LogFailed(UNREAD.into())),
            },
            Some(word) = self.words.recv(), if self.heard.len() < HEARD_MAX => {
                self.heard.push(word);
            }
            Ok(()) = self.forked.changed(), if self.stop.is_none() => {
                let why = self.forked.borrow().clone();
                self.stop = why.map(StopReason::ForkedElsewhere);
            }
            () = look => {}
        }
    }

    /// Whether there is anything to look at.
    pub(super) fn has_news(&self) -> bool {
        !(self.letters.is_empty() && self.heard.is_empty() && self.again.is_empty())
            || self.stop.is_some()
    }

    /// The state was thrown away, with what rested on it.
    pub(super) fn state_is_lost(&mut self) {
        // What was read may be long past by the cursors that come.
        self.pulling = JoinSet::new();
        self.letters.clear();
        self.desk = Desk::default();
        self.again.extend(self.operators.drain(..).map(|(_, command)| command));
    }
}
