//! Seals the balances of all accounts: has the trees made by a child process, `guerdon balances`,
//! so that the writer is never held up and no second state stays in memory; once a day, and
//! whenever an operator asks. Those of several partitions are made one after the other, of the log
//! as it was at one moment.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::DateTime;
use command_api::{Answer, NoTrees, Request, SealTrees, Writers};
use domain::command::SealBalances;
use domain::{Command as Asked, SealId, SealedBalances, SealedTrees};
use event_store::EventStore;
use log_record::{Place, hex, parse_hex};
use query_api::{BalanceAsked, ProveBalance, ProvedBalance, UnprovedBalance};
use sealer::{BalanceTrees, FileError, NoBalanceProof, UpTo};
use tokio::io::AsyncReadExt as _;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trace::unix_micros;
use wire::body::{PathNodeBody, Sum};

use super::child;
use crate::balances::Made;
use crate::serve_config::ServeConfig;

/// How long a request waits for the trees before it is told to come again.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// How long a proof waits for a tree that is made again.
const REMAKE_WAIT_MAX: Duration = Duration::from_secs(5);

/// For how long a tree that was made again isn't made once more: a shopper may ask for old seals in
/// turn, and each costs a fold of the log.
const REMADE_FOR: Duration = Duration::from_secs(60);

/// When whoever didn't wait long enough comes again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// For how long trees that nobody waited for may still be sealed. A seal of yesterday's balances
/// would surprise.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// How often it is seen whether a new day has begun.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long after a day's seal failed it is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// Makes trees, one child process at a time.
#[derive(Clone)]
pub(super) struct Trees(Arc<Shared>);

struct Shared {
    config: ServeConfig,
    store: EventStore,
    stop: CancellationToken,
    /// The trees of the log's end that are being made, or were made just now.
    newest: Mutex<Option<Job<SealedBalances>>>,
    again: Mutex<Again>,
}

/// Trees that are made again.
#[derive(Default)]
struct Again {
    job: Option<(Place, Job<SealedTrees>)>,
    /// Those that were made not long ago, and when.
    made: Vec<(Place, Instant)>,
}

type Job<T> = JoinHandle<(Instant, anyhow::Result<T>)>;

impl Trees {
    pub(super) fn new(config: &ServeConfig, store: &EventStore, stop: &CancellationToken) -> Self {
        let (config, store, stop) = (config.clone(), store.clone(), stop.clone());
        let (newest, again) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { config, store, stop, newest, again }))
    }

    /// The function by which the command API gets trees to seal.
    pub(super) fn to_seal(&self) -> SealTrees {
        let trees = self.clone();
        Arc::new(move || {
            let trees = trees.clone();
            Box::pin(async move {
                let made = tokio::time::timeout(WAIT_MAX, trees.make()).await;
                made.unwrap_or(Err(NoTrees::NotYet(AGAIN_AFTER)))
            })
        })
    }

    /// The function by which the query API proves balances.
    pub(super) fn to_prove(&self) -> ProveBalance {
        let trees = self.clone();
        Arc::new(move |asked| {
            let trees = trees.clone();
            Box::pin(async move { trees.prove(asked).await })
        })
    }

    /// The trees of the log as it is now, or was a moment ago.
    async fn make(&self) -> Result<SealedBalances, NoTrees> {
        let mut newest = self.0.newest.lock().await;
        loop {
            let job = newest.get_or_insert_with(|| self.begin());
            let ended = job.await;
            *newest = None;
            match ended {
                Ok((at, Ok(_))) if at.elapsed() > FRESH_FOR => {}
                Ok((_, Ok(sealed))) => return Ok(sealed),
                Ok((_, Err(error))) => {
                    tracing::error!(error = format!("{error:#}"), "the balances can't be sealed");
                    return Err(NoTrees::Failed);
                }
                Err(_) => return Err(NoTrees::Failed),
            }
        }
    }

    /// Begins to make the trees of all partitions, as of one moment.
    fn begin(&self) -> Job<SealedBalances> {
        let Shared { config, store, stop, .. } = &*self.0;
        let (config, store, stop) = (config.clone(), store.clone(), stop.clone());
        tokio::spawn(async move {
            let made = run_all(&config, &store, &stop).await;
            (Instant::now(), made)
        })
    }

    fn begin_again(&self, up_to: Place) -> Job<SealedTrees> {
        let Shared { config, stop, .. } = &*self.0;
        let (config, stop) = (config.clone(), stop.clone());
        tokio::spawn(async move {
            let made = run(&config, up_to, &stop).await;
            (Instant::now(), made)
        })
    }

    async fn prove(&self, asked: BalanceAsked) -> Result<Option<ProvedBalance>, UnprovedBalance> {
        let unread = |error: &dyn std::error::Error| {
            let error = event_store::with_causes(error);
            tracing::error!(error, "a balance can't be proved");
            UnprovedBalance::Unread
        };
        let place = asked.up_to;
        let event = self.0.store.read_one(place).await.map_err(|error| unread(&error))?;
        let log_id = self.0.store.log_id();
        let up_to = UpTo { log_id, place, checksum: event.checksum.0 };
        for _ in 0..2 {
            let found = self.look(up_to, asked.clone()).await;
            match found {
                Ok(proved) => return Ok(proved.map(body)),
                Err(NoBalanceProof::OtherSecret) => return Err(UnprovedBalance::SecretLost),
                Err(NoBalanceProof::NoTree(file)) => {
                    let file = file.display();
                    tracing::info!(%file, "a tree of balances is made again");
                    self.make_again(place).await?;
                }
                Err(NoBalanceProof::Failed(error)) => return Err(unread(&error)),
            }
        }
        let error = "the log gives another root than the one that was sealed";
        tracing::error!(%place, unit = %asked.unit, error, "a balance can't be proved");
        Err(UnprovedBalance::Unread)
    }

    async fn look(
        &self,
        up_to: UpTo,
        asked: BalanceAsked,
    ) -> Result<Option<sealer::ProvedBalance>, NoBalanceProof> {
        let folder = self.0.config.data.transparency();
        let looking = tokio::task::spawn_blocking(move || {
            let trees = BalanceTrees::new(&folder, up_to.log_id, up_to.place.partition);
            let BalanceAsked { salts, unit, root, account_id, .. } = asked;
            let (salts, root) = (parse_hex(&salts), parse_hex(&root));
            let (salts, root) = (salts.unwrap_or_default(), root.unwrap_or_default());
            trees.prove(&up_to, salts, unit.as_str(), root, account_id.as_str())
        });
        // Where it was cut off, that says nothing of the secret.
        looking.await.unwrap_or_else(|cut| {
            let file = self.0.config.data.transparency().balance_salts();
            let source = std::io::Error::other(cut);
            Err(NoBalanceProof::Failed(FileError { file, source }.into()))
        })
    }

    /// Has a lost tree made again. Whoever waits too long comes again.
    async fn make_again(&self, up_to: Place) -> Result<(), UnprovedBalance> {
        let asked = Instant::now();
        let making = async {
            let mut again = self.0.again.lock().await;
            let Again { job, made } = &mut *again;
            made.retain(|(_, at)| at.elapsed() < REMADE_FOR);
            if let Some((_, at)) = made.iter().find(|(place, _)| *place == up_to) {
                // Another had it made while this one waited for its turn, or it is lost once more.
                return if *at >= asked { Ok(()) } else { Err(UnprovedBalance::NotYet) };
            }
            // Who waits too long for another's leaves it here: no second child runs beside it.
            if let Some((place, other)) = job.as_mut()
                && *place != up_to
            {
                drop(other.await);
                *job = None;
            }
            let (_, running) = job.get_or_insert_with(|| (up_to, self.begin_again(up_to)));
            let ended = running.await;
            *job = None;
            match ended {
                Ok((_, Ok(_))) => {
                    made.push((up_to, Instant::now()));
                    Ok(())
                }
                Ok((_, Err(error))) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "a tree of balances can't be made again");
                    Err(UnprovedBalance::Unread)
                }
                Err(_) => Err(UnprovedBalance::Unread),
            }
        };
        let made = tokio::time::timeout(REMAKE_WAIT_MAX, making).await;
        made.unwrap_or(Err(UnprovedBalance::NotYet))
    }

    /// Waits for the child processes, which were told to stop.
    pub(super) async fn end(&self) {
        let newest = self.0.newest.lock().await.take();
        let again = self.0.again.lock().await.job.take().map(|(_, job)| job);
        if let Some(job) = newest {
            drop(job.await);
        }
        if let Some(job) = again {
            drop(job.await);
        }
    }

    /// Seals the balances once in each day of UTC, for ever. The first seal is made at the start,
    /// unless that day has one already.
    pub(super) async fn seal_daily(self, writers: Writers) {
        let mut sealed_day = String::new();
        let mut wait = Duration::ZERO;
        loop {
            tokio::time::sleep(wait).await;
            let day = today();
            wait = LOOK_EVERY;
            if day == sealed_day {
                continue;
            }
            match self.seal(&writers, &day).await {
                Ok(place) => {
                    tracing::info!(seal = day, %place, "the day's balances are sealed");
                    sealed_day = day;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(seal = day, error, "the day's balances aren't sealed yet");
                    wait = TRY_AGAIN_AFTER;
                }
            }
        }
    }

    /// Seals the balances under an id, unless that was done before.
    async fn seal(&self, writers: &Writers, seal: &str) -> anyhow::Result<Place> {
        let seal_id: SealId = seal.parse().context("the day is no id")?;
        if let Some(place) = record(writers, &seal_id, None).await? {
            return Ok(place);
        }
        let made =
            self.make().await.map_err(|why| anyhow::anyhow!("there are no trees: {why:?}"))?;
        let recorded = record(writers, &seal_id, Some(made)).await?;
        recorded.context("the log is shorter than the balances that were sealed")
    }
}

/// The id of the day's seal.
fn today() -> String {
    let now = DateTime::from_timestamp_micros(unix_micros()).unwrap_or_default();
    now.format("daily-%Y-%m-%d").to_string()
}

/// Has the writer record a seal, or say whether it has; nothing where it hasn't.
async fn record(
    writers: &Writers,
    seal_id: &SealId,
    sealed: Option<SealedBalances>,
) -> anyhow::Result<Option<Place>> {
    let command = SealBalances { seal_id: seal_id.clone(), sealed };
    match writers.submit(Request::of(Asked::SealBalances(command))).await {
        Ok(Answer::Recorded { place, .. } | Answer::Repeat { place, .. }) => Ok(Some(place)),
        Ok(Answer::Unchanged(..)) => Ok(None),
        other => anyhow::bail!("the writer didn't record it: {other:?}"),
    }
}

/// Has the trees of each partition made, up to where all end at one moment.
async fn run_all(
    config: &ServeConfig,
    store: &EventStore,
    stop: &CancellationToken,
) -> anyhow::Result<SealedBalances> {
    let mut all = vec![];
    for (partition, head) in store.heads().await? {
        let up_to = Place { partition, position: head.position };
        all.push(run(config, up_to, stop).await?);
    }
    anyhow::ensure!(!all.is_empty(), "the log has no partitions");
    let home = all.remove(0);
    Ok(SealedBalances { home, further: all })
}

/// Runs the child for a partition. When it is told to stop, the child is killed and waited for: it
/// has the log open, and SQLite tidies its journal away only when the last process lets go of it.
async fn run(
    config: &ServeConfig,
    up_to: Place,
    stop: &CancellationToken,
) -> anyhow::Result<SealedTrees> {
    let Place { partition, position } = up_to;
    let mut command = child::on(&config.data)?;
    let mut child = command
        .args(["balances", "--quiet", "--output", "json"])
        .args(["--partition", &partition.to_string(), "--up-to", &position.to_string()])
        .env("GUERDON_TRANSPARENCY_DIR", config.data.transparency().path())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut printed = child.stdout.take().context("the child has no output")?;
    let mut text = String::new();
    let ended = async {
        let read = printed.read_to_string(&mut text).await;
        child.wait().await.and_then(|ended| read.map(|_| ended))
    };
    let Some(ended) = stop.run_until_cancelled(ended).await.transpose()? else {
        child.kill().await?;
        anyhow::bail!("the server is stopping");
    };
    anyhow::ensure!(ended.success(), "guerdon balances ended with {ended}");
    let made: Made = serde_json::from_str(&text).context("guerdon balances printed no trees")?;
    made.sealed().context("guerdon balances printed no trees")
}

fn body(proved: sealer::ProvedBalance) -> ProvedBalance {
    let sealer::ProvedBalance { salt, index, balances, path } = proved;
    let sum = |amount: u128| Sum(i128::try_from(amount).unwrap_or(i128::MAX));
    let node = |node: transparency::SumNode| PathNodeBody {
        hash: node.hash.to_string(),
        available: sum(node.sums.available),
        held: sum(node.sums.held),
        pending: sum(node.sums.pending),
        owed: sum(node.sums.owed),
    };
    let transparency::Balances { available, held, pending, owed } = balances;
    let amount = |amount: u128| u64::try_from(amount).unwrap_or(u64::MAX);
    ProvedBalance {
        salt: hex(&salt.0),
        index,
        amounts: [available, held, pending, owed].map(amount),
        path: path.into_iter().map(node).collect(),
    }
}
