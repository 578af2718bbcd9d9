//! Conversions, and the rates that they go by.

use domain::command::{CloseConversionRate, ConvertCredit, ExpectedVersion, SetConversionRate};
use domain::{Command, ConversionTerms, ExpiryRule};

use super::{id, points, shopper};

/// Every way from one unit to another.
const WAYS: [(&str, &str); 6] = [
    ("points", "miles"),
    ("miles", "points"),
    ("points", "status"),
    ("miles", "status"),
    ("status", "points"),
    ("status", "miles"),
];

pub(super) fn convert((who, key, way, amount): (u8, u8, u8, u64)) -> Command {
    let (from, to) = WAYS[usize::from(way)];
    Command::ConvertCredit(ConvertCredit {
        account_id: shopper(who),
        conversion_id: id(&format!("c-{key}")),
        from: id(from),
        points: points(amount),
        to: id(to),
        expected_points: None,
        occurred_at: None,
    })
}

/// The rates of what can be spent, as they are at first.
pub(super) fn at_first() -> impl Iterator<Item = Command> {
    WAYS.into_iter().filter(|(from, _)| *from != "status").map(|(from, to)| {
        let (give, take) = (points(2), points(3));
        let terms = ConversionTerms { give, take, minimum: None, expiry: None };
        let (from, to) = (id(from), id(to));
        let expected = ExpectedVersion::Absent;
        Command::SetConversionRate(SetConversionRate { from, to, terms, expected })
    })
}

/// Sets a rate, mostly, where the last number is the minimum; 0 closes it instead.
pub(super) fn set_rate((way, give, take, minimum): (u8, u64, u64, Option<u64>)) -> Command {
    let (from, to) = WAYS[usize::from(way)];
    let (from, to) = (id(from), id(to));
    if minimum == Some(0) {
        return Command::CloseConversionRate(CloseConversionRate { from, to });
    }
    let expiry = (give == 4).then_some(ExpiryRule::Months(1));
    let (give, take) = (points(give), points(take));
    let terms = ConversionTerms { give, take, minimum: minimum.map(points), expiry };
    let expected = ExpectedVersion::Any;
    Command::SetConversionRate(SetConversionRate { from, to, terms, expected })
}
