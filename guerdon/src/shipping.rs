//! `guerdon shipping …` and `guerdon publish`: an operator looks after shipping requests, over HTTP
//! on a running ledger.

use std::fmt::{Display, Formatter};
use std::time::Duration;

use anyhow::bail;
use clap::{ArgGroup, Args, Subcommand};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::FoundWrong;
use crate::operator::{Operator, detail};

/// How often the command asks how far a replay has come.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const PARKED: &str = "parked-messages";

/// What a table shows of an overdue shipping request.
const OF_OVERDUE: [&str; 7] = [
    "shipping_request_id",
    "warehouse",
    "status",
    "requested_at",
    "account_id",
    "exchange_id",
    "purchase_id",
];

/// What a table shows of a parked message.
const OF_PARKED: [&str; 6] = ["parked_id", "parked_at", "topic", "code", "reason", "body"];

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
    operator.printing.about(act.about());
    match act {
        Act::Overdue => operator.list(&["overdue-shipping-requests"], OF_OVERDUE).await,
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
                    "{id} ships a purchase, and not an exchange: a merchant takes it back with PUT \
                     /v1/accounts/{{account_id}}/purchases/{{purchase_id}}/returns/{{return_id}}"
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
        Act::Parked { parked_id: None } => operator.list(&[PARKED], OF_PARKED).await,
        Act::Parked { parked_id: Some(parked_id) } => {
            operator.show(Method::GET, &[PARKED, &parked_id.to_string()], None).await
        }
        Act::Retry { parked_id: Some(parked_id), .. } => {
            operator.show(Method::POST, &[PARKED, &parked_id.to_string(), "retry"], None).await
        }
        Act::Retry { parked_id: None, .. } => retry_all(&operator).await,
        Act::Discard { parked_id } => {
            let path = [PARKED, &parked_id.to_string()];
            operator.ask(Method::DELETE, &path, None).await?;
            operator.printing.one(&Discarded { parked_id })
        }
    }
}

impl Act {
    /// What it is about to do.
    fn about(&self) -> String {
        match self {
            Self::Overdue => "asking for the overdue shipping requests".into(),
            Self::Resend { shipping_request_id: id } => {
                format!("asking the ledger to send the shipping request {id} again")
            }
            Self::Settle { shipping_request_id: id, .. } => {
                format!("marking the shipping request {id} as settled by hand")
            }
            Self::Cancel { shipping_request_id: id, .. } => {
                format!("cancelling the exchange of the shipping request {id}")
            }
            Self::Parked { parked_id: None } => "asking for the parked messages".into(),
            Self::Parked { parked_id: Some(id) } => format!("asking for the parked message {id}"),
            Self::Retry { parked_id: Some(id), .. } => {
                format!("trying the parked message {id} again")
            }
            Self::Retry { parked_id: None, .. } => "trying all parked messages again".into(),
            Self::Discard { parked_id } => format!("deleting the parked message {parked_id}"),
        }
    }
}

/// A parked message that is no more.
#[derive(Serialize)]
struct Discarded {
    parked_id: i64,
}

impl Display for Discarded {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "deleted the parked message {}", self.parked_id)
    }
}

/// What became of a parked message.
#[derive(Serialize)]
struct Retried<'a> {
    parked_id: &'a Value,
    /// `done`, `refused`, or `gone` where somebody else retried or discarded it.
    status: &'static str,
    /// Why it still can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl Display for Retried<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { parked_id, status, detail } = self;
        match (*status, detail) {
            ("refused", detail) => {
                write!(f, "{parked_id}: still can't be used: {}", detail.unwrap_or_default())
            }
            ("gone", _) => write!(f, "{parked_id}: not parked any more"),
            (status, _) => write!(f, "{parked_id}: {status}"),
        }
    }
}

/// Tries the parked messages again, the oldest first, and prints what became of each.
async fn retry_all(operator: &Operator) -> anyhow::Result<()> {
    let (mut done, mut refused) = (0, 0);
    let retry = async |item: Value| {
        let parked_id = &item["parked_id"];
        let path = [PARKED, &parked_id.to_string(), "retry"];
        let response = operator.send(Method::POST, &path, &[], None).await?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or_default();
        let (status, detail) = match status {
            StatusCode::OK => {
                done += 1;
                ("done", None)
            }
            StatusCode::CONFLICT => {
                refused += 1;
                ("refused", Some(detail(&answer)))
            }
            // Somebody else retried or discarded it.
            StatusCode::NOT_FOUND => ("gone", None),
            status => bail!(
                "{parked_id} and those after it are not retried; the ledger answered {}: {}",
                status.as_u16(),
                detail(&answer)
            ),
        };
        operator.printing.one(&Retried { parked_id, status, detail })
    };
    operator.each(&[PARKED], retry).await?;
    if refused > 0 {
        return Err(FoundWrong(format!(
            "{done} messages are done, and {refused} still can't be used; see the reasons above"
        ))
        .into());
    }
    if !operator.printing.is_json() {
        println!("{done} messages are done, and none is parked any more");
    }
    Ok(())
}

/// A replay that has ended.
#[derive(Serialize)]
struct Replayed<'a> {
    to_topic: &'a str,
    sent: &'a Value,
}

impl Display for Replayed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "messages sent to {}: {}", self.to_topic, self.sent)
    }
}

pub(crate) async fn publish(args: PublishArgs) -> anyhow::Result<()> {
    let PublishArgs { operator, from, to_topic, warehouse } = args;
    operator.printing.about(format_args!("publishing all from {from} on again, to {to_topic}"));
    let mut body = json!({"from": from, "to_topic": to_topic});
    if let Some(warehouse) = warehouse {
        body["warehouse"] = warehouse.into();
    }
    let path = ["shipping-stream", "replays"];
    let mut replay: Value = operator.ask(Method::POST, &path, Some(body)).await?.json().await?;
    let replay_id = replay["replay_id"].as_str().unwrap_or_default().to_owned();
    let path = [&path[..], &[&replay_id]].concat();
    let progress = operator.printing.progress("messages", None);
    while replay["status"] == "running" {
        progress.set(replay["sent"].as_u64().unwrap_or_default());
        tokio::time::sleep(LOOK_EVERY).await;
        replay = operator.ask(Method::GET, &path, None).await?.json().await?;
    }
    drop(progress);
    if replay["status"] != "done" {
        bail!("the replay ended after {} messages: {}", replay["sent"], replay["why"]);
    }
    operator.printing.one(&Replayed { to_topic: &to_topic, sent: &replay["sent"] })
}
