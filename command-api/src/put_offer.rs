//! `PUT /v1/offers/{offer_id}`: opens an offer, or amends one with `If-Match`. With
//! `If-None-Match: *` it only opens.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{AmendOffer, OpenOffer};
use domain::{Command, Event, Offer, OfferId, OfferPhase, Subject, Terms, Units, WarehouseId};
use wire::body::{OfferBody, OfferStatus, PutOfferBody};
use wire::{Caller, JsonBody, PathId, Precondition, Problem};

use crate::CommandApi;
use crate::execute::{Done, unexpected};
use crate::refusal_problem::{already_exists, exists_where_new, not_found_where_unknown};

/// The warehouse that ships where the body names none.
const WAREHOUSE_DEFAULT: &str = "main";

pub(crate) async fn put_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutOfferBody>,
) -> Result<Response, Problem> {
    let (terms, stock) = terms_and_stock(body)?;
    let id = offer_id.clone();
    let precondition = Precondition::read(&headers)?;
    let command = match &precondition {
        Precondition::Absent | Precondition::IsNew => {
            let stock = stock.ok_or_else(|| {
                let complaint = "is missing: send the number of units, or null for unlimited";
                Problem::invalid_field("stock", complaint)
            })?;
            Command::OpenOffer(OpenOffer { offer_id, terms, stock })
        }
        Precondition::AnyVersion => {
            Command::AmendOffer(AmendOffer { offer_id, terms, stock, read_versions: None })
        }
        Precondition::Versions(versions) => {
            let read_versions = Some(versions.clone());
            Command::AmendOffer(AmendOffer { offer_id, terms, stock, read_versions })
        }
    };
    let done = api.execute(command, caller).await.map_err(not_found_where_unknown);
    let done = new_if_asked(&precondition, done)?;
    let is_new = matches!(done.event, Some(Event::OfferOpened(_)));
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    respond_offer(&done, status, id)
}

/// Whether it was made just now, where `If-None-Match: *` asks for that.
pub(crate) fn new_if_asked(
    precondition: &Precondition,
    done: Result<Done, Problem>,
) -> Result<Done, Problem> {
    match (precondition, done) {
        (Precondition::IsNew, Ok(done)) if done.is_repeat => Err(already_exists()),
        (Precondition::IsNew, Err(problem)) => Err(exists_where_new(problem)),
        (_, done) => done,
    }
}

fn terms_and_stock(body: PutOfferBody) -> Result<(Terms, Option<Option<Units>>), Problem> {
    let PutOfferBody {
        product_id,
        price,
        stock,
        opens_at,
        closes_at,
        limit_per_shopper,
        warehouse,
    } = body;
    if let (Some(opens_at), Some(closes_at)) = (opens_at, closes_at)
        && closes_at <= opens_at
    {
        let complaint = format!("must be after opens_at, which is {opens_at}");
        return Err(Problem::invalid_field("closes_at", complaint));
    }
    let warehouse = warehouse_or_default(warehouse)?;
    let terms = Terms { product_id, price, opens_at, closes_at, limit_per_shopper, warehouse };
    Ok((terms, stock))
}

/// The warehouse that the body names, or the default one.
pub(crate) fn warehouse_or_default(named: Option<WarehouseId>) -> Result<WarehouseId, Problem> {
    match named {
        Some(warehouse) => Ok(warehouse),
        None => WAREHOUSE_DEFAULT.parse().map_err(|_| Problem::internal()),
    }
}

/// The offer that a command opened, amended or closed, with its version as ETag.
pub(crate) fn respond_offer(
    done: &Done,
    status: StatusCode,
    offer_id: OfferId,
) -> Result<Response, Problem> {
    let Some(Subject::Offer(offer)) = &done.subject else { return Err(unexpected()) };
    let Offer { terms, version, opening_stock: _, inventory, phase, changed_at: _ } = &**offer;
    let Terms { product_id, price, opens_at, closes_at, limit_per_shopper, warehouse } =
        terms.clone();
    let body = OfferBody {
        offer_id,
        product_id,
        price,
        opens_at,
        closes_at,
        limit_per_shopper,
        warehouse,
        stock: inventory.stock().map(Units::get),
        remaining: inventory.remaining().map(Units::get),
        version: *version,
        status: match phase {
            OfferPhase::Open => OfferStatus::Open,
            OfferPhase::Closed { at: _ } => OfferStatus::Closed,
        },
        position: done.place,
    };
    done.respond_version(status, *version, &body)
}
