//! A shopper's credit, by unit, and how much of each offer the shopper has had.

mod caps;
mod counts;
mod holds;
mod wallet;

use std::sync::LazyLock;

use log_record::Place;
use serde::{Deserialize, Serialize};

use crate::lots::{Lots, sum_of};
use crate::tally::Tally;
use crate::unit::UnitNumber;
use crate::{Event, Grace, HoldId, Keeps, LotPart, Refusal, Standings, Timestamp};
pub(crate) use counts::SegmentNumber;
pub use wallet::Wallet;

/// How many parts of lots may come into an account at most: what falls due in it, or is drawn at
/// once, is work and events for the writer, some 20 ms and a megabyte for this many. A shopper who
/// earns ten times a day has a third of that in a year. (A hold cuts a part in two, so that there
/// can be as many more as there are holds.)
const PARTS_MAX: usize = 10_000;

/// How many holds an account has at most at a time, likewise.
const HOLDS_MAX: usize = 1_000;

/// A shopper's account. It comes into being with its first credit or purchase, or when somebody
/// opens it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What it has of `points`, and in there what it has of further units.
    points: Wallet,
    /// How many units of each offer were redeemed, and the segments.
    counts: Tally,
}

/// Credit that can't be spent yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// From when on it can.
    pub available_at: Timestamp,
    /// The part of a lot that can be spent then.
    pub part: LotPart,
}

/// Credit that is set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The client's id for it.
    pub id: HoldId,
    /// The parts of lots that are held, in spending order.
    pub lots: Vec<LotPart>,
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// Since when.
    pub made_at: Timestamp,
    /// The grace of what comes back of it.
    pub grace: Grace,
    /// What it keeps beside the credit.
    pub keeps: Keeps,
}

/// An offer's place in the state, four bytes where its id would be many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OfferNumber(pub(crate) u32);

impl Hold {
    /// What it would keep; nothing where it hasn't that to give, or it comes to something else.
    pub(crate) fn swapped(&self, returned: &[LotPart], taken: &[LotPart]) -> Option<Vec<LotPart>> {
        let mut kept = Lots::default();
        kept.put_all(&self.lots)?;
        kept.put_all(taken)?;
        for part in returned {
            kept.take(part)?;
        }
        let is_even = sum_of(returned) == sum_of(taken);
        is_even.then(|| kept.iter().cloned().collect())
    }
}

impl Account {
    /// What it has of a unit.
    #[must_use]
    pub fn wallet(&self, unit: UnitNumber) -> &Wallet {
        static NOTHING: LazyLock<Wallet> = LazyLock::new(Wallet::default);
        if unit == UnitNumber::POINTS {
            return &self.points;
        }
        let further = self.points.rare.as_ref().and_then(|rare| rare.further.as_ref());
        further.and_then(|further| further.get(unit)).unwrap_or(&NOTHING)
    }

    /// What it has of each unit that it ever had some of, or of which a cap counts something, and
    /// of `points`, in the units' order.
    pub fn wallets(&self) -> impl Iterator<Item = (UnitNumber, &Wallet)> {
        let further = self.points.rare.as_ref().and_then(|rare| rare.further.as_ref());
        let further = further.into_iter().flat_map(|further| further.iter());
        std::iter::once((UnitNumber::POINTS, &self.points)).chain(further)
    }

    pub(crate) fn wallet_mut(&mut self, unit: UnitNumber) -> &mut Wallet {
        if unit == UnitNumber::POINTS {
            return &mut self.points;
        }
        self.points.rare_mut().further.get_or_insert_default().get_mut(unit)
    }

    /// Where it stands on ladders.
    #[must_use]
    pub fn standings(&self) -> &Standings {
        static NOTHING: LazyLock<Standings> = LazyLock::new(Standings::default);
        let further = self.points.rare.as_ref().and_then(|rare| rare.further.as_ref());
        further.and_then(|further| further.standings.as_deref()).unwrap_or(&NOTHING)
    }

    pub(crate) fn standings_mut(&mut self) -> &mut Standings {
        let further = self.points.rare_mut().further.get_or_insert_default();
        further.standings.get_or_insert_default()
    }

    /// A hold that runs, and the unit that it keeps.
    pub(crate) fn hold(&self, id: &HoldId) -> Option<(UnitNumber, &Hold)> {
        self.wallets().find_map(|(unit, wallet)| Some((unit, wallet.hold(id)?)))
    }

    /// The bytes that it has allocated, without what the allocator adds.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let Self { points, counts } = self;
        points.allocated_bytes() + counts.allocated_bytes()
    }

    /// Reads a little of what it has allocated.
    pub(crate) fn touch(&self) -> (Option<Timestamp>, u64) {
        (self.points.next_due(), self.counts.get(0))
    }

    /// Whether so many more lots may come in.
    pub(crate) fn check_new_lots(&self, lots: usize) -> Result<(), Refusal> {
        self.check_more_parts(lots)
    }

    /// Whether these parts of a unit may come in.
    pub(crate) fn check_parts(&self, unit: UnitNumber, coming: &[LotPart]) -> Result<(), Refusal> {
        self.check_more_parts(self.wallet(unit).count_new(coming))
    }

    /// Likewise of several units.
    pub(crate) fn check_parts_of_all(
        &self,
        coming: &[(UnitNumber, Vec<LotPart>)],
    ) -> Result<(), Refusal> {
        let new = coming.iter().map(|(unit, parts)| self.wallet(*unit).count_new(parts));
        self.check_more_parts(new.sum())
    }

    /// Whether another lot may come in where these parts of a unit, drawn in spending order, go.
    pub(crate) fn check_lot_in_place_of(
        &self,
        unit: UnitNumber,
        drawn: &[LotPart],
    ) -> Result<(), Refusal> {
        // All but the last are used up, and that one may be; then there are no more than before.
        let last = drawn.len().checked_sub(1).and_then(|last| self.wallet(unit).lots().nth(last));
        let used_up = drawn.len() - usize::from(last != drawn.last());
        self.check_more_parts(usize::from(used_up == 0))
    }

    fn count_parts(&self) -> usize {
        self.wallets().map(|(_, wallet)| wallet.count_parts()).sum()
    }

    fn check_more_parts(&self, more: usize) -> Result<(), Refusal> {
        if more == 0 {
            // A hold of a part of a lot takes the account past the bound; what only grows may.
            return Ok(());
        }
        check_count("parts of lots", self.count_parts() + more, PARTS_MAX)
    }

    /// Whether so many more holds may begin.
    pub(crate) fn check_holds(&self, more: usize) -> Result<(), Refusal> {
        let holds: usize = self.wallets().map(|(_, wallet)| wallet.holds().len()).sum();
        check_count("holds", holds + more, HOLDS_MAX)
    }

    /// When something falls due next; what is owed is paid at once and never waits.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let of_credit = self.wallets().filter_map(|(_, wallet)| wallet.next_due()).min();
        [of_credit, self.standings().next_due()].into_iter().flatten().min()
    }

    /// Applies what an event does to this account's credit of a unit; `Err` says what it breaks.
    pub(crate) fn evolve(
        &mut self,
        at: Place,
        recorded_at: Timestamp,
        unit: UnitNumber,
        event: &Event,
    ) -> Result<(), &'static str> {
        let unit = match event {
            // It moves nothing, so it bears no unit.
            Event::HoldExtended(_, fact) => self.hold(&fact.hold_id).map_or(unit, |(unit, _)| unit),
            _ => unit,
        };
        self.wallet_mut(unit).evolve(at, recorded_at, event)
    }
}

fn check_count(what: &'static str, count: usize, max: usize) -> Result<(), Refusal> {
    if count <= max { Ok(()) } else { Err(Refusal::AccountFull { what, max: max as u64 }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::*;

    /// A shopper at rest is most of what a ledger keeps in memory.
    #[test]
    fn an_account_takes_80_bytes_in_place_and_a_further_unit_72() {
        assert_eq!(size_of::<Account>(), 80);
        assert_eq!(size_of::<wallet::Rare>(), 112);
        assert_eq!(size_of::<(UnitNumber, Wallet)>(), 72);
    }

    /// Beside their lots: 208 bytes for one further unit, 352 for three, 856 for ten.
    #[test]
    fn an_account_takes_nothing_for_units_that_it_never_had() {
        let with = |units: u64| {
            let mut given = given([earned("ann", 500, "B-1")]);
            for unit in 0..10 {
                given = given.does(make_unit(&format!("unit-{unit}")));
            }
            for unit in 0..units {
                let earned = earn("ann", 5, &format!("M-{unit}"));
                given = given.does(in_unit(&format!("unit-{unit}"), earned));
            }
            given.allocated_bytes("ann")
        };
        let lots = with(0);
        for (units, bytes) in [(1, 208), (3, 352), (10, 856)] {
            let lots = lots * (usize::try_from(units).expect("small") + 1);
            assert_eq!(with(units), lots + bytes, "{units} further units");
        }
    }

    #[test]
    fn a_purchase_whose_credit_is_refused_takes_nothing_for_its_unit() {
        let closed =
            given([earned("ann", 500, "B-1")]).does(make_unit("miles")).does(close_unit("miles"));
        let before = closed.allocated_bytes("ann");
        let bought =
            closed.does(in_unit("miles", purchase("ann", "P-1", Some(7), &[("tv", 1, 5)])));
        assert_eq!(bought.allocated_bytes("ann"), before);
        bought.refuses(in_unit("miles", claim("ann", "P-1")), "unit-closed");
    }

    #[test]
    fn holds_and_parts_of_lots_are_counted_over_all_units() {
        let mut full = given([]).does(make_unit("miles"));
        for number in 0..5_000 {
            let cause = format!("B-{number}");
            full = full.does(earn("ann", 1, &cause));
            full = full.does(in_unit("miles", earn("ann", 1, &format!("M-{number}"))));
        }
        full.refuses(earn("ann", 1, "B-5000"), "account-full")
            .refuses(in_unit("miles", earn("ann", 1, "M-5000")), "account-full");
        let mut held = given([earned("ann", 500, "B-1")])
            .does(make_unit("miles"))
            .does(in_unit("miles", earn("ann", 500, "M-1")));
        for number in 0..500 {
            held = held.does(hold("ann", &format!("p-{number}"), 1, 100));
            held = held.does(in_unit("miles", hold("ann", &format!("m-{number}"), 1, 100)));
        }
        held.refuses(hold("ann", "h-1", 1, 100), "account-full");
    }
}
