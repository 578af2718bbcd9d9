//! `guerdon serve`: puts the parts together, serves until it is told to stop, and stops cleanly.

mod asked;
mod balances;
mod child;
mod codes;
mod connection;
mod connections;
mod cors;
mod descriptors;
mod desk;
mod docs_page;
mod doors;
mod edge;
mod eraser;
mod front;
mod health;
mod health_reason;
mod listener;
mod lookup;
mod message_body;
mod metrics;
mod open_log;
mod proxies;
mod publishing;
mod quiet_waker;
mod read_tables;
mod receipts;
mod reconciliation;
mod remembered;
mod root;
mod route_lines;
mod sealing;
mod security_headers;
mod seldom;
mod shipping_account;
pub(crate) mod shutdown;
mod snapshots;
mod switching;
#[cfg(feature = "tls")]
mod tls;
mod token_keys;
mod traced_request;
mod unrecorded;
mod watched_stream;
mod writers;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use audit::AuditApi;
use command_api::{CommandApi, MarkBook, WriterStatus, Writers};
use event_store::{EventStore, StoreUrl};
use log_record::Partition;
use projector::Projector;
use query_api::QueryApi;
use read_model::ReadModel;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trace::Tracer;
use wire::{Limits, Overload};

use crate::serve_config::{Part, ServeConfig};
use crate::{file_modes, first_keys};
use doors::{Doors, Sockets};
use eraser::Eraser;
use front::{Front, Step};
use health::Health;
use metrics::{
    CountedRoutes, ErasureMetrics, LimitMetrics, Metrics, ReconciliationMetrics, SwitchMetrics,
};
use open_log::{open_archive, open_store};
use publishing::Publishing;
use route_lines::log_routes;

pub(crate) use open_log::new_log;

/// How long the parts may take to end after the process was told to stop. Service managers and
/// containers kill it after 10 s, and `NOTED_WITHIN` and the end of `main` come after this.
const STOP_MAX: Duration = Duration::from_millis(9_200);

/// How long requests that have begun may still be answered. That is longer than the default command
/// deadline; with a longer one, a command can lose its answer.
const DRAIN_MAX: Duration = Duration::from_secs(7);

/// How long it may still take then to note that a writer found its log forked. It begins when that
/// is found.
const NOTED_WITHIN: Duration = Duration::from_millis(300);

/// How long a start waits until what is asked for in a rush is in memory.
const WARM_WITHIN: Duration = Duration::from_secs(2);

pub(crate) async fn serve(config: ServeConfig) -> anyhow::Result<()> {
    config.check_options()?;
    let sockets = Sockets::bind(&config)?;
    // Before the address is printed, because whoever reads it may send a signal.
    let mut signals = shutdown::Signals::listen()?;
    let stop = CancellationToken::new();
    let draining = CancellationToken::new();
    let (address, for_operators) = sockets.addresses()?;
    // A start may wait for the log, and whoever looks after the process asks what for.
    let step = Step::default();
    let front = Front::new(&step);
    let (tracer, sending) = config.traces.start()?;
    let (calls, taken) = unrecorded::calls();
    let mut doors = sockets.open(&config, front.clone(), &draining, &calls, &tracer);
    drop(calls);
    let mut ledger = tokio::select! {
        started = Ledger::start(&config, &stop, &draining, &step, &doors, &tracer) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before the ledger was ready");
            return Ok(());
        }
    };
    let kafka_files = config.kafka.private_files();
    let others = kafka_files.chain(config.edge.private_files());
    file_modes::warn_of_open(config.data.private_files().into_iter().chain(others));
    config.edge.warn(address, for_operators);
    if let Some(routes) = ledger.routes.take() {
        front.begins(routes);
    }
    let writing = taken.write(ledger.store.clone(), config.runs(Part::CommandApi), stop.clone());
    ledger.noting_calls = Some(tokio::spawn(writing));
    tracing::info!(%address, log_id = %ledger.store.log_id(), "the ledger is ready");
    let scheme = config.edge.scheme();
    println!("guerdon listens on {scheme}://{address}");
    if let Some(address) = for_operators {
        tracing::info!(%address, "operators are answered on an address of their own");
        println!("guerdon listens for operators on {scheme}://{address}");
    }
    // At once, and not after the requests in flight: the process may be killed by then.
    let mut noting = JoinSet::new();
    let mut statuses = vec![];
    for (partition, status) in ledger.writers.iter().flat_map(Writers::statuses) {
        noting.spawn(config.data.fork_notes().keep(ledger.store.log_id(), status.clone()));
        statuses.push((partition, status));
    }

    let cause = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping: requests that have begun are answered first");
            Stopped::Signal
        }
        () = stopped(&mut ledger.writers_stopped) => Stopped::Writers,
        closed = doors.are_closed() => {
            closed?;
            Stopped::Signal
        }
    };
    let by = Instant::now() + STOP_MAX;
    draining.cancel();
    let step = Cell::new("the connections");
    match tokio::time::timeout_at(by, ledger.stop(doors, &stop, &step)).await {
        Ok(ended) => ended?,
        // What is durable is so already.
        Err(_) => tracing::warn!("stopping at the deadline, before {} ended", step.get()),
    }
    let noted = async {
        while let Some(noted) = noting.join_next().await {
            noted.context("noting how a writer ended failed")??;
        }
        anyhow::Ok(())
    };
    // One that hangs has found no fork.
    if let Ok(noted) = tokio::time::timeout(NOTED_WITHIN, noted).await {
        noted?;
    }
    sending.end().await;
    tracing::info!("stopped");
    match cause {
        Stopped::Writers => why_stopped(&statuses),
        Stopped::Signal => Ok(()),
    }
}

/// Why the writers have stopped, each of which says why.
fn why_stopped(statuses: &[(Partition, watch::Receiver<WriterStatus>)]) -> anyhow::Result<()> {
    let stopped = statuses.iter().filter_map(|(partition, status)| match &*status.borrow() {
        WriterStatus::Stopped(why) => Some((*partition, why.to_string())),
        _ => None,
    });
    let stopped: Vec<(Partition, String)> = stopped.collect();
    match &*stopped {
        [] => Ok(()),
        [(_, why)] if statuses.len() == 1 => bail!("the writer has stopped: {why}"),
        all => {
            let each = all.iter().map(|(partition, why)| format!("partition {partition}: {why}"));
            bail!("the writers have stopped: {}", each.collect::<Vec<_>>().join("; "))
        }
    }
}

/// The parts that run in this process.
struct Ledger {
    store: EventStore,
    /// Until they are open.
    routes: Option<CountedRoutes>,
    writers: Option<Writers>,
    writers_stopped: Option<oneshot::Receiver<()>>,
    projecting: Option<JoinHandle<()>>,
    sealing: Option<JoinHandle<()>>,
    erasing: Option<JoinHandle<()>>,
    snapshots: JoinSet<()>,
    trees: Option<balances::Trees>,
    read_model: Option<ReadModel>,
    publishing: Option<Publishing>,
    noting_calls: Option<JoinHandle<()>>,
}

impl Ledger {
    async fn start(
        config: &ServeConfig,
        stop: &CancellationToken,
        draining: &CancellationToken,
        step: &Step,
        doors: &Doors,
        tracer: &Tracer,
    ) -> anyhow::Result<Self> {
        step.set("opening the log");
        let store = open_store(config).await?;
        // Before anything is made of the log or appended to it.
        remembered::check(config, &store).await?;
        sealing::make_first_key(config, &store).await?;
        let required = read_tables::required(&store, stop).await?;
        step.set("reading the switches");
        let (switches, switch_book) = switching::start(&store, stop).await;
        let mut health = Health::of(store.clone(), switches.clone());
        let mut metrics = Metrics::new(&store, doors.open_connections());
        let own = publisher::PROBLEM_PAGES.iter().copied();
        let pages = command_api::problem_pages().chain(own);
        let pages = wire::problem_pages(pages).merge(docs_page::routes());
        let mut routes = pages.merge(root::routes(config));
        // Open the projector before the writer: the writer appends at its start, and a log that
        // differs from the read model must not grow.
        let mut projector = None;
        step.set("opening the read model");
        if config.runs(Part::Projector) {
            let mut opened = Projector::open(&config.data.read_model(), store.clone()).await?;
            opened.trace(tracer);
            health.projection = opened.statuses();
            metrics.add_projector(&opened, store.clone());
            projector = Some(opened);
        }
        let mut reconciling = None;
        if let Some(every) = config.reconciles_every() {
            let status = reconciliation::start(config);
            health.reconciliation = Some(status.subscribe());
            metrics.add(ReconciliationMetrics { every, status: status.subscribe() });
            reconciling = Some((every, status));
        }
        let mut read_model = None;
        if config.runs(Part::QueryApi) {
            let opened = read_tables::open(config, projector.as_ref(), &required).await?;
            health.read_model = Some(opened.clone());
            read_model = Some(opened);
        }
        step.set("checking archive and API keys");
        store.check_archive().await?;
        config.data.fork_notes().check(&store).await?;
        let book = if config.runs(Part::CommandApi) {
            first_keys::make_or_check(&store, &config.data, config.api_keys_elsewhere).await?
        } else {
            first_keys::load(&store).await?
        };
        let keys = book.ring().clone();
        let limits = Limits::scaled_by(config.limits.rules()?, switches.clone());
        keys.limit(limits.clone());
        metrics.add(LimitMetrics(limits));
        metrics.add(SwitchMetrics(switches.clone()));
        step.set("reading the keys of tokens");
        health.tokens = token_keys::start(&config.tokens, &keys, stop).await?;
        let marks = MarkBook::new(store.clone(), tracer.marks().clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(marks.keep_up()));
        tokio::spawn(stop.clone().run_until_cancelled_owned(book.clone().keep_up()));
        let (mut writers, mut writers_stopped, mut snapshots) = (None, None, JoinSet::new());
        let (mut command_api, mut sealing, mut prover) = (None, None, None);
        let (mut trees, mut erasing, mut overload) = (None, None, Overload::default());
        if config.runs(Part::CommandApi) {
            open_archive(&store).await?;
            step.set("taking over the log and reading its state");
            let commands = metrics.commands();
            overload = commands.overload().clone();
            health.overload = Some(overload.clone());
            let (started, stopped) =
                writers::start(config, &store, commands, tracer, &switches, &keys).await?;
            health.writers = started.statuses().collect();
            health.clock = Some(started.clock());
            let mut api = CommandApi::new(started.clone(), store.clone(), keys.clone());
            api = api.with_switches(switch_book);
            let eraser = Eraser::new(config, &store, &required, read_model.as_ref());
            api = api.erasing(eraser.erasing());
            tokio::spawn(draining.clone().run_until_cancelled_owned(api.record_switches()));
            metrics.add(ErasureMetrics(eraser.unfinished()));
            erasing = Some(eraser.start(stop.clone()));
            if config.data.store() != StoreUrl::Memory {
                let made = balances::Trees::new(config, &store, stop);
                api = api.sealing_balances(made.to_seal());
                if config.seal_balances_daily {
                    let sealing = made.clone().seal_daily(started.clone());
                    tokio::spawn(draining.clone().run_until_cancelled_owned(sealing));
                }
                trees = Some(made);
            }
            if !config.publishes() {
                routes = routes.merge(command_api::resend_routes().with_state(api.clone()));
            }
            let commands = command_api::routes().with_state(api);
            tokio::spawn(stop.clone().run_until_cancelled_owned(book.note_uses()));
            routes = routes.merge(commands.clone());
            // For the publisher in this process: a message whose handler panics must be answered,
            // too, or it would come again for ever.
            command_api = Some(commands.finish());
            if config.snapshot_every > 0 && config.data.store() != StoreUrl::Memory {
                let newest = started.loaded_from().collect();
                let (config, store, stop) = (config.clone(), store.clone(), stop.clone());
                snapshots.spawn(snapshots::keep_taking(config, store, newest, stop));
            }
            if let Some(sealer) = sealing::start(config, &store, stop)? {
                metrics.add_sealer(&sealer);
                health.sealing = sealer.statuses();
                routes = routes.merge(sealer.routes(keys.clone()));
                prover = Some(sealer.prover());
                sealing = Some(tokio::spawn(sealer.run(stop.clone())));
            }
            (writers, writers_stopped) = (Some(started), Some(stopped));
            // It has the events that writers once missed, or they were declared to be lost.
            config.data.fork_notes().remove(&store)?;
        }
        let mut is_warm = None;
        if let Some(read_model) = &read_model {
            let mut api = QueryApi::new(read_model.clone(), keys.clone(), config.read_wait_ms);
            api.draining = draining.clone();
            api.followers_max = config.connections.followers();
            api.overdue_after = config.overdue_after;
            api.overload = overload;
            api.switches = switches.clone();
            api.read_calls = unrecorded::reader(store.clone());
            api.read_code = codes::reader(store.clone());
            api.read_past =
                audit::read_past(store.clone(), read_model.clone(), config.read_wait_ms);
            if let Some(prover) = prover {
                api.prove_events = receipts::of(prover);
            }
            if let Some(trees) = &trees {
                api.prove_balance = trees.to_prove();
            }
            metrics.add_query_api(&api.metrics);
            // A publisher sends again what nobody accepts, counts the attempts and alarms.
            if !config.publishes() {
                health.overdue = Some(api.metrics.overdue.clone());
                routes = routes.merge(query_api::overdue_routes().with_state(api.clone()));
                let watch = query_api::watch_overdue(api.clone());
                tokio::spawn(draining.clone().run_until_cancelled_owned(watch));
            }
            let watch = query_api::watch_mergers(api.clone());
            tokio::spawn(draining.clone().run_until_cancelled_owned(watch));
            let audit = AuditApi::new(store.clone(), api.clone());
            routes = routes.merge(audit::routes().with_state(audit));
            let (tell, told) = oneshot::channel();
            let warming = query_api::keep_warm(api.clone(), tell);
            tokio::spawn(draining.clone().run_until_cancelled_owned(warming));
            is_warm = Some(told);
            routes = routes.merge(query_api::routes().with_state(api));
        }
        let mut publishing = None;
        if let Some(mut told) = config.publisher(command_api)? {
            told.tracer = tracer.clone();
            told.switches = switches.clone();
            step.set("opening the publisher's state");
            let model = match &read_model {
                Some(model) => model.clone(),
                None => read_tables::open(config, projector.as_ref(), &required).await?,
            };
            read_model = Some(model.clone());
            let started = Publishing::start(told, model, &store, &required).await?;
            health.publisher = Some(started.publisher.clone());
            metrics.add_publisher(started.publisher.clone());
            routes = routes.merge(publisher::routes(started.publisher.clone(), keys.clone()));
            publishing = Some(started);
        }
        if let Some((every, status)) = reconciling {
            let (config, stop) = (config.clone(), stop.clone());
            snapshots.spawn(reconciliation::keep_reconciling(config, every, status, stop));
        }
        let mut projecting = None;
        if let Some(projector) = projector {
            projecting = Some(tokio::spawn(projector.run(stop.clone())));
        }
        if let Some(is_warm) = is_warm {
            step.set("reading ahead what is asked for in a rush");
            // Nobody is answered wrongly without it.
            drop(tokio::time::timeout(WARM_WITHIN, is_warm).await);
        }
        let (http, health) = (metrics.http(), health.watched());
        let routes = routes.merge(Arc::clone(&health).routes(keys.clone()));
        let routes = routes.merge(metrics.routes(health, keys));
        log_routes(&routes);
        let routes = Some(http.count(routes.dispatch()));
        Ok(Self {
            store,
            routes,
            writers,
            writers_stopped,
            projecting,
            sealing,
            erasing,
            snapshots,
            trees,
            read_model,
            publishing,
            noting_calls: None,
        })
    }
}

impl Ledger {
    /// Ends all parts, one after the other; `step` says which ends at the moment. The connections
    /// and the publisher hold the writer's last handles: the writer answers what it has, and stops
    /// when they are gone.
    async fn stop(
        self,
        doors: Doors,
        stop: &CancellationToken,
        step: &Cell<&'static str>,
    ) -> anyhow::Result<()> {
        let Self { store, routes, writers, mut writers_stopped, .. } = self;
        let Self { projecting, sealing, mut snapshots, read_model, publishing, .. } = self;
        let (trees, erasing, noting_calls) = (self.trees, self.erasing, self.noting_calls);
        drop((routes, writers));
        doors.close(DRAIN_MAX).await;
        if let Some(publishing) = publishing {
            step.set("the publisher");
            publishing.stop().await?;
        }
        if writers_stopped.is_some() {
            step.set(
                "the writer (its storage doesn't answer; if it was appending, the next start finds \
                 out whether that was recorded)",
            );
            stopped(&mut writers_stopped).await;
        }
        if let Some(read_model) = read_model {
            step.set("the query API");
            read_model.close().await;
        }
        stop.cancel();
        if let Some(noting) = noting_calls {
            step.set("noting calls without an event");
            noting.await.context("noting calls failed")?;
        }
        if let Some(projecting) = projecting {
            step.set("the projector");
            projecting.await.context("the projector failed")?;
        }
        if let Some(sealing) = sealing {
            step.set("the sealer");
            sealing.await.context("the sealer failed")?;
        }
        if let Some(erasing) = erasing {
            step.set("erasing (the next start goes on with it)");
            erasing.await.context("erasing failed")?;
        }
        if let Some(trees) = trees {
            step.set("the trees of balances");
            trees.end().await;
        }
        step.set("the snapshots and reconciliations");
        while let Some(ended) = snapshots.join_next().await {
            ended.context("taking snapshots or reconciling failed")?;
        }
        drop(store);
        Ok(())
    }
}

/// Why serving ended.
enum Stopped {
    /// A signal came.
    Signal,
    /// No writer can go on.
    Writers,
}

/// Ends when the last writer has; never where there is none, or none any more.
async fn stopped(writers: &mut Option<oneshot::Receiver<()>>) {
    let Some(stopped) = writers else { return std::future::pending().await };
    // A dropped sender also means that they have ended.
    drop(stopped.await);
    *writers = None;
}
