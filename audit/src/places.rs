//! Where in the log the events of an account, an exchange or an offer are, as the read tables have
//! it: each event of an account has one row of its entries, exchanges, purchases, or other places.

use domain::{AccountId, ExchangeId, OfferId};
use log_record::{PackedPlace, Position};
use query_api::failed;
use read_model::{Query, Reading, subject_of_account, subject_of_offer};
use wire::Problem;

const OF_ACCOUNT: Query = Query::same(include_str!("sql/list_places_of_account.sql"));
const OF_SUBJECT: Query = Query::same(include_str!("sql/list_places_of_subject.sql"));
const WITH_ID: Query = Query::same(include_str!("sql/list_exchanges_with_id.sql"));
const OF_BOTH_IDS: Query = Query::same(include_str!("sql/select_exchange_of_account.sql"));
const TIME_BEFORE: Query = Query::same(include_str!("sql/select_time_before.sql"));

/// How many places of an account are looked at, at most, for those of one exchange.
pub(crate) const LOOKED_AT_MAX: u32 = 10_000;

/// How many accounts' exchanges with the same id are looked at: shops that number their orders make
/// ids that no two shoppers share.
const ACCOUNTS_MAX: u32 = 100;

/// Places in the order of the log, and, where there may be more, the place after which to look on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) places: Vec<i64>,
    pub(crate) next: Option<i64>,
}

/// At most `limit` places of an account's events after a place.
pub(crate) async fn places_of_account(
    reading: &mut Reading,
    account_id: &AccountId,
    after: i64,
    limit: u32,
) -> Result<Found, Problem> {
    let from = time_before(reading, after).await?;
    let rows = rows_of_account(reading, account_id.as_str(), None, (after, from), limit).await?;
    let places: Vec<i64> = rows.into_iter().map(|(place, _)| place).collect();
    Ok(Found { next: last_of_full(&places, limit), places })
}

/// At most `limit` places of the events of an account's exchange after a place; without an account,
/// of every account's exchange with this id. Looks at no more than [`LOOKED_AT_MAX`] places of an
/// account; where to look on then is the last that was looked at.
pub(crate) async fn places_of_exchange(
    reading: &mut Reading,
    account_id: Option<&AccountId>,
    exchange_id: &ExchangeId,
    after: i64,
    limit: u32,
) -> Result<Found, Problem> {
    let id = exchange_id.as_str().into();
    let exchanges: Result<Vec<(String, i64, i64)>, _> = match account_id {
        Some(account_id) => reading.all(OF_BOTH_IDS, &[id, account_id.as_str().into()]).await,
        None => reading.all(WITH_ID, &[id, ACCOUNTS_MAX.into()]).await,
    };
    let from = time_before(reading, after).await?;
    let mut found = Found::default();
    for (account, _, recorded_at) in exchanges.map_err(failed)? {
        // What paid it stands before it, and was recorded with it.
        let begin = (after, from.max(recorded_at));
        let id = Some(exchange_id.as_str());
        let rows = rows_of_account(reading, &account, id, begin, LOOKED_AT_MAX).await?;
        let looked_at: Vec<i64> = rows.iter().map(|(place, _)| *place).collect();
        let own = rows.iter().filter(|(_, is_own)| *is_own == 1).map(|(place, _)| *place);
        found.places.extend(own);
        // What follows the first end isn't known of all of them.
        found.next =
            [found.next, last_of_full(&looked_at, LOOKED_AT_MAX)].into_iter().flatten().min();
    }
    found.places.sort_unstable();
    if let Some(next) = found.next {
        found.places.retain(|place| *place <= next);
    }
    if found.places.len() > limit as usize {
        found.places.truncate(limit as usize);
        found.next = found.places.last().copied();
    }
    Ok(found)
}

/// At most `limit` places of what changed an offer after a place: its own events, and what came
/// back to it of cancelled exchanges.
pub(crate) async fn places_of_offer(
    reading: &mut Reading,
    offer_id: &OfferId,
    after: i64,
    limit: u32,
) -> Result<Found, Problem> {
    places_of_subject(reading, &subject_of_offer(offer_id), after, limit).await
}

/// At most `limit` places of events about a subject after a place.
pub(crate) async fn places_of_subject(
    reading: &mut Reading,
    subject: &str,
    after: i64,
    limit: u32,
) -> Result<Found, Problem> {
    let arguments = [subject.into(), after.into(), limit.into()];
    let rows: Vec<(i64,)> = reading.all(OF_SUBJECT, &arguments).await.map_err(failed)?;
    let places: Vec<i64> = rows.into_iter().map(|(place,)| place).collect();
    Ok(Found { next: last_of_full(&places, limit), places })
}

/// Each with 1 where it is of the exchange.
async fn rows_of_account(
    reading: &mut Reading,
    account_id: &str,
    exchange_id: Option<&str>,
    (after, from): (i64, i64),
    limit: u32,
) -> Result<Vec<(i64, i64)>, Problem> {
    let subject = subject_of_account(account_id);
    let arguments = [
        account_id.into(),
        after.into(),
        from.into(),
        limit.into(),
        exchange_id.into(),
        subject.as_str().into(),
    ];
    reading.all(OF_ACCOUNT, &arguments).await.map_err(failed)
}

/// A time before which nothing was recorded that stands after this place in its partition.
async fn time_before(reading: &mut Reading, after: i64) -> Result<i64, Problem> {
    let start = PackedPlace::new(PackedPlace::from_i64(after).partition(), Position::START);
    let arguments = [start.as_i64().into(), after.into()];
    let row: Option<(i64,)> = reading.optional(TIME_BEFORE, &arguments).await.map_err(failed)?;
    Ok(row.map_or(i64::MIN, |(recorded_at,)| recorded_at))
}

/// The last of as many as were asked for: more may follow.
fn last_of_full(places: &[i64], limit: u32) -> Option<i64> {
    places.last().copied().filter(|_| places.len() >= limit as usize)
}
