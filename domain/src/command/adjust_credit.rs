//! Add or take credit by an operator's hand.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use super::take_back::owed_or_forgiven;
use crate::draft::Draft;
use crate::lots::take_from;
use crate::{
    AccountId, Cause, CauseId, CauseKind, CreditEarned, CreditWithdrawn, Decision, Event, IdHash,
    Note, Points, Reference, Refusal, SpentCredit, Timestamp, UnitId, WithdrawalCause,
};

/// Adjusts an account's credit. The adjustment's id is a cause: the same adjustment counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdjustCredit {
    /// The account.
    pub account_id: AccountId,
    /// The adjustment's id, made by the caller.
    pub adjustment_id: CauseId,
    /// Which way.
    pub direction: Direction,
    /// Of which unit.
    pub unit: UnitId,
    /// The points.
    pub points: Points,
    /// Until when what is added can be spent; without it, for ever.
    pub expires_at: Option<Timestamp>,
    /// What it refers to.
    pub reference: Reference,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

/// Which way an adjustment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The account gets credit.
    Add,
    /// The account loses credit.
    Take,
}

impl CommandRules for AdjustCredit {
    fn name(&self) -> &'static str {
        "adjust-credit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::cause(&self.account_id, &self.cause()))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.apply_due(&self.account_id);
        match self.direction {
            Direction::Add => {
                let (id, points) = (&self.account_id, Ok(self.points));
                draft.check_credit(id, self.unit, points, None, self.expires_at)?;
                let fact = CreditEarned {
                    expires_at: self.expires_at,
                    reference: Some(self.reference.clone()),
                    occurred_at: self.occurred_at,
                    note: self.note.clone(),
                    ..CreditEarned::new(self.unit, self.points, self.cause())
                };
                let event = Event::CreditEarned(self.account_id.clone(), fact);
                draft.come_in_as_outcome(&self.account_id, event);
            }
            Direction::Take => {
                let fact = self.taken(&draft)?;
                draft.push_outcome(Event::CreditWithdrawn(self.account_id.clone(), fact));
            }
        }
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let (note, direction, unit, points, expires_at, reference, occurred_at) = match event {
            Event::CreditEarned(_, fact) => (
                &fact.note,
                Direction::Add,
                fact.unit,
                fact.points,
                fact.expires_at,
                &fact.reference,
                fact.occurred_at,
            ),
            Event::CreditWithdrawn(_, fact) => {
                // What is taken expires never.
                let expires_at = None;
                let (unit, points, reference) = (fact.unit, fact.points, &fact.reference);
                let (note, occurred_at) = (&fact.note, fact.occurred_at);
                (note, Direction::Take, unit, points, expires_at, reference, occurred_at)
            }
            _ => return OTHER_CALL,
        };
        self.note.first_difference(note).or_else(|| {
            first_different(&[
                ("direction", self.direction == direction),
                ("unit", self.unit == unit),
                ("points", self.points == points),
                ("expires_at", self.expires_at == expires_at),
                ("reference", Some(&self.reference) == reference.as_ref()),
                ("occurred_at", self.occurred_at == occurred_at),
            ])
        })
    }
}

impl AdjustCredit {
    fn taken(&self, draft: &Draft<'_>) -> Result<CreditWithdrawn, Refusal> {
        let (unit, needed) = (self.unit, self.points);
        let number = draft.unit_number(unit)?;
        let wallet = draft.account(&self.account_id).map(|account| account.wallet(number));
        let (policy, _) = draft.state.policy();
        let parts = wallet.into_iter().flat_map(crate::Wallet::lots);
        let (lots, missing) = take_from(parts, needed);
        let (owed, forgiven) = owed_or_forgiven(policy, wallet, (self.unit, missing))?;
        let available = wallet.ok_or(Refusal::AccountUnknown)?.available();
        if missing > Points::ZERO && policy.spent_credit == SpentCredit::Refuse {
            return Err(Refusal::InsufficientCredit { unit, needed, available });
        }
        Ok(CreditWithdrawn {
            withdrawal: WithdrawalCause::Adjustment { id: self.adjustment_id.clone() },
            unit,
            points: self.points,
            lots,
            owed,
            expired: None,
            forgiven,
            available_at: None,
            of: None,
            of_lot: None,
            cap_room: None,
            counted_on: draft.counted_on(unit, CauseKind::Adjustment, draft.now),
            asked_points: None,
            reference: Some(self.reference.clone()),
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        })
    }

    pub(super) fn cause(&self) -> Cause {
        Cause { kind: CauseKind::Adjustment, id: self.adjustment_id.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::scenario::*;

    #[test]
    fn an_operator_adds_and_takes() {
        given([])
            .does(adjust(Direction::Add, "ann", 100, "a-1"))
            .does(adjust(Direction::Take, "ann", 30, "a-2"))
            .leaves("ann", [70, 0, 0, 0])
            .when(adjust(Direction::Take, "ann", 30, "a-2"))
            .then_repeats(3);
    }

    #[test]
    fn what_is_added_must_not_have_expired_already() {
        let until = |seconds| match adjust(Direction::Add, "ann", 100, "a-1") {
            Command::AdjustCredit(command) => {
                Command::AdjustCredit(AdjustCredit { expires_at: Some(time(seconds)), ..command })
            }
            other => other,
        };
        given([])
            .at(100)
            .refuses(until(100), "expiry-passed")
            .does(until(101))
            .leaves("ann", [100, 0, 0, 0]);
    }

    #[test]
    fn both_ways_share_their_ids() {
        given([])
            .does(adjust(Direction::Add, "ann", 100, "a-1"))
            .when(adjust(Direction::Take, "ann", 100, "a-1"))
            .then_differs_from(2, "direction");
    }

    #[test]
    fn it_never_goes_below_nought_unless_debts_are_allowed() {
        given([])
            .refuses(adjust(Direction::Take, "ann", 30, "a-1"), "account-unknown")
            .does(earn("ann", 20, "B-1"))
            .refuses(adjust(Direction::Take, "ann", 30, "a-1"), "insufficient-credit")
            .does(policy(SpentCredit::Debt, 30))
            .does(adjust(Direction::Take, "ann", 30, "a-1"))
            .leaves("ann", [0, 0, 0, 10]);
    }
}
