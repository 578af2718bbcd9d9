//! An operator who calls a running ledger over HTTP: the options that say where it is and with
//! which key, and one way of asking.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use reqwest::{Client, Method, Response, Url};
use serde_json::Value;

use crate::command_line::{http_url, path};
use crate::exit::Unreachable;
use crate::http_client::http_client;
use crate::key_file::keys_in;
use crate::printing::{Printing, plain, table};

/// A longer text is cut off in a list, so that its table stays readable; the item by itself, and
/// `--output json`, have it whole.
pub(crate) const CELL_CHARS_MAX: usize = 60;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Where the ledger is, who asks, and how the answer is printed. The options may come before or
/// after the name of an act.
#[derive(Args, Clone, Debug)]
pub(crate) struct Operator {
    /// The ledger's address.
    #[arg(long, global = true, env = "GUERDON_URL", hide_env_values = true)]
    #[arg(default_value = "http://127.0.0.1:8080", value_parser = http_url)]
    url: String,

    /// A file with API keys, of which the operator's is used; the ledger writes such a file at its
    /// first start.
    #[arg(long, global = true, env = "GUERDON_API_KEYS", value_name = "FILE.json")]
    #[arg(default_value = "./guerdon-data/api-keys.json", value_parser = path)]
    api_keys: PathBuf,

    #[command(flatten)]
    pub(crate) printing: Printing,

    /// Made for the first call; the others go on its connection.
    #[arg(skip)]
    client: OnceLock<Client>,
}

impl Operator {
    /// Asks, and gives the answer where it is a success; a problem becomes the error. The path is
    /// given in segments, for an id may hold whatever was typed.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> anyhow::Result<Response> {
        let response = self.send(method, path, &[], body).await?;
        succeeded(response).await
    }

    /// Asks, and gives the answer, also where it is a problem.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> anyhow::Result<Response> {
        let mut url = self.address(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let [key] = keys_in(&self.api_keys, ["operator"])?;
        let request = self.client()?.request(method, url.clone());
        let mut request = request.timeout(ANSWER_MAX).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let asked = request.send().await;
        // Its own text repeats the URL, which the context names.
        asked.map_err(reqwest::Error::without_url).context(Unreachable(url.to_string()))
    }

    fn client(&self) -> reqwest::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = http_client()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// The address of what has this path below `/v1`.
    fn address(&self, path: &[&str]) -> anyhow::Result<Url> {
        // Every reader of a URL takes such a segment for the folder, or the one above.
        if let Some(dots) = path.iter().find(|segment| segment.bytes().all(|byte| byte == b'.')) {
            bail!("{dots:?} is not an id");
        }
        let mut url: Url = self.url.parse().with_context(|| format!("can't use {}", self.url))?;
        let mut segments =
            url.path_segments_mut().map_err(|()| anyhow!("{} can't have a path", self.url))?;
        segments.pop_if_empty().push("v1").extend(path);
        drop(segments);
        Ok(url)
    }

    /// Asks, and prints the answer.
    pub(crate) async fn show(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> anyhow::Result<()> {
        let answer: Value = self.ask(method, path, body).await?.json().await?;
        if self.printing.is_json() {
            println!("{answer}");
            return Ok(());
        }
        let facts = answer.as_object().into_iter().flatten();
        println!(
            "{}",
            table(["field", "value"], facts.map(|(name, fact)| [name.clone(), text(fact)]))
        );
        Ok(())
    }

    /// Prints all items of a list: some of their fields, or all of them.
    pub(crate) async fn list<const N: usize>(
        &self,
        path: &[&str],
        fields: [&str; N],
    ) -> anyhow::Result<()> {
        let mut rows = vec![];
        let take = async |item: Value| {
            if self.printing.is_json() {
                println!("{item}");
            } else {
                rows.push(fields.map(|field| beginning(&text(&item[field]))));
            }
            Ok(())
        };
        self.each(path, take).await?;
        if !rows.is_empty() {
            println!("{}", table(fields, rows.into_iter()));
        } else if !self.printing.is_json() {
            self.printing.about("there are none");
        }
        Ok(())
    }

    /// Does something with each item of a list.
    pub(crate) async fn each(
        &self,
        path: &[&str],
        mut act: impl AsyncFnMut(Value) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut next = None;
        loop {
            let cursor = next.iter().map(|next: &String| ("cursor", next.as_str()));
            let query: Vec<(&str, &str)> = [("limit", "500")].into_iter().chain(cursor).collect();
            let page = succeeded(self.send(Method::GET, path, &query, None).await?).await?;
            let mut page: Value = page.json().await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                for item in items {
                    act(item).await?;
                }
            }
            match page["next"].as_str() {
                None => return Ok(()),
                Some(text) => next = Some(text.to_owned()),
            }
        }
    }
}

/// A fact as a cell of a table.
fn text(fact: &Value) -> String {
    match fact {
        Value::Null => String::new(),
        Value::String(text) => plain(text),
        fact => fact.to_string(),
    }
}

/// The beginning of a long text.
pub(crate) fn beginning(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The answer where it is a success; a problem becomes the error.
async fn succeeded(response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let problem: Value = response.json().await.unwrap_or_default();
    bail!("the ledger answered {}: {}", status.as_u16(), detail(&problem))
}

/// Why the ledger refuses.
pub(crate) fn detail(problem: &Value) -> &str {
    problem["detail"].as_str().unwrap_or("no reason was given; check --url")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator() -> Operator {
        let (url, client) = ("http://ledger:8080/points".into(), OnceLock::new());
        Operator { url, api_keys: PathBuf::new(), printing: Printing::default(), client }
    }

    #[test]
    fn an_id_stays_one_segment_of_the_path_whatever_is_in_it() {
        let address = |id| operator().address(&["shipping-requests", id, "resend"]);
        let url = address("../offers/mug/closure?x#y%2F ü").expect("an address");
        assert_eq!(
            url.as_str(),
            "http://ledger:8080/points/v1/shipping-requests/\
             ..%2Foffers%2Fmug%2Fclosure%3Fx%23y%252F%20%C3%BC/resend"
        );
        for dots in ["", ".", "..", "..."] {
            let refused = address(dots).expect_err("not an id").to_string();
            assert_eq!(refused, format!("{dots:?} is not an id"));
        }
    }
}
