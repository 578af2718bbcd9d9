//! Lists of an account by time, by kind and by status; entries of redemptions say what was
//! redeemed.

use domain::{Clock, Event, Points, PurchaseEarning, PurchaseRecorded};
use serde_json::{Value, json};
use testing::ledger::{On, time};
use testing::life::{self, DAY, history, purchased};

use crate::asks::Reads;
use wire::write_cursor;

testing::on_every_database! {
    the_statement_can_be_had_between_two_times,
    the_statement_can_be_had_of_one_kind,
    entries_of_redemptions_say_what_was_redeemed,
    lists_can_be_had_by_status_and_time,
    a_cursor_is_for_the_filter_that_gave_it,
    purchases_that_earned_nothing_are_listed_with_every_filter,
    a_cursor_that_somebody_made_up_is_refused_in_every_list,
}

/// The entries that were recorded on these days or between them.
fn between_days(entries: &[Value], first: i64, last: i64) -> Vec<Value> {
    let (from, until) = (life::day(first).to_string(), life::day(last + 1).to_string());
    let is_between = |entry: &&Value| {
        let at = entry["recorded_at"].as_str().expect("a time");
        (&*from..&*until).contains(&at)
    };
    entries.iter().filter(is_between).cloned().collect()
}

async fn the_statement_can_be_had_between_two_times(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let whole = reads.list("/v1/accounts/bob/entries").await;
    // Days 30 to 32, without what was recorded on day 33.
    let between = "from=1970-01-31T00:00:00Z&until=1970-02-03T00:00:00Z";
    for limit in [1, 2, 50] {
        let path = format!("/v1/accounts/bob/entries?{between}&limit={limit}");
        assert_eq!(
            reads.whole(&path).await,
            between_days(&whole, 30, 32),
            "with the balances of the whole"
        );
    }
    let since = "/v1/accounts/bob/entries?from=1970-02-03T00:00:00Z";
    assert_eq!(reads.whole(since).await, between_days(&whole, 33, 99));
    let until = "/v1/accounts/bob/entries?until=1970-01-31T00:00:00Z";
    assert_eq!(reads.whole(until).await, between_days(&whole, 0, 29));
    let turned = "from=1970-02-03T00:00:00Z&until=1970-01-31T00:00:00Z";
    let path = format!("/v1/accounts/bob/entries?{turned}");
    let (status, _, problem) = reads.ask("operator", &path).await;
    assert_eq!((status, &problem["field"]), (400, &json!("until")));
}

async fn the_statement_can_be_had_of_one_kind(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let whole = reads.list("/v1/accounts/ann/entries").await;
    let mut found = 0;
    for kind in ["credit-earned", "credit-held", "hold-released", "credit-refunded", "debt-repaid"]
    {
        let expected: Vec<_> =
            whole.iter().filter(|entry| entry["kind"] == kind).cloned().collect();
        for limit in [1, 50] {
            let path = format!("/v1/accounts/ann/entries?kind={kind}&limit={limit}");
            assert_eq!(reads.whole(&path).await, expected, "{kind}");
        }
        found += expected.len();
    }
    assert_eq!(found, 9);
    let expired = reads.list("/v1/accounts/bob/entries?kind=credit-expired").await;
    assert_eq!((expired.len(), &expired[0]["points"]), (1, &json!(-80)));
    let (status, _, problem) = reads.ask("operator", "/v1/accounts/bob/entries?kind=earned").await;
    assert_eq!((status, &problem["field"]), (400, &json!("kind")));
}

async fn entries_of_redemptions_say_what_was_redeemed(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    for (position, exchange, quantity) in
        [("0:15", "x-1", 2), ("0:17", "x-1", 1), ("0:21", "x-2", 1), ("0:38", "x-2", 1)]
    {
        let one = reads.get(&format!("/v1/accounts/ann/entries/{position}")).await;
        let listed = reads.list("/v1/accounts/ann/entries").await;
        let listed = listed.iter().find(|entry| entry["position"] == position).expect("listed");
        for entry in [&one, listed] {
            let found = ["exchange_id", "offer_id", "product_id"].map(|name| entry[name].clone());
            assert_eq!(found, [exchange, "mug", "product"], "{position}: {entry}");
            assert_eq!(entry["quantity"], quantity, "{position}");
        }
    }
    let held = reads.get("/v1/accounts/ann/entries/0:23").await;
    assert_eq!(held.get("offer_id"), None);
}

async fn lists_can_be_had_by_status_and_time(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let ids = async |path: &str, name: &str| -> Vec<Value> {
        reads.whole(path).await.iter().map(|one| one[name].clone()).collect()
    };
    for (status, expected) in [
        ("captured", vec!["h-1"]),
        ("released", vec!["h-2"]),
        ("expired", vec!["h-3"]),
        ("held", vec![]),
    ] {
        let path = format!("/v1/accounts/ann/holds?limit=1&status={status}");
        assert_eq!(ids(&path, "hold_id").await, expected, "{status}");
    }
    for (status, expected) in
        [("dispatched", vec!["x-1"]), ("cancelled", vec!["x-2"]), ("created", vec![])]
    {
        let path = format!("/v1/accounts/ann/exchanges?limit=1&status={status}");
        assert_eq!(ids(&path, "exchange_id").await, expected, "{status}");
    }
    let path = "/v1/accounts/ann/purchases?limit=1&status=dispatched";
    assert_eq!(ids(path, "purchase_id").await, ["B-1"]);
    let path = "/v1/accounts/ann/exchanges?from=1970-01-08T00:00:00Z";
    assert_eq!(ids(path, "exchange_id").await, ["x-2"]);
    let path = "/v1/accounts/ann/purchases?until=1970-01-06T00:00:00Z";
    assert_eq!(ids(path, "purchase_id").await, ["B-1"]);
    let path = "/v1/accounts/ann/holds?from=1970-01-12T00:00:00Z&until=1970-01-13T00:00:00Z";
    assert_eq!(ids(path, "hold_id").await, ["h-2"]);
    // A hold whose end isn't recorded yet has ended.
    reads.pass_to(48).await;
    assert_eq!(ids("/v1/accounts/cat/holds?status=expired", "hold_id").await, ["h-1"]);
    let path = "/v1/accounts/ann/exchanges?status=lost";
    let (status, _, problem) = reads.ask("operator", path).await;
    assert_eq!((status, &problem["field"]), (400, &json!("status")));
}

async fn a_cursor_is_for_the_filter_that_gave_it(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    for (list, filter, other) in [
        ("entries", "kind=credit-earned", "kind=credit-held"),
        ("entries", "from=1970-01-03T00:00:00Z", "from=1970-01-04T00:00:00Z"),
        ("entries", "until=1970-03-03T00:00:00Z", "limit=9"),
        ("exchanges", "from=1970-01-03T00:00:00Z", "limit=9"),
        ("holds", "until=1970-03-03T00:00:00Z", "status=held"),
        ("purchases", "from=1970-01-01T00:00:00Z", "limit=9"),
    ] {
        let page = reads.get(&format!("/v1/accounts/ann/{list}?limit=1&{filter}")).await;
        let next = page["next"].as_str().expect("there is more");
        let path = format!("/v1/accounts/ann/{list}?{other}&cursor={next}");
        let (status, _, problem) = reads.ask("operator", &path).await;
        assert_eq!((status, &problem["field"]), (400, &json!("cursor")), "{path}");
    }
}

async fn purchases_that_earned_nothing_are_listed_with_every_filter(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let Event::PurchaseRecorded(account, fact) = purchased("zed", "B-1", 1, None) else {
        panic!("a purchase")
    };
    let of_nothing = PurchaseEarning { points: Points::ZERO, ..fact.earned[0].clone() };
    let fact = PurchaseRecorded { earned: [of_nothing].into(), ..fact };
    reads.record(vec![(42 * DAY, Event::PurchaseRecorded(account, fact))]).await;
    for (filter, purchases) in
        [("limit=9", 1), ("from=1980-01-01T00:00:00Z", 0), ("status=delivered", 0)]
    {
        let found = reads.whole(&format!("/v1/accounts/zed/purchases?{filter}")).await;
        assert_eq!(found.len(), purchases, "{filter}");
    }
    reads.missing("/v1/accounts/zoe/purchases?status=delivered").await;
}

/// A database takes no text with a zero in it, and a long one would be kept beside its answer.
async fn a_cursor_that_somebody_made_up_is_refused_in_every_list(on: On) {
    let reads = Reads::of(on, history(Clock::Commands)).await;
    let before = time(99 * DAY);
    let expiring = format!("credit of None that expires from None before {before:?}");
    let of_expiring = format!("expiring-credit?before={before}&");
    for (path, list, given) in [
        ("offers?", "offers ", "mug"),
        ("offers?status=closed&", "offers closed", "mug"),
        ("offers?status=open&", "offers open", "mug"),
        ("exchanges?exchange_id=x-1&", "exchanges called x-1", "ann"),
        ("purchases?purchase_id=B-1&", "purchases called B-1", "ann"),
        ("earning-rules?", "earning-rules", "base"),
        ("conversion-rates?", "conversion-rates", "miles/points"),
        (&of_expiring, &expiring, "1:points:ann"),
        ("seals?", "seals", "7"),
        ("shipping-requests?", "shipping requests of (None, None, None, None, None, false)", "0:7"),
        ("operations?", "operations of (None, None, None, None, None)", "event:1:7"),
    ] {
        let ask = async |key: &str| {
            let path = format!("/v1/{path}cursor={}", write_cursor(list, key));
            let (status, _, answer) = reads.ask("operator", &path).await;
            (status, answer["field"].clone())
        };
        assert_eq!(ask(given).await, (200, Value::Null), "{path}: one that it may have given");
        for key in ["", "\0", "a\0b", "a/b\0", "1:points:a\0", "é", &"a".repeat(1_000)] {
            assert_eq!(ask(key).await, (400, json!("cursor")), "{path}{key}");
        }
    }
}
