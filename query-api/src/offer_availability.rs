//! `GET /v1/offers` and `/v1/offers/{offer_id}`: what can be had, and what is left of it; and under
//! an account, what this shopper may still take.

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{
    AccountId, Attributes, Calendar, Day, LadderTier, LimitPeriod, OfferId, OfferStatus,
    PeriodLimits, Price, Prices, TierPrices, TimeZone, Timestamp, Units,
};
use read_model::{Argument, OfferAvailability, Query, Reading};
use serde::Deserialize;
use wire::body::{
    AccountOfferBody, AttributesBody, LadderTierBody, OfferBody, PageBody, PeriodLimitsBody,
    PriceBody, ShopperLimitBody, TierPriceBody,
};
use wire::{
    Caller, Page, PathId, PathIds, Problem, QueryString, json_with_etag, json_with_version,
    page_limit,
};

use crate::account_balance::{check_exists, no_account};
use crate::cache::PublicRead;
use crate::cell::{json, optional_text, optional_time, place, sum, text, time, units};
use crate::clock::now;
use crate::family::Family;
use crate::freshness::wanted_positions;
use crate::gate::status_of;
use crate::past::{AtQuery, PastOf};
use crate::prices::prices;
use crate::segment::is_in;
use crate::tier::Tiers;
use crate::{QueryApi, failed, id_after};

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_offer_availability.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_offer_availability.sql")));
static LIST_CLOSED: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_closed_offers.sql")));
static LIST_OF_STATUS: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_offers_of_status.sql")));
static TAKEN: LazyLock<Query> = LazyLock::new(|| {
    Query::same(include_str!("sql/sum_taken.sql")).by_index("exchange_of_account")
});

const RESERVED: Query = Query::same(include_str!("sql/sum_reserved.sql"));
const KEPT: Query = Query::same(include_str!("sql/count_kept.sql"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OffersQuery {
    status: Option<OfferStatus>,
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Default, sql_macros::FromRow)]
struct TakenRow {
    taken: i64,
    in_day: i64,
    in_week: i64,
    in_month: i64,
}

impl TakenRow {
    fn and(self, other: &Self) -> Self {
        Self {
            taken: self.taken + other.taken,
            in_day: self.in_day + other.in_day,
            in_week: self.in_week + other.in_week,
            in_month: self.in_month + other.in_month,
        }
    }
}

/// An offer, and what partitions other than its home have sold of it.
#[derive(sql_macros::FromRow)]
struct Row {
    #[sqlx(flatten)]
    offer: OfferAvailability,
    sold_elsewhere: i64,
}

impl Row {
    /// With what all partitions have sold.
    fn whole(self) -> OfferAvailability {
        let Self { offer, sold_elsewhere } = self;
        OfferAvailability { sold: offer.sold + sold_elsewhere, ..offer }
    }
}

pub(crate) async fn get_offer(
    State(api): State<QueryApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    QueryString(AtQuery { at }): QueryString<AtQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(at) = at else {
        return api.shown(&headers, &PublicRead::Offer(offer_id)).await?.answer(&headers);
    };
    let of = PastOf::Offer(offer_id.clone());
    let mut reading = api.reading_at(&caller, &headers, at, of).await?;
    let body = read_offer_body(&mut reading, &offer_id).await?;
    json_with_version(&headers, body.version, &body)
}

/// An offer at the time of a read; 404 where there is no such offer.
pub async fn read_offer_body(
    reading: &mut Reading,
    offer_id: &OfferId,
) -> Result<OfferBody, Problem> {
    let now = time(now(reading.as_of()))?;
    offer(read_offer(reading, offer_id).await?, now)
}

pub(crate) async fn get_account_offer(
    State(api): State<QueryApi>,
    PathIds(account_id, offer_id): PathIds<AccountId, OfferId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted = wanted_positions(&api, &headers)?;
    if api.has_no_account(&account_id, &wanted) {
        return Err(no_account(&account_id));
    }
    let mut reading = api.reading(&wanted).await?;
    let now = time(now(reading.as_of()))?;
    check_exists(&mut reading, &account_id).await?;
    let row = read_offer(&mut reading, &offer_id).await?;
    let costs = Costs::of(&row)?;
    let OfferBody {
        segment,
        limit_per_shopper,
        limits_per_shopper,
        time_zone,
        remaining,
        version,
        status,
        ..
    } = offer_at(row, &costs, now)?;
    let family = Family::read(&mut reading, &account_id).await.map_err(failed)?;
    let needs_segment = match segment {
        Some(segment) if !is_in(&mut reading, &family.end, segment).await? => Some(segment),
        _ => None,
    };
    // An account that was merged stands on no ladder any more.
    let tiers = Tiers::read(&mut reading, &family.end, now).await?;
    let needs_tier = costs.tier.filter(|tier| tiers.level_of(*tier).is_none());
    let of_tier = costs.tier_prices.that_counts(|tier| tiers.level_of(tier));
    let prices = of_tier.map_or(&costs.prices, |price| &price.prices);
    let had = costs.tier.filter(|_| needs_tier.is_none());
    let tier = of_tier.map(|price| price.tier).or(had).map(LadderTierBody::from);
    let Price { unit, points: price } = prices.first();
    let periods = limits_per_shopper.map(PeriodLimits::from).unwrap_or_default();
    let accounts = family.counted_with(&account_id);
    let taking = Taking { accounts: &accounts, offer_id: &offer_id, now };
    let (taken, limits) = taking.read(&mut reading, periods, &time_zone).await?;
    let kept = taking.kept(&mut reading, &account_id).await?;
    let left_of = |limit: Units, taken: u64| limit.get().saturating_sub(taken);
    let left = limit_per_shopper.map(|limit| left_of(limit, taken));
    let left = left.into_iter().chain(limits.iter().map(|it| left_of(it.limit, it.taken)));
    // Nothing begins under the id of an account that was merged.
    let is_merged = family.merged_into(&account_id).is_some();
    let is_shut_out = is_merged || needs_tier.is_some() || needs_segment.is_some();
    // What is kept for the shopper is out of the stock.
    let there = remaining.map(|remaining| remaining + kept);
    let may_take = match status {
        OfferStatus::Open if !is_shut_out => left.chain(there).min(),
        OfferStatus::SoldOut if !is_shut_out => left.chain([kept]).min(),
        _ => Some(0),
    };
    let body = AccountOfferBody {
        account_id,
        offer_id,
        status,
        price,
        unit,
        prices: PriceBody::all(prices),
        tier,
        needs_tier: needs_tier.map(LadderTierBody::from),
        needs_segment,
        limit_per_shopper,
        taken,
        limits,
        may_take,
        remaining,
        version,
    };
    json_with_etag(&headers, &body)
}

/// A shopper who asks for an offer.
struct Taking<'a> {
    /// The shopper's account, and those whose exchanges count for it, too.
    accounts: &'a [AccountId],
    offer_id: &'a OfferId,
    now: Timestamp,
}

impl Taking<'_> {
    /// What the shopper has had for ever, and in each period that has a limit.
    async fn read(
        &self,
        reading: &mut Reading,
        limits: PeriodLimits,
        zone: &TimeZone,
    ) -> Result<(u64, Vec<ShopperLimitBody>), Problem> {
        let calendar = zone.calendar().unwrap_or(Calendar::UTC);
        let days = limits.days(calendar.day(self.now));
        let marks = [LimitPeriod::Day, LimitPeriod::Week, LimitPeriod::Month];
        let marks = marks.map(|period| mark(period, days.of(period)));
        let mut row = TakenRow::default();
        for account_id in self.accounts {
            let ids = [account_id.as_str(), self.offer_id.as_str()];
            let texts = ids.into_iter().chain(marks.iter().map(String::as_str));
            let mut arguments: Vec<Argument<'_>> = texts.map(Into::into).collect();
            let taken: TakenRow = reading.one(*TAKEN, &arguments).await.map_err(failed)?;
            arguments.push(self.now.micros().into());
            let reserved: TakenRow = reading.one(RESERVED, &arguments).await.map_err(failed)?;
            row = row.and(&taken).and(&reserved);
        }
        let limits = limits.iter().filter_map(|(period, limit)| {
            let next = period.next(days.of(period)?)?;
            let taken = match period {
                LimitPeriod::Day => row.in_day,
                LimitPeriod::Week => row.in_week,
                LimitPeriod::Month => row.in_month,
                LimitPeriod::Ever => row.taken,
            };
            let renews_at = calendar.start_of_day(next);
            Some(sum(taken).map(|taken| ShopperLimitBody {
                period: period.as_str(),
                limit,
                taken,
                renews_at,
            }))
        });
        Ok((sum(row.taken)?, limits.collect::<Result<_, _>>()?))
    }

    /// How many units are kept for an account that waited.
    async fn kept(&self, reading: &mut Reading, account_id: &AccountId) -> Result<u64, Problem> {
        let (offer_id, now) = (self.offer_id.as_str(), self.now.micros());
        let arguments = [account_id.as_str().into(), offer_id.into(), now.into()];
        let (kept,): (i64,) = reading.one(KEPT, &arguments).await.map_err(failed)?;
        sum(kept)
    }
}

/// What stands in the JSON of an exchange that counts in a period, as a pattern; of no period, what
/// stands nowhere.
fn mark(period: LimitPeriod, first: Option<Day>) -> String {
    first.map(|first| format!("%\"{}\":\"{first}\"%", period.as_str())).unwrap_or_default()
}

/// What an offer costs, and for whom it is.
struct Costs {
    prices: Prices,
    tier: Option<LadderTier>,
    tier_prices: TierPrices,
}

impl Costs {
    fn of(row: &OfferAvailability) -> Result<Self, Problem> {
        Ok(Self {
            prices: prices(&row.unit, row.price, row.further_prices.as_deref())?,
            tier: row.tier.as_deref().map(json).transpose()?,
            tier_prices: row.tier_prices.as_deref().map(json).transpose()?.unwrap_or_default(),
        })
    }
}

async fn read_offer(
    reading: &mut Reading,
    offer_id: &OfferId,
) -> Result<OfferAvailability, Problem> {
    find_offer(reading, offer_id).await?.ok_or_else(no_offer)
}

/// An offer with what all partitions have sold, if there is one.
pub(crate) async fn find_offer(
    reading: &mut Reading,
    offer_id: &OfferId,
) -> Result<Option<OfferAvailability>, Problem> {
    let row: Option<Row> =
        reading.optional(*SELECT, &[offer_id.as_str().into()]).await.map_err(failed)?;
    Ok(row.map(Row::whole))
}

/// 404 of an offer.
pub(crate) fn no_offer() -> Problem {
    Problem::not_found("The offer doesn't exist. GET /v1/offers lists all of them.")
}

pub(crate) async fn list_offers(
    State(api): State<QueryApi>,
    QueryString(query): QueryString<OffersQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let status = query.status.map_or("", OfferStatus::as_str);
    let limit = page_limit(query.limit)?;
    let after = id_after::<OfferId>(&list_name(status), query.cursor.as_deref())?;
    let page = PublicRead::Offers { status, limit, after };
    api.shown(&headers, &page).await?.answer(&headers)
}

/// A cursor belongs to the list with its filter.
fn list_name(status: &str) -> String {
    format!("offers {status}")
}

/// A page of the offers that have a status, which is empty for all, at the time of a read.
pub(crate) async fn read_page(
    reading: &mut Reading,
    status: &str,
    limit: u32,
    after: &str,
) -> Result<Page<OfferBody>, Problem> {
    const CLOSED: &str = OfferStatus::Closed.as_str();
    let now = now(reading.as_of());
    let (after, limit_and_one) = (after.into(), (limit + 1).into());
    let rows: Result<Vec<Row>, _> = match status {
        "" => reading.all(*LIST, &[after, limit_and_one]).await,
        CLOSED => reading.all(*LIST_CLOSED, &[after, limit_and_one]).await,
        _ => {
            let arguments = [after, status.into(), now.into(), limit_and_one];
            reading.all(*LIST_OF_STATUS, &arguments).await
        }
    };
    let rows = rows.map_err(failed)?;
    let now = time(now)?;
    let offers =
        rows.into_iter().map(|row| offer(row.whole(), now)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(offers, limit, &list_name(status), |offer| offer.offer_id.to_string()))
}

/// An offer as it is shown at a time.
pub(crate) fn offer(row: OfferAvailability, now: Timestamp) -> Result<OfferBody, Problem> {
    let costs = Costs::of(&row)?;
    offer_at(row, &costs, now)
}

fn offer_at(row: OfferAvailability, costs: &Costs, now: Timestamp) -> Result<OfferBody, Problem> {
    let status = status_of(&row.phase, [row.opens_at, row.closes_at], (row.stock, row.sold), now)?;
    let window = [optional_time(row.opens_at)?, optional_time(row.closes_at)?];
    // Where a partition's projection has stopped, the sums of the others may be ahead.
    let remaining = row.stock.map(|stock| sum((stock - row.sold).max(0))).transpose()?;
    let attributes: Option<Attributes> = optional_text(row.attributes.as_deref())?;
    let limits: Option<PeriodLimits> = row.limits_per_shopper.as_deref().map(json).transpose()?;
    let Costs { prices, tier, tier_prices } = costs;
    let Price { unit, points: price } = prices.first();
    Ok(OfferBody {
        offer_id: text(&row.offer_id)?,
        product_id: text(&row.product_id)?,
        price,
        unit,
        prices: PriceBody::all(prices),
        tier: tier.map(LadderTierBody::from),
        segment: optional_text(row.segment.as_deref())?,
        tier_prices: TierPriceBody::all(tier_prices),
        opens_at: window[0],
        closes_at: window[1],
        limit_per_shopper: row.limit_per_shopper.map(units).transpose()?,
        limits_per_shopper: limits.map(PeriodLimitsBody::from),
        time_zone: text(&row.time_zone)?,
        warehouse: text(&row.warehouse)?,
        ships: row.ships,
        codes: row.codes,
        page: PageBody {
            name: optional_text(row.name.as_deref())?,
            description: optional_text(row.description.as_deref())?,
            image_url: optional_text(row.image_url.as_deref())?,
            category: optional_text(row.category.as_deref())?,
            attributes: attributes.map(AttributesBody),
            remaining_shown: optional_text(row.remaining_shown.as_deref())?,
        },
        stock: row.stock.map(sum).transpose()?,
        remaining,
        version: sum(row.version)?,
        status,
        position: place(row.partition, row.position)?,
    })
}
