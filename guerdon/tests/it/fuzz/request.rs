//! Random requests: what a caller could mean, and what nobody can.

use std::fmt;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::routes_and_roles::Route;
use crate::topic::dice::Dice;

/// What the requests can be about.
pub(super) struct Known {
    pub(super) routes: Vec<Route>,
    pub(super) keys: Value,
    pub(super) requests: Vec<String>,
}

/// A request.
pub(super) struct Sent {
    pub(super) target: String,
    pub(super) bytes: Vec<u8>,
    /// Whether less is sent than was announced.
    pub(super) is_cut: bool,
    /// Whether the answer has no body, whatever it says.
    pub(super) is_head: bool,
}

const IDS: &[&str] = &["ann", "bob", "mug", "cup", "x-1", "x-2", "b-0", "default", "main", "0:3"];

/// The offers that most requests are about.
const OFFERS: &[&str] = &["mug", "cup"];

/// Ids under which some requests open others.
const OTHER_OFFERS: &[&str] = &["ann", "bob", "x-1", "x-2", "b-0", "default", "main"];

const BAD_IDS: &[&str] = &[
    "",
    ".",
    "..",
    "%2e%2e",
    "%00",
    "a%20b",
    "%ff",
    "~rejected",
    "a%2Fb",
    "%",
    "%zz",
    "é",
    "\u{0}",
    "-1",
    "18446744073709551616",
];

const BAD_TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "\u{202e}",
    "null",
    "{}",
    "1e999",
    "\u{fffd}",
    "'; drop table event; --",
    "2207-01-01T00:00:00Z",
    "0000-00-00T00:00:00Z",
    "+000001-01-01T00:00:00Z",
];

/// What a body has in which field, where it is one that the ledger knows.
const FIELDS: &[&str] = &[
    "points",
    "cause",
    "lines",
    "offer_id",
    "quantity",
    "deliver_to",
    "expected_points",
    "expected_prices",
    "to",
    "deadline",
    "price",
    "prices",
    "unit",
    "stock",
    "product_id",
    "units",
    "rate",
    "reason",
    "by",
    "direction",
    "reference",
    "carrier",
    "express_no",
    "available_at",
    "expires_at",
    "occurred_at",
    "exchange",
    "credits",
    "wall",
    "position",
    "spent_credit",
    "refund_grace_days",
    "warehouse",
    "from",
    "to_topic",
    "limit_per_shopper",
    "limits_per_shopper",
    "segment",
    "remaining_shown",
    "member",
    "opens_at",
    "closes_at",
    "cap",
    "expiry",
    "pending_days",
    "multipliers",
    "categories",
    "rule",
    "rules",
    "name",
    "attributes",
    "time_zone",
    "backdate_days",
    "grace_on_own_request",
    "label",
    "role",
    "tracking_url",
    "account_id",
];

/// The fields of a body that a route takes, by the end of its path.
const BODIES: &[(&str, &[&str])] = &[
    ("/v1/credits", &["credits"]),
    ("/credits", &["points", "cause"]),
    ("/purchases", &["purchases"]),
    ("/purchases/{}", &["lines"]),
    ("/returns/{}", &[]),
    ("/withdrawals/{}", &["cause"]),
    ("/adjustments/{}", &["direction", "points", "reference", "reason"]),
    ("/exchanges/{}", &["offer_id", "quantity", "deliver_to"]),
    ("/exchanges", &["offer_id", "quantity", "deliver_to"]),
    ("/holds/{}", &["points", "deadline"]),
    ("/extensions/{}", &["deadline"]),
    ("/transfers/{}", &["to", "points"]),
    ("/conversions/{}", &["from", "to"]),
    ("/offers/{}", &["product_id", "price", "stock"]),
    ("/segments/{}", &["member"]),
    ("/stock-additions/{}", &["units"]),
    ("/stock-removals/{}", &["units"]),
    ("/code-uploads/{}", &["codes"]),
    ("/earning-rules/{}", &["rate"]),
    ("/conversion-rates/{}/{}", &["give", "take"]),
    ("/policy", &["spent_credit", "refund_grace_days"]),
    ("/dispatch", &["carrier", "express_no"]),
    ("/dispatches/{}", &["carrier", "express_no"]),
    ("/rejection", &["reason"]),
    ("/settlement", &["reason"]),
    ("/continuation", &["position"]),
    ("/replays", &["from", "to_topic"]),
    ("/confirmation", &["wall"]),
];

const QUERIES: &[&str] = &[
    "limit=1",
    "limit=500",
    "limit=0",
    "limit=501",
    "limit=x",
    "cursor=x",
    "cursor=",
    "cursor=%00",
    "wait_ms=1",
    "wait_ms=-1",
    "after=0:1",
    "after=x",
    "warehouse=main",
    "warehouse=..",
    "status=x",
    "status=created",
    "status=requested",
    "status=open",
    "account_id=ann",
    "exchange_id=x-1",
    "purchase_id=b-0",
    "crossed=true",
    "crossed=7",
    "dry_run=true",
    "dry_run=1",
    "version=1",
    "version=-1",
    "kind=credit-earned",
    "from=2026-01-01T00:00:00Z",
    "until=x",
    "%=%",
    "&&",
    "a",
    "at=2020-01-01T00:00:00Z",
    "limit=1&limit=2",
    "expires_before=2030-01-01T00:00:00Z",
];

const HEADERS: &[&str] = &[
    "if-match: *",
    "if-match: \"1\"",
    "if-match: W/\"1\"",
    "if-match: \"1-x\", \"2\"",
    "if-match: x",
    "if-none-match: *",
    "if-none-match: \"1\"",
    "guerdon-position: 0:1",
    "guerdon-position: 7:1",
    "guerdon-position: 0:99999999",
    "guerdon-position: x",
    "guerdon-position: 0:1, 0:2",
    "idempotency-key: k-1",
    "idempotency-key: ",
    "idempotency-key: \u{7f}",
    "traceparent: 00-x",
    "content-encoding: gzip",
    "accept: text/event-stream",
    "last-event-id: x",
    "expect: 100-continue",
    "content-type: text/plain",
    "range: bytes=0-1",
    "x-long: ",
    "prefer: wait=1",
    "origin: null",
];

/// A request that somebody may send.
pub(super) fn random(known: &Known, dice: &mut Dice) -> Sent {
    let route = &known.routes[below(dice, known.routes.len())];
    let (mut method, path) = (route.method.as_str(), route.path.as_str());
    if dice.below(50) == 0 {
        method = pick(dice, &["HEAD", "PATCH", "DELETE", "OPTIONS", "POST", "TRACE", "get"]);
    }
    let target = target(known, path, dice);
    let mut body = if method == "GET" || method == "HEAD" { Vec::new() } else { body(path, dice) };
    if dice.below(100) == 0 {
        body = "[".repeat(below(dice, 40_000)).into_bytes();
    }
    let mut head = format!("{method} {target} HTTP/1.1\r\nhost: ledger\r\n");
    // Who may not call is told so at once, whatever else is wrong.
    let any = ["shopper", "merchant", "operator", "warehouse", "auditor"];
    let role = if dice.below(8) == 0 { pick(dice, &any) } else { pick(dice, &route.roles) };
    let key = known.keys[role].as_str().unwrap_or_default();
    match dice.below(60) {
        0 => {}
        1 => head.push_str("authorization: Bearer nobody\r\n"),
        2 => written(write!(head, "authorization: Basic {key}\r\n")),
        _ => written(write!(head, "authorization: Bearer {key}\r\n")),
    }
    for _ in 0..dice.below(12).saturating_sub(9) {
        head.push_str(pick(dice, HEADERS));
        head.push_str("\r\n");
    }
    let reads_version =
        method == "PATCH" || path.contains("/reopenings/") || path.contains("/stock-removals/");
    if reads_version && dice.below(2) == 0 {
        head.push_str("if-match: *\r\n");
    }
    if dice.below(300) == 0 {
        written(write!(head, "x-long: {}\r\n", "x".repeat(below(dice, 200_000))));
    }
    if dice.below(30) > 0 {
        head.push_str("content-type: application/json\r\n");
    }
    let mut is_cut = false;
    if body.is_empty() || dice.below(20) > 0 {
        let mut length = body.len().to_string();
        match dice.below(400) {
            0 => length = "9223372036854775808".into(),
            1 => length = "-1".into(),
            // The rest never comes.
            2 => (length, is_cut) = ((body.len() + 7).to_string(), true),
            _ => {}
        }
        if !(body.is_empty() && (dice.below(2) == 0)) || is_cut {
            written(write!(head, "content-length: {length}\r\n"));
        }
        head.push_str("\r\n");
    } else {
        head.push_str("transfer-encoding: chunked\r\n\r\n");
        let (size, end) = (format!("{:x}\r\n", body.len()), b"\r\n0\r\n\r\n");
        body = [size.as_bytes(), &body, end].concat();
    }
    let mut bytes = head.into_bytes();
    bytes.extend(body);
    Sent { target, bytes, is_cut, is_head: method == "HEAD" }
}

fn target(known: &Known, path: &str, dice: &mut Dice) -> String {
    let mut target = String::new();
    for part in path.split('/').skip(1) {
        target.push('/');
        let text = match part {
            "{shipping_request_id}" if dice.below(8) > 0 => {
                known.requests[below(dice, known.requests.len())].as_str()
            }
            "{account_id}" if dice.below(16) > 0 => pick(dice, &["ann", "bob"]),
            "{offer_id}" if dice.below(8) > 0 => {
                // Of a closed offer nothing is sold.
                let is_kept_open = path.ends_with("/closure") && dice.below(64) > 0;
                pick(dice, if is_kept_open { OTHER_OFFERS } else { OFFERS })
            }
            part if part.starts_with('{') => match dice.below(16) {
                0 => pick(dice, BAD_IDS),
                1..8 => pick(dice, IDS),
                _ => {
                    written(write!(target, "i-{}", dice.below(2_000)));
                    continue;
                }
            },
            part => part,
        };
        target.push_str(text);
        if dice.below(2_000) == 0 {
            target.push_str(&"x".repeat(below(dice, 70_000)));
        }
    }
    let mut mark = '?';
    for _ in 0..dice.below(6).saturating_sub(3) {
        target.push(mark);
        target.push_str(pick(dice, QUERIES));
        mark = '&';
    }
    target
}

/// A body that the route takes, or nearly.
fn body(path: &str, dice: &mut Dice) -> Vec<u8> {
    let end = path.split('/').rev().take(2).collect::<Vec<_>>();
    let end = match end[..] {
        [last, before] if last.starts_with('{') => format!("/{before}/{{}}"),
        _ if path == "/v1/credits" => path.to_owned(),
        [last, ..] => format!("/{last}"),
        [] => String::new(),
    };
    let fields = BODIES.iter().find(|(route, _)| *route == end).map_or(&[][..], |(_, it)| *it);
    let mut body: Map<String, Value> =
        fields.iter().map(|field| ((*field).to_owned(), value_of(field, dice))).collect();
    for _ in 0..dice.below(5).saturating_sub(2) {
        match dice.below(4) {
            0 => drop(body.keys().next().cloned().and_then(|first| body.remove(&first))),
            1 => drop(body.insert("colour".into(), bad_value(dice))),
            2 => {
                let field = pick(dice, FIELDS);
                body.insert(field.into(), value_of(field, dice));
            }
            _ => {
                let field = fields.get(below(dice, fields.len().max(1))).copied();
                let field = field.unwrap_or_else(|| pick(dice, FIELDS));
                body.insert(field.into(), bad_value(dice));
            }
        }
    }
    let mut bytes = Value::Object(body).to_string().into_bytes();
    match dice.below(40) {
        0 => bytes.truncate(below(dice, bytes.len())),
        1 => {
            let at = below(dice, bytes.len());
            bytes[at] = dice.below(256).try_into().unwrap_or_default();
        }
        2 => bytes.clear(),
        3 => bytes = [&b"{\"points\":1,"[..], &bytes[1..]].concat(),
        4 => bytes = br#"{"reason":"\ud800"}"#.to_vec(),
        _ => {}
    }
    bytes
}

fn value_of(field: &str, dice: &mut Dice) -> Value {
    let points = dice.below(49) + 1;
    match field {
        "cause" => {
            let kind = pick(dice, &["purchase", "review", "promotion", "adjustment", "gift"]);
            json!({"kind": kind, "id": format!("i-{}", dice.below(2_000))})
        }
        "lines" => {
            let line = |dice: &mut Dice| {
                let (product, quantity) = (pick(dice, IDS), dice.below(4));
                json!({"product_id": product, "quantity": quantity, "amount": points})
            };
            Value::Array((0..below(dice, 4)).map(|_| line(dice)).collect())
        }
        "credits" | "purchases" => {
            let one = |dice: &mut Dice| {
                let (cause, lines) = (value_of("cause", dice), value_of("lines", dice));
                if field == "credits" {
                    json!({"account_id": "ann", "points": points, "cause": cause})
                } else {
                    json!({"account_id": "ann", "purchase_id": cause["id"], "lines": lines})
                }
            };
            Value::Array((0..below(dice, 5)).map(|_| one(dice)).collect())
        }
        "exchange" => json!({
            "exchange_id": format!("i-{}", dice.below(2_000)), "offer_id": "mug", "quantity": 1,
            "deliver_to": "1 Elm Street",
        }),
        "offer_id" | "product_id" | "warehouse" | "rule" | "to" | "account_id" => {
            pick(dice, IDS).into()
        }
        "deadline" | "expires_at" | "closes_at" | "wall" => {
            pick(dice, &["2026-12-20T00:00:00Z", "2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z"])
                .into()
        }
        "available_at" | "occurred_at" | "opens_at" => {
            pick(dice, &["2026-11-20T00:00:00Z", "2026-12-31T23:59:59.999999Z"]).into()
        }
        "rate" => json!({"points": points, "per_amount": dice.below(200)}),
        "cap" => json!({"points": points, "period": pick(dice, &["day", "month", "year", "ever"])}),
        "expiry" => {
            pick_value(dice, &[json!({"months": 12}), json!({"end_of_year": 1}), json!({})])
        }
        "position" | "from" => pick(dice, &["0:1", "0:7", "1:1", "x"]).into(),
        "direction" => pick(dice, &["add", "take"]).into(),
        "spent_credit" => pick(dice, &["refuse", "debt", "forgive"]).into(),
        "stock" => pick_value(dice, &[json!(100_000), Value::Null, json!(7)]),
        "attributes" => json!({"colour": "blue", "sizes": [1, 2]}),
        "time_zone" => pick(dice, &["Europe/Berlin", "UTC", "Mars/Base"]).into(),
        "grace_on_own_request" | "member" => (dice.below(2) == 0).into(),
        "limits_per_shopper" => {
            pick_value(dice, &[json!({"day": 2, "month": 9}), json!({"week": 0}), json!({})])
        }
        "segment" => pick(dice, &["staff", "Staff"]).into(),
        "remaining_shown" => pick(dice, &["exact", "steps", "none"]).into(),
        "multipliers" | "categories" => json!([]),
        "rules" => {
            let several = json!(["default", pick(dice, IDS)]);
            pick_value(dice, &[several, json!(["default", "default"]), json!([])])
        }
        "prices" | "expected_prices" => {
            json!([{"points": points}, {"unit": pick(dice, &["miles", "points"]), "points": 3}])
        }
        "unit" => pick(dice, &["points", "miles", "Miles"]).into(),
        "points" | "quantity" | "expected_points" | "price" | "units" | "refund_grace_days"
        | "limit_per_shopper" | "pending_days" | "backdate_days" => points.into(),
        _ => "a text".into(),
    }
}

fn bad_value(dice: &mut Dice) -> Value {
    match dice.below(10) {
        0 => Value::Null,
        1 => json!(-1),
        2 => json!(9_007_199_254_740_992_u64),
        3 => json!(u64::MAX),
        4 => json!(1.5),
        5 => json!([]),
        6 => json!({"kind": {"kind": {}}}),
        7 => "x".repeat(below(dice, 3_000)).into(),
        8 => json!(1e300),
        _ => pick(dice, BAD_TEXTS).into(),
    }
}

fn below(dice: &mut Dice, end: usize) -> usize {
    usize::try_from(dice.below(end as u64)).unwrap_or_default()
}

/// A text takes what is written to it.
fn written(result: fmt::Result) {
    result.expect("written");
}

fn pick<'a>(dice: &mut Dice, of: &[&'a str]) -> &'a str {
    of[below(dice, of.len())]
}

fn pick_value(dice: &mut Dice, of: &[Value]) -> Value {
    of[below(dice, of.len())].clone()
}

/// As it is sent again by hand, without the key.
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.bytes);
        let lines = text.lines().filter(|line| !line.starts_with("authorization: Bearer"));
        let text = lines.collect::<Vec<_>>().join("\n");
        f.write_str(&text.chars().take(1_500).collect::<String>())
    }
}
