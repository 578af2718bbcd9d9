//! `GET /v1/events`: the events as they stand in the log, page by page or as a stream of
//! server-sent events.
//!
//! Events of a partition are read from the log alone. Those of an account or an exchange are at the
//! places that the read tables know of (`places.rs`), and are read there: no page reads the log
//! from its beginning to find them.

mod cursor;
mod log_ends;
mod reader;
mod stream;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, ExchangeId};
use log_record::Partition;
use query_api::{accepted, wanted_positions};
use serde::Deserialize;
use wire::{Caller, Page, Problem, QueryString, json_with_etag, page_limit};

use crate::AuditApi;
use cursor::EventCursor;
use reader::EventReader;

pub(crate) use log_ends::LogEnds;
pub(crate) use reader::unreadable;

/// How many bytes of texts a page has, about; one event may be larger.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    partition: Option<u16>,
    after: Option<String>,
    account_id: Option<AccountId>,
    exchange_id: Option<ExchangeId>,
    limit: Option<u32>,
}

/// Which events are asked for.
#[derive(Clone, Debug)]
struct Wanted {
    partition: Partition,
    account_id: Option<AccountId>,
    exchange_id: Option<ExchangeId>,
}

pub(crate) async fn list_events(
    State(api): State<AuditApi>,
    caller: Caller,
    QueryString(query): QueryString<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // A read of the log has all that was answered; a position that can't be is refused.
    wanted_positions(&api.query, &headers)?;
    let is_stream = accepted(&headers).iter().any(|range| range == "text/event-stream");
    if is_stream && query.limit.is_some() {
        let complaint = "is for pages; a stream gives each event when it comes";
        return Err(Problem::invalid_query("limit", complaint));
    }
    let limit = page_limit(query.limit)?;
    let wanted = Wanted::of(&query, api.store.partitions())?;
    let cursor = asked_cursor(&wanted.list(), query.after.as_deref(), &headers)?;
    let mut reader = EventReader::new(api, wanted, cursor, &caller)?;
    if is_stream {
        return reader.follow(caller, headers).await;
    }
    let reading = reader.begin(&headers).await?;
    let read = reader.read(reading, limit, PAGE_BYTES_MAX).await?;
    let items = read.events.iter().map(|event| reader.body(event));
    let items = items.collect::<Result<_, _>>()?;
    let next = read.has_more.then(|| reader.cursor_text());
    json_with_etag(&headers, &Page { items, next })
}

impl Wanted {
    fn of(query: &EventsQuery, partitions: u16) -> Result<Self, Problem> {
        let (account_id, exchange_id) = (query.account_id.clone(), query.exchange_id.clone());
        let home = account_id.as_ref().map(|account_id| account_id.partition(partitions));
        let partition = query.partition.map(Partition).or(home).unwrap_or_default();
        if partition.0 >= partitions {
            let complaint = match partitions {
                1 => "must be 0: the log has one partition".to_owned(),
                _ => format!("must be from 0 to {}: the log has no other", partitions - 1),
            };
            return Err(Problem::invalid_query("partition", complaint));
        }
        if let Some(home) = home
            && home != partition
        {
            let complaint = format!("must be {home}, which the account is in, or left out");
            return Err(Problem::invalid_query("partition", complaint));
        }
        Ok(Self { partition, account_id, exchange_id })
    }

    /// The list with its filter: a cursor belongs to both.
    fn list(&self) -> String {
        let Self { partition, account_id, exchange_id } = self;
        let account_id = account_id.as_ref().map(AccountId::as_str);
        let exchange_id = exchange_id.as_ref().map(ExchangeId::as_str);
        format!("events of {:?}", (partition.0, account_id, exchange_id))
    }
}

/// Where to go on. A browser that lost its stream asks the same again and says in a header what it
/// had last.
fn asked_cursor(
    list: &str,
    after: Option<&str>,
    headers: &HeaderMap,
) -> Result<EventCursor, Problem> {
    let complaint = "must be a position, such as 4711, or the next of a page or the id of an event \
                     of this list, unchanged";
    let after = after.map_or(Some(EventCursor::START), |after| EventCursor::read(list, after));
    let after = after.ok_or_else(|| Problem::invalid_query("after", complaint))?;
    let Some(last) = headers.get("last-event-id") else { return Ok(after) };
    let cursor = last.to_str().ok().and_then(|last| EventCursor::read(list, last));
    cursor.ok_or_else(|| Problem::invalid_header("Last-Event-ID", complaint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(partition: Option<u16>, account: Option<&str>) -> EventsQuery {
        let account_id = account.map(|account| account.parse().expect("an id"));
        EventsQuery { partition, after: None, account_id, exchange_id: None, limit: None }
    }

    #[test]
    fn an_accounts_events_are_in_its_own_partition() {
        let home = AccountId::partition(&"ann".parse().expect("an id"), 8);
        assert_ne!(home, Partition(0), "or this shows nothing");
        let of = |partition, account| Wanted::of(&query(partition, account), 8);
        let partition = |partition, account| of(partition, account).expect("it is asked").partition;
        assert_eq!(partition(None, Some("ann")), home);
        assert_eq!(partition(Some(home.0), Some("ann")), home);
        assert_eq!(partition(None, None), Partition(0));
        for (number, account) in [(0, Some("ann")), (8, None), (u16::MAX, None)] {
            let problem = of(Some(number), account).expect_err("it isn't there");
            assert!(problem.detail().contains("partition"), "{}", problem.detail());
        }
    }
}
