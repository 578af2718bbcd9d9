//! `PUT /v1/shipping-requests/{shipping_request_id}/…`: what became of a parcel.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::State;
use axum::response::Response;
use domain::command::{DispatchShipment, RejectShipment, Report, ReportShipment};
use domain::{
    AccountId, Actor, Carrier, Command, Event, ExpressNo, Note, Reason, Shipped, Timestamp,
};
use event_schema::decode;
use event_store::StoreError;
use log_record::{Position, ShippingRequestId};
use serde::Deserialize;
use wire::{Caller, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::execute::{failed, unexpected, unread};

/// An acceptance or a delivery.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainBody {
    occurred_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackOrderBody {
    reason: Option<Reason>,
    occurred_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DispatchBody {
    carrier: Carrier,
    express_no: ExpressNo,
    occurred_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RejectionBody {
    reason: Reason,
    occurred_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettlementBody {
    reason: Reason,
    by: Option<Actor>,
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn accept_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(PlainBody { occurred_at }): JsonBody<PlainBody>,
) -> Result<Response, Problem> {
    report(&api, caller, &request_id, Report::Accepted, Note::default(), occurred_at).await
}

pub(crate) async fn back_order_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(BackOrderBody { reason, occurred_at }): JsonBody<BackOrderBody>,
) -> Result<Response, Problem> {
    let note = Note { by: None, reason };
    report(&api, caller, &request_id, Report::BackOrdered, note, occurred_at).await
}

pub(crate) async fn dispatch_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(DispatchBody { carrier, express_no, occurred_at }): JsonBody<DispatchBody>,
) -> Result<Response, Problem> {
    let (account_id, shipped) = shipped(&api, &request_id).await?;
    let dispatch = DispatchShipment { account_id, shipped, carrier, express_no, occurred_at };
    execute(&api, caller, Command::DispatchShipment(dispatch)).await
}

pub(crate) async fn deliver_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(PlainBody { occurred_at }): JsonBody<PlainBody>,
) -> Result<Response, Problem> {
    report(&api, caller, &request_id, Report::Delivered, Note::default(), occurred_at).await
}

pub(crate) async fn reject_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(RejectionBody { reason, occurred_at }): JsonBody<RejectionBody>,
) -> Result<Response, Problem> {
    let (account_id, shipped) = shipped(&api, &request_id).await?;
    let note = Note { by: None, reason: Some(reason) };
    let original = None;
    let rejection = RejectShipment { account_id, shipped, note, occurred_at, original };
    execute(&api, caller, Command::RejectShipment(rejection)).await
}

pub(crate) async fn settle_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(SettlementBody { reason, by, occurred_at }): JsonBody<SettlementBody>,
) -> Result<Response, Problem> {
    let note = Note { by, reason: Some(reason) };
    report(&api, caller, &request_id, Report::Settled, note, occurred_at).await
}

async fn report(
    api: &CommandApi,
    caller: Caller,
    request_id: &RequestId,
    report: Report,
    note: Note,
    occurred_at: Option<Timestamp>,
) -> Result<Response, Problem> {
    let (account_id, shipped) = shipped(api, request_id).await?;
    let report = ReportShipment { account_id, shipped, report, note, occurred_at };
    execute(api, caller, Command::ReportShipment(report)).await
}

async fn execute(api: &CommandApi, caller: Caller, command: Command) -> Result<Response, Problem> {
    let done = api.execute(command, caller).await?;
    match &done.event {
        Some(Event::ShipmentDispatched(account_id, fact)) => done.respond_fact(account_id, fact),
        Some(
            Event::ShipmentAccepted(account_id, fact)
            | Event::ShipmentBackOrdered(account_id, fact)
            | Event::ShipmentDelivered(account_id, fact)
            | Event::ShipmentRejected(account_id, fact)
            | Event::ShipmentSettled(account_id, fact),
        ) => done.respond_fact(account_id, fact),
        _ => Err(unexpected()),
    }
}

/// The id in the path. What can't be an id is a shipping request that doesn't exist.
pub(crate) struct RequestId(Option<ShippingRequestId>);

impl FromStr for RequestId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse().ok()))
    }
}

/// Whose goods are to be shipped, and for what.
async fn shipped(api: &CommandApi, id: &RequestId) -> Result<(AccountId, Shipped), Problem> {
    let unknown = || Problem::not_found("There is no such shipping request. Check its id.");
    let of_this_log = id.0.filter(|id| id.log_id == api.store.log_id());
    let ShippingRequestId { generation, place, .. } = of_this_log.ok_or_else(unknown)?;
    let before = Position(place.position.0.checked_sub(1).ok_or_else(unknown)?);
    let rows = match api.store.read(place.partition, before, 1).await {
        Err(StoreError::NoSuchPartition(_)) => return Err(unknown()),
        rows => rows.map_err(|error| unread(&error))?,
    };
    let of_generation = rows.iter().find(|row| row.generation == generation);
    let row = of_generation.ok_or_else(unknown)?;
    let (_, event) = decode(row).map_err(|error| failed(&error))?;
    match event {
        Event::ExchangeCreated(account, fact) => {
            Ok((account, Shipped::ExchangeId(fact.exchange_id)))
        }
        Event::PurchaseRecorded(account, fact) if fact.warehouse.is_some() => {
            Ok((account, Shipped::PurchaseId(fact.purchase_id)))
        }
        _ => Err(unknown()),
    }
}
