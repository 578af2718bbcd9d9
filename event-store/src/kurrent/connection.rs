//! Speaking with KurrentDB: appends and reads that end in time, whatever becomes of the client.
//!
//! Three things of the client crate are kept away from callers. A connection that couldn't be made
//! ends its one task, and with it the client for ever; after a failure it stays with the same node;
//! and it panics on an answer that isn't complete, or a file that is no certificate. So it is made
//! apart, every call runs in a task of its own, and after a failure the next call makes a new
//! client, which looks for the leader again.

use std::fmt;
use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, Client, ClientSettings, Credentials, Error, EventData, ReadEvent,
    ReadStreamOptions, RecordedEvent, StreamPosition, StreamState,
};
use tokio::sync::Mutex;

use super::client::Open;
use super::stream_error::StreamError;
use crate::StoreError;

/// How long an append or a read may take until it counts as lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A client, while it is of use.
pub(super) struct Connection {
    settings: ClientSettings,
    credentials: Option<Credentials>,
    client: Mutex<Option<Open>>,
}

/// What in a stream's metadata hides entries of it: all before a revision, what is old, what is too
/// much. A deletion is the first of them.
const HIDES: [&str; 3] = ["$tb", "$maxAge", "$maxCount"];

/// The number of gRPC's status that says so.
const CANCELLED: i32 = 1;

/// Why the client panics before it has connected.
const NO_CERTIFICATES: &str = "a file that the URL names with tlsCaFile, userCertFile or \
                               userKeyFile isn't the PEM file that it should be";

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
    pub(super) fn new(settings: ClientSettings, credentials: Option<Credentials>) -> Self {
        Self { settings, credentials, client: Mutex::default() }
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
        let options = match &self.credentials {
            Some(credentials) => options.authenticated(credentials.clone()),
            None => options,
        };
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
            Ok(Err(error)) => Err(self.refused("append to", stream, error)),
            Err(lost) => Err(self.failed("append to", stream, lost)),
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
        let options = match &self.credentials {
            Some(credentials) => options.authenticated(credentials.clone()),
            None => options,
        };
        let name = stream.to_owned();
        let read = self.call(async move |client| {
            let (mut found, mut is_whole) = (vec![], false);
            let mut answers = client.read_stream(name, &options).await?;
            loop {
                match answers.next_read_event().await {
                    Ok(Some(ReadEvent::Event(answer))) => found.extend(answer.event),
                    // It comes last.
                    Ok(Some(ReadEvent::LastStreamPosition(_))) => is_whole = true,
                    Ok(Some(_)) => {}
                    Ok(None) => return Ok(is_whole.then_some(Some(found))),
                    // An answer of the server's. Where the call itself is refused so, nobody has
                    // looked: a node that knows no leader says the same.
                    Err(Error::ResourceNotFound) if found.is_empty() => return Ok(Some(None)),
                    Err(error) => return Err(error),
                }
            }
        });
        match read.await {
            Ok(Ok(found)) => found.ok_or_else(|| self.failed("read", stream, Lost::CutShort)),
            Ok(Err(error)) => Err(self.refused("read", stream, error)),
            Err(lost) => Err(self.failed("read", stream, lost)),
        }
    }

    /// Runs a call to its end or for as long as patience lasts. What ends otherwise than by the
    /// server's word takes the client with it.
    async fn call<Done, Calling>(
        &self,
        call: impl FnOnce(Client) -> Calling + Send + 'static,
    ) -> Result<Result<Done, Error>, Lost>
    where
        Done: Send + 'static,
        Calling: Future<Output = Result<Done, Error>> + Send + 'static,
    {
        let open = self.open().await?;
        let number = open.number;
        let mut calling = tokio::spawn(async move { call(open.client.clone()).await });
        let ended = tokio::time::timeout(PATIENCE, &mut calling).await;
        let result = match ended {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(_)) => Err(Lost::Unreadable),
            Err(_) => {
                calling.abort();
                Err(Lost::Silent)
            }
        };
        let is_fine = match &result {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => is_said_by_the_server(error),
            Err(_) => false,
        };
        if !is_fine {
            let mut held = self.client.lock().await;
            if held.as_ref().is_some_and(|open| open.number == number) {
                *held = None;
            }
        }
        result
    }

    fn refused(&self, doing: &'static str, stream: &str, error: Error) -> StoreError {
        match error {
            Error::ResourceDeleted => StreamError::Deleted { stream: stream.into() }.into(),
            Error::AccessDenied => self.failed(doing, stream, Lost::Denied),
            Error::ResourceNotFound => self.failed(doing, stream, Lost::NoLeader),
            Error::NotLeaderException(leader) => {
                self.failed(doing, stream, Lost::Elsewhere(leader.host, leader.port))
            }
            error => self.failed(doing, stream, error),
        }
    }

    fn failed(
        &self,
        doing: &'static str,
        stream: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> StoreError {
        let hosts = self.settings.hosts().iter().map(|at| format!("{}:{}", at.host, at.port));
        let hosts = hosts.collect::<Vec<_>>().join(",");
        let what = format!("the stream {stream} in KurrentDB at {hosts}");
        StoreError::Kurrent { doing, what, source: Box::new(source) }
    }

    async fn open(&self) -> Result<Open, Lost> {
        let mut held = self.client.lock().await;
        if let Some(open) = held.as_ref() {
            return Ok(open.clone());
        }
        let settings = self.settings.clone();
        // It reads files, and panics on some of what may be in them.
        let making = tokio::task::spawn_blocking(move || Open::new(settings));
        let made = tokio::time::timeout(PATIENCE, making).await.map_err(|_| Lost::Silent)?;
        let open = made.unwrap_or_else(|_| Err(NO_CERTIFICATES.into())).map_err(Lost::NoClient)?;
        Ok(held.insert(open).clone())
    }
}

/// Without the password.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.client.try_lock().ok().and_then(|held| held.as_ref().map(|o| o.number));
        f.debug_struct("Connection").field("client", &number).finish_non_exhaustive()
    }
}

/// Whether the connection was good enough for an answer, so that another would bring the same. To a
/// leader that it was told of, the client goes by itself.
fn is_said_by_the_server(error: &Error) -> bool {
    match error {
        Error::WrongExpectedVersion { .. }
        | Error::NotLeaderException(_)
        | Error::AccessDenied
        | Error::ResourceDeleted => true,
        // A call is also cancelled where its connection ends under it.
        Error::Grpc { code, .. } => i32::from(*code) != CANCELLED,
        // A deadline passes at the client, too, and another node may answer in time.
        _ => false,
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("no answer came within {PATIENCE:?}")]
    Silent,
    #[error("the answer couldn't be read")]
    Unreadable,
    #[error("the answer ended before it was whole")]
    CutShort,
    #[error(
        "the URL's user may not do that; it needs to read and append to streams that begin \
             with guerdon, and to read their metadata"
    )]
    Denied,
    #[error("the node that was asked knows of no leader; one may be being elected")]
    NoLeader,
    #[error("the node that was asked doesn't lead the cluster any more, and {0}:{1} does")]
    Elsewhere(String, u32),
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
