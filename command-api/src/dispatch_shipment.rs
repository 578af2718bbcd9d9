//! `PUT /v1/shipping-requests/{shipping_request_id}/dispatch`

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::State;
use axum::response::Response;
use domain::command::DispatchShipment;
use domain::{AccountId, Carrier, Command, Event, ExpressNo, Shipped, Timestamp};
use event_schema::decode;
use event_store::StoreError;
use log_record::{Generation, Partition, Place, Position};
use serde::Deserialize;
use wire::{Caller, JsonBody, PathId, Problem};

use crate::CommandApi;
use crate::execute::{failed, unexpected};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DispatchShipmentBody {
    carrier: Carrier,
    express_no: ExpressNo,
    occurred_at: Option<Timestamp>,
}

pub(crate) async fn dispatch_shipment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(request_id): PathId<ShippingRequestId>,
    JsonBody(body): JsonBody<DispatchShipmentBody>,
) -> Result<Response, Problem> {
    let (account_id, shipped) = shipped(&api, &request_id).await?;
    let DispatchShipmentBody { carrier, express_no, occurred_at } = body;
    let command = Command::DispatchShipment(DispatchShipment {
        account_id,
        shipped,
        carrier,
        express_no,
        occurred_at,
    });
    let done = api.execute(command, caller).await?;
    let Some(Event::ShipmentDispatched(account_id, fact)) = &done.event else {
        return Err(unexpected());
    };
    done.respond_fact(account_id, fact)
}

/// `{log id}-{generation}-{partition}-{position}` of the event that asked for shipping; whatever
/// else it may be is a shipping request that there isn't.
pub(crate) struct ShippingRequestId(String);

impl FromStr for ShippingRequestId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl ShippingRequestId {
    fn place(&self, log_id: &str) -> Option<(Generation, Place)> {
        let mut numbers = self.0.strip_prefix(log_id)?.strip_prefix('-')?.split('-');
        let generation = Generation(numbers.next()?.parse().ok()?);
        let partition = Partition(numbers.next()?.parse().ok()?);
        let position = Position(numbers.next()?.parse().ok()?);
        numbers.next().is_none().then_some((generation, Place { partition, position }))
    }
}

/// Whose goods are to be shipped, and for what.
async fn shipped(
    api: &CommandApi,
    id: &ShippingRequestId,
) -> Result<(AccountId, Shipped), Problem> {
    let unknown = || Problem::not_found("There is no such shipping request. Check its id.");
    let (generation, place) = id.place(&api.store.log_id().to_string()).ok_or_else(unknown)?;
    let before = Position(place.position.0.checked_sub(1).ok_or_else(unknown)?);
    let rows = match api.store.read(place.partition, before, 1).await {
        Err(StoreError::NoSuchPartition(_)) => return Err(unknown()),
        rows => rows.map_err(|error| failed(&error))?,
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
