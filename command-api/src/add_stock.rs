//! `PUT /v1/offers/{offer_id}/stock-additions/{addition_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::AddStock;
use domain::{AdditionId, Command, Event, OfferId, StockAdded};
use wire::body::{AddStockBody, StockAdditionBody};
use wire::{Caller, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::execute::unexpected;
use crate::refusal_problem::not_found_where_unknown;

pub(crate) async fn add_stock(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(offer_id, addition_id): PathIds<OfferId, AdditionId>,
    JsonBody(AddStockBody { units }): JsonBody<AddStockBody>,
) -> Result<Response, Problem> {
    let command = Command::AddStock(AddStock { offer_id, addition_id, units });
    let mut done = api.execute(command, caller).await.map_err(not_found_where_unknown)?;
    let Some(Event::StockAdded(fact)) = done.event.take() else { return Err(unexpected()) };
    let StockAdded { offer_id, addition_id, units } = fact;
    done.respond(&StockAdditionBody { offer_id, addition_id, units, position: done.place })
}
