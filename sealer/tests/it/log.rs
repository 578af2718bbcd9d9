//! A log in a store, and a sealer behind it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use event_store::{Access, Append, EventStore, NewLog, StoreUrl, with_causes};
use log_record::{
    Generation, LogId, NewEvent, Partition, Place, Position, RecordedEvent, WriterId,
};
use sealer::{SealFolder, SealStatus, Sealer, SigningKeys};
use services::TestDatabase;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use transparency::{Known, Note, Origin, VerifiedLog, VerifierKey, verify_log};
use uuid::Uuid;
use wire::{KeyHash, Role};

pub(crate) const P0: Partition = Partition(0);
pub(crate) const LOG: LogId = LogId(Uuid::from_u128(42));

/// How long a test waits for what takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A log.
pub(crate) struct Log {
    pub(crate) store: EventStore,
    pub(crate) home: TempDir,
    pub(crate) database: Option<TestDatabase>,
}

/// A sealer that runs.
pub(crate) struct Running {
    pub(crate) router: Router,
    status: watch::Receiver<SealStatus>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What was answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) bytes: Vec<u8>,
}

impl Log {
    pub(crate) async fn memory() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self::open(&StoreUrl::Memory, home, None).await
    }

    pub(crate) async fn sqlite() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self::open(&StoreUrl::Sqlite(home.path().join("log.sqlite")), home, None).await
    }

    pub(crate) async fn postgres() -> Self {
        let database = TestDatabase::create().expect("a database");
        let url: StoreUrl = database.url().parse().expect("a URL");
        EventStore::migrate(&url).await.expect("migrated");
        Self::open(&url, tempfile::tempdir().expect("a folder"), Some(database)).await
    }

    async fn open(url: &StoreUrl, home: TempDir, database: Option<TestDatabase>) -> Self {
        let new_log = NewLog { log_id: LOG, partitions: 1 };
        let store = EventStore::open(url, Access::Write(new_log)).await.expect("it opens");
        let log = Self { store, home, database };
        SigningKeys::open(&log.folder()).expect("a first key");
        log
    }

    pub(crate) fn folder(&self) -> SealFolder {
        SealFolder::at(self.home.path().join("transparency"))
    }

    pub(crate) fn tree(&self, generation: u32) -> PathBuf {
        self.home.path().join(format!("transparency/{LOG}-{generation}-0"))
    }

    /// Appends so many events in one batch.
    pub(crate) async fn append(&self, events: u64) {
        let head = self.store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("held");
        let events = (1..=events).map(|at| event(head.position.0 + at)).collect();
        self.store.append(Append::after(P0, &head, events)).await.expect("appended");
    }

    /// An operator declares a fork.
    pub(crate) async fn fork(&self) {
        let head = self.store.take_over(P0, WriterId(Uuid::from_u128(1))).await.expect("held");
        let next = Generation(head.generation.0 + 1);
        let place = Place { partition: P0, position: head.position.next() };
        let event = NewEvent { event_type: RecordedEvent::FORK, ..event(place.position.0) };
        let row = RecordedEvent::seal(LOG, next, place, event);
        self.store.append_recorded(Append::after(P0, &head, vec![row])).await.expect("declared");
    }

    pub(crate) fn seal(&self) -> Running {
        self.seal_and_publish(None)
    }

    pub(crate) fn seal_and_publish(&self, publish: Option<PathBuf>) -> Running {
        self.run(Sealer::new(self.store.clone(), self.folder(), publish))
    }

    pub(crate) fn run(&self, sealer: Sealer) -> Running {
        let keys =
            [(KeyHash::of("auditor"), Role::Auditor), (KeyHash::of("shopper"), Role::Shopper)];
        let router = sealer.routes(keys.into_iter().collect()).finish();
        let status = sealer.statuses().remove(0);
        let stop = CancellationToken::new();
        let task = tokio::spawn(sealer.run(stop.clone()));
        Running { router, status, stop, task }
    }

    /// Seals what there is, and stops.
    pub(crate) async fn seal_all(&self) {
        let running = self.seal();
        running.until(self.store.head(P0).await.expect("read").position.0).await;
        running.stop().await;
    }

    /// The key of the log's first tree.
    pub(crate) fn key(&self) -> VerifierKey {
        let public = SigningKeys::load(&self.folder()).expect("keys").public().expect("a key");
        let origin = Origin { log_id: LOG, generation: Generation(1), partition: P0 };
        VerifierKey::new(origin.to_string(), public).expect("a key")
    }

    /// Exports the log and verifies what was written; gives what is wrong.
    pub(crate) async fn audit(&self, key: &VerifierKey) -> Result<u64, String> {
        let into = tempfile::tempdir().expect("a folder");
        let exported = sealer::export(&self.store, &self.folder(), P0, true, into.path()).await;
        exported.map_err(|error| with_causes(&error))?;
        let known = Known::key(key.clone());
        let read = async |path: &str| Ok(std::fs::read(into.path().join(path)).ok());
        let verified = verify_log(&known, read, |_| ()).await;
        verified.map(|log| log.checkpoint.size).map_err(|finding| with_causes(&finding))
    }
}

fn event(number: u64) -> NewEvent {
    NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: 1_000_000 + i64::try_from(number).expect("a time"),
        account_id: Some(format!("account-{}", number % 7).into()),
        public: format!(r#"{{"points":{number}}}"#).into(),
        // No two events are alike.
        private: format!(r#"{{"salt":"{}"}}"#, Uuid::now_v7().simple()).into(),
    }
}

impl Running {
    /// Waits until so many events are sealed; gives the checkpoint.
    pub(crate) async fn until(&self, size: u64) -> Note {
        let begun = Instant::now();
        loop {
            let answer = self.get("/log/0/checkpoint", None).await;
            let text = String::from_utf8(answer.bytes).expect("a text");
            if let Ok(note) = text.parse::<Note>()
                && note.text().lines().nth(1) == Some(&size.to_string())
            {
                return note;
            }
            let status = self.status.borrow().clone();
            assert!(begun.elapsed() < PATIENCE, "{size} aren't sealed: {status:?}, {text}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether it seals.
    pub(crate) fn is_sealing(&self) -> bool {
        *self.status.borrow() == SealStatus::Sealing
    }

    /// Waits until it has stopped by itself; gives why.
    pub(crate) async fn stops(mut self) -> String {
        let stopped = self.status.wait_for(|status| matches!(status, SealStatus::Stopped(_)));
        let status = tokio::time::timeout(PATIENCE, stopped).await.expect("it stops");
        let SealStatus::Stopped(why) = status.expect("told").clone() else { unreachable!() };
        why.to_string()
    }

    /// Waits until it can't seal for now; gives why.
    pub(crate) async fn fails(&mut self) -> String {
        let failing = self.status.wait_for(|status| matches!(status, SealStatus::Failing(_)));
        let status = tokio::time::timeout(PATIENCE, failing).await.expect("it fails");
        let SealStatus::Failing(why) = status.expect("told").clone() else { unreachable!() };
        why.to_string()
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("it ends");
    }

    pub(crate) async fn get(&self, path: &str, key: Option<&str>) -> Answer {
        let mut request = Request::get(path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("answered");
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.expect("read").to_vec();
        Answer { status, kind, bytes }
    }

    /// Verifies what is served, as an auditor with a kept checkpoint.
    pub(crate) async fn audit(
        &self,
        key: &VerifierKey,
        kept: Option<&Note>,
    ) -> Result<VerifiedLog, String> {
        let known = Known { kept: kept.cloned(), ..Known::key(key.clone()) };
        let read = async |path: &str| {
            let answer = self.get(&format!("/log/0/{path}"), Some("auditor")).await;
            match answer.status {
                StatusCode::OK => Ok(Some(answer.bytes)),
                StatusCode::NOT_FOUND => Ok(None),
                status => {
                    Err(format!("{status} {}", String::from_utf8_lossy(&answer.bytes)).into())
                }
            }
        };
        verify_log(&known, read, |_| ()).await.map_err(|finding| with_causes(&finding))
    }
}

/// The end of a partition.
pub(crate) async fn end(store: &EventStore) -> Position {
    store.head(P0).await.expect("read").position
}
