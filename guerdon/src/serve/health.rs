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
use axum::http::{HeaderMap, StatusCode};
use command_api::WriterStatus;
use domain::Clock;
use event_store::{EventStore, with_causes};
use log_record::Partition;
use projector::{ProjectionStatus, ProjectionStop};
use prometheus_client::metrics::gauge::Gauge;
use publisher::Publisher;
use read_model::{ReadError, ReadModel};
use serde_json::{Value, json};
use tokio::sync::watch;
use wire::{KeyRing, Problem, Role, Routes, role_of};

use super::lookup::Lookup;

/// How long a log or a read model may take to say where it stands.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// What names hosts, users, topics and the system's errors.
const CAUSES: [&str; 4] = ["why", "server", "warnings", "read_again"];

/// What was found, as it is told.
struct Found {
    status: StatusCode,
    in_words: Bytes,
    with_causes: Bytes,
}

/// The parts whose health is told; one that doesn't run here isn't mentioned.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) store: EventStore,
    pub(super) writer: Option<watch::Receiver<WriterStatus>>,
    /// Where the log takes its time from, where the writer runs here.
    pub(super) clock: Option<Clock>,
    pub(super) projection: Vec<watch::Receiver<ProjectionStatus>>,
    pub(super) read_model: Option<ReadModel>,
    pub(super) publisher: Option<Publisher>,
    /// How many shipping requests are overdue, where no publisher says so.
    pub(super) overdue: Option<Gauge>,
}

impl Health {
    /// Of a log, and of no part as yet.
    pub(super) const fn of(store: EventStore) -> Self {
        Self {
            store,
            writer: None,
            clock: None,
            projection: vec![],
            read_model: None,
            publisher: None,
            overdue: None,
        }
    }

    /// The routes; `keys` are those of the callers who may know more.
    pub(super) fn routes(self, keys: KeyRing) -> Routes {
        let shared = Arc::new((self, Lookup::new(), keys));
        let ready = async move |headers: HeaderMap| {
            let (_, lookup, keys) = &*shared;
            let asked = Arc::clone(&shared);
            let found = lookup.get(async move { asked.0.look().await }).await;
            let found = found.ok_or_else(Problem::internal)?;
            let is_told_causes =
                matches!(role_of(keys, &headers), Some(Role::Operator | Role::Auditor));
            let body = if is_told_causes { &found.with_causes } else { &found.in_words };
            let body = body.clone();
            Ok::<_, Problem>((found.status, [(CONTENT_TYPE, "application/json")], body))
        };
        Routes::new()
            .open("/health/live", async || Json(json!({"status": "live"})))
            .open("/health/ready", ready)
    }

    async fn look(&self) -> Arc<Found> {
        let (is_ready, mut body) = self.ready().await;
        let with_causes = Bytes::from(body.to_string());
        leave_out_causes(&mut body);
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let in_words = Bytes::from(body.to_string());
        Arc::new(Found { status, in_words, with_causes })
    }

    /// Ready where commands are taken, while they are and the log answers; where only reads are
    /// answered, while they are; and where nothing but a projector runs, while it does. Beside a
    /// writer, a projection that is stopped is told and no reason to send shoppers elsewhere, for
    /// there is nowhere else.
    async fn ready(&self) -> (bool, Value) {
        let (takes_commands, writer) =
            match self.writer.as_ref().map(|status| status.borrow().clone()) {
                None => (true, Value::Null),
                Some(WriterStatus::Serving) => (true, json!({"status": "serving"})),
                Some(WriterStatus::NotSweeping) => {
                    let why = "what falls due is not recorded until somebody asks; see the log";
                    (true, json!({"status": "serving", "background": "stopped", "why": why}))
                }
                Some(WriterStatus::ClockUnconfirmed(why)) => {
                    (false, json!({"status": "clock-unconfirmed", "why": why.to_string()}))
                }
                Some(WriterStatus::Recovering) => (false, json!({"status": "recovering"})),
                Some(WriterStatus::Stopped(why)) => {
                    (false, json!({"status": "stopped", "why": why.to_string()}))
                }
            };
        let projections: Vec<Value> =
            self.projection.iter().map(|status| projection(&status.borrow())).collect();
        let ((log_answers, log), (reads, read_model)) = tokio::join!(self.log(), self.read_model());
        let is_ready = match (&self.writer, &self.read_model) {
            // A writer that has nothing to write doesn't notice that its log is away.
            (Some(_), _) => takes_commands && log_answers,
            (None, Some(_)) => reads,
            (None, None) => self.projection.iter().all(|status| is_running(&status.borrow())),
        };
        let word = if is_ready { "ready" } else { "not-ready" };
        let clock = self.clock.map(Clock::as_str);
        let mut body = json!({
            "status": word, "writer": writer, "clock": clock, "log": log,
            "projections": projections, "read_model": read_model,
        });
        let replicas = self.read_model.iter().flat_map(ReadModel::replicas);
        let replicas: Vec<Value> = replicas
            .map(|(server, status)| json!({"server": server, "status": status.as_str()}))
            .collect();
        // Without them reads go to the primary, so they are no reason to be not ready.
        if !replicas.is_empty() {
            body["replicas"] = replicas.into();
        }
        // Shoppers are served all the same while nothing is published.
        if let Some(publisher) = &self.publisher {
            body["publisher"] = json!(publisher.health());
        }
        if let Some(overdue) = &self.overdue {
            body["shipping"] = json!({"overdue": overdue.get()});
        }
        (is_ready, body)
    }

    /// Whether the log answers, and where each partition of it ends.
    async fn log(&self) -> (bool, Value) {
        let heads = async {
            let mut heads = vec![];
            for partition in (0..self.store.partitions()).map(Partition) {
                heads.push(self.store.head(partition).await?.position.0);
            }
            Ok::<_, event_store::StoreError>(heads)
        };
        match tokio::time::timeout(TOLD_WITHIN, heads).await {
            Ok(Ok(heads)) => (true, json!({"status": "serving", "heads": heads})),
            Ok(Err(error)) => (false, json!({"status": "unreadable", "why": with_causes(&error)})),
            Err(_) => (false, json!({"status": "unreadable", "why": "it doesn't answer in time"})),
        }
    }

    /// Whether reads are answered, and as of which event of each partition, or how far the tables
    /// are on their way to where the log was at the start.
    async fn read_model(&self) -> (bool, Value) {
        let Some(read_model) = &self.read_model else { return (false, Value::Null) };
        let begun = read_model.read(&[], Duration::ZERO);
        match tokio::time::timeout(TOLD_WITHIN, begun).await {
            Ok(Ok(reading)) => {
                let partitions = (0..self.store.partitions()).map(Partition);
                let positions: Vec<u64> =
                    partitions.map(|partition| reading.as_of().position(partition).0).collect();
                (true, json!({"status": "serving", "positions": positions}))
            }
            Ok(Err(error @ ReadError::NotBegun)) => {
                (false, json!({"status": "not-begun", "why": with_causes(&error)}))
            }
            // No position was asked for but that of the log at the start.
            Ok(Err(ReadError::Behind { wanted, reached })) => {
                let (reached, wanted) = (reached.to_string(), wanted.to_string());
                (false, json!({"status": "catching-up", "reached": reached, "wanted": wanted}))
            }
            Ok(Err(error)) => (false, json!({"status": "unreadable", "why": with_causes(&error)})),
            Err(_) => (false, json!({"status": "unreadable", "why": "it doesn't answer in time"})),
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

const fn is_running(status: &ProjectionStatus) -> bool {
    status.stopped.is_none() && status.failing.is_none()
}

fn projection(status: &ProjectionStatus) -> Value {
    let position = status.position.0;
    match (&status.stopped, &status.failing) {
        (Some(ProjectionStop { at, why }), _) => json!({
            "status": "stopped", "position": position, "stopped_at": at.0,
            "why": with_causes(why.as_ref()),
        }),
        (None, Some(why)) => {
            json!({"status": "recovering", "position": position, "why": with_causes(why.as_ref())})
        }
        (None, None) => json!({"status": "running", "position": position}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
