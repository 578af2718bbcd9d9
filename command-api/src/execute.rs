//! A command handed to the writer, and its outcome put into words of HTTP.

use axum::Json;
use axum::extract::FromRef;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::{Command, Event, Offer};
use event_schema::decode;
use event_store::EventStore;
use log_record::Place;
use serde::Serialize;
use wire::{Caller, KeyRing, Problem, read_traceparent, write_position};

use crate::refusal_problem::{decision_failed, id_reused, not_decided, outcome_unknown, refused};
use crate::{Answer, Request, Unanswered, Writer};

/// What the handlers share.
#[derive(Clone)]
pub struct CommandApi {
    /// Decides.
    pub writer: Writer,
    /// Answers repeats, off the writer's way.
    pub store: EventStore,
    /// Who may call.
    pub keys: KeyRing,
}

impl FromRef<CommandApi> for KeyRing {
    fn from_ref(api: &CommandApi) -> Self {
        api.keys.clone()
    }
}

/// A command that was carried out, now or before.
pub(crate) struct Done {
    /// Where the event stands that it is known by.
    pub(crate) place: Place,
    /// That event; nothing where the offer stood as asked for.
    pub(crate) event: Option<Event>,
    /// The offer, where the command was about one.
    pub(crate) offer: Option<Offer>,
    /// Whether it was carried out before.
    pub(crate) is_repeat: bool,
}

impl CommandApi {
    /// Has the command decided. A repeat is answered from the event that bears its id.
    pub(crate) async fn execute(
        &self,
        command: Command,
        caller: Caller,
        headers: &HeaderMap,
    ) -> Result<Done, Problem> {
        let request = Request {
            // A repeat is compared with what was asked then, so a copy is kept where one may come.
            command: command.clone(),
            role: Some(caller.role.as_str()),
            traceparent: read_traceparent(headers).map(Into::into),
        };
        match self.writer.submit(request).await {
            Ok(Answer::Recorded { place, event, offer }) => {
                let offer = offer.map(|offer| *offer);
                Ok(Done { place, event: Some(*event), offer, is_repeat: false })
            }
            Ok(Answer::Repeat(place)) => self.repeat(&command, place).await,
            Ok(Answer::Standing(place, offer)) => {
                Ok(Done { place, event: None, offer: Some(*offer), is_repeat: true })
            }
            Ok(Answer::Refused(refusal)) => Err(refused(&refusal)),
            Err(Unanswered::NotDecided(why)) => Err(not_decided(why)),
            Err(Unanswered::OutcomeUnknown) => Err(outcome_unknown()),
            Err(Unanswered::Panicked) => Err(decision_failed()),
        }
    }

    async fn repeat(&self, command: &Command, place: Place) -> Result<Done, Problem> {
        let row = self.store.read_one(place).await.map_err(|error| failed(&error))?;
        let (_, event) = decode(&row).map_err(|error| failed(&error))?;
        match command.first_difference(&event) {
            Some(field) => Err(id_reused(field)),
            None => Ok(Done { place, event: Some(event), offer: None, is_repeat: true }),
        }
    }
}

impl Done {
    /// 201, or 200 for a repeat, with the position that it reached.
    pub(crate) fn respond(&self, body: &impl Serialize) -> Result<Response, Problem> {
        let status = if self.is_repeat { StatusCode::OK } else { StatusCode::CREATED };
        self.respond_with(status, body)
    }

    pub(crate) fn respond_with(
        &self,
        status: StatusCode,
        body: &impl Serialize,
    ) -> Result<Response, Problem> {
        let mut response = (status, Json(body)).into_response();
        let (name, value) = write_position(self.place)?;
        response.headers_mut().insert(name, value);
        if self.is_repeat {
            const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}

/// A fault of the server's own, logged here with all that is behind it.
pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "an answer can't be given");
    Problem::internal()
}

/// A handler met an event or offer that its command can't have led to.
pub(crate) fn unexpected() -> Problem {
    tracing::error!("a command led to an outcome of another kind");
    Problem::internal()
}
