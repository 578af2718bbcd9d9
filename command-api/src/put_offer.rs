//! `PUT /v1/offers/{offer_id}`: opens an offer, or amends one with `If-Match`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{AmendOffer, OpenOffer};
use domain::{Command, Event, OfferId, Points, ProductId, Terms, Timestamp, Units, WarehouseId};
use serde::{Deserialize, Deserializer};
use wire::{Caller, IfMatch, JsonBody, PathId, Problem};

use crate::refusal_problem::not_found_where_unknown;
use crate::{CommandApi, offer_body};

/// Who ships where nobody is named.
const WAREHOUSE_DEFAULT: &str = "main";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutOfferBody {
    product_id: ProductId,
    price: Points,
    /// Nothing where it isn't said, which is not the same as null, unlimited.
    #[serde(default, deserialize_with = "said")]
    stock: Option<Option<Units>>,
    opens_at: Option<Timestamp>,
    closes_at: Option<Timestamp>,
    limit_per_shopper: Option<Units>,
    warehouse: Option<WarehouseId>,
}

pub(crate) async fn put_offer(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(offer_id): PathId<OfferId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutOfferBody>,
) -> Result<Response, Problem> {
    let stock = body.stock;
    let terms = body.terms()?;
    let id = offer_id.clone();
    let command = match IfMatch::read(&headers)? {
        IfMatch::Absent => {
            let stock = stock.ok_or_else(|| {
                let complaint = "is missing: say how many there are, or null for no end of them";
                Problem::invalid_field("stock", complaint)
            })?;
            Command::OpenOffer(OpenOffer { offer_id, terms, stock })
        }
        IfMatch::Any => {
            Command::AmendOffer(AmendOffer { offer_id, terms, stock, read_version: None })
        }
        IfMatch::Version(version) => {
            let read_version = Some(version);
            Command::AmendOffer(AmendOffer { offer_id, terms, stock, read_version })
        }
    };
    let done = api.execute(command, caller).await.map_err(not_found_where_unknown)?;
    let is_new = matches!(done.event, Some(Event::OfferOpened(_)));
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    offer_body::respond(&done, status, &id)
}

impl PutOfferBody {
    fn terms(self) -> Result<Terms, Problem> {
        if let (Some(opens_at), Some(closes_at)) = (self.opens_at, self.closes_at)
            && closes_at <= opens_at
        {
            let complaint = format!("must be after opens_at, which is {opens_at}");
            return Err(Problem::invalid_field("closes_at", complaint));
        }
        Ok(Terms {
            product_id: self.product_id,
            price: self.price,
            opens_at: self.opens_at,
            closes_at: self.closes_at,
            limit_per_shopper: self.limit_per_shopper,
            warehouse: warehouse_or_default(self.warehouse)?,
        })
    }
}

/// Who ships, or who does where nobody is named.
pub(crate) fn warehouse_or_default(said: Option<WarehouseId>) -> Result<WarehouseId, Problem> {
    match said {
        Some(warehouse) => Ok(warehouse),
        None => WAREHOUSE_DEFAULT.parse().map_err(|_| Problem::internal()),
    }
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Units>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
