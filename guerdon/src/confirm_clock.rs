//! `guerdon confirm-clock`: an operator's word that the wall clock is right.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::api_keys;

/// Tell a running ledger that its wall clock is right.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConfirmClockArgs {
    /// Where the ledger listens
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,

    /// The keys that the ledger wrote on its first start
    #[arg(long, value_name = "FILE.json", default_value = "./guerdon-data/api-keys.json")]
    api_keys: PathBuf,
}

/// Confirms what this machine's clock says, which is to be the ledger's machine.
pub(crate) async fn run(args: ConfirmClockArgs) -> anyhow::Result<()> {
    let key = api_keys::operator_key(&args.api_keys)?;
    let url = format!("{}/v1/clock/confirmation", args.url.trim_end_matches('/'));
    // The key goes to the address that was given and nowhere else.
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()?;
    #[expect(clippy::disallowed_methods, reason = "an operator's look at the clock")]
    let wall = domain::Timestamp::from_system(std::time::SystemTime::now())?;
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
