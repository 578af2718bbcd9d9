//! What a partition knows of the others: which messages went and came, which offers have their home
//! here, which shelves were called back, and the credit in transit. Where there is one partition,
//! it is empty.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use log_record::{Partition, Place, Position};
use serde::{Deserialize, Serialize};

use super::State;
use super::impossible::{Changed, ensure};
use crate::{
    AccountId, Counts, CreditInTransit, CreditReturned, Grant, IdHash, Inventory, LadderCounts,
    Letter, Message, MessageNumber, MessageReceived, MessageSent, OfferHome, OfferId, OfferOpened,
    Points, ShelfDrained, ShelfGranted, Source, Terms, Timestamp, TransferId, TransferStatus,
    UnitId, Units,
};

const NO_HOME: &str = "of an offer that has its home elsewhere";

/// What a partition knows of the others.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Across {
    /// The last message to each partition.
    sent: BTreeMap<Partition, MessageNumber>,
    /// The last message from each partition.
    received: BTreeMap<Partition, Cursor>,
    /// The offers that have their home here.
    homes: IndexMap<OfferId, OfferHome>,
    /// The shelves that were called back and weren't filled since, with the round. They hold
    /// nothing of their own.
    drained: IndexMap<OfferId, u64>,
    transit: IndexMap<UnitId, Transit>,
    /// Units on drained shelves, which the append that brings them also takes from there.
    #[serde(skip)]
    loose: u64,
    /// The code among them, if one is.
    #[serde(skip)]
    pub(super) loose_code: Option<Place>,
}

/// The last message that was received from a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Its number.
    pub number: MessageNumber,
    /// Where it stands in its source's log.
    pub position: Position,
    /// The checksum of its record.
    pub checksum: [u8; 32],
}

/// Credit of a unit that left the partition, and that came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Transit {
    left: u128,
    came: u128,
}

/// Why a message isn't received now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It was received before: it is passed over.
    #[error("message {number} from partition {from} was received before")]
    Repeat {
        /// The source.
        from: Partition,
        /// Its number.
        number: u64,
    },
    /// One before it is missing: it is read again.
    #[error("message {expected} from partition {from} is missing: {found} came instead")]
    Gap {
        /// The source.
        from: Partition,
        /// The next number.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The source's history isn't the one that was read before: the partition stops.
    #[error(
        "log-forked: message {number} from partition {from} isn't the one that was received; what \
         the source told of the lost history stands here"
    )]
    Forked {
        /// The source.
        from: Partition,
        /// The number that there are two messages of.
        number: u64,
    },
    /// It names what this partition hasn't heard of yet, but will: it is read again later.
    #[error("message {number} from partition {from} names what this partition doesn't know yet")]
    Early {
        /// The source.
        from: Partition,
        /// Its number.
        number: u64,
    },
    /// It is for another partition.
    #[error("the message is for partition {to}, and this is {here}")]
    Misdirected {
        /// For whom it is.
        to: Partition,
        /// Who got it.
        here: Partition,
    },
}

impl Across {
    pub(super) const fn is_whole(&self) -> bool {
        self.loose == 0 && self.loose_code.is_none()
    }

    pub(super) fn open_home(&mut self, fact: &OfferOpened, partitions: u16) {
        let home = OfferHome::opening_with(&fact.terms, fact.stock, partitions);
        self.homes.insert(fact.offer_id.clone(), home);
        self.open_shelf(&fact.offer_id, &fact.terms);
    }

    /// Codes never stand on shelves.
    fn open_shelf(&mut self, id: &OfferId, terms: &Terms) {
        if terms.codes {
            self.drained.insert(id.clone(), 0);
        }
    }

    pub(super) fn home_mut(&mut self, id: &OfferId) -> Option<&mut OfferHome> {
        if self.homes.is_empty() { None } else { self.homes.get_mut(id) }
    }

    /// Units come to a shelf, or go from it.
    pub(super) fn on_shelf(&mut self, id: &OfferId, units: Units, is_coming: bool) -> Changed {
        if self.drained.is_empty() || !self.drained.contains_key(id) {
            return Ok(());
        }
        let loose = if is_coming {
            self.loose.checked_add(units.get())
        } else {
            self.loose.checked_sub(units.get())
        };
        self.loose = loose.ok_or("I17: a drained shelf sold what it didn't have")?;
        Ok(())
    }

    fn sent(&mut self, fact: &MessageSent) -> Changed {
        let last = self.sent.entry(fact.to).or_default();
        ensure(fact.number == last.next(), "I19: messages to a partition are numbered densely")?;
        *last = fact.number;
        Ok(())
    }

    fn received(&mut self, source: &Source) -> Changed {
        let last = self.received.entry(source.partition).or_default();
        let is_next = source.number == last.number.next() && source.position > last.position;
        ensure(is_next, "I19: messages from a partition are received in their order, each once")?;
        let checksum = source.checksum.0;
        *last = Cursor { number: source.number, position: source.position, checksum };
        Ok(())
    }

    fn transit_of(&mut self, unit: UnitId) -> &mut Transit {
        self.transit.entry(unit).or_default()
    }

    fn leaves(&mut self, credit: &CreditInTransit) {
        self.transit_of(credit.unit).left += u128::from(credit.points.get());
    }

    fn comes(&mut self, unit: UnitId, points: Points) {
        self.transit_of(unit).came += u128::from(points.get());
    }

    fn home_of(&mut self, id: &OfferId) -> Result<&mut OfferHome, &'static str> {
        self.homes.get_mut(id).ok_or(NO_HOME)
    }
}

impl State {
    /// How many partitions the log has.
    #[must_use]
    pub fn partitions(&self) -> u16 {
        self.opened().map_or(1, |opened| opened.partitions)
    }

    /// Which partition this is.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// Whether there are other partitions.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.partitions() > 1
    }

    /// The last message to a partition.
    #[must_use]
    pub fn sent_to(&self, to: Partition) -> MessageNumber {
        self.across.sent.get(&to).copied().unwrap_or_default()
    }

    /// The last message that was received from a partition: the next has the next number.
    #[must_use]
    pub fn received_from(&self, from: Partition) -> Cursor {
        self.across.received.get(&from).copied().unwrap_or_default()
    }

    /// What the home of an offer knows, where it is here.
    #[must_use]
    pub fn offer_home(&self, id: &OfferId) -> Option<&OfferHome> {
        if self.across.homes.is_empty() { None } else { self.across.homes.get(id) }
    }

    /// Whether the shelf of an offer was called back: then it holds nothing of its own.
    #[must_use]
    pub fn is_drained(&self, id: &OfferId) -> bool {
        !self.across.drained.is_empty() && self.across.drained.contains_key(id)
    }

    /// Credit of a unit that left this partition for others, and that came in from them. Over all
    /// partitions, what left less what came is in transit, and never below nothing where receivers
    /// are read before senders (I20).
    #[must_use]
    pub fn transit(&self, unit: UnitId) -> (u128, u128) {
        self.across.transit.get(&unit).map_or((0, 0), |transit| (transit.left, transit.came))
    }

    /// What this partition knows of a transfer to another partition or from there: of the sender's
    /// and the recipient's partition, any that isn't in transit is what became of it.
    #[must_use]
    pub fn transfer_status(&self, from: &AccountId, id: &TransferId) -> Option<TransferStatus> {
        let is = |id: IdHash| self.accounts.recorded.position_of(id).is_some();
        if is(IdHash::transfer_return(from, id)) {
            Some(TransferStatus::Returned)
        } else if is(IdHash::transfer_receipt(from, id)) {
            Some(TransferStatus::Received)
        } else {
            is(IdHash::transfer(from, id)).then_some(TransferStatus::InTransit)
        }
    }

    /// Whether a message is the next of its source. Whoever pulls messages reads the one at the
    /// cursor again before the next ones, and stops unless it is a repeat: a source that lost its
    /// end and went on otherwise may have a next message whose number and place look right.
    pub fn check_next(&self, letter: &Letter) -> Result<(), Undelivered> {
        let Letter { source, to, .. } = letter;
        let (from, here) = (source.partition, self.partition);
        if *to != here {
            return Err(Undelivered::Misdirected { to: *to, here });
        }
        let last = self.received_from(from);
        let (found, expected) = (source.number, last.number.next());
        let number = found.0;
        if found == last.number {
            let (position, checksum) = (source.position, source.checksum.0);
            let is_same = position == last.position && checksum == last.checksum;
            return Err(if is_same {
                Undelivered::Repeat { from, number }
            } else {
                Undelivered::Forked { from, number }
            });
        }
        if found < last.number {
            return Err(Undelivered::Repeat { from, number });
        }
        if found > expected {
            return Err(Undelivered::Gap { from, expected: expected.0, found: number });
        }
        // A later message stands later; and this one, which was never read, has a place that was.
        if source.position <= last.position {
            return Err(Undelivered::Forked { from, number });
        }
        match &letter.message {
            Message::CountsPassedOn(it) if !self.knows_all(&it.counts) => {
                Err(Undelivered::Early { from, number })
            }
            _ => Ok(()),
        }
    }

    /// Whether it knows all that counts name. Whatever their sender knew is told by earlier events.
    fn knows_all(&self, counts: &Counts) -> bool {
        let version = |it: &LadderCounts| self.ladder(it.ladder).map(|ladder| ladder.version);
        let Counts { ladders, limits, caps, segments: _ } = counts;
        ladders.iter().all(|it| version(it) >= Some(it.version))
            && limits.iter().all(|it| self.offer(&it.offer_id).is_some())
            && caps.iter().all(|it| self.unit(it.unit).is_some())
    }

    pub(super) fn message_sent(&mut self, fact: &MessageSent) -> Changed {
        let partitions = self.partitions();
        let is_there = partitions > 1 && fact.to.0 < partitions;
        ensure(is_there, "a message for a partition that there isn't")?;
        self.across.sent(fact)?;
        match &fact.message {
            Message::OfferShared(_) | Message::Programme(_) => Ok(()),
            Message::ShelfGranted(ShelfGranted { offer_id, grant }) => {
                let home = self.across.home_of(offer_id)?;
                match grant {
                    Grant::Portion(units) => {
                        home.grant_portion(fact.to, fact.number, Some(*units), partitions)
                    }
                    Grant::NoEnd => home.grant_portion(fact.to, fact.number, None, partitions),
                    Grant::For(_, units) => home.grant(*units),
                    Grant::Code(_, code) => {
                        home.grant(Units::ONE)?;
                        self.programme.code_pool(offer_id)?.hand_out(*code)
                    }
                }
            }
            Message::ShelfCalledBack(it) => self.across.home_of(&it.offer_id)?.call_back(it.round),
            Message::ShelfDrained(it) => self.shelf_drained(it),
            Message::StockReturned(it) => {
                ensure(self.is_drained(&it.offer_id), "units were sent home from a shelf in use")?;
                self.code_leaves(it)?;
                self.across.on_shelf(&it.offer_id, it.units, false)?;
                self.programme.unshelve(&it.offer_id, it.units)
            }
            Message::CreditSent(credit) | Message::CreditReturned(credit, _) => {
                self.across.leaves(credit);
                Ok(())
            }
            Message::UnitKept(it) => {
                let there = it.account_id.partition(partitions);
                ensure(fact.to == there, "a unit was kept where nobody waits")?;
                self.unit_kept(it)
            }
            Message::WaitJoined(_)
            | Message::WaitLeft(_)
            | Message::AccountMerged(_)
            | Message::CountsPassedOn(_)
            | Message::DebtPassedOn(_)
            | Message::DebtReturned(_) => Ok(()),
        }
    }

    pub(super) fn message_received(
        &mut self,
        at: Position,
        recorded_at: Timestamp,
        fact: &MessageReceived,
    ) -> Changed {
        let Source { partition: from, sent_at, .. } = fact.source;
        let partitions = self.partitions();
        let is_there = partitions > 1 && from.0 < partitions;
        ensure(is_there, "a message from a partition that there isn't")?;
        ensure(sent_at <= recorded_at, "a message was received before it was sent")?;
        self.across.received(&fact.source)?;
        match &fact.message {
            Message::OfferShared(it) => {
                ensure(self.offer_home(&it.offer_id).is_none(), "an offer was told to its home")?;
                if self.offer(&it.offer_id).is_none() {
                    self.across.open_shelf(&it.offer_id, &it.terms);
                }
                self.programme.offer_shared(at, it)
            }
            Message::ShelfGranted(it) => self.shelf_granted(from, it),
            // The next event says what was on it.
            Message::ShelfCalledBack(_) => Ok(()),
            Message::ShelfDrained(it) => {
                self.across.home_of(&it.offer_id)?.drained(from, it, partitions)
            }
            Message::StockReturned(it) => {
                self.across.home_of(&it.offer_id)?.returned(from, it.units, partitions)?;
                match it.code {
                    Some(code) => self.programme.code_pool(&it.offer_id)?.take_back(code),
                    None => Ok(()),
                }
            }
            Message::WaitJoined(it) => self.wait_joined(it),
            Message::WaitLeft(it) => self.wait_left(it),
            Message::UnitKept(it) => {
                let is_home = it.offer_id.home(partitions) == from;
                ensure(is_home, "a unit was kept by a partition that isn't the offer's home")?;
                self.kept_unit_came(it)
            }
            Message::CreditSent(credit) => {
                self.programme.unit_shared(at, credit.unit, &credit.of)?;
                self.across.comes(credit.unit, credit.points);
                Ok(())
            }
            Message::CreditReturned(..)
            | Message::AccountMerged(_)
            | Message::CountsPassedOn(_) => Ok(()),
            Message::DebtPassedOn(debt) | Message::DebtReturned(debt) => {
                self.programme.unit_shared(at, debt.unit, &debt.of)
            }
            Message::Programme(change) => self.programme_changed(at, recorded_at, change),
        }
    }

    /// Credit from another partition was received: the transfer's outcome.
    pub(super) fn credit_received(
        &self,
        at: Position,
        from: &AccountId,
        id: &TransferId,
    ) -> Changed {
        if self.is_shared() && from.partition(self.partitions()) != self.partition {
            self.accounts.record(IdHash::transfer_receipt(from, id), at)?;
        }
        Ok(())
    }

    pub(super) fn credit_returned(
        &mut self,
        at: Position,
        id: &AccountId,
        fact: &CreditReturned,
    ) -> Changed {
        let transfer = self.accounts.recorded.position_of(IdHash::transfer(id, &fact.transfer_id));
        ensure(transfer.is_some(), "credit came back that was never sent")?;
        self.across.comes(fact.unit, fact.points);
        self.accounts.record(IdHash::transfer_return(id, &fact.transfer_id), at)
    }

    fn shelf_granted(&mut self, from: Partition, fact: &ShelfGranted) -> Changed {
        let id = &fact.offer_id;
        match &fact.grant {
            Grant::Portion(units) => {
                self.across.drained.swap_remove(id);
                self.programme.shelve(id, *units)
            }
            Grant::NoEnd => {
                self.across.drained.swap_remove(id);
                self.programme
                    .replace_shelf(id, |shelf| Some(Inventory::Unlimited { sold: shelf.sold() }))
            }
            Grant::For(_, units) => {
                ensure(self.is_drained(id), "units came for an exchange to a shelf in use")?;
                self.across.on_shelf(id, *units, true)?;
                self.programme.shelve(id, *units)
            }
            Grant::Code(_, code) => self.code_came(id, from, *code),
        }
    }

    fn shelf_drained(&mut self, fact: &ShelfDrained) -> Changed {
        let ShelfDrained { offer_id, round, units, sold } = fact;
        let before = self.across.drained.insert(offer_id.clone(), *round);
        ensure(before.is_none_or(|before| before < *round), "an offer's rounds are counted")?;
        self.programme.replace_shelf(offer_id, |shelf| {
            let held = shelf.remaining().unwrap_or_default();
            let says_all = shelf.sold() == *sold && held == *units;
            says_all.then_some(Inventory::Units { stock: *sold, remaining: Units::ZERO })
        })
    }
}

impl super::Programme {
    /// What an offer is, as its home says.
    fn offer_shared(&mut self, at: Position, fact: &crate::OfferShared) -> Changed {
        let Some(offer) = self.offers.get_mut(&fact.offer_id) else {
            let offer = crate::Offer {
                terms: fact.terms.clone(),
                page: None,
                terms_at: at,
                version: fact.version,
                opening_stock: None,
                inventory: EMPTY_SHELF,
                reserved: Units::ZERO,
                phase: fact.phase,
                changed_at: at,
            };
            self.offers.insert(fact.offer_id.clone(), offer);
            return Ok(());
        };
        ensure(fact.version > offer.version, "an offer's versions are counted")?;
        offer.terms = fact.terms.clone();
        offer.phase = fact.phase;
        offer.version = fact.version;
        (offer.terms_at, offer.changed_at) = (at, at);
        Ok(())
    }

    fn replace_shelf(
        &mut self,
        id: &OfferId,
        with: impl FnOnce(Inventory) -> Option<Inventory>,
    ) -> Changed {
        let offer = self.offers.get_mut(id).ok_or("of an unknown offer")?;
        offer.inventory = with(offer.inventory).ok_or("I17: a shelf says what it holds")?;
        Ok(())
    }

    pub(super) fn shelve(&mut self, id: &OfferId, units: Units) -> Changed {
        self.replace_shelf(id, |shelf| shelf.add(units))
    }

    fn unshelve(&mut self, id: &OfferId, units: Units) -> Changed {
        self.replace_shelf(id, |shelf| shelf.remove(units))
    }
}

/// A shelf before its first portion, and the stock of an offer of codes before its first code.
pub(super) const EMPTY_SHELF: Inventory =
    Inventory::Units { stock: Units::ZERO, remaining: Units::ZERO };
