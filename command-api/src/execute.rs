//! A command handed to the writer, and its outcome put into words of HTTP.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use axum::http::header::ETAG;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use domain::command::ShowTerms;
use domain::{AccountId, Command, Event, Offer, Owner, Page, Preview, Refusal, Subject, Whose};
use event_schema::decode;
use event_store::{EventStore, StoreError};
use log_record::{Partition, Place, Position, RecordedEvent};
use serde::Serialize;
use wire::{
    Caller, HasKeys, KeyRing, Problem, json_response, write_positions, written_json_response,
};

use crate::attempts::Attempts;
use crate::refusal_problem::{
    decision_failed, id_reused, not_decided, original_unread, outcome_unknown, refused,
};
use crate::writers::Spread;
use crate::{
    Answer, Erasing, KeyBook, MarkBook, NoTrees, Request, SealTrees, SwitchBook, Unanswered,
    Writers,
};

/// What the handlers share: behind one pointer, because every request clones it.
#[derive(Clone)]
pub struct CommandApi(Arc<Shared>);

/// What is behind it.
pub struct Shared {
    /// They decide.
    pub(crate) writers: Writers,
    /// The log, from which handlers read single events: a shipping request's, and the one that has
    /// an offer's page.
    pub(crate) store: EventStore,
    /// Who may call.
    pub(crate) keys: KeyBook,
    /// What is marked.
    pub(crate) marks: MarkBook,
    /// What is turned on.
    pub(crate) switches: SwitchBook,
    /// What erasing needs.
    pub(crate) erasing: Erasing,
    /// Makes the trees over all balances.
    pub(crate) seal_trees: SealTrees,
    /// Redemptions whose callers don't wait.
    pub(crate) attempts: Attempts,
}

impl Deref for CommandApi {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl HasKeys for CommandApi {
    fn keys(&self) -> &KeyRing {
        self.keys.ring()
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
    /// Where an event of another command or partition stands that the answer tells of.
    pub(crate) told: Option<Place>,
    /// What was set or told of, where the command does that.
    pub(crate) subject: Option<Subject>,
    /// Whether it was carried out before.
    pub(crate) is_repeat: bool,
    /// How many partitions have what it changed, where several are told.
    pub(crate) spread: Option<Spread>,
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
    /// A command API whose commands `writers` decide on the log in `store`; callers show one of
    /// `keys`.
    #[must_use]
    pub fn new(writers: Writers, store: EventStore, keys: KeyRing) -> Self {
        let keys = KeyBook::new(store.clone(), keys);
        let marks = MarkBook::new(store.clone(), writers.tracer().marks().clone());
        let switches = SwitchBook::new(store.clone(), writers.switches().clone());
        let erasing = Erasing::default();
        let seal_trees: SealTrees = Arc::new(|| Box::pin(async { Err(NoTrees::NotHere) }));
        let attempts = Attempts::default();
        Self(Arc::new(Shared {
            writers,
            store,
            keys,
            marks,
            switches,
            erasing,
            seal_trees,
            attempts,
        }))
    }

    /// The same API, which looks at switches with a book that is kept up; before anything has a
    /// copy of it.
    #[must_use]
    pub fn with_switches(mut self, switches: SwitchBook) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.switches = switches;
        }
        self
    }

    /// Has the events of all turns of switches recorded, for as long as it is polled.
    pub fn record_switches(&self) -> impl Future<Output = ()> + Send + use<> {
        self.switches.clone().keep_recording(self.writers.clone())
    }

    /// The same API, which seals balances by this function; before anything has a copy of it.
    #[must_use]
    pub fn sealing_balances(mut self, seal_trees: SealTrees) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.seal_trees = seal_trees;
        }
        self
    }

    /// The same API with what erasing needs, without which no account is erased; before anything
    /// has a copy of it.
    #[must_use]
    pub fn erasing(mut self, erasing: Erasing) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.erasing = erasing;
        }
        self
    }

    /// Has the command decided.
    pub(crate) async fn execute(&self, command: Command, caller: Caller) -> Result<Done, Problem> {
        match self.ask(command, false, caller).await? {
            Outcome::Done(done) => Ok(*done),
            Outcome::Preview(_) => Err(unexpected()),
        }
    }

    /// What is to be changed, as it is when its turn comes.
    pub(crate) async fn show(&self, terms: ShowTerms, caller: Caller) -> Result<Done, Problem> {
        self.execute(Command::ShowTerms(terms), caller).await
    }

    /// What a page shows of an offer of this partition, which the event has that set its terms.
    pub(crate) async fn page_of(
        &self,
        partition: Partition,
        offer: &Offer,
    ) -> Result<Page, Problem> {
        if offer.page.is_none() {
            return Ok(Page::default());
        }
        let place = Place { partition, position: offer.terms_at };
        let row = self.read_event(place).await?.ok_or_else(unexpected)?;
        match decode(&row).map_err(|error| failed(&error))? {
            (_, Event::OfferOpened(fact)) => Ok(fact.page),
            (_, Event::OfferAmended(fact)) => Ok(fact.page),
            _ => Err(unexpected()),
        }
    }

    /// The event at this place of the log, where there is one.
    pub(crate) async fn read_event(&self, place: Place) -> Result<Option<RecordedEvent>, Problem> {
        let Some(before) = place.position.0.checked_sub(1) else { return Ok(None) };
        let read = self.store.read(place.partition, Position(before), 1);
        match tokio::time::timeout(self.writers.deadline(), read).await {
            Err(_) => Err(unread_in_time(place)),
            Ok(Err(StoreError::NoSuchPartition(_))) => Ok(None),
            Ok(rows) => Ok(rows.map_err(|error| unread(&error))?.into_iter().next()),
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

    /// Until when a caller waits.
    pub(crate) fn deadline(&self, caller: &Caller) -> Instant {
        let given = self.writers.deadline();
        Instant::now() + caller.wait.map_or(given, |wait| wait.min(given))
    }

    async fn ask(
        &self,
        command: Command,
        is_dry_run: bool,
        caller: Caller,
    ) -> Result<Outcome, Problem> {
        let deadline = self.deadline(&caller);
        let is_for_all = command.is_for_all() && !is_dry_run;
        let accounts = Accounts::of(&command);
        let Caller { principal, traceparent, request_id, is_marked, is_one_of_many, wait, .. } =
            caller;
        let request = Request {
            command,
            is_dry_run,
            principal: Some(principal),
            traceparent,
            request_id,
            is_marked,
            is_one_of_many,
            wait,
        };
        let (spread, told) = (None, None);
        let mut done = match self.writers.submit(request).await {
            Ok(Answer::Recorded { place, event, last, subject }) => {
                Done { place, event: Some(*event), last, subject, is_repeat: false, spread, told }
            }
            Ok(Answer::Repeat { place, event, last, subject }) => {
                Done { place, event: Some(*event), last, subject, is_repeat: true, spread, told }
            }
            Ok(Answer::Unchanged(place, subject)) => {
                let (last, subject) = (place, Some(subject));
                Done { place, event: None, last, subject, is_repeat: true, spread, told }
            }
            Ok(Answer::Preview(preview)) => return Ok(Outcome::Preview(preview)),
            Ok(Answer::IdReused(field)) => return Err(id_reused(field)),
            Ok(Answer::Refused(refusal)) => return Err(self.refused(&refusal, accounts).await),
            Err(unanswered) => return Err(no_outcome(unanswered)),
        };
        if is_for_all {
            done.spread = self.writers.spread(done.place.partition, deadline).await;
        }
        Ok(Outcome::Done(Box::new(done)))
    }

    /// A refusal's problem; one because of a merger says which account is the right one now.
    async fn refused(&self, refusal: &Refusal, accounts: Option<Accounts>) -> Problem {
        let problem = refused(refusal);
        let account = match (refusal, accounts) {
            (Refusal::AccountMerged { whose: Whose::Own } | Refusal::DebtPassedOn, Some(of)) => {
                Some(of.own)
            }
            (Refusal::AccountMerged { whose: Whose::New }, Some(of)) => of.new,
            _ => None,
        };
        let Some(mut account) = account else { return problem };
        // No longer than anybody merges accounts meanwhile.
        for _ in 0..MERGERS_FOLLOWED_MAX {
            let show = Command::ShowTerms(ShowTerms::Merger(account.clone()));
            match self.writers.submit(Request::of(show)).await {
                Ok(Answer::Unchanged(_, Subject::Merger(Some(merger)))) if merger.is_done => {
                    account = merger.into;
                }
                Ok(Answer::Unchanged(..)) => break,
                _ => return problem,
            }
        }
        problem.fact("merged_into", account.as_str())
    }
}

/// How many mergers are followed to the account that a refusal names.
const MERGERS_FOLLOWED_MAX: usize = 100;

/// The accounts of a command that a refusal may be about.
struct Accounts {
    own: AccountId,
    /// The one that is to take another over.
    new: Option<AccountId>,
}

impl Accounts {
    fn of(command: &Command) -> Option<Self> {
        let Owner::Account(own) = command.owner() else { return None };
        let new = match command {
            Command::MergeAccount(it) => Some(it.into.clone()),
            Command::AdmitMerger(it) => Some(it.account_id.clone()),
            _ => None,
        };
        Some(Self { own: own.clone(), new })
    }
}

fn no_outcome(unanswered: Unanswered) -> Problem {
    match unanswered {
        Unanswered::NotDecided(why) => not_decided(why),
        Unanswered::OutcomeUnknown => outcome_unknown(),
        Unanswered::Panicked => decision_failed(),
        Unanswered::OriginalUnread => original_unread(),
        Unanswered::Failed => Problem::internal(),
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
        set_version(&mut response, version)?;
        Ok(response)
    }

    pub(crate) fn respond_with(
        &self,
        status: StatusCode,
        body: &impl Serialize,
    ) -> Result<Response, Problem> {
        self.complete(json_response(status, body)?)
    }

    /// The same with a body that is written already.
    pub(crate) fn respond_written(&self, json: String) -> Result<Response, Problem> {
        self.complete(written_json_response(self.status(), json))
    }

    fn complete(&self, mut response: Response) -> Result<Response, Problem> {
        let reached = [self.last].into_iter().chain(self.told);
        if let Some((name, value)) = write_positions(reached)? {
            response.headers_mut().insert(name, value);
        }
        if let Some(Spread { have, of }) = self.spread {
            const PARTITIONS: HeaderName = HeaderName::from_static("guerdon-partitions");
            let value = HeaderValue::from_str(&format!("{have}/{of}"));
            response.headers_mut().insert(PARTITIONS, value.map_err(|_| Problem::internal())?);
        }
        if self.is_repeat {
            set_replayed(&mut response);
        }
        Ok(response)
    }
}

/// Gives an answer the version of what was set, as its ETag.
pub(crate) fn set_version(response: &mut Response, version: u64) -> Result<(), Problem> {
    let etag = HeaderValue::from_str(&format!("\"{version}\""));
    response.headers_mut().insert(ETAG, etag.map_err(|_| Problem::internal())?);
    Ok(())
}

/// Says in an answer that the request was carried out before.
pub(crate) fn set_replayed(response: &mut Response) {
    const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
}

/// Answers the fact of the account that the command led to, with the body of its kind.
macro_rules! respond_fact {
    ($done:expr, $($kind:ident => $body:path),+) => {{
        let mut done: $crate::execute::Done = $done;
        match done.event.take() {
            $(Some(domain::Event::$kind(account_id, fact)) => {
                done.respond(&$body(account_id, fact, done.place))
            })+
            _ => Err($crate::execute::unexpected()),
        }
    }};
}
pub(crate) use respond_fact;

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

/// What was recorded wasn't read within the time that a command has.
pub(crate) fn unread_in_time(place: Place) -> Problem {
    tracing::error!(%place, "an event can't be read in time");
    original_unread()
}

/// A handler met an outcome that its command can't have led to.
pub(crate) fn unexpected() -> Problem {
    tracing::error!("a command led to an outcome of another kind");
    Problem::internal()
}
