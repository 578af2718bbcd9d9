//! Commands that wait for other partitions, and the homes of offers: who is asked, and what is
//! answered.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use domain::{Answers, ExchangeKey, Inquiry, OfferId, ParkedCommand, Refusal, Wait, answer};
use event_schema::Metadata;

use super::across::{ASK_AGAIN, Across};
use super::answer::{Answer, NotDecided, Unanswered};
use super::batch::Batch;
use super::neighbours::{News, Word};
use super::queued_command::{QueuedCommand, Reply};
use super::receive::NotTakenIn;
use super::record::Unrecordable;
use super::run::Run;

/// After how long what a home said isn't believed for those that come from then on.
const OLD: Duration = Duration::from_secs(1);

/// How many requests wait at most for another one of the same exchange.
const TWINS_MAX: usize = 8;

/// The name of what a home decides by itself.
const SHARE_UNITS: &str = "share-units";

impl Across {
    /// Ends the waiting of all commands for an offer: each is decided again.
    pub(super) fn decide_parked_again(&mut self, offer: &OfferId) {
        let parked = self.parked.take_all(offer);
        self.again.extend(parked.into_iter().map(|parked| parked.command));
    }

    /// Lets a command wait for the units that it asks for.
    fn park(&mut self, command: QueuedCommand, ask: domain::Ask) {
        let now = Instant::now();
        let gone = self.parked.waiting(&ask.key).is_some_and(|first| !first.is_wanted(now));
        if gone && let Some(first) = self.parked.take(&ask.key) {
            give_up(first.command);
        }
        if self.parked.len() + self.twins.len() >= domain::PARKED_MAX {
            command.answer(Err(Unanswered::NotDecided(NotDecided::QueueFull)));
            return;
        }
        if self.parked.waiting(&ask.key).is_some() {
            if self.twins.iter().filter(|(key, _)| *key == ask.key).count() >= TWINS_MAX {
                command.answer(Err(Unanswered::NotDecided(NotDecided::QueueFull)));
                return;
            }
            self.twins.push((ask.key, command));
            return;
        }
        self.asked.entry(ask.offer_id.clone()).or_default().is_more = true;
        // There is room, and nobody else waits for the exchange.
        let _ = self.parked.park(ParkedCommand { command, ask });
    }
}

/// Nothing was decided by the deadline. Its caller may notice that by itself, or may have gone.
fn give_up(command: QueuedCommand) {
    command.answer(Err(Unanswered::NotDecided(NotDecided::DeadlinePassed)));
}

impl Run {
    /// Lets a command wait for other partitions. It may be withdrawn meanwhile.
    pub(super) fn let_wait(&mut self, command: QueuedCommand, wait: Wait) {
        // Without other partitions, nothing is decided that waits.
        let Some(across) = &mut self.across else { return };
        command.claim.put_back();
        match wait {
            Wait::Units(ask) => across.park(command, ask),
            Wait::Shelves { offer_id, .. } => across.operators.push((offer_id, command)),
        }
    }

    /// Lets those go who have given up, and decides those again whose exchange waits no more by
    /// another command.
    pub(super) fn let_go(&mut self) {
        let Some(across) = &mut self.across else { return };
        let now = Instant::now();
        if across.look_at <= now {
            across.look_at = now + ASK_AGAIN;
            let parked = across.parked.take_where(|parked| !parked.command.is_wanted(now));
            parked.into_iter().for_each(|parked| give_up(parked.command));
            let operators = across.operators.extract_if(.., |(_, it)| !it.is_wanted(now));
            operators.for_each(|(_, command)| give_up(command));
            let twins = across.twins.extract_if(.., |(_, it)| !it.is_wanted(now));
            twins.for_each(|(_, command)| give_up(command));
        }
        let parked = &across.parked;
        let is_alone = |(key, _): &mut (ExchangeKey, _)| parked.waiting(key).is_none();
        let alone = across.twins.extract_if(.., is_alone);
        across.again.extend(alone.map(|(_, command)| command));
    }

    /// Asks the homes of the offers that commands wait for, where that is due.
    pub(super) fn inquire(&mut self) {
        let Some(across) = &mut self.across else { return };
        if across.parked.is_empty() {
            across.asked.clear();
            return;
        }
        let now = Instant::now();
        if !across.asked.values().any(|asked| asked.is_due(now)) {
            return;
        }
        let asked = &across.asked;
        let is_due = |offer: &OfferId| asked.get(offer).is_some_and(|it| it.is_due(now));
        let inquiries = across.parked.inquiries(&self.state, is_due);
        let is_asked = |offer: &OfferId| inquiries.iter().any(|(_, it)| it.offer_id == *offer);
        across.asked.retain(|offer, asked| !asked.is_due(now) || is_asked(offer));
        for (home, inquiry) in inquiries {
            let asked = across.asked.entry(inquiry.offer_id.clone()).or_default();
            (asked.at, asked.is_open, asked.is_more) = (Some(now), true, false);
            across.neighbours.say(home, Word::Inquiry(inquiry, now));
        }
    }

    /// Looks at what other writers have said.
    pub(super) fn hear_all(&mut self, into: &mut Batch) -> Result<(), NotTakenIn> {
        let Some(across) = &mut self.across else { return Ok(()) };
        let mut heard = std::mem::take(&mut across.heard).into_iter();
        while !into.is_full()
            && let Some(word) = heard.next()
        {
            match word {
                Word::Inquiry(inquiry, asked_at) => {
                    let answered = catch_unwind(AssertUnwindSafe(|| {
                        self.answer_inquiry(&inquiry, asked_at, into)
                    }));
                    if !matches!(answered, Ok(Ok(()))) {
                        return Err(self.drop_inquiry(inquiry, answered.ok()));
                    }
                }
                Word::Replies(offer, replies, asked_at) => {
                    self.hear(&offer, replies, asked_at, into);
                }
            }
        }
        if let Some(across) = &mut self.across {
            across.heard = heard.collect();
        }
        Ok(())
    }

    /// The asker waits in vain, and nobody else does.
    fn drop_inquiry(
        &mut self,
        inquiry: Inquiry,
        answered: Option<Result<(), Unrecordable>>,
    ) -> NotTakenIn {
        let offer = inquiry.offer_id.as_str();
        let why = match answered {
            Some(Err(why)) => why.to_string(),
            _ => "deciding on it panicked".to_owned(),
        };
        tracing::error!(offer, why, "an offer's home can't answer those who ask for its units");
        if let Some(across) = &mut self.across {
            across.unanswerable.insert(inquiry.offer_id);
        }
        NotTakenIn::Reload
    }

    /// Decides as an offer's home. What it says holds once what it decided before is durable.
    fn answer_inquiry(
        &mut self,
        inquiry: &Inquiry,
        asked_at: Instant,
        into: &mut Batch,
    ) -> Result<(), Unrecordable> {
        let Some(across) = &mut self.across else { return Ok(()) };
        if across.unanswerable.contains(&inquiry.offer_id) {
            return Ok(());
        }
        across.desk.forget(inquiry.from, inquiry.received);
        let Answers { events, replies } = answer(&self.state, &across.desk, inquiry);
        let says_nothing =
            events.is_empty() && replies.iter().all(|(_, reply)| *reply == domain::Reply::Wait);
        let word = Word::Replies(inquiry.offer_id.clone(), replies, asked_at);
        if says_nothing {
            across.neighbours.say(inquiry.from, word);
            return Ok(());
        }
        let metadata = Metadata::of_command(SHARE_UNITS);
        self.record(&events, self.time_of_own(), metadata, None, into)?;
        into.news.push(News::Word(inquiry.from, word));
        into.end_command();
        Ok(())
    }

    /// Whom an offer's home has nothing for is refused; the others wait on.
    fn hear(
        &mut self,
        offer: &OfferId,
        replies: Vec<(ExchangeKey, domain::Reply)>,
        asked_at: Instant,
        into: &mut Batch,
    ) {
        let Some(across) = &mut self.across else { return };
        // Whoever has a unit here that was kept isn't to be turned away.
        let is_kept = self.state.keeps_units_of(offer);
        let is_old = asked_at.elapsed() >= OLD;
        let is_full = replies.len() >= domain::INQUIRY_EXCHANGES_MAX
            && replies.iter().any(|(_, reply)| *reply != domain::Reply::Wait);
        if let Some(asked) = across.asked.get_mut(offer)
            && asked.at == Some(asked_at)
        {
            asked.is_open = false;
            // There may be more than one inquiry could ask for.
            asked.is_more |= is_full && !is_old;
        }
        for (key, reply) in replies {
            let domain::Reply::SoldOut { remaining, .. } = reply else { continue };
            if !is_old && !is_kept {
                self.gate.hear(offer, reply, asked_at);
            }
            // For whom the home was asked it is true however long the answer took.
            let is_it = |ParkedCommand { command, ask }: &ParkedCommand<QueuedCommand>| {
                let was_asked_for = !is_old || command.queued_at <= asked_at;
                was_asked_for && ask.offer_id == *offer && remaining < ask.units
            };
            let Some(parked) = across.parked.take(&key) else { continue };
            if !is_it(&parked) {
                let _ = across.parked.park(parked);
                continue;
            }
            let ParkedCommand { mut command, ask } = parked;
            if command.claim.take() {
                let refusal = Refusal::SoldOut { remaining, asked: ask.units };
                let reply = Reply::Answer(Answer::Refused(refusal));
                if let Some(trace) = &mut command.trace {
                    trace.decided(&reply);
                }
                into.decided.push((command, reply));
                into.end_command();
            }
        }
    }
}
