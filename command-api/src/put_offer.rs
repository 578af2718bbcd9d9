//! `PUT /v1/offers/{offer_id}`: opens an offer, or amends one with `If-Match`. With
//! `If-None-Match: *` it only opens. `PATCH` amends some terms, and needs `If-Match`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{AmendOffer, OpenOffer, ShowTerms};
use domain::{
    Command, Event, Offer, OfferId, OfferPhase, OfferStatus, Page, Price, Refusal, Subject, Terms,
    Units, WarehouseId,
};
use log_record::{Partition, Place};
use wire::body::{
    AttributesBody, LadderTierBody, OFFER_BYTES_MAX, OfferBody, PeriodLimitsBody, PriceBody,
    PutOfferBody, TierPriceBody,
};
use wire::{Caller, JsonBody, MergePatch, Object, PathId, Precondition, Problem};

use crate::CommandApi;
use crate::execute::{Done, unexpected};
use crate::patch::{if_match, is_overtaken, stale_or, versions_as_read};
use crate::prices::offered;
use crate::refusal_problem::{already_exists, not_found_where_unknown, refused};
use crate::tier_prices::tier_prices;
use crate::versioned_put::new_if_asked;

/// The warehouse that ships where the body names none.
const WAREHOUSE_DEFAULT: &str = "main";

/// What an answer has beside the terms.
const ANSWER_ONLY: &[&str] = &["offer_id", "stock", "remaining", "version", "status", "position"];

/// An offer as a body says it.
struct Said {
    terms: Terms,
    page: Page,
    stock: Option<Option<Units>>,
}

pub(crate) async fn put_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutOfferBody, OFFER_BYTES_MAX>,
) -> Result<Response, Problem> {
    let Said { terms, page, stock } = said(body)?;
    let (id, shown) = (offer_id.clone(), page.clone());
    let precondition = Precondition::read(&headers)?;
    let command = match &precondition {
        Precondition::Absent | Precondition::IsNew => {
            let stock = match stock {
                Some(_) if terms.codes => return Err(refused(&Refusal::StockOfCodes)),
                Some(stock) => stock,
                // It is the number of codes that will be uploaded.
                None if terms.codes => None,
                None => return Err(no_stock(&api, caller, offer_id, &precondition).await),
            };
            Command::OpenOffer(OpenOffer { offer_id, terms, page, stock })
        }
        Precondition::AnyVersion => {
            let read_versions = None;
            Command::AmendOffer(AmendOffer { offer_id, terms, page, stock, read_versions })
        }
        Precondition::Versions(versions) => {
            let read_versions = Some(versions.clone());
            Command::AmendOffer(AmendOffer { offer_id, terms, page, stock, read_versions })
        }
    };
    let done = api.execute(command, caller).await.map_err(not_found_where_unknown);
    let done = new_if_asked(&precondition, done)?;
    let is_new = matches!(done.event, Some(Event::OfferOpened(_)));
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    respond_offer(&done, status, id, shown)
}

pub(crate) async fn patch_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<MergePatch, OFFER_BYTES_MAX>,
) -> Result<Response, Problem> {
    let read = if_match(&headers)?;
    loop {
        let shown = api.show(ShowTerms::Offer(offer_id.clone()), caller.clone()).await;
        let shown = shown.map_err(not_found_where_unknown)?;
        let Some(Subject::Offer(offer, status)) = &shown.subject else { return Err(unexpected()) };
        let page = api.page_of(shown.place.partition, offer).await?;
        let present = offer_body(offer_id.clone(), offer, *status, page, shown.place.partition);
        // A body has `price` or `prices`.
        let has_prices = patch.gives("prices") || present.prices.len() > 1;
        let twice: &[&str] = if has_prices {
            &["price", "unit"]
        } else if patch.gives_zero("price") {
            // What is free costs nothing of the unit that it cost before.
            &["prices", "unit"]
        } else {
            &["prices"]
        };
        let merged = patch.onto(&present, &[ANSWER_ONLY, twice].concat()).and_then(said);
        let Said { terms, page, stock } = merged.map_err(|problem| {
            let version = offer.version;
            stale_or(problem, read.matches(version), Refusal::OfferChanged { version })
        })?;
        let read_versions = Some(versions_as_read(&read, offer.version));
        let (id, shown_page) = (offer_id.clone(), page.clone());
        let amendment = AmendOffer { offer_id: id, terms, page, stock, read_versions };
        match api.execute(Command::AmendOffer(amendment), caller.clone()).await {
            Err(problem) if is_overtaken(&problem) && read.matches(offer.version) => {}
            done => {
                let done = done.map_err(not_found_where_unknown)?;
                return respond_offer(&done, StatusCode::OK, offer_id, shown_page);
            }
        }
    }
}

/// The refusal of an opening without `stock`. It looks first whether the offer exists, because then
/// that is the better answer.
async fn no_stock(
    api: &CommandApi,
    caller: Caller,
    offer_id: OfferId,
    precondition: &Precondition,
) -> Problem {
    match api.show(ShowTerms::Offer(offer_id), caller).await {
        Ok(_) if *precondition == Precondition::IsNew => already_exists(),
        Ok(Done { subject: Some(Subject::Offer(offer, _)), .. }) => {
            refused(&Refusal::OfferExists { version: offer.version })
        }
        Err(problem) if problem.code() != Refusal::OfferUnknown.code() => problem,
        Ok(_) | Err(_) => {
            let complaint = "is missing: send the number of units, or null for unlimited";
            Problem::invalid_field("stock", complaint)
        }
    }
}

fn said(body: PutOfferBody) -> Result<Said, Problem> {
    let PutOfferBody {
        product_id,
        price,
        unit,
        prices,
        tier,
        segment,
        tier_prices,
        stock,
        opens_at,
        closes_at,
        limit_per_shopper,
        limits_per_shopper,
        time_zone,
        warehouse,
        ships,
        codes,
        name,
        description,
        image_url,
        category,
        attributes,
        remaining_shown,
    } = body;
    if let (Some(opens_at), Some(closes_at)) = (opens_at, closes_at)
        && closes_at <= opens_at
    {
        let complaint = format!("must be after opens_at, which is {opens_at}");
        return Err(Problem::invalid_field("closes_at", complaint));
    }
    if let Err(unknown) = time_zone.calendar() {
        return Err(Problem::invalid_field("time_zone", unknown.to_string()));
    }
    let limits = limits_per_shopper.map(|Object(limits)| limits).unwrap_or_default();
    let prices = offered(price, unit, prices)?;
    let warehouse = warehouse_or_default(warehouse)?;
    let ships = ships.unwrap_or(!codes);
    if ships && codes {
        let complaint = "can't be true beside codes: a code is handed out, and not shipped";
        return Err(Problem::invalid_field("ships", complaint));
    }
    let terms = Terms {
        product_id,
        tier: tier.map(|Object(tier)| tier.into()),
        segment,
        tier_prices: self::tier_prices(tier_prices, &prices)?,
        prices,
        opens_at,
        closes_at,
        limit_per_shopper,
        period_limits: limits.into(),
        time_zone,
        warehouse,
        ships,
        codes,
    };
    let attributes = attributes.map(|AttributesBody(attributes)| attributes);
    let page = Page { name, description, image_url, category, attributes, remaining_shown };
    Ok(Said { terms, page, stock })
}

/// The warehouse that the body names, or the default one.
pub(crate) fn warehouse_or_default(named: Option<WarehouseId>) -> Result<WarehouseId, Problem> {
    match named {
        Some(warehouse) => Ok(warehouse),
        None => WAREHOUSE_DEFAULT.parse().map_err(|_| Problem::internal()),
    }
}

/// The offer that a command paused, closed or let go on, with the page that it has.
pub(crate) async fn respond_with_page(
    api: &CommandApi,
    done: &Done,
    offer_id: OfferId,
) -> Result<Response, Problem> {
    let Some(Subject::Offer(offer, _)) = &done.subject else { return Err(unexpected()) };
    // It is recorded: an answer without the page is better than one that doubts it.
    let page = api.page_of(done.place.partition, offer).await.unwrap_or_default();
    respond_offer(done, done.status(), offer_id, page)
}

/// The offer that a command opened, amended or closed, with its version as ETag.
fn respond_offer(
    done: &Done,
    status: StatusCode,
    offer_id: OfferId,
    page: Page,
) -> Result<Response, Problem> {
    let Some(Subject::Offer(offer, offer_status)) = &done.subject else {
        return Err(unexpected());
    };
    let body = offer_body(offer_id, offer, *offer_status, page, done.place.partition);
    done.respond_version(status, offer.version, &body)
}

fn offer_body(
    offer_id: OfferId,
    offer: &Offer,
    status: OfferStatus,
    page: Page,
    partition: Partition,
) -> OfferBody {
    let Offer {
        terms,
        page: _hash,
        terms_at: _,
        version,
        opening_stock: _,
        reserved: _,
        inventory,
        phase: OfferPhase::Open | OfferPhase::Paused { .. } | OfferPhase::Closed { .. },
        changed_at,
    } = offer;
    let Terms {
        product_id,
        prices,
        tier,
        segment,
        tier_prices,
        opens_at,
        closes_at,
        limit_per_shopper,
        period_limits,
        time_zone,
        warehouse,
        ships,
        codes,
    } = terms.clone();
    let Price { unit, points: price } = prices.first();
    OfferBody {
        offer_id,
        product_id,
        price,
        unit,
        prices: PriceBody::all(&prices),
        tier: tier.map(LadderTierBody::from),
        segment,
        tier_prices: TierPriceBody::all(&tier_prices),
        opens_at,
        closes_at,
        limit_per_shopper,
        limits_per_shopper: Some(period_limits)
            .filter(|limits| !limits.is_empty())
            .map(PeriodLimitsBody::from),
        time_zone,
        warehouse,
        ships,
        codes,
        page: page.into(),
        stock: inventory.stock().map(Units::get),
        remaining: inventory.remaining().map(Units::get),
        version: *version,
        status,
        position: Place { partition, position: *changed_at },
    }
}
