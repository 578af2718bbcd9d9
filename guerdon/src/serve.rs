//! `guerdon serve`: puts the parts together, serves until it is told to stop, and stops cleanly.

mod health;
mod metrics;
mod publishing;
mod read_tables;
mod shutdown;
mod snapshots;

use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::serve::ListenerExt as _;
use command_api::{CommandApi, CommandMetrics, WriterConfig, WriterStatus, Writers};
use event_store::{Access, EventStore, NewLog, StoreError, StoreUrl};
use log_record::LogId;
use projector::Projector;
use query_api::QueryApi;
use read_model::{OfLog, ReadModel, ReadModelError};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::serve_config::{Part, ServeConfig};
use crate::{first_keys, key_file};
use health::Health;
use metrics::Metrics;
use publishing::Publishing;

/// The drain lasts at most 10 s, which is twice the default command deadline. With a longer
/// deadline, a command can lose its answer.
const DRAIN_MAX: Duration = Duration::from_secs(10);

pub(crate) async fn serve(config: ServeConfig) -> anyhow::Result<()> {
    if config.partitions != 1 {
        bail!("--partitions {}: a ledger has one partition for now", config.partitions);
    }
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("can't listen on {}, as --listen says", config.listen))?;
    // Before the address is printed, because whoever reads it may send a signal.
    let signals = shutdown::Signals::listen()?;
    let stop = CancellationToken::new();
    let draining = CancellationToken::new();
    let ledger = Ledger::start(&config, &stop, &draining).await?;

    let address = listener.local_addr().context("can't read the address that it listens on")?;
    tracing::info!(%address, log_id = %ledger.store.log_id(), "the ledger is ready");
    println!("guerdon listens on http://{address}");
    let Ledger { router, writer_stopped, writer, store, .. } = ledger;
    let Ledger { projecting, mut snapshots, read_model, publishing, .. } = ledger;
    let status = writer.as_ref().map(Writers::status);
    drop(writer);

    let cause =
        serve_until_stopped(listener, router, writer_stopped, publishing, signals, draining)
            .await?;
    if let Some(read_model) = read_model {
        read_model.close().await;
    }
    stop.cancel();
    if let Some(projecting) = projecting {
        projecting.await.context("the projector failed")?;
    }
    while let Some(ended) = snapshots.join_next().await {
        ended.context("taking snapshots failed")?;
    }
    drop(store);
    tracing::info!("stopped");
    match (cause, status.map(|status| status.borrow().clone())) {
        (Stopped::Writer, Some(WriterStatus::Stopped(why))) => {
            bail!("the writer has stopped: {why}")
        }
        _ => Ok(()),
    }
}

/// The parts that run in this process.
struct Ledger {
    store: EventStore,
    router: Router,
    writer: Option<Writers>,
    writer_stopped: Option<oneshot::Receiver<()>>,
    projecting: Option<JoinHandle<()>>,
    snapshots: JoinSet<()>,
    read_model: Option<ReadModel>,
    publishing: Option<Publishing>,
}

impl Ledger {
    async fn start(
        config: &ServeConfig,
        stop: &CancellationToken,
        draining: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let store = open_store(config).await?;
        // Before anything is appended.
        let required = read_tables::required(&store, stop).await?;
        let mut health = Health::of(store.clone());
        let mut metrics = Metrics::default();
        let own = publisher::PROBLEM_PAGES.iter().copied();
        let pages = command_api::problem_pages().chain(own);
        let mut router = wire::problem_pages_router(pages);
        // Open the projector before the writer: the writer appends at its start, and a log that
        // differs from the read model must not grow.
        let mut projector = None;
        if config.runs(Part::Projector) {
            let opened = Projector::open(&config.data.read_model(), store.clone()).await?;
            health.projection = opened.statuses();
            metrics.add_projector(&opened, store.clone());
            projector = Some(opened);
        }
        let mut read_model = None;
        if config.runs(Part::QueryApi) {
            let opened = read_tables::open(config, projector.as_ref(), &required).await?;
            health.read_model = Some(opened.clone());
            read_model = Some(opened);
        }
        let book = if config.runs(Part::CommandApi) {
            first_keys::make_or_check(&store, &config.data, config.api_keys_elsewhere).await?
        } else {
            first_keys::load(&store).await?
        };
        let keys = book.ring().clone();
        tokio::spawn(stop.clone().run_until_cancelled_owned(book.clone().keep_up()));
        let (mut writer, mut writer_stopped, mut snapshots) = (None, None, JoinSet::new());
        let mut command_api = None;
        if config.runs(Part::CommandApi) {
            let (started, stopped) = start_writer(config, &store, metrics.commands()).await?;
            health.writer = Some(started.status());
            health.clock = Some(started.clock());
            let api = CommandApi::new(started.clone(), store.clone(), keys.clone());
            let commands = command_api::router(api);
            tokio::spawn(stop.clone().run_until_cancelled_owned(book.note_uses()));
            router = router.merge(commands.clone());
            command_api = Some(commands);
            if config.snapshot_every > 0 && config.data.store() != StoreUrl::Memory {
                for (partition, from) in started.loaded_from() {
                    let (config, store, stop) = (config.clone(), store.clone(), stop.clone());
                    snapshots.spawn(snapshots::keep_taking(config, store, partition, from, stop));
                }
            }
            (writer, writer_stopped) = (Some(started), Some(stopped));
        }
        if let Some(read_model) = &read_model {
            let mut api = QueryApi::new(read_model.clone(), keys.clone(), config.read_wait_ms);
            api.draining = draining.clone();
            metrics.add_query_api(&api.metrics);
            router = router.merge(query_api::router(api));
        }
        let mut publishing = None;
        if let Some(told) = config.publisher(command_api)? {
            let model = match &read_model {
                Some(model) => model.clone(),
                None => read_tables::open(config, projector.as_ref(), &required).await?,
            };
            read_model = Some(model.clone());
            let started = Publishing::start(told, model, &store).await?;
            health.publisher = Some(started.publisher.clone());
            metrics.add_publisher(started.publisher.clone());
            router = router.merge(publisher::router(started.publisher.clone(), keys.clone()));
            publishing = Some(started);
        }
        let mut projecting = None;
        if let Some(projector) = projector {
            projecting = Some(tokio::spawn(projector.run(stop.clone())));
        }
        let router = router.merge(health.router()).merge(metrics.router(keys));
        let router = wire::finish(router);
        Ok(Self {
            store,
            router,
            writer,
            writer_stopped,
            projecting,
            snapshots,
            read_model,
            publishing,
        })
    }
}

async fn open_store(config: &ServeConfig) -> anyhow::Result<EventStore> {
    let access = if config.runs(Part::CommandApi) {
        let new_log = new_log(config.partitions);
        // Other errors appear again when the store is opened for writing.
        if let Err(StoreError::Missing { .. }) = config.data.open(Access::Read).await {
            check_place(config, &new_log).await?;
        }
        Access::Write(new_log)
    } else {
        Access::Read
    };
    let store = config.data.open(access).await?;
    if store.partitions() != config.partitions {
        bail!(
            "the log was opened with {} partitions, and --partitions says {}; they can't be \
             changed later",
            store.partitions(),
            config.partitions
        );
    }
    Ok(store)
}

/// Checks, before a log is made, that nothing of another ledger is where its own things go.
async fn check_place(config: &ServeConfig, new_log: &NewLog) -> anyhow::Result<()> {
    key_file::check_absent(&config.data.api_keys(), &config.data.store().to_string())?;
    if !config.runs(Part::Projector) && !config.runs(Part::QueryApi) {
        return Ok(());
    }
    match ReadModel::open(&config.data.read_model(), None).await {
        Err(ReadModelError::Missing { .. }) if config.runs(Part::Projector) => Ok(()),
        opened => {
            opened?.of_log(OfLog::any_of(new_log.log_id)).await?.close().await;
            Ok(())
        }
    }
}

/// The log that is made where there is none yet.
pub(crate) fn new_log(partitions: u16) -> NewLog {
    NewLog { log_id: LogId(Uuid::now_v7()), partitions }
}

async fn start_writer(
    config: &ServeConfig,
    store: &EventStore,
    metrics: CommandMetrics,
) -> anyhow::Result<(Writers, oneshot::Receiver<()>)> {
    let writer = WriterConfig {
        clock: config.clock,
        snapshots: Some(config.data.snapshots()),
        metrics,
        ..WriterConfig::new(store.clone(), config.command_deadline_ms)
    };
    Ok(Writers::start(writer).await?)
}

/// Why serving ended.
enum Stopped {
    /// A signal came.
    Signal,
    /// The writer can't go on.
    Writer,
}

/// Serves until a signal comes or the writer stops, then waits for requests in flight. The router
/// holds the writer's last handles, so the writer answers what it has and stops when the router is
/// gone. Streams would never end by themselves; `draining` ends them.
async fn serve_until_stopped(
    listener: TcpListener,
    router: Router,
    mut writer_stopped: Option<oneshot::Receiver<()>>,
    publishing: Option<Publishing>,
    mut signals: shutdown::Signals,
    draining: CancellationToken,
) -> anyhow::Result<Stopped> {
    let listener = listener.tap_io(|connection| {
        // Answers are small and whole; waiting to fill a segment would only delay them.
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
    });
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(draining.clone().cancelled_owned());
    let mut serving = tokio::spawn(async move { serving.await });
    let cause = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping: requests in flight are answered first");
            Stopped::Signal
        }
        () = stopped(&mut writer_stopped) => Stopped::Writer,
        ended = &mut serving => {
            ended.context("the server failed")?.context("the server failed")?;
            Stopped::Signal
        }
    };
    draining.cancel();
    if tokio::time::timeout(DRAIN_MAX, &mut serving).await.is_err() {
        tracing::warn!("connections that did not end in time are closed");
        serving.abort();
        drop(serving.await);
    }
    // It has the router, too.
    if let Some(publishing) = publishing {
        publishing.stop().await?;
    }
    if matches!(cause, Stopped::Signal)
        && writer_stopped.is_some()
        && tokio::time::timeout(DRAIN_MAX, stopped(&mut writer_stopped)).await.is_err()
    {
        // The callers have got `outcome-unknown`.
        tracing::warn!(
            "stopping without the outcome of the last append; the next start finds it out"
        );
    }
    Ok(cause)
}

/// Ends when the writer has; never where there is none.
async fn stopped(writer: &mut Option<oneshot::Receiver<()>>) {
    if let Some(stopped) = writer {
        // A dropped sender also means that the writer has ended.
        drop(stopped.await);
    } else {
        std::future::pending::<()>().await;
    }
}
