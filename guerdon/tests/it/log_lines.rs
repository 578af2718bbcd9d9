//! What the program's log has in it: fields of stable names, and nothing that is secret or private.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::ledger::{Ledger, said};
use crate::topic::shop::prepare;

const PAGE: &str = include_str!("../../../docs/operations/logs.md");

/// The crates whose code logs.
const CRATES: [&str; 15] = [
    "audit",
    "command-api",
    "domain",
    "event-schema",
    "event-store",
    "guerdon",
    "log-record",
    "postgres-connection",
    "projector",
    "publisher",
    "query-api",
    "read-model",
    "sealer",
    "trace",
    "wire",
];

#[test]
fn the_page_names_every_field_of_a_line_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut logged = BTreeSet::new();
    for file in CRATES.iter().flat_map(|name| sources(&root.join(name).join("src"))) {
        add_fields(&fs::read_to_string(&file).expect("read"), &mut logged);
    }
    let (_, table) = PAGE.split_once("| field | meaning |\n|---|---|\n").expect("the table");
    let rows = table.lines().map_while(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let named: BTreeSet<String> = cells
        .flat_map(|cell| cell.split(", "))
        .map(|name| name.trim_matches('`').to_owned())
        .collect();
    let missing: Vec<_> = logged.difference(&named).collect();
    let extra: Vec<_> = named.difference(&logged).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "docs/operations/logs.md lacks {missing:?}, and has {extra:?}, which nothing logs"
    );
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|it| it == "rs")).collect()
}

/// Adds the names of the fields of each `tracing::LEVEL!(…)`: all that comes before the message.
fn add_fields(source: &str, to: &mut BTreeSet<String>) {
    let mut rest = source;
    while let Some((_, after)) = rest.split_once("tracing::") {
        rest = after;
        let levels = ["error!(", "warn!(", "info!(", "debug!(", "trace!("];
        let Some(arguments) = levels.iter().find_map(|level| after.strip_prefix(level)) else {
            continue;
        };
        for argument in arguments_of(arguments) {
            if argument.starts_with('"') {
                break;
            }
            if argument.starts_with("target:") {
                continue;
            }
            let name = argument.split('=').next().unwrap_or_default().trim();
            to.insert(name.trim_start_matches(['%', '?', '&']).to_owned());
        }
    }
}

/// The arguments of a macro, whose text begins behind its parenthesis.
fn arguments_of(text: &str) -> Vec<String> {
    let (mut arguments, mut one) = (vec![], String::new());
    let (mut depth, mut is_text, mut is_escaped) = (0, false, false);
    for letter in text.chars() {
        if is_text {
            is_text = letter != '"' || is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
        } else {
            match letter {
                '"' => is_text = true,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            if letter == ',' && depth == 0 {
                arguments.push(std::mem::take(&mut one).trim().to_owned());
                continue;
            }
        }
        one.push(letter);
    }
    arguments.push(one.trim().to_owned());
    arguments
}

#[test]
fn the_names_of_fields_are_found_however_they_are_written() {
    let mut found = BTreeSet::new();
    let source = r#"tracing::warn!(target: "x", error = with(&a, "b, c"), %why, ?at, "it, (q");
        tracing::debug!("nothing"); tracing::info!(
            count = list.iter().map(|(a, b)| a + b).sum(), role, "said {}", more
        );"#;
    add_fields(source, &mut found);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["at", "count", "error", "role", "why"]);
}

/// A token like those that shops' pages have.
const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_of_any_level_has_a_key_a_token_an_address_a_name_or_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--access-log", "--log-format", "json", "--kafka", "127.0.0.1:1"];
    let ledger = Ledger::start_with(folder.path(), &options, &[("RUST_LOG", "trace")]);
    let api = &ledger.client;
    prepare(api).await;
    let text = |text: &str| text.to_owned();
    let mut secrets =
        vec![text("hunter2"), text(TOKEN), text("Elm Street"), text("Ann Smith"), text("lost it")];

    // Keys, new and wrong ones, where they belong and where they don't.
    let new = json!({"role": "warehouse", "label": "Berlin", "name": "Ann Smith"});
    let made = api.post("operator", "/v1/keys", new).await.is(201);
    secrets.push(made["key"].as_str().expect("a key").to_owned());
    let roles = ["shopper", "merchant", "operator", "warehouse", "auditor"];
    secrets.extend(roles.map(|role| api.key(role).to_owned()));
    for key in ["hunter2", TOKEN] {
        let wrong = api.with_key("auditor", key);
        wrong.get("auditor", "/v1/accounts/shopper-0").await.is(401);
        let path = format!("/v1/accounts/shopper-0?token={key}&api_key={key}");
        api.get("auditor", &path).await.is(400);
    }

    // Addresses, names and reasons, in bodies that are taken and in others; all of it is marked.
    api.put("operator", "/v1/marks/accounts/shopper-0", json!({})).await.is(201);
    let exchange = "/v1/accounts/shopper-0/exchanges/x-1";
    api.redeems("shopper-0", "x-1", "mug").await.is(201);
    let unknown = json!({"offer_id": "mug", "deliver_to": "1 Elm Street", "x": "1 Elm Street"});
    api.put("shopper", exchange, unknown).await.is(400);
    let broken = api.request("PUT", exchange, "shopper").header("content-type", "application/json");
    let broken = broken.body(r#"{"offer_id":"mug","deliver_to":"1 Elm Street"#);
    api.send(broken).await.expect("answered").is(400);
    let path = format!("{exchange}/cancellations/c-1");
    let cancel = json!({"reason": "Ann Smith lost it", "by": "Ann Smith"});
    let cancelled = api.put("operator", &path, cancel).await;
    cancelled.is(201);
    let position = cancelled.position.expect("a position");
    api.get_after(&position, "auditor", exchange).await.is(200);
    assert_eq!(ledger.stop(), Some(0));

    let lines = said(folder.path());
    for level in ["TRACE", "DEBUG", "INFO"] {
        assert!(lines.contains(&format!("\"level\":\"{level}\"")), "{level} is logged");
    }
    assert!(lines.contains("\"target\":\"access\"") && lines.contains("\"target\":\"mark\""));
    for line in lines.lines() {
        let secret = secrets.iter().find(|secret| line.contains(secret.as_str()));
        assert_eq!(secret, None, "{line}");
    }
    // Each is one JSON object with what a collector looks for. (Libraries' lines may have no
    // message.)
    let is_whole = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        ["timestamp", "level", "target"].iter().all(|name| line[*name].is_string())
    };
    let other: Vec<&str> = lines.lines().filter(|line| !is_whole(line)).take(5).collect();
    assert!(other.is_empty(), "{other:#?}");
}
