//! `guerdon shipping …` and `guerdon publish`: what an operator does about parcels, over HTTP on a
//! running ledger.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::api_keys::operator_key;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How often it is looked how far a replay is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where the ledger is, and who asks.
#[derive(Args, Clone)]
struct At {
    /// Where the ledger listens
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,

    /// The keys that the ledger wrote on its first start
    #[arg(long, value_name = "FILE.json", default_value = "./guerdon-data/api-keys.json")]
    api_keys: PathBuf,
}

/// What to do about parcels.
#[derive(Args)]
pub(crate) struct ShippingArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Lists the requests that no warehouse accepts, although they were sent several times.
    Overdue,
    /// Sends a request once more now.
    Resend {
        /// Which, as `overdue` and the warehouse name it.
        shipping_request_id: String,
    },
    /// Says that a request was seen to by hand: nobody is asked for it any more.
    Settle {
        /// Which, as `overdue` and the warehouse name it.
        shipping_request_id: String,
        /// How it was seen to.
        #[arg(long)]
        reason: String,
    },
    /// Cancels an exchange and gives the points back.
    Cancel {
        /// Whose it is.
        account_id: String,
        /// Which of the account's exchanges.
        exchange_id: String,
        /// The cancellation's own id; the same one again cancels nothing more.
        #[arg(long)]
        cancellation_id: String,
        /// How many units. [default: all that is left of it]
        #[arg(long)]
        quantity: Option<u64>,
    },
    /// Lists what came in and can't be used.
    Parked,
    /// Tries a parked message again.
    Retry {
        /// Its number, as `parked` tells it.
        parked_id: i64,
    },
    /// Forgets a parked message.
    Discard {
        /// Its number, as `parked` tells it.
        parked_id: i64,
    },
}

/// What to publish once more.
#[derive(Args)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    at: At,

    /// From which position on, such as 0:1.
    #[arg(long)]
    from: String,

    /// Into which topic; not the one that shipping requests are sent to.
    #[arg(long)]
    to_topic: String,

    /// Only what was asked of this warehouse.
    #[arg(long)]
    warehouse: Option<String>,
}

pub(crate) async fn run(ShippingArgs { at, act }: ShippingArgs) -> anyhow::Result<()> {
    let request = |id: &str, what: &str| format!("/v1/shipping-requests/{id}/{what}");
    match act {
        Act::Overdue => at.list("/v1/overdue-shipping-requests").await,
        Act::Resend { shipping_request_id: id } => {
            at.show(Method::POST, &request(&id, "resend"), None).await
        }
        Act::Settle { shipping_request_id: id, reason } => {
            let body = json!({"reason": reason});
            at.show(Method::PUT, &request(&id, "settlement"), Some(body)).await
        }
        Act::Cancel { account_id, exchange_id, cancellation_id, quantity } => {
            let exchange = format!("/v1/accounts/{account_id}/exchanges/{exchange_id}");
            let path = format!("{exchange}/cancellations/{cancellation_id}");
            let body = quantity.map_or(json!({}), |quantity| json!({"quantity": quantity}));
            at.show(Method::PUT, &path, Some(body)).await
        }
        Act::Parked => at.list("/v1/parked-messages").await,
        Act::Retry { parked_id } => {
            let path = format!("/v1/parked-messages/{parked_id}/retry");
            at.show(Method::POST, &path, None).await
        }
        Act::Discard { parked_id } => {
            let path = format!("/v1/parked-messages/{parked_id}");
            at.ask(Method::DELETE, &path, None).await?;
            println!("parked message {parked_id} is forgotten");
            Ok(())
        }
    }
}

pub(crate) async fn publish(args: PublishArgs) -> anyhow::Result<()> {
    let PublishArgs { at, from, to_topic, warehouse } = args;
    let mut body = json!({"from": from, "to_topic": to_topic});
    if let Some(warehouse) = warehouse {
        body["warehouse"] = warehouse.into();
    }
    let path = "/v1/shipping-stream/replays";
    let mut replay: Value = at.ask(Method::POST, path, Some(body)).await?.json().await?;
    let path = format!("{path}/{}", replay["replay_id"].as_str().unwrap_or_default());
    while replay["status"] == "running" {
        tokio::time::sleep(LOOK_EVERY).await;
        replay = at.ask(Method::GET, &path, None).await?.json().await?;
    }
    if replay["status"] != "done" {
        bail!("the replay ended after {} messages: {}", replay["sent"], replay["why"]);
    }
    println!("messages sent to {to_topic}: {}", replay["sent"]);
    Ok(())
}

impl At {
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        // The key goes to the address that was given and nowhere else.
        let client = Client::builder().no_proxy().redirect(Policy::none()).build()?;
        let mut request = client.request(method, &url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let request = request.timeout(ANSWER_MAX).bearer_auth(operator_key(&self.api_keys)?);
        let response = request.send().await.with_context(|| format!("{url} does not answer"))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let problem: Value = response.json().await.unwrap_or_default();
        bail!("{status}: {}", problem["detail"].as_str().unwrap_or("no reason was given"))
    }

    async fn show(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<()> {
        let answer: Value = self.ask(method, path, body).await?.json().await?;
        println!("{answer}");
        Ok(())
    }

    /// All of a list, an item in a line.
    async fn list(&self, path: &str) -> anyhow::Result<()> {
        let mut cursor = String::new();
        loop {
            let page = format!("{path}?limit=500{cursor}");
            let page: Value = self.ask(Method::GET, &page, None).await?.json().await?;
            for item in page["items"].as_array().into_iter().flatten() {
                println!("{item}");
            }
            match page["next"].as_str() {
                None => return Ok(()),
                Some(next) => cursor = format!("&cursor={next}"),
            }
        }
    }
}
