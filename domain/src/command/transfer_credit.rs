//! Pass credit on to another shopper.

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::post::Post;
use crate::{
    AccountId, CreditInTransit, CreditReceived, CreditSent, Decision, Event, IdHash, Message,
    Points, Refusal, Timestamp, TransferId, UnitId, UnitNumber, Whose,
};
use log_record::Partition;

/// Moves credit from one account to another, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferCredit {
    /// Who gives.
    pub account_id: AccountId,
    /// The transfer's id, made by the caller; unique for the sender.
    pub transfer_id: TransferId,
    /// Who gets it; somebody else.
    pub to: AccountId,
    /// Of which unit.
    pub unit: UnitId,
    /// The points.
    pub points: Points,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for TransferCredit {
    fn name(&self) -> &'static str {
        "transfer-credit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::transfer(&self.account_id, &self.transfer_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let (unit, number) = (self.unit, draft.spendable(self.unit)?);
        draft.apply_due(&self.account_id);
        let there = self.to.partition(draft.state.partitions());
        if there != draft.state.partition() && draft.state.is_shared() {
            return self.send_across(draft, number, there);
        }
        draft.apply_due(&self.to);
        draft.check_room(&self.to, number, self.points)?;
        let sender = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        if draft.account(&self.to).is_none() {
            return Err(Refusal::RecipientUnknown);
        }
        if draft.state.merged_into(&self.to).is_some() {
            return Err(Refusal::AccountMerged { whose: Whose::Recipient });
        }
        let wallet = sender.wallet(number);
        let (needed, available) = (self.points, wallet.available());
        let (lots, missing) = wallet.draw_up_to(needed);
        draft.check_parts(&self.to, number, &lots)?;
        if missing > Points::ZERO {
            return Err(Refusal::InsufficientCredit { unit, needed, available });
        }
        let sent = CreditSent {
            transfer_id: self.transfer_id.clone(),
            to: self.to.clone(),
            unit,
            points: self.points,
            lots: lots.clone(),
            occurred_at: self.occurred_at,
        };
        let received = CreditReceived {
            transfer_id: self.transfer_id.clone(),
            from: self.account_id.clone(),
            unit,
            points: self.points,
            lots,
        };
        draft.push_outcome(Event::CreditSent(self.account_id.clone(), sent));
        draft.come_in(Event::CreditReceived(self.to.clone(), received));
        draft.apply_due_again(&self.to);
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::CreditSent(_, fact) = event else { return OTHER_CALL };
        first_different(&[
            ("to", self.to == fact.to),
            ("unit", self.unit == fact.unit),
            ("points", self.points == fact.points),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

impl TransferCredit {
    /// The recipient lives in another partition, which alone knows whether the credit can come in.
    fn send_across(
        &self,
        mut draft: Draft<'_>,
        number: UnitNumber,
        there: Partition,
    ) -> Result<Decision, Refusal> {
        let (unit, needed, state) = (self.unit, self.points, draft.state);
        let sender = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        let wallet = sender.wallet(number);
        let available = wallet.available();
        let short = Refusal::InsufficientCredit { unit, needed, available };
        let lots = wallet.draw(needed).ok_or(short)?;
        let of = state.unit(unit).ok_or(Refusal::UnitUnknown { unit })?.into();
        let sent = CreditSent {
            transfer_id: self.transfer_id.clone(),
            to: self.to.clone(),
            unit,
            points: needed,
            lots: lots.clone(),
            occurred_at: self.occurred_at,
        };
        let credit = CreditInTransit {
            transfer_id: self.transfer_id.clone(),
            from: self.account_id.clone(),
            to: self.to.clone(),
            unit,
            of,
            points: needed,
            lots,
        };
        draft.push_outcome(Event::CreditSent(self.account_id.clone(), sent));
        draft.push(Post::of(state).write(there, Message::CreditSent(credit)));
        Ok(draft.finish())
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Direction;
    use crate::scenario::*;

    #[test]
    fn credit_changes_hands_side_by_side() {
        both()
            .when(transfer("ann", "bob", 100, "t-1"))
            .then_records(["CreditSent", "CreditReceived"])
            .leaves("ann", [400, 0, 0, 0])
            .leaves("bob", [101, 0, 0, 0])
            .when(transfer("ann", "bob", 100, "t-1"))
            .then_repeats(4);
    }

    #[test]
    fn a_transfer_belongs_to_its_sender() {
        both().does(transfer("ann", "bob", 100, "t-1")).does(transfer("bob", "ann", 100, "t-1"));
    }

    #[test]
    fn what_comes_in_pays_what_the_recipient_owes() {
        both()
            .does(policy(crate::SpentCredit::Debt, 30))
            .does(adjust(Direction::Take, "bob", 51, "a-1"))
            .when(transfer("ann", "bob", 100, "t-1"))
            .then_records(["CreditSent", "CreditReceived", "DebtRepaid"])
            .leaves("bob", [50, 0, 0, 0]);
    }

    #[test]
    fn a_recipient_has_ten_thousand_parts_of_lots_at_most_with_those_that_come() {
        let mut rich = given([earned("bob", 1, "B-0"), earned("cat", 1, "B-0")]);
        for number in 0..9_998 {
            rich = rich.does(earn("ann", 1, &format!("B-{number}")));
        }
        rich.does(earn("ann", 3, "B-9998"))
            .does(transfer("bob", "ann", 1, "t-0"))
            .does(earn("bob", 1, "B-1"))
            // Bob has one, and 10,000 would come.
            .refuses(transfer("ann", "bob", 10_000, "t-1"), "account-full")
            .does(transfer("bob", "cat", 1, "t-1"))
            .does(transfer("ann", "bob", 10_000, "t-1"))
            .refuses(transfer("cat", "bob", 1, "t-1"), "account-full")
            // Bob has a part of that lot already, which only grows.
            .does(transfer("ann", "bob", 1, "t-2"))
            .leaves("bob", [10_001, 0, 0, 0]);
    }

    #[test]
    fn refusals_come_in_their_order_of_precedence() {
        given([])
            .refuses(transfer("ann", "bob", 100, "t-1"), "account-unknown")
            .does(earn("ann", 1, "B-1"))
            .refuses(transfer("ann", "bob", 100, "t-1"), "recipient-unknown")
            .does(earn("bob", 1, "B-1"))
            .refuses(transfer("ann", "bob", 100, "t-1"), "insufficient-credit");
    }

    fn both() -> Scenario {
        given([earned("ann", 500, "B-1"), earned("bob", 1, "B-1")])
    }
}
