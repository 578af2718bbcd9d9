//! The ceiling: an axum handler that parses a redemption's JSON and answers 201, and does nothing.

use std::net::SocketAddr;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::put;
use axum::{Json, Router};

use crate::listener::serve;
use crate::redemption::{ExchangeBody, RedeemBody};

/// Serves it, until the process is ended.
pub(crate) async fn noop(listen: SocketAddr) -> anyhow::Result<()> {
    let redeem = async |Path(id): Path<(String, String)>, Json(body): Json<RedeemBody>| {
        let RedeemBody { offer_id, quantity, .. } = body;
        let exchange = ExchangeBody::created(id, offer_id, quantity, i64::from(quantity));
        (StatusCode::CREATED, Json(exchange))
    };
    let path = "/v1/accounts/{account_id}/exchanges/{exchange_id}";
    serve(listen, Router::new().route(path, put(redeem))).await
}
