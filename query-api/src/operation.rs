//! `GET /v1/operations`: who did what, when, why and with which outcome, newest first.
//!
//! What was recorded is in a read table. What was refused, failed or is no fact of the ledger is
//! beside the log's keys, where this crate can't look: whoever starts the API gives it a function
//! that does ([`ReadCalls`]). A page is merged from both; of what happened within one microsecond,
//! calls come before events.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, Timestamp};
use futures_util::future::BoxFuture;
use log_record::{UnrecordedCall, UnrecordedCalls};
use read_model::{Argument, Operation, Query, Reading};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;
use wire::body::{
    OperationBody, OperationCallBody, OperationCallerBody, OperationEventBody, OperationOutcome,
};
use wire::{Page, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::cell::{json, optional_text, split_place, time};
use crate::freshness::Fresh;
use crate::{QueryApi, bad_cursor, failed};

/// Reads calls that recorded no event. What hinders it is in the program's log already.
pub type ReadCalls = Arc<
    dyn Fn(UnrecordedCalls) -> BoxFuture<'static, Result<Vec<UnrecordedCall>, CallsUnread>>
        + Send
        + Sync,
>;

/// The calls can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsUnread;

static LIST: LazyLock<Query> = LazyLock::new(|| list(""));
static LIST_OF_KEY: LazyLock<Query> = LazyLock::new(|| list("and operation.key_id = $5"));
static LIST_OF_ACCOUNT: LazyLock<Query> = LazyLock::new(|| list("and operation.account_id = $5"));

fn list(of_whom: &str) -> Query {
    let list = include_str!("sql/list_operations.sql").replace("{of_whom}", of_whom);
    Query::with_columns(&list)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationsQuery {
    key_id: Option<String>,
    account_id: Option<AccountId>,
    outcome: Option<OperationOutcome>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Where a page begins: each list before a time and a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Before {
    event: (i64, i64),
    call: (i64, Uuid),
}

enum Row {
    Event(Box<Operation>),
    Call(Box<UnrecordedCall>),
}

pub(crate) async fn list_operations(
    State(api): State<QueryApi>,
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<OperationsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = query.list()?;
    let limit = page_limit(query.limit)?;
    let before = match read_cursor(&list, query.cursor.as_deref())? {
        None => Before::until(query.until),
        Some(key) => Before::after(&key).ok_or_else(bad_cursor)?,
    };
    let events = query.events(&mut reading, before, limit + 1).await?;
    drop(reading);
    let calls = query.calls(&api, before, limit + 1).await?;
    let page = Page::of(merged(events, calls), limit, &list, Row::key);
    let Page { items, next } = page;
    let items = items.into_iter().map(Row::body).collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page { items, next })
}

impl OperationsQuery {
    /// The list with its filter: a cursor belongs to both.
    fn list(&self) -> Result<String, Problem> {
        let Self { key_id, account_id, outcome, from, until, limit: _, cursor: _ } = self;
        if key_id.is_some() && account_id.is_some() {
            let complaint = "can't be sent with account_id; send one of them";
            return Err(Problem::invalid_query("key_id", complaint));
        }
        let is_id = |key: &String| {
            (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if key_id.as_ref().is_some_and(|key| !is_id(key)) {
            return Err(Problem::invalid_query(
                "key_id",
                "must be the id of a key, such as k-7f3a9c2d",
            ));
        }
        if from.zip(*until).is_some_and(|(from, until)| from >= until) {
            return Err(Problem::invalid_query("until", "must be later than from"));
        }
        let (from, until) = (from.map(Timestamp::micros), until.map(Timestamp::micros));
        let account_id = account_id.as_ref().map(AccountId::as_str);
        let filter = (key_id, account_id, outcome, from, until);
        Ok(format!("operations of {filter:?}"))
    }

    fn from(&self) -> i64 {
        self.from.map_or(i64::MIN, Timestamp::micros)
    }

    async fn events(
        &self,
        reading: &mut Reading,
        before: Before,
        limit: u32,
    ) -> Result<Vec<Operation>, Problem> {
        if self.outcome.is_some_and(|outcome| outcome != OperationOutcome::Recorded) {
            return Ok(vec![]);
        }
        let (query, of): (Query, Option<&str>) = match (&self.key_id, &self.account_id) {
            (Some(key_id), _) => (*LIST_OF_KEY, Some(key_id)),
            (None, Some(account_id)) => (*LIST_OF_ACCOUNT, Some(account_id.as_str())),
            (None, None) => (*LIST, None),
        };
        let (at, place) = before.event;
        let mut arguments: Vec<Argument<'_>> =
            vec![at.into(), place.into(), self.from().into(), limit.into()];
        arguments.extend(of.map(Argument::from));
        reading.all(query, &arguments).await.map_err(failed)
    }

    async fn calls(
        &self,
        api: &QueryApi,
        before: Before,
        limit: u32,
    ) -> Result<Vec<UnrecordedCall>, Problem> {
        let status = match self.outcome {
            Some(OperationOutcome::Recorded) => return Ok(vec![]),
            Some(OperationOutcome::Done) => (0, 400),
            Some(OperationOutcome::Refused) => (400, 500),
            Some(OperationOutcome::Failed) => (500, u16::MAX),
            None => (0, u16::MAX),
        };
        let asked = UnrecordedCalls {
            before: before.call,
            from: self.from(),
            key: self.key_id.clone(),
            account_id: self.account_id.as_ref().map(ToString::to_string),
            status,
            limit,
        };
        (api.read_calls)(asked).await.map_err(|CallsUnread| Problem::calls_unreachable())
    }
}

impl Before {
    /// The first page. Nothing has the place 0 or the id 0.
    fn until(until: Option<Timestamp>) -> Self {
        let until = until.map_or(i64::MAX, Timestamp::micros);
        Self { event: (until, 0), call: (until, Uuid::nil()) }
    }

    /// What comes after the row with this key.
    fn after(key: &str) -> Option<Self> {
        let (kind, rest) = key.split_once(':')?;
        let (at, id) = rest.split_once(':')?;
        let at: i64 = at.parse().ok()?;
        match kind {
            "event" => Some(Self { event: (at, id.parse().ok()?), call: (at, Uuid::nil()) }),
            "call" => Some(Self { event: (at.saturating_add(1), 0), call: (at, id.parse().ok()?) }),
            _ => None,
        }
    }
}

/// Both lists as one, newest first; each is that already.
fn merged(events: Vec<Operation>, calls: Vec<UnrecordedCall>) -> Vec<Row> {
    let mut rows = Vec::with_capacity(events.len() + calls.len());
    let mut calls = calls.into_iter().peekable();
    for event in events {
        while let Some(call) = calls.next_if(|call| call.at >= event.recorded_at) {
            rows.push(Row::Call(Box::new(call)));
        }
        rows.push(Row::Event(Box::new(event)));
    }
    rows.extend(calls.map(|call| Row::Call(Box::new(call))));
    rows
}

impl Row {
    fn key(&self) -> String {
        match self {
            Self::Event(row) => format!("event:{}:{}", row.recorded_at, row.place),
            Self::Call(row) => format!("call:{}:{}", row.at, row.id),
        }
    }

    fn body(self) -> Result<OperationBody, Problem> {
        match self {
            Self::Event(row) => of_event(*row),
            Self::Call(row) => of_call(*row),
        }
    }
}

fn of_event(row: Operation) -> Result<OperationBody, Problem> {
    let Operation {
        place,
        r#type,
        account_id,
        command,
        key_id,
        role,
        subject,
        name,
        by,
        reason,
        request_id,
        traceparent,
        public,
        recorded_at,
    } = row;
    let mut fact: Map<String, Value> = json(&public)?;
    fact.remove("meta");
    Ok(OperationBody {
        at: time(recorded_at)?,
        outcome: OperationOutcome::Recorded,
        caller: role.map(|role| OperationCallerBody { key_id, role, subject, name }),
        account_id: optional_text(account_id.as_deref())?,
        event: Some(OperationEventBody { r#type, command, position: split_place(place), fact }),
        call: None,
        by,
        reason,
        request_id,
        traceparent,
    })
}

fn of_call(row: UnrecordedCall) -> Result<OperationBody, Problem> {
    let UnrecordedCall {
        id: _,
        at,
        request_id,
        traceparent,
        key: key_id,
        role,
        subject,
        name,
        reason,
        method,
        path,
        account_id,
        status,
        code,
        detail,
    } = row;
    let outcome = match status {
        500.. => OperationOutcome::Failed,
        400.. => OperationOutcome::Refused,
        _ => OperationOutcome::Done,
    };
    Ok(OperationBody {
        at: time(at)?,
        outcome,
        caller: role.map(|role| OperationCallerBody { key_id, role, subject, name }),
        account_id: optional_text(account_id.as_deref())?,
        event: None,
        call: Some(OperationCallBody { method, path, status, code, detail }),
        by: None,
        reason,
        request_id,
        traceparent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_where_each_of_both_lists_goes_on() {
        let id = Uuid::from_u128(7);
        assert_eq!(
            Before::after("event:5:9"),
            Some(Before { event: (5, 9), call: (5, Uuid::nil()) }),
            "the calls of that time came before it"
        );
        assert_eq!(
            Before::after(&format!("call:5:{id}")),
            Some(Before { event: (6, 0), call: (5, id) }),
            "the events of that time come after it"
        );
        for broken in ["", "event", "event:5", "event:x:9", "call:5:9", "other:5:9"] {
            assert_eq!(Before::after(broken), None, "{broken}");
        }
    }
}
