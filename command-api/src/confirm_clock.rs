//! `PUT /v1/clock/confirmation`

use axum::extract::State;
use axum::response::Response;
use domain::command::ConfirmClock;
use domain::{ClockConfirmed, Command, Event};
use wire::body::{ClockConfirmationBody, ConfirmClockBody};
use wire::{Caller, JsonBody, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

pub(crate) async fn confirm_clock(
    State(api): State<CommandApi>,
    caller: Caller,
    JsonBody(ConfirmClockBody { wall }): JsonBody<ConfirmClockBody>,
) -> Result<Response, Problem> {
    if let Some(clock) = api.writers.read_clock().other_than(wall) {
        let complaint = format!(
            "differs from the ledger's clock, which reads {clock}; correct that clock first"
        );
        return Err(Problem::invalid_field("wall", complaint));
    }
    let command = Command::ConfirmClock(ConfirmClock { wall });
    let done = api.execute(command, caller).await?;
    let Some(Event::ClockConfirmed(ClockConfirmed { wall })) = done.event else {
        return Err(unexpected());
    };
    done.respond(&ClockConfirmationBody { wall, position: done.place })
}
