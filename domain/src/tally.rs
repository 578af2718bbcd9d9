//! Counts by number, for what is kept for ever: few bytes an entry.

use serde::{Deserialize, Serialize};

/// Counts by number, in order. An entry takes the bytes of what it adds to the number before it,
/// and of its count, seven bits to a byte: two for a unit of the next offer, some five for points
/// of a lot, where a pair of 64-bit numbers would take sixteen. To find one, all before it are
/// read, about a nanosecond a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Tally(Box<[u8]>);

impl Tally {
    /// The count of a number; 0 where it has none.
    pub(crate) fn get(&self, number: u64) -> u64 {
        let mut entries = self.entries().skip_while(|(other, _)| *other < number);
        entries.next().filter(|(other, _)| *other == number).map_or(0, |(_, count)| count)
    }

    /// The bytes that it has allocated.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.0.len()
    }

    /// Sets the count of a number. One of 0 takes no bytes.
    pub(crate) fn set(&mut self, number: u64, count: u64) {
        let mut packed = Packed::with_capacity(self.0.len() + ENTRY_BYTES_MAX);
        let mut entries = self.entries().peekable();
        while let Some((other, former)) = entries.next_if(|(other, _)| *other < number) {
            packed.push(other, former);
        }
        packed.push(number, count);
        for (other, former) in entries.skip_while(|(other, _)| *other == number) {
            packed.push(other, former);
        }
        self.0 = packed.bytes.into();
    }

    /// Adds to the counts of some numbers, in one pass; nothing where a count would be more than
    /// `most`.
    #[must_use]
    pub(crate) fn add_all(&mut self, mut added: Vec<(u64, u64)>, most: u64) -> Option<()> {
        added.sort_unstable_by_key(|(number, _)| *number);
        let mut packed = Packed::with_capacity(self.0.len() + added.len() * ENTRY_BYTES_MAX);
        let mut entries = self.entries().peekable();
        let mut added = added.into_iter().peekable();
        while let Some((number, mut count)) = added.next() {
            while let Some((other, former)) = entries.next_if(|(other, _)| *other < number) {
                packed.push(other, former);
            }
            let former = entries.next_if(|(other, _)| *other == number);
            count = count.checked_add(former.map_or(0, |(_, count)| count))?;
            while let Some((_, more)) = added.next_if(|(other, _)| *other == number) {
                count = count.checked_add(more)?;
            }
            if count > most {
                return None;
            }
            packed.push(number, count);
        }
        for (other, former) in entries {
            packed.push(other, former);
        }
        self.0 = packed.bytes.into();
        Some(())
    }

    /// Drops the counts of all other numbers.
    pub(crate) fn retain(&mut self, keeps: impl Fn(u64) -> bool) {
        if self.entries().all(|(number, _)| keeps(number)) {
            return;
        }
        let mut packed = Packed::with_capacity(self.0.len());
        for (number, count) in self.entries().filter(|(number, _)| keeps(*number)) {
            packed.push(number, count);
        }
        self.0 = packed.bytes.into();
    }

    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries { bytes: &self.0, number: 0 }
    }
}

/// Two numbers of 64 bits.
const ENTRY_BYTES_MAX: usize = 20;

/// Entries in the making.
struct Packed {
    bytes: Vec<u8>,
    /// The number of the last entry.
    last: u64,
}

impl Packed {
    fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), last: 0 }
    }

    /// Adds an entry behind the others.
    fn push(&mut self, number: u64, count: u64) {
        if count == 0 {
            return;
        }
        for mut value in [number - self.last, count] {
            while value >= 0x80 {
                self.bytes.push(value.to_le_bytes()[0] | 0x80);
                value >>= 7;
            }
            self.bytes.push(value.to_le_bytes()[0]);
        }
        self.last = number;
    }
}

/// Reads the entries, in order.
pub(crate) struct Entries<'a> {
    bytes: &'a [u8],
    /// Of the last entry.
    number: u64,
}

impl Iterator for Entries<'_> {
    type Item = (u64, u64);

    fn next(&mut self) -> Option<(u64, u64)> {
        self.number += self.value()?;
        Some((self.number, self.value()?))
    }
}

impl Entries<'_> {
    fn value(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_count_is_as_it_was_set_last() {
        let mut tally = Tally::default();
        let mut map = BTreeMap::new();
        for step in 0..2_000_u64 {
            // A number that jumps about, up to the largest, and counts of all lengths.
            let number = (step * 7_919 % 101).wrapping_mul(u64::MAX / 100);
            let count = if step % 5 == 0 { 0 } else { 1 << (step % 53) };
            tally.set(number, count);
            map.insert(number, count);
        }
        for (number, count) in map {
            assert_eq!(tally.get(number), count, "{number}");
        }
        assert_eq!(tally.get(1), 0);
    }

    #[test]
    fn what_is_added_at_once_is_what_is_added_one_by_one() {
        let (mut at_once, mut one_by_one) = (Tally::default(), Tally::default());
        for round in 0..20_u64 {
            let added: Vec<_> = (0..30).map(|step| (step * 31 % 17 + round, step + 1)).collect();
            for (number, count) in &added {
                one_by_one.set(*number, one_by_one.get(*number) + count);
            }
            assert_eq!(at_once.add_all(added, u64::MAX), Some(()));
        }
        assert_eq!(at_once, one_by_one);
        assert_eq!(at_once.clone().add_all(vec![(1, 1)], 1), None);
    }

    #[test]
    fn a_count_of_nothing_takes_no_bytes() {
        let mut tally = Tally::default();
        tally.set(7, 3);
        tally.set(7, 0);
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn ten_years_of_expired_lots_take_five_bytes_each() {
        let mut tally = Tally::default();
        // Ten lots a day of a thousand points; meanwhile the log has grown by 100,000 events.
        let lots: Vec<_> = (0..36_500).map(|lot| (lot * 10_000 + lot % 7, 1_000)).collect();
        assert_eq!(tally.add_all(lots, u64::MAX), Some(()));
        assert!(tally.0.len() <= 36_500 * 5, "{}", tally.0.len());
    }
}
