//! `PUT /v1/accounts/{account_id}/holds/{hold_id}/capture`

use axum::extract::State;
use axum::response::Response;
use domain::command::{Capture, CaptureHold, Order};
use domain::{AccountId, Command, Event, ExchangeCreated, Grace, HoldCaptured, HoldId, Price};
use log_record::Place;
use wire::body::{
    CaptureExchangeBody, CaptureHoldBody, CountedBody, ExchangeCreatedBody, HoldCapturedBody,
    LadderTierBody, PriceBody,
};
use wire::{Caller, HasKeys as _, JsonBody, Object, PathIds, Problem};

use crate::CommandApi;
use crate::credit_lot::lot_parts;
use crate::execute::unexpected;
use crate::hold_credit::kept;
use crate::prices::expected;
use crate::redeem::count_attempt;

pub(crate) async fn capture_hold(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    JsonBody(body): JsonBody<CaptureHoldBody>,
) -> Result<Response, Problem> {
    let CaptureHoldBody { points, exchange, occurred_at } = body;
    let capture = match (points, exchange) {
        (points, None) => Capture::Points(points),
        (None, Some(Object(exchange))) => {
            if let Some(limits) = api.keys().limits() {
                limits.count_redemption(&caller, account_id.as_str())?;
            }
            count_attempt(&api, &account_id, &exchange.offer_id)?;
            Capture::Exchange(order(exchange)?)
        }
        (Some(_), Some(_)) => {
            let complaint = "can't be sent beside exchange, whose price counts; leave one out";
            return Err(Problem::invalid_field("points", complaint));
        }
    };
    let command = Command::CaptureHold(CaptureHold { account_id, hold_id, capture, occurred_at });
    let mut done = api.execute(command, caller).await?;
    match done.event.take() {
        Some(Event::HoldCaptured(account_id, fact)) => {
            done.respond(&hold_captured(account_id, fact, done.place))
        }
        Some(Event::ExchangeCreated(account_id, fact)) => {
            let mut body = exchange_created(account_id, fact, done.place);
            if let Some(place) = body.code_at {
                let code = api.code_at(place).await?;
                (body.erased, body.code) = (code.is_none(), Some(code));
            }
            done.respond(&body)
        }
        _ => Err(unexpected()),
    }
}

fn order(body: CaptureExchangeBody) -> Result<Order, Problem> {
    let CaptureExchangeBody {
        exchange_id,
        offer_id,
        quantity,
        deliver_to,
        expected_points,
        expected_prices,
    } = body;
    let expected_prices = expected(expected_points, expected_prices, "exchange.")?;
    Ok(Order { exchange_id, offer_id, quantity, deliver_to, expected_points, expected_prices })
}

pub(crate) fn hold_captured(
    account_id: AccountId,
    fact: HoldCaptured,
    position: Place,
) -> HoldCapturedBody {
    let HoldCaptured {
        hold_id,
        unit,
        points,
        lots,
        released,
        grace_until,
        grace,
        pays_exchange,
        asked_points,
        keeps,
        occurred_at,
    } = fact;
    let Grace { days, on_own_request } = grace;
    let (reserves, further) = kept(keeps);
    HoldCapturedBody {
        account_id,
        hold_id,
        unit,
        points,
        lots: lot_parts(lots),
        released: lot_parts(released),
        grace_until,
        grace_days: days,
        grace_on_own_request: on_own_request,
        pays_exchange,
        asked_points,
        reserves,
        further,
        occurred_at,
        position,
    }
}

pub(crate) fn exchange_created(
    account_id: AccountId,
    fact: ExchangeCreated,
    position: Place,
) -> ExchangeCreatedBody {
    let ExchangeCreated {
        exchange_id,
        offer_id,
        product_id,
        allocation,
        prices,
        tier,
        counted,
        warehouse,
        hold_id,
        expected_points,
        expected_prices,
        occurred_at,
        deliver_to: _private,
    } = fact;
    let Price { unit, points } = prices.first();
    let expected_prices =
        expected_prices.map(|prices| prices.iter().copied().map(Into::into).collect());
    ExchangeCreatedBody {
        account_id,
        exchange_id,
        offer_id,
        product_id,
        quantity: allocation.quantity(),
        code_at: allocation.code(),
        code: None,
        erased: false,
        points,
        unit,
        prices: PriceBody::all(&prices),
        tier: tier.map(LadderTierBody::from),
        counted: CountedBody::of(counted),
        warehouse,
        hold_id,
        expected_points,
        expected_prices,
        occurred_at,
        position,
    }
}
