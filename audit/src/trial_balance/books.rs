//! What the events of a partition add up to, of each unit: what came in, and where it went.
//!
//! The points of an event are added to what came in or went, and the parts of lots that it names to
//! where credit is; that both sides agree shows that no event says two things.

use std::collections::{BTreeMap, HashMap};

use domain::{
    CauseKind, CreditEarned, CreditGivenBack, CreditWithdrawn, Event, LotPart, Points, Timestamp,
    UnitId,
};
use event_schema::{DecodeError, decode};
use log_record::{Checksum, Generation, PackedPlace, Partition, Place, Position, RecordedEvent};
use read_model::{NEVER, Total, month_of_expiry};

/// A day in microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// After how many further lots that were pending those are forgotten that can be by now.
const FORGET_AFTER_LOTS: usize = 4_096;

/// The sums of a partition's events up to one of them.
#[derive(Clone, Debug, Default)]
pub struct Books {
    last: Option<LastEvent>,
    units: BTreeMap<UnitId, UnitBooks>,
    /// The last message that was received from each partition: where it was sent.
    received: BTreeMap<Partition, Position>,
    /// The lots that can't be spent yet, and from when on they can.
    pending: HashMap<u64, i64>,
    forget_at: usize,
}

/// The last event that is in the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEvent {
    /// Where it stands.
    pub place: Place,
    /// The generation that it was appended in.
    pub generation: Generation,
    /// Its checksum.
    pub checksum: Checksum,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// The sums of one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitBooks {
    totals: BTreeMap<Total, i128>,
    /// What all accounts have, by the day on which it expires.
    days: BTreeMap<i64, i128>,
}

/// Where credit is within an account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Available,
    Held,
    Pending,
}

impl Books {
    /// The last event that is in the sums.
    #[must_use]
    pub const fn last(&self) -> Option<LastEvent> {
        self.last
    }

    /// Its position.
    #[must_use]
    pub fn position(&self) -> Position {
        self.last.map_or(Position::START, |last| last.place.position)
    }

    /// The units that there was credit of, by their names.
    #[must_use]
    pub const fn units(&self) -> &BTreeMap<UnitId, UnitBooks> {
        &self.units
    }

    /// Up to where another partition's messages were received.
    pub(super) fn received_from(&self, partition: Partition) -> Option<Position> {
        self.received.get(&partition).copied()
    }

    /// Those of an empty history that ends there.
    #[cfg(test)]
    pub(super) fn at_position(position: u64) -> Self {
        let place = Place { partition: Partition(0), position: Position(position) };
        let last = LastEvent {
            place,
            generation: Generation(1),
            checksum: Checksum([0; 32]),
            recorded_at: Timestamp::EPOCH,
        };
        Self { last: Some(last), ..Self::default() }
    }

    /// How many lots it keeps in mind.
    pub(super) fn pending_lots(&self) -> usize {
        self.pending.len()
    }

    /// Adds the next event.
    pub fn add(&mut self, row: &RecordedEvent) -> Result<(), DecodeError> {
        let (recorded_at, event) = decode(row)?;
        self.add_event(row.place, recorded_at, &event);
        let RecordedEvent { place, generation, checksum, .. } = *row;
        self.last = Some(LastEvent { place, generation, checksum, recorded_at });
        Ok(())
    }

    fn add_event(&mut self, place: Place, recorded_at: Timestamp, event: &Event) {
        use Side::{Available, Held, Pending};
        match event {
            Event::CreditEarned(_, fact) => self.earned(place, recorded_at, fact),
            Event::CreditWithdrawn(_, fact) => self.withdrawn(recorded_at, fact),
            Event::WithdrawalReversed(_, fact) => self.given_back(recorded_at, &fact.credit),
            Event::CreditGivenBack(_, fact) => self.given_back(recorded_at, &fact.credit),
            Event::ReturnReversed(_, fact) => {
                if let Some(credit) = &fact.credit {
                    self.given_back(recorded_at, credit);
                }
            }
            Event::CreditDeducted(_, fact) => {
                let unit = self.count(fact.unit, Total::Redeemed, fact.points);
                unit.go(Available, &fact.lots);
            }
            Event::CreditMatured(_, fact) => {
                let unit = self.unit(fact.unit);
                unit.go(Pending, &fact.lots);
                unit.come(Available, &fact.lots);
            }
            Event::CreditExpired(_, fact) => {
                self.count(fact.unit, Total::Expired, fact.points).go(Available, &fact.lots);
            }
            Event::CreditRefunded(_, fact) => {
                self.count(fact.unit, Total::Refunded, fact.points).come(Available, &fact.lots);
            }
            Event::DebtRepaid(_, fact) => {
                let unit = self.count(fact.unit, Total::Repaid, fact.points);
                unit.go(Available, &fact.lots);
                unit.add(Total::Owed, -sum(&fact.lots));
            }
            Event::DebtPassedOn(_, fact) => self.owes(fact.unit, -number(fact.points)),
            Event::DebtTakenOver(_, fact) => self.owes(fact.unit, number(fact.points)),
            Event::CreditSent(_, fact) => {
                self.count(fact.unit, Total::Sent, fact.points).go(Available, &fact.lots);
            }
            Event::CreditReceived(_, fact) => {
                self.count(fact.unit, Total::Received, fact.points).come(Available, &fact.lots);
            }
            Event::CreditReturned(_, fact) => {
                self.count(fact.unit, Total::Received, fact.points).come(Available, &fact.lots);
            }
            Event::CreditConverted(_, fact) => {
                self.count(fact.unit, Total::ConvertedOut, fact.points).go(Available, &fact.lots);
            }
            Event::CreditHeld(_, fact) => {
                let unit = self.unit(fact.unit);
                unit.go(Available, &fact.lots);
                unit.come(Held, &fact.lots);
            }
            Event::HoldSwapped(_, fact) => {
                let unit = self.unit(fact.unit);
                unit.go(Held, &fact.returned);
                unit.come(Available, &fact.returned);
                unit.go(Available, &fact.taken);
                unit.come(Held, &fact.taken);
            }
            Event::HoldCaptured(_, fact) => {
                let unit = self.count(fact.unit, Total::Redeemed, fact.points);
                unit.go(Held, &fact.lots);
                unit.go(Held, &fact.released);
                unit.come(Available, &fact.came_back());
            }
            Event::HoldReleased(_, fact) => {
                let unit = self.unit(fact.unit);
                unit.go(Held, &fact.lots);
                unit.come(Available, &fact.came_back());
            }
            Event::MessageReceived(fact) => {
                self.received.insert(fact.source.partition, fact.source.position);
            }
            // Every event of which the domain says that it moves credit stands above.
            _ => {}
        }
    }

    fn earned(&mut self, place: Place, recorded_at: Timestamp, fact: &CreditEarned) {
        let is_converted = fact.cause.kind == CauseKind::Conversion;
        let total = if is_converted { Total::ConvertedIn } else { Total::Issued };
        let available_at = fact.available_at.filter(|available_at| *available_at > recorded_at);
        let side = if available_at.is_some() { Side::Pending } else { Side::Available };
        let unit = self.count(fact.unit, total, fact.points);
        unit.move_points(side, fact.expires_at, number(fact.points));
        if let Some(available_at) = available_at {
            self.keep_in_mind(PackedPlace::from(place).get(), available_at, recorded_at);
        }
    }

    fn withdrawn(&mut self, recorded_at: Timestamp, fact: &CreditWithdrawn) {
        let of_nobody = or_zero(fact.expired) + or_zero(fact.forgiven);
        let is_pending = |part: &LotPart| self.is_pending(part, recorded_at);
        let (pending, available): (Vec<LotPart>, Vec<LotPart>) =
            fact.lots.iter().cloned().partition(is_pending);
        let unit = self.unit(fact.unit);
        unit.add(Total::Withdrawn, number(fact.points) - of_nobody);
        unit.add(Total::Owed, or_zero(fact.owed));
        unit.go(Side::Pending, &pending);
        unit.go(Side::Available, &available);
    }

    /// By how much more accounts owe, or less, because of a merger: as if so much more or less had
    /// been withdrawn.
    fn owes(&mut self, unit: UnitId, points: i128) {
        let unit = self.unit(unit);
        unit.add(Total::Withdrawn, points);
        unit.add(Total::Owed, points);
    }

    fn given_back(&mut self, recorded_at: Timestamp, fact: &CreditGivenBack) {
        let of_nobody = or_zero(fact.expired) + or_zero(fact.forgiven);
        let pending_until = fact.available_at;
        let unit = self.unit(fact.unit);
        unit.add(Total::Withdrawn, of_nobody - number(fact.points));
        unit.add(Total::Owed, -or_zero(fact.owed));
        for part in &fact.lots {
            let is_pending = pending_until.is_some() && part.lot == fact.of_lot;
            let side = if is_pending { Side::Pending } else { Side::Available };
            unit.come(side, std::slice::from_ref(part));
        }
        if let Some(until) = pending_until {
            self.keep_in_mind(fact.of_lot.place().get(), until, recorded_at);
        }
    }

    fn is_pending(&self, part: &LotPart, now: Timestamp) -> bool {
        let available_at = self.pending.get(&part.lot.place().get());
        available_at.is_some_and(|available_at| *available_at > now.micros())
    }

    fn keep_in_mind(&mut self, lot: u64, available_at: Timestamp, now: Timestamp) {
        self.pending.insert(lot, available_at.micros());
        if self.pending.len() > self.forget_at {
            self.pending.retain(|_, available_at| *available_at > now.micros());
            self.forget_at = self.pending.len() * 2 + FORGET_AFTER_LOTS;
        }
    }

    fn unit(&mut self, unit: UnitId) -> &mut UnitBooks {
        self.units.entry(unit).or_default()
    }

    fn count(&mut self, unit: UnitId, total: Total, points: Points) -> &mut UnitBooks {
        let unit = self.unit(unit);
        unit.add(total, number(points));
        unit
    }
}

impl UnitBooks {
    /// One of the sums.
    #[must_use]
    pub fn total(&self, total: Total) -> i128 {
        self.totals.get(&total).copied().unwrap_or_default()
    }

    /// What all accounts have, by the month in which it expires; `never` comes last.
    #[must_use]
    pub fn months(&self) -> BTreeMap<String, i128> {
        let mut months = BTreeMap::new();
        for (day, points) in self.days.iter().filter(|(_, points)| **points != 0) {
            let month = match *day {
                NEVER => month_of_expiry(NEVER),
                day => month_of_expiry(day * DAY),
            };
            *months.entry(month).or_default() += points;
        }
        months
    }

    /// The sums of both.
    pub(super) fn join(&mut self, other: &Self) {
        for (total, points) in &other.totals {
            self.add(*total, *points);
        }
        for (day, points) in &other.days {
            *self.days.entry(*day).or_default() += points;
        }
    }

    fn add(&mut self, total: Total, points: i128) {
        *self.totals.entry(total).or_default() += points;
    }

    fn come(&mut self, side: Side, parts: &[LotPart]) {
        for part in parts {
            self.move_points(side, part.expires_at, number(part.points));
        }
    }

    fn go(&mut self, side: Side, parts: &[LotPart]) {
        for part in parts {
            self.move_points(side, part.expires_at, -number(part.points));
        }
    }

    fn move_points(&mut self, side: Side, expires_at: Option<Timestamp>, points: i128) {
        let total = match side {
            Side::Available => Total::Available,
            Side::Held => Total::Held,
            Side::Pending => Total::Pending,
        };
        self.add(total, points);
        let day = expires_at.map_or(NEVER, |expires_at| expires_at.micros().div_euclid(DAY));
        *self.days.entry(day).or_default() += points;
    }
}

fn number(points: Points) -> i128 {
    points.get().into()
}

fn or_zero(points: Option<Points>) -> i128 {
    points.map_or(0, number)
}

fn sum(parts: &[LotPart]) -> i128 {
    parts.iter().map(|part| number(part.points)).sum()
}
