//! An operator who calls a running ledger over HTTP: the options that say where it is and with
//! which key, and one way of asking.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::command_line::{http_url, path};
use crate::http_client::http_client;
use crate::key_file::keys_in;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Where the ledger is, and who asks.
#[derive(Args, Clone, Debug)]
pub(crate) struct Operator {
    /// The ledger's address.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_parser = http_url)]
    url: String,

    /// A file with API keys, of which the operator's is used; the ledger writes such a file at its
    /// first start.
    #[arg(long, value_name = "FILE.json", default_value = "./guerdon-data/api-keys.json")]
    #[arg(value_parser = path)]
    api_keys: PathBuf,
}

impl Operator {
    /// Asks, and gives the answer where it is a success; a problem becomes the error.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Response> {
        let response = self.send(method, path, body).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let problem: Value = response.json().await.unwrap_or_default();
        bail!("the ledger answered {}: {}", status.as_u16(), detail(&problem))
    }

    /// Asks, and gives the answer, also where it is a problem.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Response> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let [key] = keys_in(&self.api_keys, ["operator"])?;
        let mut request = http_client()?.request(method, &url).timeout(ANSWER_MAX).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let asked = request.send().await;
        asked.with_context(|| format!("the ledger at {url} doesn't answer"))
    }

    /// Asks, and prints the answer.
    pub(crate) async fn show(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<()> {
        let answer: Value = self.ask(method, path, body).await?.json().await?;
        println!("{answer}");
        Ok(())
    }

    /// Prints all items of a list, one per line.
    pub(crate) async fn list(&self, path: &str) -> anyhow::Result<()> {
        let print = async |item: Value| {
            println!("{item}");
            Ok(())
        };
        self.each(path, print).await
    }

    /// Does something with each item of a list.
    pub(crate) async fn each(
        &self,
        path: &str,
        mut act: impl AsyncFnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut cursor = String::new();
        loop {
            let page = format!("{path}?limit=500{cursor}");
            let mut page: Value = self.ask(Method::GET, &page, None).await?.json().await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                for item in items {
                    act(item).await?;
                }
            }
            match page["next"].as_str() {
                None => return Ok(()),
                Some(next) => cursor = format!("&cursor={next}"),
            }
        }
    }
}

/// Why the ledger refuses.
pub(crate) fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap_or("no reason was given; check --url")
}
