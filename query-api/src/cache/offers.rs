//! What everybody is shown of offers, in memory for up to a second: offers, pages of the list, and
//! the gates.
//!
//! An offer's answer is made for each status that it will have in that second, so that nobody reads
//! anything when it opens. What depends on the time in other ways is as old as that at most; any
//! cache on the way may keep it as long. While reads are answered from memory only, an offer's
//! answer is made anew of the row that was read, so that it opens and closes at its time all the
//! same.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::OfferId;
use log_record::Place;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use read_model::{AsOf, LogChanges, OfferAvailability, Subject};
use tokio::time::Instant;
use wire::body::{GatesBody, OfferBody};
use wire::{JsonAnswer, Problem, Switches};

use super::{Kept, Loaded};
use crate::QueryApi;
use crate::cell::time;
use crate::clock::{Clock, now};
use crate::freshness::wanted_positions;
use crate::gate::{names_of_those_on, read_gates};
use crate::offer_availability::{find_offer, no_offer, offer, read_page};

/// How long an answer is kept, and for how long ahead it is made.
const LIFE_MAX: Duration = Duration::from_secs(1);
const LIFE_MICROS: i64 = 1_000_000;

/// How many bytes are kept: some thousands of offers, and some hundreds of pages of them.
const BYTES_MAX: u64 = 32 << 20;

/// How many bytes an answer takes beside its body, about: an offer has its fields and its row, too.
const BYTES_OF_EACH: usize = 2_048;

/// How many answers there are, about: so few that the memory is divided into eight parts at most,
/// and the longest page fits into one.
const ANSWERS: usize = 256;

pub(super) type PublicAnswers = Kept<PublicRead, PublicAnswer, ByBytes>;

pub(super) fn empty() -> PublicAnswers {
    Kept::of(|| Cache::with_weighter(ANSWERS, BYTES_MAX, ByBytes), LIFE_MAX)
}

/// What everybody may read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PublicRead {
    /// An offer.
    Offer(OfferId),
    /// A page of the offers that have a status, which is empty for all: so many after one of them.
    Offers { status: &'static str, limit: u32, after: String },
    /// What takes no redemptions.
    Gates,
}

/// What a read was answered with.
#[derive(Debug)]
pub(super) struct PublicAnswer {
    /// In the order of time; there is one at least.
    spans: Vec<Span>,
    source: Source,
    as_of: AsOf,
    clock: Clock,
    /// Before it was read.
    era: u64,
}

/// What was read, where other answers can be made of it.
#[derive(Clone, Debug)]
enum Source {
    /// An offer, if there is one.
    Offer(Option<Box<OfferAvailability>>),
    Page,
    Gates(GatesBody),
}

/// What is answered from a time on and before another one.
#[derive(Debug)]
struct Span {
    from: i64,
    until: i64,
    /// Of an offer that there is.
    offer: Option<OfferBody>,
    /// Nothing where there is no such offer.
    answer: Option<JsonAnswer>,
}

/// What is shown at a time.
pub(crate) struct Shown {
    of: Arc<Loaded<PublicAnswer>>,
    pub(crate) now: i64,
    /// Whether it is answered however old it is.
    is_last: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ByBytes;

impl Weighter<PublicRead, Arc<Loaded<PublicAnswer>>> for ByBytes {
    fn weight(&self, _: &PublicRead, answer: &Arc<Loaded<PublicAnswer>>) -> u64 {
        let bytes = answer.spans.iter().map(|span| {
            // The body, and what it is when it is packed.
            let body = span.answer.as_ref().map_or(0, JsonAnswer::size);
            body + body / 4 + BYTES_OF_EACH
        });
        bytes.sum::<usize>() as u64
    }
}

impl QueryApi {
    /// What everybody is shown, kept or read, by all events that the request asks for.
    pub(crate) async fn shown(
        &self,
        headers: &HeaderMap,
        read: &PublicRead,
    ) -> Result<Shown, Problem> {
        let wanted = wanted_positions(self, headers)?;
        if self.reads_memory_only() {
            return self.last_shown(read, &wanted);
        }
        let answers = &self.metrics.offers;
        let Some(changes) = self.changes_of(&wanted) else {
            answers.loaded.inc();
            let value = PublicAnswer::read(self, read, &wanted, 0).await?;
            let now = value.from();
            let at = Instant::now();
            let of = Arc::new(Loaded { value, at, until: at });
            return Ok(Shown { of, now, is_last: false });
        };
        self.until_projected(&wanted).await?;
        if let PublicRead::Offer(offer_id) = read
            && self.has_no_offer(offer_id, &wanted)
        {
            return Err(no_offer());
        }
        let stands = |kept: &PublicAnswer| {
            kept.stands(read, changes, kept.clock.now_by(changes, &self.read_model))
        };
        let load = async {
            let era = changes.era();
            PublicAnswer::read(self, read, &wanted, era).await
        };
        let of = self.caches.offers.get(read, &wanted, answers, stands, load).await?;
        let now = of.clock.now_by(changes, &self.read_model).max(of.from());
        Ok(Shown { of, now, is_last: false })
    }

    /// What everybody was shown last, however old that is.
    fn last_shown(&self, read: &PublicRead, wanted: &[Place]) -> Result<Shown, Problem> {
        let changes = self.changes_of(wanted).ok_or_else(Problem::not_cached)?;
        if let PublicRead::Offer(offer_id) = read
            && self.has_no_offer(offer_id, wanted)
        {
            return Err(no_offer());
        }
        let offers = &self.caches.offers;
        let mut of = offers.last(read).ok_or_else(Problem::not_cached)?;
        let is_current = of.is_untouched(read, changes);
        let has = |place: &Place| {
            of.as_of.reached(place) >= place.position || (is_current && changes.has_come_to(place))
        };
        if !wanted.iter().all(has) {
            return Err(Problem::cached_before());
        }
        // There was no such offer, and there may be one by now.
        if matches!(of.source, Source::Offer(None)) && !is_current {
            return Err(Problem::not_cached());
        }
        let now = of.clock.now_by(changes, &self.read_model).max(of.from());
        if let Some(made) = of.made_for(now, &self.switches)? {
            of = offers.make_last(read, &of, made);
        }
        self.metrics.offers.kept.inc();
        Ok(Shown { of, now, is_last: true })
    }
}

impl PublicAnswer {
    async fn read(
        api: &QueryApi,
        read: &PublicRead,
        wanted: &[Place],
        era: u64,
    ) -> Result<Self, Problem> {
        let mut reading = api.reading(wanted).await?;
        let (clock, from) = (Clock::of(reading.as_of()), now(reading.as_of()));
        let until = match clock {
            Clock::Wall => from + LIFE_MICROS,
            // It stands still until something is recorded.
            Clock::Log => from + 1,
        };
        let (spans, source) = match read {
            PublicRead::Offer(offer_id) => {
                let row = find_offer(&mut reading, offer_id).await?.map(Box::new);
                (Span::of_offer(row.as_deref(), [from, until])?, Source::Offer(row))
            }
            PublicRead::Offers { status, limit, after } => {
                let page = read_page(&mut reading, status, *limit, after).await?;
                (vec![Span::whole([from, until], JsonAnswer::of(&page)?)], Source::Page)
            }
            PublicRead::Gates => {
                let gates = read_gates(&mut reading, &api.switches).await?;
                let span = Span::whole([from, until], JsonAnswer::of(&gates)?);
                (vec![span], Source::Gates(gates))
            }
        };
        Ok(Self { spans, source, as_of: reading.as_of().clone(), clock, era })
    }

    /// The answer of what was read for another time, and with the switches that are on now; nothing
    /// where it is the same.
    fn made_for(&self, now: i64, switches: &Switches) -> Result<Option<Self>, Problem> {
        let (spans, source) = match &self.source {
            Source::Offer(row) if !self.is_for(now) => {
                let spans = Span::of_offer(row.as_deref(), [now, now + LIFE_MICROS])?;
                (spans, Source::Offer(row.clone()))
            }
            Source::Gates(gates) => {
                let switches = names_of_those_on(switches);
                if gates.switches == switches {
                    return Ok(None);
                }
                let gates = GatesBody { switches, ..gates.clone() };
                let from = self.from();
                let span = Span::whole([from, from + LIFE_MICROS], JsonAnswer::of(&gates)?);
                (vec![span], Source::Gates(gates))
            }
            Source::Offer(_) | Source::Page => return Ok(None),
        };
        let Self { as_of, clock, era, .. } = self;
        Ok(Some(Self { spans, source, as_of: as_of.clone(), clock: *clock, era: *era }))
    }

    /// From when it is true.
    fn from(&self) -> i64 {
        self.spans.first().map(|span| span.from).unwrap_or_default()
    }

    /// Whether an answer was made for this time.
    fn is_for(&self, now: i64) -> bool {
        self.spans.iter().any(|span| (span.from..span.until).contains(&now))
    }

    fn stands(&self, read: &PublicRead, changes: &LogChanges, now: i64) -> bool {
        self.is_for(now) && self.is_untouched(read, changes)
    }

    /// Whether no event has changed it.
    fn is_untouched(&self, read: &PublicRead, changes: &LogChanges) -> bool {
        let subject = match read {
            PublicRead::Offer(offer_id) => Subject::Offer(offer_id.as_str()),
            PublicRead::Offers { .. } | PublicRead::Gates => Subject::Offers,
        };
        changes.has_not_touched_anywhere(subject, self.era, &self.as_of)
    }
}

impl Span {
    fn whole([from, until]: [i64; 2], answer: JsonAnswer) -> Self {
        Self { from, until, offer: None, answer: Some(answer) }
    }

    /// What an offer is shown as, with each status that it has in a time.
    fn of_offer(
        row: Option<&OfferAvailability>,
        [from, until]: [i64; 2],
    ) -> Result<Vec<Self>, Problem> {
        let Some(row) = row else {
            return Ok(vec![Self { from, until, offer: None, answer: None }]);
        };
        let bounds = [row.opens_at, row.closes_at].into_iter().flatten();
        let mut begins: Vec<i64> = bounds.filter(|at| (from + 1..until).contains(at)).collect();
        begins.push(from);
        begins.sort_unstable();
        let ends = begins.iter().skip(1).copied().chain([until]);
        let spans = begins.iter().zip(ends).map(|(from, until)| {
            let offer = offer(row.clone(), time(*from)?)?;
            let answer = JsonAnswer::of_version(offer.version, &offer)?;
            Ok(Self { from: *from, until, offer: Some(offer), answer: Some(answer) })
        });
        spans.collect()
    }
}

impl Shown {
    /// What stands now; the last where its time has just passed.
    fn span(&self) -> Option<&Span> {
        let spans = &self.of.spans;
        spans.iter().rfind(|span| span.from <= self.now).or(spans.first())
    }

    /// The offer; 404 where there is none.
    pub(crate) fn offer(&self) -> Result<&OfferBody, Problem> {
        self.span().and_then(|span| span.offer.as_ref()).ok_or_else(no_offer)
    }

    /// The answer; 404 where there is no such offer.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Result<Response, Problem> {
        let answer = self.span().and_then(|span| span.answer.as_ref());
        let answer = answer.map(|answer| answer.public(headers)).ok_or_else(no_offer)?;
        Ok(self.with_age(answer))
    }

    /// An answer that is made of it, which says how old it is where that may be old.
    pub(crate) fn with_age(&self, mut answer: Response) -> Response {
        if self.is_last {
            self.of.tell_age(&mut answer);
        }
        answer
    }
}
