//! `GET /v1/expiring-credit`: accounts with credit that expires before a time, for those who remind
//! shoppers: as a list of pages, or all of them at once as lines.

use std::fmt::Write as _;
use std::io;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use domain::{AccountId, Timestamp, UnitId};
use futures_util::stream::try_unfold;
use read_model::{Query, Reading};
use serde::Deserialize;
use wire::body::ExpiringAccountBody;
use wire::{
    Caller, PAGE_ITEMS_MAX, Page, Problem, QueryString, is_known_still, json_with_etag, page_limit,
    read_cursor, write_cursor,
};

use crate::accept::accepted;
use crate::cell::{sum, text, time};
use crate::clock::now;
use crate::freshness::{Fresh, unread};
use crate::shipping_stream::Turn;
use crate::unit::check_unit;
use crate::{QueryApi, bad_cursor, failed};

/// The text of a query for accounts, of all units or of those that another condition leaves.
macro_rules! expiring_accounts {
    ($($of_unit:literal)?) => {
        Query::same(concat!(
            include_str!("sql/select_expiring_accounts.sql"),
            $(include_str!($of_unit),)?
            include_str!("sql/list_expiring_accounts.sql"),
        ))
    };
}

const LIST: Query = expiring_accounts!();
const LIST_OF_POINTS: Query = expiring_accounts!("sql/expiring_accounts_of_points.sql");
const LIST_OF_FURTHER_UNIT: Query = expiring_accounts!("sql/expiring_accounts_of_further_unit.sql");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpiringQuery {
    before: Timestamp,
    unit: Option<UnitId>,
    from: Option<Timestamp>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A part of credit in the window, and what its account has there.
#[derive(sql_macros::FromRow)]
struct Row {
    account_id: String,
    unit: String,
    expires_at: i64,
    points: i64,
    begins_at: Option<i64>,
}

/// Which credit is looked for: what expires from a time on and before another.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: i64,
    before: i64,
    /// Of all units without it.
    unit: Option<UnitId>,
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    Json,
    Csv,
}

/// A place in the list: when credit expires, of which account and of which unit.
type Key = (i64, String, String);

/// What a read found: accounts, and where to go on, if there may be more.
struct Found {
    accounts: Vec<ExpiringAccountBody>,
    next: Option<Key>,
}

/// An export that has come so far.
struct Export {
    api: QueryApi,
    headers: HeaderMap,
    caller: Caller,
    window: Window,
    lines: Lines,
    /// What was read and not yet sent.
    found: Found,
    _turn: Turn,
}

pub(crate) async fn list_expiring(
    State(api): State<QueryApi>,
    caller: Caller,
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<ExpiringQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if query.from.is_some_and(|from| from >= query.before) {
        return Err(Problem::invalid_query("before", "must be later than from"));
    }
    check_unit(&mut reading, query.unit).await?;
    // What expires now has expired.
    let next = now(reading.as_of()) + 1;
    let window = Window {
        from: query.from.map_or(next, |from| from.micros().max(next)),
        before: query.before.micros(),
        unit: query.unit,
    };
    let first = (window.from, String::new(), String::new());
    if let Some(lines) = Lines::asked_for(&headers) {
        let of_pages = [("limit", query.limit.is_some()), ("cursor", query.cursor.is_some())];
        if let Some((field, _)) = of_pages.iter().find(|(_, is_there)| *is_there) {
            let complaint = "is for pages of JSON; an export has every account";
            return Err(Problem::invalid_query(field, complaint));
        }
        let turn = api.admit_follower(&caller)?;
        let found = window.read(&mut reading, &first, PAGE_ITEMS_MAX).await?;
        drop(reading);
        return Ok(Export { api, headers, caller, window, lines, found, _turn: turn }.answer());
    }
    let limit = page_limit(query.limit)?;
    let ExpiringQuery { from, before, unit, .. } = &query;
    let list = format!("credit of {unit:?} that expires from {from:?} before {before:?}");
    let after = match read_cursor(&list, query.cursor.as_deref())? {
        None => first,
        Some(key) => read_key(&key).ok_or_else(bad_cursor)?.max(first),
    };
    let Found { accounts: items, next } = window.read(&mut reading, &after, limit).await?;
    let next =
        next.map(|(time, account, unit)| write_cursor(&list, &format!("{time}:{unit}:{account}")));
    let mut answer = json_with_etag(&headers, &Page { items, next })?;
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

impl Window {
    /// Reads at most `limit` accounts. An account is listed once for each unit, where its credit of
    /// it that can be spent begins to expire. Rows are parts of credit, so a page may be short
    /// although more follow.
    async fn read(
        self,
        reading: &mut Reading,
        (time, account, unit): &Key,
        limit: u32,
    ) -> Result<Found, Problem> {
        let now = now(reading.as_of());
        let mut arguments = vec![
            (*time).into(),
            account.as_str().into(),
            unit.as_str().into(),
            self.before.into(),
            self.from.into(),
            now.into(),
            (limit + 1).into(),
        ];
        let list = match &self.unit {
            None => LIST,
            Some(UnitId::POINTS) => LIST_OF_POINTS,
            Some(unit) => {
                arguments.push(unit.as_str().into());
                LIST_OF_FURTHER_UNIT
            }
        };
        let rows: Vec<Row> = reading.all(list, &arguments).await.map_err(failed)?;
        let mut has_more = rows.len() > limit as usize;
        let (mut accounts, mut last) = (vec![], None);
        for row in rows {
            let key = (row.expires_at, row.account_id.clone(), row.unit.clone());
            // Several parts of an account may expire at once.
            if last.as_ref() == Some(&key) {
                continue;
            }
            if accounts.len() == limit as usize {
                has_more = true;
                break;
            }
            last = Some(key);
            if row.begins_at == Some(row.expires_at) {
                accounts.push(body(row)?);
            }
        }
        Ok(Found { accounts, next: last.filter(|_| has_more) })
    }
}

fn body(row: Row) -> Result<ExpiringAccountBody, Problem> {
    Ok(ExpiringAccountBody {
        account_id: text(&row.account_id)?,
        unit: text(&row.unit)?,
        points: sum(row.points)?,
        expires_at: time(row.expires_at)?,
    })
}

fn read_key(key: &str) -> Option<Key> {
    let (time, rest) = key.split_once(':')?;
    let (unit, account) = rest.split_once(':')?;
    let are_ids = account.parse::<AccountId>().is_ok() && unit.parse::<UnitId>().is_ok();
    are_ids.then_some((time.parse().ok()?, account.to_owned(), unit.to_owned()))
}

impl Lines {
    /// The form that the caller would rather have; none where that is pages.
    fn asked_for(headers: &HeaderMap) -> Option<Self> {
        accepted(headers).iter().find_map(|range| match range.as_str() {
            "application/x-ndjson" => Some(Some(Self::Json)),
            "text/csv" => Some(Some(Self::Csv)),
            "application/json" => Some(None),
            _ => None,
        })?
    }

    const fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        })
    }

    const fn heading(self) -> &'static str {
        match self {
            Self::Json => "",
            Self::Csv => "account_id,unit,points,expires_at\r\n",
        }
    }

    /// An id, a number and a time need no quotes.
    fn line(self, text: &mut String, account: &ExpiringAccountBody) -> Result<(), io::Error> {
        let ExpiringAccountBody { account_id, unit, points, expires_at } = account;
        match self {
            Self::Json => {
                text.push_str(&serde_json::to_string(account)?);
                text.push('\n');
                Ok(())
            }
            Self::Csv => write!(text, "{account_id},{unit},{points},{expires_at}\r\n")
                .map_err(io::Error::other),
        }
    }
}

impl Export {
    fn answer(self) -> Response {
        let lines = self.lines;
        let pages = try_unfold((Some(self), lines.heading()), async |(export, heading)| {
            let Some(mut export) = export else { return Ok(None) };
            let mut text = heading.to_owned();
            for account in &export.found.accounts {
                export.lines.line(&mut text, account)?;
            }
            let next = if export.go_on().await? { Some(export) } else { None };
            io::Result::Ok(Some((Bytes::from(text), (next, ""))))
        });
        let headers =
            [(CONTENT_TYPE, lines.media_type()), (VARY, HeaderValue::from_static("Accept"))];
        (headers, Body::from_stream(pages)).into_response()
    }

    /// Reads on; false where there is no more. Where the tables can't be read any more, or the key
    /// has ended, the answer breaks off.
    async fn go_on(&mut self) -> Result<bool, io::Error> {
        let Some(after) = self.found.next.take() else { return Ok(false) };
        if self.api.draining.is_cancelled() {
            return Err(io::Error::other("the server stops"));
        }
        if !is_known_still(&self.api.keys, &self.headers, &self.caller) {
            return Err(io::Error::other("the key has ended"));
        }
        let broke = |problem: Problem| io::Error::other(problem.detail().to_owned());
        self.api.check_may_ask().map_err(broke)?;
        self.api.metrics.reads.inc();
        let reading = self.api.read_model.read(&[], self.api.wait_max).await;
        let mut reading = reading.map_err(unread).map_err(broke)?;
        let found = self.window.read(&mut reading, &after, PAGE_ITEMS_MAX).await;
        self.found = found.map_err(broke)?;
        Ok(true)
    }
}
