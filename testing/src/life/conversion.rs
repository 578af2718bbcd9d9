//! Miles that become points.

use domain::{
    Cause, CauseKind, ConversionRateSet, ConversionTerms, CreditConverted, CreditEarned, Event,
    RateVersion, UnitId,
};

use super::{account, part};
use crate::ledger::{id, points};

/// Three miles become a point.
pub(super) fn miles_to_points() -> Event {
    let terms = ConversionTerms {
        give: points(3),
        take: points(1),
        minimum: Some(points(30)),
        expiry: None,
    };
    let (from, to) = (id("miles"), UnitId::POINTS);
    Event::ConversionRateSet(ConversionRateSet { from, to, version: 1, terms })
}

/// Some miles of a lot, and two that stay.
pub(super) fn converted(name: &str, conversion: &str, lot: u64, amount: u64) -> Event {
    let fact = CreditConverted {
        conversion_id: id(conversion),
        unit: id("miles"),
        points: points(amount),
        lots: vec![part(lot, amount, None)],
        to: UnitId::POINTS,
        to_points: points(amount / 3),
        expires_at: None,
        rate: RateVersion { version: 1, give: points(3), take: points(1) },
        asked_points: points(amount + 2),
        expected_points: Some(points(amount / 3)),
        occurred_at: None,
    };
    Event::CreditConverted(account(name), fact)
}

pub(super) fn earned_by_conversion(name: &str, conversion: &str, amount: u64) -> Event {
    let cause = Cause { kind: CauseKind::Conversion, id: id(conversion) };
    let fact = CreditEarned::new(UnitId::POINTS, points(amount), cause);
    Event::CreditEarned(account(name), fact)
}
