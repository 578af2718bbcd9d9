//! The calls of operators, of auditors and about keys of which no event tells: refused, failed, or
//! done without a fact of the ledger, such as making a key.
//!
//! They go into a table beside the keys, some at once, and no answer waits for that. Shoppers'
//! calls never do. A stranger's, without a valid key, do if they are about keys, but only a few.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, Response, StatusCode};
use domain::AccountId;
use event_store::{EventStore, StoreError};
use log_record::{Principal, UnrecordedCall};
use parking_lot::Mutex;
use postgres_connection::storable;
use query_api::{CallsUnread, ReadCalls};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use trace::unix_micros;
use uuid::Uuid;
use wire::{AnsweredProblem, GUERDON_POSITION, decoded_id};

use super::asked::Asked;
use super::seldom::Seldom;
use super::shipping_account::account_of;

/// The most calls that wait to be written. They are made by people and a few programs; a thousand
/// are minutes of them, or a program that repeats a mistake.
const QUEUE_CALLS_MAX: usize = 1_024;

/// The most calls that are written at once.
const BATCH_CALLS_MAX: usize = 256;

/// How long a batch rests after it, and one that failed before it is tried again.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// How often the account of a batch's calls is looked for, before they are noted without it: a
/// minute.
const LOOKS_MAX: u32 = 60;

/// The most calls that are kept: about 50 MB with their texts.
const CALLS_KEPT_MAX: u32 = 100_000;

/// The oldest calls that are kept: long enough for a quarter's audit.
const CALLS_AGE_MAX: Duration = Duration::from_hours(100 * 24);

/// How often old calls are deleted, by the process that takes commands; and after how many of its
/// own.
const DELETE_EVERY: Duration = Duration::from_mins(10);
const DELETE_AFTER_CALLS: usize = 1_000;

/// How many calls of strangers are kept in a minute: who tries keys must not push others' calls
/// out.
const STRANGERS_PER_MINUTE_MAX: u32 = 10;

/// How many refused or failed calls of one key are kept in a minute, but for operators'.
const REFUSED_PER_MINUTE_MAX: u32 = 60;

/// How many keys are told apart in that; there are fewer.
const KEYS_MAX: usize = 1_024;

/// How long a read of them may take.
const READ_MAX: Duration = Duration::from_secs(2);

/// Takes the calls that are to be written.
#[derive(Clone, Debug)]
pub(super) struct Calls(Arc<Noting>);

#[derive(Debug)]
struct Noting {
    queue: mpsc::Sender<UnrecordedCall>,
    /// How many found no room in the queue.
    lost: Arc<AtomicU64>,
    limits: Mutex<Limits>,
}

/// The calls within a minute that are limited: each key's, and all strangers' together.
#[derive(Debug)]
struct Limits {
    minute: Instant,
    calls: HashMap<Option<Box<str>>, u32>,
}

/// The calls that were taken, on their way to the table.
pub(super) struct Taken {
    calls: mpsc::Receiver<UnrecordedCall>,
    lost: Arc<AtomicU64>,
}

/// Calls are taken from now on, and written once somebody writes them.
pub(super) fn calls() -> (Calls, Taken) {
    let (queue, calls) = mpsc::channel(QUEUE_CALLS_MAX);
    let lost = Arc::<AtomicU64>::default();
    let limits = Mutex::new(Limits { minute: Instant::now(), calls: HashMap::new() });
    let noting = Noting { queue, lost: Arc::clone(&lost), limits };
    (Calls(Arc::new(noting)), Taken { calls, lost })
}

impl Calls {
    /// Takes a call that was answered so, if it is one of these.
    pub(super) fn note<B>(&self, asked: &Asked, response: &Response<B>) {
        if !is_unrecorded(&asked.method, response) {
            return;
        }
        let caller = asked.caller.get();
        if !is_kept(caller, asked.path()) || !self.has_room_for(caller, response.status()) {
            return;
        }
        if self.0.queue.try_send(call(asked, caller, response)).is_err() {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whoever can be refused all the time must not push others' calls out.
    fn has_room_for(&self, caller: Option<&Principal>, status: StatusCode) -> bool {
        let most = match caller.map(|caller| caller.role) {
            None => STRANGERS_PER_MINUTE_MAX,
            Some("operator") => return true,
            Some(_) if status.is_client_error() || status.is_server_error() => {
                REFUSED_PER_MINUTE_MAX
            }
            Some(_) => return true,
        };
        let key = caller.map(|caller| caller.key.as_deref().unwrap_or_default());
        self.0.limits.lock().is_let_in(key, most, Instant::now())
    }
}

impl Limits {
    fn is_let_in(&mut self, key: Option<&str>, most: u32, now: Instant) -> bool {
        if now.duration_since(self.minute) >= Duration::from_mins(1) {
            *self = Self { minute: now, calls: HashMap::new() };
        }
        let key = key.map(Into::into);
        if self.calls.len() >= KEYS_MAX && !self.calls.contains_key(&key) {
            return false;
        }
        let calls = self.calls.entry(key).or_default();
        *calls = calls.saturating_add(1);
        *calls <= most
    }
}

/// Whether a call recorded no event, and did something or was to.
fn is_unrecorded<B>(method: &Method, response: &Response<B>) -> bool {
    let status = response.status();
    let is_read = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    let is_done = !is_read && !response.headers().contains_key(GUERDON_POSITION);
    status.is_client_error() || status.is_server_error() || is_done
}

/// Whether calls of this caller to this path are kept.
fn is_kept(caller: Option<&Principal>, path: &str) -> bool {
    match caller.map(|caller| caller.role) {
        Some("operator" | "auditor") => true,
        Some("shopper") => false,
        Some(_) | None => path == "/v1/keys" || path.starts_with("/v1/keys/"),
    }
}

fn call<B>(asked: &Asked, caller: Option<&Principal>, response: &Response<B>) -> UnrecordedCall {
    let problem = response.extensions().get::<AnsweredProblem>();
    let of = |field: fn(&Principal) -> Option<&str>| caller.and_then(field).map(storable);
    UnrecordedCall {
        id: Uuid::now_v7(),
        at: unix_micros(),
        request_id: Some(asked.id().to_owned()),
        traceparent: asked.traceparent(),
        key: of(|caller| caller.key.as_deref()),
        role: caller.map(|caller| caller.role.to_owned()),
        subject: of(|caller| caller.subject.as_deref()),
        name: of(|caller| caller.name.as_deref()),
        reason: of(|caller| caller.reason.as_deref()),
        method: asked.method.to_string(),
        path: storable(asked.path()),
        account_id: account_in(asked.path()),
        status: response.status().as_u16(),
        code: problem.map(|problem| problem.code.to_owned()),
        detail: problem.map(|problem| storable(&problem.detail)),
    }
}

/// Names the account in the calls about a shipping request, so that an erasure finds them. Where
/// the log can't be read now, the rest stays without.
async fn name_accounts(store: &EventStore, calls: &mut [UnrecordedCall]) -> Result<(), StoreError> {
    for call in calls.iter_mut().filter(|call| call.account_id.is_none()) {
        if let Some(path) = call.path.strip_prefix("/v1/shipping-requests/") {
            let request = path.split('/').next().and_then(decoded_id).unwrap_or_default();
            call.account_id = account_of(store, &request).await?;
        }
    }
    Ok(())
}

/// The account that a path names.
fn account_in(path: &str) -> Option<String> {
    let account_id = decoded_id(path.strip_prefix("/v1/accounts/")?.split('/').next()?)?;
    account_id.parse().ok().map(|account_id: AccountId| account_id.to_string())
}

impl Taken {
    /// Writes what is taken, until nobody can call any more, or until `stop` and there is nothing
    /// left to write. `deletes` says whether it also deletes old calls now and then.
    pub(super) async fn write(mut self, store: EventStore, deletes: bool, stop: CancellationToken) {
        let (mut batch, mut failed, mut new, mut looks) = (vec![], Seldom::new(), 0, 0);
        let mut deleting = tokio::time::interval(DELETE_EVERY);
        loop {
            tokio::select! {
                biased;
                came = self.calls.recv_many(&mut batch, BATCH_CALLS_MAX), if batch.is_empty() => {
                    if came == 0 {
                        return;
                    }
                    looks = 0;
                }
                () = std::future::ready(()), if !batch.is_empty() => {}
                () = stop.cancelled() => return,
                _ = deleting.tick(), if deletes => {
                    delete(&store).await;
                    continue;
                }
            }
            looks += 1;
            let noted = match name_accounts(&store, &mut batch).await {
                Err(error) if looks < LOOKS_MAX && !stop.is_cancelled() => Err(error),
                // Better without its account than not at all.
                _ => store.note_calls(batch.clone()).await,
            };
            match noted {
                Ok(()) => {
                    new += batch.len();
                    batch.clear();
                }
                Err(error) => {
                    let (error, calls) = (&error as &dyn std::error::Error, batch.len());
                    if stop.is_cancelled() {
                        tracing::warn!(error, calls, "calls without an event are not noted");
                        return;
                    }
                    if failed.times().is_some() {
                        tracing::warn!(error, calls, "can't note calls without an event yet");
                    }
                }
            }
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                tracing::warn!(lost, "calls without an event are not noted: too many came at once");
            }
            if deletes && new >= DELETE_AFTER_CALLS {
                new = 0;
                delete(&store).await;
            }
            tokio::select! {
                () = tokio::time::sleep(WRITE_EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}

async fn delete(store: &EventStore) {
    let age = i64::try_from(CALLS_AGE_MAX.as_micros()).unwrap_or(i64::MAX);
    let oldest = unix_micros().saturating_sub(age);
    if let Err(error) = store.delete_calls(oldest, CALLS_KEPT_MAX).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "old calls without an event can't be deleted now");
    }
}

/// How `GET /v1/operations` reads them.
pub(super) fn reader(store: EventStore) -> ReadCalls {
    Arc::new(move |asked| {
        let store = store.clone();
        Box::pin(async move {
            match tokio::time::timeout(READ_MAX, store.unrecorded_calls(asked)).await {
                Ok(Ok(calls)) => Ok(calls),
                Ok(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "calls without an event can't be read");
                    Err(CallsUnread)
                }
                Err(_) => {
                    tracing::error!("calls without an event can't be read in time");
                    Err(CallsUnread)
                }
            }
        })
    })
}

#[cfg(test)]
mod tests;
