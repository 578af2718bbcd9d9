//! `guerdon confirm-clock TIME`: an operator's word that the wall clock is right. The time is said,
//! from a watch that is right, so that the word is about the clock and not an echo of it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use domain::Timestamp;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::api_keys;

/// Tell a running ledger that its wall clock is right.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConfirmClockArgs {
    /// What time it is, to the minute, by a clock that is right: 2026-11-21T09:30:00Z
    time: Timestamp,

    /// Where the ledger listens
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,

    /// The keys that the ledger wrote on its first start
    #[arg(long, value_name = "FILE.json", default_value = "./guerdon-data/api-keys.json")]
    api_keys: PathBuf,
}

/// Confirms the ledger's clock, if it says what the operator says.
pub(crate) async fn run(args: ConfirmClockArgs) -> anyhow::Result<()> {
    let key = api_keys::operator_key(&args.api_keys)?;
    let url = format!("{}/v1/clock/confirmation", args.url.trim_end_matches('/'));
    // The key goes to the address that was given and nowhere else.
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()?;
    let wall = args.time;
    let asked = client.put(&url).bearer_auth(key).json(&json!({"wall": wall})).send().await;
    let response = asked.with_context(|| format!("the ledger at {url} doesn't answer"))?;
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    if status != StatusCode::CREATED {
        let detail = body["detail"].as_str().unwrap_or("no reason came with it");
        bail!("the ledger answered {}: {detail}", status.as_u16());
    }
    println!(
        "confirmed that it is {wall}, at position {}",
        body["position"].as_str().unwrap_or("?")
    );
    Ok(())
}
