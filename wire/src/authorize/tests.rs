//! Who is let in, over a router and over a connection.

use axum::Router;
use axum::routing::{get, put};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::test_request::{Answer, Ask, ask as ask_by, get as ask_get, put as ask_put};
use crate::{KeyHash, KeyRing, Routes};

async fn redeem(caller: Caller) -> String {
    format!("a {} redeems", caller.role)
}

fn router() -> Router {
    let keys = [("key-of-ann", Role::Shopper), ("key-of-shop", Role::Merchant)];
    let ring: KeyRing = keys.map(|(key, role)| (KeyHash::of(key), role)).into_iter().collect();
    Router::new()
        .route("/exchanges", put(only(&[Role::Shopper, Role::Operator], redeem)))
        .route("/open", get(redeem))
        .with_state(ring)
}

fn ask() -> Ask {
    ask_put("/exchanges")
}

#[tokio::test]
async fn the_right_role_is_let_in_and_the_handler_knows_it() {
    for line in ["Bearer key-of-ann", "bearer  key-of-ann"] {
        let answer = ask().header("authorization", line).send(router()).await;
        assert_eq!(answer.text(), "a shopper redeems");
    }
}

#[tokio::test]
async fn a_missing_malformed_or_unknown_key_is_401() {
    let lines = ["", "Bearer", "Bearer ", "Basic key-of-ann", "key-of-ann", "Bearer nobody"];
    for line in lines {
        let answer = ask().header("authorization", line).send(router()).await;
        answer.is_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    ask().send(router()).await.is_problem(401, "unauthorized");
    let twice = ask().header("authorization", "Bearer key-of-ann");
    let twice = twice.header("authorization", "Bearer key-of-ann");
    twice.send(router()).await.is_problem(401, "unauthorized");
}

#[tokio::test]
async fn the_wrong_role_is_403_and_names_the_right_ones() {
    let answer = ask().header("authorization", "Bearer key-of-shop").send(router()).await;
    let problem = answer.is_problem(403, "forbidden");
    assert_eq!(problem["role"], "merchant");
    assert_eq!(problem["allowed"], serde_json::json!(["shopper", "operator"]));
}

#[tokio::test]
async fn a_part_of_this_process_calls_without_a_key_and_as_no_more_than_it_says() {
    let call = |role| {
        // Its word counts, and not that of a key beside it.
        let asked = ask().header("authorization", "Bearer key-of-ann");
        asked.extension(Caller::of_this_process(role, None)).send(router())
    };
    assert_eq!(call(Role::Operator).await.text(), "a operator redeems");
    let refused = call(Role::Warehouse).await;
    assert_eq!(refused.is_problem(403, "forbidden")["role"], "warehouse");
}

#[tokio::test]
async fn an_address_for_operators_lets_in_no_other() {
    let ring = [("of-ann", Role::Shopper), ("of-otto", Role::Operator)];
    let ring: KeyRing = ring.map(|(key, role)| (KeyHash::of(key), role)).into_iter().collect();
    let route = put(only(&[Role::Shopper, Role::Operator], redeem));
    let router = Router::new().route("/exchanges", route).with_state(ring);
    let router = router.layer(axum::Extension(ForOperators));
    let call = async |key: &str| {
        ask().header("authorization", &format!("Bearer {key}")).send(router.clone()).await
    };
    assert_eq!(call("of-otto").await.text(), "a operator redeems");
    let refused = call("of-ann").await.is_problem(403, "forbidden");
    assert_eq!(refused["allowed"], serde_json::json!(["operator", "auditor"]));
}

/// Whatever a client writes onto the connection, it needs a key.
#[tokio::test]
async fn nothing_that_comes_over_a_network_sets_the_caller() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let server = tokio::spawn(axum::serve(listener, router()).into_future());
    let said = r#"{"role":"operator","traceparent":null}"#;
    let names = ["caller", "x-caller", "extensions", "role", "authorize", "x-forwarded-role"];
    let lines: Vec<String> = names
        .iter()
        .flat_map(|name| [format!("{name}: operator\r\n"), format!("{name}: {said}\r\n")])
        .collect();
    let length = said.len();
    for (target, lines) in [
        ("/exchanges", String::new()),
        ("/exchanges", lines.concat()),
        ("/exchanges?caller=operator&role=operator", lines.concat()),
        ("http://operator@x/exchanges", lines.concat()),
    ] {
        let mut client = TcpStream::connect(address).await.expect("connected");
        let request = format!(
            "PUT {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}\
             content-length: {length}\r\n\r\n{said}"
        );
        client.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("answered");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{target}: {answer}");
    }
    server.abort();
}

#[tokio::test]
async fn a_route_that_forgot_only_does_not_let_its_handler_run() {
    let answer = crate::test_request::get("/open").send(router()).await;
    answer.is_problem(500, "internal");
}

#[tokio::test]
async fn without_authentication_a_call_without_a_key_is_made_by_who_may_make_it() {
    let ring = KeyRing::from_iter([(KeyHash::of("m"), Role::Merchant)]);
    let who = async |caller: Caller| caller.role.to_string();
    let router = Router::new()
        .route("/any", get(only(Role::ALL, who)))
        .route("/holds", put(only(&[Role::Shopper], who)))
        .with_state(ring)
        .layer(axum::Extension(NoAuthentication));
    for (method, path, key, expected) in [
        ("GET", "/any", None, (200, "operator")),
        ("PUT", "/holds", None, (200, "shopper")),
        ("GET", "/any", Some("Bearer m"), (200, "merchant")),
        ("PUT", "/holds", Some("Bearer m"), (403, "")),
        ("GET", "/any", Some("Bearer unknown"), (401, "")),
    ] {
        let mut asked = ask_by(method, path);
        if let Some(key) = key {
            asked = asked.header("authorization", key);
        }
        let answer = asked.send(router.clone()).await;
        assert_eq!(answer.status.as_u16(), expected.0, "{method} {path} {key:?}");
        assert!(expected.1.is_empty() || answer.text() == expected.1, "{}", answer.text());
    }
}

/// A key, and what narrows it.
fn narrowed(role: Role, scopes: &str, account_id: Option<&str>) -> (KeyHash, ApiKey) {
    let key = ApiKey {
        scopes: scopes.parse().expect("scopes"),
        account_id: account_id.map(Into::into),
        ..ApiKey::of_role(role)
    };
    (KeyHash::of("narrowed"), key)
}

/// Asks each route with a narrowed key, and gives the statuses.
async fn statuses(key: (KeyHash, ApiKey)) -> [u16; 6] {
    let ring = KeyRing::from_iter([key]);
    let show =
        async |caller: Caller| caller.check_warehouse("main").map(|()| caller.role.to_string());
    let get = |about| crate::get(only(Role::ALL, show).about(about));
    let router = Routes::new()
        .route("/accounts/{account_id}", get(About::Account))
        .route("/offers", get(About::Offers))
        .route("/offers", crate::put(only(Role::ALL, show).about(About::Offers)))
        .route("/policy", get(About::Programme))
        .route("/shipping", get(About::Shipping))
        .route("/totals", crate::get(only(Role::ALL, show)))
        .with_state(ring)
        .finish();
    let asked = [
        ("GET", "/accounts/ann"),
        ("GET", "/offers"),
        ("PUT", "/offers"),
        ("GET", "/policy"),
        ("GET", "/shipping"),
        ("GET", "/totals"),
    ];
    let mut statuses = [0; 6];
    for (status, (method, path)) in statuses.iter_mut().zip(asked) {
        let asked = ask_by(method, path).header("authorization", "Bearer narrowed");
        *status = asked.send(router.clone()).await.status.as_u16();
    }
    statuses
}

#[tokio::test]
async fn a_scope_takes_away_what_it_does_not_name() {
    for (role, scopes, account_id, expected) in [
        (Role::Operator, "", None, [200, 200, 200, 200, 200, 200]),
        (Role::Operator, "read-only", None, [200, 200, 403, 200, 200, 200]),
        (Role::Operator, "offers", None, [403, 200, 200, 403, 403, 403]),
        (Role::Operator, "read-only offers", None, [403, 200, 403, 403, 403, 403]),
        (Role::Warehouse, "warehouses:main,east", None, [403, 200, 200, 200, 200, 403]),
        // The handlers here are about the warehouse main, whatever the route is about.
        (Role::Warehouse, "warehouses:east", None, [403, 403, 403, 403, 403, 403]),
        (Role::Shopper, "", Some("ann"), [200, 200, 200, 200, 403, 403]),
        (Role::Shopper, "", Some("bob"), [404, 200, 200, 200, 403, 403]),
    ] {
        let key = narrowed(role, scopes, account_id);
        assert_eq!(statuses(key).await, expected, "{role} {scopes} {account_id:?}");
    }
}

#[tokio::test]
async fn a_problem_names_the_scope_that_forbids_the_call() {
    let send = async |key: (KeyHash, ApiKey)| -> Answer {
        let route = put(only(&[Role::Operator, Role::Warehouse], redeem));
        let router = Router::new().route("/x", route).with_state(KeyRing::from_iter([key]));
        ask_put("/x").header("authorization", "Bearer narrowed").send(router).await
    };
    for (role, scope) in [
        (Role::Operator, "read-only"),
        (Role::Operator, "offers"),
        (Role::Warehouse, "warehouses:east,main"),
    ] {
        let answer = send(narrowed(role, scope, None)).await;
        let problem = answer.is_problem(403, "forbidden");
        assert_eq!(problem["scope"], scope);
        assert_eq!(problem["role"], role.as_str());
    }
}

#[tokio::test]
async fn an_account_is_found_in_the_path_however_it_is_written_and_nested() {
    let router = || {
        let get = crate::get(only(Role::ALL, redeem).about(About::Account));
        let inner = Routes::new().route("/holds/{hold_id}", get);
        Routes::new()
            .nest("/accounts/{account_id}", inner)
            .with_state(KeyRing::from_iter([narrowed(Role::Shopper, "", Some("a:n"))]))
            .finish()
    };
    let status = async |path: &str| {
        let asked = ask_get(path).header("authorization", "Bearer narrowed");
        asked.send(router()).await.status.as_u16()
    };
    for (path, expected) in [
        ("/accounts/a:n/holds/1", 200),
        ("/accounts/a%3An/holds/1", 200),
        ("/accounts/a/holds/a:n", 404),
        ("/accounts/%ff/holds/1", 404),
        ("/accounts/a%3An%00/holds/1", 404),
    ] {
        assert_eq!(status(path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn an_ended_key_is_401_and_no_longer_known() {
    let ended = ApiKey { ends_at: Some(1), ..ApiKey::of_role(Role::Shopper) };
    let ring = KeyRing::from_iter([(KeyHash::of("old"), ended)]);
    let router =
        Router::new().route("/x", put(only(&[Role::Shopper], redeem))).with_state(ring.clone());
    let answer = ask_put("/x").header("authorization", "Bearer old").send(router).await;
    let problem = answer.is_problem(401, "unauthorized");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("expired")));
}
