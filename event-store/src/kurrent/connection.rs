//! Speaking with KurrentDB: appends and reads that end in time, whatever becomes of the client.
//!
//! Three things of the client crate are kept away from callers. A connection that couldn't be made
//! ends its one task, and with it the client for ever; after a failure it stays with the same node;
//! and it panics on an answer that isn't complete. So every call runs in a task of its own, and
//! after a failure the next call makes a new client, which looks for the leader again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, Client, ClientSettings, Error, EventData, ReadEvent, ReadStreamOptions,
    RecordedEvent, StreamPosition, StreamState,
};

use super::stream_error::StreamError;
use crate::StoreError;

/// How long an append or a read may take until it counts as lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

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

/// What in a stream's metadata hides entries of it: all before a revision, what is old, what is too
/// much. A deletion is the first of them.
const HIDES: [&str; 3] = ["$tb", "$maxAge", "$maxCount"];

/// From where and which way to read.
#[derive(Clone, Copy, Debug)]
pub(super) enum ReadAt {
    /// Forwards from this revision.
    Revision(u64),
    /// Backwards from this revision.
    Back(u64),
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
        if after.is_none() {
            self.refuse_hidden(stream).await?;
        }
        let expected = after.map_or(StreamState::NoStream, StreamState::StreamRevision);
        let options = AppendToStreamOptions::default().stream_state(expected).requires_leader(true);
        let count = events.len() as u64;
        let name = stream.to_owned();
        let appended =
            self.call(async move |client| client.append_to_stream(name, &options, events).await);
        match appended.await {
            Ok(Ok(written)) => {
                let revision = written.next_expected_version;
                landed_in_place(stream, after, count, revision)?;
                Ok(Answer::Landed(revision))
            }
            Ok(Err(Error::WrongExpectedVersion { .. })) => Ok(Answer::Moved),
            Ok(Err(error)) => Err(failed("append to", stream, error)),
            Err(lost) => Err(kurrent("append to", lost)),
        }
    }

    /// The server takes an append as the first of a stream that was deleted, too, and goes on
    /// behind what that had: a ledger would begin anew and know nothing of what it has answered.
    async fn refuse_hidden(&self, stream: &str) -> Result<(), StoreError> {
        let metadata = self.read(&format!("$${stream}"), ReadAt::End, 1).await?;
        let Some(metadata) = metadata.as_ref().and_then(|entries| entries.first()) else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(&metadata.data).into_owned();
        if HIDES.iter().any(|word| text.contains(&format!("\"{word}\""))) {
            return Err(StreamError::Hidden { stream: stream.into(), metadata: Some(text) }.into());
        }
        Ok(())
    }

    /// A stream's last entry; nothing where there is no such stream.
    pub(super) async fn last(&self, stream: &str) -> Result<Option<RecordedEvent>, StoreError> {
        let Some(entries) = self.read(stream, ReadAt::End, 1).await? else { return Ok(None) };
        // There is a stream, so it has a last entry.
        let hidden = || StreamError::Hidden { stream: stream.into(), metadata: None }.into();
        entries.into_iter().next().map(Some).ok_or_else(hidden)
    }

    /// Up to `limit` events of a stream; nothing where there is no such stream.
    pub(super) async fn read(
        &self,
        stream: &str,
        from: ReadAt,
        limit: usize,
    ) -> Result<Option<Vec<RecordedEvent>>, StoreError> {
        let options = match from {
            ReadAt::Revision(at) => {
                ReadStreamOptions::default().forwards().position(StreamPosition::Position(at))
            }
            ReadAt::Back(at) => {
                ReadStreamOptions::default().backwards().position(StreamPosition::Position(at))
            }
            ReadAt::End => ReadStreamOptions::default().position(StreamPosition::End),
        };
        // A follower may lag behind what was answered already.
        let options = options.max_count(limit).requires_leader(true);
        let name = stream.to_owned();
        let read = self.call(async move |client| {
            let mut found = vec![];
            let mut answers = client.read_stream(name, &options).await?;
            loop {
                match answers.next_read_event().await {
                    Ok(Some(ReadEvent::Event(answer))) => found.extend(answer.event),
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(Some(found)),
                    // An answer of the server's. Where the call itself is refused so, nobody has
                    // looked: a node that knows no leader says the same.
                    Err(Error::ResourceNotFound) if found.is_empty() => return Ok(None),
                    Err(error) => return Err(error),
                }
            }
        });
        match read.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(failed("read", stream, error)),
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
            Ok(Ok(_) | Err(Error::WrongExpectedVersion { .. } | Error::NotLeaderException(_)))
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

/// Whether an append went behind what it named, as far as an append of nothing has a place.
fn landed_in_place(
    stream: &str,
    after: Option<u64>,
    count: u64,
    revision: u64,
) -> Result<(), StoreError> {
    let expected = after.map_or(0, |after| after.saturating_add(1)) + count.saturating_sub(1);
    if count == 0 || revision == expected {
        return Ok(());
    }
    Err(StreamError::LandedElsewhere { stream: stream.into(), revision, expected }.into())
}

fn failed(doing: &'static str, stream: &str, error: Error) -> StoreError {
    match error {
        Error::ResourceDeleted => StreamError::Deleted { stream: stream.into() }.into(),
        error => kurrent(doing, error),
    }
}

fn kurrent(
    doing: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::Kurrent { doing, source: Box::new(source) }
}
