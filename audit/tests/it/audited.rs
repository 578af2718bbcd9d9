//! A log in a real store, read tables of it, and questions over HTTP.

use std::sync::Arc;
use std::time::Duration;

use audit::AuditApi;
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, Request, Response};
use domain::Event;
use event_store::{Access, ArchiveFolder, EventStore, NewLog, StoreUrl};
use futures_util::StreamExt as _;
use log_record::{LogId, Partition, Position, RecordedEvent};
use projector::Projector;
use query_api::QueryApi;
use serde_json::Value;
use services::TestDatabase;
use tempfile::TempDir;
use testing::ledger::{Home, Ledger, On};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tower::ServiceExt as _;
use uuid::Uuid;
use wire::{KeyHash, KeyRing, Role};

/// More than this nothing here takes, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The tests' logs have one partition, unless they say so.
pub(crate) const P0: Partition = Partition(0);

const LOG: LogId = LogId(Uuid::from_u128(42));

/// How many positions a range of the tests' archives has.
pub(crate) const RANGE: u64 = 48;

/// A log and read tables on one of the databases, and the routes over both.
pub(crate) struct Audited {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) keys: KeyRing,
    pub(crate) router: Router,
    projector: Mutex<Projector>,
    folder: TempDir,
    _database: Option<TestDatabase>,
}

/// A stream of server-sent events, read as a browser does.
pub(crate) struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Audited {
    /// Log and tables on this database.
    pub(crate) async fn on(on: On, events: &[(i64, Event)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let access = Access::Write(NewLog { log_id: LOG, partitions: 1 });
        let (url, database) = match on {
            On::Sqlite => {
                let file = folder.path().join("log.sqlite");
                let url = StoreUrl::Sqlite(file.clone());
                drop(EventStore::open(&url, access).await.expect("it opens"));
                let file = rusqlite::Connection::open(file).expect("it opens");
                let size = "update log set range_positions = ?";
                file.execute(size, [RANGE.cast_signed()]).expect("updated");
                (url, None)
            }
            On::Postgres => {
                let database = TestDatabase::create().expect("a database");
                let url: StoreUrl = database.url().parse().expect("a URL");
                EventStore::migrate(&url).await.expect("migrated");
                let size = "alter table guerdon_log.log alter column range_positions set default";
                database.sql(&format!("{size} {RANGE}")).expect("altered");
                (url, Some(database))
            }
        };
        let store = EventStore::open(&url, access).await.expect("it opens");
        let home = match on {
            On::Sqlite => Home::Folder(tempfile::tempdir().expect("a folder")),
            On::Postgres => Home::Database(TestDatabase::create().expect("a database")),
        };
        Self::of(Arc::new(Ledger { store, home }), events, folder, database).await
    }

    /// A log of several partitions.
    pub(crate) async fn over(ledger: &Arc<Ledger>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::of(Arc::clone(ledger), &[], folder, None).await
    }

    /// A log in memory.
    pub(crate) async fn in_memory(events: &[(i64, Event)]) -> Self {
        let ledger = Ledger::new(LOG.0.as_u128(), On::Sqlite).await;
        Self::of(Arc::new(ledger), events, tempfile::tempdir().expect("a folder"), None).await
    }

    async fn of(
        ledger: Arc<Ledger>,
        events: &[(i64, Event)],
        folder: TempDir,
        _database: Option<TestDatabase>,
    ) -> Self {
        read_model::migrate(&ledger.url()).await.expect("migrated");
        if !events.is_empty() {
            ledger.record_at(events).await;
        }
        let mut projector = ledger.projector().await.expect("it opens");
        projector.catch_up().await.expect("projected");
        let keys: KeyRing =
            Role::ALL.iter().map(|role| (KeyHash::of(role.as_str()), *role)).collect();
        let model = projector.read_model(None).await.expect("it opens");
        let query = QueryApi::new(model, keys.clone(), Duration::from_secs(2));
        let router = routes(AuditApi::new(ledger.store.clone(), query));
        Self { ledger, keys, router, projector: Mutex::new(projector), folder, _database }
    }

    pub(crate) async fn record(&self, events: &[(i64, Event)]) {
        self.ledger.record_at(events).await;
        self.projector.lock().await.catch_up().await.expect("projected");
    }

    /// The first range of events leaves the log for a file.
    pub(crate) async fn archive(&mut self) {
        let (store, path) = (&self.ledger.store, self.folder.path().join("archive"));
        let mut folder = ArchiveFolder::take(store, &path).await.expect("its own");
        let (first, last) = (Position(1), Position(RANGE));
        store.archive_range(&mut folder, P0, first, last).await.expect("archived");
        store.take_out(first, last).await.expect("taken out");
    }

    /// The routes look for archived events in this folder of the home.
    pub(crate) async fn look_in(&mut self, folder: &str) {
        let store = self.ledger.store.clone().with_archive(self.folder.path().join(folder));
        let query = QueryApi::new(
            self.ledger.read_model().await,
            self.keys.clone(),
            Duration::from_secs(2),
        );
        self.router = routes(AuditApi::new(store, query));
    }

    /// All events of the log.
    pub(crate) async fn events(&self) -> Vec<RecordedEvent> {
        self.ledger.store.read(P0, Position::START, 10_000).await.expect("read")
    }

    pub(crate) async fn ask(
        &self,
        role: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, HeaderMap, Value) {
        let (parts, body) = self.answer(role, path, headers).await.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (parts.status.as_u16(), parts.headers, body)
    }

    pub(crate) async fn get(&self, role: &str, path: &str) -> Value {
        let (status, _, body) = self.ask(role, path, &[]).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Follows a list with a query to its end, page by page.
    pub(crate) async fn whole(&self, role: &str, path: &str) -> Vec<Value> {
        let (mut items, mut after) = (vec![], String::new());
        loop {
            let page = self.get(role, &format!("{path}{after}")).await;
            items.extend(page["items"].as_array().expect("a list").iter().cloned());
            let Some(next) = page["next"].as_str() else { return items };
            after = format!("&after={next}");
        }
    }

    pub(crate) async fn stream(&self, path: &str, last: Option<&str>) -> Stream {
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(last.map(|last| ("last-event-id", last)));
        let answer = self.answer("auditor", path, &headers).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Stream { body: answer.into_body().into_data_stream(), text: String::new() }
    }

    pub(crate) async fn answer(
        &self,
        role: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response<Body> {
        let request =
            Request::builder().uri(path).header("authorization", format!("Bearer {role}"));
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(Body::empty()).expect("a request");
        self.router.clone().oneshot(request).await.expect("answered")
    }
}

fn routes(api: AuditApi) -> Router {
    let of_tables = query_api::routes().with_state(api.query.clone());
    audit::routes().with_state(api).merge(of_tables).finish()
}

impl Stream {
    /// The next event's id and data; nothing once it has ended.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        timeout(PATIENCE, self.read()).await.expect("it goes on")
    }

    pub(crate) async fn next_positions(&mut self, count: usize) -> Vec<String> {
        let mut positions = vec![];
        for _ in 0..count {
            let (_, item) = self.next().await.expect("there is one");
            positions.push(item["position"].as_str().expect("a position").to_owned());
        }
        positions
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
