//! `guerdon mark`: an operator marks an account or a request for a time, over HTTP on a running
//! ledger. Every part then logs it in detail and keeps its traces.

use std::fmt::{Display, Formatter};
use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::duration::some_time;
use crate::operator::Operator;

/// What to do about marks.
#[derive(Args)]
pub(crate) struct MarkArgs {
    #[command(flatten)]
    operator: Operator,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Mark an account.
    Account {
        /// The account's id.
        id: String,
        #[command(flatten)]
        lasts: Lasts,
    },
    /// Mark a request: by the id of the exchange, hold, purchase or other thing that it puts, by
    /// its Idempotency-Key or X-Request-Id, by a shipping request's id, or by a trace id.
    Request {
        /// The id.
        id: String,
        #[command(flatten)]
        lasts: Lasts,
    },
    /// List the marks, the latest first.
    List,
    /// Remove the mark of an account.
    UnmarkAccount {
        /// The account's id.
        id: String,
    },
    /// Remove the mark of a request.
    UnmarkRequest {
        /// The id that was marked.
        id: String,
    },
}

#[derive(Args)]
struct Lasts {
    /// How long the mark lasts, up to a day: 90s, 15min, 4h.
    #[arg(long = "for", value_name = "TIME", default_value = "15min", value_parser = some_time)]
    time: Duration,
}

/// What a table shows of a mark.
const OF_MARK: [&str; 5] = ["kind", "id", "key_id", "marked_at", "ends_at"];

pub(crate) async fn run(MarkArgs { operator, act }: MarkArgs) -> anyhow::Result<()> {
    match act {
        Act::Account { id, lasts } => set(&operator, "accounts", id, &lasts).await,
        Act::Request { id, lasts } => set(&operator, "requests", id, &lasts).await,
        Act::List => list(&operator).await,
        Act::UnmarkAccount { id } => remove(&operator, "accounts", id).await,
        Act::UnmarkRequest { id } => remove(&operator, "requests", id).await,
    }
}

/// What was marked.
#[derive(Serialize)]
struct Marked {
    id: String,
    ends_at: String,
}

impl Display for Marked {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { id, ends_at } = self;
        write!(
            f,
            "marked {id} until {ends_at}; within 5 seconds every process logs it in detail (look \
             for the target mark in their logs)"
        )
    }
}

/// What isn't marked any more.
#[derive(Serialize)]
struct Unmarked {
    id: String,
}

impl Display for Unmarked {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not marked any more", self.id)
    }
}

async fn set(operator: &Operator, kind: &str, id: String, lasts: &Lasts) -> anyhow::Result<()> {
    operator.printing.about(format_args!("marking {id}"));
    let body = json!({"seconds": lasts.time.as_secs()});
    let answer = operator.ask(Method::PUT, &["marks", kind, &id], Some(body)).await?;
    let mark: Value = answer.json().await.unwrap_or_default();
    let ends_at = mark["ends_at"].as_str().unwrap_or("?").to_owned();
    operator.printing.one(&Marked { id, ends_at })
}

async fn list(operator: &Operator) -> anyhow::Result<()> {
    let answer: Value = operator.ask(Method::GET, &["marks"], None).await?.json().await?;
    let marks = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
    let cells = |mark: &Value| OF_MARK.map(|name| mark[name].as_str().unwrap_or("").to_owned());
    operator.printing.rows(OF_MARK, marks, cells)
}

async fn remove(operator: &Operator, kind: &str, id: String) -> anyhow::Result<()> {
    operator.printing.about(format_args!("removing the mark of {id}"));
    operator.ask(Method::DELETE, &["marks", kind, &id], None).await?;
    operator.printing.one(&Unmarked { id })
}
