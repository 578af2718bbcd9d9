//! What an operator sees from outside: the metrics, and the rules, runbooks and dashboard that are
//! made of them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::ledger::Ledger;

const PAGE: &str = include_str!("../../../docs/operations/metrics.md");
const ALERTS: &str = include_str!("../../../docs/operations/prometheus/alerts.yml");
const ALERT_TESTS: &str = include_str!("../../../docs/operations/prometheus/alerts.test.yml");
const RUNBOOKS: &str = include_str!("../../../docs/operations/runbooks.md");
const DASHBOARD: &str = include_str!("../../../docs/operations/grafana/guerdon.json");

/// How the names of metrics begin.
const BEGINNINGS: [&str; 3] = ["guerdon_", "http_server_", "process_"];

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_shows_in_the_metrics() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.opens("mug", 501, None, None).await;
    let earned = api.earns("ann", 500, "B-1").await;
    api.get_after(&earned, "auditor", "/v1/accounts/ann").await.is(200);
    api.redeems("ann", "x-1", "mug").await.is_problem(409, "insufficient-credit");
    api.get("shopper", "/v1/nowhere").await.is_problem(404, "no-such-route");
    let traced = api.request("GET", "/v1/accounts/ann", "auditor").header("traceparent", SAMPLED);
    assert!(traced.send().await.expect("answered").status().is_success());

    let seen = Seen::of(&ledger).await;
    assert_eq!(seen.count("guerdon_commands_total{outcome=\"recorded\"}"), 2);
    assert_eq!(seen.count("guerdon_commands_total{outcome=\"refused\"}"), 1);
    assert_eq!(seen.count("guerdon_refusals_total{code=\"insufficient-credit\"}"), 1);
    assert_eq!(seen.count("guerdon_refusals_total{code=\"sold-out\"}"), 0);
    assert_eq!(seen.count("guerdon_http_problems_total{code=\"insufficient-credit\"}"), 1);
    assert_eq!(seen.count("guerdon_http_problems_total{code=\"no-such-route\"}"), 1);
    assert_eq!(seen.count(&answers("POST", "/v1/accounts/{account_id}/credits", 201)), 1);
    let redemption = "/v1/accounts/{account_id}/exchanges/{exchange_id}";
    assert_eq!(seen.count(&answers("PUT", redemption, 409)), 1);
    assert_eq!(seen.count(&answers("GET", "unmatched", 404)), 1);
    assert_eq!(
        seen.count("guerdon_writer_queue_wait_seconds_count{partition=\"0\",class=\"single\"}"),
        3
    );
    assert_eq!(seen.count("guerdon_writer_batch_commands_sum{partition=\"0\"}"), 3);
    assert_eq!(seen.count("guerdon_writer_batch_events_sum{partition=\"0\"}"), 2);
    assert_eq!(seen.count("guerdon_writer_append_duration_seconds_count{partition=\"0\"}"), 2);
    assert_eq!(seen.count("guerdon_writer_commit_duration_seconds_count{partition=\"0\"}"), 2);
    assert_eq!(seen.count("guerdon_writer_append_pending_seconds{partition=\"0\"}"), 0);
    assert_eq!(seen.count("guerdon_writer_queued_commands{partition=\"0\",class=\"single\"}"), 0);
    let head = seen.count("guerdon_projector_log_head{partition=\"0\"}");
    assert_eq!(seen.count("guerdon_writer_position{partition=\"0\"}"), head);
    assert_eq!(seen.count("guerdon_projector_position{partition=\"0\"}"), head);
    assert_eq!(seen.count("guerdon_projector_lag_seconds{partition=\"0\"}"), 0);
    assert!(seen.value("guerdon_projector_write_duration_seconds_count") >= 1.0);
    assert_eq!(seen.count("guerdon_ready"), 1);
    assert_eq!(seen.count("guerdon_health_reason{reason=\"log-unreadable\"}"), 0);
    for part in ["health", "projector", "publisher", "sealer"] {
        assert_eq!(seen.count(&format!("guerdon_left_out_scrapes_total{{part=\"{part}\"}}")), 0);
    }
    assert_eq!(seen.count("guerdon_log_partitions"), 1);
    assert!(seen.value("guerdon_http_connections{listener=\"clients\"}") >= 1.0);
    assert!(seen.value("process_resident_memory_bytes") > 1e6);
    assert!(seen.value("process_cpu_seconds_total") > 0.0);
    let exemplars: Vec<&str> = seen.0.lines().filter(|line| line.contains("trace_id")).collect();
    let [exemplar] = exemplars[..] else { panic!("one request is traced: {exemplars:?}") };
    assert!(exemplar.contains("http_route=\"/v1/accounts/{account_id}\""), "{exemplar}");
    assert!(exemplar.contains("{trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"}"), "{exemplar}");
    assert_eq!(ledger.stop(), Some(0));

    let again = Ledger::start(folder.path());
    let seen = Seen::of(&again).await;
    assert_eq!(seen.count("guerdon_state_accounts{partition=\"0\"}"), 1);
    assert_eq!(seen.count("guerdon_state_offers{partition=\"0\"}"), 1);
    assert_eq!(seen.count("guerdon_state_ids{partition=\"0\"}"), 1);
    assert!(seen.value("guerdon_state_bytes{partition=\"0\"}") > 200.0);
    assert_eq!(seen.count("guerdon_writer_epoch{partition=\"0\"}"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_that_a_ledger_shows_is_documented_and_no_other() {
    let shown = shown_by_all_parts().await;
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let documented = rows.map(|(name, _)| name).filter(|name| is_metric(name));
    let documented: BTreeSet<String> = documented.map(ToOwned::to_owned).collect();
    assert_eq!(documented, shown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_and_dashboard_use_metrics_that_there_are() {
    let shown = shown_by_all_parts().await;
    let used_by_dashboard = expressions(&dashboard()).join("\n");
    for (file, text) in [("the rules", ALERTS), ("the dashboard", &used_by_dashboard)] {
        let used = metrics_in(text);
        assert!(used.len() > 15, "{file}: {used:?}");
        let unknown: Vec<_> = used.difference(&shown).collect();
        assert!(unknown.is_empty(), "{file} use metrics that there aren't: {unknown:?}");
    }
    let unseen: Vec<String> = shown.difference(&metrics_in(&used_by_dashboard)).cloned().collect();
    // The memory that is in use says more, and threads are as many as the parts have.
    assert_eq!(unseen, ["process_threads", "process_virtual_memory_bytes"]);
}

#[test]
fn every_alert_has_a_runbook_and_a_test_and_every_runbook_an_alert() {
    let alerts: Vec<&str> = after_prefix(ALERTS, "- alert: ");
    assert!(alerts.len() > 20, "{alerts:?}");
    let runbooks: Vec<&str> =
        after_prefix(RUNBOOKS, "### ").into_iter().filter(|it| it.starts_with("Guerdon")).collect();
    assert_eq!(runbooks, alerts, "in the order of the rules");
    let links = after_prefix(ALERTS, "runbook_url: ");
    let expected: Vec<String> = alerts
        .iter()
        .map(|alert| format!("docs/operations/runbooks.md#{}", alert.to_lowercase()))
        .collect();
    assert_eq!(links, expected);
    for alert in alerts {
        let name = format!("alertname: {alert}\n");
        let outcomes: Vec<&str> =
            ALERT_TESTS.match_indices(&name).map(|(at, _)| rest(ALERT_TESTS, at)).collect();
        let is_silent = |rest: &&str| rest.trim_start().starts_with("exp_alerts: []");
        assert!(outcomes.iter().any(&is_silent), "{alert} is never shown silent");
        assert!(!outcomes.iter().all(is_silent), "{alert} is never shown to fire");
    }
}

#[test]
fn every_panel_of_the_dashboard_says_what_it_shows() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "two panels have the id {}", panel["id"]);
        if panel["type"] == "row" {
            continue;
        }
        let title = panel["title"].as_str().expect("a title");
        let description = panel["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.'), "{title}: {description}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert!(!expressions(panel).is_empty(), "{title} shows nothing");
    }
}

/// A Go program with Grafana's own types, which take no field that Grafana doesn't know.
#[test]
fn grafanas_own_types_know_everything_in_the_dashboard() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/observed/go");
    let file = "../../../../../docs/operations/grafana/guerdon.json";
    let mut go = services::go().expect("Go is there, or is fetched");
    let output = go.args(["run", ".", file]).current_dir(program).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    let panels: Vec<_> = panels.iter().filter(|panel| panel["type"] != "row").collect();
    let queries: usize = panels.iter().map(|panel| expressions(panel).len()).sum();
    let expected = format!("{} panels, {queries} queries\n", panels.len());
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

/// Of Debian's package, which is fetched where it isn't installed.
#[test]
fn promtool_finds_the_rules_and_the_dashboards_queries_right_and_the_rules_pass_their_tests() {
    let promtool = match services::debian_program("prometheus", "usr/bin/promtool") {
        Ok(promtool) => promtool,
        Err(error) => {
            eprintln!("skipped: the tests of the alert rules: there is no promtool: {error:#}");
            return;
        }
    };
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/prometheus");
    run(&promtool, &["check", "rules", "alerts.yml"], &rules);
    run(&promtool, &["test", "rules", "alerts.test.yml"], &rules);

    let folder = tempfile::tempdir().expect("a folder");
    let dashboard = dashboard();
    let queries = expressions(&dashboard).into_iter().enumerate().map(|(number, query)| {
        let query = query.replace("$__rate_interval", "5m");
        json!({"record": format!("query{number}"), "expr": query})
    });
    let queries = json!({"groups": [{"name": "dashboard", "rules": queries.collect::<Value>()}]});
    std::fs::write(folder.path().join("queries.yml"), queries.to_string()).expect("written");
    run(&promtool, &["check", "rules", "queries.yml"], folder.path());
}

fn run(promtool: &Path, args: &[&str], folder: &Path) {
    let output = Command::new(promtool).args(args).current_dir(folder).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said));
}

/// A scrape.
struct Seen(String);

impl Seen {
    async fn of(ledger: &Ledger) -> Self {
        let asked = ledger.client.request("GET", "/metrics", "auditor").send().await;
        let answer = asked.expect("answered").error_for_status().expect("200");
        Self(answer.text().await.expect("text"))
    }

    fn value(&self, series: &str) -> f64 {
        self.text(series).parse().expect("a number")
    }

    /// A value that is a whole number, whether or not it is written as one.
    fn count(&self, series: &str) -> u64 {
        let text = self.text(series);
        text.strip_suffix(".0").unwrap_or(text).parse().expect("a whole number")
    }

    fn text(&self, series: &str) -> &str {
        let found = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let found = found.unwrap_or_else(|| panic!("no {series} in {}", self.0));
        found.split(' ').next().unwrap_or(found)
    }
}

fn answers(method: &str, route: &str, status: u16) -> String {
    format!(
        "http_server_request_duration_seconds_count{{http_request_method=\"{method}\",\
         http_route=\"{route}\",http_response_status_code=\"{status}\"}}"
    )
}

/// The names of all metrics that a ledger with all parts shows.
async fn shown_by_all_parts() -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let all = ["--kafka", "127.0.0.1:1", "--reconcile-every", "24h"];
    let ledger = Ledger::start_with(folder.path(), &all, &[]);
    ledger.client.earns("ann", 500, "B-1").await;
    let seen = Seen::of(&ledger).await;
    let types = seen.0.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.map(|line| match line.split_once(' ') {
        Some((name, "counter")) => format!("{name}_total"),
        Some((name, _)) => name.to_owned(),
        None => panic!("a type without a name: {line}"),
    });
    names.collect()
}

/// The metrics that a text names; a histogram by one of its series.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names = words.filter(|word| is_metric(word)).map(|name| {
        let ends = ["_bucket", "_sum", "_count"].iter();
        ends.fold(name, |name, end| name.strip_suffix(end).unwrap_or(name)).to_owned()
    });
    names.collect()
}

fn is_metric(name: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).expect("JSON")
}

/// All queries in a dashboard or panel.
fn expressions(of: &Value) -> Vec<&str> {
    match of {
        Value::Object(fields) => {
            let own = fields.get("expr").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(expressions)).collect()
        }
        Value::Array(items) => items.iter().flat_map(expressions).collect(),
        _ => vec![],
    }
}

/// What follows on the lines that begin so.
fn after_prefix<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(prefix)).collect()
}

/// The lines after the one at `at`.
fn rest(text: &str, at: usize) -> &str {
    text[at..].split_once('\n').map_or("", |(_, rest)| rest)
}
