//! Read tables with the life of some points in them, and questions over HTTP.

pub(crate) mod queries;
pub(crate) mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use domain::{ClockConfirmed, Event};
use projector::Projector;
use query_api::QueryApi;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tower::ServiceExt as _;
use wire::{KeyHash, KeyRing, Role};

use testing::ledger::{Ledger, On};
use testing::life::{self, DAY};

/// Read tables with some events in them, and a router over them.
pub(crate) struct Reads {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) api: QueryApi,
    projector: Mutex<Projector>,
    /// Beside the projector, which tells it what it may keep.
    router: Router,
    /// As in another process, which keeps nothing.
    remote: Router,
}

impl Reads {
    pub(crate) async fn of(on: On, events: Vec<(i64, Event)>) -> Self {
        let ledger = Ledger::new(1, on).await;
        ledger.record_at(&events).await;
        Self::over(&Arc::new(ledger)).await
    }

    /// What is read of a log with all its events projected.
    pub(crate) async fn over(ledger: &Arc<Ledger>) -> Self {
        let mut projector = ledger.projector().await.expect("it opens");
        projector.catch_up().await.expect("projected");
        let keys: KeyRing =
            Role::ALL.iter().map(|role| (KeyHash::of(role.as_str()), *role)).collect();
        let wait_max = Duration::from_millis(10);
        let beside = projector.read_model(None).await.expect("it opens");
        let mut api = QueryApi::new(beside.clone(), keys.clone(), wait_max);
        api.read_past = audit::read_past(ledger.store.clone(), beside, wait_max);
        let router = query_api::router(api.clone());
        let remote = QueryApi::new(ledger.read_model().await, keys, wait_max);
        let remote = query_api::router(remote);
        Self { ledger: Arc::clone(ledger), api, projector: Mutex::new(projector), router, remote }
    }

    pub(crate) async fn record(&self, events: Vec<(i64, Event)>) {
        self.ledger.record_at(&events).await;
        self.project().await;
    }

    pub(crate) async fn project(&self) {
        self.projector.lock().await.catch_up().await.expect("projected");
    }

    /// Time passes: something is recorded on that day that changes no credit.
    pub(crate) async fn pass_to(&self, day: i64) {
        let wall = life::day(day);
        self.record(vec![(day * DAY, Event::ClockConfirmed(ClockConfirmed { wall }))]).await;
    }

    pub(crate) async fn ask_with(
        &self,
        role: &str,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> (u16, HeaderMap, Value) {
        Self::ask_at(&self.router, role, path, header).await
    }

    pub(crate) async fn ask_at(
        router: &Router,
        role: &str,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> (u16, HeaderMap, Value) {
        let mut request =
            Request::builder().uri(path).header("authorization", format!("Bearer {role}"));
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("answered");
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (parts.status.as_u16(), parts.headers, body)
    }

    pub(crate) async fn ask(&self, role: &str, path: &str) -> (u16, HeaderMap, Value) {
        self.ask_with(role, path, None).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.ask("operator", path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// What is answered where nothing is kept.
    pub(crate) async fn get_anew(&self, path: &str) -> Value {
        Self::ask_at(&self.remote, "operator", path, None).await.2
    }

    /// What is answered by a host on which no writer runs, so that nobody checks its clock.
    pub(crate) async fn get_without_writer(&self, path: &str) -> Value {
        let keys = self.api.keys.clone();
        let model = self.ledger.read_model().await.with_log_clock();
        let api = QueryApi::new(model, keys, Duration::from_millis(10));
        Self::ask_at(&query_api::router(api), "operator", path, None).await.2
    }

    pub(crate) async fn missing(&self, path: &str) {
        let (status, _, problem) = self.ask("operator", path).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not-found")), "{path}");
    }

    pub(crate) async fn list(&self, path: &str) -> Vec<Value> {
        let page = self.get(path).await;
        assert_eq!(page["next"], Value::Null, "it fits on a page");
        page["items"].as_array().expect("a list").clone()
    }

    /// The whole list, so many at a time.
    pub(crate) async fn paged(&self, path: &str, limit: u32) -> Vec<Value> {
        self.whole(&format!("{path}?limit={limit}")).await
    }

    /// Follows a list with a query to its end.
    pub(crate) async fn whole(&self, path: &str) -> Vec<Value> {
        let mut items = vec![];
        let mut page = self.get(path).await;
        loop {
            items.extend(page["items"].as_array().expect("a list").iter().cloned());
            let Some(next) = page["next"].as_str() else { return items };
            page = self.get(&format!("{path}&cursor={next}")).await;
        }
    }
}
