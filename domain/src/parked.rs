//! Commands that wait for units from an offer's home, and what homes said is sold out. Both are
//! soft: the writer holds them beside the state, and a restart forgets them. Who waited is answered
//! that nothing was decided, and asks again with the same id.

use std::collections::HashMap;

use indexmap::IndexMap;
use indexmap::map::Entry;
use log_record::{Partition, Position};

use crate::{Ask, Command, ExchangeKey, Inquiry, OfferId, Refusal, Reply, State, Timestamp, Units};

/// How many commands of a partition wait at most; each keeps a caller and its connection.
pub const PARKED_MAX: usize = 10_000;

/// For how long a partition believes that an offer is sold out, without asking its home.
pub const GATE_BELIEVED_MICROS: i64 = 1_000_000;

/// The commands of a partition that wait for units, in their order.
#[derive(Debug, Default)]
pub struct Parked {
    commands: IndexMap<ExchangeKey, ParkedCommand>,
}

/// A command that waits for units.
#[derive(Clone, Debug)]
pub struct ParkedCommand {
    /// The command. It is decided again when units come.
    pub command: Command,
    /// What it waits for.
    pub ask: Ask,
    /// Until when it waits.
    pub deadline: Timestamp,
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

impl Parked {
    /// Lets a command wait.
    pub fn park(&mut self, parked: ParkedCommand) -> Result<(), NotParked> {
        let is_full = self.commands.len() >= PARKED_MAX;
        match self.commands.entry(parked.ask.key.clone()) {
            Entry::Occupied(_) => Err(NotParked::AlreadyWaits),
            Entry::Vacant(_) if is_full => Err(NotParked::Full),
            Entry::Vacant(entry) => {
                entry.insert(parked);
                Ok(())
            }
        }
    }

    /// The command that waits for the units of an exchange.
    #[must_use]
    pub fn waiting(&self, key: &ExchangeKey) -> Option<&Command> {
        self.commands.get(key).map(|parked| &parked.command)
    }

    /// Ends the waiting of one command.
    pub fn take(&mut self, key: &ExchangeKey) -> Option<ParkedCommand> {
        self.commands.shift_remove(key)
    }

    /// Ends the waiting of all commands for an offer, in their order: a portion came, or the
    /// offer's terms changed, and each is decided again. The offer's home sends itself no message
    /// of its terms: there, the change itself ends the waiting.
    pub fn take_all(&mut self, offer: &OfferId) -> Vec<ParkedCommand> {
        self.take_where(|parked| parked.ask.offer_id == *offer)
    }

    /// Ends the waiting of the commands whose deadline has passed. Units that come later for one go
    /// home again.
    pub fn take_expired(&mut self, now: Timestamp) -> Vec<ParkedCommand> {
        self.take_where(|parked| parked.deadline <= now)
    }

    fn take_where(&mut self, is_taken: impl Fn(&ParkedCommand) -> bool) -> Vec<ParkedCommand> {
        let (taken, kept): (Vec<_>, Vec<_>) =
            self.commands.drain(..).partition(|(_, parked)| is_taken(parked));
        self.commands.extend(kept);
        taken.into_iter().map(|(_, parked)| parked).collect()
    }

    /// What is to be asked of each offer's home, now and again.
    #[must_use]
    pub fn inquiries(&self, state: &State) -> Vec<(Partition, Inquiry)> {
        let mut by_offer: IndexMap<&OfferId, Vec<(ExchangeKey, Units)>> = IndexMap::new();
        for (key, parked) in &self.commands {
            by_offer.entry(&parked.ask.offer_id).or_default().push((key.clone(), parked.ask.units));
        }
        let inquiries = by_offer.into_iter().map(|(offer_id, waiting)| {
            let home = offer_id.home(state.partitions());
            let (from, offer_id) = (state.partition(), offer_id.clone());
            let received = state.received_from(home).number;
            (home, Inquiry { from, received, offer_id, waiting })
        });
        inquiries.collect()
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
    closed: HashMap<OfferId, Gate>,
}

#[derive(Clone, Copy, Debug)]
struct Gate {
    remaining: Units,
    /// The home's event as of which it is so: what it said before it counts no more.
    at: Position,
    /// When the home was asked.
    heard: Timestamp,
}

impl Gates {
    /// Takes in what an offer's home said. `heard` is when the home was asked, not when the answer
    /// came: an answer that was long on its way is believed for less.
    pub fn hear(&mut self, offer: &OfferId, reply: Reply, heard: Timestamp) {
        let Reply::SoldOut { remaining, at } = reply else { return };
        let last = self.closed.get(offer);
        if last.is_none_or(|last| last.at <= at) {
            self.closed.insert(offer.clone(), Gate { remaining, at, heard });
        }
    }

    /// Units came: nothing is known of the offer any more.
    pub fn open(&mut self, offer: &OfferId) {
        self.closed.remove(offer);
    }

    /// The refusal of a command that asks for so many units, where its offer is sold out for it.
    #[must_use]
    pub fn refusal(&self, offer: &OfferId, asked: Units, now: Timestamp) -> Option<Refusal> {
        let gate = self.closed.get(offer)?;
        let is_believed = now.micros() - gate.heard.micros() < GATE_BELIEVED_MICROS;
        let is_short = gate.remaining < asked;
        let remaining = gate.remaining;
        (is_believed && is_short).then_some(Refusal::SoldOut { remaining, asked })
    }
}
