//! Commands of further units.

use domain::command::{ExpectedVersion, SetUnit};
use domain::{Command, UnitTerms};

use super::id;

/// Those that there are besides points.
pub(super) fn at_first() -> impl Iterator<Item = Command> {
    [("miles", true), ("status", false)].into_iter().map(|(unit, spendable)| {
        let terms = UnitTerms { spendable, ..UnitTerms::of_points() };
        Command::SetUnit(SetUnit { unit: id(unit), terms, expected: ExpectedVersion::Absent })
    })
}

/// The same of a unit, where it names one. Every third cause earns another unit than points, so
/// that what was earned is mostly taken back of its own.
pub(super) fn in_unit(mut command: Command, unit: &str) -> Command {
    let of_cause =
        |cause: &str| id(if cause.ends_with(['3', '6', '9']) { "miles" } else { "points" });
    match &mut command {
        Command::EarnCredit(it) => it.unit = of_cause(it.cause.id.as_str()),
        Command::WithdrawCredit(it) => it.unit = of_cause(it.cause.id.as_str()),
        Command::ClaimCredit(it) => it.unit = of_cause(it.purchase_id.as_str()),
        Command::RecordPurchase(it) if it.points.is_some() => {
            it.unit = of_cause(it.purchase_id.as_str());
        }
        Command::AdjustCredit(it) => it.unit = id(unit),
        Command::HoldCredit(it) => it.unit = id(unit),
        Command::TransferCredit(it) => it.unit = id(unit),
        _ => {}
    }
    command
}
