//! A command handed to the writer, and its outcome put into words of HTTP.

use std::ops::Deref;
use std::sync::Arc;

use axum::Json;
use axum::extract::FromRef;
use axum::http::header::ETAG;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::command::Preview;
use domain::{Command, Event};
use event_schema::decode;
use event_store::{EventStore, StoreError};
use log_record::{Place, Position};
use serde::Serialize;
use wire::{Caller, KeyRing, Problem, write_position};

use crate::refusal_problem::{
    decision_failed, id_reused, not_decided, original_unread, outcome_unknown, refused,
};
use crate::{Answer, KeyBook, Request, Subject, Unanswered, Writer};

/// What the handlers share: behind one pointer, because every request clones it.
#[derive(Clone)]
pub struct CommandApi(Arc<Shared>);

/// What is behind it.
pub struct Shared {
    /// Decides.
    pub(crate) writer: Writer,
    /// Answers repeats, off the writer's way.
    pub(crate) store: EventStore,
    /// Who may call.
    pub(crate) keys: KeyBook,
}

impl Deref for CommandApi {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<CommandApi> for KeyRing {
    fn from_ref(api: &CommandApi) -> Self {
        api.keys.ring().clone()
    }
}

/// A command that was carried out, now or before.
pub(crate) struct Done {
    /// Where the event stands that it is known by.
    pub(crate) place: Place,
    /// That event; nothing where what was to be set stood as asked for.
    pub(crate) event: Option<Event>,
    /// Where the last event of the command stands.
    pub(crate) last: Place,
    /// What was set, where the command sets something.
    pub(crate) subject: Option<Subject>,
    /// Whether it was carried out before.
    pub(crate) is_repeat: bool,
}

/// What a command came to.
enum Outcome {
    Done(Box<Done>),
    /// What it would come to.
    Preview(Box<Preview>),
}

/// What a redemption would come to.
pub(crate) enum Previewed {
    /// It would be recorded.
    New(Box<Preview>),
    /// It was recorded before, at this place.
    Repeat(Place),
}

impl CommandApi {
    /// A command API whose commands `writer` decides; repeats are answered from `store`, and
    /// callers show one of `keys`.
    #[must_use]
    pub fn new(writer: Writer, store: EventStore, keys: KeyRing) -> Self {
        let keys = KeyBook::new(store.clone(), keys);
        Self(Arc::new(Shared { writer, store, keys }))
    }

    /// Has the command decided. A repeat is answered from the event that bears its id.
    pub(crate) async fn execute(&self, command: Command, caller: Caller) -> Result<Done, Problem> {
        match self.ask(command, false, caller).await? {
            Outcome::Done(done) => Ok(*done),
            Outcome::Preview(_) => Err(unexpected()),
        }
    }

    /// Has the command decided, and nothing recorded.
    pub(crate) async fn preview(
        &self,
        command: Command,
        caller: Caller,
    ) -> Result<Previewed, Problem> {
        match self.ask(command, true, caller).await? {
            Outcome::Done(done) => Ok(Previewed::Repeat(done.place)),
            Outcome::Preview(preview) => Ok(Previewed::New(preview)),
        }
    }

    async fn ask(
        &self,
        command: Command,
        is_dry_run: bool,
        caller: Caller,
    ) -> Result<Outcome, Problem> {
        let mut command = Arc::new(command);
        loop {
            let request = Request {
                // A repeat is compared with what was asked then.
                command: Arc::clone(&command),
                is_dry_run,
                principal: Some(Arc::clone(&caller.principal)),
                traceparent: caller.traceparent.clone(),
            };
            let done = match self.writer.submit(request).await {
                Ok(Answer::Recorded { place, event, last, subject }) => {
                    Done { place, event: Some(*event), last, subject, is_repeat: false }
                }
                Ok(Answer::Repeat { place, last }) => self.repeat(&command, place, last).await?,
                Ok(Answer::Standing(place, subject)) => Done {
                    place,
                    event: None,
                    last: place,
                    subject: Some(subject),
                    is_repeat: true,
                },
                Ok(Answer::Original(place)) => {
                    // The state knows where it stands only; it is read here, off the writer's way.
                    // What is under an id never moves, so it is asked for once, or twice where the
                    // id was recorded meanwhile.
                    command = Arc::new(self.with_original(&command, place).await?);
                    continue;
                }
                Ok(Answer::Preview(preview)) => return Ok(Outcome::Preview(preview)),
                Ok(Answer::Refused(refusal)) => return Err(refused(&refusal)),
                Err(Unanswered::NotDecided(why)) => return Err(not_decided(why)),
                Err(Unanswered::OutcomeUnknown) => return Err(outcome_unknown()),
                Err(Unanswered::Panicked) => return Err(decision_failed()),
            };
            return Ok(Outcome::Done(Box::new(done)));
        }
    }

    async fn repeat(&self, command: &Command, place: Place, last: Place) -> Result<Done, Problem> {
        let event = self.event(place).await?;
        match command.first_difference(&event) {
            Some(field) => Err(id_reused(field)),
            None => Ok(Done { place, event: Some(event), last, subject: None, is_repeat: true }),
        }
    }

    async fn with_original(&self, command: &Command, place: Place) -> Result<Command, Problem> {
        let before = Place { position: Position(place.position.0 - 1), ..place };
        let (before, event) = (self.event(before).await?, self.event(place).await?);
        command.with_original(&before, place.position, &event).ok_or_else(unexpected)
    }

    async fn event(&self, place: Place) -> Result<Event, Problem> {
        let row = self.store.read_one(place).await.map_err(|error| unread(&error))?;
        let (_, event) = decode(&row).map_err(|error| failed(&error))?;
        Ok(event)
    }
}

impl Done {
    /// 201, or 200 for a repeat.
    pub(crate) fn status(&self) -> StatusCode {
        if self.is_repeat { StatusCode::OK } else { StatusCode::CREATED }
    }

    /// 201, or 200 for a repeat, with the position that it reached.
    pub(crate) fn respond(&self, body: &impl Serialize) -> Result<Response, Problem> {
        self.respond_with(self.status(), body)
    }

    /// What was set, under its version as the ETag.
    pub(crate) fn respond_version(
        &self,
        status: StatusCode,
        version: u64,
        body: &impl Serialize,
    ) -> Result<Response, Problem> {
        let mut response = self.respond_with(status, body)?;
        let etag = HeaderValue::from_str(&format!("\"{version}\""));
        response.headers_mut().insert(ETAG, etag.map_err(|_| Problem::internal())?);
        Ok(response)
    }

    pub(crate) fn respond_with(
        &self,
        status: StatusCode,
        body: &impl Serialize,
    ) -> Result<Response, Problem> {
        let mut response = (status, Json(body)).into_response();
        let (name, value) = write_position(self.last)?;
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

/// What was recorded can't be read, which may pass: a file of the archive can be put back.
pub(crate) fn unread(error: &StoreError) -> Problem {
    if !error.is_passing() {
        return failed(error);
    }
    let source = error as &dyn std::error::Error;
    tracing::error!(error = source, "what was recorded can't be read at the moment");
    original_unread()
}

/// A handler met an outcome that its command can't have led to.
pub(crate) fn unexpected() -> Problem {
    tracing::error!("a command led to an outcome of another kind");
    Problem::internal()
}
