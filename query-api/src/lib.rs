//! QUERY: read tables to HTTP.
//!
//! It can write nothing, and knows neither the log nor the rules. `router.rs` has every route on
//! one page; one file per read table has its shapes, its handlers and its statements' names;
//! `freshness.rs` is how a read waits for a write, `standing.rs` how it reckons with what is due,
//! `balance_cache.rs` how what is asked for often is kept, `shipping_stream.rs` how warehouses are
//! fed without a broker.

mod account_balance;
mod balance_cache;
mod clock;
mod credit_lot;
mod exchange;
mod freshness;
mod hold;
mod ledger_entry;
mod offer_availability;
mod origin;
mod programme;
mod purchase;
mod router;
mod shipping_request;
mod shipping_stream;
mod standing;
mod total;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use domain::AccountId;
use log_record::{LogId, PackedPlace};
use read_model::{Query, ReadModel, Reading, RowOf};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use wire::{KeyRing, Problem};

use balance_cache::BalanceCache;
pub use router::router;

/// What the handlers share.
#[derive(Clone)]
pub struct QueryApi {
    /// The read tables.
    pub read_model: ReadModel,
    /// Who may call.
    pub keys: KeyRing,
    /// How long a read with `Guerdon-Position` waits.
    pub wait_max: Duration,
    /// Once cancelled, streams end and waits are over, so that the server can stop.
    pub draining: CancellationToken,
    balances: Arc<BalanceCache>,
}

impl QueryApi {
    /// An API over read tables, with nothing kept as yet.
    #[must_use]
    pub fn new(read_model: ReadModel, keys: KeyRing, wait_max: Duration) -> Self {
        let (draining, balances) = (CancellationToken::new(), Arc::new(BalanceCache::new()));
        Self { read_model, keys, wait_max, draining, balances }
    }

    /// How many balances were read, because none was kept that stands.
    #[must_use]
    pub fn balances_read(&self) -> u64 {
        self.balances.read_count()
    }
}

/// A page of an account's rows, newest first, and one more where there is one.
async fn rows_of_account<R: RowOf>(
    reading: &mut Reading,
    query: Query,
    account_id: &AccountId,
    before: i64,
    limit: u32,
) -> Result<Vec<R>, Problem> {
    reading
        .all(query, &[account_id.as_str().into(), before.into(), (limit + 1).into()])
        .await
        .map_err(failed)
}

/// The row of an account under an id of its own, if there is one.
async fn row_of_account<R: RowOf>(
    reading: &mut Reading,
    query: Query,
    account_id: &AccountId,
    id: &str,
) -> Result<Option<R>, Problem> {
    reading.optional(query, &[account_id.as_str().into(), id.into()]).await.map_err(failed)
}

impl FromRef<QueryApi> for KeyRing {
    fn from_ref(api: &QueryApi) -> Self {
        api.keys.clone()
    }
}

/// The read tables refused; logged here with all that is behind it.
#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err as it is")]
fn failed(error: sqlx::Error) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "the read model can't be read");
    Problem::internal()
}

/// Microseconds as a text in RFC 3339.
fn time(micros: i64) -> Result<String, Problem> {
    domain::Timestamp::from_micros(micros).map(|time| time.to_string()).map_err(|error| {
        tracing::error!(micros, %error, "the read model holds a time that is none");
        Problem::internal()
    })
}

/// The log's id as the tables keep it.
fn log_id(bytes: &[u8]) -> Result<LogId, Problem> {
    Uuid::from_slice(bytes).map(LogId).map_err(|error| {
        tracing::error!(%error, "the read model holds a log's id that is none");
        Problem::internal()
    })
}

/// A partition and a position as clients know them.
fn place(partition: i64, position: i64) -> String {
    format!("{partition}:{position}")
}

/// A place as the tables keep it, as clients know it.
fn split_place(key: i64) -> String {
    PackedPlace::from_i64(key).to_string()
}

/// JSON as a table keeps it.
fn raw_json(text: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(text).map_err(|error| {
        tracing::error!(%error, "the read model holds a text that is no JSON");
        Problem::internal()
    })
}

fn bad_cursor() -> Problem {
    Problem::invalid_query("cursor", "must be a cursor that this list gave, unchanged")
}
