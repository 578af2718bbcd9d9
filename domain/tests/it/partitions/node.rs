//! One partition: its log, of which a part is durable, the state that its writer decides with, and
//! what the writer holds beside it.

use std::collections::HashMap;

use domain::{
    AMOUNT_MAX, Command, Decision, Desk, Event, Gates, Letter, Message, MessageNumber, Parked,
    Points, Source, State, Timestamp, decide,
};
use log_record::{Checksum, Partition, Position};

use super::flaws::Flaw;
use super::oracle::Tally;
use crate::laws::value_of;

/// One recorded event.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) time: Timestamp,
    pub(super) event: Event,
}

/// A command whose caller waits until then.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) command: Command,
    pub(super) deadline: Timestamp,
}

pub(super) struct Node {
    pub(super) state: State,
    pub(super) log: Vec<Recorded>,
    /// What the log adds up to, reckoned apart from the state.
    pub(super) tally: Tally,
    /// How many events are durable: what others see, and what a crash leaves.
    pub(super) durable: usize,
    /// Where each append ended, after the durable part.
    ends: Vec<usize>,
    /// A snapshot of the state, and how many events are in it.
    snapshot: Option<(Vec<u8>, usize)>,
    pub(super) parked: Parked<Asked>,
    pub(super) desk: Desk,
    pub(super) gates: Gates,
    /// Operators' commands that wait until every shelf has come home.
    pub(super) operators: Vec<(Command, Timestamp)>,
    /// The events that are messages, by whom they are for.
    outgoing: HashMap<Partition, Vec<usize>>,
    /// Commands whose caller will be answered 201 once what was appended is durable.
    answers: Vec<Command>,
    /// Commands whose caller was.
    pub(super) accepted: Vec<Command>,
    /// It does nothing before this step.
    pub(super) silent_until: usize,
}

impl Node {
    pub(super) fn new(partition: Partition) -> Self {
        Self {
            state: State::new(partition),
            log: vec![],
            tally: Tally::default(),
            durable: 0,
            ends: vec![],
            snapshot: None,
            parked: Parked::default(),
            desk: Desk::default(),
            gates: Gates::default(),
            operators: vec![],
            outgoing: HashMap::new(),
            answers: vec![],
            accepted: vec![],
            silent_until: 0,
        }
    }

    /// Decides, with what was recorded long ago where that is needed.
    pub(super) fn decide(
        &self,
        command: &Command,
        now: Timestamp,
    ) -> Result<Decision, domain::Refusal> {
        let Ok(Decision::Load(at)) = decide(&self.state, command, now) else {
            return decide(&self.state, command, now);
        };
        let index = usize::try_from(at.0).expect("small") - 1;
        let event = &self.log[index].event;
        let before: Vec<Event> = self.log[index - event.events_before()..index]
            .iter()
            .map(|recorded| recorded.event.clone())
            .collect();
        let command = command.with_original(&before, at, event).expect("it takes it");
        decide(&self.state, &command, now)
    }

    /// Appends all of these events, or says what they break.
    pub(super) fn append(&mut self, time: Timestamp, events: Vec<Event>) -> Result<(), String> {
        let Some(last) = events.last().cloned() else { return Ok(()) };
        self.desk.note(&events);
        for event in events {
            let at = self.state.position().next();
            self.state
                .evolve(at, time, &event)
                .map_err(|error| format!("{}: {error}: {event:?}", self.state.partition()))?;
            self.check_nobody_is_passed(&event)?;
            self.push(time, event);
        }
        if !self.state.may_end_after(&last) {
            return Err(format!("an append ends half way, after {last:?}"));
        }
        self.ends.push(self.log.len());
        Ok(())
    }

    fn push(&mut self, time: Timestamp, event: Event) {
        if let Event::MessageSent(fact) = &event {
            self.outgoing.entry(fact.to).or_default().push(self.log.len());
        }
        self.tally.count(&event);
        self.log.push(Recorded { time, event });
    }

    /// The caller is told once the outcome is durable.
    pub(super) fn answer_later(&mut self, command: Command) {
        self.answers.push(command);
    }

    /// What was appended becomes durable, and who waited for that is told.
    pub(super) fn sync(&mut self) {
        self.durable = self.log.len();
        self.ends.clear();
        self.accepted.append(&mut self.answers);
    }

    /// The process dies: some of what wasn't durable may be, and all that is soft is gone.
    pub(super) fn crash(&mut self, choose: impl FnOnce(usize) -> usize) -> Result<(), String> {
        let kept = choose(self.ends.len() + 1);
        let end = if kept == 0 { self.durable } else { self.ends[kept - 1] };
        self.log.truncate(end);
        self.outgoing.values_mut().for_each(|of| of.retain(|index| *index < end));
        self.tally = Tally::default();
        self.log.iter().for_each(|recorded| self.tally.count(&recorded.event));
        self.durable = end;
        self.ends.clear();
        self.answers.clear();
        (self.parked, self.desk, self.gates) = Default::default();
        self.operators.clear();
        let whole = self.replayed(None)?;
        if let Some((_, events)) = &self.snapshot
            && *events <= end
        {
            let from_snapshot = self.replayed(self.snapshot.as_ref())?;
            if value_of(&whole) != value_of(&from_snapshot) {
                return Err("I11: a snapshot and its tail give another state".to_owned());
            }
        }
        self.state = whole;
        Ok(())
    }

    fn replayed(&self, from: Option<&(Vec<u8>, usize)>) -> Result<State, String> {
        let (mut state, done) = match from {
            Some((bytes, events)) => {
                let state: State = postcard::from_bytes(bytes).expect("a snapshot is read");
                (state.with_schedule(), *events)
            }
            None => (State::new(self.state.partition()), 0),
        };
        for Recorded { time, event } in &self.log[done..] {
            let at = state.position().next();
            state.evolve(at, *time, event).map_err(|error| format!("I11: {error}"))?;
        }
        Ok(state)
    }

    /// The writer is another, which has a snapshot of what the former one knew.
    pub(super) fn restart_from_snapshot(&mut self) {
        let bytes = postcard::to_stdvec(&self.state).expect("it is written");
        let state: State = postcard::from_bytes(&bytes).expect("a snapshot is read");
        self.state = state.with_schedule();
    }

    /// A snapshot of what is durable.
    pub(super) fn take_snapshot(&mut self) {
        if self.durable == self.log.len() {
            let bytes = postcard::to_stdvec(&self.state).expect("it is written");
            self.snapshot = Some((bytes, self.log.len()));
        }
    }

    /// Whether it is credit that comes back, and has room in its sender's account for sure.
    pub(super) fn has_room_for(&self, message: &Message) -> bool {
        let Message::CreditReturned(credit, _) = message else { return false };
        let unit = self.state.unit_number(credit.unit).unwrap_or_default();
        let sender = self.state.account(&credit.from).expect("it has sent");
        let wallet = sender.wallet(unit);
        let has = [wallet.available(), wallet.pending(), wallet.held(), credit.points];
        has.into_iter().map(Points::get).sum::<u64>() <= AMOUNT_MAX
    }

    /// Whether credit came back after that event.
    pub(super) fn has_had_back_since(&self, last: Position) -> bool {
        let since = usize::try_from(last.0).expect("small");
        self.log[since..].iter().any(|it| matches!(it.event, Event::CreditReturned(..)))
    }

    /// How many messages for a partition are in the log.
    pub(super) fn sent_to(&self, to: Partition) -> &[usize] {
        self.outgoing.get(&to).map(Vec::as_slice).unwrap_or_default()
    }

    /// The message of a number, where others can read it.
    pub(super) fn letter(
        &self,
        to: Partition,
        number: MessageNumber,
        flaw: Option<Flaw>,
    ) -> Option<Letter> {
        let nth = usize::try_from(number.0).expect("small").checked_sub(1)?;
        let index = *self.sent_to(to).get(nth)?;
        let is_readable = index < self.durable || flaw == Some(Flaw::ReadBeforeDurable);
        let Recorded { time, event } = &self.log[index];
        let Event::MessageSent(fact) = event else { unreachable!("they are messages") };
        let mut checksum = [0; 32];
        checksum[..8].copy_from_slice(&(index as u64).to_be_bytes());
        checksum[8..10].copy_from_slice(&self.state.partition().0.to_be_bytes());
        let source = Source {
            partition: self.state.partition(),
            number: fact.number,
            position: Position(index as u64 + 1),
            checksum: Checksum(checksum),
            sent_at: *time,
        };
        is_readable.then(|| Letter { source, to, message: fact.message.clone() })
    }

    /// The messages for a partition that it hasn't received.
    pub(super) fn under_way(&self, to: &Self) -> impl Iterator<Item = &Message> {
        let received = to.state.received_from(self.state.partition()).number.0;
        let skipped = usize::try_from(received).expect("small");
        let indices = self.sent_to(to.state.partition()).iter().skip(skipped);
        indices.filter_map(|index| match &self.log[*index].event {
            Event::MessageSent(fact) => Some(&fact.message),
            _ => None,
        })
    }
}
