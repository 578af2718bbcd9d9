//! Every read finds its rows by an index, with many shipping requests in the tables.
//!
//! On PostgreSQL the server counts the rows that it read, however often a query was run before and
//! whether or not the tables were analyzed. `GUERDON_PLAN_REQUESTS` sets the number of shipping
//! requests, 200,000 by default. On SQLite the plan of each query that ran is looked at; tables
//! that were never analyzed have the same plan however many rows they have.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use query_api::QueryApi;
use services::TestDatabase;
use tower::ServiceExt as _;
use wire::{KeyHash, KeyRing, Role};

use crate::asks::queries::Queries;
use crate::asks::stream::cursor_of;
use testing::ledger::{Home, Ledger, On, log_opened};

/// How often each read is done: PostgreSQL may change its plan at the sixth time.
const READS: i64 = 8;

/// What a read of a page of 100 may read. A page of shipping messages joins two tables, and asks
/// both for as many as the page has.
const ROWS_MAX: i64 = 1_000;

/// A page of accounts whose credit expires looks twice into the parts of each.
const ROWS_OF_EXPIRING_MAX: i64 = 2_000;

/// Shipping requests, nearly all for one warehouse and delivered, each with its exchange, and as
/// much of everything else as makes an index worth having.
const ROWS: &str = "
    insert into shipping_request
        (place, generation, type, account_id, exchange_id, lines, warehouse, lane, sequence,
            recorded_at, status, crossed, changed_at)
    {requests}
    select n, 1, 2, 'ann-' || (n % 100000), 'x-' || n, '[]',
        case when n % 1000 = 0 then 'west' else 'main' end,
        case when n % 1000 = 0 then '0/west/' else '0/main/' end || (n % 16),
        n, n, case when n % 10000 = 9 then 'back-ordered' else 'delivered' end, n % 100000 = 7, n
    from numbers;
    insert into exchange
        (place, account_id, exchange_id, offer_id, product_id, quantity, unit, points,
            cancelled_quantity, refunded_points, recorded_at)
    {requests}
    select n, 'ann-' || (n % 100000), 'x-' || n, 'mug', 'product', 1, 'points', 300, 0, 0,
        n from numbers;
    insert into ledger_entry
        (place, account_id, kind, unit, points, available, held, pending, cause_kind, cause_id,
            recorded_at)
    {requests}
    select n, 'ann-' || (n % 100000), 'credit-earned', 'points', 1, 1, 0, 0, 'purchase', 'B-1', n
    from numbers;
    insert into shipping_change
        (place, generation, request, kind, lines, warehouse, sequence, recorded_at)
    {a tenth}
    select 2000000 + n, 1, n * 10, 'reduced', '[]',
        case when n % 100 = 0 then 'west' else 'main' end, n, n
    from numbers;
    insert into credit_lot
        (lot, account_id, unit, points, cause_kind, cause_id, recorded_at)
    {a tenth}
    select n, 'ann-' || (n % 100000), 'points', 500, 'purchase', 'B-1', n from numbers;
    insert into account_balance
        (account_id, available, held, pending, owed, \"partition\", position)
    {a tenth}
    select 'ann-' || (n - 1), case when n % 10 = 0 then 0 else 500 end, 0, 5,
        case when n % 10 = 0 then 5 else 0 end, 0, n
    from numbers;
    insert into unit
        (unit, made_at, spendable, decimals, time_zone, version, \"partition\", position)
    values ('miles', 2, 1 = 1, 0, 'UTC', 1, 0, 2);
    insert into unit_balance
        (account_id, unit, available, held, pending, owed, \"partition\", position)
    {a tenth}
    select 'ann-' || (n - 1), 'miles', 500, 0, 5, 0, 0, n from numbers;
    insert into credit_part
        (account_id, expires_at, lot, graced, unit, available, pending, held)
    {a tenth}
    select 'ann-' || (n % 100000),
        case when n % 2 = 0 then 4102444800000000 else 9223372036854775807 end,
        n, 1 = 0, 'points', 500, 0, 0
    from numbers;
    insert into credit_part
        (account_id, expires_at, lot, graced, unit, available, pending, held, available_at)
    {a tenth}
    select 'ann-' || (n % 100000), 4102444800000001, n, 1 = 0, 'points', 0, 5, 0, 4102444800000000
    from numbers;
    insert into credit_part
        (account_id, expires_at, lot, graced, unit, available, pending, held)
    {a tenth}
    select 'ann-' || (n % 100000), 4102444800000002, n, 1 = 0, 'miles', 500, 0, 0
    from numbers;
    insert into hold
        (place, account_id, hold_id, unit, points, lots, deadline, grace_days, status,
            refunded_points, recorded_at)
    {a tenth}
    select n, 'ann-' || (n % 1000), 'h-' || n, 'points', 1, '[]', 4102444800000000 + n, 0,
        case when n % 10 = 0 then 'held' else 'captured' end, 0, n
    from numbers;
    insert into purchase
        (place, account_id, purchase_id, lines, earned, recorded_at)
    {a tenth}
    select 3000000 + n, 'ann-' || (n % 1000), 'B-' || n, '[]', '[]', n from numbers;
    insert into balance_seal (seal_id, place, public)
    {a tenth}
    select 's-' || n, n, '{\"seal_id\":\"s-' || n || '\",\"up_to\":1,\"salts\":\"\",' ||
        '\"units\":[],\"as_of\":\"2026-11-21T09:00:00Z\"}'
    from numbers;
    insert into fact (path, place, account_id, public, recorded_at)
    {a tenth}
    select 'accounts/ann-' || (n % 1000) || '/exchanges/x-' || n || '/cancellations/c-' || n, n,
        'ann-' || (n % 1000), '{}', n
    from numbers;
    insert into operation
        (place, type, account_id, command, key_id, role, public, recorded_at)
    {a tenth}
    select n, 'credit-earned', 'ann-' || (n % 1000), 'adjust-credit', 'k-' || (n % 100), 'operator',
        '{}', n
    from numbers;
    insert into offer_availability
        (offer_id, product_id, unit, price, warehouse, version, phase, \"partition\", position)
    {a hundredth}
    select 'offer-' || n, 'product', 'points', 300, 'main', 1,
        case when n % 1000 = 5 then 'open' else 'closed' end, 0, n
    from numbers;
    insert into ladder (ladder, version, unit, terms, recorded_at, \"partition\", position)
    values ('status', 1, 'points',
        '{\"unit\":\"points\",\"levels\":[{\"tier\":\"silver\",\"from\":1},
            {\"tier\":\"gold\",\"from\":1000}],\"window\":\"Ever\",
            \"downgrade\":\"by-count\",\"returns\":\"recount\",\"adjustments\":false}', 1, 0, 1);
    insert into account_tier
        (account_id, ladder, standing, tier, since, \"partition\", position)
    {a tenth}
    select 'ann-' || (n - 1), 'status',
        '{\"judged\":1,\"since\":null,\"sums\":[],\"held\":null,\"grant\":null}',
        case when n % 1000 = 0 then 'gold' else 'silver' end, n, 0, n
    from numbers;
    insert into lane (lane, warehouse, last_sequence, last_place)
    {lanes}
    select '0/main/' || (n - 1), 'main', 62500, {count} from numbers;
    insert into lane (lane, warehouse, last_sequence, last_place)
    {lanes}
    select '0/west/' || (n - 1), 'west', 62, {count} from numbers;
    update checkpoint set position = 3100000";

/// Every read of the router, and each way to ask for it that has a query of its own.
const READS_OF_ALL: &[&str] = &[
    "/v1/accounts/ann-5",
    "/v1/accounts/ann-5/entries?limit=100",
    "/v1/accounts/ann-5/entries?limit=100&kind=credit-expired",
    "/v1/accounts/ann-5/entries?limit=100&from=1970-01-01T00:00:00Z",
    "/v1/accounts/ann-5/entries?limit=100&until=1970-01-01T00:00:01Z",
    "/v1/accounts/ann-5/entries?limit=100&unit=miles",
    "/v1/accounts/ann-5/entries/0:5",
    "/v1/accounts/ann-5/expiry?within_days=90",
    "/v1/accounts/ann-5/expiry?since=1970-01-01T00:00:00Z",
    "/v1/accounts/ann-5/purchases?limit=100&status=delivered",
    "/v1/accounts/ann-5/purchases/B-5/returns/r-5",
    "/v1/accounts/ann-5/purchases/B-5/returns/r-5/reversal",
    "/v1/accounts/ann-5/exchanges?limit=100&status=created",
    "/v1/accounts/ann-5/exchanges?limit=100&from=1970-01-01T00:00:00Z",
    "/v1/accounts/ann-5/exchanges/x-5/cancellations/c-5",
    "/v1/accounts/ann-5/holds?limit=100&status=captured&until=1970-01-01T00:00:01Z",
    "/v1/accounts/ann-5/holds/h-5/extensions/e-5",
    "/v1/accounts/ann-5/holds/h-5/refunds/f-5",
    "/v1/accounts/ann-5/holds/h-5/capture",
    "/v1/accounts/ann-5/holds/h-5/release",
    "/v1/accounts/ann-5/withdrawals/w-5",
    "/v1/accounts/ann-5/withdrawals/w-5/reversal",
    "/v1/accounts/ann-5/adjustments/a-5",
    "/v1/accounts/ann-5/transfers/t-5",
    "/v1/accounts/ann-5/conversions/c-5",
    "/v1/offers/offer-5/closure",
    "/v1/offers/offer-5/pause",
    "/v1/offers/offer-5/countdown",
    "/v1/gates",
    "/v1/accounts/ann-5/segments",
    "/v1/accounts/ann-5/segments/staff",
    "/v1/offers/offer-5/stock-additions/s-5",
    "/v1/clock/confirmation",
    "/v1/purchases?purchase_id=B-5",
    "/v1/expiring-credit?limit=100&before=2200-01-01T00:00:00Z",
    "/v1/expiring-credit?limit=100&before=1980-01-01T00:00:00Z",
    "/v1/expiring-credit?limit=100&before=2200-01-01T00:00:00Z&unit=miles",
    "/v1/expiring-credit?limit=100&before=2200-01-01T00:00:00Z&unit=points",
    "/v1/accounts/ann-5/lots?limit=100",
    "/v1/accounts/ann-5/holds?limit=100",
    "/v1/accounts/ann-5/holds/h-5",
    "/v1/accounts/ann-5/purchases?limit=100",
    "/v1/accounts/ann-5/purchases/B-5",
    "/v1/accounts/ann-5/exchanges?limit=100",
    "/v1/accounts/ann-5/exchanges/x-5",
    "/v1/accounts/ann-5/exchanges/x-5/receipt",
    "/v1/accounts/ann-5/offers/offer-5",
    "/v1/exchanges?exchange_id=x-5",
    "/v1/offers?limit=100",
    "/v1/offers?limit=100&status=open",
    "/v1/offers?limit=100&status=paused",
    "/v1/offers/offer-5",
    "/v1/earning-rules",
    "/v1/earning-rules/default",
    "/v1/policy",
    "/v1/units",
    "/v1/units/points",
    "/v1/units/points/closure",
    "/v1/ladders",
    "/v1/ladders/status",
    "/v1/ladders/status?version=1",
    "/v1/ladders/status/accounts?limit=100",
    "/v1/ladders/status/accounts?limit=100&tier=silver",
    "/v1/ladders/status/accounts?limit=100&tier=gold",
    "/v1/accounts/ann-5/tiers/status/grants/g-5",
    "/v1/accounts/ann-5/tiers/status/grants/g-5/revocation",
    "/v1/conversion-rates",
    "/v1/conversion-rates/miles/points",
    "/v1/conversion-rates/miles/points/closure",
    "/v1/operations?limit=100",
    "/v1/operations?limit=100&until=1970-01-01T00:00:00.05Z",
    "/v1/operations?limit=100&key_id=k-5",
    "/v1/operations?limit=100&account_id=ann-5",
    "/v1/seals?limit=100",
    "/v1/seals/s-5",
    "/v1/seals/s-5/proof",
    "/v1/accounts/ann-5/balance-proof",
    "/v1/accounts/ann-5/balance-proof?seal=s-5&unit=miles",
    "/v1/totals",
    "/v1/liability",
    "/v1/shipping-requests?limit=100",
    "/v1/shipping-requests?limit=100&warehouse=main",
    "/v1/shipping-requests?limit=100&warehouse=west",
    "/v1/shipping-requests?limit=100&warehouse=none",
    "/v1/shipping-requests?limit=100&status=back-ordered",
    "/v1/shipping-requests?limit=100&status=requested",
    "/v1/shipping-requests?limit=100&warehouse=west&status=requested",
    "/v1/shipping-requests?limit=100&warehouse=main&status=rejected",
    "/v1/shipping-requests?limit=100&crossed=true",
    "/v1/shipping-requests?limit=100&account_id=ann-5",
    "/v1/shipping-requests?limit=100&exchange_id=x-5",
    "/v1/shipping-requests?limit=100&purchase_id=B-5",
    "/v1/shipping-stream?limit=100&warehouse=main&after={at half}",
    "/v1/shipping-stream?limit=100&warehouse=west&after={at end}",
    "/v1/shipping-stream?limit=100&warehouse=none",
];

#[tokio::test]
async fn no_read_of_many_rows_reads_them_all_on_postgres() {
    let requests = requests();
    let ledger = filled(On::Postgres, requests).await;
    let Home::Database(database) = &ledger.home else { unreachable!("it is on PostgreSQL") };
    let mut found = vec![];
    for preparation in ["select 'never analyzed'", "analyze"] {
        database.sql(preparation).expect("done");
        for path in READS_OF_ALL {
            let before = rows_read(database).await;
            ask(&ledger, path, requests).await;
            let read = (rows_read(database).await - before) / READS;
            let is_of_parts = path.starts_with("/v1/expiring-credit");
            let most = if is_of_parts { ROWS_OF_EXPIRING_MAX } else { ROWS_MAX };
            if read > most {
                found.push(format!("{preparation}: {path} reads {read} rows"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test]
async fn no_read_of_many_rows_reads_them_all_on_sqlite() {
    let queries = Queries::watch();
    const REQUESTS: u64 = 2_000;
    let ledger = filled(On::Sqlite, REQUESTS).await;
    let read_model::ReadModelUrl::Sqlite(file) = ledger.url() else { unreachable!("a file") };
    let tables = rusqlite::Connection::open(file).expect("it opens");
    let mut found = vec![];
    for path in READS_OF_ALL {
        queries.take();
        ask(&ledger, path, REQUESTS).await;
        let asked = queries.take();
        assert!(!asked.is_empty(), "{path} asks nothing");
        for query in asked.into_iter().collect::<BTreeSet<_>>() {
            let steps = plan(&tables, &query);
            let reads_all = |step: &&String| reads_a_table(step) && !is_in_order_of_the_log(path);
            found.extend(steps.iter().filter(reads_all).map(|step| format!("{path}: {step}")));
            if query.contains("status = $1") && !steps.iter().any(|step| step.contains("(status=?"))
            {
                found.push(format!("{path} reads all statuses for one: {steps:?}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// All requests in the order of the log are read in the order of the table.
fn is_in_order_of_the_log(path: &str) -> bool {
    path == "/v1/shipping-requests?limit=100"
}

/// Whether a step of a plan may read as much as a big table has.
fn reads_a_table(step: &str) -> bool {
    const SMALL: [&str; 14] = [
        // the accounts that are asked for
        "asked",
        "checkpoint",
        "credit_month",
        "earning_rule",
        // an account and those that were merged with it
        "family",
        "json_each",
        "ladder",
        "lane",
        "line",
        // a page of parts of credit
        "part",
        "policy",
        "programme_total",
        "tier_total",
        "unit",
    ];
    let Some(of) = step.strip_prefix("SCAN ").or_else(|| {
        let is_range_of_places = step.contains("INTEGER PRIMARY KEY (rowid>");
        step.strip_prefix("SEARCH ").filter(|_| is_range_of_places)
    }) else {
        return false;
    };
    let table = of.split_whitespace().next().unwrap_or_default();
    let partial = [
        "shipping_request_has_crossed",
        "account_must_repay",
        "unit_must_repay",
        "offer_stands_still",
    ];
    let is_partial = partial.iter().any(|index| of.contains(index));
    !is_partial && !SMALL.contains(&table) && !of.starts_with("CONSTANT ROW") && table != "later"
}

fn plan(tables: &rusqlite::Connection, query: &str) -> Vec<String> {
    // `begin` and `commit` have no plan.
    if !query.contains("select") {
        return vec![];
    }
    let explained = tables.prepare(&format!("explain query plan {query}"));
    let mut statement = explained.unwrap_or_else(|error| panic!("{error}: {query}"));
    let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
    let nothing = rusqlite::params_from_iter(nothing);
    let steps = statement.query_map(nothing, |row| row.get(3)).expect("explained");
    steps.collect::<Result<_, _>>().expect("steps")
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn requests() -> u64 {
    let asked = std::env::var("GUERDON_PLAN_REQUESTS").ok();
    asked.and_then(|requests| requests.parse().ok()).unwrap_or(200_000)
}

async fn filled(on: On, requests: u64) -> Ledger {
    let ledger = Ledger::new(1, on).await;
    ledger.record(&[log_opened(1)]).await;
    ledger.project().await;
    let mut sql = ROWS.replace("{count}", &requests.to_string());
    for (name, rows) in [
        ("{requests}", requests),
        ("{a tenth}", requests / 10),
        ("{a hundredth}", requests / 100),
        ("{lanes}", 16),
    ] {
        let numbers = format!(
            "with recursive numbers (n) as \
             (select 1 union all select n + 1 from numbers where n < {rows})"
        );
        sql = sql.replace(name, &numbers);
    }
    ledger.alter(&sql);
    ledger
}

/// Asks a server of its own, which has gone before this ends.
async fn ask(ledger: &Ledger, path: &str, requests: u64) {
    let mut path = path.to_owned();
    for (name, position) in [("{at half}", requests / 2), ("{at end}", requests)] {
        let warehouse = if path.contains("warehouse=west") { "west" } else { "main" };
        let after = cursor_of(warehouse, ledger.store.log_id(), 1, position);
        path = path.replace(name, &after);
    }
    let keys: KeyRing = [(KeyHash::of("operator"), Role::Operator)].into_iter().collect();
    let model = ledger.read_model().await;
    let router = query_api::router(QueryApi::new(model.clone(), keys, Duration::from_secs(1)));
    for _ in 0..READS {
        let request = Request::builder().uri(&path).header("authorization", "Bearer operator");
        let request = request.body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request).await.expect("answered");
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        // Nothing here can prove an event.
        let is_proof = path.ends_with("/receipt") || path.ends_with("/proof");
        let unproved = if is_proof { 503 } else { 404 };
        assert!([200, 404, unproved].contains(&status), "{path}: {status} {}", body.escape_ascii());
    }
    model.close().await;
}

/// Rows and entries of indexes that all those read who have gone by now.
async fn rows_read(database: &TestDatabase) -> i64 {
    const OTHERS: &str = "select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    const READ: &str = "select
        (select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables)
        + (select sum(idx_tup_read) from pg_stat_user_indexes)";
    while database.sql(OTHERS).expect("counted") != "0" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    database.sql(READ).expect("counted").parse().expect("a number")
}
