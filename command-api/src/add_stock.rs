//! `PUT /v1/offers/{offer_id}/stock-additions/{addition_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::AddStock;
use domain::{AdditionId, Command, Event, OfferId, Units};
use serde::{Deserialize, Serialize};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;
use crate::refusal_problem::not_found_where_unknown;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddStockBody {
    units: Units,
}

#[derive(Serialize)]
struct StockAdditionBody<'a> {
    offer_id: &'a OfferId,
    addition_id: &'a AdditionId,
    units: Units,
    position: String,
}

pub(crate) async fn add_stock(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(offer_id, addition_id): PathIds<OfferId, AdditionId>,
    JsonBody(AddStockBody { units }): JsonBody<AddStockBody>,
) -> Result<Response, Problem> {
    let command = Command::AddStock(AddStock { offer_id, addition_id, units });
    let done = api.execute(command, caller).await.map_err(not_found_where_unknown)?;
    let Some(Event::StockAdded(fact)) = &done.event else { return Err(unexpected()) };
    done.respond(&StockAdditionBody {
        offer_id: &fact.offer_id,
        addition_id: &fact.addition_id,
        units: fact.units,
        position: done.place.to_string(),
    })
}
