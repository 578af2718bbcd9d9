//! The writers of a log with four partitions, and what is asked of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use command_api::{
    Answer, NotDecided, Request, Spread, TransferOutcome, Unanswered, WriterConfig, WriterStatus,
    Writers,
};
use domain::command::{CancelExchange, SetPolicy, TransferCredit};
use domain::{
    AccountId, Command, Event, Note, OfferId, Points, Policy, State, TransferStatus, UnitId,
    UnitNumber,
};
use event_schema::decode;
use event_store::{Access, EventStore, MemoryStore, NewLog, StoreUrl};
use log_record::{LogId, Partition, Position, WriterId};
use uuid::Uuid;

use crate::ledger::{earn, id, request};

pub(super) const PARTITIONS: u16 = 4;

const NEW_LOG: NewLog = NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: PARTITIONS };

/// Four partitions and their writers.
pub(super) struct Town {
    pub(super) config: WriterConfig,
    pub(super) writers: Writers,
    _folder: Option<tempfile::TempDir>,
}

impl Town {
    pub(super) async fn in_memory(deadline: Duration) -> (Self, MemoryStore) {
        let store = MemoryStore::new(NEW_LOG);
        let config = WriterConfig::new(EventStore::Memory(store.clone()), deadline);
        (Self::of(config, None).await, store)
    }

    pub(super) async fn on_sqlite(deadline: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = StoreUrl::Sqlite(folder.path().join("log.sqlite"));
        let store = EventStore::open(&url, Access::Write(NEW_LOG)).await.expect("it opens");
        Self::of(WriterConfig::new(store, deadline), Some(folder)).await
    }

    /// One of each kind of log.
    pub(super) async fn each(deadline: Duration) -> [Self; 2] {
        [Self::in_memory(deadline).await.0, Self::on_sqlite(deadline).await]
    }

    pub(super) async fn of(config: WriterConfig, folder: Option<tempfile::TempDir>) -> Self {
        let (writers, _) = Writers::start(config.clone()).await.expect("they start");
        Self { config, writers, _folder: folder }
    }

    /// Other writers take over, as those do of a process that comes after one that was killed: what
    /// these were about to append lands no more.
    pub(super) async fn kill_and_restart(&mut self) {
        self.writers = Writers::start(self.config.clone()).await.expect("they start").0;
    }

    /// Somebody else writes a partition: its writer here appends nothing any more.
    pub(super) async fn silence(&self, partition: Partition) {
        let somebody = WriterId(Uuid::from_u128(9));
        self.config.store.take_over(partition, somebody).await.expect("it is taken over");
    }

    pub(super) async fn asks(&self, request: Request) -> Result<Answer, Unanswered> {
        self.writers.submit(request).await
    }

    pub(super) fn begins(
        &self,
        request: Request,
    ) -> tokio::task::JoinHandle<Result<Answer, Unanswered>> {
        let writers = self.writers.clone();
        tokio::spawn(async move { writers.submit(request).await })
    }

    #[track_caller]
    pub(super) fn has_recorded(answer: &Result<Answer, Unanswered>) {
        assert!(matches!(answer, Ok(Answer::Recorded { .. })), "{answer:?}");
    }

    pub(super) async fn recorded(&self, request: Request) {
        let is_for_all = request.command.is_for_all();
        let home = request.command.partition(PARTITIONS);
        Self::has_recorded(&self.asks(request).await);
        if is_for_all {
            let spread = self.spread(home).await;
            assert_eq!(spread, Spread { have: PARTITIONS, of: PARTITIONS });
        }
    }

    /// How many partitions have what this one told them.
    pub(super) async fn spread(&self, from: Partition) -> Spread {
        let deadline = Instant::now() + self.config.deadline;
        self.writers.spread(from, deadline).await.expect("there are several")
    }

    /// Sends credit, and waits for the outcome.
    pub(super) async fn transfers(&self, transfer: &TransferCredit) -> TransferOutcome {
        let deadline = Instant::now() + self.config.deadline;
        let asked = self.asks(request(Command::TransferCredit(transfer.clone()))).await;
        let is_sent = matches!(asked, Ok(Answer::Recorded { .. } | Answer::Repeat { .. }));
        assert!(is_sent, "{asked:?}");
        let TransferCredit { account_id, to, transfer_id, .. } = transfer;
        let outcome = self.writers.transfer_outcome(account_id, to, transfer_id, deadline).await;
        outcome.expect("there are several partitions")
    }

    /// An account of partition 1 sends credit, and one of partition 2 receives it.
    pub(super) async fn has_credit_sent(&self) {
        let (ann, bob) = (living_in(1), living_in(2));
        for account in [&ann, &bob] {
            self.recorded(earn(account)).await;
        }
        let sent = transfer(&ann, &bob, 100, "t-1");
        assert_eq!(self.transfers(&sent).await.status, TransferStatus::Received);
    }

    pub(super) fn status(&self, partition: u16) -> WriterStatus {
        let mut all = self.writers.statuses();
        let (_, status) = all.nth(usize::from(partition)).expect("it is there");
        status.borrow().clone()
    }

    /// Waits until the writer of a partition has stopped, and says why.
    pub(super) async fn stopped(&self, partition: u16) -> String {
        let mut all = self.writers.statuses();
        let (_, mut status) = all.nth(usize::from(partition)).expect("it is there");
        let is_stopped = status.wait_for(|status| matches!(status, WriterStatus::Stopped(_)));
        let stopped = tokio::time::timeout(Duration::from_secs(10), is_stopped).await;
        let stopped = stopped.expect("in time").expect("it runs").clone();
        let WriterStatus::Stopped(why) = stopped else { panic!("it has stopped") };
        why.to_string()
    }

    /// Every partition's state, of its log. Each event follows from those before it.
    pub(super) async fn states(&self) -> Vec<State> {
        let mut states = vec![];
        for partition in (0..PARTITIONS).map(Partition) {
            let (mut state, mut after) = (State::new(partition), Position::START);
            loop {
                let rows = self.config.store.read(partition, after, 10_000).await.expect("read");
                let Some(last) = rows.last() else { break };
                after = last.position();
                for row in &rows {
                    let (time, event) = decode(row).expect("decoded");
                    state.evolve(row.position(), time, &event).expect("it follows");
                }
            }
            assert!(state.is_whole());
            states.push(state);
        }
        states
    }

    /// How many units of an offer are in exchanges, and how often each exchange is in the log.
    pub(super) async fn sold(&self, offer: &str) -> (u64, HashMap<String, usize>) {
        let (mut units, mut exchanges, offer) = (0, HashMap::new(), id::<OfferId>(offer));
        for partition in (0..PARTITIONS).map(Partition) {
            let rows = self.config.store.read(partition, Position::START, 100_000).await;
            for row in rows.expect("read") {
                match decode(&row).expect("decoded").1 {
                    Event::ExchangeCreated(_, fact) if fact.offer_id == offer => {
                        units += fact.allocation.quantity().get();
                        *exchanges.entry(fact.exchange_id.to_string()).or_default() += 1;
                    }
                    Event::ExchangeCancelled(_, fact) if fact.offer_id == offer => {
                        units -= fact.allocation.quantity().get();
                    }
                    _ => {}
                }
            }
        }
        (units, exchanges)
    }

    /// All credit of these accounts, and what is in transit.
    pub(super) async fn credit(&self, accounts: &[AccountId]) -> (u64, u128) {
        let states = self.states().await;
        let of = |account: &AccountId| {
            let state = &states[usize::from(account.partition(PARTITIONS).0)];
            let account = state.account(account).expect("an account");
            account.wallet(UnitNumber::POINTS).available().get()
        };
        let transits = states.iter().map(|state| state.transit(UnitId::POINTS));
        let (left, came) = transits.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
        (accounts.iter().map(of).sum(), left - came)
    }
}

/// Somebody who lives in a partition.
pub(super) fn living_in(partition: u16) -> String {
    let mut names = (0..).map(|number| format!("shopper-{number}"));
    let lives = |name: &String| id::<AccountId>(name).partition(PARTITIONS) == Partition(partition);
    names.find(lives).expect("somebody")
}

pub(super) fn transfer(from: &str, to: &str, points: u64, number: &str) -> TransferCredit {
    TransferCredit {
        account_id: id(from),
        transfer_id: id(number),
        to: id(to),
        unit: UnitId::POINTS,
        points: Points::new(points).expect("an amount"),
        occurred_at: None,
    }
}

pub(super) fn cancel(account: &str, exchange: &str) -> Request {
    request(Command::CancelExchange(CancelExchange {
        account_id: id(account),
        exchange_id: id(exchange),
        cancellation_id: id("c-1"),
        quantity: None,
        by_operator: false,
        note: Note::default(),
        occurred_at: None,
        original: None,
    }))
}

pub(super) fn policy(days: u16) -> Request {
    let policy = Policy { refund_grace_days: days, ..Policy::default() };
    request(Command::SetPolicy(SetPolicy { policy, read_versions: None }))
}

/// That nothing was decided in time.
pub(super) const TOO_LATE: Unanswered = Unanswered::NotDecided(NotDecided::DeadlinePassed);
