//! `GET /health/live` and `GET /health/ready`: whether the process runs, and whether it serves.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use command_api::WriterStatus;
use domain::Clock;
use event_store::{EventStore, with_causes};
use log_record::Partition;
use projector::{ProjectionStatus, ProjectionStop};
use publisher::Publisher;
use read_model::{ReadError, ReadModel};
use serde_json::{Value, json};
use tokio::sync::watch;

/// How long a log or a read model may take to say where it stands.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

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
        }
    }

    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/health/live", get(async || Json(json!({"status": "live"}))))
            .route("/health/ready", get(async move || self.ready().await))
    }

    /// 200 where commands are taken, while they are; where only reads are answered, while they are;
    /// and where nothing but a projector runs, while it does. Beside a writer, a projection that is
    /// stopped is told and no reason to send shoppers elsewhere, for there is nowhere else.
    async fn ready(&self) -> Response {
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
        let (log, (reads, read_model)) = tokio::join!(self.log(), self.read_model());
        let is_ready = match (&self.writer, &self.read_model) {
            (Some(_), _) => takes_commands,
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
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(body)).into_response()
    }

    /// Where each partition of the log ends.
    async fn log(&self) -> Value {
        let heads = async {
            let mut heads = vec![];
            for partition in (0..self.store.partitions()).map(Partition) {
                heads.push(self.store.head(partition).await?.position.0);
            }
            Ok::<_, event_store::StoreError>(heads)
        };
        match tokio::time::timeout(TOLD_WITHIN, heads).await {
            Ok(Ok(heads)) => json!({"status": "serving", "heads": heads}),
            Ok(Err(error)) => json!({"status": "unreadable", "why": with_causes(&error)}),
            Err(_) => json!({"status": "unreadable", "why": "it doesn't answer in time"}),
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
