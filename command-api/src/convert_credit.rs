//! `PUT /v1/accounts/{account_id}/conversions/{conversion_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::ConvertCredit;
use domain::{AccountId, Command, ConversionId, CreditConverted};
use log_record::Place;
use wire::body::{ConvertCreditBody, ConvertedFromBody, CreditConvertedBody};
use wire::{Caller, JsonBody, Object, PathIds, Problem};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::respond_fact;

pub(crate) async fn convert_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, conversion_id): PathIds<AccountId, ConversionId>,
    JsonBody(body): JsonBody<ConvertCreditBody>,
) -> Result<Response, Problem> {
    let ConvertCreditBody { from: Object(asked), to, expected_points, occurred_at } = body;
    let ConvertedFromBody { unit, points } = asked;
    let from = unit.unwrap_or_default();
    if from == to {
        return Err(Problem::invalid_field("to", "must be another unit than from.unit"));
    }
    let command = Command::ConvertCredit(ConvertCredit {
        account_id,
        conversion_id,
        from,
        points,
        to,
        expected_points,
        occurred_at,
    });
    let done = api.execute(command, caller).await?;
    respond_fact!(done, CreditConverted => credit_converted)
}

pub(crate) fn credit_converted(
    account_id: AccountId,
    fact: CreditConverted,
    position: Place,
) -> CreditConvertedBody {
    let CreditConverted {
        conversion_id,
        unit,
        points,
        lots,
        to,
        to_points,
        expires_at,
        rate,
        asked_points,
        expected_points,
        occurred_at,
    } = fact;
    CreditConvertedBody {
        account_id,
        conversion_id,
        unit,
        points,
        lots: lot_parts(lots),
        to,
        to_points,
        expires_at,
        rate: rate.into(),
        asked_points,
        expected_points,
        occurred_at,
        position,
    }
}
