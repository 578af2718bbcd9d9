//! Close a conversion rate, for good: nothing more is converted by it.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{ConversionRateClosed, Decision, Event, Refusal, State, Subject, UnitId};

/// Closes a conversion rate. What was converted stays as it was converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseConversionRate {
    /// The unit that goes.
    pub from: UnitId,
    /// The unit that comes.
    pub to: UnitId,
}

impl CommandRules for CloseConversionRate {
    fn name(&self) -> &'static str {
        "close-conversion-rate"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Programme
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        let Self { from, to } = *self;
        let rate = draft.state.conversion_rate(from, to);
        let rate = rate.ok_or(Refusal::RateUnknown { from, to })?;
        if rate.closed_at.is_some() {
            return Ok(Decision::Unchanged);
        }
        let closed = ConversionRateClosed { from, to, version: rate.version + 1 };
        Ok(Decision::of(Event::ConversionRateClosed(closed)))
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Subject::conversion_rate(state, self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use crate::command::ExpectedVersion;
    use crate::scenario::*;

    #[test]
    fn a_rate_closes_once_and_for_good() {
        let set = |give, expected| set_rate("points", "miles", rate_of(give, 1), expected);
        let closed = || {
            given([earned("ann", 500, "B-1")])
                .does(make_unit("miles"))
                .refuses(close_rate("points", "miles"), "rate-unknown")
                .does(set(3, ExpectedVersion::Absent))
                .does(close_rate("points", "miles"))
        };
        closed().when(close_rate("points", "miles")).then_unchanged();
        closed()
            .refuses(convert("ann", "c-1", ("points", 300), "miles"), "rate-closed")
            .refuses(set(3, ExpectedVersion::Absent), "rate-closed")
            .refuses(set(2, ExpectedVersion::Any), "rate-closed");
    }
}
