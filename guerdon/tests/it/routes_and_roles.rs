//! Every route with a key of every role, with narrowed keys and with none, as the table in
//! `docs/SECURITY.md` has it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::{Value, json};
use services::{IdentityProvider, SigningKey, seconds_from_now};

use crate::document::is_to_be_written;
use crate::ledger::{Api, Ledger, said};

const ROLES: [&str; 5] = ["shopper", "merchant", "operator", "warehouse", "auditor"];

/// A row of the table.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Whether no key is asked for.
    is_open: bool,
    pub(crate) roles: Vec<&'static str>,
    of_one_account: OfOneAccount,
    about: String,
}

/// What a shopper's key or token for one account may do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OfOneAccount {
    /// Call about this account; any other is not found.
    Own,
    /// Call.
    Yes,
    /// Nothing.
    No,
}

/// The head of the table, and the line below.
const HEAD: &str = "\
| method | route | no key | shopper | of one account | merchant | operator | warehouse | auditor \
| about |
|---|---|---|---|---|---|---|---|---|---|
";

#[test]
fn the_table_has_the_routes_that_a_ledger_serves() {
    let folder = || tempfile::tempdir().expect("a folder");
    let rows = served(folder().path(), &["--kafka", "127.0.0.1:1"]);
    let alone = served(folder().path(), &[]);
    let unknown: Vec<_> = alone.difference(&rows).collect();
    assert!(unknown.is_empty(), "served only without a publisher: {unknown:?}");
    let written = fs::read_to_string(page()).expect("docs/SECURITY.md");
    let (before, table) = written.split_once(HEAD).expect("the table");
    let end = table.find("\n\n").map_or(table.len(), |end| end + 1);
    let rows: String = rows.into_iter().map(|(_, row)| row).collect();
    if is_to_be_written() {
        fs::write(page(), format!("{before}{HEAD}{rows}{}", &table[end..])).expect("written");
        return;
    }
    assert_eq!(&table[..end], rows, "GUERDON_TOUR=write writes the table");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_the_roles_that_the_table_names() {
    let (folder, routes) = (tempfile::tempdir().expect("a folder"), table());
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
        // There is no other; an account that is there is answered alike, see keys.rs.
        let own = answer(&ann, route, "shopper", "ann").await;
        let is_forbidden = own.starts_with("403");
        assert_eq!(is_forbidden, route.of_one_account == OfOneAccount::No, "{name}: {own}");
        assert!(!own.starts_with("401"), "{name}: {own}");
        let other = answer(&ann, route, "shopper", "bob").await;
        let is_hidden = other.contains("access to no account with this id");
        assert_eq!(is_hidden, route.of_one_account == OfOneAccount::Own, "{name}: {other}");
        let is_narrowed = ["account", "offers", "programme", "shipping", ""].contains(&about);
        assert!(is_narrowed, "{name} is about {about:?}");
        assert_eq!(about == "account", route.path.contains("{account_id}"), "{name}");
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// A ledger that takes tokens of every role, and a token of each.
fn with_tokens(folder: &Path) -> (Ledger, Api) {
    let key = SigningKey::make("k-1", Algorithm::EdDSA).expect("a key");
    let provider = IdentityProvider::start(&[&key]).expect("a provider");
    let args = [
        ["--kafka", "127.0.0.1:1"],
        // Every route is called at once.
        ["--limit-shopper", "off"],
        ["--jwt-issuer", "https://login.example/"],
        ["--jwt-audience", "guerdon"],
        ["--jwt-keys", provider.keys_url()],
        ["--jwt-roles", "shopper,merchant,operator,warehouse,auditor"],
    ];
    let ledger = Ledger::start_with(folder, &args.concat(), &[]);
    let bearer = ROLES.iter().fold(ledger.client.clone(), |api, role| {
        let claims = json!({
            "iss": "https://login.example/", "aud": "guerdon", "sub": "ann",
            "exp": seconds_from_now(600), "guerdon_role": role,
        });
        api.with_key(role, &key.sign(&claims).expect("signed"))
    });
    (ledger, bearer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_reaches_what_the_table_says_and_a_shoppers_its_own_account_alone() {
    let (folder, routes) = (tempfile::tempdir().expect("a folder"), table());
    let (ledger, bearer) = with_tokens(folder.path());
    let api = &ledger.client;
    // Of bob there is what the paths name, and of nobody nothing.
    api.opens("7", 1, None, None).await;
    api.earns("bob", 500, "7").await;
    api.holds("bob", "7", 5).await;
    let position = api.redeems("bob", "7", "7").await.position.expect("a position");
    api.get_after(&position, "auditor", "/v1/accounts/bob/exchanges/7").await.is(200);
    for route in &routes {
        let name = route.name();
        for role in &ROLES[1..] {
            let is_forbidden = status(&bearer, route, role, "bob").await == 403;
            assert_eq!(is_forbidden, !route.roles.contains(role), "{name} as {role}");
        }
        let own = answer(&bearer, route, "shopper", "ann").await;
        let is_forbidden = own.starts_with("403");
        assert_eq!(is_forbidden, route.of_one_account == OfOneAccount::No, "{name}: {own}");
        assert!(!own.starts_with("401"), "{name}: {own}");
        assert!(!own.contains("access to no account"), "{name}: {own}");
        if route.path.contains("{account_id}") {
            let of_bob = ask(&bearer, route, "shopper", "bob").await;
            let of_nobody = ask(&bearer, route, "shopper", "nobody").await;
            assert_eq!(of_bob, of_nobody, "{name}: bob is there, and nobody isn't");
            let expected = if is_forbidden { 403 } else { 404 };
            assert_eq!(of_bob.0, expected, "{name}: {}", of_bob.1);
        }
        // No filter leads to another account.
        if route.of_one_account != OfOneAccount::No && route.method == Method::GET {
            for query in ["?account_id=bob", "?account_id=ann&account_id=bob", "?account=bob"] {
                let (status, body) = ask_with(&bearer, route, "shopper", "ann", query).await;
                let problem: Value = serde_json::from_str(&body).unwrap_or_default();
                let field = query[1..].split('=').next();
                assert_eq!((status, problem["field"].as_str()), (400, field), "{name}: {body}");
            }
        }
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// What can be asked for as it was.
const OF_THE_PAST: [&str; 5] = [
    "GET /v1/accounts/{account_id}",
    "GET /v1/accounts/{account_id}/entries",
    "GET /v1/accounts/{account_id}/exchanges/{exchange_id}",
    "GET /v1/offers/{offer_id}",
    "GET /v1/trial-balance",
];

/// A list `?at=` a time that is answered with the present one would be believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_ignores_a_parameter() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with_publisher(folder.path());
    for route in table() {
        for name in ["at", "as_of"] {
            if name == "at" && OF_THE_PAST.contains(&&*route.name()) {
                continue;
            }
            let (role, query) = (route.roles[0], format!("?{name}=2020-01-01T00:00:00Z"));
            let (status, body) = ask_with(&ledger.client, &route, role, "ann", &query).await;
            let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            let refused = (status, &problem["field"]);
            assert_eq!(refused, (400, &json!(name)), "{}: {body}", route.name());
        }
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

/// A route's path for this account, with ids elsewhere that nothing has; a switch has to be one.
pub(crate) fn filled(route: &str, account: &str) -> String {
    let path = route.replace("{account_id}", account).replace("{switch}", "scale-limits");
    let parts = path.split('/').map(|part| if part.starts_with('{') { "7" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Ids that nothing has, and a body that changes nothing: who may call is decided before.
pub(crate) async fn ask(api: &Api, route: &Route, role: &str, account: &str) -> (u16, String) {
    ask_with(api, route, role, account, "").await
}

async fn ask_with(
    api: &Api,
    route: &Route,
    role: &str,
    account: &str,
    query: &str,
) -> (u16, String) {
    let path = filled(&route.path, account) + query;
    let mut request = api.request(route.method.as_str(), &path, role);
    if route.method != Method::GET {
        request = request.json(&json!({}));
    }
    let response = request.send().await.expect("answered");
    (response.status().as_u16(), response.text().await.unwrap_or_default())
}

/// Every route that asks for a key.
pub(crate) fn table() -> Vec<Route> {
    let page = fs::read_to_string(page()).expect("docs/SECURITY.md");
    page.lines().filter_map(row).filter(|route| !route.is_open).collect()
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SECURITY.md")
}

fn row(line: &str) -> Option<Route> {
    let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
    let [method, path, nobody, shopper, one, merchant, operator, warehouse, auditor, about, _] =
        cells[..]
    else {
        return None;
    };
    let path = path.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let marks = ROLES.into_iter().zip([shopper, merchant, operator, warehouse, auditor]);
    let roles = marks.filter(|(_, mark)| *mark == "yes").map(|(role, _)| role).collect();
    let of_one_account = match one {
        "own" => OfOneAccount::Own,
        "yes" => OfOneAccount::Yes,
        _ => OfOneAccount::No,
    };
    let (method, is_open) = (method.parse().ok()?, nobody == "yes");
    Some(Route { method, path, is_open, roles, of_one_account, about: about.into() })
}

/// The rows of the table as a running ledger has its routes: it logs them at its start.
fn served(folder: &Path, args: &[&str]) -> BTreeSet<(String, String)> {
    let variables = [("RUST_LOG", "warn,routes=debug"), ("GUERDON_LOG_FORMAT", "json")];
    let ledger = Ledger::start_with(folder, args, &variables);
    let lines = said(folder);
    assert_eq!(ledger.stop(), Some(0));
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["target"] == "routes").map(|line| written(&line)).collect()
}

/// A row with what it is sorted by.
fn written(line: &Value) -> (String, String) {
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let (method, path, about) = (text("method"), text("path"), text("about"));
    let roles = line["roles"].as_str();
    let may = |role: &str| {
        let is_in = |roles: &str| roles.split(' ').any(|one| one == role);
        if roles.is_none_or(is_in) { " yes |" } else { "  |" }
    };
    let one = match (roles, about.as_str()) {
        (Some(_), "account") => "own",
        (Some(_), "offers" | "programme") | (None, _) => "yes",
        _ => "",
    };
    let one = if may("shopper") == " yes |" { one } else { "" };
    let nobody = if roles.is_none() { "yes" } else { "" };
    let mut row = format!("| {method} | `{path}` | {nobody} |{} {one} |", may("shopper"));
    row.extend(["merchant", "operator", "warehouse", "auditor"].map(may));
    (format!("{path} {method}"), format!("{row} {about} |\n"))
}
