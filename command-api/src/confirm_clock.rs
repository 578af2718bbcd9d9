//! `PUT /v1/clock/confirmation`

use axum::extract::State;
use axum::response::Response;
use domain::command::ConfirmClock;
use domain::{Command, Event, Timestamp};
use serde::{Deserialize, Serialize};
use wire::{Caller, JsonBody, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmClockBody {
    /// What a clock says that is right.
    wall: Timestamp,
}

#[derive(Serialize)]
struct ClockConfirmationBody {
    wall: Timestamp,
    position: String,
}

pub(crate) async fn confirm_clock(
    State(api): State<CommandApi>,
    caller: Caller,
    JsonBody(ConfirmClockBody { wall }): JsonBody<ConfirmClockBody>,
) -> Result<Response, Problem> {
    if let Some(clock) = api.writers.read_clock().other_than(wall) {
        let complaint = format!(
            "is not what the ledger's clock says, which is {clock}; set that clock right first"
        );
        return Err(Problem::invalid_field("wall", complaint));
    }
    let command = Command::ConfirmClock(ConfirmClock { wall });
    let done = api.execute(command, caller).await?;
    let Some(Event::ClockConfirmed(fact)) = &done.event else { return Err(unexpected()) };
    let position = done.place.to_string();
    done.respond(&ClockConfirmationBody { wall: fact.wall, position })
}
