//! Erases what is private of accounts, as the log's events `account-erased` say: in the process
//! that takes commands, behind the writer.
//!
//! Each step can be done again, and what is done is kept beside the log: a process that was killed
//! goes on at its next start. The order: texts in the log's table, calls and keys beside it, parked
//! messages, archives, the read model's rows and files, the log's files.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use command_api::{Erasing, Unshipped};
use domain::AccountId;
use event_store::{ArchiveFolder, Erasure, EventStore, StoreError};
use log_record::Place;
use publisher::{ParkedAbout, erase_parked, parked_about};
use read_model::{OfLog, ReadModel};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trace::unix_micros;
use wire::Problem;

use super::read_tables;
use super::seldom::Seldom;
use super::shipping_account::account_of;
use crate::serve_config::ServeConfig;

/// How often it is looked for erasures that are to go on.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long a look waits for the read tables.
const TABLES_WAIT: Duration = Duration::from_secs(2);

/// Within how long a call is noted that recorded no event; twice what `unrecorded.rs` takes.
const CALLS_NOTED_WITHIN_MICROS: i64 = 2_000_000;

/// The read model's files are written anew at most for a tenth of the time: who erases accounts one
/// after the other waits for several at once.
const REST_TIMES: u32 = 10;

/// The parts of a ledger that have something to erase.
#[derive(Clone)]
pub(super) struct Eraser {
    store: EventStore,
    tables: Arc<Tables>,
    recorded: Arc<Notify>,
    unfinished: watch::Sender<Unfinished>,
    /// Those that were held up at the last look.
    held_up: BTreeSet<Place>,
    next_rewrite: Option<Instant>,
}

/// The erasures that aren't done.
#[derive(Clone, Debug, Default)]
pub(super) struct Unfinished {
    pub(super) going_on: Vec<Erasure>,
    /// Those whose codes can't be read. They are looked for again at each look.
    pub(super) held_up: Vec<Erasure>,
}

/// The read tables, also in a process that doesn't answer reads.
struct Tables {
    config: ServeConfig,
    required: OfLog,
    opened: OnceLock<ReadModel>,
}

impl Tables {
    async fn open(&self) -> anyhow::Result<ReadModel> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened.clone());
        }
        let opened = read_tables::open_beside(&self.config, &self.required).await?;
        Ok(self.opened.get_or_init(|| opened).clone())
    }
}

impl Eraser {
    pub(super) fn new(
        config: &ServeConfig,
        store: &EventStore,
        required: &OfLog,
        read_model: Option<&ReadModel>,
    ) -> Self {
        let opened = read_model.cloned().map_or_else(OnceLock::new, OnceLock::from);
        let tables = Tables { config: config.clone(), required: required.clone(), opened };
        Self {
            store: store.clone(),
            tables: Arc::new(tables),
            recorded: Arc::default(),
            unfinished: watch::Sender::default(),
            held_up: BTreeSet::new(),
            next_rewrite: None,
        }
    }

    /// The erasures that weren't done at the last look.
    pub(super) fn unfinished(&self) -> watch::Receiver<Unfinished> {
        self.unfinished.subscribe()
    }

    /// What the command API needs of it.
    pub(super) fn erasing(&self) -> Erasing {
        let tables = Arc::clone(&self.tables);
        Erasing {
            unshipped: Arc::new(move |account_id, at| {
                let tables = Arc::clone(&tables);
                Box::pin(async move {
                    let read_model = tables.open().await.map_err(|error| {
                        let error: &dyn std::error::Error = &*error;
                        tracing::error!(error, "the read tables can't be asked before an erasure");
                        Problem::read_model_unreachable()
                    })?;
                    let wait = tables.config.read_wait_ms;
                    let asked = query_api::unshipped(&read_model, &account_id, at, wait).await;
                    asked.map(|(requests, as_of, merged)| Unshipped { requests, as_of, merged })
                })
            }),
            recorded: Arc::clone(&self.recorded),
        }
    }

    /// Erases whatever is to be erased, until `stop`, on a thread of its own: it reads and writes
    /// the archive's folder.
    pub(super) fn start(self, stop: CancellationToken) -> JoinHandle<()> {
        let runtime = Handle::current();
        spawn_blocking(move || runtime.block_on(self.run(stop)))
    }

    async fn run(mut self, stop: CancellationToken) {
        let mut failed = Seldom::new();
        loop {
            match stop.run_until_cancelled(self.look()).await {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    let error: &dyn std::error::Error = &*error;
                    if failed.times().is_some() {
                        tracing::warn!(error, "an erasure can't go on yet");
                    }
                }
            }
            tokio::select! {
                // First: where a start fails, the runtime ends, and with it what sleeps.
                biased;
                () = stop.cancelled() => return,
                () = self.recorded.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Does what can be done now.
    async fn look(&mut self) -> anyhow::Result<()> {
        let noted = self.store.note_erasures().await;
        // One that can't be noted doesn't keep the others from going on, and from being counted.
        let mut erasures = self.store.unfinished_erasures().await?;
        let held_up = self.find_codes(&mut erasures).await;
        let looked = self.go_on(&mut erasures).await;
        erasures.retain(|erasure| erasure.done_at.is_none());
        self.unfinished.send_replace(Unfinished { going_on: erasures, held_up });
        noted?;
        looked
    }

    async fn go_on(&mut self, erasures: &mut [Erasure]) -> anyhow::Result<()> {
        let mut archived = Ok(());
        if erasures.iter().any(|erasure| erasure.archive_at.is_none()) {
            // Nobody may archive meanwhile, but an archive that is away keeps no text in the log.
            let archive = self.store.hold_archive().await;
            self.erase_log(erasures).await?;
            archived = self.erase_archive(archive, erasures).await;
        }
        // Nor does it hold up an erasure that is further.
        self.erase_read_model(erasures).await?;
        self.rewrite_log(erasures).await?;
        archived
    }

    /// The codes that the accounts got are of their offers, and erased with the accounts' texts.
    /// The read tables knew of them when the erasure was asked for. Erasures whose codes can't be
    /// read are taken out and given: the others go on without them.
    async fn find_codes(&mut self, erasures: &mut Vec<Erasure>) -> Vec<Erasure> {
        let (mut going_on, mut held_up) = (vec![], vec![]);
        let is_new = |erasure: &Erasure| erasure.archive_at.is_none();
        // However many there are, they wait for the tables as long as one does.
        let tables =
            if erasures.iter().any(is_new) { Some(self.tables.open().await) } else { None };
        let deadline = Instant::now() + TABLES_WAIT;
        for mut erasure in std::mem::take(erasures) {
            let Some(tables) = tables.as_ref().filter(|_| is_new(&erasure)) else {
                going_on.push(erasure);
                continue;
            };
            let wait = deadline.saturating_duration_since(Instant::now());
            match codes_of(tables, &erasure, wait).await {
                Ok(codes) => {
                    erasure.also = codes;
                    going_on.push(erasure);
                }
                Err(error) => {
                    if self.held_up.insert(erasure.place) {
                        let (place, account_id) = (erasure.place, &erasure.account_id);
                        let error: &dyn std::error::Error = &*error;
                        tracing::warn!(
                            %place,
                            account_id,
                            error,
                            "an erasure is held up: its account's codes can't be read; others go on"
                        );
                    }
                    held_up.push(erasure);
                }
            }
        }
        self.held_up.retain(|place| held_up.iter().any(|erasure| erasure.place == *place));
        *erasures = going_on;
        held_up
    }

    /// Texts in the log's table, and what is beside the log.
    async fn erase_log(&self, erasures: &mut [Erasure]) -> anyhow::Result<()> {
        let mut new: Vec<Erasure> = erasures.to_vec();
        new.retain(|erasure| erasure.log_at.is_none());
        if new.is_empty() {
            return Ok(());
        }
        let ranges = self.store.erase_texts(&new).await.context("can't erase texts in the log")?;
        for erasure in &new {
            self.store.erase_calls(&erasure.account_id).await?;
        }
        self.erase_parked(&new).await?;
        self.store.rewrite_beside().await?;
        let new = erasures.iter_mut().filter(|erasure| erasure.log_at.is_none());
        for (erasure, ranges) in new.zip(ranges) {
            erasure.log_at = Some(unix_micros());
            erasure.ranges = ranges;
            self.store.save_erasure(erasure).await?;
        }
        Ok(())
    }

    /// Texts in archives.
    async fn erase_archive(
        &self,
        held: Result<Option<ArchiveFolder>, StoreError>,
        erasures: &mut [Erasure],
    ) -> anyhow::Result<()> {
        let mut new: Vec<Erasure> = erasures.to_vec();
        new.retain(|erasure| erasure.archive_at.is_none());
        match held.context("can't use the archive")? {
            Some(mut folder) => self.store.erase_archived(&mut folder, &new).await?,
            None => {
                if self.store.hold_archive().await?.is_some() {
                    // It came into being meanwhile: texts may have gone there.
                    return Ok(());
                }
            }
        }
        for erasure in erasures.iter_mut().filter(|erasure| erasure.archive_at.is_none()) {
            erasure.archive_at = Some(unix_micros());
            self.store.save_erasure(erasure).await?;
            let (place, account_id) = (erasure.place, &erasure.account_id);
            tracing::info!(%place, account_id, "private texts are erased in the log");
        }
        Ok(())
    }

    /// Messages about these accounts, or about their shipping requests, that couldn't be used.
    async fn erase_parked(&self, erasures: &[Erasure]) -> anyhow::Result<()> {
        let state = self.tables.config.data.publisher_state();
        let parked = parked_about(&state).await.context("can't read parked messages")?;
        let mut erased = vec![];
        for (parked_id, about) in parked {
            let account_id = match about {
                ParkedAbout::Account(id) => Some(id),
                ParkedAbout::Request(id) => account_of(&self.store, &id).await?,
            };
            if erasures.iter().any(|it| Some(&it.account_id) == account_id.as_ref()) {
                tracing::warn!(
                    parked_id,
                    account_id,
                    "a parked message is deleted: its account is erased"
                );
                erased.push(parked_id);
            }
        }
        erase_parked(&state, &erased).await.context("can't erase parked messages")
    }

    /// The projector erases rows, with the event; here the files are written anew.
    async fn erase_read_model(&mut self, erasures: &mut [Erasure]) -> anyhow::Result<()> {
        let mut waiting: Vec<Erasure> = erasures.to_vec();
        waiting.retain(waits_for_tables);
        let rests = self.next_rewrite.is_some_and(|next| Instant::now() < next);
        if waiting.is_empty() || rests {
            return Ok(());
        }
        let wanted = last_of_each_partition(&waiting);
        // A projection that is behind gets there.
        let read_model = self.tables.open().await?;
        if read_model.read(&wanted, TABLES_WAIT).await.is_err() {
            return Ok(());
        }
        // One that begins from now on finds no texts in the log.
        projector::remove_shadow(&self.tables.config.data.read_model()).await?;
        // Calls from before may have been noted since.
        for erasure in &waiting {
            self.store.erase_calls(&erasure.account_id).await?;
        }
        self.store.rewrite_beside().await?;
        let begun = Instant::now();
        let rewritten = projector::rewrite_erased(&self.tables.config.data.read_model()).await;
        // Also where it failed: another try costs as much.
        self.next_rewrite = Some(Instant::now() + begun.elapsed() * REST_TIMES);
        rewritten?;
        for erasure in erasures {
            if waiting.iter().any(|waiting| waiting.place == erasure.place) {
                erasure.read_model_at = Some(unix_micros());
                self.store.save_erasure(erasure).await?;
            }
        }
        Ok(())
    }

    /// The log's files.
    async fn rewrite_log(&self, erasures: &mut [Erasure]) -> anyhow::Result<()> {
        let is_left = |it: &Erasure| it.archive_at.is_some() && it.read_model_at.is_some();
        let mut left: Vec<Erasure> = erasures.to_vec();
        left.retain(is_left);
        if left.is_empty() {
            return Ok(());
        }
        let rewritten = self.store.rewrite_erased(&mut left).await;
        for (erasure, mut after) in erasures.iter_mut().filter(|it| is_left(it)).zip(left) {
            if rewritten.is_ok() && after.ranges.is_empty() {
                after.done_at = Some(unix_micros());
                let (place, account_id) = (after.place, &after.account_id);
                tracing::info!(%place, account_id, "an erasure is done");
            }
            if *erasure != after {
                self.store.save_erasure(&after).await?;
                *erasure = after;
            }
        }
        Ok(rewritten?)
    }
}

/// Where the codes stand that an account got before its erasure.
async fn codes_of(
    tables: &anyhow::Result<ReadModel>,
    erasure: &Erasure,
    wait: Duration,
) -> anyhow::Result<Vec<Place>> {
    let by = Place { partition: erasure.place.partition, position: erasure.until };
    let account_id: AccountId = erasure.account_id.parse().context("an account's id")?;
    let read_model = tables.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let found = query_api::codes_of(read_model, &account_id, by, wait).await;
    found.map_err(|problem| {
        anyhow::anyhow!("the read tables can't say which codes it had: {}", problem.code())
    })
}

/// Whether nothing is missing but the read model and what comes after it.
fn waits_for_tables(erasure: &Erasure) -> bool {
    let noted_by = unix_micros().saturating_sub(CALLS_NOTED_WITHIN_MICROS);
    erasure.archive_at.is_some()
        && erasure.read_model_at.is_none()
        && erasure.log_at.is_some_and(|log_at| log_at <= noted_by)
}

fn last_of_each_partition(erasures: &[Erasure]) -> Vec<Place> {
    let is_last = |place: &Place| {
        let others = erasures.iter().map(|it| it.place);
        others.filter(|it| it.partition == place.partition).all(|it| it <= *place)
    };
    erasures.iter().map(|it| it.place).filter(is_last).collect()
}
