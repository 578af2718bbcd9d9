//! `POST /v1/accounts/{account_id}/credits`

use std::fmt;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::command::EarnCredit;
use domain::{AccountId, Cause, CauseKind, Command, Event, Points, Timestamp};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use wire::{Caller, JsonBody, PathId, Problem, Role};

use crate::CommandApi;
use crate::execute::unexpected;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EarnCreditBody {
    points: Points,
    cause: CauseBody,
    occurred_at: Option<Timestamp>,
    expires_at: Option<IgnoredAny>,
    available_at: Option<IgnoredAny>,
}

/// A cause as an object; derived, it could be sent as a list, too.
struct CauseBody(Cause);

impl<'de> Deserialize<'de> for CauseBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CauseVisitor)
    }
}

struct CauseVisitor;

impl<'de> Visitor<'de> for CauseVisitor {
    type Value = CauseBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with kind and id")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CauseBody, A::Error> {
        Cause::deserialize(MapAccessDeserializer::new(map)).map(CauseBody)
    }
}

#[derive(Serialize)]
struct CreditBody<'a> {
    account_id: &'a AccountId,
    points: Points,
    position: String,
}

pub(crate) async fn earn_credit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<EarnCreditBody>,
) -> Result<Response, Problem> {
    body.refuse_what_is_not_built_yet()?;
    if body.cause.0.kind == CauseKind::Adjustment && caller.role != Role::Operator {
        return Err(Problem::forbidden(caller.role, &[Role::Operator]));
    }
    let EarnCreditBody { points, cause: CauseBody(cause), occurred_at, .. } = body;
    let command = Command::EarnCredit(EarnCredit { account_id, points, cause, occurred_at });
    let done = api.execute(command, caller, &headers).await?;
    let Some(Event::CreditEarned(account_id, fact)) = &done.event else { return Err(unexpected()) };
    let position = done.place.to_string();
    done.respond(&CreditBody { account_id, points: fact.points, position })
}

impl EarnCreditBody {
    fn refuse_what_is_not_built_yet(&self) -> Result<(), Problem> {
        let wanted = [("expires_at", &self.expires_at), ("available_at", &self.available_at)];
        match wanted.into_iter().find(|(_, value)| value.is_some()) {
            None => Ok(()),
            Some((field, _)) => {
                Err(Problem::invalid_field(field, "is not supported yet; leave it out"))
            }
        }
    }
}
