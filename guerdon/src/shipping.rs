//! `guerdon shipping …` and `guerdon publish`: an operator looks after shipping requests, over HTTP
//! on a running ledger.

use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::operator::Operator;

/// How often the command asks how far a replay has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What to do about shipping requests.
#[derive(Args)]
pub(crate) struct ShippingArgs {
    #[command(flatten)]
    operator: Operator,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// List the overdue shipping requests (see `--alert-after`).
    Overdue,
    /// Send a shipping request again now.
    Resend {
        /// The shipping request's id, as `overdue` and the warehouse show it.
        shipping_request_id: String,
    },
    /// Mark a shipping request as settled by hand: it is not sent to a warehouse any more.
    Settle {
        /// The shipping request's id, as `overdue` and the warehouse show it.
        shipping_request_id: String,
        /// How it was settled, such as "handed over in the shop".
        #[arg(long)]
        reason: String,
    },
    /// Cancel an exchange and give the points back.
    Cancel {
        /// The account that the exchange belongs to.
        account_id: String,
        /// The exchange's id.
        exchange_id: String,
        /// The cancellation's own id. The same id again cancels nothing more.
        #[arg(long)]
        cancellation_id: String,
        /// How many units to cancel. [default: all units that are left]
        #[arg(long)]
        quantity: Option<u64>,
    },
    /// List the parked messages, with the reason.
    Parked,
    /// Try a parked message again.
    Retry {
        /// The message's number, as `parked` shows it.
        parked_id: i64,
    },
    /// Delete a parked message.
    Discard {
        /// The message's number, as `parked` shows it.
        parked_id: i64,
    },
}

/// What to publish again.
#[derive(Args)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    operator: Operator,

    /// The first position to publish, such as 0:1.
    #[arg(long)]
    from: String,

    /// The topic to publish to. It must not be the topic of the shipping requests.
    #[arg(long)]
    to_topic: String,

    /// Publish only the messages for this warehouse.
    #[arg(long)]
    warehouse: Option<String>,
}

pub(crate) async fn run(ShippingArgs { operator, act }: ShippingArgs) -> anyhow::Result<()> {
    let request = |id: &str, what: &str| format!("/v1/shipping-requests/{id}/{what}");
    match act {
        Act::Overdue => operator.list("/v1/overdue-shipping-requests").await,
        Act::Resend { shipping_request_id: id } => {
            operator.show(Method::POST, &request(&id, "resend"), None).await
        }
        Act::Settle { shipping_request_id: id, reason } => {
            let body = json!({"reason": reason});
            operator.show(Method::PUT, &request(&id, "settlement"), Some(body)).await
        }
        Act::Cancel { account_id, exchange_id, cancellation_id, quantity } => {
            let exchange = format!("/v1/accounts/{account_id}/exchanges/{exchange_id}");
            let path = format!("{exchange}/cancellations/{cancellation_id}");
            let body = quantity.map_or(json!({}), |quantity| json!({"quantity": quantity}));
            operator.show(Method::PUT, &path, Some(body)).await
        }
        Act::Parked => operator.list("/v1/parked-messages").await,
        Act::Retry { parked_id } => {
            let path = format!("/v1/parked-messages/{parked_id}/retry");
            operator.show(Method::POST, &path, None).await
        }
        Act::Discard { parked_id } => {
            let path = format!("/v1/parked-messages/{parked_id}");
            operator.ask(Method::DELETE, &path, None).await?;
            println!("deleted the parked message {parked_id}");
            Ok(())
        }
    }
}

pub(crate) async fn publish(args: PublishArgs) -> anyhow::Result<()> {
    let PublishArgs { operator, from, to_topic, warehouse } = args;
    let mut body = json!({"from": from, "to_topic": to_topic});
    if let Some(warehouse) = warehouse {
        body["warehouse"] = warehouse.into();
    }
    let path = "/v1/shipping-stream/replays";
    let mut replay: Value = operator.ask(Method::POST, path, Some(body)).await?.json().await?;
    let path = format!("{path}/{}", replay["replay_id"].as_str().unwrap_or_default());
    while replay["status"] == "running" {
        tokio::time::sleep(LOOK_EVERY).await;
        replay = operator.ask(Method::GET, &path, None).await?.json().await?;
    }
    if replay["status"] != "done" {
        bail!("the replay ended after {} messages: {}", replay["sent"], replay["why"]);
    }
    println!("messages sent to {to_topic}: {}", replay["sent"]);
    Ok(())
}
