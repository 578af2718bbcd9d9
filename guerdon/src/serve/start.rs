//! The start of a ledger: opens its parts one after the other, in the order in which they need each
//! other.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use audit::AuditApi;
use axum::Router;
use command_api::{CommandApi, KeyBook, MarkBook, SwitchBook, Writers};
use event_store::{EventStore, StoreUrl};
use projector::Projector;
use query_api::QueryApi;
use read_model::{OfLog, ReadModel};
use sealer::Prover;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use trace::Tracer;
use wire::{KeyRing, Limits, Routes, Switches};

use super::balances::Trees;
use super::doors::Doors;
use super::eraser::Eraser;
use super::front::Step;
use super::health::Health;
use super::ledger::Ledger;
use super::metrics::{ErasureMetrics, LimitMetrics, Metrics, ReconciliationMetrics, SwitchMetrics};
use super::open_log::{open_archive, open_store};
use super::publishing::Publishing;
use super::route_lines::log_routes;
use super::{
    codes, docs_page, read_tables, receipts, reconciliation, remembered, root, sealing, snapshots,
    switching, token_keys, unrecorded, writers,
};
use crate::first_keys;
use crate::serve_config::{Part, ServeConfig};

/// How long a start waits until what is asked for in a rush is in memory.
const WARM_WITHIN: Duration = Duration::from_secs(2);

/// A ledger that is being started: what all its parts need, and those that are open.
struct Start<'a> {
    config: &'a ServeConfig,
    stop: &'a CancellationToken,
    draining: &'a CancellationToken,
    step: &'a Step,
    tracer: &'a Tracer,
    /// What the read tables must have been made of.
    required: OfLog,
    switches: Switches,
    switch_book: SwitchBook,
    health: Health,
    metrics: Metrics,
    routes: Routes,
    ledger: Ledger,
}

impl Ledger {
    /// Opens the parts that run in this process; `step` says which is opened at the moment.
    pub(super) async fn start(
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
        let mut start = Start {
            config,
            stop,
            draining,
            step,
            tracer,
            required,
            health: Health::of(store.clone(), switches.clone()),
            metrics: Metrics::new(&store, doors.open_connections()),
            switches,
            switch_book,
            routes: open_routes(config),
            ledger: Self::of(store),
        };
        // Open the projector before the writer: the writer appends at its start, and a log that
        // differs from the read model must not grow.
        step.set("opening the read model");
        let projector = start.open_projector().await?;
        if config.runs(Part::QueryApi) {
            let opened = read_tables::open(config, projector.as_ref(), &start.required).await?;
            start.health.read_model = Some(opened.clone());
            start.ledger.read_model = Some(opened);
        }
        step.set("checking archive and API keys");
        let book = start.open_keys().await?;
        let keys = book.ring().clone();
        let (mut commands, mut prover, mut is_warm) = (None, None, None);
        if config.runs(Part::CommandApi) {
            commands = Some(start.open_command_api(&book).await?);
            prover = start.open_sealer(&keys)?;
            // It has the events that writers once missed, or they were declared to be lost.
            config.data.fork_notes().remove(&start.ledger.store)?;
        }
        if let Some(read_model) = start.ledger.read_model.clone() {
            is_warm = Some(start.open_query_api(read_model, &keys, prover));
        }
        start.open_publisher(commands, projector.as_ref(), &keys).await?;
        start.reconcile();
        if let Some(projector) = projector {
            start.ledger.projecting = Some(tokio::spawn(projector.run(stop.clone())));
        }
        if let Some(is_warm) = is_warm {
            step.set("reading ahead what is asked for in a rush");
            // Nobody is answered wrongly without it.
            drop(tokio::time::timeout(WARM_WITHIN, is_warm).await);
        }
        Ok(start.finish(keys))
    }
}

/// What everyone may read: the pages of problems, the API's document, and what this is.
fn open_routes(config: &ServeConfig) -> Routes {
    let own = publisher::PROBLEM_PAGES.iter().copied();
    let pages = command_api::problem_pages().chain(own);
    wire::problem_pages(pages).merge(docs_page::routes()).merge(root::routes(config))
}

impl Start<'_> {
    /// Opens the projector, which doesn't run yet.
    async fn open_projector(&mut self) -> anyhow::Result<Option<Projector>> {
        if !self.config.runs(Part::Projector) {
            return Ok(None);
        }
        let store = self.store();
        let mut projector = Projector::open(&self.config.data.read_model(), store.clone()).await?;
        projector.trace(self.tracer);
        self.health.projection = projector.statuses();
        self.metrics.add_projector(&projector, store);
        Ok(Some(projector))
    }

    /// Opens the keys of callers, with the limits of their calls.
    async fn open_keys(&mut self) -> anyhow::Result<KeyBook> {
        let (config, store) = (self.config, self.store());
        store.check_archive().await?;
        config.data.fork_notes().check(&store).await?;
        let book = if config.runs(Part::CommandApi) {
            first_keys::make_or_check(&store, &config.data, config.api_keys_elsewhere).await?
        } else {
            first_keys::load(&store).await?
        };
        let keys = book.ring();
        let limits = Limits::scaled_by(config.limits.rules()?, self.switches.clone());
        keys.limit(limits.clone());
        self.metrics.add(LimitMetrics(limits));
        self.metrics.add(SwitchMetrics(self.switches.clone()));
        self.step.set("reading the keys of tokens");
        self.health.tokens = token_keys::start(&config.tokens, keys, self.stop).await?;
        self.until_stop(MarkBook::new(store, self.tracer.marks().clone()).keep_up());
        self.until_stop(book.clone().keep_up());
        Ok(book)
    }

    /// Opens the command API, and gives its routes, for the publisher in this process.
    async fn open_command_api(&mut self, book: &KeyBook) -> anyhow::Result<Router> {
        let keys = book.ring();
        let writers = self.start_writers(keys).await?;
        let api = CommandApi::new(writers.clone(), self.store(), keys.clone());
        let api = api.with_switches(self.switch_book.clone());
        let api = self.erase(api);
        let api = self.seal_balances(api, &writers);
        if !self.config.publishes() {
            self.answer(command_api::resend_routes().with_state(api.clone()));
        }
        let commands = command_api::routes().with_state(api);
        self.until_stop(book.clone().note_uses());
        self.answer(commands.clone());
        self.take_snapshots(&writers);
        self.ledger.writers = Some(writers);
        // With an answer where a handler panics: a message without one would come again for ever.
        Ok(commands.finish())
    }

    async fn start_writers(&mut self, keys: &KeyRing) -> anyhow::Result<Writers> {
        let store = self.store();
        open_archive(&store).await?;
        self.step.set("taking over the log and reading its state");
        let metrics = self.metrics.commands();
        self.health.overload = Some(metrics.overload().clone());
        let (tracer, switches) = (self.tracer, &self.switches);
        let (writers, stopped) =
            writers::start(self.config, &store, metrics, tracer, switches, keys).await?;
        self.health.writers = writers.statuses().collect();
        self.health.clock = Some(writers.clock());
        self.ledger.writers_stopped = Some(stopped);
        Ok(writers)
    }

    /// Erases behind the writers what the log says, and has the API say when.
    fn erase(&mut self, api: CommandApi) -> CommandApi {
        let read_model = self.ledger.read_model.as_ref();
        let eraser = Eraser::new(self.config, &self.ledger.store, &self.required, read_model);
        let api = api.erasing(eraser.erasing());
        self.until_draining(api.record_switches());
        self.metrics.add(ErasureMetrics(eraser.unfinished()));
        self.ledger.erasing = Some(eraser.start(self.stop.clone()));
        api
    }

    /// Has the API seal balances, unless the log is only in memory.
    fn seal_balances(&mut self, api: CommandApi, writers: &Writers) -> CommandApi {
        if self.config.data.store() == StoreUrl::Memory {
            return api;
        }
        let trees = Trees::new(self.config, &self.ledger.store, self.stop);
        let api = api.sealing_balances(trees.to_seal());
        if self.config.seal_balances_daily {
            self.until_draining(trees.clone().seal_daily(writers.clone()));
        }
        self.ledger.trees = Some(trees);
        api
    }

    fn take_snapshots(&mut self, writers: &Writers) {
        if self.config.snapshot_every > 0 && self.config.data.store() != StoreUrl::Memory {
            let newest = writers.loaded_from().collect();
            let (config, store, stop) = (self.config.clone(), self.store(), self.stop.clone());
            self.ledger.snapshots.spawn(snapshots::keep_taking(config, store, newest, stop));
        }
    }

    /// Opens the sealer, where this process has one, and gives what proves events by its trees.
    fn open_sealer(&mut self, keys: &KeyRing) -> anyhow::Result<Option<Prover>> {
        let sealer = sealing::start(self.config, &self.ledger.store, self.stop)?;
        let Some(sealer) = sealer else { return Ok(None) };
        self.metrics.add_sealer(&sealer);
        self.health.sealing = sealer.statuses();
        self.answer(sealer.routes(keys.clone()));
        let prover = sealer.prover();
        self.ledger.sealing = Some(tokio::spawn(sealer.run(self.stop.clone())));
        Ok(Some(prover))
    }

    /// Opens the query API, which tells once what is asked for in a rush is in memory.
    fn open_query_api(
        &mut self,
        read_model: ReadModel,
        keys: &KeyRing,
        prover: Option<Prover>,
    ) -> oneshot::Receiver<()> {
        let (config, store) = (self.config, self.store());
        let mut api = QueryApi::new(read_model.clone(), keys.clone(), config.read_wait_ms);
        api.draining = self.draining.clone();
        api.followers_max = config.connections.followers();
        api.overdue_after = config.overdue_after;
        api.overload = self.health.overload.clone().unwrap_or_default();
        api.switches = self.switches.clone();
        api.read_calls = unrecorded::reader(store.clone());
        api.read_code = codes::reader(store.clone());
        api.read_past = audit::read_past(store.clone(), read_model, config.read_wait_ms);
        if let Some(prover) = prover {
            api.prove_events = receipts::of(prover);
        }
        if let Some(trees) = &self.ledger.trees {
            api.prove_balance = trees.to_prove();
        }
        self.metrics.add_query_api(&api.metrics);
        // A publisher sends again what nobody accepts, counts the attempts and alarms.
        if !config.publishes() {
            self.health.overdue = Some(api.metrics.overdue.clone());
            self.answer(query_api::overdue_routes().with_state(api.clone()));
            self.until_draining(query_api::watch_overdue(api.clone()));
        }
        self.until_draining(query_api::watch_mergers(api.clone()));
        self.answer(audit::routes().with_state(AuditApi::new(store, api.clone())));
        let (tell, told) = oneshot::channel();
        self.until_draining(query_api::keep_warm(api.clone(), tell));
        self.answer(query_api::routes().with_state(api));
        told
    }

    /// Opens the publisher, where this process has one. It takes in what Kafka says by the
    /// `commands` of this process, if there are some.
    async fn open_publisher(
        &mut self,
        commands: Option<Router>,
        projector: Option<&Projector>,
        keys: &KeyRing,
    ) -> anyhow::Result<()> {
        let Some(mut told) = self.config.publisher(commands)? else { return Ok(()) };
        told.tracer = self.tracer.clone();
        told.switches = self.switches.clone();
        self.step.set("opening the publisher's state");
        let model = match &self.ledger.read_model {
            Some(model) => model.clone(),
            None => read_tables::open(self.config, projector, &self.required).await?,
        };
        self.ledger.read_model = Some(model.clone());
        let started = Publishing::start(told, model, &self.ledger.store, &self.required).await?;
        self.health.publisher = Some(started.publisher.clone());
        self.metrics.add_publisher(started.publisher.clone());
        self.answer(publisher::routes(started.publisher.clone(), keys.clone()));
        self.ledger.publishing = Some(started);
        Ok(())
    }

    /// Compares the read tables with the log now and then, where that is asked for.
    fn reconcile(&mut self) {
        let Some(every) = self.config.reconciles_every() else { return };
        let status = reconciliation::start(self.config);
        self.health.reconciliation = Some(status.subscribe());
        self.metrics.add(ReconciliationMetrics { every, status: status.subscribe() });
        let (config, stop) = (self.config.clone(), self.stop.clone());
        let reconciling = reconciliation::keep_reconciling(config, every, status, stop);
        self.ledger.snapshots.spawn(reconciling);
    }

    /// All parts are open: so are their routes.
    fn finish(mut self, keys: KeyRing) -> Ledger {
        let (http, health) = (self.metrics.http(), self.health.watched());
        let routes = self.routes.merge(Arc::clone(&health).routes(keys.clone()));
        let routes = routes.merge(self.metrics.routes(health, keys));
        log_routes(&routes);
        self.ledger.routes = Some(http.count(routes.dispatch()));
        self.ledger
    }

    fn store(&self) -> EventStore {
        self.ledger.store.clone()
    }

    fn answer(&mut self, routes: Routes) {
        self.routes = mem::take(&mut self.routes).merge(routes);
    }

    /// Goes on with it until the process has stopped taking requests and answered them.
    fn until_stop(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(work));
    }

    /// Goes on with it until the process is told to stop.
    fn until_draining(&self, work: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.draining.clone().run_until_cancelled_owned(work));
    }
}
