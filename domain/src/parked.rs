//! Commands that wait for units from an offer's home, and what homes said is sold out. Both are
//! soft: the writer holds them beside the state, and a restart forgets them. Who waited is answered
//! that nothing was decided, and asks again with the same id.

use std::collections::{BTreeMap, HashMap};

use indexmap::IndexMap;
use log_record::{Partition, Position};

use crate::{Ask, Command, ExchangeKey, Inquiry, OfferId, Refusal, Reply, State, Timestamp, Units};

/// How many commands of a partition wait at most; each keeps a caller and its connection.
pub const PARKED_MAX: usize = 10_000;

/// For how many exchanges one inquiry asks at most. The next inquiry for the offer asks for those
/// that wait behind them, and after the last for the first again.
pub const INQUIRY_EXCHANGES_MAX: usize = 1_000;

/// For how long a partition believes that an offer is sold out, without asking its home.
pub const GATE_BELIEVED_MICROS: i64 = 1_000_000;

/// The commands of a partition that wait for units, in their order. `C` is a command with what its
/// caller needs.
#[derive(Debug)]
pub struct Parked<C = Command> {
    /// By the order in which they came.
    commands: BTreeMap<u64, ParkedCommand<C>>,
    numbers: HashMap<ExchangeKey, u64>,
    next: u64,
    /// The last that was asked for, of each offer for which more wait than one inquiry asks for.
    asked_to: HashMap<OfferId, u64>,
}

/// A command that waits for units.
#[derive(Clone, Debug)]
pub struct ParkedCommand<C = Command> {
    /// The command. It is decided again when units come.
    pub command: C,
    /// What it waits for.
    pub ask: Ask,
}

/// Why a command can't wait: nothing was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotParked {
    /// Too many wait.
    #[error("{PARKED_MAX} commands of this partition wait for units already")]
    Full,
    /// The same exchange waits.
    #[error("the exchange waits for its units already")]
    AlreadyWaits,
}

impl<C> Default for Parked<C> {
    fn default() -> Self {
        let (numbers, asked_to) = (HashMap::new(), HashMap::new());
        Self { commands: BTreeMap::new(), numbers, next: 1, asked_to }
    }
}

impl<C> Parked<C> {
    /// Lets a command wait.
    pub fn park(&mut self, parked: ParkedCommand<C>) -> Result<(), NotParked> {
        if self.numbers.contains_key(&parked.ask.key) {
            return Err(NotParked::AlreadyWaits);
        }
        if self.len() >= PARKED_MAX {
            return Err(NotParked::Full);
        }
        if self.is_empty() {
            // Of offers for which nobody waits any more.
            self.asked_to.clear();
        }
        self.numbers.insert(parked.ask.key.clone(), self.next);
        self.commands.insert(self.next, parked);
        self.next += 1;
        Ok(())
    }

    /// The command that waits for the units of an exchange.
    #[must_use]
    pub fn waiting(&self, key: &ExchangeKey) -> Option<&C> {
        let parked = self.commands.get(self.numbers.get(key)?)?;
        Some(&parked.command)
    }

    /// Ends the waiting of one command.
    pub fn take(&mut self, key: &ExchangeKey) -> Option<ParkedCommand<C>> {
        self.commands.remove(&self.numbers.remove(key)?)
    }

    /// Ends the waiting of all commands for an offer, in their order: a portion came, or the
    /// offer's terms changed, and each is decided again. The offer's home sends itself no message
    /// of its terms: there, the change itself ends the waiting.
    pub fn take_all(&mut self, offer: &OfferId) -> Vec<ParkedCommand<C>> {
        self.take_where(|parked| parked.ask.offer_id == *offer)
    }

    /// Ends the waiting of some commands, as of those whose deadline has passed. Units that come
    /// later for one go home again.
    pub fn take_where(
        &mut self,
        is_taken: impl Fn(&ParkedCommand<C>) -> bool,
    ) -> Vec<ParkedCommand<C>> {
        let numbers = self.commands.iter().filter(|(_, parked)| is_taken(parked));
        let numbers: Vec<u64> = numbers.map(|(number, _)| *number).collect();
        let taken = numbers.iter().filter_map(|number| self.commands.remove(number));
        let taken: Vec<_> = taken.collect();
        for parked in &taken {
            self.numbers.remove(&parked.ask.key);
        }
        taken
    }

    /// What is to be asked of the homes of some offers, now and again.
    pub fn inquiries(
        &mut self,
        state: &State,
        is_asked: impl Fn(&OfferId) -> bool,
    ) -> Vec<(Partition, Inquiry)> {
        let mut by_offer: IndexMap<&OfferId, Vec<(u64, &Ask)>> = IndexMap::new();
        for (number, ParkedCommand { ask, .. }) in &self.commands {
            if is_asked(&ask.offer_id) {
                by_offer.entry(&ask.offer_id).or_default().push((*number, ask));
            }
        }
        let mut asked_to = vec![];
        let inquiries = by_offer.into_iter().map(|(offer_id, mut waiting)| {
            if waiting.len() > INQUIRY_EXCHANGES_MAX {
                let last = self.asked_to.get(offer_id).copied().unwrap_or_default();
                let asked = waiting.partition_point(|(number, _)| *number <= last);
                waiting.rotate_left(asked);
                waiting.truncate(INQUIRY_EXCHANGES_MAX);
                asked_to.extend(waiting.last().map(|(last, _)| (offer_id.clone(), *last)));
            }
            let waiting: Vec<(ExchangeKey, Units)> =
                waiting.into_iter().map(|(_, ask)| (ask.key.clone(), ask.units)).collect();
            let home = offer_id.home(state.partitions());
            let (from, offer_id) = (state.partition(), offer_id.clone());
            let received = state.received_from(home).number;
            (home, Inquiry { from, received, offer_id, waiting })
        });
        let inquiries = inquiries.collect();
        self.asked_to.retain(|offer, _| !is_asked(offer));
        self.asked_to.extend(asked_to);
        inquiries
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }
}

/// What homes said of offers that are sold out: turns commands away before they are decided. Looked
/// up only for ids that are neither recorded nor in flight, as in one partition.
#[derive(Debug, Default)]
pub struct Gates {
    gates: HashMap<OfferId, Gate>,
}

#[derive(Clone, Copy, Debug)]
struct Gate {
    /// The home's event as of which it is so: what it said before it counts no more.
    at: Position,
    /// How many are left where it is closed, and when the home was asked.
    closed: Option<(Units, Timestamp)>,
}

impl Gates {
    /// Takes in what an offer's home said. `heard` is when the home was asked, not when the answer
    /// came: an answer that was long on its way is believed for less.
    pub fn hear(&mut self, offer: &OfferId, reply: Reply, heard: Timestamp) {
        if let Reply::SoldOut { remaining, at } = reply {
            self.set(offer, Gate { at, closed: Some((remaining, heard)) });
        }
    }

    /// Units came, which the home sent by its event at this position: what it said before is over,
    /// also where that is heard later.
    pub fn open(&mut self, offer: &OfferId, at: Position) {
        self.set(offer, Gate { at, closed: None });
    }

    /// A unit of an offer is kept for somebody here: nothing is known of the offer for the moment.
    pub fn lift(&mut self, offer: &OfferId) {
        if let Some(gate) = self.gates.get_mut(offer) {
            gate.closed = None;
        }
    }

    /// Nothing is known of any offer for the moment.
    pub fn open_all(&mut self) {
        self.gates.values_mut().for_each(|gate| gate.closed = None);
    }

    fn set(&mut self, offer: &OfferId, gate: Gate) {
        let last = self.gates.get(offer);
        if last.is_none_or(|last| last.at <= gate.at) {
            self.gates.insert(offer.clone(), gate);
        }
    }

    /// The refusal of a command that asks for so many units, where its offer is sold out for it.
    #[must_use]
    pub fn refusal(&self, offer: &OfferId, asked: Units, now: Timestamp) -> Option<Refusal> {
        let (remaining, heard) = self.gates.get(offer)?.closed?;
        let is_believed = now.micros() - heard.micros() < GATE_BELIEVED_MICROS;
        (is_believed && remaining < asked).then_some(Refusal::SoldOut { remaining, asked })
    }
}
