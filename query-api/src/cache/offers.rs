//! What everybody is shown of offers, in memory for up to a second: offers, pages of the list, and
//! the gates.
//!
//! An offer's answer is made for each status that it will have in that second, so that nobody reads
//! anything when it opens. What depends on the time in other ways is as old as that at most; any
//! cache on the way may keep it as long.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::OfferId;
use log_record::Place;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use read_model::{AsOf, LogChanges, Reading, Subject};
use tokio::time::Instant;
use wire::body::OfferBody;
use wire::{JsonAnswer, Problem};

use super::{Kept, Loaded};
use crate::QueryApi;
use crate::cell::time;
use crate::clock::{Clock, now};
use crate::freshness::{unread, wanted_positions};
use crate::gate::read_gates;
use crate::offer_availability::{find_offer, no_offer, offer, read_page};

/// How long an answer is kept, and for how long ahead it is made.
const LIFE_MAX: Duration = Duration::from_secs(1);
const LIFE_MICROS: i64 = 1_000_000;

/// How many bytes are kept: some thousands of offers, and some hundreds of pages of them.
const BYTES_MAX: u64 = 32 << 20;

/// How many bytes an answer takes beside its body, about: an offer has its fields, too.
const BYTES_OF_EACH: usize = 1_024;

/// How many answers there are, about: so few that the memory is divided into eight parts at most,
/// and the longest page fits into one.
const ANSWERS: usize = 256;

pub(super) type PublicAnswers = Kept<PublicRead, PublicAnswer, ByBytes>;

pub(super) fn empty() -> PublicAnswers {
    Kept { entries: Cache::with_weighter(ANSWERS, BYTES_MAX, ByBytes), life_max: LIFE_MAX }
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
    as_of: AsOf,
    clock: Clock,
    /// Before it was read.
    era: u64,
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
        let answers = &self.metrics.offers;
        let Some(changes) = self.changes_of(&wanted) else {
            answers.loaded.inc();
            let value = PublicAnswer::read(self, read, &wanted, 0).await?;
            let now = value.from();
            let at = Instant::now();
            return Ok(Shown { of: Arc::new(Loaded { value, at, until: at }), now });
        };
        if !wanted.is_empty() {
            let waiting = self.read_model.wait_for(&wanted, self.wait_max);
            self.read_model.unless_beyond(&wanted, waiting).await.map_err(unread)?;
        }
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
        Ok(Shown { of, now })
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
        let spans = match read {
            PublicRead::Offer(offer_id) => {
                Span::of_offer(&mut reading, offer_id, [from, until]).await?
            }
            PublicRead::Offers { status, limit, after } => {
                let page = read_page(&mut reading, status, *limit, after).await?;
                vec![Span::whole([from, until], JsonAnswer::of(&page)?)]
            }
            PublicRead::Gates => {
                let gates = read_gates(&mut reading, &api.switches).await?;
                vec![Span::whole([from, until], JsonAnswer::of(&gates)?)]
            }
        };
        Ok(Self { spans, as_of: reading.as_of().clone(), clock, era })
    }

    /// From when it is true.
    fn from(&self) -> i64 {
        self.spans.first().map(|span| span.from).unwrap_or_default()
    }

    fn stands(&self, read: &PublicRead, changes: &LogChanges, now: i64) -> bool {
        let subject = match read {
            PublicRead::Offer(offer_id) => Subject::Offer(offer_id.as_str()),
            PublicRead::Offers { .. } | PublicRead::Gates => Subject::Offers,
        };
        self.spans.iter().any(|span| (span.from..span.until).contains(&now))
            && changes.has_not_touched_anywhere(subject, self.era, &self.as_of)
    }
}

impl Span {
    fn whole([from, until]: [i64; 2], answer: JsonAnswer) -> Self {
        Self { from, until, offer: None, answer: Some(answer) }
    }

    /// What an offer is shown as, with each status that it has in a time.
    async fn of_offer(
        reading: &mut Reading,
        offer_id: &OfferId,
        [from, until]: [i64; 2],
    ) -> Result<Vec<Self>, Problem> {
        let Some(row) = find_offer(reading, offer_id).await? else {
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
        answer.map(|answer| answer.public(headers)).ok_or_else(no_offer)
    }
}
