//! The writer's loop: gather, decide, append, answer.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use domain::{Clock, Command, Decision, Event, Impossible, LogOpened, State, Timestamp, Units};
use event_schema::{EncodeError, Metadata, encode};
use event_store::{Append, AppendError};
use log_record::{BatchId, Epoch, Generation, Head, NewEvent, Position, Principal, WriterId};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::batch::Batch;
use super::clock::WriterClock;
use super::gate::Gate;
use super::pending::Pending;
use super::recover::Waits;
use super::salts::Salts;
use super::sweep::{SWEEP_BUSY, SWEEP_IDLE, SWEEP_SHARE};
use super::unwanted::warn_if_unwanted;
use super::{
    Answer, NotDecided, StartError, Subject, Unanswered, WriterConfig, WriterStatus, place,
};
use crate::restart::{Loaded, load};

/// The most commands in a batch: about 2,000 events, 5 ms of SQLite's time, so that a command
/// waits for at most two such commits.
const BATCH_COMMANDS_MAX: usize = 1024;

/// A running writer.
pub(super) struct Run {
    pub(super) config: WriterConfig,
    pub(super) writer: WriterId,
    pub(super) epoch: Epoch,
    generation: Generation,
    /// All up to here is durable, and may have been told.
    pub(super) durable: Position,
    pub(super) state: State,
    pub(super) gate: Arc<Gate>,
    pub(super) status: watch::Sender<WriterStatus>,
    pub(super) clock: WriterClock,
    /// Where the snapshot ends that the state was made of.
    pub(super) loaded_from: Position,
    salts: Salts,
    /// Whether what falls due is recorded in the background.
    pub(super) sweeps: bool,
    commands: mpsc::Receiver<Pending>,
    /// Commands whose deciding panicked, by the hash of all that is in them.
    panicked: HashSet<[u8; 32]>,
    /// Decided afresh before the queue is looked at: they came first.
    pub(super) redo: Vec<Pending>,
}

/// Why the loop can't simply go on.
pub(super) enum Trouble {
    /// An append failed; with it what was decided after it.
    Append(AppendError, Batch, Batch),
    /// The state can't be trusted any more, with what was decided and not appended yet.
    State(Batch),
}

impl Run {
    pub(super) async fn start(
        config: WriterConfig,
        commands: mpsc::Receiver<Pending>,
        gate: Arc<Gate>,
        status: watch::Sender<WriterStatus>,
    ) -> Result<Self, StartError> {
        let partition = config.partition;
        let writer = WriterId(Uuid::now_v7());
        let head = config
            .store
            .take_over(partition, writer)
            .await
            .map_err(|source| StartError::TakeOver { partition, source })?;
        let is_new = head.position == Position::START;
        if is_new {
            open_log(&config, &head)
                .await
                .map_err(|source| StartError::OpenLog { partition, source })?;
        }
        let end = head.position.max(Position(1));
        let Loaded { state, from } = load(&config.store, partition, config.snapshots.as_ref(), end)
            .await
            .map_err(|source| StartError::Load { partition, source })?;
        let opened = state.opened().map_or(Clock::Wall, |opened| opened.clock);
        if let Some(asked) = config.clock.filter(|asked| *asked != opened) {
            return Err(StartError::OtherClock { opened, asked });
        }
        let last_event = (!is_new).then(|| state.recorded_at());
        let doubted = state.clock_doubt();
        let clock = WriterClock::start(opened, config.read_clock.clone(), last_event, doubted);
        gate.install(&state);
        let mut run = Self {
            config,
            writer,
            epoch: head.epoch,
            generation: head.generation,
            durable: end,
            state,
            gate,
            status,
            clock,
            loaded_from: from,
            salts: Salts::new(),
            sweeps: true,
            commands,
            panicked: HashSet::new(),
            redo: vec![],
        };
        run.is_clock_right();
        Ok(run)
    }

    /// Whether anything may be decided; tells the status where that has changed.
    pub(super) fn is_clock_right(&mut self) -> bool {
        let status = match self.clock.check() {
            None if self.sweeps => WriterStatus::Serving,
            None => WriterStatus::NotSweeping,
            Some(why) => WriterStatus::ClockUnconfirmed(why.to_owned()),
        };
        let is_right = self.clock.doubt().is_none();
        self.status.send_if_modified(|told| {
            let is_news = *told != status;
            if is_news {
                if let WriterStatus::ClockUnconfirmed(why) = &status {
                    tracing::error!(why, "nothing is decided until `guerdon confirm-clock`");
                }
                *told = status;
            }
            is_news
        });
        is_right
    }

    /// Decides until everyone who could submit has gone, or until it can't go on.
    pub(super) async fn until_stopped(mut self) {
        let mut waits = Waits::new();
        while let Err(trouble) = self.serve().await {
            self.status.send_replace(WriterStatus::Recovering);
            if matches!(trouble, Trouble::Append(AppendError::InDoubt(_), ..)) {
                waits.before_recovering(self.durable).await;
            }
            if let Err(why) = self.recover(trouble).await {
                tracing::error!(partition = %self.config.partition, why, "the writer has stopped");
                self.status.send_replace(WriterStatus::Stopped(why));
                self.refuse_all().await;
                return;
            }
            self.status.send_replace(WriterStatus::Serving);
            self.is_clock_right();
        }
        self.status.send_replace(WriterStatus::Stopped("it was told to".into()));
    }

    /// Gathers and decides the next batch while one commits. Ends when the queue is closed and
    /// empty and everything is answered.
    async fn serve(&mut self) -> Result<(), Trouble> {
        let mut arrived = std::mem::take(&mut self.redo);
        let mut gathered = Batch::new();
        if !arrived.is_empty() {
            gathered = self.decide_all(&mut arrived, gathered).map_err(Trouble::State)?;
        }
        loop {
            while gathered.is_empty() {
                let wait = self.until_due();
                tokio::select! {
                    biased;
                    count = self.commands.recv_many(&mut arrived, BATCH_COMMANDS_MAX) => {
                        if count == 0 {
                            return Ok(());
                        }
                    }
                    () = wait => {}
                }
                gathered = self.decide_all(&mut arrived, gathered).map_err(Trouble::State)?;
                if gathered.decided.is_empty() {
                    gathered = self.sweep(gathered, SWEEP_IDLE).map_err(Trouble::State)?;
                }
            }
            let mut committing = std::mem::replace(&mut gathered, Batch::new());
            if !committing.decided.is_empty() {
                let portion = SWEEP_BUSY.max(committing.events.len() / SWEEP_SHARE);
                committing = self.sweep(committing, portion).map_err(Trouble::State)?;
            }
            gathered = committing.cut(self.config.store.append_limit());
            gathered = self.commit(&mut committing, gathered, &mut arrived).await?;
            committing.release(&self.gate);
        }
    }

    /// Appends `committing`, or, where that is nothing, makes certain that no other writer has
    /// taken over; meanwhile gathers and decides into `gathered`, which it gives back.
    async fn commit(
        &mut self,
        committing: &mut Batch,
        mut gathered: Batch,
        arrived: &mut Vec<Pending>,
    ) -> Result<Batch, Trouble> {
        let begun = Instant::now();
        let events = std::mem::take(&mut committing.events);
        let last = Position(self.state.position().0 - gathered.events.len() as u64);
        let mut landed = pin!(self.land(last, committing.id, events));
        let mut is_open = true;
        let mut lost_state = false;
        let result = loop {
            let room = BATCH_COMMANDS_MAX - gathered.decided.len().min(BATCH_COMMANDS_MAX);
            tokio::select! {
                biased;
                result = &mut landed => break result,
                count = self.commands.recv_many(arrived, room.max(1)),
                    if room > 0 && is_open && !lost_state =>
                {
                    is_open = count > 0;
                    match self.decide_all(arrived, gathered) {
                        Ok(decided) => gathered = decided,
                        Err(decided) => {
                            lost_state = true;
                            gathered = decided;
                        }
                    }
                }
            }
        };
        if result.is_ok() {
            self.durable = last;
            self.gate.confirm(begun);
        }
        match result {
            Err(error) => {
                let failed = std::mem::replace(committing, Batch::new());
                Err(Trouble::Append(error, failed, gathered))
            }
            Ok(_) if lost_state => {
                std::mem::replace(committing, Batch::new()).release(&self.gate);
                Err(Trouble::State(gathered))
            }
            Ok(_) => Ok(gathered),
        }
    }

    /// Ends when the events, of which `last` is the last, are durable.
    fn land(
        &self,
        last: Position,
        batch: BatchId,
        events: Vec<NewEvent>,
    ) -> impl Future<Output = Result<(), AppendError>> + 'static {
        let expected = Position(last.0 - events.len() as u64);
        let (partition, epoch, generation) = (self.config.partition, self.epoch, self.generation);
        let store = self.config.store.clone();
        async move {
            if events.is_empty() {
                return store.confirm(partition, epoch, last).await;
            }
            let append = Append { partition, epoch, generation, expected, batch, events };
            store.append(append).await.map(drop)
        }
    }

    /// Decides what has arrived into the batch. The batch comes back as an error where the state
    /// can't be trusted any more; what had not been looked at by then waits in `redo`.
    fn decide_all(&mut self, arrived: &mut Vec<Pending>, mut into: Batch) -> Result<Batch, Batch> {
        if arrived.is_empty() {
            return Ok(into);
        }
        let mut is_clock_right = self.is_clock_right();
        if !is_clock_right {
            into = self.record_doubt(into).inspect_err(|_| self.redo.append(arrived))?;
        }
        let mut arriving = std::mem::take(arrived).into_iter();
        for pending in arriving.by_ref() {
            // Claimed first: from here on, who gives up is told that the outcome isn't known.
            if !pending.is_wanted() {
                pending.answer(Err(Unanswered::NotDecided(NotDecided::DeadlinePassed)));
                continue;
            }
            if !pending.claim.take() {
                continue;
            }
            if matches!(*pending.request.command, Command::ConfirmClock(_)) {
                self.clock.confirm();
                is_clock_right = self.is_clock_right();
            }
            if !is_clock_right {
                pending.answer(Err(Unanswered::NotDecided(NotDecided::ClockUnconfirmed)));
                continue;
            }
            let fingerprint = self.fingerprint_if_any_panicked(&pending);
            if fingerprint.is_some_and(|print| self.panicked.contains(&print)) {
                pending.answer(Err(Unanswered::Panicked));
                continue;
            }
            let decided = catch_unwind(AssertUnwindSafe(|| self.decide_one(&pending, &mut into)));
            match decided {
                Ok(Ok(answer)) => {
                    into.decided.push((pending, answer));
                    into.end_command();
                }
                failed => {
                    // What it left half done goes with the state.
                    if let Ok(Err(error)) = failed {
                        tracing::error!(error = %error, "a decision can't be recorded");
                    }
                    self.panicked.insert(fingerprint_of(&pending));
                    pending.answer(Err(Unanswered::Panicked));
                    self.redo.extend(arriving);
                    return Err(into);
                }
            }
        }
        Ok(into)
    }

    fn decide_one(&mut self, pending: &Pending, into: &mut Batch) -> Result<Answer, Unrecordable> {
        let partition = self.config.partition;
        let command = &*pending.request.command;
        let now = self.clock.now(self.state.recorded_at(), command.occurred_at());
        if pending.request.is_dry_run {
            return Ok(self.preview(command, now));
        }
        let (mut events, bearer) = match (self.config.decide)(&self.state, command, now) {
            Err(refusal) => return Ok(Answer::Refused(refusal)),
            Ok(Decision::Repeat(at)) => return Ok(self.repeat(at)),
            Ok(Decision::Load(at)) => return Ok(Answer::Original(place(partition, at))),
            Ok(Decision::Standing) => {
                let (subject, at) = self.subject_of(command).ok_or(Unrecordable::NoSubject)?;
                return Ok(Answer::Standing(place(partition, at), subject));
            }
            Ok(Decision::Record { events, bearer }) => (events, bearer),
        };
        let principal = pending.request.principal.as_deref();
        let metadata = Metadata {
            command: command.name().into(),
            key: principal.and_then(|principal| principal.key.clone()),
            role: principal.map(|principal| principal.role.into()),
            traceparent: pending.request.traceparent.clone(),
        };
        let before = self.state.position();
        let asked = principal.map(|principal| (bearer, principal));
        self.record(&events, now, &metadata, asked, into)?;
        if bearer >= events.len() {
            return Err(Unrecordable::Nothing);
        }
        Ok(Answer::Recorded {
            place: place(partition, before.plus(bearer as u64 + 1)),
            event: Box::new(events.swap_remove(bearer)),
            last: place(partition, self.state.position()),
            subject: self.subject_of(command).map(|(subject, _)| subject),
        })
    }

    /// Adds events to the batch and applies them. `asked` is the event that bears the command's id
    /// and who asked.
    pub(super) fn record(
        &mut self,
        events: &[Event],
        now: Timestamp,
        metadata: &Metadata,
        asked: Option<(usize, &Principal)>,
        into: &mut Batch,
    ) -> Result<(), Unrecordable> {
        let begun = into.events.len();
        for (index, event) in events.iter().enumerate() {
            let principal = asked.filter(|(outcome, _)| *outcome == index).map(|(_, who)| who);
            let salt = self.salts.next()?;
            into.events.push(encode(event, now, metadata, principal, salt)?);
            self.state.evolve(self.state.position().next(), now, event)?;
            warn_if_unwanted(&self.state, self.config.partition, event);
            let (offer_id, is_sale) = match event {
                Event::ExchangeCreated(_, fact) => (&fact.offer_id, true),
                Event::ExchangeCancelled(_, fact) => (&fact.offer_id, false),
                Event::StockAdded(fact) => (&fact.offer_id, false),
                _ => continue,
            };
            let offer = self.state.offer(offer_id);
            if let Some(remaining) = offer.and_then(|offer| offer.inventory.remaining())
                && (remaining == Units::ZERO || !is_sale)
            {
                into.sold_out.push((offer_id.clone(), remaining == Units::ZERO));
            }
        }
        let limit = self.config.store.append_limit();
        if !limit.is_none() && limit.fitting(&into.events[begun..]) < events.len() {
            return Err(Unrecordable::TooMuch);
        }
        Ok(())
    }

    /// What came of the command may stand behind the event that bears its id; the last event that
    /// there is contains it.
    fn repeat(&self, at: Position) -> Answer {
        let partition = self.config.partition;
        Answer::Repeat {
            place: place(partition, at),
            last: place(partition, self.state.position()),
        }
    }

    fn preview(&self, command: &Command, now: Timestamp) -> Answer {
        let recorded = self.state.recorded();
        if let Some(at) = command.id_hash().and_then(|id| recorded.position_of(id)) {
            return self.repeat(at);
        }
        let Command::Redeem(redeem) = command else {
            return Answer::Refused(domain::Refusal::ExchangeUnknown);
        };
        match redeem.preview(&self.state, now) {
            Ok(preview) => Answer::Preview(Box::new(preview)),
            Err(refusal) => Answer::Refused(refusal),
        }
    }

    /// What the command sets, as it stands, and the event that last changed it.
    fn subject_of(&self, command: &Command) -> Option<(Subject, Position)> {
        match command {
            Command::SetEarningRule(set) => {
                let rule = self.state.rule(&set.rule_id)?;
                Some((Subject::Rule(Box::new(rule.clone())), rule.changed_at))
            }
            Command::SetPolicy(_) => {
                let (policy, changed_at) = self.state.policy();
                Some((Subject::Policy(policy), changed_at))
            }
            Command::AddStock(_) => None,
            _ => {
                let offer = self.state.offer(command.offer_id()?)?;
                Some((Subject::Offer(Box::new(offer.clone())), offer.changed_at))
            }
        }
    }

    /// Hashing every command would cost each of them a microsecond for something that never
    /// happens; so it begins once it has happened.
    fn fingerprint_if_any_panicked(&self, pending: &Pending) -> Option<[u8; 32]> {
        (!self.panicked.is_empty()).then(|| fingerprint_of(pending))
    }

    async fn refuse_all(&mut self) {
        self.commands.close();
        for pending in std::mem::take(&mut self.redo) {
            pending.answer(Err(Unanswered::NotDecided(NotDecided::Stopped)));
        }
        while let Some(pending) = self.commands.recv().await {
            pending.answer(Err(Unanswered::NotDecided(NotDecided::Stopped)));
        }
    }
}

/// A decision that can't become rows of the log; it can only be a fault of the program's.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unrecordable {
    #[error("an event can't be written: {0}")]
    Encode(#[from] EncodeError),
    #[error("an event was decided that can't follow: {0}")]
    Impossible(#[from] Impossible),
    #[error("the operating system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
    #[error(
        "its events are more than one append to this log may have: raise append-bytes in the log's \
         URL, and what the server takes with it"
    )]
    TooMuch,
    #[error("nothing was decided to be recorded")]
    Nothing,
    #[error("something stands that isn't there")]
    NoSubject,
}

/// The id and every field of a command.
fn fingerprint_of(pending: &Pending) -> [u8; 32] {
    // `DeliverTo` prints nothing of itself, which makes two such commands one; that errs on the
    // safe side.
    Sha256::digest(format!("{:?}", pending.request.command)).into()
}

async fn open_log(
    config: &WriterConfig,
    head: &Head,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let clock = config.clock.unwrap_or(Clock::Wall);
    let event = Event::LogOpened(LogOpened {
        log_id: config.store.log_id().to_string().into(),
        partitions: config.store.partitions(),
        clock,
    });
    let metadata = Metadata::of_command("open-log");
    // A log that goes by its commands has no time before the first of them.
    let now = match clock {
        Clock::Wall => (config.read_clock.0)().wall,
        Clock::Commands => Timestamp::EPOCH,
    };
    let opened = encode(&event, now, &metadata, None, Salts::new().next()?)?;
    let append = Append::after(config.partition, head, vec![opened]);
    config.store.append(append).await?;
    Ok(())
}
