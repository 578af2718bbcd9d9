//! `GET /v1/expiring-credit`: accounts with credit that expires before a time, for those who remind
//! shoppers: as a list of pages, or all of them at once as lines.

use std::fmt::Write as _;
use std::io;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use domain::Timestamp;
use futures_util::stream::try_unfold;
use read_model::{Query, Reading};
use serde::Deserialize;
use wire::body::ExpiringAccountBody;
use wire::{PAGE_ITEMS_MAX, Page, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::cell::{sum, text, time};
use crate::clock::now;
use crate::freshness::{Fresh, unread};
use crate::{QueryApi, bad_cursor, failed};

const LIST: Query = Query::same(include_str!("sql/list_expiring_accounts.sql"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpiringQuery {
    before: Timestamp,
    from: Option<Timestamp>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(sql_macros::FromRow)]
struct Row {
    account_id: String,
    expires_at: i64,
    points: i64,
}

/// Which credit is looked for: what expires from a time on and before another.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: i64,
    before: i64,
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    Json,
    Csv,
}

/// An export that has come so far.
struct Export {
    api: QueryApi,
    window: Window,
    lines: Lines,
    /// What was read and not yet sent.
    read: Vec<ExpiringAccountBody>,
    after: (i64, String),
}

pub(crate) async fn list_expiring(
    State(api): State<QueryApi>,
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<ExpiringQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // What expires now has expired.
    let next = now(reading.as_of()) + 1;
    let window = Window {
        from: query.from.map_or(next, |from| from.micros().max(next)),
        before: query.before.micros(),
    };
    let first = (window.from, String::new());
    if let Some(lines) = Lines::asked_for(&headers) {
        if query.limit.is_some() || query.cursor.is_some() {
            let field = if query.limit.is_some() { "limit" } else { "cursor" };
            let complaint = "is for pages of JSON; an export has every account";
            return Err(Problem::invalid_query(field, complaint));
        }
        let read = window.read(&mut reading, &first, PAGE_ITEMS_MAX).await?;
        drop(reading);
        return Ok(Export { api, window, lines, read, after: first }.answer());
    }
    let limit = page_limit(query.limit)?;
    let list = format!("credit that expires from {:?} before {:?}", query.from, query.before);
    let after = match read_cursor(&list, query.cursor.as_deref())? {
        None => first,
        Some(key) => read_key(&key).ok_or_else(bad_cursor)?.max(first),
    };
    let accounts = window.read(&mut reading, &after, limit + 1).await?;
    json_with_etag(&headers, &Page::of(accounts, limit, &list, write_key))
}

impl Window {
    async fn read(
        self,
        reading: &mut Reading,
        (time, account): &(i64, String),
        limit: u32,
    ) -> Result<Vec<ExpiringAccountBody>, Problem> {
        let now = now(reading.as_of());
        let arguments = [
            (*time).into(),
            account.as_str().into(),
            self.from.into(),
            self.before.into(),
            now.into(),
            limit.into(),
        ];
        let rows: Vec<Row> = reading.all(LIST, &arguments).await.map_err(failed)?;
        rows.into_iter().map(body).collect()
    }
}

fn body(row: Row) -> Result<ExpiringAccountBody, Problem> {
    Ok(ExpiringAccountBody {
        account_id: text(&row.account_id)?,
        points: sum(row.points)?,
        expires_at: time(row.expires_at)?,
    })
}

fn key(account: &ExpiringAccountBody) -> (i64, String) {
    (account.expires_at.micros(), account.account_id.to_string())
}

fn write_key(account: &ExpiringAccountBody) -> String {
    let (time, account) = key(account);
    format!("{time}:{account}")
}

fn read_key(key: &str) -> Option<(i64, String)> {
    let (time, account) = key.split_once(':')?;
    Some((time.parse().ok()?, account.to_owned()))
}

impl Lines {
    /// The form that the caller asks for; none where it is pages.
    fn asked_for(headers: &HeaderMap) -> Option<Self> {
        let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut types = accepts.flat_map(|value| value.split(','));
        types.find_map(|media| match media.split(';').next().unwrap_or_default().trim() {
            "application/x-ndjson" => Some(Self::Json),
            "text/csv" => Some(Self::Csv),
            _ => None,
        })
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
            Self::Csv => "account_id,points,expires_at\r\n",
        }
    }

    /// An id, a number and a time need no quotes.
    fn line(self, text: &mut String, account: &ExpiringAccountBody) -> Result<(), io::Error> {
        let ExpiringAccountBody { account_id, points, expires_at } = account;
        match self {
            Self::Json => {
                text.push_str(&serde_json::to_string(account)?);
                text.push('\n');
                Ok(())
            }
            Self::Csv => {
                write!(text, "{account_id},{points},{expires_at}\r\n").map_err(io::Error::other)
            }
        }
    }
}

impl Export {
    fn answer(self) -> Response {
        let lines = self.lines;
        let pages = try_unfold((Some(self), lines.heading()), async |(export, heading)| {
            let Some(mut export) = export else { return Ok(None) };
            let mut text = heading.to_owned();
            for account in &export.read {
                export.lines.line(&mut text, account)?;
            }
            let next = if export.go_on().await? { Some(export) } else { None };
            io::Result::Ok(Some((Bytes::from(text), (next, ""))))
        });
        ([(CONTENT_TYPE, lines.media_type())], Body::from_stream(pages)).into_response()
    }

    /// Reads on; false where there is no more. Where the tables can't be read any more, the answer
    /// breaks off.
    async fn go_on(&mut self) -> Result<bool, io::Error> {
        let is_full = self.read.len() >= PAGE_ITEMS_MAX as usize;
        let Some(last) = self.read.last().filter(|_| is_full) else { return Ok(false) };
        if self.api.draining.is_cancelled() {
            return Err(io::Error::other("the server stops"));
        }
        self.after = key(last);
        let broke = |problem: Problem| io::Error::other(problem.detail().to_owned());
        let reading = self.api.read_model.read(&[], self.api.wait_max).await;
        let mut reading = reading.map_err(unread).map_err(broke)?;
        self.read =
            self.window.read(&mut reading, &self.after, PAGE_ITEMS_MAX).await.map_err(broke)?;
        Ok(!self.read.is_empty())
    }
}
