//! Speaking with KurrentDB: appends and reads that end in time, whatever becomes of the client.
//!
//! Three things of the client crate are kept away from callers. A connection that couldn't be made
//! ends its one task, and with it the client for ever; after a failure it stays with the same node;
//! and it panics on an answer that isn't complete. So every call runs in a task of its own, and
//! after a failure the next call makes a new client, which looks for the leader again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, Client, ClientSettings, Error, EventData, ReadStreamOptions,
    RecordedEvent, StreamPosition, StreamState,
};

use crate::StoreError;

/// How long an append or a read may take until it counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client, while it is of use.
#[derive(Debug)]
pub(super) struct Connection {
    settings: ClientSettings,
    client: Mutex<Option<Open>>,
}

/// A client with a number, so that a failure of an old one doesn't close its successor.
#[derive(Clone)]
struct Open {
    number: u64,
    client: Client,
}

/// From where and which way to read.
#[derive(Clone, Copy, Debug)]
pub(super) enum ReadAt {
    /// Forwards from this revision.
    Revision(u64),
    /// Backwards from the end.
    End,
}

/// How an append ended that the server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It landed, and the stream's last revision is this one.
    Landed(u64),
    /// Nothing landed: the stream doesn't end where it was expected to.
    Moved,
}

impl Connection {
    pub(super) const fn new(settings: ClientSettings) -> Self {
        Self { settings, client: Mutex::new(None) }
    }

    /// Appends all of it after a revision, or as the first of a stream where there is none. An
    /// error leaves open whether it lands.
    pub(super) async fn append(
        &self,
        stream: &str,
        after: Option<u64>,
        events: Vec<EventData>,
    ) -> Result<Answer, StoreError> {
        let expected = after.map_or(StreamState::NoStream, StreamState::StreamRevision);
        let options = AppendToStreamOptions::default().stream_state(expected).requires_leader(true);
        let stream = stream.to_owned();
        let appended =
            self.call(async move |client| client.append_to_stream(stream, &options, events).await);
        match appended.await {
            Ok(Ok(written)) => Ok(Answer::Landed(written.next_expected_version)),
            Ok(Err(Error::WrongExpectedVersion { .. })) => Ok(Answer::Moved),
            Ok(Err(error)) => Err(kurrent("append to", error)),
            Err(lost) => Err(kurrent("append to", lost)),
        }
    }

    /// Up to `limit` events of a stream; none where there is no such stream.
    pub(super) async fn read(
        &self,
        stream: &str,
        from: ReadAt,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let options = match from {
            ReadAt::Revision(at) => {
                ReadStreamOptions::default().forwards().position(StreamPosition::Position(at))
            }
            ReadAt::End => ReadStreamOptions::default().position(StreamPosition::End),
        };
        // A follower may lag behind what was answered already.
        let options = options.max_count(limit).requires_leader(true);
        let stream = stream.to_owned();
        let read = self.call(async move |client| {
            let mut found = vec![];
            let mut answers = client.read_stream(stream, &options).await?;
            while let Some(answer) = answers.next().await? {
                found.extend(answer.event);
            }
            Ok(found)
        });
        match read.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(Error::ResourceNotFound)) => Ok(vec![]),
            Ok(Err(error)) => Err(kurrent("read", error)),
            Err(lost) => Err(kurrent("read", lost)),
        }
    }

    /// Runs a call to its end or for as long as patience lasts. What ends otherwise than by the
    /// server's word about the stream takes the client with it.
    async fn call<Done, Calling>(
        &self,
        call: impl FnOnce(Client) -> Calling + Send + 'static,
    ) -> Result<Result<Done, Error>, Lost>
    where
        Done: Send + 'static,
        Calling: Future<Output = Result<Done, Error>> + Send + 'static,
    {
        let Open { number, client } = self.open()?;
        let mut calling = tokio::spawn(async move { call(client).await });
        let ended = tokio::time::timeout(PATIENCE, &mut calling).await;
        let result = match ended {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(Lost::Unreadable),
            Err(_) => {
                calling.abort();
                Err(Lost::Silent)
            }
        };
        // To the leader that it was told of, the client goes by itself.
        let is_fine = matches!(
            result,
            Ok(Ok(_)
                | Err(Error::WrongExpectedVersion { .. }
                    | Error::ResourceNotFound
                    | Error::NotLeaderException(_)))
        );
        if !is_fine {
            let mut held = self.client.lock().unwrap_or_else(PoisonError::into_inner);
            if held.as_ref().is_some_and(|open| open.number == number) {
                *held = None;
            }
        }
        result
    }

    fn open(&self) -> Result<Open, Lost> {
        static NUMBERS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let mut held = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = held.as_ref() {
            return Ok(open.clone());
        }
        let client = Client::new(self.settings.clone());
        let client = client.map_err(|error| Lost::NoClient(error.to_string()))?;
        let number = NUMBERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let open = Open { number, client };
        *held = Some(open.clone());
        Ok(open)
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "client {}", self.number)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("no answer came within {PATIENCE:?}")]
    Silent,
    #[error("the answer couldn't be read")]
    Unreadable,
    #[error("no connection can be set up: {0}")]
    NoClient(String),
}

fn kurrent(
    doing: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Kurrent { doing, source: Box::new(source) }
}
