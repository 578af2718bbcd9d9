//! `PUT /v1/shipping-requests/{shipping_request_id}/…`: reports about a parcel.
//!
//! Every answer shows the request as it is now, so that a warehouse learns what is still wanted.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::command::{DispatchShipment, RejectShipment, Report, ReportShipment};
use domain::{
    AccountId, Command, DispatchId, Event, ExchangeId, Note, ParcelLines, PurchaseId, Shipment,
    ShipmentDispatched, ShipmentReport, Shipped, ShippedLine, Subject, Timestamp,
};
use event_schema::decode;
use log_record::{Place, ShippingRequestId};
use serde::Serialize;
use wire::body::{
    BackOrderShipmentBody, DispatchParcelBody, DispatchShipmentBody, RejectShipmentBody,
    ReportShipmentBody, ResentShipmentBody, SettleShipmentBody, ShipmentAnswerBody,
    ShipmentDispatchedBody, ShipmentReportedBody, ShippedLineBody, ShippingLineBody,
};
use wire::{Caller, JsonBody, Object, PathId, PathIds, Problem, Role, Routes, only, post};

use crate::CommandApi;
use crate::execute::{Done, failed, unexpected};
use crate::record_purchase::{PURCHASE_BYTES_MAX, check_product_is_new};

pub(crate) async fn accept_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(ReportShipmentBody { occurred_at }): JsonBody<ReportShipmentBody>,
) -> Result<Response, Problem> {
    let told = Told { occurred_at, ..Told::of(Report::Accepted) };
    told.of_request(&api, caller, &request_id).await
}

pub(crate) async fn back_order_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(BackOrderShipmentBody { reason, occurred_at }): JsonBody<BackOrderShipmentBody>,
) -> Result<Response, Problem> {
    let note = Note { by: None, reason };
    let told = Told { note, occurred_at, ..Told::of(Report::BackOrdered) };
    told.of_request(&api, caller, &request_id).await
}

pub(crate) async fn dispatch_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(body): JsonBody<DispatchShipmentBody>,
) -> Result<Response, Problem> {
    let DispatchShipmentBody { carrier, express_no, tracking_url, occurred_at } = body;
    let whole = DispatchParcelBody { lines: None, carrier, express_no, tracking_url, occurred_at };
    dispatch(&api, caller, &request_id, DispatchId::whole(), whole).await
}

pub(crate) async fn dispatch_parcel(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(request_id, dispatch_id): PathIds<RequestId, DispatchId>,
    JsonBody(body): JsonBody<DispatchParcelBody, PURCHASE_BYTES_MAX>,
) -> Result<Response, Problem> {
    dispatch(&api, caller, &request_id, dispatch_id, body).await
}

pub(crate) async fn deliver_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(ReportShipmentBody { occurred_at }): JsonBody<ReportShipmentBody>,
) -> Result<Response, Problem> {
    let told = Told { occurred_at, ..Told::of(Report::Delivered) };
    told.of_request(&api, caller, &request_id).await
}

pub(crate) async fn deliver_parcel(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(request_id, dispatch_id): PathIds<RequestId, DispatchId>,
    JsonBody(ReportShipmentBody { occurred_at }): JsonBody<ReportShipmentBody>,
) -> Result<Response, Problem> {
    let dispatch_id = Some(dispatch_id);
    let told = Told { dispatch_id, occurred_at, ..Told::of(Report::Delivered) };
    told.of_request(&api, caller, &request_id).await
}

pub(crate) async fn reject_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(RejectShipmentBody { reason, occurred_at }): JsonBody<RejectShipmentBody>,
) -> Result<Response, Problem> {
    let Asked { account_id, shipped, lines: asked } = asked(&api, &caller, &request_id).await?;
    let note = Note { by: None, reason: Some(reason) };
    let original = None;
    let rejection = RejectShipment { account_id, shipped, asked, note, occurred_at, original };
    execute(&api, caller, Command::RejectShipment(rejection)).await
}

pub(crate) async fn settle_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
    JsonBody(SettleShipmentBody { reason, by, occurred_at }): JsonBody<SettleShipmentBody>,
) -> Result<Response, Problem> {
    let note = Note { by, reason: Some(reason) };
    let told = Told { note, occurred_at, ..Told::of(Report::Settled) };
    told.of_request(&api, caller, &request_id).await
}

/// The route by which an operator has a request sent once more, for a process without a publisher:
/// a publisher has its own, which sends it to Kafka.
pub fn resend_routes() -> Routes<CommandApi> {
    let resend = only(&[Role::Operator], resend_shipment);
    let path = "/v1/shipping-requests/{shipping_request_id}/resend";
    Routes::new().route(path, post(resend))
}

pub(crate) async fn resend_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<RequestId>,
) -> Result<Response, Problem> {
    let Asked { account_id, shipped, lines: asked } = asked(&api, &caller, &request_id).await?;
    let (report, dispatch_id) = (Report::AskedAgain, None);
    let (note, occurred_at) = (Note::default(), None);
    let report =
        ReportShipment { account_id, shipped, asked, report, dispatch_id, note, occurred_at };
    let done = api.execute(Command::ReportShipment(report), caller).await?;
    let Some(Subject::Shipment(Shipment { status, .. })) = &done.subject else {
        return Err(unexpected());
    };
    let shipping_request_id = request_id.0.map(|id| id.to_string()).unwrap_or_default();
    let body = ResentShipmentBody { shipping_request_id, status: "due", request_status: *status };
    done.respond_with(StatusCode::ACCEPTED, &body)
}

async fn dispatch(
    api: &CommandApi,
    caller: Caller,
    request_id: &RequestId,
    dispatch_id: DispatchId,
    body: DispatchParcelBody,
) -> Result<Response, Problem> {
    let DispatchParcelBody { lines, carrier, express_no, tracking_url, occurred_at } = body;
    if lines.is_some() && dispatch_id == DispatchId::whole() {
        let complaint = "can't be sent for the parcel `dispatch`, which has everything; give the \
                         parcel another dispatch_id";
        return Err(Problem::invalid_field("lines", complaint));
    }
    let lines = lines.map(parcel_lines).transpose()?;
    let Asked { account_id, shipped, lines: asked } = asked(api, &caller, request_id).await?;
    let dispatch = DispatchShipment {
        account_id,
        shipped,
        asked,
        dispatch_id,
        lines,
        carrier,
        express_no,
        tracking_url,
        occurred_at,
    };
    execute(api, caller, Command::DispatchShipment(dispatch)).await
}

fn parcel_lines(bodies: Vec<Object<ShippedLineBody>>) -> Result<Vec<ShippedLine>, Problem> {
    if bodies.is_empty() {
        let complaint = "must name a product at least; leave the field out for a parcel with \
                         everything that is left to ship";
        return Err(Problem::invalid_field("lines", complaint));
    }
    let mut lines: Vec<ShippedLine> = Vec::with_capacity(bodies.len());
    for (index, Object(ShippedLineBody { product_id, quantity })) in bodies.into_iter().enumerate()
    {
        check_product_is_new(index, &product_id, lines.iter().map(|line| &line.product_id))?;
        lines.push(ShippedLine { product_id, quantity });
    }
    Ok(lines)
}

/// A report in which there is nothing to decide.
struct Told {
    report: Report,
    dispatch_id: Option<DispatchId>,
    note: Note,
    occurred_at: Option<Timestamp>,
}

impl Told {
    fn of(report: Report) -> Self {
        Self { report, dispatch_id: None, note: Note::default(), occurred_at: None }
    }

    async fn of_request(
        self,
        api: &CommandApi,
        caller: Caller,
        request_id: &RequestId,
    ) -> Result<Response, Problem> {
        let Self { report, dispatch_id, note, occurred_at } = self;
        let Asked { account_id, shipped, lines: asked } = asked(api, &caller, request_id).await?;
        let report =
            ReportShipment { account_id, shipped, asked, report, dispatch_id, note, occurred_at };
        execute(api, caller, Command::ReportShipment(report)).await
    }
}

async fn execute(api: &CommandApi, caller: Caller, command: Command) -> Result<Response, Problem> {
    let mut done = api.execute(command, caller).await?;
    match done.event.take() {
        Some(Event::ShipmentDispatched(account_id, fact)) => {
            let fact = shipment_dispatched(account_id, fact, done.place);
            respond(&mut done, fact)
        }
        Some(
            Event::ShipmentAccepted(account_id, fact)
            | Event::ShipmentBackOrdered(account_id, fact)
            | Event::ShipmentDelivered(account_id, fact)
            | Event::ShipmentRejected(account_id, fact)
            | Event::ShipmentSettled(account_id, fact),
        ) => {
            let fact = shipment_reported(account_id, fact, done.place);
            respond(&mut done, fact)
        }
        _ => Err(unexpected()),
    }
}

/// The fact, and how far the request is now.
fn respond(done: &mut Done, fact: impl Serialize) -> Result<Response, Problem> {
    let Some(Subject::Shipment(shipment)) = done.subject.take() else { return Err(unexpected()) };
    let wanted = shipment.is_wanted();
    let Shipment { status, lines_left } = shipment;
    let line = |line: ShippedLine| ShippingLineBody {
        product_id: line.product_id,
        quantity: line.quantity.get(),
    };
    let lines_left = lines_left.into_iter().map(line).collect();
    done.respond(&ShipmentAnswerBody { fact, status, lines_left, wanted })
}

pub(crate) fn shipment_dispatched(
    account_id: AccountId,
    fact: ShipmentDispatched,
    position: Place,
) -> ShipmentDispatchedBody {
    let ShipmentDispatched {
        shipped,
        dispatch_id,
        lines,
        carrier,
        express_no,
        tracking_url,
        occurred_at,
    } = fact;
    let (exchange_id, purchase_id) = either(shipped);
    let (lines, of) = match lines {
        ParcelLines::Rest(lines) => (lines, None),
        ParcelLines::Named { lines, of } => (lines, Some(of)),
    };
    ShipmentDispatchedBody {
        account_id,
        exchange_id,
        purchase_id,
        dispatch_id,
        lines: line_bodies(lines),
        of: of.map(line_bodies),
        carrier,
        express_no,
        tracking_url,
        occurred_at,
        position,
    }
}

fn line_bodies(lines: Vec<ShippedLine>) -> Vec<ShippedLineBody> {
    let lines = lines.into_iter();
    lines
        .map(|ShippedLine { product_id, quantity }| ShippedLineBody { product_id, quantity })
        .collect()
}

pub(crate) fn shipment_reported(
    account_id: AccountId,
    fact: ShipmentReport,
    position: Place,
) -> ShipmentReportedBody {
    let ShipmentReport { shipped, dispatch_id, occurred_at, note: _private } = fact;
    let (exchange_id, purchase_id) = either(shipped);
    ShipmentReportedBody {
        account_id,
        exchange_id,
        purchase_id,
        dispatch_id,
        occurred_at,
        position,
    }
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

/// What a shipping request asked for.
struct Asked {
    account_id: AccountId,
    shipped: Shipped,
    lines: Vec<ShippedLine>,
}

/// What the request asked for. A key for some warehouses is for their requests only.
async fn asked(api: &CommandApi, caller: &Caller, id: &RequestId) -> Result<Asked, Problem> {
    let unknown = || Problem::not_found("The shipping request doesn't exist. Check its id.");
    let of_this_log = id.0.filter(|id| id.log_id == api.store.log_id());
    let ShippingRequestId { generation, place, .. } = of_this_log.ok_or_else(unknown)?;
    let row = api.read_event(place).await?.filter(|row| row.generation == generation);
    let row = row.ok_or_else(unknown)?;
    let (_, event) = decode(&row).map_err(|error| failed(&error))?;
    match event {
        Event::ExchangeCreated(account_id, fact) => {
            let warehouse = fact.warehouse.as_ref().ok_or_else(unknown)?;
            caller.check_warehouse(warehouse.as_str())?;
            let quantity = fact.allocation.quantity();
            let lines = vec![ShippedLine { product_id: fact.product_id, quantity }];
            Ok(Asked { account_id, shipped: Shipped::ExchangeId(fact.exchange_id), lines })
        }
        Event::PurchaseRecorded(account_id, fact) => {
            let warehouse = fact.warehouse.as_ref().ok_or_else(unknown)?;
            caller.check_warehouse(warehouse.as_str())?;
            let lines = fact.lines.into_iter();
            let lines = lines
                .map(|line| ShippedLine { product_id: line.product_id, quantity: line.quantity });
            let shipped = Shipped::PurchaseId(fact.purchase_id);
            Ok(Asked { account_id, shipped, lines: lines.collect() })
        }
        _ => Err(unknown()),
    }
}
