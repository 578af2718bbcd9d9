//! Messages of other partitions, taken in together with the writer's own commands. A message is
//! never refused; one that can't be taken in stops the partition. A message may decide a command
//! that waits for it. If that command is what fails, it is refused, and the message is read again.
#![expect(
    clippy::result_large_err,
    reason = "a batch that can't go on is given back, which is rare"
)]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use domain::{
    Event, Grant, IdHash, Letter, Message, ShelfGranted, Timestamp, Undelivered, receive,
};
use event_schema::Metadata;

use super::answer::{Answer, NotDecided, Request, Unanswered};
use super::batch::Batch;
use super::decide::{fingerprint_of, metadata_of};
use super::neighbours::News;
use super::pull::pull;
use super::queued_command::{QueuedCommand, Reply};
use super::run::Run;
use super::status::StopReason;

/// Why what other partitions have sent or asked can't be taken in.
pub(super) enum NotTakenIn {
    /// The partition can't go on.
    Stop(StopReason),
    /// The state is thrown away; what was in the way is gone, and the rest is read again.
    Reload,
}

/// The name of a receipt's command in the log.
const RECEIVE_MESSAGE: &str = "receive-message";

impl Run {
    /// Takes in what other partitions have sent and said, and puts the commands that needn't wait
    /// any more before those that `arrived`. The batch comes back as an error where the partition
    /// can't go on.
    pub(super) fn attend(
        &mut self,
        arrived: &mut Vec<QueuedCommand>,
        mut into: Batch,
    ) -> Result<Batch, Batch> {
        self.let_go();
        if !self.across.as_ref().is_some_and(|across| across.has_news()) {
            return Ok(into);
        }
        if self.across.as_ref().is_some_and(|across| across.stop.is_some()) {
            return Err(into);
        }
        if into.is_full() || !self.check_clock() {
            return Ok(into);
        }
        let attended = catch_unwind(AssertUnwindSafe(|| {
            self.take_in_all(&mut into)?;
            // An operator whose shelves are home comes before inquiries, which may fill them again.
            let again = self.across.iter().flat_map(|across| &across.again);
            let has_operator = again
                .chain(arrived.iter())
                .any(|command| command.request.command.offer().is_some());
            if has_operator { Ok(()) } else { self.hear_all(&mut into) }
        }));
        let attended = attended.unwrap_or_else(|_| Err(NotTakenIn::Stop(self.panicked_on_it())));
        let Some(across) = &mut self.across else { return Ok(into) };
        match attended {
            Ok(()) => {}
            Err(NotTakenIn::Reload) => return Err(into),
            Err(NotTakenIn::Stop(why)) => {
                across.stop = Some(why);
                return Err(into);
            }
        }
        // They didn't wait for the writer.
        let now = Instant::now();
        across.again.iter_mut().for_each(|command| command.queued_at = now);
        arrived.splice(0..0, across.again.drain(..));
        Ok(into)
    }

    /// Begins to read the next messages, where nobody does.
    pub(super) fn keep_pulling(&mut self) {
        let Some(across) = &mut self.across else { return };
        if !(across.pulling.is_empty() && across.letters.is_empty()) {
            return;
        }
        let partitions = (0..across.neighbours.partitions()).map(log_record::Partition);
        let cursors = partitions.map(|from| self.state.received_from(from)).collect();
        let (store, neighbours) = (self.config.store.clone(), across.neighbours.clone());
        let unread = std::mem::take(&mut across.unread);
        across.pulling.spawn(pull(store, neighbours, self.partition, cursors, unread));
    }

    fn panicked_on_it(&self) -> StopReason {
        let why = "deciding on it panicked".into();
        StopReason::NotApplied { partition: self.partition, why }
    }

    fn take_in_all(&mut self, into: &mut Batch) -> Result<(), NotTakenIn> {
        let Some(across) = &mut self.across else { return Ok(()) };
        if across.letters.is_empty() {
            return Ok(());
        }
        let mut letters = std::mem::take(&mut across.letters).into_iter();
        let (mut has_gap, mut early) = (false, BTreeSet::new());
        while !into.is_full()
            && let Some(letter) = letters.next()
        {
            if early.contains(&letter.source.partition) {
                continue;
            }
            match self.state.check_next(&letter) {
                Ok(()) => {
                    self.take_in(&letter, into)?;
                    if let Some(across) = &mut self.across {
                        across.unread.came(letter.source.partition);
                    }
                }
                Err(Undelivered::Repeat { .. }) => {}
                // It is read again later, with those behind it.
                Err(Undelivered::Early { from, .. }) => {
                    early.insert(from);
                }
                // It is read again, from the cursor, with those that no batch had room for.
                Err(Undelivered::Gap { .. })
                    if self.across.as_ref().is_some_and(|across| !across.has_gap) =>
                {
                    has_gap = true;
                }
                Err(why) => {
                    let why = StopReason::Undelivered { partition: self.partition, why };
                    return Err(NotTakenIn::Stop(why));
                }
            }
        }
        if let Some(across) = &mut self.across {
            for from in &early {
                across.unread.put_off(self.partition, *from);
            }
            if !has_gap {
                let letters = letters.filter(|it| !early.contains(&it.source.partition));
                across.letters = letters.collect();
            }
            if across.letters.is_empty() {
                across.has_gap = has_gap;
            }
        }
        Ok(())
    }

    fn take_in(&mut self, letter: &Letter, into: &mut Batch) -> Result<(), NotTakenIn> {
        let mut waiting = self.take_waiting(letter);
        let request = waiting.as_ref().map(|command| Arc::clone(&command.request));
        let received =
            catch_unwind(AssertUnwindSafe(|| self.receive(letter, request.as_deref(), into)));
        match received.unwrap_or_else(|_| Err(self.panicked_on_it())) {
            Ok(None) => {}
            Ok(Some(reply)) => {
                if let Some(mut command) = waiting.take() {
                    if let Some(trace) = &mut command.trace {
                        trace.decided(&reply);
                    }
                    into.decided.push((command, reply));
                }
            }
            Err(why) => {
                let Some(command) = waiting.filter(|_| !why.is_fork()) else {
                    return Err(NotTakenIn::Stop(why));
                };
                // Without the command, the same units go home.
                tracing::error!(%why, "a redemption that waited for units can't be decided");
                self.panicked.insert(fingerprint_of(&command.request));
                command.answer(Err(Unanswered::Panicked));
                return Err(NotTakenIn::Reload);
            }
        }
        into.end_command();
        self.follow(letter, waiting);
        Ok(())
    }

    /// Records the receipt of a message, and gives the reply to the request that waits for it,
    /// where that is decided with it.
    fn receive(
        &mut self,
        letter: &Letter,
        waiting: Option<&Request>,
        into: &mut Batch,
    ) -> Result<Option<Reply>, StopReason> {
        let command = waiting.map(|request| &request.command);
        let said = command.and_then(domain::Command::occurred_at);
        let now = self.clock.now(self.state.recorded_at(), said);
        let receipt = receive(&self.state, letter, command, now)
            .map_err(|why| StopReason::Undelivered { partition: self.partition, why })?;
        let domain::Receipt { recorded_at, mut events, outcome } = receipt;
        let request = waiting.filter(|_| outcome.is_some());
        let metadata = match request {
            Some(request) => metadata_of(request),
            None => Metadata::of_command(RECEIVE_MESSAGE),
        };
        let principal = request.and_then(|request| request.principal.as_deref());
        let before = self.state.position();
        self.record(&events, recorded_at, metadata, outcome.zip(principal), into).map_err(
            |why| {
                let why = format!("{why} (message {})", letter.source.number.0).into();
                StopReason::NotApplied { partition: self.partition, why }
            },
        )?;
        let outcome = outcome.filter(|outcome| *outcome < events.len());
        let decided = outcome.zip(request).map(|(outcome, request)| {
            Reply::Answer(Answer::Recorded {
                place: self.place(before.plus(outcome as u64 + 1)),
                event: Box::new(events.swap_remove(outcome)),
                last: self.place(self.state.position()),
                subject: self.subject(&request.command, recorded_at),
            })
        });
        Ok(decided)
    }

    /// The command that waits for the units that the message brings, unless its caller has gone.
    fn take_waiting(&mut self, letter: &Letter) -> Option<QueuedCommand> {
        let (across, key) = (self.across.as_mut()?, letter.exchange()?);
        let command = match across.parked.take(key) {
            Some(parked) => parked.command,
            // It has just heard of something else.
            None => {
                let is_it = |command: &QueuedCommand| {
                    command.request.command.exchange().as_ref() == Some(key)
                };
                let index = across.again.iter().position(is_it)?;
                across.again.remove(index)
            }
        };
        if !command.is_wanted(Instant::now()) {
            command.answer(Err(Unanswered::NotDecided(NotDecided::DeadlinePassed)));
            return None;
        }
        // The units stay on the shelf, or go home, as for a caller who has gone.
        if let Some(switch) = self.switch_against(&command.request.command) {
            command.answer(Err(Unanswered::NotDecided(NotDecided::SwitchedOff(switch))));
            return None;
        }
        let fingerprint = self.fingerprint_if_any_panicked(&command.request);
        if fingerprint.is_some_and(|print| self.panicked.contains(&print)) {
            command.answer(Err(Unanswered::Panicked));
            return None;
        }
        command.claim.take().then_some(command)
    }

    /// Who needn't wait any more, after a message, is decided again; so is who waited for it in
    /// vain.
    fn follow(&mut self, letter: &Letter, waiting: Option<QueuedCommand>) {
        let Some(across) = &mut self.across else { return };
        if let Some(command) = waiting {
            command.claim.put_back();
            across.again.push(command);
        }
        match &letter.message {
            Message::ShelfGranted(ShelfGranted {
                offer_id,
                grant: Grant::Portion(_) | Grant::NoEnd,
            }) => {
                self.gate.open_across(offer_id, letter.source.position);
                across.decide_parked_again(offer_id);
            }
            Message::OfferShared(fact) => across.decide_parked_again(&fact.offer_id),
            // Whose unit it is may wait for another one.
            Message::UnitKept(of) => {
                self.gate.lift(&of.offer_id);
                across.decide_parked_again(&of.offer_id);
            }
            // Before anybody's inquiry fills the shelves again.
            Message::ShelfDrained(fact) => {
                let is_for_it = |(offer, _): &mut (_, _)| *offer == fact.offer_id;
                let home = across.operators.extract_if(.., is_for_it);
                across.again.extend(home.map(|(_, command)| command));
            }
            _ => {}
        }
    }

    /// Notes what others are to be told of an event once it is durable.
    pub(super) fn note(&self, event: &Event, into: &mut Batch) {
        if self.across.is_none() {
            return;
        }
        into.news.push(match event {
            Event::MessageSent(fact) => News::Sent(fact.to, fact.number),
            Event::MessageReceived(fact) => {
                News::Received(fact.source.partition, fact.source.number)
            }
            Event::CreditReceived(_, fact) => {
                News::Transfer(IdHash::transfer(&fact.from, &fact.transfer_id))
            }
            Event::CreditReturned(from, fact) => {
                News::Transfer(IdHash::transfer(from, &fact.transfer_id))
            }
            _ => return,
        });
    }

    /// The home's own shoppers are told of what changes an offer by nobody else.
    pub(super) fn after_own_change(&mut self, command: &domain::Command) {
        if let Some(across) = &mut self.across
            && let Some(offer) = command.offer()
        {
            across.decide_parked_again(offer);
        }
    }

    /// The time of a decision that no command asks for.
    pub(super) fn time_of_own(&self) -> Timestamp {
        self.clock.now(self.state.recorded_at(), None)
    }
}
