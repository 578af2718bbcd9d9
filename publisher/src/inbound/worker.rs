//! Works on the messages of some keys, one after the other: calls the command API, or parks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use trace::{Span, SpanKind, Traceparent, Tracer};
use wire::INTERNAL;

use super::call::{Call, Unreadable};
use super::command_api::{Answer, NoAnswer, Refused};
use super::waiting::Waiting;
use super::way_in::WayIn;
use crate::causes::with_causes;
use crate::clock::UnixMillis;
use crate::kafka::consumer::{Incoming, Offset};
use crate::state::error::StateError;
use crate::state::parked::Parking;
use crate::state::store::State;

/// The pause before a retry, at first and at most.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// How often the command API may fail at a message before that is parked: with the pauses between
/// them, for some seconds. What lasts longer needs a person, and holds up what comes after.
const FAILURES_MAX: u32 = 6;

/// What a worker works with.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) way_in: WayIn,
    pub(super) state: Arc<State>,
    pub(super) waiting: Arc<Waiting>,
    pub(super) tracer: Tracer,
}

/// A message to work on.
pub(super) struct Work {
    pub(super) message: Incoming,
    pub(super) call: Result<Call, Unreadable>,
    /// Its share of the bytes that may wait, until it is done.
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

/// Why a message is tried again.
#[derive(Debug)]
enum Again {
    Later(NoAnswer),
    /// The command API failed at it.
    Failed(Refused),
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Later(why) => why.fmt(f),
            Self::Failed(refused) => f.write_str(&refused.why),
        }
    }
}

impl Worker {
    pub(super) async fn run(
        self,
        mut queued: mpsc::Receiver<Work>,
        done: mpsc::UnboundedSender<Offset>,
    ) {
        while let Some(work) = queued.recv().await {
            let Work { message, call, .. } = &work;
            let refused = match call {
                Ok(call) => self.ask_traced(message, call).await,
                Err(why) => Some(Refused { code: Unreadable::CODE.into(), why: why.to_string() }),
            };
            if let Some(refused) = refused {
                self.park(message, &refused).await;
            }
            drop(done.send(work.message.at));
        }
    }

    /// Asks in a span, where the message's trace is kept or what it is about is marked.
    async fn ask_traced(&self, message: &Incoming, call: &Call) -> Option<Refused> {
        let is_marked = !self.tracer.marks().is_empty()
            && (self.tracer.marks().has_account(&call.key)
                || self.tracer.marks().has_request(&call.key));
        let Some(mut span) = self.begin(message, is_marked) else {
            return self.ask(message, call, message.traceparent.as_deref()).await;
        };
        let refused = self.ask(message, call, Some(&span.at().to_string())).await;
        let code = refused.as_ref().map_or("done", |refused| &refused.code);
        if is_marked {
            let (trace_id, ms, at) = (span.at().trace_id_text(), span.millis(), &message.at);
            let (path, key) = (call.path.as_str(), call.key.as_str());
            tracing::info!(
                target: "mark", trace_id, ?at, path, about = key, code, ms,
                "a message was worked on"
            );
        }
        span.text("guerdon.outcome", code);
        span.end();
        refused
    }

    fn begin(&self, message: &Incoming, is_marked: bool) -> Option<Span> {
        if self.tracer.is_idle() {
            return None;
        }
        let at = &message.at;
        let parent = message.traceparent.as_deref().and_then(Traceparent::parse);
        let name = format!("process {}", at.topic);
        let mut span = self.tracer.enter(name, SpanKind::Consumer, parent, is_marked)?;
        span.text("messaging.system", "kafka");
        span.text("messaging.operation.type", "process");
        span.text("messaging.destination.name", &at.topic);
        span.text("messaging.destination.partition.id", at.partition.0.to_string());
        span.int("messaging.kafka.offset", at.offset);
        Some(span)
    }

    /// Calls the command API until it answers, or has failed too often; returns the refusal if the
    /// message can't be used.
    async fn ask(
        &self,
        message: &Incoming,
        call: &Call,
        traceparent: Option<&str>,
    ) -> Option<Refused> {
        let at = &message.at;
        let (mut is_logged, mut failures) = (false, 0);
        let asked = || async {
            match self.way_in.command_api.call(call, traceparent).await {
                Answer::Done => Ok(None),
                Answer::Refused(refused) => Ok(Some(refused)),
                Answer::Failed(refused) => Err(Again::Failed(refused)),
                Answer::Later(why) => Err(Again::Later(why)),
            }
        };
        let may_pass = |why: &Again| match why {
            Again::Later(_) => true,
            Again::Failed(_) => {
                failures += 1;
                failures < FAILURES_MAX
            }
        };
        let waits = |why: &Again, _: Duration| {
            self.waiting.note(at, why.to_string());
            if !is_logged {
                is_logged = true;
                tracing::warn!(%why, ?at, "a message waits for the command API");
            }
        };
        let refused = asked.retry(endless()).when(may_pass).notify(waits).await;
        self.waiting.end(at);
        match refused {
            Ok(refused) => refused,
            Err(Again::Failed(refused)) => Some(refused),
            // The retries don't end at these.
            Err(Again::Later(why)) => {
                Some(Refused { code: INTERNAL.slug.into(), why: why.to_string() })
            }
        }
    }

    /// Parks a message until that is durable. Only then the message counts as read.
    async fn park(&self, message: &Incoming, refused: &Refused) {
        let Refused { code, why: reason } = refused;
        tracing::error!(at = ?message.at, code, reason, "a message can't be used, and is parked");
        let at = UnixMillis::now();
        let parking = || self.state.park(Parking { message, code, reason, at });
        let failed = |error: &StateError, _: Duration| {
            let error = with_causes(error);
            tracing::warn!(error, at = ?message.at, "a message can't be parked yet");
        };
        // The retries don't end before it is parked.
        drop(parking.retry(endless()).notify(failed).await);
    }
}

/// Retries without end; the pauses double up to [`RETRY_MAX`], with jitter.
fn endless() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(RETRY_MIN)
        .with_max_delay(RETRY_MAX)
        .without_max_times()
        .with_jitter()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use backon::BackoffBuilder as _;

    use super::super::command_api::CommandApiAt;
    use super::*;
    use crate::kafka::topic_partition::TopicPartition;
    use crate::state::StateUrl;

    /// What becomes of one message where the command API answers so many times with a status: how
    /// often it was asked, and the codes of what is parked.
    async fn after(times: u32, status: StatusCode) -> (u32, Vec<String>) {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let router = Router::new().fallback(move || {
            let is_late = count.fetch_add(1, Ordering::Relaxed) < times;
            std::future::ready(if is_late { status } else { StatusCode::OK })
        });
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateUrl::Sqlite(folder.path().join("publisher.sqlite"));
        let state = Arc::new(State::open(&state).await.expect("opened"));
        let way_in = WayIn {
            command_api: CommandApiAt::InProcess(router),
            group: "group".into(),
            warehouse_events: "events".into(),
            earnings: "earnings".into(),
        };
        let body = br#"{"account_id":"ann","points":5}"#.to_vec();
        let call = way_in.call("earnings", &body);
        let partition = TopicPartition(0);
        let at = Offset { topic: "earnings".into(), partition, offset: 0 };
        let message = Incoming { at, key: None, body, traceparent: None };
        let (waiting, tracer) = (Arc::default(), Tracer::default());
        let worker = Worker { way_in, state: Arc::clone(&state), waiting, tracer };
        let (queue, queued) = mpsc::channel(1);
        let (done, mut is_done) = mpsc::unbounded_channel();
        queue.send(Work { message, call, _room: None }).await.expect("queued");
        drop(queue);
        worker.run(queued, done).await;
        assert!(is_done.recv().await.is_some(), "it counts as read");
        let parked = state.parked(0, 10).await.expect("read");
        let codes = parked.into_iter().map(|message| message.code);
        (asked.load(Ordering::Relaxed), codes.collect())
    }

    #[tokio::test]
    async fn a_server_error_is_tried_again_some_times_and_then_parks_the_message() {
        let error = StatusCode::INTERNAL_SERVER_ERROR;
        let (passes, lasts) = tokio::join!(after(2, error), after(u32::MAX, error));
        assert_eq!(passes, (3, vec![]));
        assert_eq!(lasts, (FAILURES_MAX, vec!["internal".to_owned()]));
    }

    #[tokio::test]
    async fn a_command_api_that_is_away_parks_nothing_however_often_it_is_asked() {
        let times = FAILURES_MAX + 1;
        assert_eq!(after(times, StatusCode::SERVICE_UNAVAILABLE).await, (times + 1, vec![]));
    }

    #[test]
    fn retries_do_not_end_and_their_pauses_are_bounded() {
        let pauses: Vec<Duration> = endless().build().take(10_000).collect();
        assert_eq!(pauses.len(), 10_000);
        assert!(pauses.iter().all(|pause| *pause >= RETRY_MIN && *pause <= RETRY_MAX * 2));
    }
}
