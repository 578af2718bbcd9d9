//! What can be read of offers: what they are now, and what a shopper may still take.

use domain::{
    Clock, Event, LimitDays, OfferClosed, OfferOpened, OfferPaused, Page, PeriodLimits, Prices,
    RemainingShown, SegmentSet, StockRemoved, Terms,
};
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::{On, earned, id, points, redemption, terms, units};
use testing::life::{DAY, day, history};

testing::on_every_database! {
    an_offers_status_counts_its_window_and_its_stock,
    offers_are_listed_by_what_they_are_now,
    a_page_shows_what_the_offer_says,
    a_shopper_sees_what_may_still_be_taken,
    a_shopper_sees_the_limits_of_the_calendar_and_whom_an_offer_is_for,
    a_countdown_is_answered_by_its_steps,
    gates_list_what_stands_still_within_its_window,
    offers_whose_windows_are_over_hide_no_gates,
}

fn opened(offer: &str, terms: Terms, stock: Option<u64>) -> (i64, Event) {
    let (page, stock) = (Page::default(), stock.map(units));
    (DAY, Event::OfferOpened(OfferOpened { offer_id: id(offer), terms, page, stock }))
}

fn between(opens: i64, closes: i64) -> Terms {
    Terms { opens_at: Some(day(opens)), closes_at: Some(day(closes)), ..terms(300) }
}

/// Of a log whose time is that of its events.
fn beginning() -> Vec<(i64, Event)> {
    history(Clock::Commands)[..1].to_vec()
}

/// Each offer is as its name says on day 4.
async fn offers(on: On) -> Reads {
    let mut events = beginning();
    events.extend([
        opened("closed", between(3, 6), Some(1)),
        opened("ended", between(2, 4), None),
        opened("mug", terms(300), Some(1)),
        opened("open", between(4, 6), Some(2)),
        opened("scheduled", between(5, 6), None),
        (DAY, earned("ann")),
        (2 * DAY, Event::OfferClosed(OfferClosed { offer_id: id("closed"), version: 2 })),
    ]);
    // All that was there of the mug is sold.
    let [deducted, exchanged] = redemption("ann", "x-1", 7);
    events.extend([(3 * DAY, deducted), (3 * DAY, exchanged)]);
    let reads = Reads::of(on, events).await;
    reads.pass_to(4).await;
    reads
}

async fn an_offers_status_counts_its_window_and_its_stock(on: On) {
    let reads = offers(on).await;
    let statuses = async || {
        let offers = reads.list("/v1/offers").await;
        let status = |offer: &Value| format!("{} {}", offer["offer_id"], offer["status"]);
        offers.iter().map(status).collect::<Vec<_>>().join(", ").replace('"', "")
    };
    assert_eq!(
        statuses().await,
        "closed closed, ended ended, mug sold-out, open open, scheduled scheduled"
    );
    reads.pass_to(5).await;
    assert_eq!(
        statuses().await,
        "closed closed, ended ended, mug sold-out, open open, scheduled open"
    );
    reads.pass_to(6).await;
    assert_eq!(
        statuses().await,
        "closed closed, ended ended, mug sold-out, open ended, scheduled ended"
    );
    assert_eq!(reads.get("/v1/offers/scheduled").await["status"], "ended");
}

async fn offers_are_listed_by_what_they_are_now(on: On) {
    let reads = offers(on).await;
    for status in ["closed", "ended", "sold-out", "open", "scheduled"] {
        let found = reads.list(&format!("/v1/offers?status={status}")).await;
        let names: Vec<_> = found.iter().map(|offer| offer["offer_id"].clone()).collect();
        let expected = if status == "sold-out" { "mug" } else { status };
        assert_eq!(names, [expected]);
        assert_eq!(found[0]["status"], status);
    }
    reads.pass_to(6).await;
    let page = reads.get("/v1/offers?status=ended&limit=2").await;
    let next = page["next"].as_str().expect("there are three");
    let rest = reads.get(&format!("/v1/offers?status=ended&limit=2&cursor={next}")).await;
    assert_eq!((&rest["items"][0]["offer_id"], &rest["next"]), (&json!("scheduled"), &Value::Null));
    for other in ["/v1/offers?", "/v1/offers?status=open&"] {
        let (status, _, problem) = reads.ask("operator", &format!("{other}cursor={next}")).await;
        assert_eq!((status, &problem["field"]), (400, &json!("cursor")), "{other}");
    }
    assert_eq!(reads.list("/v1/offers?status=paused").await.len(), 0);
    let (status, _, problem) = reads.ask("operator", "/v1/offers?status=stopped").await;
    assert_eq!((status, &problem["field"]), (400, &json!("status")));
}

async fn a_page_shows_what_the_offer_says(on: On) {
    let mut events = beginning();
    let page = Page {
        name: Some(id("Blue mug")),
        description: Some(id("A mug,\nblue.")),
        image_url: Some(id("https://shop.example/mug.jpg")),
        category: Some(id("kitchen")),
        attributes: Some(id(r#"{"colour":"blue","sizes":[1,2.5]}"#)),
        remaining_shown: None,
    };
    let opened = OfferOpened { offer_id: id("mug"), terms: terms(300), page, stock: None };
    events.push((DAY, Event::OfferOpened(opened)));
    let reads = Reads::of(on, events).await;
    assert_eq!(
        reads.get("/v1/offers/mug").await,
        json!({"offer_id": "mug", "product_id": "product", "price": 300, "unit": "points",
            "prices": [{"unit": "points", "points": 300}], "warehouse": "main", "ships": true, "name": "Blue mug", "description": "A mug,\nblue.",
            "image_url": "https://shop.example/mug.jpg", "category": "kitchen",
            "attributes": {"colour": "blue", "sizes": [1, 2.5]}, "stock": null, "remaining": null,
            "version": 1, "status": "open", "position": "0:2"})
    );
}

async fn a_shopper_sees_what_may_still_be_taken(on: On) {
    let mut events = beginning();
    let limited = Terms { limit_per_shopper: Some(units(3)), ..between(1, 6) };
    events.extend([
        opened("mug", limited, Some(5)),
        opened("cup", terms(300), None),
        (DAY, earned("ann")),
        (DAY, earned("bob")),
    ]);
    events.extend(redemption("ann", "x-1", 4).map(|event| (2 * DAY, event)));
    let reads = Reads::of(on, events).await;
    let mug = reads.get("/v1/accounts/ann/offers/mug").await;
    assert_eq!(
        mug,
        json!({"account_id": "ann", "offer_id": "mug", "status": "open", "price": 300,
            "unit": "points", "prices": [{"unit": "points", "points": 300}], "limit_per_shopper": 3, "taken": 1, "may_take": 2, "remaining": 4, "version": 1})
    );
    let bob = reads.get("/v1/accounts/bob/offers/mug").await;
    assert_eq!((&bob["taken"], &bob["may_take"]), (&json!(0), &json!(3)));
    let cup = reads.get("/v1/accounts/ann/offers/cup").await;
    assert_eq!((&cup["may_take"], &cup["remaining"]), (&Value::Null, &Value::Null), "no end of it");
    // What came back counts no more, and the stock may be less than the limit leaves.
    let back = domain::ExchangeCancelled {
        exchange_id: id("x-1"),
        cancellation_id: id("c-1"),
        offer_id: id("mug"),
        allocation: domain::Allocation::Units(units(1)),
        refunded: Prices::of_points(points(300)).due().collect(),
        of: domain::Ordered {
            quantity: units(1),
            prices: Prices::of_points(points(300)),
            counted: domain::LimitDays::default(),
        },
        asked_quantity: None,
        occurred_at: None,
        note: domain::Note::default(),
    };
    let removed = StockRemoved { offer_id: id("mug"), removal_id: id("d-1"), units: units(4) };
    reads
        .record(vec![
            (3 * DAY, Event::ExchangeCancelled(id("ann"), back)),
            (3 * DAY, Event::StockRemoved(removed)),
        ])
        .await;
    let last = reads.get("/v1/accounts/ann/offers/mug").await;
    let found = ["taken", "may_take", "remaining"].map(|name| last[name].clone());
    assert_eq!(found, [0, 1, 1].map(Value::from));
    reads.pass_to(6).await;
    let over = reads.get("/v1/accounts/ann/offers/mug").await;
    assert_eq!((&over["status"], &over["may_take"]), (&json!("ended"), &json!(0)));
    reads.missing("/v1/accounts/ann/offers/none").await;
    reads.missing("/v1/accounts/zoe/offers/mug").await;
}

async fn a_shopper_sees_the_limits_of_the_calendar_and_whom_an_offer_is_for(on: On) {
    let mut events = beginning();
    let (day, month) = (Some(units(2)), Some(units(5)));
    let limited = Terms {
        segment: Some(id("staff")),
        period_limits: PeriodLimits { day, week: None, month },
        ..terms(300)
    };
    let staff = |account: &str, member| {
        let set = SegmentSet { segment: id("staff"), member, occurred_at: None };
        (DAY, Event::SegmentSet(id(account), set))
    };
    events.extend([opened("mug", limited, None), (DAY, earned("ann")), (DAY, earned("bob"))]);
    events.extend([staff("ann", true), staff("bob", true), staff("bob", false)]);
    let [deducted, mut exchanged] = redemption("ann", "x-1", 3);
    if let Event::ExchangeCreated(_, fact) = &mut exchanged {
        let (day, month) = ("1970-01-03".parse().ok(), "1970-01-01".parse().ok());
        fact.counted = LimitDays { day, week: None, month };
    }
    events.extend([(2 * DAY, deducted), (2 * DAY, exchanged)]);
    let reads = Reads::of(on, events).await;
    let own = async |account: &str| reads.get(&format!("/v1/accounts/{account}/offers/mug")).await;
    let ann = own("ann").await;
    assert_eq!(
        ann["limits"],
        json!([
            {"period": "month", "limit": 5, "taken": 1, "renews_at": "1970-02-01T00:00:00Z"},
            {"period": "day", "limit": 2, "taken": 1, "renews_at": "1970-01-04T00:00:00Z"}])
    );
    assert_eq!((&ann["may_take"], &ann["needs_segment"]), (&json!(1), &Value::Null));
    reads.pass_to(3).await;
    let later = own("ann").await;
    assert_eq!((&later["limits"][1]["taken"], &later["may_take"]), (&json!(0), &json!(2)));
    let bob = own("bob").await;
    assert_eq!((&bob["may_take"], &bob["needs_segment"]), (&json!(0), &json!("staff")));
    let offer = reads.get("/v1/offers/mug").await;
    assert_eq!(offer["limits_per_shopper"], json!({"day": 2, "month": 5}));
    let (_, headers, said) = reads.ask("merchant", "/v1/accounts/bob/segments/staff").await;
    assert_eq!(
        said,
        json!({"account_id": "bob", "segment": "staff", "member": false, "position": "0:7"})
    );
    assert!(headers["etag"].to_str().expect("a text").starts_with("\"7-"));
    assert_eq!(reads.list("/v1/accounts/bob/segments").await, [said]);
    assert!(reads.list("/v1/accounts/ann/segments").await[0]["member"].as_bool().expect("a flag"));
    reads.missing("/v1/accounts/ann/segments/gold").await;
    reads.missing("/v1/accounts/zoe/segments").await;
}

async fn a_countdown_is_answered_by_its_steps(on: On) {
    let mut events = beginning();
    let page = Page { remaining_shown: Some(RemainingShown::Steps), ..Page::default() };
    let (terms, stock) = (between(2, 6), Some(units(101)));
    let stepped = OfferOpened { offer_id: id("mug"), terms, page, stock };
    events.extend([
        (DAY, Event::OfferOpened(stepped)),
        opened("cup", domain::Terms { ..testing::ledger::terms(300) }, Some(9)),
        (DAY, earned("ann")),
        (DAY, earned("bob")),
    ]);
    let reads = Reads::of(on, events).await;
    let path = "/v1/offers/mug/countdown";
    let (_, headers, body) = reads.ask("shopper", path).await;
    assert_eq!(
        body,
        json!({"offer_id": "mug", "status": "scheduled", "opens_at": "1970-01-03T00:00:00Z",
            "closes_at": "1970-01-07T00:00:00Z", "remaining_at_least": 100, "version": 1,
            "now": "1970-01-02T00:00:00Z"})
    );
    assert_eq!(headers["cache-control"], "public, max-age=1");
    reads.pass_to(2).await;
    let (status, headers, _) = reads.ask("shopper", path).await;
    let etag = headers["etag"].to_str().expect("a text").to_owned();
    let known = async || {
        let (status, headers, _) =
            reads.ask_with("shopper", path, Some(("if-none-match", &etag))).await;
        (status, headers["cache-control"].clone())
    };
    assert_eq!(status, 200);
    // One is sold, and the step stays; at the next one it goes.
    reads.record(redemption("ann", "x-1", 4).map(|event| (2 * DAY, event)).to_vec()).await;
    assert_eq!(known().await.0, 304);
    reads.record(redemption("bob", "x-1", 5).map(|event| (2 * DAY, event)).to_vec()).await;
    assert_eq!(known().await.0, 200);
    let (_, headers, _) = reads.ask("shopper", path).await;
    let etag = headers["etag"].to_str().expect("a text").to_owned();
    reads.pass_to(3).await;
    let (status, _, later) = reads.ask_with("shopper", path, Some(("if-none-match", &etag))).await;
    let told = (status, &later["now"]);
    assert_eq!(told, (200, &json!("1970-01-04T00:00:00Z")), "a 304 would keep the time of before");
    let cup = reads.get("/v1/offers/cup/countdown").await;
    assert_eq!((&cup["remaining"], &cup["remaining_at_least"]), (&json!(9), &Value::Null));
    reads.missing("/v1/offers/none/countdown").await;
}

async fn gates_list_what_stands_still_within_its_window(on: On) {
    let reads = offers(on).await;
    let gates = async || reads.get("/v1/gates").await;
    let closed = json!({"offer_id": "closed", "status": "closed"});
    let mug = json!({"offer_id": "mug", "status": "sold-out"});
    assert_eq!(gates().await, json!({"items": [mug, closed], "more": false, "switches": []}));
    let pause = |offer: &str| {
        (4 * DAY, Event::OfferPaused(OfferPaused { offer_id: id(offer), version: 2 }))
    };
    reads.record(vec![pause("open"), pause("ended")]).await;
    let paused = json!({"offer_id": "open", "status": "paused"});
    assert_eq!(gates().await["items"], json!([mug, paused, closed]));
    assert_eq!(reads.list("/v1/offers?status=paused").await[0]["offer_id"], "open");
    let (_, headers, _) = reads.ask("warehouse", "/v1/gates").await;
    let etag = headers["etag"].to_str().expect("a text").to_owned();
    let (status, headers, _) =
        reads.ask_with("warehouse", "/v1/gates", Some(("if-none-match", &etag))).await;
    assert_eq!(
        (status, &headers["cache-control"]),
        (304, &"public, max-age=1".parse().expect("a header"))
    );
    reads.pass_to(6).await;
    assert_eq!(gates().await["items"], json!([mug]), "the windows of the others are over");
}

/// So many that are over as a list has at most, and one more.
async fn offers_whose_windows_are_over_hide_no_gates(on: On) {
    let mut events = beginning();
    let close = |offer: &str| {
        (2 * DAY, Event::OfferClosed(OfferClosed { offer_id: id(offer), version: 2 }))
    };
    let pause = |offer: &str| {
        (2 * DAY, Event::OfferPaused(OfferPaused { offer_id: id(offer), version: 2 }))
    };
    for offer in ["y-closed", "z-paused"] {
        events.push(opened(offer, between(1, 6), None));
    }
    let over =
        |kind: &str| (0..=400).map(|number| format!("a-{kind}-{number}")).collect::<Vec<_>>();
    for offer in over("paused").iter().chain(&over("closed")) {
        events.push(opened(offer, between(1, 3), None));
    }
    events.extend([close("y-closed"), pause("z-paused")]);
    events.extend(over("paused").iter().map(|offer| pause(offer)));
    events.extend(over("closed").iter().map(|offer| close(offer)));
    let reads = Reads::of(on, events).await;
    let gates = reads.get("/v1/gates").await;
    assert_eq!(
        (gates["items"].as_array().map(Vec::len), &gates["more"]),
        (Some(400), &json!(true))
    );
    reads.pass_to(4).await;
    let [paused, closed] = [("z-paused", "paused"), ("y-closed", "closed")]
        .map(|(offer, status)| json!({"offer_id": offer, "status": status}));
    let left = json!({"items": [paused, closed], "more": false, "switches": []});
    assert_eq!(reads.get("/v1/gates").await, left);
}
