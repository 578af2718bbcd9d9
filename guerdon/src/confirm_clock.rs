//! `guerdon confirm-clock TIME`: an operator confirms that the wall clock is right. The operator
//! gives the time from another clock that is right, so that the ledger can compare.

use std::fmt::{Display, Formatter};

use domain::Timestamp;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::operator::Operator;

/// The time, and where the ledger is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConfirmClockArgs {
    /// The present time by a clock that is right, to the minute, such as 2026-11-21T09:30:00Z.
    time: Timestamp,

    #[command(flatten)]
    operator: Operator,
}

/// What was confirmed.
#[derive(Serialize)]
struct Confirmed {
    time: Timestamp,
    /// The position of the confirmation in the log.
    position: String,
}

impl Display for Confirmed {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "confirmed that it is {}, at position {}", self.time, self.position)
    }
}

/// Confirms the ledger's clock, if it agrees with the operator's.
pub(crate) async fn run(
    ConfirmClockArgs { time, operator }: ConfirmClockArgs,
) -> anyhow::Result<()> {
    operator.printing.about(format_args!("telling the ledger that it is {time}"));
    let body = json!({"wall": time});
    let answer = operator.ask(Method::PUT, &["clock", "confirmation"], Some(body)).await?;
    let answer: Value = answer.json().await.unwrap_or_default();
    let position = answer["position"].as_str().unwrap_or("?").to_owned();
    operator.printing.one(&Confirmed { time, position })
}
