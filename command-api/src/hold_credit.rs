//! `PUT /v1/accounts/{account_id}/holds/{hold_id}`: a hold of credit, or of credit with the
//! units of an offer that it pays.

use axum::extract::State;
use axum::response::Response;
use domain::command::{HoldCredit, ReserveOffer};
use domain::{AccountId, Command, CreditHeld, Grace, HoldId, Keeps};
use log_record::Place;
use wire::body::{
    CountedBody, CreditHeldBody, HoldCreditBody, LadderTierBody, PriceBody, ReservationBody,
};
use wire::{Caller, HasKeys as _, JsonBody, PathIds, Problem};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::respond_fact;
use crate::prices::expected;
use crate::redeem::count_attempt;

pub(crate) async fn hold_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    JsonBody(body): JsonBody<HoldCreditBody>,
) -> Result<Response, Problem> {
    let command = command(account_id, hold_id, body)?;
    if let Command::ReserveOffer(it) = &command {
        // It takes units like a redemption.
        if let Some(limits) = api.keys().limits() {
            limits.count_redemption(&caller, it.account_id.as_str())?;
        }
        count_attempt(&api, &it.account_id, &it.offer_id)?;
    }
    let done = api.execute(command, caller).await?;
    respond_fact!(done, CreditHeld => credit_held)
}

fn command(
    account_id: AccountId,
    hold_id: HoldId,
    body: HoldCreditBody,
) -> Result<Command, Problem> {
    let HoldCreditBody {
        unit,
        points,
        offer_id,
        quantity,
        expected_points,
        expected_prices,
        deadline,
        occurred_at,
    } = body;
    let Some(offer_id) = offer_id else {
        for (field, is_there) in [
            ("quantity", quantity.is_some()),
            ("expected_points", expected_points.is_some()),
            ("expected_prices", expected_prices.is_some()),
        ] {
            if is_there {
                return Err(Problem::invalid_field(field, "can be sent beside offer_id only"));
            }
        }
        let complaint = "is missing: send the points to set aside, or an offer_id";
        let points = points.ok_or_else(|| Problem::invalid_field("points", complaint))?;
        let unit = unit.unwrap_or_default();
        let hold = HoldCredit { account_id, hold_id, unit, points, deadline, occurred_at };
        return Ok(Command::HoldCredit(hold));
    };
    for (field, is_there) in [("points", points.is_some()), ("unit", unit.is_some())] {
        if is_there {
            let complaint = "can't be sent beside offer_id, whose price counts; leave one out";
            return Err(Problem::invalid_field(field, complaint));
        }
    }
    let complaint = "is missing: send the number of units to reserve";
    let quantity = quantity.ok_or_else(|| Problem::invalid_field("quantity", complaint))?;
    let expected_prices = expected(expected_points, expected_prices, "")?;
    Ok(Command::ReserveOffer(ReserveOffer {
        account_id,
        hold_id,
        offer_id,
        quantity,
        deadline,
        expected_points,
        expected_prices,
        occurred_at,
    }))
}

pub(crate) fn credit_held(
    account_id: AccountId,
    fact: CreditHeld,
    position: Place,
) -> CreditHeldBody {
    let CreditHeld { hold_id, unit, points, lots, deadline, grace, keeps, occurred_at } = fact;
    let Grace { days, on_own_request } = grace;
    let (reserves, further) = kept(keeps);
    CreditHeldBody {
        account_id,
        hold_id,
        unit,
        points,
        lots: lot_parts(lots),
        deadline,
        grace_days: days,
        grace_on_own_request: on_own_request,
        reserves,
        further,
        occurred_at,
        position,
    }
}

/// What a hold reserves, and whether it pays a further unit of what another one does.
pub(crate) fn kept(keeps: Keeps) -> (Option<ReservationBody>, bool) {
    let kept = match keeps {
        Keeps::Nothing => return (None, false),
        Keeps::Further => return (None, true),
        Keeps::Offer(kept) => *kept,
    };
    let domain::Reservation {
        offer_id,
        product_id,
        allocation,
        prices,
        tier,
        counted,
        warehouse,
        expected_points,
        expected_prices,
    } = kept;
    let expected_prices =
        expected_prices.map(|prices| prices.iter().copied().map(Into::into).collect());
    let body = ReservationBody {
        offer_id,
        product_id,
        quantity: allocation.quantity(),
        prices: PriceBody::all(&prices),
        tier: tier.map(LadderTierBody::from),
        counted: CountedBody::of(counted),
        warehouse,
        expected_points,
        expected_prices,
    };
    (Some(body), false)
}
