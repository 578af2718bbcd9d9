//! `GET /health/live` and `GET /health/ready`: whether the process runs, and whether it serves.
//!
//! Anyone may ask, and so nobody's question costs more than a look, and nobody waits longer than
//! one takes: all who ask meanwhile are told what it finds. Strangers get words alone; the causes,
//! which name hosts and users, are for operators and auditors.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Extensions, HeaderMap, StatusCode};
use command_api::WriterStatus;
use domain::{Clock, SwitchName};
use event_store::{EventStore, with_causes};
use log_record::Partition;
use projector::{ProjectionStatus, ProjectionStop};
use prometheus_client::metrics::gauge::Gauge;
use publisher::Publisher;
use read_model::{ReadError, ReadModel, ServerStatus};
use sealer::SealStatus;
use serde_json::{Value, json};
use tokio::sync::watch;
use wire::{
    KeyRing, Overload, Problem, Role, Routes, Stage, Switches, TokenKeysStatus, Tokens,
    TurnedSwitch, role_of,
};

use super::health_reason::HealthReason;
use super::lookup::Lookup;
use super::reconciliation::ReconciliationStatus;

/// How long a log or a read model may take to say where it stands.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// What is told of what doesn't.
const LATE: &str = "it doesn't answer in time";

const UNREADABLE_LOG: Option<HealthReason> = Some(HealthReason::LogUnreadable);
const UNREADABLE_TABLES: Option<HealthReason> = Some(HealthReason::ReadModelUnreadable);

/// What names hosts, users, topics and the system's errors.
const CAUSES: [&str; 4] = ["why", "server", "warnings", "read_again"];

/// What was found, as it is told.
pub(super) struct Found {
    status: StatusCode,
    in_words: Bytes,
    with_causes: Bytes,
    reasons: Reasons,
}

/// Why the process isn't ready, and what else doesn't work.
#[derive(Debug, Default)]
struct Reasons {
    not_ready: Vec<HealthReason>,
    degraded: Vec<HealthReason>,
}

/// A health that many may ask for at once.
pub(super) struct WatchedHealth {
    health: Health,
    lookup: Lookup<Arc<Found>>,
}

/// The parts whose health is told; one that doesn't run here isn't mentioned.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) store: EventStore,
    /// The writers of the partitions, where they run here.
    pub(super) writers: Vec<(Partition, watch::Receiver<WriterStatus>)>,
    /// Where the log takes its time from, where the writers run here.
    pub(super) clock: Option<Clock>,
    pub(super) projection: Vec<watch::Receiver<ProjectionStatus>>,
    /// Whether each partition is sealed, where that is done.
    pub(super) sealing: Vec<watch::Receiver<SealStatus>>,
    /// What reconciliations found, where there are some.
    pub(super) reconciliation: Option<watch::Receiver<ReconciliationStatus>>,
    pub(super) read_model: Option<ReadModel>,
    pub(super) publisher: Option<Publisher>,
    /// Who lets in tokens, where they are.
    pub(super) tokens: Option<Tokens>,
    /// How many shipping requests are overdue, where no publisher says so.
    pub(super) overdue: Option<Gauge>,
    /// What the writer tells of overload, where it runs here.
    pub(super) overload: Option<Overload>,
    /// What operators have turned on.
    pub(super) switches: Switches,
}

impl Health {
    /// Of a log, and of no part as yet.
    pub(super) const fn of(store: EventStore, switches: Switches) -> Self {
        Self {
            store,
            switches,
            writers: vec![],
            clock: None,
            projection: vec![],
            sealing: vec![],
            reconciliation: None,
            read_model: None,
            publisher: None,
            tokens: None,
            overdue: None,
            overload: None,
        }
    }

    /// The same, for all who ask.
    pub(super) fn watched(self) -> Arc<WatchedHealth> {
        Arc::new(WatchedHealth { health: self, lookup: Lookup::new() })
    }

    async fn look(&self) -> Arc<Found> {
        let (reasons, mut body) = self.told().await;
        let with_causes = Bytes::from(body.to_string());
        leave_out_causes(&mut body);
        let is_ready = reasons.not_ready.is_empty();
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let in_words = Bytes::from(body.to_string());
        Arc::new(Found { status, in_words, with_causes, reasons })
    }

    /// Ready where commands are taken, while they are and the log answers; where only reads are
    /// answered, while they are; and where nothing but a projector runs, while it does. Beside a
    /// writer, a projection that is stopped is told and no reason to send shoppers elsewhere, for
    /// there is nowhere else.
    async fn told(&self) -> (Reasons, Value) {
        let mut reasons = Reasons::default();
        let has_writer = !self.writers.is_empty();
        let serves_shoppers = has_writer || self.read_model.is_some();
        let statuses = self.writers.iter().map(|(of, status)| (*of, status.borrow().clone()));
        let statuses: Vec<_> = statuses.collect();
        let writer = writers(&statuses, &mut reasons);
        if let Some(overload) = &self.overload {
            let away = overload.logs_away();
            let is_away = (away > 0).then_some(HealthReason::LogUnwritable);
            reasons.note(is_away, is_away_for_all(away, &statuses));
            let sheds = overload.stage() > Stage::Calm;
            reasons.note(sheds.then_some(HealthReason::Overloaded), false);
        }
        let mut projections = vec![];
        for status in &self.projection {
            let (reason, told) = projection(&status.borrow());
            reasons.note(reason, !serves_shoppers);
            projections.push(told);
        }
        let ((log_reason, log), (read_reason, read_model)) =
            tokio::join!(self.log(), self.read_model());
        // A writer that has nothing to write doesn't notice that its log is away.
        reasons.note(log_reason, has_writer);
        // What is in memory is answered.
        let is_cached = read_reason == UNREADABLE_TABLES && self.reads_from_memory();
        reasons.note(read_reason, !has_writer && !is_cached);
        let clock = self.clock.map(Clock::as_str);
        let mut body = json!({
            "writer": writer, "clock": clock, "log": log, "projections": projections,
            "read_model": read_model,
        });
        // Shoppers are served all the same while nothing is sealed.
        if !self.sealing.is_empty() {
            let sealing = self.sealing.iter().map(|status| sealing(&status.borrow(), &mut reasons));
            body["transparency"] = sealing.collect();
        }
        // An alert tells of differences; whoever serves goes on.
        if let Some(status) = &self.reconciliation {
            body["reconciliation"] = status.borrow().told();
        }
        let replicas = self.read_model.iter().flat_map(ReadModel::replicas);
        let replicas: Vec<(&str, ServerStatus)> = replicas.collect();
        // Without them reads go to the primary, so they are no reason to be not ready.
        if !replicas.is_empty() {
            let is_unused = replicas.iter().any(|(_, status)| *status != ServerStatus::Serving);
            reasons.note(is_unused.then_some(HealthReason::ReplicaUnused), false);
            let told = replicas
                .iter()
                .map(|(server, status)| json!({"server": server, "status": status.as_str()}));
            body["replicas"] = told.collect();
        }
        // Shoppers are served all the same while nothing is published.
        if let Some(publisher) = &self.publisher {
            let health = publisher.health();
            let waits = health.is_waiting().then_some(HealthReason::PublisherWaiting);
            reasons.note(waits, false);
            let warns = health.has_warnings().then_some(HealthReason::PublisherWarning);
            reasons.note(warns, false);
            body["publisher"] = json!(health);
        }
        // API keys are let in all the same.
        if let Some(tokens) = &self.tokens {
            let status = tokens.status();
            let trouble = status.trouble.is_some().then_some(HealthReason::TokenKeysUnreadable);
            reasons.note(trouble, false);
            body["tokens"] = token_keys(&status);
        }
        // An operator knows of them, or should be reminded.
        let switches = self.switches.all_on();
        if !switches.is_empty() {
            reasons.note(Some(HealthReason::SwitchOn), false);
            body["switches"] = switches.iter().map(switch).collect();
        }
        let is_unread = self.switches.is_unread();
        reasons.note(is_unread.then_some(HealthReason::SwitchesUnreadable), false);
        if let Some(overdue) = &self.overdue {
            let count = overdue.get();
            reasons.note((count > 0).then_some(HealthReason::ShippingOverdue), false);
            body["shipping"] = json!({"overdue": count});
        }
        let Reasons { not_ready, degraded } = &reasons;
        body["status"] = if not_ready.is_empty() { "ready" } else { "not-ready" }.into();
        body["reasons"] = words(not_ready);
        body["degraded"] = words(degraded);
        (reasons, body)
    }

    /// Whether reads are answered from memory, and something may be there.
    fn reads_from_memory(&self) -> bool {
        let keeps = self.read_model.as_ref().is_some_and(|tables| tables.changes().is_some());
        keeps && self.switches.is_on(SwitchName::CachedReadsOnly)
    }

    /// Whether the log answers, and where each partition of it ends.
    async fn log(&self) -> (Option<HealthReason>, Value) {
        match tokio::time::timeout(TOLD_WITHIN, self.store.heads()).await {
            Ok(Ok(heads)) => {
                let heads: Vec<u64> = heads.iter().map(|(_, head)| head.position.0).collect();
                (None, json!({"status": "serving", "heads": heads}))
            }
            Ok(Err(error)) => (UNREADABLE_LOG, unreadable(&with_causes(&error))),
            Err(_) => (UNREADABLE_LOG, unreadable(LATE)),
        }
    }

    /// Whether reads are answered, and as of which event of each partition, or how far the tables
    /// are on their way to where the log was at the start.
    async fn read_model(&self) -> (Option<HealthReason>, Value) {
        let Some(read_model) = &self.read_model else { return (None, Value::Null) };
        let begun = read_model.read(&[], Duration::ZERO);
        match tokio::time::timeout(TOLD_WITHIN, begun).await {
            Ok(Ok(reading)) => {
                let partitions = (0..self.store.partitions()).map(Partition);
                let positions: Vec<u64> =
                    partitions.map(|partition| reading.as_of().position(partition).0).collect();
                (None, json!({"status": "serving", "positions": positions}))
            }
            Ok(Err(error @ ReadError::NotBegun)) => {
                let told = json!({"status": "not-begun", "why": with_causes(&error)});
                (Some(HealthReason::ReadModelNotBegun), told)
            }
            // No position was asked for but that of the log at the start.
            Ok(Err(ReadError::Behind { wanted, reached })) => {
                let (reached, wanted) = (reached.to_string(), wanted.to_string());
                let told = json!({"status": "catching-up", "reached": reached, "wanted": wanted});
                (Some(HealthReason::ReadModelCatchingUp), told)
            }
            Ok(Err(error)) => (UNREADABLE_TABLES, unreadable(&with_causes(&error))),
            Err(_) => (UNREADABLE_TABLES, unreadable(LATE)),
        }
    }
}

impl WatchedHealth {
    /// What was found a moment ago, or is found now; nothing if looking failed.
    pub(super) async fn found(self: &Arc<Self>) -> Option<Arc<Found>> {
        let asked = Arc::clone(self);
        self.lookup.get(async move { asked.health.look().await }).await
    }

    /// The routes; `keys` are those of the callers who may know more.
    pub(super) fn routes(self: Arc<Self>, keys: KeyRing) -> Routes {
        let ready = async move |headers: HeaderMap, extensions: Extensions| {
            let found = self.found().await.ok_or_else(Problem::internal)?;
            let role = role_of(&keys, &headers, &extensions);
            let is_told_causes = matches!(role, Some(Role::Operator | Role::Auditor));
            let body = if is_told_causes { &found.with_causes } else { &found.in_words };
            let body = body.clone();
            Ok::<_, Problem>((found.status, [(CONTENT_TYPE, "application/json")], body))
        };
        Routes::new()
            .open("/health/live", async || Json(json!({"status": "live"})))
            .open("/health/ready", ready)
    }
}

impl Found {
    pub(super) fn is_ready(&self) -> bool {
        self.reasons.not_ready.is_empty()
    }

    /// All that doesn't work, whether or not the process is ready.
    pub(super) fn all_reasons(&self) -> Vec<HealthReason> {
        let Reasons { not_ready, degraded } = &self.reasons;
        not_ready.iter().chain(degraded).copied().collect()
    }
}

impl Reasons {
    /// Notes one, once.
    fn note(&mut self, reason: Option<HealthReason>, is_not_ready: bool) {
        let list = if is_not_ready { &mut self.not_ready } else { &mut self.degraded };
        list.extend(reason.filter(|reason| !list.contains(reason)));
    }
}

fn words(reasons: &[HealthReason]) -> Value {
    reasons.iter().map(|reason| reason.as_str()).collect()
}

/// A switch that is on.
fn switch(turned: &TurnedSwitch) -> Value {
    let mut told = json!({"switch": turned.switch.as_str(), "version": turned.version});
    if let Some(percent) = turned.setting.percent {
        told["percent"] = percent.into();
    }
    if let Some(until) = turned.setting.until {
        told["until"] = until.to_string().into();
    }
    told
}

fn unreadable(why: &str) -> Value {
    json!({"status": "unreadable", "why": why})
}

/// What is told of the writers, where they run here. While one of them decides, the process is
/// ready: who belongs to another partition is answered 503, and would be everywhere.
fn writers(statuses: &[(Partition, WriterStatus)], reasons: &mut Reasons) -> Value {
    let decides = |(_, status): &(Partition, WriterStatus)| {
        matches!(status, WriterStatus::Serving | WriterStatus::NotSweeping)
    };
    let is_ready = statuses.iter().any(decides);
    let mut partitions = vec![];
    for (partition, status) in statuses {
        let (reason, mut told) = writer(status);
        reasons.note(reason, !is_ready);
        if statuses.len() == 1 {
            return told;
        }
        told["partition"] = partition.0.into();
        partitions.push(told);
    }
    let failing = partitions.iter().find(|told| told["status"] != "serving");
    match failing.or(partitions.first()) {
        Some(told) => json!({"status": told["status"], "partitions": partitions}),
        None => Value::Null,
    }
}

/// Whether the log takes nothing of any writer that hasn't stopped, where so many find it away. The
/// partitions of the others are served.
fn is_away_for_all(away: usize, statuses: &[(Partition, WriterStatus)]) -> bool {
    let has_stopped = |status: &WriterStatus| matches!(status, WriterStatus::Stopped(_));
    away >= statuses.iter().filter(|(_, status)| !has_stopped(status)).count()
}

fn writer(status: &WriterStatus) -> (Option<HealthReason>, Value) {
    let (reason, told) = match status {
        WriterStatus::Serving => return (None, json!({"status": "serving"})),
        WriterStatus::NotSweeping => {
            let why = "what falls due is not recorded until somebody asks; see the log";
            let told = json!({"status": "serving", "background": "stopped", "why": why});
            (HealthReason::SweepStopped, told)
        }
        WriterStatus::ClockUnconfirmed(why) => (
            HealthReason::ClockUnconfirmed,
            json!({"status": "clock-unconfirmed", "why": why.to_string()}),
        ),
        WriterStatus::Recovering => {
            (HealthReason::WriterRecovering, json!({"status": "recovering"}))
        }
        WriterStatus::Stopped(why) => {
            (HealthReason::WriterStopped, json!({"status": "stopped", "why": why.to_string()}))
        }
    };
    (Some(reason), told)
}

fn sealing(status: &SealStatus, reasons: &mut Reasons) -> Value {
    let (word, why) = match status {
        SealStatus::Sealing => return json!({"status": "sealing"}),
        SealStatus::Failing(why) => ("recovering", why),
        SealStatus::Stopped(why) => ("stopped", why),
    };
    reasons.note(Some(HealthReason::LogUnsealed), false);
    json!({"status": word, "why": &**why})
}

fn token_keys(status: &TokenKeysStatus) -> Value {
    let TokenKeysStatus { keys, trouble } = status;
    match trouble {
        None => json!({"status": "serving", "keys": keys}),
        Some(why) => {
            let word = if *keys > 0 { "keys-out-of-date" } else { "no-keys" };
            json!({"status": word, "keys": keys, "why": &**why})
        }
    }
}

/// Leaves the words.
fn leave_out_causes(told: &mut Value) {
    match told {
        Value::Object(fields) => {
            fields.retain(|name, _| !CAUSES.contains(&name.as_str()));
            fields.values_mut().for_each(leave_out_causes);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_causes),
        _ => {}
    }
}

fn projection(status: &ProjectionStatus) -> (Option<HealthReason>, Value) {
    let position = status.position.0;
    match (&status.stopped, &status.failing) {
        (Some(ProjectionStop { at, why }), _) => {
            let told = json!({
                "status": "stopped", "position": position, "stopped_at": at.0,
                "why": with_causes(why.as_ref()),
            });
            (Some(HealthReason::ProjectionStopped), told)
        }
        (None, Some(why)) => {
            let why = with_causes(why.as_ref());
            let told = json!({"status": "recovering", "position": position, "why": why});
            (Some(HealthReason::ProjectionFailing), told)
        }
        (None, None) => {
            let mut told = json!({"status": "running", "position": position});
            if let Some(awaits) = status.awaits {
                told["awaits"] = json!(awaits.to_string());
            }
            (None, told)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_has_stopped_is_named_and_the_others_keep_the_process_ready() {
        use WriterStatus::{Recovering, Serving};
        let of = |statuses: &[WriterStatus]| {
            let statuses: Vec<_> = (0..).map(Partition).zip(statuses.iter().cloned()).collect();
            let mut reasons = Reasons::default();
            (writers(&statuses, &mut reasons), reasons)
        };
        let (told, reasons) = of(&[Serving, Recovering, Serving]);
        assert_eq!(told["status"], "recovering");
        assert_eq!(told["partitions"][1], json!({"partition": 1, "status": "recovering"}));
        assert_eq!(told["partitions"][2], json!({"partition": 2, "status": "serving"}));
        assert_eq!((reasons.not_ready.len(), reasons.degraded.len()), (0, 1), "{reasons:?}");

        let (told, reasons) = of(&[Recovering, Recovering]);
        assert_eq!(told["status"], "recovering");
        assert_eq!((reasons.not_ready.len(), reasons.degraded.len()), (1, 0), "{reasons:?}");

        let (told, reasons) = of(&[Recovering]);
        assert_eq!(told, json!({"status": "recovering"}), "one partition has no list");
        assert_eq!(reasons.not_ready, [HealthReason::WriterRecovering]);
        assert_eq!(of(&[]).0, Value::Null);
    }

    #[test]
    fn a_log_that_is_away_is_so_for_all_only_where_no_writer_that_runs_reaches_it() {
        use WriterStatus::{Recovering, Serving};
        let stopped = WriterStatus::Stopped(command_api::StopReason::HandlesDropped);
        let of = |away, statuses: &[WriterStatus]| {
            let statuses: Vec<_> = (0..).map(Partition).zip(statuses.iter().cloned()).collect();
            is_away_for_all(away, &statuses)
        };
        assert!(of(1, &[Recovering]), "one partition is the whole log");
        assert!(!of(1, &[Recovering, Serving]), "the other partition is served");
        assert!(of(2, &[Recovering, Recovering]));
        assert!(of(1, &[Recovering, stopped]), "who has stopped serves nobody");
    }

    #[test]
    fn words_are_for_all_and_causes_are_not() {
        let mut told = json!({
            "status": "not-ready",
            "log": {"status": "unreadable", "why": "can't reach db.internal as guerdon"},
            "replicas": [{"server": "db2.internal:5432", "status": "behind"}],
            "publisher": {"status": "waiting", "warnings": ["Kafka at kafka.internal:9092"]},
        });
        leave_out_causes(&mut told);
        assert_eq!(
            told,
            json!({
                "status": "not-ready",
                "log": {"status": "unreadable"},
                "replicas": [{"status": "behind"}],
                "publisher": {"status": "waiting"},
            })
        );
    }
}
