//! What a good engineer writes in an afternoon: a redemption is one PostgreSQL transaction, behind
//! axum, with a pool. It answers correctly: 409 where there isn't enough credit or stock, 200 with
//! the first answer to a repeated id.
//!
//! Nothing is left out that would make it quicker: the transaction is one prepared statement, so
//! one round trip; offers are kept in memory; the hot row is locked last; nothing else is indexed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::put;
use axum::{Json, Router};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use services::Postgres;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, NoTls};

use crate::listener::serve;
use crate::process::Process;
use crate::redemption::{ExchangeBody, RedeemBody};
use crate::requests::{Requests, Variety};

/// Its database.
pub(crate) const DATABASE: &str = "naive";

/// What an offer costs, as with the ledger.
const PRICE: i64 = 7;

const REDEEM: &str = include_str!("naive/redeem.sql");
const REDEEM_FROM_STOCK: &str = include_str!("naive/redeem_from_stock.sql");
const REPEATED: &str = include_str!("naive/repeated.sql");

struct Shop {
    pool: Pool,
    /// They are amended once in a while, so they are read at the start.
    offers: HashMap<String, Offer>,
}

#[derive(Clone, Copy)]
struct Offer {
    price: i64,
    is_limited: bool,
}

type Answer = Result<(StatusCode, Json<ExchangeBody>), StatusCode>;

/// Makes its tables, gives shoppers credit and opens offers.
pub(crate) fn prepare(
    postgres: &Postgres,
    requests: Requests,
    variety: Variety,
) -> anyhow::Result<()> {
    postgres.sql(DATABASE, include_str!("naive/schema.sql"))?;
    let (shoppers, offers) = (variety.shoppers, requests.offers(variety));
    let units = requests.stock().map_or_else(|| "null".into(), |units| units.to_string());
    postgres.sql(
        DATABASE,
        &format!(
            "insert into credit (account_id, points)
             select 'shopper-' || n, 1000000000000 from generate_series(0, {shoppers} - 1) as n;
             insert into offer (offer_id, price, units)
             select 'offer-' || n, {PRICE}, {units} from generate_series(0, {offers} - 1) as n"
        ),
    )?;
    postgres.sql(DATABASE, "vacuum analyze").map(drop)
}

/// Starts it on what was prepared.
pub(crate) fn start(postgres: &Postgres, pool: usize) -> anyhow::Result<Process> {
    Process::ours(&["naive", "--postgres", &postgres.url(DATABASE), "--pool", &pool.to_string()])
}

/// Forgets every exchange, so that the same ids can be asked for again.
pub(crate) fn forget(postgres: &Postgres) -> anyhow::Result<()> {
    postgres.sql(DATABASE, "truncate credit_exchange, shipping_request").map(drop)
}

/// Serves it, until the process is ended.
pub(crate) async fn naive(listen: SocketAddr, url: &str, pool: usize) -> anyhow::Result<()> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(url.parse()?, NoTls, recycling);
    let pool = Pool::builder(manager).max_size(pool).build()?;
    let rows = pool.get().await?.query("select offer_id, price, units from offer", &[]).await?;
    let offer = |row: tokio_postgres::Row| {
        let is_limited = row.get::<_, Option<i64>>(2).is_some();
        (row.get(0), Offer { price: row.get(1), is_limited })
    };
    let shop = Shop { pool, offers: rows.into_iter().map(offer).collect() };
    let path = "/v1/accounts/{account_id}/exchanges/{exchange_id}";
    let router = Router::new().route(path, put(redeem)).with_state(Arc::new(shop));
    serve(listen, router).await.context("the naive contender failed")
}

async fn redeem(
    State(shop): State<Arc<Shop>>,
    Path(id): Path<(String, String)>,
    Json(body): Json<RedeemBody>,
) -> Answer {
    let RedeemBody { offer_id, quantity, deliver_to, .. } = body;
    let offer = *shop.offers.get(&offer_id).ok_or(StatusCode::CONFLICT)?;
    let points = offer.price * i64::from(quantity);
    let sql = if offer.is_limited { REDEEM_FROM_STOCK } else { REDEEM };
    let client = shop.pool.get().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let statement = client.prepare_cached(sql).await.map_err(failed)?;
    let values: [&(dyn ToSql + Sync); 6] =
        [&id.0, &id.1, &offer_id, &quantity, &points, &deliver_to];
    match client.execute(&statement, &values).await {
        Ok(1) => {
            let exchange = ExchangeBody::created(id, offer_id, quantity, points);
            Ok((StatusCode::CREATED, Json(exchange)))
        }
        // There isn't enough credit, for all we know.
        Ok(_) => repeated(&client, id).await,
        // It was accepted before, or the stock is gone.
        Err(error) if is_answer(&error) => repeated(&client, id).await,
        Err(error) => Err(failed(error)),
    }
}

/// The exchange as it was accepted before; a refusal where it wasn't.
async fn repeated(client: &Object, id: (String, String)) -> Answer {
    let statement = client.prepare_cached(REPEATED).await.map_err(failed)?;
    let row = client.query_opt(&statement, &[&id.0, &id.1]).await.map_err(failed)?;
    let row = row.ok_or(StatusCode::CONFLICT)?;
    let (offer_id, quantity, points) = (row.get(0), row.get(1), row.get(2));
    let exchange = ExchangeBody::created(id, offer_id, quantity, points);
    Ok((StatusCode::OK, Json(exchange)))
}

fn is_answer(error: &Error) -> bool {
    matches!(error.code(), Some(&SqlState::UNIQUE_VIOLATION | &SqlState::CHECK_VIOLATION))
}

fn failed(error: Error) -> StatusCode {
    eprintln!("naive: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
