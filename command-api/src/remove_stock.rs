//! `PUT /v1/offers/{offer_id}/stock-removals/{removal_id}`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::command::RemoveStock;
use domain::{Command, Event, OfferId, RemovalId, StockRemoved};
use wire::body::{RemoveStockBody, StockRemovalBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;
use crate::patch::read_versions;
use crate::refusal_problem::not_found_where_unknown;

pub(crate) async fn remove_stock(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(offer_id, removal_id): PathIds<OfferId, RemovalId>,
    headers: HeaderMap,
    JsonBody(RemoveStockBody { units }): JsonBody<RemoveStockBody>,
) -> Result<Response, Problem> {
    let read_versions = read_versions(&headers)?;
    let command = Command::RemoveStock(RemoveStock { offer_id, removal_id, units, read_versions });
    let mut done = api.execute(command, caller).await.map_err(not_found_where_unknown)?;
    let Some(Event::StockRemoved(fact)) = done.event.take() else { return Err(unexpected()) };
    let StockRemoved { offer_id, removal_id, units } = fact;
    done.respond(&StockRemovalBody { offer_id, removal_id, units, position: done.place })
}
