//! What the baskets earn, reckoned before anything is sent.
//!
//! It reads no file and asks no ledger.

use std::num::NonZeroU64;

use domain::AMOUNT_MAX;

use super::error::ImportError;
use super::rows::Purchase;

/// By what a basket earns.
pub(crate) struct Terms {
    /// For each whole unit of money.
    pub(crate) points_per_unit: u64,
    pub(crate) unit_cents: NonZeroU64,
    /// So many times 24 hours after the purchase; without it, never.
    pub(crate) expiry_days: Option<u32>,
}

/// A basket, and what it earns.
#[derive(Debug)]
pub(crate) struct Credit {
    pub(crate) purchase: Purchase,
    /// 0 for less than a unit.
    pub(crate) points: u64,
    /// RFC 3339 in UTC; none where it never expires.
    pub(crate) expires_at: Option<String>,
}

/// The baskets with what they earn; names every one whose points or expiry the ledger would refuse.
pub(crate) fn of(purchases: Vec<Purchase>, terms: &Terms) -> Result<Vec<Credit>, ImportError> {
    let (mut credits, mut sentences) = (Vec::with_capacity(purchases.len()), Vec::new());
    for purchase in purchases {
        let points = points_of(purchase.amount_cents, terms.unit_cents, terms.points_per_unit);
        let points = points.ok_or_else(|| {
            format!("{}: the basket earns more points than the ledger gives", purchase.place)
        });
        let expires_at = terms.expiry_days.map(|days| purchase.days_later(days)).transpose();
        match (points, expires_at) {
            (Ok(points), Ok(expires_at)) => credits.push(Credit { purchase, points, expires_at }),
            (points, expires_at) => {
                sentences.extend(points.err().into_iter().chain(expires_at.err()));
            }
        }
    }
    if sentences.is_empty() { Ok(credits) } else { Err(ImportError::rows(sentences)) }
}

/// The points of a basket: `points_per_unit` for every whole `unit_cents` in it. None where they
/// are more than the ledger gives at once.
fn points_of(amount_cents: u64, unit_cents: NonZeroU64, points_per_unit: u64) -> Option<u64> {
    (amount_cents / unit_cents).checked_mul(points_per_unit).filter(|points| *points <= AMOUNT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOLLAR: NonZeroU64 = NonZeroU64::new(100).unwrap();

    #[test]
    fn a_basket_earns_for_whole_units_only() {
        for (amount_cents, points) in [(0, 0), (99, 0), (100, 10), (199, 10), (12_345, 1_230)] {
            assert_eq!(points_of(amount_cents, DOLLAR, 10), Some(points), "{amount_cents}");
        }
        assert_eq!(points_of(u64::MAX, DOLLAR, 1_000), None);
        assert_eq!(points_of(AMOUNT_MAX, NonZeroU64::MIN, 1), Some(AMOUNT_MAX));
        assert_eq!(points_of(AMOUNT_MAX + 1, NonZeroU64::MIN, 1), None);
    }
}
