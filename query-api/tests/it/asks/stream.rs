//! The shipping stream, as those who follow it ask for it.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, Response, StatusCode};
use futures_util::StreamExt as _;
use log_record::LogId;
use serde_json::Value;
use tokio::time::timeout;
use tower::ServiceExt as _;
use wire::write_cursor;

/// More than this nothing here takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a reader of the warehouse `main` is that got the message of an event last.
pub(crate) fn cursor(log_id: LogId, generation: u32, position: u64) -> String {
    cursor_of("main", log_id, generation, position)
}

/// Likewise, of another warehouse.
pub(crate) fn cursor_of(warehouse: &str, log_id: LogId, generation: u32, position: u64) -> String {
    let list = format!("shipping stream of {warehouse}");
    write_cursor(&list, &format!("{log_id} 0-{generation}-{position}"))
}

/// A stream of server-sent events, read as a browser does.
pub(crate) struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    /// The stream of the warehouse `main` after an event; from the beginning where there is none.
    pub(crate) async fn open(router: &Router, last_event_id: Option<&str>) -> Self {
        let answer = Self::ask(router, last_event_id).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { body: answer.into_body().into_data_stream(), text: String::new() }
    }

    pub(crate) async fn ask(router: &Router, last_event_id: Option<&str>) -> Response<Body> {
        Self::ask_with(router, "", last_event_id).await
    }

    /// With more in its query.
    pub(crate) async fn ask_with(
        router: &Router,
        query: &str,
        last_event_id: Option<&str>,
    ) -> Response<Body> {
        let mut request = Request::builder()
            .uri(format!("/v1/shipping-stream?warehouse=main{query}"))
            .header("authorization", "Bearer warehouse")
            .header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let request = request.body(Body::empty()).expect("a request");
        router.clone().oneshot(request).await.expect("answered")
    }

    /// The next event's id and data.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        timeout(PATIENCE, self.read()).await.expect("it goes on")
    }

    async fn read(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let found = field("id: ").zip(field("data: "));
                let found = found
                    .map(|(id, data)| (id.to_owned(), serde_json::from_str(data).expect("JSON")));
                self.text = rest.to_owned();
                match found {
                    None => continue,
                    found => return found,
                }
            }
            let chunk = self.body.next().await?.expect("read");
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }
}
