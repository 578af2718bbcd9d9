//! The operators' log of a ledger that runs: what was recorded, what was refused, and of whom.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::ledger::{Api, Ledger, until};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A request that says why, in which trace and under which id.
fn asks(api: &Api, role: &str, method: &str, path: &str, body: &Value, id: &str) -> RequestBuilder {
    let request = api.request(method, path, role).header("x-request-id", id);
    let request = request.header("traceparent", TRACE).header("guerdon-reason", "ticket%207");
    if method == "GET" { request } else { request.json(body) }
}

/// The operations once the newest has this request's id: what recorded no event is written a moment
/// after its answer.
async fn operations_until(api: &Api, id: &str, query: &str) -> Vec<Value> {
    let path = format!("/v1/operations{query}");
    let list = until(api, &path, |list| list["items"][0]["request_id"] == id).await;
    list["items"].as_array().expect("a list").clone()
}

fn ids(list: &[Value]) -> Vec<&str> {
    list.iter().map(|item| item["request_id"].as_str().unwrap_or("none")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_operators_do_and_are_refused_is_listed_and_nothing_of_shoppers() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let adjustment = "/v1/accounts/ann/adjustments/a-1";
    let adjust = |direction: &str, points: u64| {
        json!({"direction": direction, "points": points, "reference": "t-7", "reason": "a goodwill",
            "by": "Olga"})
    };
    let (gift, fine) = (adjust("add", 5), adjust("take", 50));
    let (key, nothing) = (json!({"role": "auditor", "label": "for a week"}), json!({}));
    let redemption = json!({"offer_id": "none", "quantity": 1});
    let exchange = "/v1/accounts/ann/exchanges/x-1";
    let calls = [
        ("operator", "PUT", adjustment, &gift, "r-gift", 201),
        ("shopper", "PUT", exchange, &redemption, "r-shopper", 409),
        ("shopper", "POST", "/v1/keys", &key, "r-shoppers-key", 403),
        ("operator", "PUT", "/v1/accounts/ann/adjustments/a-2", &fine, "r-refused", 409),
        ("auditor", "PUT", "/v1/policy", &nothing, "r-auditor", 403),
        ("merchant", "PUT", "/v1/policy", &nothing, "r-merchant", 403),
        ("merchant", "POST", "/v1/keys", &key, "r-merchants-key", 403),
        ("operator", "GET", "/v1/keys", &nothing, "r-read", 200),
        ("operator", "POST", "/v1/keys", &key, "r-key", 201),
    ];
    for (role, method, path, body, id, status) in calls {
        let answer = asks(api, role, method, path, body, id).send().await.expect("answered");
        assert_eq!(answer.headers()["x-request-id"], id, "{id}");
        let (found, body) = (answer.status().as_u16(), answer.text().await.unwrap_or_default());
        assert_eq!(found, status, "{id}: {body}");
    }
    let list = operations_until(api, "r-key", "").await;
    assert_eq!(ids(&list), ["r-key", "r-merchants-key", "r-auditor", "r-refused", "r-gift"]);
    for item in &list {
        assert_eq!(item["traceparent"], TRACE);
        assert!(item["caller"]["key_id"].is_string(), "{item}");
    }
    let why = |index: usize| list[index]["reason"].as_str();
    assert_eq!([why(0), why(3), why(4)], [Some("ticket 7"), Some("ticket 7"), Some("a goodwill")]);
    let outcome = |index: usize| (list[index]["outcome"].as_str(), &list[index]["call"]);
    assert_eq!((outcome(0).0, &outcome(0).1["status"]), (Some("done"), &json!(201)));
    assert_eq!((outcome(3).0, &outcome(3).1["status"]), (Some("refused"), &json!(409)));
    assert_eq!(list[3]["account_id"], "ann");
    assert_eq!(list[2]["call"]["code"], "forbidden");
    let gift = &list[4];
    assert_eq!((&gift["event"]["command"], &gift["by"]), (&json!("adjust-credit"), &json!("Olga")));
    assert_eq!(
        (&gift["outcome"], &gift["event"]["fact"]["points"]),
        (&json!("recorded"), &json!(5))
    );
    // A stranger who tries keys is seen, with nothing of the key that was tried.
    let stranger = api.with_key("operator", "gk_operator_guessed");
    let guess = asks(&stranger, "operator", "POST", "/v1/keys", &key, "r-stranger");
    assert_eq!(guess.send().await.expect("answered").status().as_u16(), 401);
    let list = operations_until(api, "r-stranger", "?outcome=refused&limit=1").await;
    assert_eq!((&list[0]["call"]["code"], list[0].get("caller")), (&json!("unauthorized"), None));
    assert!(!list[0].to_string().contains("guessed"), "{}", list[0]);
    assert_eq!(ledger.stop(), Some(0));
    // What was noted stays.
    let ledger = Ledger::start(folder.path());
    let kept = operations_until(&ledger.client, "r-stranger", "?outcome=refused").await;
    assert_eq!(ids(&kept), ["r-stranger", "r-merchants-key", "r-auditor", "r-refused"]);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_api_alone_keeps_what_it_refuses_beside_the_writer_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let part = |roles| Ledger::start_with(folder.path(), &["--role", roles], &[]);
    let (writer, reader) = (part("command-api,projector"), part("query-api"));
    let nothing = json!({});
    let unknown = "/v1/accounts/nobody";
    let answer = asks(&reader.client, "auditor", "GET", unknown, &nothing, "r-unknown");
    assert_eq!(answer.send().await.expect("answered").status().as_u16(), 404);
    let list = operations_until(&reader.client, "r-unknown", "?account_id=nobody").await;
    assert_eq!((&list[0]["call"]["code"], list.len()), (&json!("not-found"), 1));
    let refused = asks(&writer.client, "auditor", "PUT", "/v1/policy", &nothing, "r-refused");
    assert_eq!(refused.send().await.expect("answered").status().as_u16(), 403);
    let list = operations_until(&reader.client, "r-refused", "").await;
    assert_eq!(ids(&list), ["r-refused", "r-unknown"], "one list of both processes");
    for part in [reader, writer] {
        assert_eq!(part.stop(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_names_its_request_and_so_does_what_the_request_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let mut seen = std::collections::BTreeSet::new();
    for (role, path) in
        [("operator", "/v1/totals"), ("shopper", "/v1/totals"), ("operator", "/v1/nothing")]
    {
        let answer = api.request("GET", path, role).send().await.expect("answered");
        let id = answer.headers()["x-request-id"].to_str().expect("a text").to_owned();
        assert!(seen.insert(id), "{path}: another request's id");
    }
    api.earns("ann", 500, "B-1").await;
    api.opens("mug", 300, None, None).await;
    let bad = api.redemption("ann", "x-1", "mug").header("x-request-id", "ann@example.org");
    let answer = bad.send().await.expect("answered");
    let id = answer.headers()["x-request-id"].to_str().expect("a text").to_owned();
    assert_eq!(answer.status().as_u16(), 201);
    assert!(!id.contains('@') && seen.insert(id.clone()), "{id}");
    assert_eq!(ledger.stop(), Some(0));
    let log = rusqlite::Connection::open(folder.path().join("log.sqlite")).expect("it opens");
    let mut select = log
        .prepare(
            "select type, json_extract(public, '$.meta.beside') from event
            where json_extract(public, '$.meta.request') = ?1 order by place",
        )
        .expect("prepared");
    let events = select.query_map([&id], |row| Ok((row.get(0)?, row.get(1)?))).expect("read");
    let events: Vec<(String, Option<bool>)> = events.collect::<Result<_, _>>().expect("rows");
    assert_eq!(
        events,
        [("credit-deducted".to_owned(), Some(true)), ("exchange-created".to_owned(), None)]
    );
}
