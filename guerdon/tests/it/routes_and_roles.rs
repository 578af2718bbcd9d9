//! Every route with a key of every role, with narrowed keys and with none, as the table in
//! `docs/SECURITY.md` has it.

use std::fs;
use std::path::Path;

use reqwest::Method;
use serde_json::json;

use crate::ledger::{Api, Ledger};

const ROLES: [&str; 5] = ["shopper", "merchant", "operator", "warehouse", "auditor"];

/// A row of the table.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) roles: Vec<&'static str>,
    about: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_the_roles_that_the_table_names() {
    let (folder, routes) = (tempfile::tempdir().expect("a folder"), table());
    assert_eq!(routes.len(), guarded_routes(), "routes in the table, and in the code");
    let ledger = Ledger::start_with_publisher(folder.path());
    for route in &routes {
        for role in ROLES {
            let status = status(&ledger.client, route, role, "ann").await;
            let expected = route.roles.contains(&role);
            assert_eq!(
                !matches!(status, 401 | 403),
                expected,
                "{} as {role}: {status}",
                route.name()
            );
            assert!(expected || status == 403, "{} as {role}: {status}", route.name());
            assert_ne!(status, 405, "{}", route.name());
        }
        let nobody = ledger.client.with_key("auditor", "nobody's key");
        assert_eq!(status(&nobody, route, "auditor", "ann").await, 401, "{}", route.name());
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrowed_key_reaches_what_the_table_says_that_its_routes_are_about() {
    let (folder, routes) = (tempfile::tempdir().expect("a folder"), table());
    let ledger = Ledger::start_with_publisher(folder.path());
    let narrowed = async |role: &str, more: serde_json::Value| {
        let mut body = json!({"role": role, "label": "narrowed"});
        body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        let made = ledger.client.post("operator", "/v1/keys", body).await.is(201);
        ledger.client.with_key(role, made["key"].as_str().expect("a key"))
    };
    let read_only = narrowed("operator", json!({"scopes": ["read-only"]})).await;
    let offers = narrowed("operator", json!({"scopes": ["offers"]})).await;
    let main = narrowed("warehouse", json!({"scopes": ["warehouses:main"]})).await;
    let ann = narrowed("shopper", json!({"account_id": "ann"})).await;
    for route in &routes {
        let (name, about) = (route.name(), route.about.as_str());
        if route.roles.contains(&"operator") {
            let is_forbidden = status(&read_only, route, "operator", "ann").await == 403;
            assert_eq!(is_forbidden, route.method != Method::GET, "{name} with read-only");
            let is_forbidden = status(&offers, route, "operator", "ann").await == 403;
            assert_eq!(is_forbidden, about != "offers", "{name} with offers");
        }
        if route.roles.contains(&"warehouse") {
            let is_forbidden = status(&main, route, "warehouse", "ann").await == 403;
            let is_for_it = ["shipping", "offers", "programme"].contains(&about);
            assert_eq!(is_forbidden, !is_for_it, "{name} with warehouses");
        }
        if route.roles.contains(&"shopper") {
            // There is no other; an account that is there is answered alike, see keys.rs.
            let own = answer(&ann, route, "shopper", "ann").await;
            assert!(!own.starts_with("401") && !own.starts_with("403"), "{name}: {own}");
            let other = answer(&ann, route, "shopper", "bob").await;
            let is_hidden = other.contains("access to no account with this id");
            assert_eq!(is_hidden, about == "account", "{name}: {other}");
        }
        let is_narrowed = ["account", "offers", "programme", "shipping", ""].contains(&about);
        assert!(is_narrowed, "{name} is about {about:?}");
        assert_eq!(about == "account", route.path.contains("{account_id}"), "{name}");
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// A balance `?at=` a time that is answered with the present one would be believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_ignores_a_parameter() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with_publisher(folder.path());
    for route in table() {
        let (role, query) = (route.roles[0], "?at=2020-01-01T00:00:00Z");
        let (status, body) = ask_with(&ledger.client, &route, role, "ann", query).await;
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        assert_eq!((status, &problem["field"]), (400, &json!("at")), "{}: {body}", route.name());
    }
    assert_eq!(ledger.stop(), Some(0));
}

impl Route {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

async fn status(api: &Api, route: &Route, role: &str, account: &str) -> u16 {
    ask(api, route, role, account).await.0
}

async fn answer(api: &Api, route: &Route, role: &str, account: &str) -> String {
    let (status, body) = ask(api, route, role, account).await;
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    format!("{status} {}", problem["detail"].as_str().unwrap_or_default())
}

/// Ids that nothing has, and a body that changes nothing: who may call is decided before.
async fn ask(api: &Api, route: &Route, role: &str, account: &str) -> (u16, String) {
    ask_with(api, route, role, account, "").await
}

async fn ask_with(
    api: &Api,
    route: &Route,
    role: &str,
    account: &str,
    query: &str,
) -> (u16, String) {
    let path = route.path.replace("{account_id}", account);
    let path = path.split('/').map(|part| if part.starts_with('{') { "7" } else { part });
    let path = path.collect::<Vec<_>>().join("/") + query;
    let mut request = api.request(route.method.as_str(), &path, role);
    if route.method != Method::GET {
        request = request.json(&json!({}));
    }
    let response = request.send().await.expect("answered");
    (response.status().as_u16(), response.text().await.unwrap_or_default())
}

/// Every route that asks for a key.
pub(crate) fn table() -> Vec<Route> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SECURITY.md");
    let page = fs::read_to_string(page).expect("docs/SECURITY.md");
    page.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Route> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let [method, path, shopper, merchant, operator, warehouse, auditor, about, _] = cells[..]
    else {
        return None;
    };
    let path = path.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let marks = ROLES.into_iter().zip([shopper, merchant, operator, warehouse, auditor]);
    let roles = marks.filter(|(_, mark)| *mark == "yes").map(|(role, _)| role).collect();
    Some(Route { method: method.parse().ok()?, path, roles, about: about.into() })
}

/// How many routes there are in the code: each has one `only`.
fn guarded_routes() -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = ["command-api", "query-api", "publisher", "guerdon"];
    crates.iter().map(|name| guarded_routes_in(&root.join(name).join("src"))).sum()
}

fn guarded_routes_in(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("read").path());
    let count = |path: &Path| {
        let text = fs::read_to_string(path).expect("read");
        text.split("#[cfg(test)]").next().unwrap_or_default().matches("(only(").count()
    };
    entries.map(|path| if path.is_dir() { guarded_routes_in(&path) } else { count(&path) }).sum()
}
