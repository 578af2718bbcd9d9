//! The ceiling: an axum handler that parses a redemption's JSON and answers 201, and does nothing.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Context as _;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::put;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::Settings;
use crate::load::{Target, free_port, run};
use crate::report::Turn;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedeemBody {
    offer_id: String,
    quantity: u64,
    #[expect(dead_code, reason = "it is parsed, as the ledger parses it")]
    deliver_to: String,
    #[expect(dead_code, reason = "it is parsed, as the ledger parses it")]
    expected_points: Option<u64>,
    #[expect(dead_code, reason = "it is parsed, as the ledger parses it")]
    occurred_at: Option<String>,
}

#[derive(Serialize)]
struct ExchangeBody {
    exchange_id: String,
    account_id: String,
    offer_id: String,
    quantity: u64,
    points: u64,
    status: &'static str,
    position: &'static str,
}

/// Serves it, until the process is ended.
pub(crate) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let redeem = async |Path((account_id, exchange_id)): Path<(String, String)>,
                        Json(body): Json<RedeemBody>| {
        let RedeemBody { offer_id, quantity, .. } = body;
        let exchange = ExchangeBody {
            exchange_id,
            account_id,
            offer_id,
            quantity,
            points: quantity,
            status: "created",
            position: "0:1",
        };
        (StatusCode::CREATED, Json(exchange))
    };
    let router =
        Router::new().route("/v1/accounts/{account_id}/exchanges/{exchange_id}", put(redeem));
    let listener = TcpListener::bind(listen).await?.tap_io(|connection| {
        // As the ledger does it.
        drop(connection.set_nodelay(true));
    });
    axum::serve(listener, router).await.context("it can't serve")
}

/// Starts it in a process of its own, and measures it.
pub(crate) async fn measure(settings: &Settings) -> anyhow::Result<Turn> {
    let listen = free_port()?;
    let mut process = Command::new(std::env::current_exe()?)
        .args(["noop", "--listen", &listen.to_string()])
        .spawn()
        .context("it does not start")?;
    let target = Target { address: listen, key: String::new(), pid: process.id(), run: 0 };
    let loaded = run(settings, &target).await;
    process.kill()?;
    process.wait()?;
    let loaded = loaded?;
    Ok(Turn { contender: "noop", visible: None, expired: None, loaded })
}
