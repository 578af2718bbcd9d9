//! Calls over a router, counted.

use std::time::Duration;

use axum::Router;
use domain::{SwitchName, SwitchSetting};
use log_record::Principal;

use super::*;
use crate::test_request::{Answer, Ask, ask, get, put};
use crate::{KeyHash, KeyRing, Routes, TurnedSwitch, only};

fn quota(calls: u32) -> Quota {
    Quota::new(calls, Duration::from_secs(100)).expect("a quota")
}

fn by_class<const N: usize>(quotas: [(CallClass, u32); N]) -> ByClass {
    let mut all = ByClass::default();
    for (class, calls) in quotas {
        all.set(class, quota(calls));
    }
    all
}

fn key(id: &str, role: Role) -> ApiKey {
    let principal = Principal { key: Some(id.into()), ..Principal::of_role(role.as_str()) };
    ApiKey { principal: Arc::new(principal), ..ApiKey::of_role(role) }
}

fn shopper_of(account: &str) -> ApiKey {
    ApiKey { account_id: Some(account.into()), ..ApiKey::of_role(Role::Shopper) }
}

/// Keys of two shoppers, the second with two keys, of an app, a merchant and an operator.
fn ring(limits: Limits) -> KeyRing {
    let keys = [
        ("ann", shopper_of("ann")),
        ("bob", shopper_of("bob")),
        ("bob-2", shopper_of("bob")),
        ("app", key("k-1", Role::Shopper)),
        ("shop", key("k-2", Role::Merchant)),
        ("otto", key("k-3", Role::Operator)),
    ];
    let keys = keys.map(|(text, key)| (KeyHash::of(text), key));
    let ring = KeyRing::from_iter(keys);
    ring.limit(limits);
    ring
}

fn router(rules: LimitRules) -> (Router, KeyRing) {
    router_of(Limits::new(rules))
}

fn router_of(limits: Limits) -> (Router, KeyRing) {
    let ring = ring(limits);
    let redeem = || only(Role::ALL, async || "redeemed").in_class(CallClass::Redemptions);
    let account = Routes::new()
        .route("/exchanges/{exchange_id}", crate::put(redeem().about(crate::About::Account)))
        .route("/", crate::get(only(Role::ALL, async || "read").about(crate::About::Account)));
    let routes = Routes::new()
        .nest("/v1/accounts/{account_id}", account)
        .route("/v1/offers", crate::get(only(Role::ALL, async || "offers")))
        .route("/metrics", crate::get(only(Role::ALL, async || "metrics").never_limited()))
        .open("/health", async || "well")
        .with_state(ring.clone());
    (routes.finish(), ring)
}

fn by(key: &str, ask: Ask) -> Ask {
    ask.header("authorization", &format!("Bearer {key}"))
}

async fn redeem(router: &Router, key: &str, account: &str) -> Answer {
    let path = format!("/v1/accounts/{account}/exchanges/x-1");
    by(key, put(&path)).send(router.clone()).await
}

async fn statuses(router: &Router, asks: impl IntoIterator<Item = Ask>) -> Vec<u16> {
    let mut statuses = vec![];
    for ask in asks {
        statuses.push(ask.send(router.clone()).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn a_shopper_redeems_so_often_whatever_key_it_shows_and_others_are_not_concerned() {
    let of_shopper = by_class([(CallClass::Redemptions, 5)]);
    let (router, ring) = router(LimitRules { of_shopper, ..LimitRules::default() });
    for key in ["bob", "bob-2", "bob", "bob-2", "bob"] {
        assert_eq!(redeem(&router, key, "bob").await.text(), "redeemed");
    }
    for key in ["bob", "bob-2"] {
        let refused = redeem(&router, key, "bob").await;
        let problem = refused.is_problem(429, "rate-limited");
        let facts = ["of", "what", "limit", "window_seconds"].map(|name| problem[name].to_string());
        assert_eq!(facts, ["\"shopper\"", "\"redemptions\"", "5", "100"]);
        let wait = problem["retry_after_ms"].as_u64().expect("a number");
        assert!((15_000..=20_001).contains(&wait), "{wait}");
        assert_eq!(refused.header("retry-after"), "20");
        assert_eq!(refused.header("ratelimit"), "\"shopper-redemptions\";r=0;t=20");
        assert_eq!(refused.header("ratelimit-policy"), "\"shopper-redemptions\";q=5;w=100");
        assert!(
            problem["detail"].as_str().is_some_and(|it| it.contains("5 in 100 s")),
            "{problem}"
        );
    }
    assert_eq!(redeem(&router, "ann", "ann").await.text(), "redeemed");
    let read = by("bob", get("/v1/accounts/bob")).send(router.clone()).await;
    assert_eq!(read.text(), "read", "reads are counted by themselves");
    for _ in 0..10 {
        assert_eq!(
            redeem(&router, "app", "bob").await.text(),
            "redeemed",
            "it is the app that asks"
        );
    }
    assert_eq!(ring.limits().map(Limits::refusals), Some(vec![refusals("shopper", 2)]));
}

fn refusals(of: &'static str, count: u64) -> Refusals {
    Refusals { of, what: "redemptions", count }
}

#[tokio::test]
async fn what_an_app_asks_for_a_shopper_counts_as_the_shoppers_where_that_is_wanted() {
    let of_shopper = by_class([(CallClass::Redemptions, 2)]);
    let rules = LimitRules { of_shopper, count_apps: true, ..LimitRules::default() };
    let (router, _) = router(rules);
    assert_eq!(redeem(&router, "app", "b%6Fb").await.text(), "redeemed");
    assert_eq!(redeem(&router, "bob", "bob").await.text(), "redeemed");
    redeem(&router, "app", "bob").await.is_problem(429, "rate-limited");
    redeem(&router, "bob-2", "bob").await.is_problem(429, "rate-limited");
    assert_eq!(redeem(&router, "app", "ann").await.text(), "redeemed");
}

#[tokio::test]
async fn an_app_takes_nothing_from_a_shopper_by_what_it_may_not_call_or_is_refused() {
    let of_shopper = by_class([(CallClass::Redemptions, 1)]);
    let of_key = by_class([(CallClass::Redemptions, 3)]);
    let rules = LimitRules { of_shopper, of_key, count_apps: true, ..LimitRules::default() };
    let ring = ring(Limits::new(rules));
    let redeem_only = only(&[Role::Shopper], async || "redeemed");
    let redeem_only = redeem_only.about(crate::About::Account).in_class(CallClass::Redemptions);
    let path = "/v1/accounts/{account_id}/exchanges/{exchange_id}";
    let router = Routes::new().route(path, crate::put(redeem_only)).with_state(ring).finish();
    for _ in 0..3 {
        redeem(&router, "shop", "ann").await.is_problem(403, "forbidden");
    }
    assert_eq!(redeem(&router, "shop", "ann").await.is_problem(429, "rate-limited")["of"], "key");
    assert_eq!(redeem(&router, "app", "ann").await.text(), "redeemed");
    for _ in 0..5 {
        let refused = redeem(&router, "app", "ann").await;
        assert_eq!(refused.is_problem(429, "rate-limited")["of"], "shopper");
    }
    assert_eq!(redeem(&router, "app", "bob").await.text(), "redeemed", "the app has two left");
}

#[tokio::test]
async fn who_is_refused_takes_nothing_from_all_and_a_refusal_of_all_takes_nothing_from_a_key() {
    let (of_key, of_all) = (by_class([(CallClass::Reads, 2)]), by_class([(CallClass::Reads, 3)]));
    let (router, ring) = router(LimitRules { of_key, of_all, ..LimitRules::default() });
    let read = |key: &str| by(key, get("/v1/offers"));
    assert_eq!(statuses(&router, (0..9).map(|_| read("shop"))).await[..3], [200, 200, 429]);
    assert_eq!(statuses(&router, [read("app")]).await, [200], "all had one left");
    for _ in 0..5 {
        let refused = read("app").send(router.clone()).await;
        assert_eq!(refused.is_problem(429, "rate-limited")["of"], "all", "and the app one");
    }
    let refusals = ring.limits().map(Limits::refusals).expect("limits");
    let counts: Vec<_> = refusals.iter().map(|it| (it.of, it.count)).collect();
    assert_eq!(counts, [("key", 7), ("all", 5)]);
}

#[test]
fn a_redemption_that_a_body_asks_for_counts_as_the_shoppers() {
    let of_shopper = by_class([(CallClass::Redemptions, 2)]);
    let limits = Limits::new(LimitRules { of_shopper, ..LimitRules::default() });
    let key = Some(Arc::new(shopper_of("ann")));
    let ann = Caller { key, ..Caller::of_this_process(Role::Shopper, None) };
    let key = Some(Arc::new(key_of_app()));
    let app = Caller { key, ..Caller::of_this_process(Role::Shopper, None) };
    let is_let_in = |caller| limits.count_redemption(caller, "ann").is_ok();
    assert_eq!([&ann, &ann, &ann].map(is_let_in), [true, true, false]);
    assert!(is_let_in(&app), "it is the app that asks");
}

fn key_of_app() -> ApiKey {
    key("k-1", Role::Shopper)
}

#[tokio::test]
async fn a_key_and_all_keys_together_have_limits_and_operators_are_not_among_all() {
    let (of_key, of_all) = (by_class([(CallClass::Reads, 3)]), by_class([(CallClass::Reads, 5)]));
    let (router, _) = router(LimitRules { of_key, of_all, ..LimitRules::default() });
    let read = |key: &str| by(key, get("/v1/offers"));
    assert_eq!(statuses(&router, (0..4).map(|_| read("shop"))).await, [200, 200, 200, 429]);
    assert_eq!(statuses(&router, (0..3).map(|_| read("app"))).await, [200, 200, 429]);
    let refused = read("app").send(router.clone()).await;
    let problem = refused.is_problem(429, "rate-limited");
    assert_eq!(problem["of"], "all", "what was refused took nothing of its own");
    let refused = read("ann").send(router.clone()).await;
    assert_eq!(refused.is_problem(429, "rate-limited")["of"], "all");
    assert_eq!(refused.header("ratelimit-policy"), "\"all-reads\";q=5;w=100");
    assert_eq!(statuses(&router, (0..4).map(|_| read("otto"))).await, [200, 200, 200, 429]);
    assert_eq!(redeem(&router, "app", "ann").await.text(), "redeemed", "that is no read");
}

#[tokio::test]
async fn a_switch_scales_all_limits_and_back_and_nobody_gets_a_full_bucket_for_that() {
    let of_shopper = by_class([(CallClass::Redemptions, 4)]);
    let of_all = by_class([(CallClass::Reads, 2)]);
    let rules = LimitRules { of_shopper, of_all, ..LimitRules::default() };
    let switches = Switches::default();
    let (router, ring) = router_of(Limits::scaled_by(rules, switches.clone()));
    let turn = |version, on, percent| {
        let setting = SwitchSetting { on, percent: Some(percent), until: None };
        let switch = SwitchName::ScaleLimits;
        assert!(switches.tell(TurnedSwitch { switch, version, setting }));
    };
    let redemptions = async |key: &str| {
        let mut answers = vec![];
        for _ in 0..10 {
            answers.push(redeem(&router, key, key).await);
        }
        let let_in = answers.iter().filter(|answer| answer.status.is_success()).count();
        (let_in, answers.last().expect("ten").header("ratelimit-policy").to_owned())
    };
    turn(1, true, 50);
    assert_eq!(redemptions("ann").await, (2, "\"shopper-redemptions\";q=2;w=100".into()));
    let reads = || [(); 3].map(|()| by("app", get("/v1/offers")));
    assert_eq!(statuses(&router, reads()).await, [200, 429, 429]);
    turn(2, true, 200);
    assert_eq!(redemptions("bob").await, (8, "\"shopper-redemptions\";q=8;w=100".into()));
    turn(3, false, 200);
    let (let_in, policy) = redemptions("bob").await;
    assert_eq!((let_in, &*policy), (0, "\"shopper-redemptions\";q=4;w=100"));
    let refused = ring.limits().expect("limits").refusals();
    let of_shopper = refused.iter().find(|it| it.of == "shopper").expect("it is counted");
    assert_eq!(of_shopper.count, 8 + 2 + 10, "whatever they were scaled to");
}

#[tokio::test]
async fn an_offer_has_a_limit_of_its_own_for_each_shopper() {
    let of_offer = HashMap::from([("mug".into(), quota(1))]);
    let limits = Limits::new(LimitRules { of_offer, ..LimitRules::default() });
    let attempt = |account, offer| limits.count_attempt(account, offer).map_err(|it| it.code());
    assert_eq!(attempt("ann", "mug"), Ok(()));
    assert_eq!(attempt("ann", "mug"), Err("rate-limited"));
    assert_eq!(attempt("bob", "mug"), Ok(()));
    assert!((0..9).all(|_| attempt("ann", "hat").is_ok()));
    assert_eq!(limits.refusals(), [refusals("offer", 1)]);
}

#[tokio::test]
async fn an_address_shows_so_many_wrong_keys_and_known_ones_are_let_in_from_there() {
    let rules = LimitRules { wrong_keys: Some(quota(3)), ..LimitRules::default() };
    let (router, _) = router(rules);
    let from = |address: &str, ask: Ask| {
        let mut extensions = axum::http::Extensions::new();
        ask.extension(SeenCaller::begin(&mut extensions, address.parse().expect("an address")))
    };
    let read = |key: &str, address: &str| from(address, by(key, get("/v1/offers")));
    let hammer = (0..5).map(|number| read(&format!("guess-{number}"), "203.0.113.7"));
    assert_eq!(statuses(&router, hammer).await, [401, 401, 401, 429, 429]);
    let refused = read("guess", "203.0.113.7").send(router.clone()).await;
    let problem = refused.is_problem(429, "rate-limited");
    assert_eq!((&problem["of"], &problem["what"]), (&"address".into(), &"wrong-keys".into()));
    for (key, address, status) in [
        ("app", "203.0.113.7", 200),
        ("guess", "203.0.113.8", 401),
        ("guess", "::ffff:203.0.113.7", 429),
        ("guess", "2001:db8::1", 401),
        ("guess", "2001:db8::2", 401),
        ("guess", "2001:db8::3", 401),
        ("guess", "2001:db8::4", 429),
        ("guess", "2001:db8:0:1::1", 401),
    ] {
        assert_eq!(statuses(&router, [read(key, address)]).await, [status], "{key} {address}");
    }
    let without = from("203.0.113.7", get("/v1/offers"));
    assert_eq!(statuses(&router, [without]).await, [401], "no key is none that is wrong");
    let metrics = |key: &str| from("203.0.113.7", by(key, get("/metrics")));
    assert_eq!(statuses(&router, [metrics("guess"), metrics("app")]).await, [429, 200]);
}

#[tokio::test]
async fn health_and_metrics_are_never_limited_and_nothing_is_without_limits() {
    let all = by_class(CallClass::ALL.map(|class| (class, 1)));
    let rules = LimitRules { of_shopper: all, of_key: all, of_all: all, ..LimitRules::default() };
    let (limited, _) = router(rules);
    let asks = (0..20).flat_map(|_| [by("app", get("/metrics")), by("app", get("/health"))]);
    assert!(statuses(&limited, asks).await.iter().all(|status| *status == 200));
    let (free, _) = router(LimitRules::default());
    for _ in 0..20 {
        let answer = by("ann", ask("HEAD", "/v1/accounts/ann")).send(free.clone()).await;
        assert_eq!(answer.status.as_u16(), 200);
        assert!(!answer.headers.contains_key("ratelimit"));
    }
}

#[test]
fn an_answer_says_what_is_left() {
    let limits = Limits::new(LimitRules {
        of_shopper: by_class([(CallClass::Redemptions, 2)]),
        ..LimitRules::default()
    });
    let mut extensions = axum::http::Extensions::new();
    let seen = SeenCaller::begin(&mut extensions, IpAddr::from([127, 0, 0, 1]));
    let mut parts = axum::http::Request::new(()).into_parts().0;
    parts.extensions = extensions;
    let key = Some(Arc::new(shopper_of("ann")));
    let caller = Caller { key, ..Caller::of_this_process(Role::Shopper, None) };
    limits.count(CallClass::Redemptions, &caller, true, &parts).expect("let in");
    let mut headers = axum::http::HeaderMap::new();
    seen.say_allowance(&mut headers);
    assert_eq!(headers["ratelimit"], "\"shopper-redemptions\";r=1;t=50");
    assert_eq!(headers["ratelimit-policy"], "\"shopper-redemptions\";q=2;w=100");
    let kept = axum::http::HeaderValue::from_static("public, max-age=1");
    let mut public = axum::http::HeaderMap::from_iter([(axum::http::header::CACHE_CONTROL, kept)]);
    seen.say_allowance(&mut public);
    assert_eq!(public.len(), 1, "what anybody may keep isn't about one caller");
    // A part of this process is nobody's shopper.
    let of_process = Caller::of_this_process(Role::Shopper, None);
    for _ in 0..9 {
        limits.count(CallClass::Redemptions, &of_process, true, &parts).expect("let in");
    }
}
