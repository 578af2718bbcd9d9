//! What the log adds up to at any moment: it balances, and it is what the read tables have.

use audit::{add_up, add_up_together, trial_balance};
use axum::http::StatusCode;
use domain::{Clock, State};
use serde_json::{Value, json};
use testing::ledger::On;
use testing::life::{self, history};
use testing::partitions;
use wire::body::Sum;

use crate::audited::Audited;

testing::on_every_database! {
    after_every_event_the_log_adds_up_to_the_totals_of_the_read_tables,
    a_past_moment_adds_up_to_what_it_was_then,
    several_partitions_add_up_together_and_what_came_has_left,
}

/// The sums that `GET /v1/totals` has under the same names.
const SUMS: [&str; 12] = [
    "issued",
    "refunded",
    "debt",
    "available",
    "held",
    "pending",
    "in_transit",
    "redeemed",
    "expired",
    "withdrawn",
    "converted_in",
    "converted_out",
];

async fn after_every_event_the_log_adds_up_to_the_totals_of_the_read_tables(on: On) {
    let log = Audited::on(on, &[]).await;
    let mut seen_units = 0;
    for (index, event) in history(Clock::Commands).into_iter().enumerate() {
        log.record(&[event]).await;
        let balance = log.get("auditor", "/v1/trial-balance").await;
        assert_eq!(balance["position"], format!("0:{}", index + 1));
        let units = balance["units"].as_array().expect("a list");
        assert_eq!(units[0]["unit"], "points");
        seen_units = seen_units.max(units.len());
        for unit in units {
            is_balanced(unit);
            let name = unit["unit"].as_str().expect("an id");
            let totals = log.get("auditor", &format!("/v1/totals?unit={name}")).await;
            assert_eq!(totals["position"], balance["position"]);
            for sum in SUMS {
                let total = totals.get(sum).cloned().unwrap_or_else(|| json!("0"));
                assert_eq!(unit[sum], total, "{sum} of {name} after {}", balance["position"]);
            }
            if index % 10 == 9 {
                let months = months_of_rows(&log, name).await;
                assert_eq!(unit["liability"]["months"], months, "{name} after {}", index + 1);
            }
        }
    }
    assert_eq!(seen_units, 4, "points, miles, and the units of a purchase");
}

async fn several_partitions_add_up_together_and_what_came_has_left(on: On) {
    let life = partitions::life(on).await;
    let log = Audited::over(&life.ledger).await;
    let balance = log.get("auditor", "/v1/trial-balance").await;
    let totals = log.get("auditor", "/v1/totals").await;
    assert_eq!(balance["position"], totals["position"]);
    let points = &balance["units"][0];
    is_balanced(points);
    for sum in SUMS {
        let total = totals.get(sum).cloned().unwrap_or_else(|| json!("0"));
        assert_eq!(points[sum], total, "{sum}: {points}");
    }
    assert_eq!(points["in_transit"], "4");
    // As if each partition's end had been looked up long before another one's.
    for last in life.states().iter().map(State::place) {
        let store = &life.ledger.store;
        let up_to = |end, begun| add_up(store, begun, end, None, |_| {});
        let books = add_up_together(store.partitions(), vec![last], up_to).await.expect("added up");
        for unit in trial_balance(&books).units {
            assert!(unit.in_transit.0 >= 0, "{last}: {unit:?}");
            assert_eq!(unit.difference, Sum(0), "{last}");
        }
    }
    let (status, _, problem) = log.ask("auditor", "/v1/trial-balance?at=0:1", &[]).await;
    let said = problem["detail"].to_string();
    assert!(status == 400 && said.contains("name a time"), "{problem}");
}

/// What the read tables have of each month, as it is recorded.
async fn months_of_rows(log: &Audited, unit: &str) -> Value {
    let select = "select unit, month, low from credit_month where low <> 0 order by month";
    let rows: Vec<(String, String, i64)> = log.ledger.select(select).await;
    let own = rows.into_iter().filter(|(of, ..)| of == unit);
    own.map(|(_, month, points)| json!({"month": month, "points": points.to_string()})).collect()
}

fn number(unit: &Value, sum: &str) -> i128 {
    unit[sum].as_str().expect("a sum").parse().expect("a number")
}

fn is_balanced(unit: &Value) {
    assert_eq!(unit["difference"], "0", "{unit}");
    let came: i128 = ["issued", "refunded", "converted_in", "debt"]
        .into_iter()
        .map(|sum| number(unit, sum))
        .sum();
    assert_eq!((number(unit, "sum_in"), number(unit, "sum_out")), (came, came), "{unit}");
    let there: i128 =
        ["available", "held", "pending"].into_iter().map(|sum| number(unit, sum)).sum();
    assert_eq!(number(&unit["liability"], "total"), there, "{unit}");
}

async fn a_past_moment_adds_up_to_what_it_was_then(on: On) {
    let events = history(Clock::Commands);
    let log = Audited::on(on, &[]).await;
    let mut balances = vec![log.get("auditor", "/v1/trial-balance").await];
    for (_, day) in by_day(&events) {
        log.record(&day).await;
        balances.push(log.get("auditor", "/v1/trial-balance").await);
    }
    assert_eq!(balances[0]["units"][0]["sum_in"], "0");
    assert_eq!(balances[0].get("recorded_at"), None, "nothing is recorded yet");
    // In another process nothing was added up before; the latest comes first.
    let mut later = Audited::on(on, &events).await;
    later.look_in("archive").await;
    for (day, balance) in by_day(&events).zip(&balances[1..]).collect::<Vec<_>>().iter().rev() {
        let position = balance["position"].as_str().expect("a position");
        let at_position = later.get("auditor", &format!("/v1/trial-balance?at={position}")).await;
        assert_eq!(at_position, **balance, "at {position}");
        let time = life::day(day.0);
        let at_time = later.get("auditor", &format!("/v1/trial-balance?at={time}")).await;
        assert_eq!(at_time, **balance, "at {time}");
    }
    let start = later.get("auditor", "/v1/trial-balance?at=0:0").await;
    assert_eq!(start, balances[0]);
    let future = later.get("auditor", "/v1/trial-balance?at=2999-01-01T00:00:00Z").await;
    assert_eq!(Some(&future), balances.last());
}

type Day = (i64, Vec<(i64, domain::Event)>);

/// The events of each day.
fn by_day(events: &[(i64, domain::Event)]) -> impl Iterator<Item = Day> {
    events.chunk_by(|one, other| one.0 == other.0).map(|day| (day[0].0 / life::DAY, day.to_vec()))
}

#[tokio::test]
async fn an_archived_past_adds_up_like_any_other() {
    let mut log = Audited::on(On::Sqlite, &history(Clock::Commands)).await;
    let before = log.get("auditor", "/v1/trial-balance").await;
    let early = log.get("auditor", "/v1/trial-balance?at=0:20").await;
    log.archive().await;
    log.look_in("archive").await;
    assert_eq!(log.get("auditor", "/v1/trial-balance").await, before);
    assert_eq!(log.get("auditor", "/v1/trial-balance?at=0:20").await, early);
    log.look_in("elsewhere").await;
    let (status, _, problem) = log.ask("auditor", "/v1/trial-balance", &[]).await;
    assert_eq!((status, &problem["code"]), (503, &json!("log-unreachable")));
}

#[tokio::test]
async fn a_trial_balance_comes_as_lines_for_a_spreadsheet() {
    let log = Audited::in_memory(&history(Clock::Commands)).await;
    let balance = log.get("auditor", "/v1/trial-balance").await;
    let answer = log.answer("auditor", "/v1/trial-balance", &[("accept", "text/csv")]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8; header=present");
    let text = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    let text = String::from_utf8(text.to_vec()).expect("UTF-8");
    let mut lines = text.split("\r\n");
    assert_eq!(lines.next(), Some("unit,side,name,points"));
    let lines: Vec<Vec<&str>> =
        lines.filter(|line| !line.is_empty()).map(|line| line.split(',').collect()).collect();
    for unit in balance["units"].as_array().expect("a list") {
        let name = unit["unit"].as_str().expect("an id");
        let sum_of = |side: &str| -> i128 {
            let own = lines.iter().filter(|line| line[0] == name && line[1] == side);
            own.map(|line| line[3].parse::<i128>().expect("a number")).sum()
        };
        assert_eq!(sum_of("in"), number(unit, "sum_in"), "{text}");
        assert_eq!(sum_of("out"), number(unit, "sum_out"), "{text}");
        assert_eq!(sum_of("liability"), number(&unit["liability"], "total"), "{text}");
    }
}

#[tokio::test]
async fn a_moment_that_isnt_there_is_refused_by_name() {
    let log = Audited::in_memory(&history(Clock::Commands)).await;
    for query in ["at=", "at=4711", "at=now", "at=0:4711", "at=1:1", "at=0:x", "at=0:1&at=0:2"] {
        let path = format!("/v1/trial-balance?{query}");
        let (status, _, problem) = log.ask("auditor", &path, &[]).await;
        assert_eq!((status, &problem["field"]), (400, &json!("at")), "{query}: {problem}");
    }
    let (status, _, problem) = log.ask("auditor", "/v1/trial-balance?unit=points", &[]).await;
    assert_eq!((status, &problem["field"]), (400, &json!("unit")));
    assert_eq!(log.ask("merchant", "/v1/trial-balance", &[]).await.0, 403);
}
