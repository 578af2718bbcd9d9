//! `PUT /v1/accounts/{account_id}/purchases/{purchase_id}/returns/{return_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::ReturnPurchase;
use domain::{
    AccountId, Command, Note, PurchaseId, PurchaseReturned, ReturnId, ReturnedLine, RoomBack,
    TakenBack,
};
use log_record::Place;
use wire::body::{
    PurchaseReturnedBody, ReturnPurchaseBody, ReturnedLineBody, RoomBackBody, TakenBackBody,
};
use wire::{Caller, JsonBody, Object, Problem, ThreePathIds};

use crate::CommandApi;
use crate::execute::respond_fact;
use crate::record_purchase::{PURCHASE_BYTES_MAX, check_product_is_new};

pub(crate) async fn return_purchase(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, purchase_id, return_id): ThreePathIds<AccountId, PurchaseId, ReturnId>,
    JsonBody(body): JsonBody<ReturnPurchaseBody, PURCHASE_BYTES_MAX>,
) -> Result<Response, Problem> {
    let ReturnPurchaseBody { lines: line_bodies, by, reason, occurred_at } = body;
    let command = Command::ReturnPurchase(ReturnPurchase {
        account_id,
        purchase_id,
        return_id,
        lines: line_bodies.map(lines).transpose()?,
        note: Note { by, reason },
        occurred_at,
        original: None,
    });
    let done = api.execute(command, caller).await?;
    respond_fact!(done, PurchaseReturned => purchase_returned)
}

fn lines(bodies: Vec<Object<ReturnedLineBody>>) -> Result<Vec<ReturnedLine>, Problem> {
    if bodies.is_empty() {
        let complaint = "must name a product at least; leave the field out to return all of them";
        return Err(Problem::invalid_field("lines", complaint));
    }
    let mut lines: Vec<ReturnedLine> = Vec::with_capacity(bodies.len());
    for (index, Object(ReturnedLineBody { product_id, quantity })) in bodies.into_iter().enumerate()
    {
        check_product_is_new(index, &product_id, lines.iter().map(|line| &line.product_id))?;
        lines.push(ReturnedLine { product_id, quantity });
    }
    Ok(lines)
}

pub(crate) fn purchase_returned(
    account_id: AccountId,
    fact: PurchaseReturned,
    position: Place,
) -> PurchaseReturnedBody {
    let PurchaseReturned {
        purchase_id,
        return_id,
        lines,
        taken,
        asked_lines,
        occurred_at,
        note: _private,
    } = fact;
    let taken: Vec<TakenBackBody> = taken.into_iter().map(taken_back).collect();
    let first = taken.first();
    PurchaseReturnedBody {
        account_id,
        purchase_id,
        return_id,
        lines: returned_lines(lines),
        unit: first.map(|first| first.unit).unwrap_or_default(),
        points: first.map(|first| first.points).unwrap_or_default(),
        room_back: first.and_then(|first| first.room_back.clone()),
        taken,
        asked_lines,
        occurred_at,
        position,
    }
}

pub(crate) fn returned_lines(lines: Vec<ReturnedLine>) -> Vec<ReturnedLineBody> {
    let line = |ReturnedLine { product_id, quantity }| ReturnedLineBody { product_id, quantity };
    lines.into_iter().map(line).collect()
}

fn taken_back(taken: TakenBack) -> TakenBackBody {
    let TakenBack { unit, points, room_back } = taken;
    TakenBackBody { unit, points, room_back: room_back.map(room_back_body) }
}

fn room_back_body(back: RoomBack) -> RoomBackBody {
    let RoomBack { room, points } = back;
    RoomBackBody { room: room.into(), points }
}
