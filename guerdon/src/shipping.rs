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
    /// Cancel the exchange of a shipping request, and give the points back.
    Cancel {
        /// The shipping request's id, as `overdue` and the warehouse show it.
        shipping_request_id: String,
        /// Why, such as "out of print".
        #[arg(long)]
        reason: String,
        /// How many units to cancel. [default: all units that are left]
        #[arg(long, requires = "cancellation_id")]
        quantity: Option<u64>,
        /// The cancellation's own id. The same id again cancels nothing more.
        #[arg(long, default_value = "operator")]
        cancellation_id: String,
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
    match act {
        Act::Overdue => operator.list(&["overdue-shipping-requests"]).await,
        Act::Resend { shipping_request_id: id } => {
            operator.show(Method::POST, &["shipping-requests", &id, "resend"], None).await
        }
        Act::Settle { shipping_request_id: id, reason } => {
            let body = json!({"reason": reason});
            operator.show(Method::PUT, &["shipping-requests", &id, "settlement"], Some(body)).await
        }
        Act::Cancel { shipping_request_id: id, reason, quantity, cancellation_id } => {
            let path = ["shipping-requests", &id];
            let request: Value = operator.ask(Method::GET, &path, None).await?.json().await?;
            let [account, exchange] = ["account_id", "exchange_id"].map(|it| request[it].as_str());
            let (Some(account), Some(exchange)) = (account, exchange) else {
                bail!(
                    "{id} ships a purchase, and not an exchange: a merchant takes a purchase back \
                     with PUT /v1/accounts/{{account_id}}/purchases/{{purchase_id}}/returns/{{return_id}}"
                );
            };
            let exchange = ["accounts", account, "exchanges", exchange];
            let path = [&exchange[..], &["cancellations", &cancellation_id]].concat();
            let mut body = json!({"reason": reason});
            if let Some(quantity) = quantity {
                body["quantity"] = quantity.into();
            }
            operator.show(Method::PUT, &path, Some(body)).await
        }
        Act::Parked => operator.list(&["parked-messages"]).await,
        Act::Retry { parked_id } => {
            let parked_id = parked_id.to_string();
            operator.show(Method::POST, &["parked-messages", &parked_id, "retry"], None).await
        }
        Act::Discard { parked_id } => {
            let path = ["parked-messages", &parked_id.to_string()];
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
    let path = ["shipping-stream", "replays"];
    let mut replay: Value = operator.ask(Method::POST, &path, Some(body)).await?.json().await?;
    let replay_id = replay["replay_id"].as_str().unwrap_or_default().to_owned();
    let path = [&path[..], &[&replay_id]].concat();
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
