//! What an account counts by number: units of offers, for ever and in the periods of limits, and
//! the positions of what was said last of its segments. One tally has them all, so that an account
//! without any takes no byte for it.
//!
//! An offer's number is what is counted for ever. Above it, a number has a period's kind and first
//! day, so that one offer's periods stand apart from another's; above those stand segments.

use log_record::Position;

use super::{Account, OfferNumber, check_count};
use crate::segment::SEGMENTS_OF_ACCOUNT_MAX;
use crate::{Calendar, Day, LimitDays, LimitPeriod, Refusal, Timestamp, Units};

/// An offer's number has 32 bits, a period's kind two, and a day fewer than 24.
const KIND_SHIFT: u32 = 32;
const DAY_SHIFT: u32 = 34;
const SEGMENTS_FROM: u64 = 1 << 60;

/// A segment's place in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentNumber(pub(crate) u32);

impl Account {
    /// How many units of the offer this shopper has had.
    pub(crate) fn taken(&self, offer: OfferNumber) -> Units {
        self.counted(offer.0.into())
    }

    /// How many of them in a period that begins with this day.
    pub(crate) fn taken_in(&self, offer: OfferNumber, period: LimitPeriod, first: Day) -> Units {
        self.counted(number_of(offer, period, first))
    }

    fn counted(&self, number: u64) -> Units {
        // By mergers it may be more than an amount can say.
        Units::sum_of(self.counts.get(number)).unwrap_or(Units::MOST)
    }

    /// What counts towards limits: of which offer, in which period, and how many units.
    pub(crate) fn limits(
        &self,
    ) -> impl Iterator<Item = (OfferNumber, Option<(LimitPeriod, Day)>, u64)> {
        self.counts.entries().take_while(|(number, _)| *number < SEGMENTS_FROM).filter_map(
            |(number, count)| {
                let offer = OfferNumber(u32::try_from(number & u64::from(u32::MAX)).ok()?);
                let period = match number >> KIND_SHIFT & 3 {
                    0 => return Some((offer, None, count)),
                    1 => LimitPeriod::Day,
                    2 => LimitPeriod::Week,
                    _ => LimitPeriod::Month,
                };
                let first = Day::of_number(number >> DAY_SHIFT)?;
                Some((offer, Some((period, first)), count))
            },
        )
    }

    /// Adds to what counts towards a limit, or takes off it; the count of a period that is over is
    /// dropped.
    pub(crate) fn take_over(
        &mut self,
        offer: OfferNumber,
        period: Option<(LimitPeriod, Day)>,
        units: i64,
        now: Timestamp,
    ) {
        let number = match period {
            Some((period, first)) => number_of(offer, period, first),
            None => offer.0.into(),
        };
        let count = self.counts.get(number).saturating_add_signed(units);
        self.counts.set(number, count);
        let today = Calendar::UTC.day(now);
        self.counts.retain(|number| is_needed(number, today));
    }

    /// The segments that the account is in.
    pub(crate) fn segments(&self) -> impl Iterator<Item = SegmentNumber> {
        let said = self.counts.entries().filter(|(number, _)| *number >= SEGMENTS_FROM);
        let members = said.filter(|(_, said)| said & 1 == 1);
        members.filter_map(|(number, _)| {
            u32::try_from(number & !SEGMENTS_FROM).ok().map(SegmentNumber)
        })
    }

    /// Counts units of an offer towards its limits, and drops the counts of periods that are over.
    #[must_use]
    pub(crate) fn count(
        &mut self,
        offer: OfferNumber,
        quantity: Units,
        days: LimitDays,
        now: Timestamp,
    ) -> Option<()> {
        self.add(offer.0.into(), quantity)?;
        if !days.is_empty() {
            let today = Calendar::UTC.day(now);
            self.counts.retain(|number| is_needed(number, today));
        }
        for (period, first) in days.iter() {
            self.add(number_of(offer, period, first), quantity)?;
        }
        Some(())
    }

    fn add(&mut self, number: u64, quantity: Units) -> Option<()> {
        let count = self.counts.get(number).checked_add(quantity.get())?;
        self.counts.set(number, count);
        Some(())
    }

    /// Takes units off the counts. The count of a period that is over is gone.
    #[must_use]
    pub(crate) fn count_back(
        &mut self,
        offer: OfferNumber,
        quantity: Units,
        days: LimitDays,
    ) -> Option<()> {
        let left = self.counts.get(offer.0.into()).checked_sub(quantity.get())?;
        self.counts.set(offer.0.into(), left);
        for (period, first) in days.iter() {
            let number = number_of(offer, period, first);
            let left = self.counts.get(number).saturating_sub(quantity.get());
            self.counts.set(number, left);
        }
        Some(())
    }

    /// Whether the account is in a segment, and the event that said so last, if one did.
    pub(crate) fn segment(&self, segment: SegmentNumber) -> Option<(bool, Position)> {
        let said = self.counts.get(number_of_segment(segment));
        (said > 0).then_some((said & 1 == 1, Position(said >> 1)))
    }

    pub(crate) fn set_segment(&mut self, segment: SegmentNumber, member: bool, at: Position) {
        self.counts.set(number_of_segment(segment), at.0 << 1 | u64::from(member));
    }

    /// Whether something may be said of another segment.
    pub(crate) fn check_new_segment(&self) -> Result<(), Refusal> {
        let said = self.counts.entries().filter(|(number, _)| *number >= SEGMENTS_FROM);
        check_count("segments", said.count() + 1, SEGMENTS_OF_ACCOUNT_MAX)
    }
}

fn number_of_segment(SegmentNumber(segment): SegmentNumber) -> u64 {
    SEGMENTS_FROM | u64::from(segment)
}

fn number_of(offer: OfferNumber, period: LimitPeriod, first: Day) -> u64 {
    let offer = u64::from(offer.0);
    let kind = match period {
        LimitPeriod::Ever => return offer,
        LimitPeriod::Day => 1,
        LimitPeriod::Week => 2,
        LimitPeriod::Month => 3,
    };
    first.number() << DAY_SHIFT | kind << KIND_SHIFT | offer
}

/// Whether a number still counts on a day in UTC, or could where it is another day by now.
fn is_needed(number: u64, today: Day) -> bool {
    if number >> KIND_SHIFT == 0 || number >= SEGMENTS_FROM {
        return true;
    }
    let days_max = match number >> KIND_SHIFT & 3 {
        1 => 1,
        2 => 7,
        _ => 31,
    };
    today.number() <= (number >> DAY_SHIFT) + days_max + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PeriodLimits;
    use crate::scenario::{time, units};

    const DAY: i64 = 24 * 60 * 60;
    const MUG: OfferNumber = OfferNumber(7);

    fn all(day: Day) -> LimitDays {
        let one = Some(units(1));
        PeriodLimits { day: one, week: one, month: one }.days(day)
    }

    #[test]
    fn a_year_of_days_keeps_the_last_periods_and_few_bytes() {
        let mut account = Account::default();
        for number in 20_000..20_365 {
            let now = time(number * DAY + DAY / 2);
            let days = all(Calendar::UTC.day(now));
            account.count(MUG, units(1), days, now).expect("it counts");
        }
        assert_eq!(account.taken(MUG), units(365));
        let last = all(Calendar::UTC.day(time(20_364 * DAY)));
        let taken = last.iter().map(|(period, first)| account.taken_in(MUG, period, first).get());
        let taken: Vec<u64> = taken.collect();
        assert_eq!(taken[0], 1);
        assert!(taken[1] <= 7 && taken[2] <= 31 && taken[2] >= taken[0], "{taken:?}");
        let bytes = account.counts.allocated_bytes();
        assert!(bytes <= 10 * 10, "{bytes}");
    }

    #[test]
    fn more_than_an_amount_can_say_is_counted_to_the_unit() {
        let mut account = Account::default();
        let (now, days) = (time(20_000 * DAY), LimitDays::default());
        account.count(MUG, Units::MOST, days, now).expect("it counts");
        account.take_over(MUG, None, 5, now);
        assert_eq!(account.taken(MUG), Units::MOST);
        // As a reservation's capture does.
        account.count_back(MUG, units(3), days).expect("it counted");
        account.count(MUG, units(3), days, now).expect("it counts");
        account.count_back(MUG, units(5), days).expect("it counted");
        assert_eq!(account.taken(MUG), Units::MOST);
        account.count_back(MUG, units(1), days).expect("it counted");
        assert_eq!(account.taken(MUG).get(), Units::MOST.get() - 1);
    }

    #[test]
    fn offers_periods_and_segments_are_counted_apart() {
        let mut account = Account::default();
        let (now, cup) = (time(20_000 * DAY), OfferNumber(8));
        let days = all(Calendar::UTC.day(now));
        account.count(MUG, units(2), days, now).expect("it counts");
        account.count(cup, units(3), days, now).expect("it counts");
        account.set_segment(SegmentNumber(7), true, Position(5));
        account.set_segment(SegmentNumber(0), false, Position(6));
        account.count_back(MUG, units(1), days).expect("it counted");
        for (period, first) in days.iter() {
            assert_eq!(account.taken_in(MUG, period, first), units(1), "{period:?}");
            assert_eq!(account.taken_in(cup, period, first), units(3), "{period:?}");
        }
        assert_eq!(account.segment(SegmentNumber(7)), Some((true, Position(5))));
        assert_eq!(account.segment(SegmentNumber(0)), Some((false, Position(6))));
        assert_eq!(account.segment(SegmentNumber(1)), None);
        assert_eq!(account.count_back(MUG, units(2), LimitDays::default()), None);
    }
}
