//! Tiers when requests meet, when their terms change under load, and when the ledger is killed.
//!
//! Each is tried five times every day; `GUERDON_FAULTS` says how often otherwise, up to eight.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::ledger::{Answer, Api, Ledger, PATIENCE, faults_or};

const ROUNDS: usize = 5;

/// A ladder has ten levels, and some tests need one for each round.
fn rounds() -> usize {
    faults_or(ROUNDS).min(8)
}

/// What a purchase of these tests gives of status.
const STATUS: u64 = 10;

/// A unit that only counts, a rule that gives it, and a ladder over it.
async fn set_up(api: &Api, ladder: Value) {
    api.put("operator", "/v1/units/status", json!({"spendable": false})).await.is(201);
    let rule = json!({"unit": "status", "rate": {"points": 1, "per_amount": 100}});
    api.put("operator", "/v1/earning-rules/status", rule).await.is(201);
    api.put("operator", "/v1/ladders/club", ladder).await.is(201);
}

fn for_ever(silver: u64, gold: u64) -> Value {
    json!({"unit": "status", "window": "ever", "downgrade": "by-count",
        "levels": [{"tier": "silver", "from": silver}, {"tier": "gold", "from": gold}]})
}

async fn buys(api: &Api, account: &str, purchase: &str, more: Value) -> Answer {
    let mut body = json!({"rule": "status",
        "lines": [{"product_id": "tea", "quantity": 1, "amount": STATUS * 100}]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    api.put("merchant", &format!("/v1/accounts/{account}/purchases/{purchase}"), body).await
}

async fn opens_for(api: &Api, offer: &str, tier: &str, more: Value) {
    let mut body = json!({"product_id": "mug", "price": 0, "stock": null,
        "tier": {"ladder": "club", "tier": tier}});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    api.put("operator", &format!("/v1/offers/{offer}"), body).await.is(201);
}

/// The account's standing on the ladder, once the read tables have all that was answered.
async fn standing(api: &Api, account: &str) -> Value {
    let last = api.earns("probe", 1, &format!("{account}-{}", next())).await;
    let read = api.get_after(&last, "auditor", &format!("/v1/accounts/{account}")).await.is(200);
    read["tiers"]["club"].clone()
}

fn next() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_and_its_return_at_once_count_together_or_the_purchase_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    set_up(api, for_ever(STATUS, 3 * STATUS)).await;
    for round in 0..rounds() {
        let account = format!("ann-{round}");
        let mut counted = 0;
        for purchase in ["B-1", "B-2", "B-3", "B-4"] {
            let back = format!("/v1/accounts/{account}/purchases/{purchase}/returns/r-1");
            let (bought, returned) = tokio::join!(
                buys(api, &account, purchase, json!({})),
                api.put("merchant", &back, json!({})),
            );
            bought.is(201);
            match returned.status {
                201 => {}
                // The return came first, and there was nothing to return.
                404 | 409 => counted += STATUS,
                other => panic!("{other}: {}", returned.body),
            }
        }
        let tier = match counted {
            0 => None,
            enough if enough >= 3 * STATUS => Some("gold"),
            _ => Some("silver"),
        };
        let found = standing(api, &account).await;
        let is_same = found["counted"].as_u64() == Some(counted) && found["tier"].as_str() == tier;
        assert!(is_same, "{account} has counted {counted}: {found}");
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// Whoever redeems at the very time at which the tier ends is let in or not by the time at which
/// the redemption is recorded, and by nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redemption_beside_the_end_of_its_tier_is_decided_by_its_own_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--clock", "commands"], &[]);
    let api = &ledger.client;
    let ladder = json!({"unit": "status", "window": {"months": 1}, "keeps": {"months": 1},
        "downgrade": "by-count", "levels": [{"tier": "silver", "from": STATUS}]});
    set_up(api, ladder).await;
    opens_for(api, "mug", "silver", json!({})).await;
    let (mut let_in, mut left_out) = (0, 0);
    for round in 0..rounds() {
        let account = format!("ann-{round}");
        let year = 2010 + round;
        let bought = format!("{year}-01-15T12:00:00Z");
        buys(api, &account, "B-1", json!({"occurred_at": bought})).await.is(201);
        // The tier of January holds until the end of February; nothing counts after that.
        let (before, end) = (format!("{year}-02-28T23:59:59Z"), format!("{year}-03-01T00:00:00Z"));
        let ends = if year % 4 == 0 { format!("{year}-02-29T23:59:59Z") } else { before };
        let redemptions = (0..8).map(|number| {
            let at = if number % 2 == 0 { &ends } else { &end };
            let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street",
                "occurred_at": at});
            (format!("/v1/accounts/{account}/exchanges/x-{number}"), body)
        });
        // A credit moves the ledger's time on to the end, which what is refused doesn't.
        let cause = json!({"kind": "review", "id": format!("r-{round}")});
        let moves_on = json!({"points": 1, "occurred_at": end, "cause": cause});
        let moving = async {
            let path = "/v1/accounts/probe/credits";
            api.post("merchant", path, moves_on).await.is(201);
        };
        let mut asked = JoinSet::new();
        for (path, body) in redemptions {
            let api = api.clone();
            asked.spawn(async move { (path.clone(), api.put("shopper", &path, body).await) });
        }
        let (answers, ()) = tokio::join!(asked.join_all(), moving);
        for (path, answer) in answers {
            if answer.status == 201 {
                let position = answer.position.expect("a position");
                let made = api.get_after(&position, "auditor", &path).await.is(200);
                let at = made["recorded_at"].as_str().expect("a time");
                assert!(at < &*end, "{path} was recorded at {at}, and the tier ended at {end}");
                let_in += 1;
            } else {
                answer.is_problem(409, "tier-required");
                left_out += 1;
            }
        }
        let found = standing(api, &account).await;
        assert!(found["tier"].is_null() && found["until"].is_null(), "{found}");
    }
    println!("{let_in} were let in, {left_out} came too late");
    assert!(left_out >= 4 * rounds(), "who comes at the end is too late");
    assert_eq!(ledger.stop(), Some(0));
}

const SHOPPERS: usize = 200;
const CLIENTS: usize = 8;

/// Shoppers who each have counted enough for silver.
async fn make_shoppers(api: &Api) {
    let purchases: Vec<Value> = (0..SHOPPERS)
        .map(|shopper| {
            json!({"account_id": format!("shopper-{shopper}"), "points": STATUS,
                "unit": "status", "cause": {"kind": "promotion", "id": "start"}})
        })
        .collect();
    api.post("merchant", "/v1/credits", json!({"credits": purchases})).await.is(200);
}

async fn amends(api: &Api, terms: Value) -> Answer {
    api.put_over("/v1/ladders/club", "*", terms).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redemption_after_the_answer_to_an_amendment_is_decided_by_the_new_terms() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    set_up(api, for_ever(STATUS, 1_000_000)).await;
    make_shoppers(api).await;
    for round in 0..rounds() {
        let offer = format!("mug-{round}");
        let tier = format!("gold-{round}");
        opens_after(api, round).await;
        opens_for(api, &offer, &tier, json!({})).await;
        let (is_amended, stop) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let let_in = Arc::<AtomicUsize>::default();
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (api, offer) = (api.clone(), offer.clone());
            let (is_amended, stop) = (Arc::clone(&is_amended), Arc::clone(&stop));
            let let_in = Arc::clone(&let_in);
            clients.spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let account = format!("shopper-{}", (client + CLIENTS * number) % SHOPPERS);
                    let exchange = format!("x-{round}-{client}-{number}");
                    let must_be_in = is_amended.load(Ordering::SeqCst);
                    let answer = api.redeems(&account, &exchange, &offer).await;
                    if must_be_in {
                        answer.is(201);
                        let_in.fetch_add(1, Ordering::Relaxed);
                    } else if answer.status != 201 {
                        answer.is_problem(409, "tier-required");
                    }
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        amends(api, with_gold(round, STATUS)).await.is(200);
        is_amended.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        while let_in.load(Ordering::Relaxed) < 2 * SHOPPERS {
            assert!(begun.elapsed() < PATIENCE, "{} were let in", let_in.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.store(true, Ordering::Relaxed);
        while let Some(client) = clients.join_next().await {
            client.expect("every answer is by the terms of its time");
        }
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// The ladder with another gold for each round; those of before are reached by all.
fn with_gold(round: usize, from: u64) -> Value {
    let mut levels = vec![json!({"tier": "silver", "from": 1})];
    for former in 0..round {
        levels.push(json!({"tier": format!("gold-{former}"), "from": 2 + former}));
    }
    levels.push(json!({"tier": format!("gold-{round}"), "from": from}));
    levels.push(json!({"tier": "gold", "from": 1_000_000}));
    json!({"unit": "status", "window": "ever", "downgrade": "by-count", "levels": levels})
}

/// The round's gold is there, and out of reach.
async fn opens_after(api: &Api, round: usize) {
    amends(api, with_gold(round, 999_999)).await.is(200);
}

/// Killed while accounts get what an amendment gives them, the ledger goes on where the log ends:
/// each account gets it once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amendment_that_is_killed_on_its_way_through_the_accounts_reaches_each_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::start(folder.path());
    set_up(&ledger.client, for_ever(STATUS, 1_000_000)).await;
    make_shoppers(&ledger.client).await;
    let rounds = rounds();
    for round in 0..rounds {
        opens_after(&ledger.client, round).await;
        amends(&ledger.client, with_gold(round, STATUS)).await.is(200);
        // Some time within the portions, which are small.
        tokio::time::sleep(Duration::from_millis(7 * u64::try_from(round).expect("small"))).await;
        ledger.kill();
        ledger = Ledger::start(folder.path());
    }
    let last = format!("gold-{}", rounds - 1);
    let list = format!("/v1/ladders/club/accounts?tier={last}");
    let begun = Instant::now();
    while ledger.client.list("auditor", &list).await.len() < SHOPPERS {
        assert!(begun.elapsed() < PATIENCE, "the portions don't end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for shopper in [0, SHOPPERS / 2, SHOPPERS - 1] {
        let path = format!("/v1/accounts/shopper-{shopper}/entries");
        let entries = ledger.client.list("auditor", &path).await;
        let reached = |tier: &str| {
            let is_it =
                |entry: &&Value| entry["kind"] == "tier-reached" && entry["tier"]["tier"] == tier;
            entries.iter().filter(is_it).count()
        };
        assert_eq!(reached(&last), 1, "{entries:#?}");
        assert_eq!(reached("silver"), 1, "{entries:#?}");
        assert!((0..rounds).all(|round| reached(&format!("gold-{round}")) <= 1), "{entries:#?}");
    }
    assert_eq!(ledger.stop(), Some(0));
}
