//! What web pages may do in a browser, and what browsers and caches may do with answers.

use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, Response};

use crate::connections::operators_address;
use crate::ledger::{Ledger, PATIENCE};
use crate::routes_and_roles::{filled, table};

const SHOP: &str = "https://shop.example";
const STRANGER: &str = "https://stranger.example";

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().expect("text"))
}

/// What a browser asks before a page redeems.
async fn preflight(url: &str, origin: &str) -> Response {
    let client = Client::builder().timeout(PATIENCE).build().expect("a client");
    let path = format!("{url}/v1/accounts/ann/exchanges/x-1");
    let asked = client
        .request("OPTIONS".parse().expect("a method"), path)
        .header("origin", origin)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,content-type,guerdon-position");
    asked.send().await.expect("answered")
}

async fn by_page(request: RequestBuilder, origin: &str) -> Response {
    request.header("origin", origin).send().await.expect("answered")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_named_origin_reads_and_redeems_and_no_other_page_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let origins = format!("{SHOP},http://localhost:3000");
    let options = ["--cors-origins", &origins, "--operators-listen", "127.0.0.1:0"];
    let ledger = Ledger::start_with(folder.path(), &options, &[("RUST_LOG", "info")]);
    let api = &ledger.client;
    api.opens("mug", 300, None, None).await;
    api.earns("ann", 500, "B-1").await;

    let asked = preflight(&api.url, SHOP).await;
    assert!(asked.status().is_success(), "{asked:?}");
    let headers = asked.headers();
    assert_eq!(text(headers, "access-control-allow-origin"), Some(SHOP));
    assert_eq!(text(headers, "access-control-allow-credentials"), None, "a key is no cookie");
    let methods = text(headers, "access-control-allow-methods").expect("methods");
    for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
        assert!(methods.contains(method), "{method}: {methods}");
    }
    let sent = text(headers, "access-control-allow-headers").expect("headers");
    for header in ["authorization", "content-type", "guerdon-position", "idempotency-key"] {
        assert!(sent.contains(header), "{header}: {sent}");
    }
    let redeemed = by_page(api.redemption("ann", "x-1", "mug"), SHOP).await;
    assert_eq!(redeemed.status(), 201);
    assert_eq!(text(redeemed.headers(), "access-control-allow-origin"), Some(SHOP));
    let read = text(redeemed.headers(), "access-control-expose-headers").expect("headers");
    for header in ["guerdon-position", "etag", "retry-after", "location", "age", "cache-status"] {
        assert!(read.contains(header), "{header}: {read}");
    }
    let vary = redeemed.headers().get_all("vary");
    let by_origin = vary.iter().any(|line| line.to_str().expect("text").contains("origin"));
    assert!(by_origin, "{vary:?}");
    // A page must be able to read why it was refused.
    for (path, key, status) in [("/v1/accounts/ann", "nobody's", 401), ("/v1/nowhere", "", 404)] {
        let nobody = api.with_key("shopper", key);
        let refused =
            by_page(nobody.request("GET", path, "shopper"), "http://localhost:3000").await;
        assert_eq!(refused.status(), status, "{path}");
        let allowed = text(refused.headers(), "access-control-allow-origin");
        assert_eq!(allowed, Some("http://localhost:3000"), "{path}");
    }

    let asked = preflight(&api.url, STRANGER).await;
    assert_eq!(text(asked.headers(), "access-control-allow-origin"), None);
    let read = by_page(api.request("GET", "/v1/accounts/ann", "shopper"), STRANGER).await;
    assert_eq!(text(read.headers(), "access-control-allow-origin"), None);
    let own = operators_address(folder.path()).await;
    let asked = preflight(&format!("http://{own}"), SHOP).await;
    assert_eq!(asked.status(), 405, "no page calls the operators' address");
    assert_eq!(text(asked.headers(), "access-control-allow-origin"), None);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_calls_a_ledger_that_names_no_origin() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let asked = preflight(&ledger.client.url, SHOP).await;
    assert_eq!(asked.status(), 405);
    let read = by_page(ledger.client.request("GET", "/v1/offers", "shopper"), SHOP).await;
    for answer in [asked, read] {
        assert_eq!(text(answer.headers(), "access-control-allow-origin"), None);
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// What every answer bears, whatever it is.
#[track_caller]
fn is_safe_in_a_browser(answer: &Response, what: &str) {
    let headers = answer.headers();
    for (name, expected) in
        [("x-content-type-options", "nosniff"), ("cross-origin-resource-policy", "same-origin")]
    {
        assert_eq!(text(headers, name), Some(expected), "{name} of {what}");
    }
    let is_page = text(headers, "content-type").is_some_and(|of| of.starts_with("text/html"));
    for (name, of_a_page) in [("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")] {
        assert_eq!(text(headers, name), is_page.then_some(of_a_page), "{name} of {what}");
    }
    let policy = text(headers, "content-security-policy").unwrap_or_default();
    assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
    assert_eq!(text(headers, "server"), None, "{what}");
    assert_eq!(text(headers, "strict-transport-security"), None, "{what} isn't encrypted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_what_a_browser_and_a_cache_may_do_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with_publisher(folder.path());
    let api = &ledger.client;
    for route in table() {
        let path = filled(&route.path, "7");
        for role in [route.roles[0], "no such role"] {
            let answer = api.request(route.method.as_str(), &path, role).send().await;
            let answer = answer.expect("answered");
            let what = format!("{} as {role}", route.name());
            is_safe_in_a_browser(&answer, &what);
            let is_terms = ["/v1/offers", "/v1/earning-rules", "/v1/policy"]
                .iter()
                .any(|terms| path.starts_with(terms));
            let is_shown = route.method == "GET" && answer.status() == 200;
            let is_public = [
                "/v1/gates",
                "/v1/offers",
                "/v1/offers/{offer_id}",
                "/v1/offers/{offer_id}/countdown",
            ];
            let is_public = is_public.contains(&&*route.path);
            let expected = match (is_shown, is_public, is_terms) {
                (true, true, _) => "public, max-age=1",
                (true, false, true) => "private, no-cache",
                _ => "no-store",
            };
            assert_eq!(text(answer.headers(), "cache-control"), Some(expected), "{what}");
        }
    }
    for (path, status, kept) in [
        ("/", 200, "public, max-age=300"),
        ("/v1", 200, "public, max-age=300"),
        ("/problems", 200, "public, max-age=300"),
        ("/problems/sold-out", 200, "public, max-age=300"),
        ("/problems/nothing", 404, "no-store"),
        ("/openapi.json", 200, "public, max-age=3600"),
        ("/docs", 200, "public, max-age=3600"),
        ("/docs/start.js", 200, "public, max-age=3600"),
        ("/health/live", 200, "no-store"),
        ("/health/ready", 200, "no-store"),
        ("/nowhere", 404, "no-store"),
    ] {
        let answer = api.request("GET", path, "no such role").send().await.expect("answered");
        assert_eq!(answer.status(), status, "{path}");
        is_safe_in_a_browser(&answer, path);
        assert_eq!(text(answer.headers(), "cache-control"), Some(kept), "{path}");
    }
    let malformed = api.request("GET", "/", "shopper").header("host", "a b").send().await;
    is_safe_in_a_browser(&malformed.expect("answered"), "a malformed host");
    assert_eq!(ledger.stop(), Some(0));
}
