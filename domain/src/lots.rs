//! Parts of lots that can be spent, in the order in which they are.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{LotId, LotPart, Points, Timestamp};

/// Parts of lots with something left, in spending order, and their sum (I1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "VecDeque<LotPart>", into = "VecDeque<LotPart>")]
pub(crate) struct Lots {
    parts: VecDeque<LotPart>,
    /// Kept so that a check doesn't walk the parts.
    sum: Points,
}

/// From how many parts on they are merged and not put in one by one.
const MERGED_FROM: usize = 16;

/// By what parts are sorted: the first to expire, the oldest lot, without grace.
type Order = (Timestamp, LotId, bool);

impl LotPart {
    /// The last time stands for never, which no part of a lot can outlast.
    fn order(&self) -> Order {
        (self.expires_at.unwrap_or(Timestamp::LAST), self.lot, self.graced)
    }
}

impl Lots {
    pub(crate) const fn sum(&self) -> Points {
        self.sum
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The bytes that it has allocated.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.parts.capacity() * size_of::<LotPart>()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &LotPart> {
        self.parts.iter()
    }

    /// When the first of them expires, if any does.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        self.parts.front().and_then(|part| part.expires_at)
    }

    /// What `points` would draw on, or nothing where there is less than that.
    pub(crate) fn draw(&self, points: Points) -> Option<Vec<LotPart>> {
        let (drawn, missing) = take_from(self.parts.iter(), points);
        (missing == Points::ZERO).then_some(drawn)
    }

    /// Puts points in, into the sum as into a part (I7); nothing where the sum would be more than
    /// an amount can say.
    #[must_use]
    pub(crate) fn put(&mut self, part: LotPart) -> Option<()> {
        self.sum = self.sum.plus(part.points)?;
        let index = self.parts.partition_point(|other| other.order() < part.order());
        match self.parts.get_mut(index) {
            Some(same) if same.order() == part.order() => {
                same.points = same.points.plus(part.points)?;
            }
            _ => {
                if self.parts.is_empty() {
                    // Most accounts hold few lots; the usual first growth is to four.
                    self.parts.reserve_exact(1);
                }
                self.parts.insert(index, part);
            }
        }
        Some(())
    }

    /// Puts all these parts in. Many are merged in one pass over all that is there, for each part
    /// that is put in alone moves the parts behind it.
    #[must_use]
    pub(crate) fn put_all(&mut self, parts: &[LotPart]) -> Option<()> {
        if parts.len() < MERGED_FROM {
            return parts.iter().try_for_each(|part| self.put(part.clone()));
        }
        self.sum = self.sum.plus(sum_of(parts)?)?;
        let mut coming = parts.to_vec();
        // They are in order already, but for those of a refund.
        coming.sort_by_key(LotPart::order);
        let mut merged: VecDeque<LotPart> =
            VecDeque::with_capacity(self.parts.len() + coming.len());
        let mut here = std::mem::take(&mut self.parts).into_iter().peekable();
        let mut coming = coming.into_iter().peekable();
        loop {
            let is_coming_next = match (here.peek(), coming.peek()) {
                (Some(part), Some(new)) => new.order() < part.order(),
                (here, _) => here.is_none(),
            };
            let Some(part) = (if is_coming_next { coming.next() } else { here.next() }) else {
                break;
            };
            match merged.back_mut() {
                Some(last) if last.order() == part.order() => {
                    last.points = last.points.plus(part.points)?;
                }
                _ => merged.push_back(part),
            }
        }
        self.parts = merged;
        Some(())
    }

    /// Whether there is such a part, with any number of points.
    pub(crate) fn has(&self, part: &LotPart) -> bool {
        self.parts.binary_search_by_key(&part.order(), LotPart::order).is_ok()
    }

    /// Takes points out, out of the sum as out of a part (I7); nothing where that part hasn't so
    /// many.
    #[must_use]
    pub(crate) fn take(&mut self, part: &LotPart) -> Option<()> {
        self.sum = self.sum.minus(part.points)?;
        let index = self.parts.binary_search_by_key(&part.order(), LotPart::order).ok()?;
        let held = self.parts.get_mut(index)?;
        held.points = held.points.minus(part.points)?;
        if held.points == Points::ZERO {
            self.parts.remove(index);
        }
        Some(())
    }
}

/// Up to `points` of the parts, in their order, and how many are missing.
pub(crate) fn take_from<'a>(
    parts: impl Iterator<Item = &'a LotPart>,
    points: Points,
) -> (Vec<LotPart>, Points) {
    let mut taken = Vec::with_capacity(1);
    let mut missing = points;
    for part in parts {
        if missing == Points::ZERO {
            break;
        }
        let points = part.points.min(missing);
        taken.push(LotPart { points, ..part.clone() });
        missing = missing.minus(points).unwrap_or_default();
    }
    (taken, missing)
}

/// The first `points` of the parts, and the rest.
pub(crate) fn split_at(parts: &[LotPart], points: Points) -> (Vec<LotPart>, Vec<LotPart>) {
    let (mut first, mut rest, mut missing) = (Vec::with_capacity(1), vec![], points);
    for part in parts {
        let taken = part.points.min(missing);
        let left = part.points.minus(taken).unwrap_or_default();
        missing = missing.minus(taken).unwrap_or_default();
        first.extend(taken.some().map(|points| LotPart { points, ..part.clone() }));
        rest.extend(left.some().map(|points| LotPart { points, ..part.clone() }));
    }
    (first, rest)
}

/// The sum of some parts, where it is an amount.
pub(crate) fn sum_of(parts: &[LotPart]) -> Option<Points> {
    parts.iter().try_fold(Points::ZERO, |sum, part| sum.plus(part.points))
}

impl TryFrom<VecDeque<LotPart>> for Lots {
    type Error = &'static str;

    fn try_from(parts: VecDeque<LotPart>) -> Result<Self, Self::Error> {
        let mut lots = Self::default();
        for part in parts {
            lots.put(part).ok_or("an account holds more than an amount can say")?;
        }
        Ok(lots)
    }
}

impl From<Lots> for VecDeque<LotPart> {
    fn from(lots: Lots) -> Self {
        lots.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_expires_first_is_drawn_first_then_the_oldest() {
        let mut lots = Lots::default();
        for part in [part(4, None), part(2, None), part(3, Some(20)), part(5, Some(10))] {
            assert_eq!(lots.put(part), Some(()));
        }
        let order: Vec<u64> = lots.iter().map(|part| part.lot.place().position().0).collect();
        assert_eq!(order, [5, 3, 2, 4]);
        assert_eq!(lots.next_expiry(), part(5, Some(10)).expires_at);
    }

    #[test]
    fn equal_parts_become_one() {
        let mut lots = Lots::default();
        assert_eq!(lots.put(part(2, None)), Some(()));
        assert_eq!(lots.put(part(2, None)), Some(()));
        assert_eq!(lots.iter().count(), 1);
        assert_eq!(lots.sum(), Points::sum_of(14).unwrap_or_default());
    }

    #[test]
    fn many_parts_come_in_as_they_do_one_by_one() {
        let here =
            || (0..40).map(|lot| part(lot * 3 + 1, (lot % 3 > 0).then_some(lot.cast_signed())));
        let coming: Vec<_> = (0..40)
            .rev()
            .map(|lot| part(lot * 2 + 1, (lot % 3 > 0).then_some(lot.cast_signed())))
            .collect();
        let (mut merged, mut one_by_one) = (Lots::default(), Lots::default());
        for part in here() {
            assert_eq!(merged.put(part.clone()), Some(()));
            assert_eq!(one_by_one.put(part), Some(()));
        }
        assert_eq!(merged.put_all(&coming), Some(()));
        for part in coming {
            assert_eq!(one_by_one.put(part), Some(()));
        }
        assert_eq!(merged, one_by_one);
        assert!(merged.len() < 80, "some are the same");
    }

    #[test]
    fn nothing_is_taken_that_is_not_there() {
        let mut lots = Lots::default();
        assert_eq!(lots.put(part(2, None)), Some(()));
        assert_eq!(lots.clone().take(&part(2, Some(10))), None);
        assert_eq!(lots.clone().take(&part(3, None)), None);
        assert_eq!(lots.take(&part(2, None)), Some(()));
        assert_eq!(lots, Lots::default());
    }

    fn part(lot: u64, expires: Option<i64>) -> LotPart {
        let points = Points::sum_of(7).unwrap_or_default();
        let expires_at = expires.and_then(|micros| Timestamp::from_micros(micros).ok());
        LotPart { lot: crate::scenario::lot(lot), points, expires_at, graced: false }
    }
}
