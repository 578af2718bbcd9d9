//! The bodies of requests and answers: a request's must come in time, and at the end of an answer's
//! the answer only has to be sent.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body as AnyBody;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use wire::BodyTooSlow;

use super::connection::{Connection, Phase};

/// How fast a body must come: within this time, and a second more for each so many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyPace {
    pub(super) time: Duration,
    pub(super) bytes_per_second: u32,
}

/// A request's body, which fails with [`BodyTooSlow`] if it comes too slowly.
pub(super) struct RequestBody {
    body: Incoming,
    connection: Arc<Connection>,
    pace: BodyPace,
    /// From when it was first waited for.
    wait: Option<Wait>,
    bytes: u64,
}

struct Wait {
    begin: Instant,
    deadline: Pin<Box<Sleep>>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, connection: Arc<Connection>, pace: BodyPace) -> Self {
        Self { body, connection, pace, wait: None, bytes: 0 }
    }

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
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.data_ref().map_or(0, Bytes::len);
                self.bytes += u64::try_from(data).unwrap_or_default();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(ended) => {
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
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.connection.enter_from(Phase::Body, Phase::Busy);
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
