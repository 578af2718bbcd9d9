//! QUERY: read tables to HTTP.
//!
//! It can write nothing, and knows neither the log nor the rules. `router.rs` has every route on
//! one page; one file per read table has its rows, its handlers and its statements' names, and
//! `wire::body` the answers; `cell.rs` turns a row's values into an answer's;
//! `freshness.rs` is how a read waits for a write, `past.rs` how one asks for a moment that has
//! passed, `recorded.rs` what it finds of accounts, `standing.rs` how it reckons with what is due,
//! `log_order.rs` how lists go over all partitions, `cache.rs` how what is asked for often is kept,
//! `account_reads.rs` how what is asked for at once is read together, `shipping_stream.rs`
//! how warehouses are fed without a broker.

mod accept;
mod account_balance;
mod account_list;
mod account_reads;
mod cache;
mod cell;
mod clock;
mod code;
mod conversion_rate;
mod countdown;
mod credit_lot;
mod exchange;
mod expiring_credit;
mod expiry;
mod fact;
mod family;
mod freshness;
mod gate;
mod hold;
mod ladder;
mod ledger_entry;
mod log_order;
mod metrics;
mod offer_availability;
mod operation;
mod origin;
mod overdue;
mod parcel;
mod past;
mod prices;
mod programme;
mod purchase;
mod receipt;
mod recorded;
mod router;
mod seal;
mod segment;
mod shipping_request;
mod shipping_stream;
mod standing;
mod tier;
mod total;
mod unit;
mod unshipped;
mod wait;

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use domain::AccountId;
use read_model::{Query, ReadModel, Reading, RowOf};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use wire::{Caller, HasKeys, KeyRing, Overload, Problem, Switches, read_cursor};

pub use accept::accepted;
pub use account_balance::read_balance;
use account_reads::AccountReads;
use cache::Caches;
pub use cache::keep_warm;
pub use code::{ReadCode, codes_of};
pub use exchange::read_exchange;
pub use family::watch_mergers;
pub use freshness::{unread, wanted_positions};
pub use metrics::QueryMetrics;
pub use offer_availability::read_offer_body;
pub use operation::{CallsUnread, ReadCalls};
pub use overdue::{overdue_routes, watch_overdue};
pub use past::{PastOf, ReadPast};
pub use receipt::{IsWanted, ProveEvents, ProvedEvents, Unproved};
pub use router::{router, routes};
pub use seal::{BalanceAsked, ProveBalance, ProvedBalance, UnprovedBalance};
use shipping_stream::{Feeds, Followers};
pub use shipping_stream::{FollowersMax, Turn};
pub use unshipped::unshipped;

/// How long a shipping request may wait for its acceptance, where nothing else is said.
const OVERDUE_AFTER: Duration = Duration::from_secs(4 * 3_600);

/// PostgreSQL's code of a query that took longer than it may, or that an administrator ended.
const QUERY_CANCELED: &str = "57014";

/// What the handlers share: behind one pointer, because every request clones it.
#[derive(Clone)]
pub struct QueryApi(Arc<Shared>);

/// What is behind it. Whoever sets something does so before anything has a copy of the API.
#[derive(Clone)]
pub struct Shared {
    /// The read tables.
    pub read_model: ReadModel,
    /// Who may call.
    pub keys: KeyRing,
    /// How long a read with `Guerdon-Position` waits.
    pub wait_max: Duration,
    /// Once cancelled, streams end and waits are over, so that the server can stop.
    pub draining: CancellationToken,
    caches: Arc<Caches>,
    account_reads: Arc<AccountReads>,
    feeds: Arc<Feeds>,
    /// How many may follow messages at once.
    pub followers_max: FollowersMax,
    followers: Arc<Followers>,
    /// How long a shipping request may wait for its warehouse to accept it.
    pub overdue_after: Duration,
    /// Reads the calls that recorded no event, for `GET /v1/operations`.
    pub read_calls: ReadCalls,
    /// Gives the tables as they were at a moment, for `?at=`.
    pub read_past: ReadPast,
    /// Proves events of the log, where this process seals it.
    pub prove_events: ProveEvents,
    /// Reads the code that an exchange got.
    pub read_code: ReadCode,
    /// Proves balances, where this process has the trees.
    pub prove_balance: ProveBalance,
    /// Counts what is read.
    pub metrics: QueryMetrics,
    /// What the writers of this process tell of their overload; reads are refused for that.
    pub overload: Overload,
    /// What operators have turned on.
    pub switches: Switches,
}

impl QueryApi {
    /// An API over read tables, with nothing kept as yet.
    #[must_use]
    pub fn new(read_model: ReadModel, keys: KeyRing, wait_max: Duration) -> Self {
        let (draining, caches) = (CancellationToken::new(), Arc::new(Caches::new()));
        let (feeds, metrics) = (Arc::default(), QueryMetrics::default());
        let followers = Arc::new(Followers::shown_by(metrics.followers.clone()));
        Self(Arc::new(Shared {
            read_model,
            keys,
            wait_max,
            draining,
            caches,
            account_reads: Arc::default(),
            feeds,
            followers_max: FollowersMax::default(),
            followers,
            overdue_after: OVERDUE_AFTER,
            read_calls: Arc::new(|_| Box::pin(async { Ok(vec![]) })),
            read_past: past::without_log(),
            prove_events: Arc::new(|_, _| Box::pin(async { Err(Unproved::NotHere) })),
            read_code: Arc::new(|_| Box::pin(async { Err(Problem::log_unreachable()) })),
            prove_balance: Arc::new(|_| Box::pin(async { Err(UnprovedBalance::NotHere) })),
            metrics,
            overload: Overload::default(),
            switches: Switches::default(),
        }))
    }

    /// The caller's turn among those who follow at once, for as long as it is held.
    pub fn admit_follower(&self, caller: &Caller) -> Result<Turn, Problem> {
        self.followers.admit(caller, self.followers_max)
    }

    /// How many balances were read, because no current one was cached.
    #[must_use]
    pub fn balances_read(&self) -> u64 {
        self.metrics.balances.loaded.get()
    }
}

impl Deref for QueryApi {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl DerefMut for QueryApi {
    fn deref_mut(&mut self) -> &mut Shared {
        Arc::make_mut(&mut self.0)
    }
}

/// The query of a list without a filter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    limit: Option<u32>,
    cursor: Option<String>,
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

impl HasKeys for QueryApi {
    fn keys(&self) -> &KeyRing {
        &self.keys
    }

    fn overload(&self) -> Option<&Overload> {
        Some(&self.overload)
    }
}

/// The problem where the read tables refused, which is logged here with all that is behind it.
#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err as it is")]
#[must_use]
pub fn failed(error: sqlx::Error) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "the read model can't be read");
    match error.as_database_error().and_then(|error| error.code()).as_deref() {
        Some(QUERY_CANCELED) => Problem::read_model_unreachable(),
        _ => Problem::internal(),
    }
}

/// JSON as a table keeps it.
fn raw_json(text: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(text).map_err(|error| {
        tracing::error!(%error, "the read model holds a text that is no JSON");
        Problem::internal()
    })
}

/// The id after which a page begins, as its cursor has it; nothing on the first page. Anybody can
/// write a cursor, and not every text is one that a database takes.
fn id_after<I: FromStr>(list: &str, cursor: Option<&str>) -> Result<String, Problem> {
    match read_cursor(list, cursor)? {
        None => Ok(String::new()),
        Some(id) if id.parse::<I>().is_ok() => Ok(id),
        Some(_) => Err(bad_cursor()),
    }
}

fn bad_cursor() -> Problem {
    Problem::invalid_query("cursor", "must be a cursor that this list gave, unchanged")
}
