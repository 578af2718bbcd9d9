//! `guerdon shipping …` and `guerdon publish`: an operator looks after shipping requests, over HTTP
//! on a running ledger.

use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Args, Subcommand};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::operator::{Operator, detail};

/// How often the command asks how far a replay has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const PARKED: &str = "/v1/parked-messages";

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
    /// List the parked messages, with the reason and the beginning of each; or show one whole.
    Parked {
        /// The number of the message to show.
        parked_id: Option<i64>,
    },
    /// Try a parked message again, or all of them in the order in which they came.
    #[command(group = ArgGroup::new("which").required(true))]
    Retry {
        /// The message's number, as `parked` shows it.
        #[arg(group = "which")]
        parked_id: Option<i64>,
        /// Try every parked message.
        #[arg(long, group = "which")]
        all: bool,
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
        Act::Parked { parked_id: None } => operator.list(PARKED).await,
        Act::Parked { parked_id: Some(parked_id) } => {
            operator.show(Method::GET, &format!("{PARKED}/{parked_id}"), None).await
        }
        Act::Retry { parked_id: Some(parked_id), .. } => {
            operator.show(Method::POST, &format!("{PARKED}/{parked_id}/retry"), None).await
        }
        Act::Retry { parked_id: None, .. } => retry_all(&operator).await,
        Act::Discard { parked_id } => {
            operator.ask(Method::DELETE, &format!("{PARKED}/{parked_id}"), None).await?;
            println!("deleted the parked message {parked_id}");
            Ok(())
        }
    }
}

/// Tries the parked messages again, the oldest first, and prints what became of each.
async fn retry_all(operator: &Operator) -> anyhow::Result<()> {
    let (mut done, mut refused) = (0, 0);
    let retry = async |item: Value| {
        let parked_id = &item["parked_id"];
        let path = format!("{PARKED}/{parked_id}/retry");
        let response = operator.send(Method::POST, &path, None).await?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        match status {
            StatusCode::OK => {
                done += 1;
                println!("{parked_id}: done");
            }
            StatusCode::CONFLICT => {
                refused += 1;
                println!("{parked_id}: still can't be used: {}", detail(&answer));
            }
            // Somebody else retried or discarded it.
            StatusCode::NOT_FOUND => println!("{parked_id}: not parked any more"),
            status => bail!(
                "{parked_id} and those after it are not retried; the ledger answered {}: {}",
                status.as_u16(),
                detail(&answer)
            ),
        }
        Ok(())
    };
    operator.each(PARKED, retry).await?;
    if refused > 0 {
        bail!("{done} messages are done, and {refused} still can't be used; see the reasons above");
    }
    println!("{done} messages are done, and none is parked any more");
    Ok(())
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
