//! Whatever is sent, the answer is a problem document that names what is wrong; nothing is appended
//! and nothing panics.

use serde_json::{Value, json};

use crate::ledger::Ledger;
use crate::raw::Raw;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_named_and_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    api.opens("mug", 300, None, None).await;
    let before = api.earns("ann", 500, "B-1").await;
    assert_eq!(before, "0:3");

    wrong_fields(&ledger).await;
    wrong_bodies(&ledger).await;
    wrong_rules(&ledger).await;
    what_is_not_heeded(&ledger).await;
    wrong_addresses(&ledger).await;
    wrong_parcels(&ledger).await;
    wrong_callers(&ledger).await;
    wrong_headers(&ledger).await;

    assert_eq!(api.earns("ann", 500, "B-2").await, "0:4", "nothing was appended meanwhile");
    what_is_there_already(&ledger).await;
    assert_eq!(ledger.stop(), Some(0));
}

async fn wrong_fields(ledger: &Ledger) {
    let redemption = |change: Value| {
        let mut body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
        for (name, value) in change.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    let long = "x".repeat(65);
    let redemptions = [
        (json!({"quantity": -1}), "quantity"),
        (json!({"quantity": 0}), "quantity"),
        (json!({"quantity": 1.5}), "quantity"),
        (json!({"quantity": "1"}), "quantity"),
        (json!({"quantity": 9_007_199_254_740_992_u64}), "quantity"),
        (json!({"quantity": u64::MAX}), "quantity"),
        (json!({"quantity": null}), "quantity"),
        (json!({"offer_id": ""}), "offer_id"),
        (json!({"offer_id": long}), "offer_id"),
        (json!({"offer_id": "a\u{0}b"}), "offer_id"),
        (json!({"offer_id": "~own"}), "offer_id"),
        (json!({"offer_id": 7}), "offer_id"),
        (json!({"deliver_to": ""}), "deliver_to"),
        (json!({"deliver_to": " \t"}), "deliver_to"),
        (json!({"deliver_to": "x".repeat(2049)}), "deliver_to"),
        (json!({"expected_points": -1}), "expected_points"),
        (json!({"occurred_at": "yesterday"}), "occurred_at"),
        (json!({"occurred_at": "2026-11-29T08:00:60Z"}), "occurred_at"),
        (json!({"occurred_at": "2026-11-29T08:00:00\u{2212}01:00"}), "occurred_at"),
        (json!({"colour": "blue"}), "colour"),
    ];
    for (change, field) in redemptions {
        let answer = ledger
            .client
            .put("shopper", "/v1/accounts/ann/exchanges/x-1", redemption(change.clone()))
            .await;
        assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{change}");
    }
    let credits = [
        (json!({"points": 5}), "cause"),
        (json!({"points": 5, "cause": ["review", "b"]}), "cause"),
        (json!({"points": 5, "cause": null}), "cause"),
        (json!({"points": -5, "cause": {"kind": "purchase", "id": "B"}}), "points"),
        (json!({"points": 5, "cause": {"kind": "gift", "id": "B"}}), "cause.kind"),
        (json!({"points": 5, "cause": {"kind": "purchase", "id": "a b"}}), "cause.id"),
        (json!({"points": 5, "cause": {"kind": "purchase"}}), "cause.id"),
        (
            json!({"points": 5, "cause": {"kind": "purchase", "id": "B"}, "available_at":
                "2030-01-01T00:00:00Z", "expires_at": "2030-01-01T00:00:00Z"}),
            "expires_at",
        ),
        (
            json!({"points": 5, "cause": {"kind": "purchase", "id": "B"}, "available_at":
                "soon"}),
            "available_at",
        ),
    ];
    for (body, field) in credits {
        let answer = ledger.client.post("merchant", "/v1/accounts/ann/credits", body.clone()).await;
        assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{body}");
    }
    let lines = [
        (json!({"lines": [{"product_id": "tv", "quantity": 1}]}), "lines"),
        (json!({"lines": [{"product_id": "tv", "quantity": 1}], "rule": "default"}), "lines"),
        (json!({"lines": []}), "lines"),
    ];
    for (body, field) in lines {
        let path = "/v1/accounts/ann/purchases/B-9";
        let answer = ledger.client.put("merchant", path, body.clone()).await;
        assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{body}");
    }
    let offers = [
        (json!({"product_id": "p", "price": -1, "stock": 1}), "price"),
        (json!({"product_id": "p", "price": 1}), "stock"),
        (json!({"product_id": "p", "price": 1, "stock": 0}), "stock"),
        (
            json!({"product_id": "p", "price": 1, "stock": 1, "opens_at": "2030-01-02T00:00:00Z",
                "closes_at": "2030-01-01T00:00:00Z"}),
            "closes_at",
        ),
        (offer_with(json!({"limit_per_shopper": 0})), "limit_per_shopper"),
        (offer_with(json!({"limits_per_shopper": {"day": 0}})), "limits_per_shopper.day"),
        (offer_with(json!({"limits_per_shopper": {"year": 1}})), "limits_per_shopper.year"),
        (offer_with(json!({"limits_per_shopper": [1, 2, 3]})), "limits_per_shopper"),
        (offer_with(json!({"time_zone": "Mars/Olympus"})), "time_zone"),
        (offer_with(json!({"segment": "Staff"})), "segment"),
        (offer_with(json!({"remaining_shown": "roughly"})), "remaining_shown"),
    ];
    for (body, field) in offers {
        let answer = ledger.client.put("operator", "/v1/offers/new", body.clone()).await;
        assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{body}");
    }
}

/// An offer, but for these fields.
fn offer_with(more: Value) -> Value {
    let mut body = json!({"product_id": "p", "price": 1, "stock": 1});
    let object = body.as_object_mut().expect("an object");
    object.extend(more.as_object().expect("an object").clone());
    body
}

async fn wrong_rules(ledger: &Ledger) {
    let api = &ledger.client;
    let rule = |more: Value| {
        let mut body = json!({"rate": {"points": 1, "per_amount": 100}});
        let object = body.as_object_mut().expect("an object");
        object.extend(more.as_object().expect("an object").clone());
        body
    };
    for (more, field) in [
        (json!({"rate": [1, 100]}), "rate"),
        (json!({"expiry": {"months": 1, "end_of_year": 1}}), "expiry"),
        (json!({"expiry": {}}), "expiry"),
        (json!({"expiry": {"months": 0}}), "expiry.months"),
        (json!({"expiry": {"end_of_year": 101}}), "expiry.end_of_year"),
        (json!({"expiry": {"months": 1}, "pending_days": 60}), "pending_days"),
        (json!({"expiry": {"end_of_year": 1}, "pending_days": 800}), "pending_days"),
        (json!({"expiry": {"end_of_year": 0}, "pending_days": 366}), "pending_days"),
        (json!({"cap": {"points": 5, "period": "week"}}), "cap.period"),
        (json!({"time_zone": "Mars/Olympus"}), "time_zone"),
        (json!({"time_zone": "europe/berlin"}), "time_zone"),
        (json!({"backdate_days": 32}), "backdate_days"),
        (
            json!({"multipliers": [{"from": "2026-11-27", "until": "2026-11-28", "percent": 2}]}),
            "multipliers[0].from",
        ),
    ] {
        let answer = api.put("operator", "/v1/earning-rules/r", rule(more.clone())).await;
        assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{more}");
    }
    let unknown = api.request("PUT", "/v1/earning-rules/none", "operator");
    let unknown = unknown.header("if-match", "*").json(&rule(json!({})));
    api.send(unknown).await.expect("answered").is_problem(404, "not-found");
}

async fn wrong_bodies(ledger: &Ledger) {
    let api = &ledger.client;
    let path = "/v1/accounts/ann/exchanges/x-1";
    let json = |body: Vec<u8>| {
        api.request("PUT", path, "shopper").header("content-type", "application/json").body(body)
    };
    for body in [&b""[..], b"{", b"[]", b"null", b"7", b"\xff", b"{}}", b"{\"a\":1,}"] {
        let answer = api.send(json(body.to_vec())).await.expect("answered");
        let code =
            if body == b"{}}" || body == b"{\"a\":1,}" { "invalid-field" } else { "invalid-json" };
        answer.is_problem(400, code);
    }
    let nested = "{\"offer_id\":".repeat(5_000);
    let answer = api.send(json(nested.into_bytes())).await.expect("answered");
    assert_eq!(answer.status, 413.min(answer.status).max(400), "{answer:?}");
    let answer = api.send(json(vec![b' '; 20_000])).await.expect("answered");
    answer.is_problem(413, "body-too-large");
    let plain = api.request("PUT", path, "shopper").header("content-type", "text/plain").body("{}");
    api.send(plain).await.expect("answered").is_problem(415, "not-json");
    api.send(api.request("PUT", path, "shopper"))
        .await
        .expect("answered")
        .is_problem(415, "not-json");
}

/// What a call would not heed could change what the caller means.
async fn what_is_not_heeded(ledger: &Ledger) {
    let api = &ledger.client;
    let credit = json!({"points": 5, "cause": {"kind": "purchase", "id": "B"}});
    let answer = api.post("merchant", "/v1/accounts/ann/credits?dry_run=true", credit).await;
    assert_eq!(answer.is_problem(400, "invalid-query")["field"], "dry_run");
    let answer = api.put("operator", "/v1/offers/mug/closure?now=1", json!({})).await;
    assert_eq!(answer.is_problem(400, "invalid-query")["field"], "now");
    let redemption = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    for (role, path, body) in [
        ("operator", "/v1/offers/mug/closure", json!({})),
        ("operator", "/v1/offers/mug/stock-additions/s-1", json!({"units": 1})),
        ("shopper", "/v1/accounts/ann/exchanges/x-9", redemption),
    ] {
        for header in ["if-match", "if-none-match"] {
            let request = api.request("PUT", path, role).header(header, "*").json(&body);
            api.send(request).await.expect("answered").is_problem(400, "invalid-header");
        }
        let encoded = api.request("PUT", path, role).header("content-encoding", "gzip").json(&body);
        api.send(encoded).await.expect("answered").is_problem(415, "body-encoded");
        // The key comes before all else.
        let stranger = api.with_key(role, "nobody's key");
        let request = stranger.request("PUT", &format!("{path}?now=1"), role);
        let request = request.header("if-match", "x").header("content-encoding", "gzip");
        stranger.send(request.body("{")).await.expect("answered").is_problem(401, "unauthorized");
        let request =
            api.request("PUT", &format!("{path}?now=1"), "auditor").header("if-match", "x");
        api.send(request.body("{")).await.expect("answered").is_problem(403, "forbidden");
    }
}

/// What `If-None-Match: *` promises: nothing that is there is changed, or taken for new.
async fn what_is_there_already(ledger: &Ledger) {
    let api = &ledger.client;
    let offer = |price: u64| json!({"product_id": "mug-product", "price": price, "stock": null});
    let rule = |points: u64| json!({"rate": {"points": points, "per_amount": 100}});
    api.send(api.request("PUT", "/v1/earning-rules/new", "operator").json(&rule(1)))
        .await
        .expect("answered")
        .is(201);
    for (path, body) in [
        ("/v1/offers/mug", offer(300)),
        ("/v1/offers/mug", offer(400)),
        ("/v1/earning-rules/new", rule(1)),
        ("/v1/earning-rules/new", rule(2)),
    ] {
        let only_new = api.request("PUT", path, "operator").header("if-none-match", "*");
        let refused = api.send(only_new.json(&body)).await.expect("answered");
        refused.is_problem(412, "already-exists");
        let tagged = api.request("PUT", path, "operator").header("if-none-match", "\"1\"");
        api.send(tagged.json(&body)).await.expect("answered").is_problem(400, "invalid-header");
    }
    for (path, body) in [("/v1/offers/cup", offer(300)), ("/v1/earning-rules/newer", rule(1))] {
        let only_new = api.request("PUT", path, "operator").header("if-none-match", "*");
        api.send(only_new.json(&body)).await.expect("answered").is(201);
    }
}

async fn wrong_addresses(ledger: &Ledger) {
    let api = &ledger.client;
    api.get("operator", "/nowhere").await.is_problem(404, "no-such-route");
    api.get("operator", "/v1/accounts/ann/nothing").await.is_problem(404, "no-such-route");
    api.get("operator", "/v1/accounts/nobody").await.is_problem(404, "not-found");
    api.get("operator", "/v1/accounts/nobody/entries").await.is_problem(404, "not-found");
    api.get("shopper", "/v1/accounts/ann/exchanges/x-none").await.is_problem(404, "not-found");
    api.get("operator", "/v1/offers/none").await.is_problem(404, "not-found");
    for path in ["/v1/accounts/a%00b", "/v1/accounts/%ff", "/v1/accounts/a%20b"] {
        api.get("operator", path).await.is_problem(400, "invalid-id");
    }
    let long = format!("/v1/accounts/{}", "x".repeat(129));
    api.get("operator", &long).await.is_problem(400, "invalid-id");
    let delete = api.request("DELETE", "/v1/accounts/ann", "operator");
    api.send(delete).await.expect("answered").is_problem(405, "method-not-allowed");
    for query in ["limit=0", "limit=501", "limit=x", "colour=1", "cursor=zz", "limit=1&limit=2"] {
        let path = format!("/v1/accounts/ann/entries?{query}");
        api.get("operator", &path).await.is_problem(400, "invalid-query");
    }
    api.get("operator", "/v1/exchanges").await.is_problem(400, "invalid-query");
    api.get("operator", "/v1/shipping-requests?status=lost").await.is_problem(400, "invalid-query");
}

/// What is told of a parcel is read before it is looked for; no parcel is there.
async fn wrong_parcels(ledger: &Ledger) {
    let api = &ledger.client;
    let path = |request: &str, what: &str| format!("/v1/shipping-requests/{request}/{what}");
    let line = json!({"product_id": "mug", "quantity": 1});
    for (what, body, field) in [
        ("acceptance", json!({"occurred_at": "soon"}), "occurred_at"),
        ("acceptance", json!({"reason": "why not"}), "reason"),
        ("back-order", json!({"reason": ""}), "reason"),
        ("back-order", json!({"reason": "x".repeat(513)}), "reason"),
        ("dispatch", json!({"express_no": "1Z"}), "carrier"),
        ("dispatch", json!({"carrier": "post"}), "express_no"),
        ("dispatch", json!({"carrier": "the\npost", "express_no": "1Z"}), "carrier"),
        ("dispatch", json!({"carrier": "post", "express_no": " 1Z"}), "express_no"),
        ("dispatch", json!({"carrier": "post", "express_no": "1Z", "lines": []}), "lines"),
        (
            "dispatch",
            json!({"carrier": "post", "express_no": "1Z", "tracking_url": "javascript:1"}),
            "tracking_url",
        ),
        (
            "dispatches/dispatch",
            json!({"carrier": "post", "express_no": "1Z", "lines": [line]}),
            "lines",
        ),
        ("dispatches/box-1", json!({"carrier": "post", "express_no": "1Z", "lines": []}), "lines"),
        (
            "dispatches/box-1",
            json!({"carrier": "post", "express_no": "1Z", "lines": [line, line]}),
            "lines[1].product_id",
        ),
        ("dispatches/box-1/delivery", json!({"carrier": "post"}), "carrier"),
        ("delivery", json!({"carrier": "post"}), "carrier"),
        ("rejection", json!({}), "reason"),
        ("rejection", json!({"reason": null}), "reason"),
        ("rejection", json!({"reason": 7}), "reason"),
        ("settlement", json!({"by": "Otto Opal"}), "reason"),
        ("settlement", json!({"reason": "lost", "by": ""}), "by"),
    ] {
        let answer = api.put("operator", &path("none", what), body.clone()).await;
        assert_eq!(answer.is_problem(400, "invalid-field")["field"], field, "{what} {body}");
    }
    let dispatch = json!({"carrier": "post", "express_no": "1Z"});
    let reason = json!({"reason": "damaged"});
    for (what, body) in [
        ("acceptance", json!({})),
        ("back-order", json!({})),
        ("dispatch", dispatch),
        ("delivery", json!({})),
        ("rejection", reason.clone()),
        ("settlement", reason),
    ] {
        for request in ["none", "~", "-1-0-5", "a%20b", &"x".repeat(3_000)] {
            let answer = api.put("operator", &path(request, what), body.clone()).await;
            answer.is_problem(404, "not-found");
        }
        for role in ["shopper", "merchant", "auditor"] {
            let answer = api.put(role, &path("none", what), body.clone()).await;
            answer.is_problem(403, "forbidden");
        }
        let asked = api.request("PUT", &path("none", what), "operator");
        let asked = asked.header("if-match", "\"1\"").json(&body);
        api.send(asked).await.expect("answered").is_problem(400, "invalid-header");
        let query = api.put("operator", &path("none", &format!("{what}?now=1")), body).await;
        assert_eq!(query.is_problem(400, "invalid-query")["field"], "now");
    }
    api.put("operator", &path("none", "loss"), json!({})).await.is_problem(404, "no-such-route");
}

async fn wrong_callers(ledger: &Ledger) {
    let api = &ledger.client;
    api.get("nobody", "/v1/accounts/ann").await.is_problem(401, "unauthorized");
    let refused = api.put("auditor", "/v1/accounts/ann/exchanges/x-1", json!({})).await;
    assert_eq!(refused.is_problem(403, "forbidden")["allowed"], json!(["shopper"]));
    let body = json!({"points": 5, "cause": {"kind": "adjustment", "id": "A-1"}});
    let refused = api.post("merchant", "/v1/accounts/ann/credits", body).await;
    assert_eq!(refused.is_problem(403, "adjustment-forbidden")["field"], "cause.kind");
    for (role, path) in [
        ("shopper", "/v1/shipping-requests"),
        ("warehouse", "/v1/accounts/ann"),
        ("shopper", "/v1/exchanges?exchange_id=x"),
    ] {
        api.get(role, path).await.is_problem(403, "forbidden");
    }
}

async fn wrong_headers(ledger: &Ledger) {
    let api = &ledger.client;
    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    let keyless = api.post("shopper", "/v1/accounts/ann/exchanges", body.clone()).await;
    assert_eq!(keyless.is_problem(400, "invalid-header")["header"], "Idempotency-Key");
    let bad_key = api
        .request("POST", "/v1/accounts/ann/exchanges", "shopper")
        .header("idempotency-key", "a b")
        .json(&body);
    api.send(bad_key).await.expect("answered").is_problem(400, "invalid-header");
    let position =
        api.request("GET", "/v1/accounts/ann", "operator").header("guerdon-position", "x");
    api.send(position).await.expect("answered").is_problem(400, "invalid-header");
    let far =
        api.request("GET", "/v1/accounts/ann", "operator").header("guerdon-position", "0:999");
    let refused = api.send(far).await.expect("answered");
    assert_eq!(refused.is_problem(400, "invalid-header")["header"], "Guerdon-Position");
    let terms = json!({"product_id": "p", "price": 1});
    let if_match =
        api.request("PUT", "/v1/offers/mug", "operator").header("if-match", "3").json(&terms);
    api.send(if_match).await.expect("answered").is_problem(400, "invalid-header");
}

/// Most clients resolve such a path before they send it, so this one writes to the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_has_only_dots_is_refused_however_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let key = ledger.client.key("operator");
    for (id, status, code) in [
        (".", 400, "invalid-id"),
        ("..", 400, "invalid-id"),
        ("%2e%2E", 400, "invalid-id"),
        ("...", 400, "invalid-id"),
        (".kim", 404, "not-found"),
    ] {
        let mut raw = Raw::to(&ledger.client.url).await;
        let host = "Host: ledger\r\nConnection: close\r\n";
        raw.says(&format!(
            "GET /v1/accounts/{id} HTTP/1.1\r\n{host}Authorization: Bearer {key}\r\n\r\n"
        ))
        .await;
        let heard = raw.hears().await;
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{id}: {heard}");
        assert!(heard.contains(&format!("\"code\":\"{code}\"")), "{id}: {heard}");
    }
    assert_eq!(ledger.stop(), Some(0));
}
