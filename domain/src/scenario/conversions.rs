//! Conversions in few words.

use super::values::*;
use crate::command::{CloseConversionRate, ConvertCredit, ExpectedVersion, SetConversionRate};
use crate::*;

pub(crate) fn set_rate(
    from: &str,
    to: &str,
    terms: ConversionTerms,
    expected: ExpectedVersion,
) -> Command {
    let (from, to) = (id(from), id(to));
    Command::SetConversionRate(SetConversionRate { from, to, terms, expected })
}

pub(crate) fn close_rate(from: &str, to: &str) -> Command {
    Command::CloseConversionRate(CloseConversionRate { from: id(from), to: id(to) })
}

/// So many points of one unit into another.
pub(crate) fn convert(account: &str, key: &str, (from, amount): (&str, u64), to: &str) -> Command {
    Command::ConvertCredit(ConvertCredit {
        account_id: id(account),
        conversion_id: id(key),
        from: id(from),
        points: points(amount),
        to: id(to),
        expected_points: None,
        occurred_at: None,
    })
}

/// The same, where so much is expected to come.
pub(crate) fn expecting_of(mut command: Command, amount: u64) -> Command {
    match &mut command {
        Command::ConvertCredit(it) => it.expected_points = Some(points(amount)),
        other => panic!("{other:?} converts nothing"),
    }
    command
}
