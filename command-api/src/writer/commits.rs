//! What the writers of a process append is committed together: one commit after the other, each
//! with what all of them have gathered until it begins.
//!
//! A commit costs the same for one partition's events as for those of all. So writers take turns:
//!
//! - A writer that has something to append takes a turn. While a commit is under way there are no
//!   turns, and the writer goes on gathering.
//! - With its turn, the writer hands in its append, or gives the turn back where it has nothing.
//! - The commit begins when no turn is left. Nobody waits for commands.
//! - Each answer brings a turn in the next commit, so writers that are busy stay together.

use std::sync::Arc;
use std::{iter, mem};

use event_store::{Append, AppendError, EventStore, Landed, StoreError};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// The commits of all writers of a process; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Commits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: EventStore,
    state: Mutex<State>,
}

/// While a commit is under way there are no turns, and while there are turns there is no commit.
#[derive(Debug, Default)]
struct State {
    is_committing: bool,
    /// How many writers may still hand in an append before the next commit begins.
    turns: usize,
    handed_in: Vec<HandedIn>,
    /// Who waits for the end of the commit.
    waiting: Vec<oneshot::Sender<Turn>>,
}

/// How an append ended, and the turn in the next commit.
type Ended = (Result<Landed, AppendError>, Turn);

#[derive(Debug)]
struct HandedIn {
    append: Append,
    answer: oneshot::Sender<Ended>,
}

/// The right to have an append in the next commit. That waits for it: a turn is soon used or
/// dropped. It is empty once it was used.
#[derive(Debug)]
pub(super) struct Turn(Option<Commits>);

impl Commits {
    pub(crate) fn new(store: EventStore) -> Self {
        Self(Arc::new(Shared { store, state: Mutex::default() }))
    }

    /// Waits for the end of the commit that is under way.
    pub(super) async fn turn(&self) -> Turn {
        loop {
            let waits = {
                let mut state = self.0.state.lock();
                if !state.is_committing {
                    state.turns += 1;
                    return Turn(Some(self.clone()));
                }
                let (turn, waits) = oneshot::channel();
                state.waiting.push(turn);
                waits
            };
            if let Ok(turn) = waits.await {
                return turn;
            }
        }
    }

    /// One turn fewer is out; the commit begins where it was the last.
    fn turn_ends(&self, handed_in: Option<HandedIn>) {
        let mut state = self.0.state.lock();
        state.handed_in.extend(handed_in);
        state.turns -= 1;
        if state.turns > 0 || state.handed_in.is_empty() {
            return;
        }
        state.is_committing = true;
        let mut handed_in = mem::take(&mut state.handed_in);
        drop(state);
        handed_in.sort_by_key(|handed_in| handed_in.append.partition);
        let (appends, answers): (Vec<_>, Vec<_>) =
            handed_in.into_iter().map(|HandedIn { append, answer }| (append, answer)).unzip();
        let mut committing = Committing { commits: self.clone(), answers };
        tokio::spawn(async move {
            let ended = committing.commits.0.store.append_together(appends).await;
            committing.end(ended);
        });
    }
}

impl Turn {
    /// Has the append committed. The turn that comes back is one in the commit after it.
    pub(super) async fn append(mut self, append: Append) -> Ended {
        let closed = || Err(AppendError::InDoubt(StoreError::Closed));
        let Some(commits) = self.0.take() else { return (closed(), self) };
        let (answer, ended) = oneshot::channel();
        commits.turn_ends(Some(HandedIn { append, answer }));
        match ended.await {
            Ok(ended) => ended,
            Err(_) => (closed(), commits.turn().await),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(commits) = self.0.take() {
            commits.turn_ends(None);
        }
    }
}

/// A commit that is under way. It ends also where its task doesn't come to its end.
struct Committing {
    commits: Commits,
    /// None once it has ended.
    answers: Vec<oneshot::Sender<Ended>>,
}

impl Committing {
    fn end(&mut self, ended: Vec<Result<Landed, AppendError>>) {
        let answers = mem::take(&mut self.answers);
        if answers.is_empty() {
            return;
        }
        let waiting = {
            let mut state = self.commits.0.state.lock();
            let waiting = mem::take(&mut state.waiting);
            state.is_committing = false;
            state.turns = answers.len() + waiting.len();
            waiting
        };
        let turn = || Turn(Some(self.commits.clone()));
        let unknown = || Err(AppendError::InDoubt(StoreError::Closed));
        let ended = ended.into_iter().chain(iter::repeat_with(unknown));
        // Who has gone drops his turn, which gives it back.
        for (answer, ended) in answers.into_iter().zip(ended) {
            drop(answer.send((ended, turn())));
        }
        for waits in waiting {
            drop(waits.send(turn()));
        }
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        self.end(vec![]);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use event_store::{MemoryStore, NewLog};
    use futures_util::future::join;
    use log_record::{LogId, NewEvent, Partition, WriterId};
    use tokio::time::timeout;
    use uuid::Uuid;

    use super::*;

    const SOON: Duration = Duration::from_millis(50);

    struct Log {
        memory: MemoryStore,
        store: EventStore,
        commits: Commits,
    }

    fn log() -> Log {
        let memory = MemoryStore::new(NewLog { log_id: LogId(Uuid::now_v7()), partitions: 3 });
        let store = EventStore::Memory(memory.clone());
        Log { memory, store: store.clone(), commits: Commits::new(store) }
    }

    impl Log {
        async fn append(&self, partition: u16) -> Append {
            let writer = WriterId(Uuid::now_v7());
            let partition = Partition(partition);
            let head = self.store.take_over(partition, writer).await.expect("taken over");
            let event = NewEvent {
                event_type: "credit-earned",
                version: 1,
                recorded_at: 1,
                account_id: None,
                public: "{}".into(),
                private: "{}".into(),
            };
            Append::after(partition, &head, vec![event])
        }

        async fn ends(&self) -> [u64; 3] {
            let mut ends = [0; 3];
            for (partition, end) in (0..).map(Partition).zip(&mut ends) {
                *end = self.store.head(partition).await.expect("a head").position.0;
            }
            ends
        }
    }

    #[tokio::test]
    async fn a_commit_waits_for_every_turn_and_for_no_more() {
        let log = log();
        let (first, second) = (log.commits.turn().await, log.commits.turn().await);
        let mut appended = Box::pin(first.append(log.append(0).await));
        assert!(timeout(SOON, &mut appended).await.is_err(), "the second has a turn");
        assert_eq!(log.ends().await, [0, 0, 0]);
        drop(second);
        let (landed, _next) = timeout(SOON, appended).await.expect("it began");
        assert_eq!(landed.expect("it landed").position.0, 1);
    }

    #[tokio::test]
    async fn who_comes_during_a_commit_is_in_the_next_with_those_that_were_in_it() {
        let log = log();
        log.memory.hold_appends();
        let first = log.commits.turn().await;
        let mut in_it = Box::pin(first.append(log.append(0).await));
        assert!(timeout(SOON, &mut in_it).await.is_err(), "the log takes nothing yet");
        let mut comes = Box::pin(log.commits.turn());
        assert!(timeout(SOON, &mut comes).await.is_err(), "a commit is under way");
        log.memory.release_appends();
        let ((landed, again), comes) = join(in_it, comes).await;
        landed.expect("it landed");
        let mut appended = Box::pin(comes.append(log.append(1).await));
        assert!(timeout(SOON, &mut appended).await.is_err(), "who was in it has a turn");
        let (both, others) = join(again.append(log.append(0).await), appended).await;
        both.0.expect("it landed");
        others.0.expect("it landed");
        assert_eq!(log.ends().await, [2, 1, 0]);
    }

    #[tokio::test]
    async fn an_append_that_conflicts_keeps_no_other_from_landing() {
        let log = log();
        let deposed = log.append(1).await;
        log.append(1).await;
        let (first, second) = (log.commits.turn().await, log.commits.turn().await);
        let (first, second) = join(first.append(log.append(0).await), second.append(deposed)).await;
        first.0.expect("it landed");
        assert!(matches!(second.0, Err(AppendError::Conflict(_))));
        assert_eq!(log.ends().await, [1, 0, 0]);
    }

    #[tokio::test]
    async fn who_has_gone_holds_up_no_commit() {
        let log = log();
        log.memory.hold_appends();
        let first = log.commits.turn().await;
        let mut in_it = Box::pin(first.append(log.append(0).await));
        assert!(timeout(SOON, &mut in_it).await.is_err(), "the log takes nothing yet");
        drop(in_it);
        let waits = log.commits.turn();
        assert!(timeout(SOON, waits).await.is_err(), "a commit is under way");
        log.memory.release_appends();
        let turn = timeout(SOON, log.commits.turn()).await.expect("the commit has ended");
        let (landed, _next) = turn.append(log.append(1).await).await;
        landed.expect("it landed");
        assert_eq!(log.ends().await, [1, 1, 0]);
    }
}
