//! `PUT /v1/accounts/{account_id}/purchases/{purchase_id}/returns/{return_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::ReturnPurchase;
use domain::{
    AccountId, Actor, Command, Event, Note, ProductId, PurchaseId, Reason, ReturnId, ReturnedLine,
    Timestamp, Units,
};
use serde::Deserialize;
use wire::{Caller, JsonBody, Object, Problem, ThreePathIds};

use crate::CommandApi;
use crate::execute::unexpected;
use crate::record_purchase::{PURCHASE_BYTES_MAX, check_product_is_new};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnPurchaseBody {
    lines: Option<Vec<Object<LineBody>>>,
    by: Option<Actor>,
    reason: Option<Reason>,
    occurred_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineBody {
    product_id: ProductId,
    quantity: Units,
}

pub(crate) async fn return_purchase(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, purchase_id, return_id): ThreePathIds<AccountId, PurchaseId, ReturnId>,
    JsonBody(body): JsonBody<ReturnPurchaseBody, PURCHASE_BYTES_MAX>,
) -> Result<Response, Problem> {
    let command = Command::ReturnPurchase(ReturnPurchase {
        account_id,
        purchase_id,
        return_id,
        lines: body.lines.map(lines).transpose()?,
        note: Note { by: body.by, reason: body.reason },
        occurred_at: body.occurred_at,
        original: None,
    });
    let done = api.execute(command, caller).await?;
    let Some(Event::PurchaseReturned(account_id, fact)) = &done.event else {
        return Err(unexpected());
    };
    done.respond_fact(account_id, fact)
}

fn lines(bodies: Vec<Object<LineBody>>) -> Result<Vec<ReturnedLine>, Problem> {
    if bodies.is_empty() {
        let complaint = "must name what came back; leave it out where all did";
        return Err(Problem::invalid_field("lines", complaint));
    }
    let mut lines: Vec<ReturnedLine> = Vec::with_capacity(bodies.len());
    for (index, Object(LineBody { product_id, quantity })) in bodies.into_iter().enumerate() {
        check_product_is_new(index, &product_id, lines.iter().map(|line| &line.product_id))?;
        lines.push(ReturnedLine { product_id, quantity });
    }
    Ok(lines)
}
