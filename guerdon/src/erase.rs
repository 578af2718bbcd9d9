//! `guerdon erase`: an operator has what is private of an account erased, over HTTP on a running
//! ledger, and looks how far that is.

use std::fmt::{Display, Formatter};
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::duration::some_time;
use crate::operator::Operator;

/// The pause between two looks at the status.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What to erase.
#[derive(Args)]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    operator: Operator,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Erase what is private of an account: names, addresses, subjects and reasons, in all that was
    /// recorded up to now.
    Account {
        /// The account's id.
        id: String,
        /// Why. It is kept, and public: name no person.
        #[arg(long)]
        reason: String,
        /// The id of the erasure: the same id erases once. Without it, one is made.
        #[arg(long, value_name = "ID")]
        erasure_id: Option<String>,
        /// Wait until nobody can read it any more, for so long at most: 90s, 15min, 4h.
        #[arg(long, value_name = "TIME", value_parser = some_time)]
        wait: Option<Duration>,
    },
    /// Show how far the last erasure of an account is.
    Status {
        /// The account's id.
        id: String,
    },
}

pub(crate) async fn run(EraseArgs { operator, act }: EraseArgs) -> anyhow::Result<()> {
    match act {
        Act::Account { id, reason, erasure_id, wait } => {
            let erasure = erasure_id.unwrap_or_else(|| Uuid::now_v7().to_string());
            erase(&operator, id, reason, &erasure, wait).await
        }
        Act::Status { id } => operator.show(Method::GET, &["accounts", &id, "erasure"], None).await,
    }
}

/// An account that was erased.
#[derive(Serialize)]
struct ErasedAccount {
    id: String,
    erasure_id: String,
    position: String,
    status: String,
}

impl Display for ErasedAccount {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { id, erasure_id, position, status } = self;
        write!(f, "the erasure {erasure_id} of {id} is recorded at {position}; ")?;
        match &**status {
            "asked" => write!(f, "guerdon erase status {id} shows how far it is"),
            "bytes-remain" => write!(
                f,
                "nobody can read what was private any more, and some files of the log still have \
                 the bytes: look with guerdon erase status {id}"
            ),
            _ => write!(f, "no file of the ledger has what was private any more"),
        }
    }
}

async fn erase(
    operator: &Operator,
    id: String,
    reason: String,
    erasure: &str,
    wait: Option<Duration>,
) -> anyhow::Result<()> {
    operator.printing.about(format_args!("erasing what is private of {id}"));
    let path = ["accounts", &id, "erasures", erasure];
    let answer = operator.ask(Method::PUT, &path, Some(json!({"reason": reason}))).await?;
    let fact: Value = answer.json().await.unwrap_or_default();
    let position = fact["position"].as_str().unwrap_or("?").to_owned();
    let until = wait.map(|wait| Instant::now() + wait);
    let mut status = "asked".to_owned();
    while let Some(until) = until.filter(|_| status == "asked") {
        let path = ["accounts", &id, "erasure"];
        let shown: Value = operator.ask(Method::GET, &path, None).await?.json().await?;
        status = shown["status"].as_str().unwrap_or("?").to_owned();
        if status == "asked" && Instant::now() > until {
            bail!(
                "the erasure {erasure} of {id} is recorded at {position} and isn't complete yet; \
                 guerdon erase status {id} shows what it waits for"
            );
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let erased = ErasedAccount { erasure_id: erasure.to_owned(), position, status, id };
    operator.printing.one(&erased)
}
