//! The bodies of requests and answers: a request's must come in time, and what no handler wanted of
//! it is read before the answer; at the end of an answer's body the answer only has to be sent.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body as AnyBody;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use wire::BodyTooSlow;

use super::connection::{Connection, Phase};
use super::quiet_waker::quietly;

/// How much of a body is read although the handler doesn't want it, and for how long. If the server
/// closed the connection while the body is under way, the connection would be reset, and the client
/// would lose the answer that says why. Whoever sends more won't read the answer anyway.
const UNWANTED_BYTES_MAX: u64 = 1024 * 1024;
const UNWANTED_TIME_MAX: Duration = Duration::from_secs(1);

/// How fast a body must come: within this time, and a second more for each so many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyPace {
    pub(super) time: Duration,
    pub(super) bytes_per_second: u32,
}

/// A request's body, which fails with [`BodyTooSlow`] if it comes too slowly.
struct RequestBody {
    /// What came of it with the header.
    first: Option<Result<Frame<Bytes>, hyper::Error>>,
    /// Nothing only as it is dropped.
    body: Option<Incoming>,
    rest: Rest,
    connection: Arc<Connection>,
    pace: BodyPace,
    /// From when it was first waited for.
    wait: Option<Wait>,
    bytes: u64,
    is_over: bool,
}

/// The part of a request's body that the handler dropped unread.
#[derive(Clone, Default)]
pub(super) struct Rest(Arc<Mutex<Option<Unread>>>);

struct Unread {
    body: Incoming,
    /// Whether reading had begun. Then the client was told to send it (100 Continue).
    is_begun: bool,
}

struct Wait {
    begin: Instant,
    deadline: Pin<Box<Sleep>>,
}

/// A request's body for the handler, and what that will leave unread, where there may be something:
/// most bodies come with their header, and are whole. `waits` says that the client sends it only
/// when it is asked for.
pub(super) async fn begin_body(
    mut body: Incoming,
    waits: bool,
    connection: &Arc<Connection>,
    pace: BodyPace,
) -> (AnyBody, Option<Rest>) {
    if body.is_end_stream() {
        return (AnyBody::empty(), None);
    }
    let mut first = None;
    if !waits {
        let take = |context: &mut Context<'_>| quietly(|| Pin::new(&mut body).poll_frame(context));
        first = match poll_once(take).await {
            Poll::Pending => None,
            Poll::Ready(None) => return (AnyBody::empty(), None),
            Poll::Ready(Some(Ok(frame))) if frame.is_data() && body.is_end_stream() => {
                return (AnyBody::from(frame.into_data().unwrap_or_default()), None);
            }
            Poll::Ready(first) => {
                // Now the next piece can come.
                poll_once(|context| context.waker().wake_by_ref()).await;
                first
            }
        };
    }
    let (rest, connection) = (Rest::default(), Arc::clone(connection));
    let (left, body) = (rest.clone(), Some(body));
    let body =
        RequestBody { first, body, rest, connection, pace, wait: None, bytes: 0, is_over: false };
    (AnyBody::new(body), Some(left))
}

/// Does something as part of the present poll.
fn poll_once<T>(mut act: impl FnMut(&mut Context<'_>) -> T) -> impl Future<Output = T> {
    poll_fn(move |context| Poll::Ready(act(context)))
}

impl RequestBody {
    /// Waits for more of it, until its deadline: most bodies come with their header, and need none.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self { connection, pace: BodyPace { time, bytes_per_second }, wait, bytes, .. } = self;
        connection.enter_from(Phase::Busy, Phase::Body);
        let wait = wait.get_or_insert_with(|| {
            let begin = Instant::now();
            Wait { begin, deadline: Box::pin(sleep_until(begin + *time)) }
        });
        loop {
            ready!(wait.deadline.as_mut().poll(context));
            let earned = Duration::from_secs(*bytes / u64::from(*bytes_per_second));
            let deadline = wait.begin + *time + earned;
            if deadline <= wait.deadline.deadline() {
                return Poll::Ready(());
            }
            wait.deadline.as_mut().reset(deadline);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { first, body: Some(body), .. } = &mut *self else { return Poll::Ready(None) };
        let polled = match first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(body).poll_frame(context),
        };
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.data_ref().map_or(0, Bytes::len);
                self.bytes += u64::try_from(data).unwrap_or_default();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => {
                self.is_over = true;
                self.connection.enter_from(Phase::Body, Phase::Busy);
                Poll::Ready(ended.map(|ended| ended.map_err(Into::into)))
            }
            Poll::Pending => {
                ready!(self.poll_deadline(context));
                Poll::Ready(Some(Err(BodyTooSlow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let first = match &self.first {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            Some(Err(_)) | None => 0,
        };
        let first = u64::try_from(first).unwrap_or_default();
        let mut hint = SizeHint::with_exact(first);
        if let Some(body) = &self.body {
            let of_body = body.size_hint();
            hint = SizeHint::new();
            hint.set_lower(of_body.lower().saturating_add(first));
            if let Some(upper) = of_body.upper() {
                hint.set_upper(upper.saturating_add(first));
            }
        }
        hint
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.connection.enter_from(Phase::Body, Phase::Busy);
        if !self.is_over && !self.is_end_stream() {
            let is_begun = self.wait.is_some() || self.bytes > 0;
            *self.rest.0.lock() = self.body.take().map(|body| Unread { body, is_begun });
        }
    }
}

impl Rest {
    /// Whether there is any.
    pub(super) fn is_left(&self) -> bool {
        self.0.lock().is_some()
    }

    /// Whether nobody has begun to read it.
    pub(super) fn is_untouched(&self) -> bool {
        self.0.lock().as_ref().is_some_and(|rest| !rest.is_begun)
    }

    /// Reads it, so that the connection can have a next request; whether it came to its end.
    pub(super) async fn is_read(&self) -> bool {
        let Some(Unread { body: mut rest, .. }) = self.0.lock().take() else { return true };
        if rest.size_hint().lower() > UNWANTED_BYTES_MAX {
            return false;
        }
        let reading = async {
            let mut bytes = 0;
            while bytes <= UNWANTED_BYTES_MAX {
                match poll_fn(|context| Pin::new(&mut rest).poll_frame(context)).await {
                    None => return true,
                    Some(Err(_)) => return false,
                    Some(Ok(frame)) => {
                        let data = frame.data_ref().map_or(0, Bytes::len);
                        bytes += u64::try_from(data).unwrap_or(UNWANTED_BYTES_MAX);
                    }
                }
            }
            false
        };
        timeout(UNWANTED_TIME_MAX, reading).await.unwrap_or(false)
    }
}

/// An answer's body. When it is gone, hyper has all of it, and sends what it hasn't sent yet.
pub(super) struct AnswerBody {
    pub(super) body: AnyBody,
    pub(super) connection: Arc<Connection>,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.connection.enter(Phase::Sending);
    }
}
