//! A ledger that is asked what the examples of a page ask, in their order.
//!
//! A page's times go by `PAGE_NOW`: in a request they are moved to now, and back in an answer. The
//! ids that the ledger makes (the log's, keys', replays') are the page's own: where the page shows
//! another one than what came, every later example has it, too.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use openapi::Example;
use serde_json::Value;

use super::layout::layout;
use crate::described::Described;
use crate::document::{ID, Reply, Request, TIME, all_of_shape, has_shape, is_shown};
use crate::ledger::{Ledger, PATIENCE};

/// The time at which the examples of all pages happen.
const PAGE_NOW: &str = "2026-11-21T09:00:00Z";

/// A key's id, as a field has it; `*` is a letter or a digit.
const KEY_ID: &str = "\"k-********\"";

/// The status of an answer that is still to be written.
const UNWRITTEN: &str = "HTTP/1.1 000";

/// Fields of answers that a page leaves out: a key's text and a list's cursor.
const LEFT_OUT: [&str; 2] = ["key", "next"];

pub(super) struct Player {
    ledger: Ledger,
    /// Kept for as long as the ledger runs.
    _folder: tempfile::TempDir,
    /// The keys' texts, by role.
    keys: BTreeMap<String, String>,
    /// How far now is from the page's now.
    ahead: TimeDelta,
    /// Ids that the page shows, and those of this ledger.
    ids: Vec<(String, String)>,
    /// The position of the last event.
    position: Option<String>,
    described: Described,
    /// What came that `docs/openapi.json` doesn't describe.
    pub(super) undescribed: Vec<String>,
}

impl Player {
    #[expect(clippy::disallowed_methods, reason = "the pages' times are as far ahead as this")]
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::start_with_publisher(folder.path());
        let keys = fs::read_to_string(folder.path().join("api-keys.json")).expect("keys");
        let keys = serde_json::from_str(&keys).expect("keys");
        let ahead = DateTime::<Utc>::from(SystemTime::now()) - page_now();
        let ahead = TimeDelta::seconds(ahead.num_seconds());
        Self {
            ledger,
            _folder: folder,
            keys,
            ahead,
            ids: vec![],
            position: None,
            described: Described::read(),
            undescribed: vec![],
        }
    }

    /// Sends an example's request; says what is to stand in the page, where that differs. A read is
    /// tried again until it shows what the page shows.
    pub(super) fn play(&mut self, example: &Example) -> Result<(), String> {
        let shown = example.answer.as_ref().map(|answer| answer.text.as_str());
        let is_read = example.request.text.starts_with("GET ");
        let is_awaited = is_read && shown.is_some_and(|shown| !shown.starts_with(UNWRITTEN));
        let started = Instant::now();
        loop {
            let reply = self.ask(&example.request.text);
            let compared = self.compare(shown, &reply);
            if compared.is_ok() || !is_awaited || started.elapsed() > PATIENCE / 3 {
                return compared;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn compare(&mut self, shown: Option<&str>, reply: &Reply) -> Result<(), String> {
        let status = reply.head.first().expect("a status");
        let Some(shown) = shown else {
            let is_done = status.starts_with("HTTP/1.1 2");
            return if is_done { Ok(()) } else { Err(format!("{status}\n{}\n", reply.body)) };
        };
        let (shown_head, shown_body) = split(shown);
        self.learn_ids(shown_body, &reply.body);
        let shown_names: Vec<String> = shown_head.lines().skip(1).map(name_of).collect();
        let is_shown_header = |line: &&String| shown_names.contains(&name_of(line));
        let headers = reply.head.iter().skip(1).filter(is_shown_header);
        let headers: Vec<String> = headers.map(|line| self.as_of_page(line)).collect();
        let head = [std::slice::from_ref(status), headers.as_slice()].concat().join("\n");
        let body = self.as_of_page(&reply.body);
        if is_shown(&shown_head.trim().to_lowercase(), &head.to_lowercase())
            && is_shown(&sorted(shown_body), &sorted(&body))
        {
            return Ok(());
        }
        let gap = if body.is_empty() { "" } else { "\n" };
        Err(format!("{head}\n{gap}{}", with_end(layout(&left_out(&body)))))
    }

    fn ask(&mut self, text: &str) -> Reply {
        let text = self.as_of_ledger(text);
        let (head, body) = split(&text);
        let mut head = head.lines();
        let first = head.next().and_then(|line| line.split_once(' '));
        let (method, path) =
            first.unwrap_or_else(|| panic!("{text} begins with no method and path"));
        let mut headers: Vec<String> = head.map(|line| self.with_key(line)).collect();
        if !body.is_empty() {
            headers.push("Content-Type: application/json".into());
        }
        if let ("GET", Some(position)) = (method, &self.position) {
            headers.push(format!("Guerdon-Position: {position}"));
        }
        let headers = headers.iter().map(String::as_str).collect();
        let request = Request { method, path, headers, body: body.trim_end() };
        let started = Instant::now();
        loop {
            let reply = request.send(&self.ledger.client.url);
            let is_behind = reply.body.contains("projection-behind");
            if is_behind && started.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            let described = self.described.check(method, path, &reply);
            self.undescribed.extend(described.err());
            let position =
                reply.head.iter().find_map(|line| line.strip_prefix("guerdon-position: "));
            self.position = position.map(ToOwned::to_owned).or(self.position.take());
            return reply;
        }
    }

    /// `Authorization: Bearer SHOPPER`, with the key itself.
    fn with_key(&self, header: &str) -> String {
        let Some(role) = header.strip_prefix("Authorization: Bearer ") else {
            return header.into();
        };
        let key = self.keys.get(&role.to_lowercase());
        let key = key.unwrap_or_else(|| panic!("{role} is no role; write the role in capitals"));
        format!("Authorization: Bearer {key}")
    }

    fn as_of_ledger(&self, text: &str) -> String {
        let text = moved(text, self.ahead, None);
        self.ids.iter().fold(text, |text, (shown, own)| text.replace(shown, own))
    }

    fn as_of_page(&self, text: &str) -> String {
        let text = moved(text, -self.ahead, Some(page_now()));
        self.ids.iter().fold(text, |text, (shown, own)| text.replace(own, shown))
    }

    fn learn_ids(&mut self, shown: &str, came: &str) {
        let (shown, came) = (sorted(shown), sorted(came));
        for shape in [ID, KEY_ID] {
            let pairs = all_of_shape(&shown, shape).zip(all_of_shape(&came, shape));
            for (shown, own) in pairs {
                let (shown, own) = (shown.trim_matches('"'), own.trim_matches('"'));
                let is_new = self.ids.iter().all(|(known, of)| known != shown && of != own);
                if is_new && shown != own {
                    self.ids.push((shown.to_owned(), own.to_owned()));
                }
            }
        }
    }
}

/// A header's name.
fn name_of(line: &str) -> String {
    line.split(':').next().unwrap_or_default().to_lowercase()
}

/// The text before the first empty line, and the text behind it.
fn split(text: &str) -> (&str, &str) {
    text.split_once("\n\n").unwrap_or((text, ""))
}

fn with_end(text: String) -> String {
    if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
}

/// A document with its fields in alphabetical order; any other text as it is.
fn sorted(text: &str) -> String {
    serde_json::from_str(text)
        .map_or_else(|_| text.trim().to_owned(), |value: Value| value.to_string())
}

/// A text with `…` in place of what no page shows.
fn left_out(body: &str) -> String {
    let mut body = body.to_owned();
    for field in LEFT_OUT {
        let start = format!("\"{field}\":\"");
        if let Some(at) = body.find(&start).map(|at| at + start.len())
            && let Some(end) = body[at..].find('"')
        {
            body.replace_range(at..at + end, "…");
        }
    }
    body
}

fn page_now() -> DateTime<Utc> {
    PAGE_NOW.parse().expect("a time")
}

/// The text with all its times moved; a time that comes to be near `about` is that.
fn moved(text: &str, by: TimeDelta, about: Option<DateTime<Utc>>) -> String {
    let mut moved = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = rest.find('Z').filter(|_| has_shape(rest, TIME));
        let time = end.and_then(|end| rest[..=end].parse::<DateTime<Utc>>().ok().zip(Some(end)));
        let Some((time, end)) = time else {
            moved.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let time = time + by;
        let near = about.filter(|about| (time - *about).abs() < TimeDelta::minutes(10));
        let time = near.unwrap_or(time).to_rfc3339_opts(SecondsFormat::Secs, true);
        moved.push_str(&time);
        rest = &rest[end + 1..];
    }
    moved
}
