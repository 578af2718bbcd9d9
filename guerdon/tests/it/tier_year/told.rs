//! The same year, told purchase by purchase over HTTP: what each earns by the shopper's tier, and
//! what is read of each household's tiers.
//!
//! By default some households of the slice in a part of the year; all of it where
//! `GUERDON_COMPLETE_JOURNEY` names a folder.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::ZONE;
use super::plain::{
    Basket, Household, LADDERS, LEVELS, Ladder, PERCENTS, Window, baskets, month_begins,
};
use crate::ledger::{Api, journey};

/// How many of the slice's households are played every day, and in which months.
const HOUSEHOLDS: usize = 12;
const MONTHS: i32 = 10;

/// How many households buy or read at once.
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn points_multiplied_by_the_tiers_of_a_real_year_are_what_a_plain_loop_finds() {
    let is_whole = journey::year().is_some();
    let (most, months) = if is_whole { (usize::MAX, 12) } else { (HOUSEHOLDS, MONTHS) };
    let rows = journey::rows(&journey::purchases_file(&journey::data_folder()));
    let mut days = baskets(&rows, most).into_iter().peekable();
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ["--clock", "commands"];
    let ledger = crate::ledger::Ledger::start_with(folder.path(), &clock, &[]);
    let api = &ledger.client;
    set_up(api).await;

    let mut households: BTreeMap<String, Household> = BTreeMap::new();
    let (mut told, mut multiplied, mut position) = (0, [0; LEVELS.len()], String::new());
    for month in 0..months {
        while let Some((_, of_day)) = days.next_if(|(day, _)| day.month() <= month) {
            told += of_day.len();
            for (of, more) in multiplied.iter_mut().zip(buy(api, of_day, &mut households).await) {
                *of += more;
            }
        }
        let end = month_begins(month + 1);
        compare(api, end - TimeDelta::seconds(1), month, &mut households).await;
        position = compare(api, end, month + 1, &mut households).await;
    }
    println!("{} households, {told} purchases, of them by tier {multiplied:?}", households.len());
    assert!(multiplied.iter().all(|count| *count > 0), "{multiplied:?}");

    for (account, household) in &households {
        let path = format!("/v1/accounts/{account}");
        let read = api.get_after(&position, "auditor", &path).await.is(200);
        let available = |unit: &str| read["units"][unit]["available"].as_u64();
        let expected = (Some(household.points), Some(household.status));
        assert_eq!((available("points"), available("status")), expected, "{account}: {read}");
    }
    for ladder in &LADDERS {
        recorded_tiers_are_listed(api, ladder, &households).await;
    }
    assert_eq!(ledger.stop(), Some(0));
}

async fn set_up(api: &Api) {
    let put = async |path: &str, body: Value| {
        api.put("operator", path, body).await.is(201);
    };
    put("/v1/units/status", json!({"spendable": false, "time_zone": ZONE})).await;
    for ladder in &LADDERS {
        let levels = LEVELS.iter().zip(ladder.from);
        let levels: Vec<Value> =
            levels.map(|(tier, from)| json!({"tier": tier, "from": from})).collect();
        let (window, keeps) = match ladder.window {
            Window::Months { before, kept } => (json!({"months": before}), json!({"months": kept})),
            Window::Years { from, kept } => (
                json!({"year_from": format!("{:02}-01", from + 1)}),
                json!({"years": 0, "months": kept}),
            ),
        };
        let downgrade = if ladder.is_one_level { "one-level" } else { "by-count" };
        let body = json!({"unit": "status", "levels": levels, "window": window, "keeps": keeps,
            "downgrade": downgrade});
        put(&format!("/v1/ladders/{}", ladder.name), body).await;
    }
    let multipliers = LEVELS.iter().zip(PERCENTS).map(|(tier, percent)| {
        let tier = json!({"ladder": LADDERS[0].name, "tier": tier});
        json!({"tier": tier, "percent": percent})
    });
    let rule = json!({"rate": {"points": 10, "per_amount": 100},
        "multipliers": multipliers.collect::<Vec<_>>()});
    put("/v1/earning-rules/default", rule).await;
    let rule = json!({"unit": "status", "rate": {"points": 1, "per_amount": 100}});
    put("/v1/earning-rules/status", rule).await;
}

/// Tells the purchases of one day, each household's in their order; gives how many there were of
/// each tier.
async fn buy(
    api: &Api,
    of_day: Vec<Basket>,
    households: &mut BTreeMap<String, Household>,
) -> [usize; LEVELS.len()] {
    let mut by_tier = [0; LEVELS.len()];
    let mut of_households: BTreeMap<String, Vec<(Basket, [u64; 2])>> = BTreeMap::new();
    for basket in of_day {
        let household = households.entry(basket.account.clone()).or_default();
        let earned = household.buys(&basket);
        if let Some(level) = household.multiplied_by {
            by_tier[level] += 1;
        }
        of_households.entry(basket.account.clone()).or_default().push((basket, earned));
    }
    let mut shoppers = JoinSet::new();
    for baskets in of_households.into_values() {
        if shoppers.len() >= AT_ONCE {
            shoppers.join_next().await.expect("one").expect("it is as the loop says");
        }
        let api = api.clone();
        shoppers.spawn(async move {
            for (Basket { account, id, at, cents }, earned) in baskets {
                let body = json!({"rules": ["default", "status"], "occurred_at": text(at),
                    "lines": [{"product_id": "basket", "quantity": 1, "amount": cents}]});
                let path = format!("/v1/accounts/{account}/purchases/{id}");
                let answer = api.put("merchant", &path, body).await.is(201);
                let points = |unit: &str| -> u64 {
                    let all = answer["earned"].as_array().into_iter().flatten();
                    let of_unit = all.filter(|earned| earned["unit"] == unit);
                    of_unit.filter_map(|earned| earned["points"].as_u64()).sum()
                };
                assert_eq!(
                    [points("points"), points("status")],
                    earned,
                    "{path} at {at}: {answer}"
                );
            }
        });
    }
    while let Some(done) = shoppers.join_next().await {
        done.expect("it is as the loop says");
    }
    by_tier
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// Compares all households at a time, in this month; gives the log's end.
async fn compare(
    api: &Api,
    now: DateTime<Utc>,
    month: i32,
    households: &mut BTreeMap<String, Household>,
) -> String {
    let cause = json!({"kind": "review", "id": now.timestamp().to_string()});
    let body = json!({"points": 1, "occurred_at": text(now), "cause": cause});
    let told = api.post("merchant", "/v1/accounts/probe/credits", body).await;
    told.is(201);
    let position = told.position.expect("a position");
    let mut readers = JoinSet::new();
    for (account, household) in households {
        household.come_to(month);
        if readers.len() >= AT_ONCE {
            readers.join_next().await.expect("one").expect("it is as the loop says");
        }
        let (api, position, tiers) = (api.clone(), position.clone(), household.tiers);
        let path = format!("/v1/accounts/{account}");
        readers.spawn(async move {
            let read = api.get_after(&position, "auditor", &path).await.is(200);
            for (ladder, tier) in LADDERS.iter().zip(tiers) {
                let found = &read["tiers"][ladder.name];
                let until = found["until"].as_str().map(|until| until.parse().expect("a time"));
                let level = tier.level.map(|level| LEVELS[level]);
                let expected = (level, tier.until.map(month_begins));
                let name = ladder.name;
                assert_eq!((found["tier"].as_str(), until), expected, "{path} on {name} at {now}");
            }
        });
    }
    while let Some(done) = readers.join_next().await {
        done.expect("it is as the loop says");
    }
    position
}

/// Once what was due is recorded, the list of a tier's accounts has those that the loop has.
async fn recorded_tiers_are_listed(
    api: &Api,
    ladder: &Ladder,
    households: &BTreeMap<String, Household>,
) {
    let at = LADDERS.iter().position(|other| other.name == ladder.name).expect("one of them");
    for (level, tier) in LEVELS.iter().enumerate() {
        let has = households.iter().filter(|(_, it)| it.tiers[at].level == Some(level));
        let expected: Vec<&String> = has.map(|(account, _)| account).collect();
        let path = format!("/v1/ladders/{}/accounts?tier={tier}", ladder.name);
        let begun = std::time::Instant::now();
        loop {
            let listed = api.list("auditor", &path).await;
            let mut listed: Vec<_> =
                listed.iter().filter_map(|it| it["account_id"].as_str()).collect();
            listed.sort_unstable();
            if listed == expected {
                break;
            }
            let is_late = begun.elapsed() > crate::ledger::PATIENCE;
            assert!(!is_late, "{path}: {listed:?} and not {expected:?}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}
