//! `GET /health/live` and `GET /health/ready`: whether the process runs, and whether it serves.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use command_api::WriterStatus;
use domain::Clock;
use projector::{ProjectionStatus, ReadModel};
use publisher::Publisher;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The parts whose health is told; one that doesn't run here isn't mentioned.
#[derive(Clone, Default)]
pub(super) struct Health {
    pub(super) writer: Option<watch::Receiver<WriterStatus>>,
    /// Where the log takes its time from, where the writer runs here.
    pub(super) clock: Option<Clock>,
    pub(super) projection: Vec<watch::Receiver<ProjectionStatus>>,
    pub(super) read_model: Option<ReadModel>,
    pub(super) publisher: Option<Publisher>,
}

impl Health {
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/health/live", get(async || Json(json!({"status": "live"}))))
            .route("/health/ready", get(async move || self.ready()))
    }

    /// 200 while commands are taken. A projection that is stopped is told, and reads go on; it is
    /// no reason to send shoppers elsewhere, for there is nowhere else.
    fn ready(&self) -> Response {
        let (is_ready, writer) = match self.writer.as_ref().map(|status| status.borrow().clone()) {
            None => (true, Value::Null),
            Some(WriterStatus::Serving) => (true, json!({"status": "serving"})),
            Some(WriterStatus::NotSweeping) => {
                let why = "what falls due is not recorded until somebody asks; see the log";
                (true, json!({"status": "serving", "background": "stopped", "why": why}))
            }
            Some(WriterStatus::ClockUnconfirmed(why)) => {
                (false, json!({"status": "clock-unconfirmed", "why": why}))
            }
            Some(WriterStatus::Recovering) => (false, json!({"status": "recovering"})),
            Some(WriterStatus::Stopped(why)) => (false, json!({"status": "stopped", "why": why})),
        };
        let projections: Vec<Value> =
            self.projection.iter().map(|status| projection(&status.borrow())).collect();
        let word = if is_ready { "ready" } else { "not-ready" };
        let clock = self.clock.map(Clock::as_str);
        let mut body =
            json!({"status": word, "writer": writer, "clock": clock, "projections": projections});
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
}

fn projection(status: &ProjectionStatus) -> Value {
    match &status.stopped {
        None => json!({"status": "running", "position": status.position.0}),
        Some((at, why)) => json!({
            "status": "stopped", "position": status.position.0, "stopped_at": at.0, "why": why,
        }),
    }
}
