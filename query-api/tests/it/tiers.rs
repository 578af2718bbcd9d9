//! What is read of ladders and tiers.

use domain::{
    Cause, CauseKind, Clock, CreditEarned, Downgrade, Event, GrantEnd, KeptMonths, KeptYears,
    LadderSet, LadderTerms, Level, Levels, Note, Points, Returns, TierChanged, TierGrantEnded,
    TierGranted, UnitId, Window,
};
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::{On, id, points};
use testing::life::{DAY, day, history};
use wire::write_cursor;

testing::on_every_database! {
    ladders_are_read_with_their_versions,
    an_account_shows_its_tiers_with_what_is_due,
    lists_and_numbers_by_tier_are_as_recorded,
    the_statement_shows_what_became_of_tiers,
    a_shopper_sees_its_own_price_and_whether_it_may_redeem,
    the_rows_are_the_same_however_the_log_is_cut,
}

/// Silver from 100 on and gold from `gold` on, by calendar years.
fn status(version: u64, gold: u64) -> Event {
    let level = |tier: &str, from: u64| Level { tier: id(tier), from: points(from) };
    let levels = Levels::try_from(vec![level("silver", 100), level("gold", gold)]);
    let window = Window::Years {
        from: id("01-01"),
        years: KeptYears::try_from(0).expect("years"),
        months: KeptMonths::try_from(0).expect("months"),
    };
    let terms = LadderTerms {
        unit: UnitId::POINTS,
        levels: levels.expect("levels"),
        window,
        downgrade: Downgrade::ByCount,
        returns: Returns::Recount,
        adjustments: false,
    };
    Event::LadderSet(LadderSet { ladder: id("status"), version, terms })
}

fn earned(name: &str, amount: u64, cause: &str, counted_on: &str) -> Event {
    let cause = Cause { kind: CauseKind::Review, id: id(cause) };
    let fact = CreditEarned::new(UnitId::POINTS, points(amount), cause);
    Event::CreditEarned(id(name), CreditEarned { counted_on: Some(id(counted_on)), ..fact })
}

/// Reached in the year 1970.
fn reached(tier: &str, before: Option<&str>, counted: u64) -> TierChanged {
    TierChanged {
        ladder: id("status"),
        version: 1,
        tier: Some(id(tier)),
        before: before.map(id),
        counted: points(counted),
        counted_from: Some(id("1970-01-01")),
        until: Some(day(365)),
    }
}

fn granted(grant: &str, tier: &str, until: i64) -> Event {
    let fact = TierGranted {
        ladder: id("status"),
        grant_id: id(grant),
        tier: id(tier),
        until: day(until),
        replaces: None,
        occurred_at: None,
        note: Note::default(),
    };
    Event::TierGranted(id("bob"), fact)
}

/// Ann reaches silver and gold, bob silver, and he is granted gold until day 60; cat has points and
/// no tier.
fn lives() -> Vec<(i64, Event)> {
    let history = history(Clock::Commands);
    vec![
        history[0].clone(),
        (DAY, status(1, 500)),
        (2 * DAY, earned("ann", 150, "R-1", "1970-01-03")),
        (2 * DAY, Event::TierReached(id("ann"), reached("silver", None, 150))),
        (3 * DAY, earned("ann", 350, "R-2", "1970-01-04")),
        (3 * DAY, Event::TierReached(id("ann"), reached("gold", Some("silver"), 500))),
        (4 * DAY, earned("bob", 100, "R-3", "1970-01-05")),
        (4 * DAY, Event::TierReached(id("bob"), reached("silver", None, 100))),
        (5 * DAY, granted("g-1", "gold", 60)),
        (6 * DAY, earned("cat", 99, "R-4", "1970-01-07")),
    ]
}

async fn ladders_are_read_with_their_versions(on: On) {
    let mut events = lives();
    events.push((7 * DAY, status(2, 600)));
    let reads = Reads::of(on, events).await;
    let (status, headers, ladder) = reads.ask("shopper", "/v1/ladders/status").await;
    assert_eq!((status, &ladder["version"]), (200, &json!(2)));
    assert!(headers["etag"].to_str().expect("ASCII").starts_with("\"2"));
    assert_eq!(ladder["levels"][1], json!({"tier": "gold", "from": 600}));
    assert_eq!(ladder["window"], json!({"year_from": "01-01"}));
    assert_eq!(ladder["recorded_at"], "1970-01-08T00:00:00Z");
    let first = reads.get("/v1/ladders/status?version=1").await;
    assert_eq!((&first["levels"][1]["from"], &first["position"]), (&json!(500), &json!("0:2")));
    assert_eq!(reads.list("/v1/ladders").await, [ladder]);
    reads.missing("/v1/ladders/status?version=3").await;
    reads.missing("/v1/ladders/club").await;
    reads.missing("/v1/ladders/club/accounts").await;
    let (status, ..) = reads.ask("shopper", "/v1/ladders/status/accounts").await;
    assert_eq!(status, 403);
}

async fn an_account_shows_its_tiers_with_what_is_due(on: On) {
    let reads = Reads::of(on, lives()).await;
    let of = async |account: &str| {
        let path = format!("/v1/accounts/{account}");
        let now = reads.get(&path).await;
        assert_eq!(reads.get_anew(&path).await, now, "kept and read anew");
        now["tiers"]["status"].clone()
    };
    let year = "1971-01-01T00:00:00Z";
    assert_eq!(
        of("ann").await,
        json!({"tier": "gold", "earned": "gold", "since": "1970-01-04T00:00:00Z", "until": year,
            "counted": 500, "next": null})
    );
    assert_eq!(
        of("bob").await,
        json!({"tier": "gold", "earned": "silver",
            "granted": {"tier": "gold", "until": "1970-03-02T00:00:00Z"},
            "since": "1970-01-06T00:00:00Z", "until": "1970-03-02T00:00:00Z",
            "counted": 100, "next": null})
    );
    let none = json!({"counted": 99, "next": {"tier": "silver", "missing": 1}});
    assert_eq!(of("cat").await, none);

    reads.pass_to(60).await;
    let bob = of("bob").await;
    assert_eq!((&bob["tier"], &bob["granted"]), (&json!("silver"), &Value::Null));
    assert_eq!((&bob["until"], &bob["since"]), (&json!(year), &json!("1970-01-05T00:00:00Z")));
    assert_eq!(bob["next"], json!({"tier": "gold", "missing": 400}));

    // A newer version gives a tier at once and takes none.
    reads.record(vec![(61 * DAY, status(2, 100 + 1))]).await;
    assert_eq!(of("bob").await["tier"], "silver");
    reads.record(vec![(62 * DAY, status(3, 100 + 400))]).await;
    assert_eq!(of("ann").await["tier"], "gold");

    reads.pass_to(364).await;
    assert_eq!(of("ann").await["tier"], "gold");
    reads.pass_to(365).await;
    let gone = json!({"since": year, "counted": 0, "next": {"tier": "silver", "missing": 100}});
    assert_eq!((of("ann").await, of("bob").await), (gone.clone(), gone));
}

async fn lists_and_numbers_by_tier_are_as_recorded(on: On) {
    let reads = Reads::of(on, lives()).await;
    let of = async |query: &str| -> Vec<Value> {
        let accounts = reads.list(&format!("/v1/ladders/status/accounts{query}")).await;
        accounts.iter().map(|it| json!([it["account_id"], it["tier"]])).collect()
    };
    assert_eq!(of("").await, [json!(["ann", "gold"]), json!(["bob", "gold"])]);
    assert_eq!(of("?tier=gold").await, [json!(["ann", "gold"]), json!(["bob", "gold"])]);
    assert_eq!(of("?tier=silver").await, [json!(null); 0]);
    let path = "/v1/ladders/status/accounts";
    assert_eq!(reads.paged(path, 1).await, reads.list(path).await);
    let (refused, _, problem) = reads.ask("operator", &format!("{path}?tier=glod")).await;
    assert_eq!((refused, &problem["field"]), (400, &json!("tier")), "of a slip: {problem}");
    let made_up = write_cursor("accounts of status that have None", "a\0b");
    let (refused, _, problem) = reads.ask("operator", &format!("{path}?cursor={made_up}")).await;
    assert_eq!((refused, &problem["field"]), (400, &json!("cursor")));
    let bob = &reads.list("/v1/ladders/status/accounts").await[1];
    assert_eq!((&bob["earned"], &bob["position"]), (&json!("silver"), &json!("0:9")));
    assert_eq!(bob["granted"], json!({"tier": "gold", "until": "1970-03-02T00:00:00Z"}));
    let numbers = async || reads.get("/v1/totals").await["tiers"].clone();
    assert_eq!(numbers().await, json!({"status": {"gold": "2"}}));
    reads.ledger.check_sums().await;

    // What is due doesn't show before it is recorded.
    reads.pass_to(60).await;
    assert_eq!(of("?tier=gold").await.len(), 2);
    let ended = TierGrantEnded {
        ladder: id("status"),
        grant_id: id("g-1"),
        tier: id("gold"),
        ended: GrantEnd::Until,
        occurred_at: None,
        note: Note::default(),
    };
    reads.record(vec![(60 * DAY, Event::TierGrantEnded(id("bob"), ended))]).await;
    assert_eq!(of("").await, [json!(["ann", "gold"]), json!(["bob", "silver"])]);
    assert_eq!(numbers().await, json!({"status": {"gold": "1", "silver": "1"}}));
    reads.missing("/v1/accounts/bob/tiers/status/grants/g-1/revocation").await;
    assert_eq!(reads.get("/v1/accounts/bob/tiers/status/grants/g-1").await["tier"], "gold");

    let lapsed = TierChanged {
        tier: None,
        before: Some(id("silver")),
        counted: Points::ZERO,
        counted_from: Some(id("1971-01-01")),
        until: None,
        ..reached("silver", None, 1)
    };
    reads.record(vec![(370 * DAY, Event::TierLapsed(id("bob"), lapsed))]).await;
    assert_eq!(of("").await, [json!(["ann", "gold"])]);
    assert_eq!(numbers().await, json!({"status": {"gold": "1"}}));
    reads.ledger.check_sums().await;
}

async fn the_statement_shows_what_became_of_tiers(on: On) {
    let reads = Reads::of(on, lives()).await;
    let path = "/v1/accounts/ann/entries";
    let entries = reads.list(path).await;
    let shown: Vec<_> = entries
        .iter()
        .map(|it| json!([it["kind"], it["points"], it["balance"], it["tier"]["tier"]]))
        .collect();
    assert_eq!(
        shown,
        [
            json!(["tier-reached", 0, 500, "gold"]),
            json!(["credit-earned", 350, 500, null]),
            json!(["tier-reached", 0, 150, "silver"]),
            json!(["credit-earned", 150, 150, null]),
        ]
    );
    assert_eq!(
        entries[0]["tier"],
        json!({"ladder": "status", "tier": "gold", "before": "silver", "counted": 500,
            "until": "1971-01-01T00:00:00Z"})
    );
    let of_tiers = reads.list(&format!("{path}?kind=tier-reached")).await;
    assert_eq!(of_tiers.len(), 2);
    let one = reads.get("/v1/accounts/ann/entries/0:6").await;
    assert_eq!((&one["lots"], &one["tier"]), (&json!([]), &entries[0]["tier"]));
    let granted = &reads.list("/v1/accounts/bob/entries").await[0];
    assert_eq!(
        (&granted["kind"], &granted["tier"]["grant_id"]),
        (&json!("tier-granted"), &json!("g-1"))
    );
}

async fn a_shopper_sees_its_own_price_and_whether_it_may_redeem(on: On) {
    let mut events = lives();
    let tier = |tier: &str| domain::LadderTier { ladder: id("status"), tier: id(tier) };
    let prices = |amount| domain::Prices::of_points(points(amount));
    let price = |name: &str, amount| domain::TierPrice { tier: tier(name), prices: prices(amount) };
    let tier_prices: Box<[_]> = [price("silver", 80), price("gold", 60)].into();
    let terms = domain::Terms {
        tier: Some(tier("silver")),
        tier_prices: tier_prices.try_into().expect("prices"),
        ..testing::ledger::terms(100)
    };
    let offer = domain::OfferOpened {
        offer_id: id("mug"),
        terms,
        page: domain::Page::default(),
        stock: None,
    };
    events.push((7 * DAY, Event::OfferOpened(offer)));
    let reads = Reads::of(on, events).await;
    let offer = reads.get("/v1/offers/mug").await;
    let silver = json!({"ladder": "status", "tier": "silver"});
    assert_eq!((&offer["price"], &offer["tier"]), (&json!(100), &silver));
    assert_eq!(offer["tier_prices"][1]["prices"], json!([{"unit": "points", "points": 60}]));
    let of = async |account: &str| reads.get(&format!("/v1/accounts/{account}/offers/mug")).await;
    let (ann, cat) = (of("ann").await, of("cat").await);
    assert_eq!((&ann["price"], &ann["tier"]["tier"]), (&json!(60), &json!("gold")));
    assert_eq!((&ann["may_take"], &ann["needs_tier"]), (&Value::Null, &Value::Null));
    assert_eq!((&cat["price"], &cat["tier"]), (&json!(100), &Value::Null));
    assert_eq!((&cat["may_take"], &cat["needs_tier"]), (&json!(0), &silver));
    reads.pass_to(60).await;
    let bob = of("bob").await;
    assert_eq!((&bob["price"], &bob["tier"]["tier"]), (&json!(80), &json!("silver")));
    reads.pass_to(365).await;
    let ann = of("ann").await;
    assert_eq!((&ann["price"], &ann["needs_tier"]), (&json!(100), &silver));
}

async fn the_rows_are_the_same_however_the_log_is_cut(on: On) {
    let mut events = lives();
    events.push((7 * DAY, status(2, 600)));
    let whole = Reads::of(on, events.clone()).await;
    let one_by_one = Reads::of(on, vec![events.remove(0)]).await;
    for event in events {
        one_by_one.record(vec![event]).await;
    }
    assert_eq!(whole.ledger.projected().await, one_by_one.ledger.projected().await);
}
