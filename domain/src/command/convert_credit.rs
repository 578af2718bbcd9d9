//! Turn credit of one unit into credit of another, by the operator's rate.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::conversion::Converted;
use crate::draft::Draft;
use crate::{
    AccountId, Cause, CauseKind, ConversionId, ConversionRate, CreditConverted, CreditEarned,
    Decision, Event, IdHash, OfUnit, Points, RateVersion, Refusal, Timestamp, UnitId,
};

/// Converts credit, all or nothing, and for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertCredit {
    /// Whose credit.
    pub account_id: AccountId,
    /// The conversion's id, made by the caller; unique for the account.
    pub conversion_id: ConversionId,
    /// The unit that goes.
    pub from: UnitId,
    /// The points to convert; what is less than a step of the rate stays.
    pub points: Points,
    /// The unit that comes; another one.
    pub to: UnitId,
    /// What the caller expects to come; anything else is refused.
    pub expected_points: Option<Points>,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for ConvertCredit {
    fn name(&self) -> &'static str {
        "convert-credit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::conversion(&self.account_id, &self.conversion_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let (unit, to) = (self.from, self.to);
        let (source, target) = (draft.unit_number(unit)?, draft.unit_number(to)?);
        draft.check_not_closed(to)?;
        draft.spendable(unit)?;
        let rate = self.open_rate(&draft)?;
        let least = rate.terms.least();
        if self.points < least {
            return Err(Refusal::PointsTooSmall { unit, least, asked: self.points });
        }
        let expires_at = self.expires_at(rate, &draft)?;
        let Converted { points, to_points } = rate.terms.convert(self.points);
        let to_points = to_points.ok_or(Refusal::AmountTooLarge {
            what: "what the conversion gives",
            unit: OfUnit(Some(to)),
        })?;
        draft.apply_due(&self.account_id);
        draft.check_room(&self.account_id, target, to_points)?;
        if let Some(expected) = self.expected_points
            && expected != to_points
        {
            let (what, unit) = ("The conversion gives", self.to);
            return Err(Refusal::PriceChanged { what, unit, needed: to_points, expected });
        }
        let account = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        let wallet = account.wallet(source);
        let available = wallet.available();
        let (lots, missing) = wallet.draw_up_to(points);
        account.check_lot_in_place_of(source, &lots)?;
        if missing > Points::ZERO {
            return Err(Refusal::InsufficientCredit { unit, needed: points, available });
        }
        let converted = CreditConverted {
            conversion_id: self.conversion_id.clone(),
            unit,
            points,
            lots,
            to,
            to_points,
            expires_at,
            rate: version_of(rate),
            asked_points: self.points,
            expected_points: self.expected_points,
            occurred_at: self.occurred_at,
        };
        let cause = Cause { kind: CauseKind::Conversion, id: (&self.conversion_id).into() };
        let earned = CreditEarned {
            expires_at,
            occurred_at: self.occurred_at,
            ..CreditEarned::new(to, to_points, cause)
        };
        draft.push_outcome(Event::CreditConverted(self.account_id.clone(), converted));
        draft.come_in(Event::CreditEarned(self.account_id.clone(), earned));
        draft.apply_due_again(&self.account_id);
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::CreditConverted(_, fact) = event else { return OTHER_CALL };
        first_different(&[
            ("from", (self.from, self.points) == (fact.unit, fact.asked_points)),
            ("to", self.to == fact.to),
            ("expected_points", self.expected_points == fact.expected_points),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

impl ConvertCredit {
    fn open_rate<'a>(&self, draft: &Draft<'a>) -> Result<&'a ConversionRate, Refusal> {
        let (from, to) = (self.from, self.to);
        let rate = draft.state.conversion_rate(from, to);
        let rate = rate.ok_or(Refusal::RateUnknown { from, to })?;
        match rate.closed_at {
            Some(at) => Err(Refusal::RateClosed { from, to, at }),
            None => Ok(rate),
        }
    }

    /// When what comes expires, in the time zone of its unit.
    fn expires_at(
        &self,
        rate: &ConversionRate,
        draft: &Draft<'_>,
    ) -> Result<Option<Timestamp>, Refusal> {
        if rate.terms.expiry.is_none() {
            return Ok(None);
        }
        let unit = draft.state.unit(self.to).ok_or(Refusal::UnitUnknown { unit: self.to })?;
        let calendar = unit.terms.time_zone.calendar().map_err(|_| Refusal::TimeZoneUnknown)?;
        Ok(rate.terms.expires_at(calendar, draft.now))
    }
}

fn version_of(rate: &ConversionRate) -> RateVersion {
    RateVersion { version: rate.version, give: rate.terms.give, take: rate.terms.take }
}

#[cfg(test)]
mod tests {
    use crate::command::{ConvertCredit, Direction, ExpectedVersion};
    use crate::scenario::*;
    use crate::{AMOUNT_MAX, Command, ConversionTerms, ExpiryRule, SpentCredit, UnitTerms};

    #[test]
    fn whole_steps_become_another_unit_side_by_side_and_the_rest_stays() {
        rich()
            .when(convert("ann", "c-1", ("points", 302), "miles"))
            .then_records(["CreditConverted", "CreditEarned"])
            .leaves("ann", [200, 0, 0, 0])
            .leaves_of("ann", "miles", [100, 0, 0, 0])
            .when(convert("ann", "c-1", ("points", 302), "miles"))
            .then_repeats(5);
    }

    #[test]
    fn every_field_that_differs_under_the_same_id_is_named() {
        let done = || rich().does(make_unit("stars")).does(asked());
        let asked_otherwise = |change: fn(&mut ConvertCredit)| {
            let Command::ConvertCredit(mut it) = asked() else { unreachable!() };
            change(&mut it);
            Command::ConvertCredit(it)
        };
        let differs =
            |change, field| done().when(asked_otherwise(change)).then_differs_from(6, field);
        differs(|it| it.points = points(301), "from");
        differs(|it| it.from = id("stars"), "from");
        differs(|it| it.to = id("stars"), "to");
        differs(|it| it.expected_points = Some(points(100)), "expected_points");
        differs(|it| it.occurred_at = Some(time(1)), "occurred_at");
    }

    #[test]
    fn the_lots_that_expire_first_are_converted_first() {
        given([])
            .does(make_unit("miles"))
            .does(set_rate("points", "miles", rate_of(1, 1), ExpectedVersion::Absent))
            .does(earn("ann", 100, "B-1"))
            .does(earn_until(200, "ann", 100, "B-2"))
            .does(convert("ann", "c-1", ("points", 150), "miles"))
            .at(200)
            .sweeps()
            .leaves("ann", [50, 0, 0, 0])
            // What its source earned was spent.
            .refuses(withdraw("ann", "w-1", "B-2"), "credit-already-spent")
            .does(policy(SpentCredit::Debt, 30))
            .does(withdraw("ann", "w-1", "B-2"))
            .leaves("ann", [0, 0, 0, 50])
            .leaves_of("ann", "miles", [150, 0, 0, 0]);
    }

    #[test]
    fn what_comes_pays_first_what_the_account_owes_of_its_unit() {
        rich()
            .does(policy(SpentCredit::Debt, 30))
            .does(in_unit("miles", adjust(Direction::Take, "ann", 30, "a-1")))
            .when(convert("ann", "c-1", ("points", 300), "miles"))
            .then_records(["CreditConverted", "CreditEarned", "DebtRepaid"])
            .leaves_of("ann", "miles", [70, 0, 0, 0]);
    }

    #[test]
    fn what_comes_expires_by_the_rate_in_the_time_zone_of_its_unit() {
        let berlin = UnitTerms { time_zone: id("Europe/Berlin"), ..spendable() };
        let expiry = Some(ExpiryRule::EndOfYear(0));
        let year_end: i64 = 1_798_758_000; // 2026-12-31T23:00:00Z
        given([])
            .does(set_unit("miles", berlin, ExpectedVersion::Absent))
            .does(set_rate(
                "points",
                "miles",
                ConversionTerms { expiry, ..rate_of(1, 1) },
                ExpectedVersion::Absent,
            ))
            .does(earn("ann", 10, "B-1"))
            .at(year_end - 1)
            .does(convert("ann", "c-1", ("points", 4), "miles"))
            .leaves_of("ann", "miles", [4, 0, 0, 0])
            .at(year_end)
            .does(convert("ann", "c-2", ("points", 6), "miles"))
            .leaves_of("ann", "miles", [6, 0, 0, 0]);
    }

    #[test]
    fn a_conversion_goes_by_the_rate_that_is_in_force_when_it_is_decided() {
        let double = set_rate("points", "miles", rate_of(3, 2), ExpectedVersion::Any);
        rich()
            .does(convert("ann", "c-1", ("points", 3), "miles"))
            .does(double)
            .does(convert("ann", "c-2", ("points", 3), "miles"))
            .leaves_of("ann", "miles", [3, 0, 0, 0])
            .when(convert("ann", "c-1", ("points", 3), "miles"))
            .then_repeats(5);
    }

    /// Each case removes the previous case's refusal.
    #[test]
    fn refusals_come_in_their_order_of_precedence() {
        let minimum = |least| ConversionTerms { minimum: Some(points(least)), ..rate_of(3, 1) };
        let set = |terms, expected| set_rate("points", "miles", terms, expected);
        let asked = || convert("ann", "c-1", ("points", 302), "miles");
        given([])
            .refuses(asked(), "unit-unknown")
            .does(make_unit("miles"))
            .refuses(asked(), "rate-unknown")
            .does(set(minimum(303), ExpectedVersion::Absent))
            .refuses(asked(), "points-too-small")
            .does(set(rate_of(303, 1), ExpectedVersion::Any))
            .refuses(asked(), "points-too-small")
            .does(set(rate_of(3, AMOUNT_MAX), ExpectedVersion::Any))
            .refuses(asked(), "amount-too-large")
            .does(set(minimum(302), ExpectedVersion::Any))
            .refuses(expecting_of(asked(), 101), "price-changed")
            .refuses(expecting_of(asked(), 100), "account-unknown")
            .does(open_account("ann"))
            .refuses(asked(), "insufficient-credit")
            .does(earn("ann", 299, "B-1"))
            .refuses(asked(), "insufficient-credit")
            .does(earn("ann", 1, "B-2"))
            .does(expecting_of(asked(), 100))
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn nothing_is_converted_of_what_only_counts_or_into_what_is_closed() {
        rich()
            .does(set_unit("status", unspendable(), ExpectedVersion::Absent))
            .refuses(convert("ann", "c-1", ("status", 300), "points"), "unit-not-spendable")
            .does(close_unit("miles"))
            .refuses(convert("ann", "c-1", ("points", 300), "miles"), "unit-closed");
    }

    #[test]
    fn what_is_there_of_a_closed_unit_is_converted_away() {
        given([])
            .does(make_unit("miles"))
            .does(set_rate("miles", "points", rate_of(1, 2), ExpectedVersion::Absent))
            .does(in_unit("miles", earn("ann", 5, "B-1")))
            .does(close_unit("miles"))
            .does(convert("ann", "c-1", ("miles", 5), "points"))
            .leaves("ann", [10, 0, 0, 0]);
    }

    #[test]
    fn an_account_has_room_for_what_comes_or_nothing_goes() {
        rich()
            .does(in_unit("miles", earn("ann", AMOUNT_MAX - 99, "B-2")))
            .refuses(convert("ann", "c-1", ("points", 300), "miles"), "amount-too-large")
            .does(convert("ann", "c-1", ("points", 297), "miles"))
            .leaves_of("ann", "miles", [AMOUNT_MAX, 0, 0, 0]);
    }

    #[test]
    fn a_full_account_converts_what_uses_a_part_of_a_lot_up() {
        let mut full = given([]).does(make_unit("miles")).does(set_rate(
            "points",
            "miles",
            rate_of(1, 1),
            ExpectedVersion::Absent,
        ));
        for number in 0..10_000 {
            full = full.does(earn("ann", 2, &format!("B-{number}")));
        }
        full.refuses(convert("ann", "c-1", ("points", 1), "miles"), "account-full")
            .does(convert("ann", "c-1", ("points", 3), "miles"))
            .leaves_of("ann", "miles", [3, 0, 0, 0])
            // A hold of a part of a lot takes the account past the bound.
            .does(hold("ann", "h-1", 2, 100))
            .does(convert("ann", "c-2", ("points", 1), "miles"))
            .leaves_of("ann", "miles", [4, 0, 0, 0])
            .refuses(convert("ann", "c-3", ("points", 1), "miles"), "account-full");
    }

    #[test]
    fn what_was_converted_is_no_cause_to_take_back() {
        let taken_back = || {
            let Command::WithdrawCredit(mut it) = withdraw("ann", "w-1", "c-1") else {
                unreachable!()
            };
            it.cause.kind = crate::CauseKind::Conversion;
            in_unit("miles", Command::WithdrawCredit(it))
        };
        rich()
            .does(convert("ann", "c-1", ("points", 300), "miles"))
            .refuses(taken_back(), "credit-unknown");
    }

    fn asked() -> Command {
        convert("ann", "c-1", ("points", 300), "miles")
    }

    /// Ann has 500 points, three of which give a mile.
    fn rich() -> Scenario {
        given([earned("ann", 500, "B-1")]).does(make_unit("miles")).does(set_rate(
            "points",
            "miles",
            rate_of(3, 1),
            ExpectedVersion::Absent,
        ))
    }
}
