//! What a good engineer writes in an afternoon: a redemption is one PostgreSQL transaction, behind
//! axum, with a pool. It answers correctly: 409 where there isn't enough credit or stock, 200 with
//! the first answer to a repeated id.
//!
//! Nothing is left out that would make it quicker: statements are prepared once; offers are kept in
//! memory; the hot row is locked last; nothing is indexed but the keys.

mod in_one_statement;
mod in_steps;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::put;
use axum::{Json, Router};
use clap::{Args, ValueEnum};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use services::Postgres;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, NoTls};

use crate::listener::serve;
use crate::process::Process;
use crate::redemption::{ExchangeBody, RedeemBody};
use crate::requests::{Requests, Variety};

/// Its database.
pub(crate) const DATABASE: &str = "naive";

/// What an offer costs, as with the ledger.
const PRICE: i64 = 7;

const REPEATED: &str = include_str!("naive/repeated.sql");

/// How the transaction is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// All of it in one.
    OneStatement,
    /// Begin, a statement for each table, commit.
    Steps,
}

/// Its options.
#[derive(Args, Debug)]
pub(crate) struct NaiveConfig {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    postgres: String,
    #[arg(long)]
    pool: usize,
    #[arg(long)]
    way: Way,
}

struct Shop {
    pool: Pool,
    way: Way,
    /// They are amended once in a while, so they are read at the start.
    offers: HashMap<String, Offer>,
}

#[derive(Clone, Copy)]
struct Offer {
    price: i64,
    is_limited: bool,
}

/// What is to be written.
struct Redemption {
    /// The account's and the exchange's.
    id: (String, String),
    offer_id: String,
    quantity: i32,
    points: i64,
    deliver_to: String,
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
pub(crate) fn start(postgres: &Postgres, way: Way, pool: usize) -> anyhow::Result<Process> {
    let way = way.to_possible_value().context("it can't be named")?;
    let (url, pool) = (postgres.url(DATABASE), pool.to_string());
    Process::ours(&["naive", "--postgres", &url, "--pool", &pool, "--way", way.get_name()])
}

/// Forgets every exchange, so that the same ids can be asked for again.
pub(crate) fn forget(postgres: &Postgres) -> anyhow::Result<()> {
    postgres.sql(DATABASE, "truncate credit_exchange, shipping_request").map(drop)
}

/// Serves it, until the process is ended.
pub(crate) async fn naive(config: NaiveConfig) -> anyhow::Result<()> {
    let NaiveConfig { listen, postgres, pool, way } = config;
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(postgres.parse()?, NoTls, recycling);
    let pool = Pool::builder(manager).max_size(pool).build()?;
    let rows = pool.get().await?.query("select offer_id, price, units from offer", &[]).await?;
    let offer = |row: tokio_postgres::Row| {
        let is_limited = row.get::<_, Option<i64>>(2).is_some();
        (row.get(0), Offer { price: row.get(1), is_limited })
    };
    let shop = Shop { pool, way, offers: rows.into_iter().map(offer).collect() };
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
    let Offer { price, is_limited } = *shop.offers.get(&offer_id).ok_or(StatusCode::CONFLICT)?;
    if quantity < 1 {
        return Err(StatusCode::BAD_REQUEST);
    }
    let points = price * i64::from(quantity);
    let wanted = Redemption { id, offer_id, quantity, points, deliver_to, is_limited };
    let mut client = shop.pool.get().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let done = match shop.way {
        Way::OneStatement => in_one_statement::redeem(&client, &wanted).await,
        Way::Steps => in_steps::redeem(&mut client, &wanted).await,
    };
    match done {
        Ok(true) => {
            let Redemption { id, offer_id, quantity, points, .. } = wanted;
            let exchange = ExchangeBody::created(id, offer_id, quantity, points);
            Ok((StatusCode::CREATED, Json(exchange)))
        }
        // There isn't enough credit, for all we know.
        Ok(false) => repeated(&client, wanted.id).await,
        // It was accepted before, or the stock is gone.
        Err(error) if is_answer(&error) => repeated(&client, wanted.id).await,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::catalogue;
    use crate::connection::{Ask, Connection};
    use crate::listener::free_port;
    use crate::stage::Stage;

    /// The status of a redemption of the offer that there is.
    async fn redeems(at: SocketAddr, account: &str, id: &str, quantity: i32) -> u16 {
        let path = format!("/v1/accounts/{account}/exchanges/{id}");
        let body = format!(
            r#"{{"offer_id":"offer-0","quantity":{quantity},"deliver_to":"1 Elm Street"}}"#
        );
        let mut connection = Connection::open(at).await.unwrap();
        connection.ask(Ask::put(&path, "", &body)).await.unwrap().status
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_answers_as_it_should_however_it_is_written() {
        let contender = catalogue().remove(1);
        let stage = Stage::new(&std::env::temp_dir(), &contender).unwrap();
        let server = stage.postgres(DATABASE).unwrap();
        let variety = Variety { shoppers: 2, offers: 1, partitions: 1 };
        for way in [Way::OneStatement, Way::Steps] {
            server.sql(DATABASE, "drop schema public cascade; create schema public").unwrap();
            prepare(&server, Requests::SoldOut, variety).unwrap();
            let (listen, postgres) = (free_port().unwrap(), server.url(DATABASE));
            let serving = tokio::spawn(naive(NaiveConfig { listen, postgres, pool: 2, way }));
            while Connection::open(listen).await.is_err() {
                tokio::task::yield_now().await;
            }
            assert_eq!(redeems(listen, "shopper-0", "x-1", 0).await, 400, "{way:?}");
            assert_eq!(redeems(listen, "nobody", "x-1", 1).await, 409, "{way:?}");
            assert_eq!(redeems(listen, "shopper-0", "x-1", 1).await, 201, "{way:?}");
            assert_eq!(redeems(listen, "shopper-0", "x-1", 1).await, 200, "a repeat, {way:?}");
            assert_eq!(redeems(listen, "shopper-1", "x-1", 1).await, 409, "sold out, {way:?}");
            let kept = "select (select sum(points) from credit), (select units from offer),
                (select count(*) from credit_exchange), (select count(*) from shipping_request)";
            assert_eq!(server.sql(DATABASE, kept).unwrap(), "1999999999993|0|1|1", "{way:?}");
            serving.abort();
        }
    }
}
