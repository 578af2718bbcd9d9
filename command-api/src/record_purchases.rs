//! `POST /v1/purchases`: many purchases in one call, each with its own outcome.

use axum::extract::State;
use axum::response::Response;
use log_record::Place;
use wire::body::{
    PurchaseOutcomeBody, PutPurchaseBody, PutPurchaseItemBody, PutPurchasesBody,
    RecordedPurchasesBody,
};
use wire::{Caller, JsonBody, Object, Problem};

use crate::CommandApi;
use crate::many::respond_all;
use crate::record_purchase::record;

/// The most purchases in a call.
const PURCHASES_MAX: usize = 1_000;

/// A thousand of a few lines fit.
const PURCHASES_BYTES_MAX: usize = 1024 * 1024;

pub(crate) async fn record_purchases(
    State(api): State<CommandApi>,
    caller: Caller,
    JsonBody(body): JsonBody<PutPurchasesBody, PURCHASES_BYTES_MAX>,
) -> Result<Response, Problem> {
    if body.purchases.is_empty() || body.purchases.len() > PURCHASES_MAX {
        let complaint = format!("must be a list of 1 to {PURCHASES_MAX} purchases");
        return Err(Problem::invalid_field("purchases", complaint));
    }
    let recordings = body
        .purchases
        .into_iter()
        .map(|Object(item)| record_item(&api, caller.for_one_of_many(), item));
    respond_all(recordings, |items| RecordedPurchasesBody { items }).await
}

/// One purchase's outcome, and the place of its last event.
async fn record_item(
    api: &CommandApi,
    caller: Caller,
    item: PutPurchaseItemBody,
) -> (PurchaseOutcomeBody, Option<Place>) {
    let PutPurchaseItemBody {
        account_id,
        purchase_id,
        lines,
        unit,
        points,
        rule,
        rules,
        warehouse,
        deliver_to,
        available_at,
        expires_at,
        occurred_at,
    } = item;
    let body = PutPurchaseBody {
        lines,
        unit,
        points,
        rule,
        rules,
        warehouse,
        deliver_to,
        available_at,
        expires_at,
        occurred_at,
    };
    match record(api, caller, account_id, purchase_id, body).await {
        Ok((done, purchase)) => {
            let status = done.status().as_u16();
            (
                PurchaseOutcomeBody { status, purchase: Some(purchase), problem: None },
                Some(done.last),
            )
        }
        Err(problem) => {
            let status = problem.status().as_u16();
            (PurchaseOutcomeBody { status, purchase: None, problem: Some(problem) }, None)
        }
    }
}
