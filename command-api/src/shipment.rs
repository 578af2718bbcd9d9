//! `PUT /v1/shipping-requests/{shipping_request_id}/…`: reports about a parcel.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::State;
use axum::response::Response;
use domain::command::{DispatchShipment, RejectShipment, Report, ReportShipment};
use domain::{
    AccountId, Command, Event, ExchangeId, Note, PurchaseId, ShipmentDispatched, ShipmentReport,
    Shipped, Timestamp,
};
use event_schema::decode;
use event_store::StoreError;
use log_record::{Place, Position, ShippingRequestId};
use wire::body::{
    BackOrderShipmentBody, DispatchShipmentBody, RejectShipmentBody, ReportShipmentBody,
    SettleShipmentBody, ShipmentDispatchedBody, ShipmentReportedBody,
};
use wire::{Caller, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::execute::{failed, unexpected, unread, unread_in_time};

pub(crate) async fn accept_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(ReportShipmentBody { occurred_at }): JsonBody<ReportShipmentBody>,
) -> Result<Response, Problem> {
    report(&api, caller, &request_id, Report::Accepted, Note::default(), occurred_at).await
}

pub(crate) async fn back_order_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(BackOrderShipmentBody { reason, occurred_at }): JsonBody<BackOrderShipmentBody>,
) -> Result<Response, Problem> {
    let note = Note { by: None, reason };
    report(&api, caller, &request_id, Report::BackOrdered, note, occurred_at).await
}

pub(crate) async fn dispatch_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(DispatchShipmentBody { carrier, express_no, occurred_at }): JsonBody<
        DispatchShipmentBody,
    >,
) -> Result<Response, Problem> {
    let (account_id, shipped) = shipped(&api, &caller, &request_id).await?;
    let dispatch = DispatchShipment { account_id, shipped, carrier, express_no, occurred_at };
    execute(&api, caller, Command::DispatchShipment(dispatch)).await
}

pub(crate) async fn deliver_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(ReportShipmentBody { occurred_at }): JsonBody<ReportShipmentBody>,
) -> Result<Response, Problem> {
    report(&api, caller, &request_id, Report::Delivered, Note::default(), occurred_at).await
}

pub(crate) async fn reject_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(RejectShipmentBody { reason, occurred_at }): JsonBody<RejectShipmentBody>,
) -> Result<Response, Problem> {
    let (account_id, shipped) = shipped(&api, &caller, &request_id).await?;
    let note = Note { by: None, reason: Some(reason) };
    let original = None;
    let rejection = RejectShipment { account_id, shipped, note, occurred_at, original };
    execute(&api, caller, Command::RejectShipment(rejection)).await
}

pub(crate) async fn settle_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(SettleShipmentBody { reason, by, occurred_at }): JsonBody<SettleShipmentBody>,
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
    let (account_id, shipped) = shipped(api, &caller, request_id).await?;
    let report = ReportShipment { account_id, shipped, report, note, occurred_at };
    execute(api, caller, Command::ReportShipment(report)).await
}

async fn execute(api: &CommandApi, caller: Caller, command: Command) -> Result<Response, Problem> {
    let mut done = api.execute(command, caller).await?;
    match done.event.take() {
        Some(Event::ShipmentDispatched(account_id, fact)) => {
            done.respond(&shipment_dispatched(account_id, fact, done.place))
        }
        Some(
            Event::ShipmentAccepted(account_id, fact)
            | Event::ShipmentBackOrdered(account_id, fact)
            | Event::ShipmentDelivered(account_id, fact)
            | Event::ShipmentRejected(account_id, fact)
            | Event::ShipmentSettled(account_id, fact),
        ) => done.respond(&shipment_reported(account_id, fact, done.place)),
        _ => Err(unexpected()),
    }
}

pub(crate) fn shipment_dispatched(
    account_id: AccountId,
    fact: ShipmentDispatched,
    position: Place,
) -> ShipmentDispatchedBody {
    let ShipmentDispatched { shipped, carrier, express_no, occurred_at } = fact;
    let (exchange_id, purchase_id) = either(shipped);
    ShipmentDispatchedBody {
        account_id,
        exchange_id,
        purchase_id,
        carrier,
        express_no,
        occurred_at,
        position,
    }
}

pub(crate) fn shipment_reported(
    account_id: AccountId,
    fact: ShipmentReport,
    position: Place,
) -> ShipmentReportedBody {
    let ShipmentReport { shipped, occurred_at, note: _private } = fact;
    let (exchange_id, purchase_id) = either(shipped);
    ShipmentReportedBody { account_id, exchange_id, purchase_id, occurred_at, position }
}

fn either(shipped: Shipped) -> (Option<ExchangeId>, Option<PurchaseId>) {
    match shipped {
        Shipped::ExchangeId(id) => (Some(id), None),
        Shipped::PurchaseId(id) => (None, Some(id)),
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

/// Whose goods are to be shipped, and for what. A key for some warehouses is for their requests
/// only.
async fn shipped(
    api: &CommandApi,
    caller: &Caller,
    id: &RequestId,
) -> Result<(AccountId, Shipped), Problem> {
    let unknown = || Problem::not_found("The shipping request doesn't exist. Check its id.");
    let of_this_log = id.0.filter(|id| id.log_id == api.store.log_id());
    let ShippingRequestId { generation, place, .. } = of_this_log.ok_or_else(unknown)?;
    let before = Position(place.position.0.checked_sub(1).ok_or_else(unknown)?);
    let read = api.store.read(place.partition, before, 1);
    let rows = match tokio::time::timeout(api.writers.deadline(), read).await {
        Err(_) => return Err(unread_in_time(place)),
        Ok(Err(StoreError::NoSuchPartition(_))) => return Err(unknown()),
        Ok(rows) => rows.map_err(|error| unread(&error))?,
    };
    let of_generation = rows.iter().find(|row| row.generation == generation);
    let row = of_generation.ok_or_else(unknown)?;
    let (_, event) = decode(row).map_err(|error| failed(&error))?;
    match event {
        Event::ExchangeCreated(account, fact) => {
            caller.check_warehouse(fact.warehouse.as_str())?;
            Ok((account, Shipped::ExchangeId(fact.exchange_id)))
        }
        Event::PurchaseRecorded(account, fact) => {
            let warehouse = fact.warehouse.as_ref().ok_or_else(unknown)?;
            caller.check_warehouse(warehouse.as_str())?;
            Ok((account, Shipped::PurchaseId(fact.purchase_id)))
        }
        _ => Err(unknown()),
    }
}
