//! `/v1/switches`: an operator pauses redemptions or publishing, scales limits, or makes the ledger
//! read-only, for a time or until it is turned off.
//!
//! No writer is asked: these calls work while a partition is away, and under every switch.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::{SwitchName, SwitchSetting, Timestamp};
use trace::unix_micros;
use wire::body::{SwitchBody, SwitchesBody, TurnSwitchBody};
use wire::{
    Caller, JsonBody, OUR_MISTAKE, PathId, Precondition, Problem, ProblemPage, json_with_version,
};

use crate::CommandApi;
use crate::execute::{failed, set_replayed, set_version};
use crate::switch_book::{NotTurned, Turned};

/// Ten times what the settings say.
const PERCENT_MAX: u16 = 1_000;

pub(crate) const SWITCH_CHANGED: ProblemPage = ProblemPage {
    status: StatusCode::PRECONDITION_FAILED,
    slug: "switch-changed",
    title: "Switch has changed",
    meaning: "The switch isn't in the version that the header If-Match names, or others turned it \
              again and again at the same time. The fact `version` is the present one. The switch \
              wasn't turned.",
    remedy: "Read the switch, and turn it with its ETag in If-Match; or without If-Match, whatever \
             its version is.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

pub(crate) async fn list_switches(State(api): State<CommandApi>) -> Result<Response, Problem> {
    let now = now()?;
    let all = api.switches.list().await.map_err(problem)?;
    let items = all.into_iter().map(|turned| body(turned, now)).collect();
    Ok(Json(SwitchesBody { items, next: None }).into_response())
}

pub(crate) async fn get_switch(
    State(api): State<CommandApi>,
    PathId(switch): PathId<SwitchName>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let body = body(api.switches.get(switch).await.map_err(problem)?, now()?);
    json_with_version(&headers, body.version, &body)
}

pub(crate) async fn turn_switch(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(switch): PathId<SwitchName>,
    headers: HeaderMap,
    JsonBody(asked): JsonBody<TurnSwitchBody>,
) -> Result<Response, Problem> {
    let read_versions = match Precondition::read(&headers)? {
        Precondition::Absent | Precondition::AnyVersion => None,
        Precondition::Versions(versions) => Some(versions),
        Precondition::IsNew => {
            let complaint = "isn't heeded by this call: every switch is there; leave it out";
            return Err(Problem::invalid_header("If-None-Match", complaint));
        }
    };
    let now = now()?;
    let setting = setting(switch, asked, now)?;
    let turned = api.switches.turn(switch, setting, read_versions.as_deref(), &caller).await;
    let (turned, is_news) = turned.map_err(problem)?;
    let mut response = Json(body(turned, now)).into_response();
    set_version(&mut response, turned.version)?;
    if !is_news {
        set_replayed(&mut response);
    }
    Ok(response)
}

/// What is asked for, checked.
fn setting(
    switch: SwitchName,
    asked: TurnSwitchBody,
    now: Timestamp,
) -> Result<SwitchSetting, Problem> {
    let TurnSwitchBody { on, percent, until } = asked;
    let scales = switch == SwitchName::ScaleLimits && on;
    match percent {
        None if scales => return Err(Problem::invalid_field("percent", "is missing")),
        Some(_) if !scales => {
            let complaint = "is for scale-limits that is turned on only; leave it out";
            return Err(Problem::invalid_field("percent", complaint));
        }
        Some(percent) if !(1..=PERCENT_MAX).contains(&percent) => {
            let complaint = format!("must be a whole number from 1 to {PERCENT_MAX}");
            return Err(Problem::invalid_field("percent", complaint));
        }
        _ => {}
    }
    match until {
        Some(_) if !on => {
            let complaint = "is for a switch that is turned on; leave it out";
            Err(Problem::invalid_field("until", complaint))
        }
        Some(until) if until <= now => {
            let complaint = format!("must be in the future; it is {now} now");
            Err(Problem::invalid_field("until", complaint))
        }
        _ => Ok(SwitchSetting { on, percent, until }),
    }
}

fn body(turned: Turned, now: Timestamp) -> SwitchBody {
    let Turned { switch, version, setting, turned_at, is_recorded } = turned;
    SwitchBody {
        switch,
        on: setting.is_on_at(now),
        percent: setting.percent,
        until: setting.until,
        version,
        turned_at,
        recorded: is_recorded,
    }
}

/// Switches go by the machine's clock, whatever the log takes its time from.
fn now() -> Result<Timestamp, Problem> {
    Timestamp::from_micros(unix_micros()).map_err(|error| failed(&error))
}

fn problem(error: NotTurned) -> Problem {
    match error {
        NotTurned::Changed { version } => {
            let detail = format!(
                "The switch is in version {version}, which isn't one that If-Match names, or \
                 others turn it at the same time. It wasn't turned by this request. Read it, and \
                 decide again."
            );
            Problem::of(&SWITCH_CHANGED, detail).fact("version", version)
        }
        NotTurned::Store(error) if error.is_passing() => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the switches can't be read or written at the moment");
            Problem::log_unreachable()
        }
        NotTurned::Store(_) | NotTurned::Json(_) => failed(&error),
    }
}
