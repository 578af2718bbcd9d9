//! The gRPC service: reads and appends over HTTP/2, and the faults that a test asks for.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codec::ProstCodec;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::metadata::MetadataValue;
use tonic::server::{ClientStreamingService, Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status, Streaming};

use super::protocol::{
    AppendContent, AppendOptions, AppendReq, AppendResp, Count, Direction, ExpectedRevision,
    ProposedMessage, ReadContent, ReadEvent, ReadFrom, ReadReq, ReadResp, RecordedEvent,
    StreamIdentifier, StreamNotFound, SubscriptionConfirmation,
};
use super::streams::{Append, first_shown, refused, written_id};
use super::{AppendFault, Log, Shared};

/// The most bytes that one append may have: the server's default up to version 25.0.
const APPEND_BYTES_MAX: usize = 1_048_576;

/// How many answers wait for a reader.
const ANSWERS: usize = 256;

/// `event_store.client.streams.Streams`.
#[derive(Clone, Debug)]
pub(super) struct StreamsService(pub(super) Arc<Shared>);

impl NamedService for StreamsService {
    const NAME: &'static str = "event_store.client.streams.Streams";
}

impl Service<http::Request<Body>> for StreamsService {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move {
            Ok(match request.uri().path().rsplit('/').next() {
                Some("Append") => {
                    Grpc::new(ProstCodec::default())
                        .client_streaming(AppendMethod(shared), request)
                        .await
                }
                Some("Read") => {
                    Grpc::new(ProstCodec::default())
                        .server_streaming(ReadMethod(shared), request)
                        .await
                }
                Some("Delete" | "Tombstone") => {
                    Status::permission_denied("this server deletes nothing").into_http()
                }
                _ => Status::unimplemented("this server only appends and reads").into_http(),
            })
        })
    }
}

struct AppendMethod(Arc<Shared>);

impl ClientStreamingService<AppendReq> for AppendMethod {
    type Response = AppendResp;
    type Future = BoxFuture<Response<AppendResp>, Status>;

    fn call(&mut self, request: Request<Streaming<AppendReq>>) -> Self::Future {
        let shared = self.0.clone();
        shared.note_whom_it_asks(&request);
        Box::pin(async move {
            let append = gather(request.into_inner()).await?;
            shared.append(append).await.map(Response::new)
        })
    }
}

async fn gather(mut parts: Streaming<AppendReq>) -> Result<Append, Status> {
    let first = parts.next().await.transpose()?.and_then(|part| part.content);
    let Some(AppendContent::Options(AppendOptions { stream_identifier, expected })) = first else {
        return Err(Status::invalid_argument("an append begins with its options"));
    };
    let stream = stream_identifier.unwrap_or_default().stream_name;
    let expected = expected.unwrap_or(ExpectedRevision::Any(Default::default()));
    let mut events = vec![];
    while let Some(part) = parts.next().await.transpose()? {
        match part.content {
            Some(AppendContent::ProposedMessage(event)) => events.push(event),
            _ => return Err(Status::invalid_argument("events follow the options")),
        }
    }
    Ok(Append { stream, expected, events })
}

impl Shared {
    async fn append(&self, append: Append) -> Result<AppendResp, Status> {
        if append.bytes() > APPEND_BYTES_MAX {
            let why = format!("Maximum Append Size of {APPEND_BYTES_MAX} Exceeded.");
            return Err(Status::invalid_argument(why));
        }
        if let Some(refusal) = self.refusal(&append.stream) {
            return Err(refusal);
        }
        let fault = self.log().faults.pop_front();
        match fault {
            None => Ok(self.land(append)),
            Some(AppendFault::Refused) => {
                let length = self.log().streams.get(&append.stream).map_or(0, Vec::len);
                Ok(refused(&append.expected, length as u64))
            }
            Some(AppendFault::NotLeader) => Err(self.not_leader()),
            Some(AppendFault::AccessDenied) => Err(Status::permission_denied("Access Denied")),
            Some(AppendFault::Invalid) => Err(Status::invalid_argument("It is no append")),
            Some(AppendFault::Silent) => std::future::pending().await,
            Some(AppendFault::NotLanded) => self.lose_connection().await,
            Some(AppendFault::Landed) => {
                self.land(append);
                self.lose_connection().await
            }
            Some(AppendFault::LandsLate) => {
                self.log().late.push(append);
                self.lose_connection().await
            }
        }
    }

    pub(super) fn land(&self, append: Append) -> AppendResp {
        let answer = append.land(&mut self.log().streams);
        self.appended.send_modify(|count| *count += 1);
        answer
    }

    async fn lose_connection(&self) -> Result<AppendResp, Status> {
        self.front.cut();
        // Nobody hears it.
        Err(Status::unavailable("the connection was cut"))
    }

    fn note_whom_it_asks<Message>(&self, request: &Request<Message>) {
        let asks_the_leader = request.metadata().get("requires-leader");
        if asks_the_leader.is_none_or(|value| value != "true") {
            self.calls_of_any_node.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Why it neither reads a stream nor appends to it.
    fn refusal(&self, stream: &[u8]) -> Option<Status> {
        let (status, exception) = if !self.knows_leader.load(Ordering::Relaxed) {
            (Status::not_found("No leader info available in response"), "not-leader")
        } else if self.log().tombstones.contains(stream) {
            (Status::failed_precondition("Event stream is deleted."), "stream-deleted")
        } else {
            return None;
        };
        let mut status = status;
        status.metadata_mut().insert("exception", MetadataValue::from_static(exception));
        Some(status)
    }

    fn not_leader(&self) -> Status {
        let mut status = Status::not_found("Leader info available");
        let (host, port) = (self.address.ip().to_string(), self.address.port().to_string());
        for (name, value) in [
            ("exception", "not-leader"),
            ("leader-endpoint-host", &host),
            ("leader-endpoint-port", &port),
        ] {
            if let Ok(value) = value.parse() {
                status.metadata_mut().insert(name, value);
            }
        }
        status
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct ReadMethod(Arc<Shared>);

type Answers = Pin<Box<ReceiverStream<Result<ReadResp, Status>>>>;

impl ServerStreamingService<ReadReq> for ReadMethod {
    type Response = ReadResp;
    type ResponseStream = Answers;
    type Future = BoxFuture<Response<Answers>, Status>;

    fn call(&mut self, request: Request<ReadReq>) -> Self::Future {
        let shared = self.0.clone();
        let is_subscription = request
            .get_ref()
            .options
            .as_ref()
            .is_some_and(|options| matches!(options.count, Some(Count::Subscription(_))));
        if !is_subscription {
            shared.note_whom_it_asks(&request);
        }
        Box::pin(async move {
            let options = request.into_inner().options.unwrap_or_default();
            let Some(stream) = options.stream else {
                return Err(Status::unimplemented("this server doesn't read $all"));
            };
            let read = Read {
                stream: stream.stream_identifier.unwrap_or_default().stream_name,
                from: stream.from.unwrap_or(ReadFrom::Start(Default::default())),
                is_backwards: options.direction == Direction::Backwards as i32,
            };
            if let Some(refusal) = shared.refusal(&read.stream) {
                return Err(refusal);
            }
            let (answers, receiver) = mpsc::channel(ANSWERS);
            // It ends when the reader has gone.
            match options.count {
                Some(Count::Subscription(_)) => {
                    tokio::spawn(shared.subscribe(read, answers));
                }
                Some(Count::Count(count)) => {
                    tokio::spawn(async move { shared.read(read, count, &answers).await });
                }
                None => return Err(Status::invalid_argument("a read says how much")),
            }
            Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
        })
    }
}

struct Read {
    stream: Vec<u8>,
    from: ReadFrom,
    is_backwards: bool,
}

/// Events with their revisions, and the last revision of their stream.
type Shown = (Vec<(usize, ProposedMessage)>, u64);

type Sender = mpsc::Sender<Result<ReadResp, Status>>;

impl Shared {
    async fn read(&self, read: Read, count: u64, answers: &Sender) {
        let shown = self.shown(&read, count);
        let stream = StreamIdentifier { stream_name: read.stream };
        let Some((events, last)) = shown else {
            let content = StreamNotFound { stream_identifier: Some(stream) };
            send(answers, ReadContent::StreamNotFound(content)).await;
            return;
        };
        let is_cut = self.cuts_read.swap(false, Ordering::Relaxed);
        let count = if is_cut { events.len() / 2 } else { events.len() };
        for (at, event) in events.into_iter().take(count) {
            let recorded = RecordedEvent {
                id: Some(written_id(&event)),
                stream_identifier: Some(stream.clone()),
                stream_revision: at as u64,
                metadata: event.metadata,
                custom_metadata: event.custom_metadata,
                data: event.data,
            };
            let event = ReadEvent { event: Some(recorded) };
            if !send(answers, ReadContent::Event(event)).await {
                return;
            }
        }
        if !is_cut {
            send(answers, ReadContent::LastStreamPosition(last)).await;
        }
    }

    /// What a read gets, and the stream's last revision; nothing of one that isn't there.
    fn shown(&self, read: &Read, count: u64) -> Option<Shown> {
        let log = self.log();
        let first = first_shown(&log.streams, &read.stream)?;
        let events = log.streams.get(&read.stream)?;
        let last = events.len().saturating_sub(1);
        let at = match read.from {
            ReadFrom::Start(_) => 0,
            ReadFrom::End(_) => last,
            ReadFrom::Revision(at) => usize::try_from(at).unwrap_or(usize::MAX),
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let all = events.iter().enumerate().skip(first);
        let chosen: Vec<_> = if read.is_backwards {
            let to_there: Vec<_> = all.take_while(|(revision, _)| *revision <= at).collect();
            to_there.into_iter().rev().take(count).collect()
        } else {
            all.skip_while(|(revision, _)| *revision < at).take(count).collect()
        };
        let chosen = chosen.into_iter().map(|(at, event)| (at, event.clone())).collect();
        Some((chosen, last as u64))
    }

    /// From after a revision on, or from the start, for as long as the reader stays.
    async fn subscribe(self: Arc<Self>, read: Read, answers: Sender) {
        let mut appended = self.appended.subscribe();
        let length = |shared: &Self| {
            shared.log().streams.get(&read.stream).map_or(0, |events| events.len() as u64)
        };
        let mut next = match read.from {
            ReadFrom::Start(_) => 0,
            ReadFrom::Revision(after) => after.saturating_add(1),
            ReadFrom::End(_) => length(&self),
        };
        let confirmation = SubscriptionConfirmation { subscription_id: "1".into() };
        send(&answers, ReadContent::Confirmation(confirmation)).await;
        while !answers.is_closed() {
            let end = length(&self);
            if end > next {
                let from = ReadFrom::Revision(next);
                let part = Read { stream: read.stream.clone(), from, is_backwards: false };
                self.read(part, end - next, &answers).await;
                next = end;
            }
            if appended.changed().await.is_err() {
                return;
            }
        }
    }
}

async fn send(answers: &Sender, content: ReadContent) -> bool {
    answers.send(Ok(ReadResp { content: Some(content) })).await.is_ok()
}
