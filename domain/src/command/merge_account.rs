//! Merge an account into another: people have two.
//!
//! Within a partition it is one decision. To an account of another partition it takes three, which
//! the caller asks for one after the other: the merger is begun; the other account's partition
//! finds nothing against it; the merger is done. What was agreed to before a merger was begun
//! counts for nothing, so that two mergers can't make a circle (`state/mergers.rs`).

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::post::Post;
use crate::{
    Account, AccountId, AccountMerged, AccountMergerAbandoned, AccountMergerBegun,
    AccountTakenOver, Decision, Event, LotPart, MergedAccount, Message, Refusal, State, Subject,
    UnitNumber, Whose,
};

/// Merges an account into another, for ever. All that can be spent of it is passed on, now and
/// whenever more comes, and so are its debts and what it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeAccount {
    /// The account, in which nothing begins from then on.
    pub account_id: AccountId,
    /// The account that has it from then on.
    pub into: AccountId,
    /// How far it is.
    pub step: MergerStep,
}

/// How far a merger is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergerStep {
    /// It is asked for. Within a partition it is done at once, and otherwise begun.
    Asked,
    /// The other account's partition finds nothing against the merger that was begun by this event.
    Agreed(Position),
    /// The other account's partition is against it.
    Refused(Position),
}

impl CommandRules for MergeAccount {
    fn name(&self) -> &'static str {
        "merge-account"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let (id, state) = (&self.account_id, draft.state);
        state.account(id).ok_or(Refusal::AccountUnknown)?;
        let present = state.merger(id);
        if let Some(merger) = present.filter(|merger| merger.is_done) {
            return if merger.into == self.into {
                Ok(Decision::Unchanged)
            } else {
                Err(Refusal::AccountMerged { whose: Whose::Own })
            };
        }
        let begun = present.filter(|begun| begun.into == self.into).map(|begun| begun.at);
        match self.step {
            MergerStep::Asked if *id == self.into => return Err(Refusal::MergerIntoItself),
            MergerStep::Asked if begun.is_some() => return Ok(Decision::Unchanged),
            MergerStep::Agreed(at) if begun != Some(at) => return Err(Refusal::MergerUnderWay),
            MergerStep::Refused(at) if begun != Some(at) => return Ok(Decision::Unchanged),
            MergerStep::Refused(_) => {
                let abandoned = AccountMergerAbandoned { into: self.into.clone() };
                draft.push_outcome(Event::AccountMergerAbandoned(id.clone(), abandoned));
                return Ok(draft.finish());
            }
            MergerStep::Asked | MergerStep::Agreed(_) => {}
        }
        let is_here = state.is_home_of(&self.into);
        if !is_here && self.step == MergerStep::Asked {
            let begun = AccountMergerBegun { into: self.into.clone() };
            draft.push_outcome(Event::AccountMergerBegun(id.clone(), begun));
            return Ok(draft.finish());
        }
        draft.apply_due(id);
        if is_here {
            check_new(state, &self.into)?;
            draft.apply_due(&self.into);
            self.check_room(&draft)?;
        }
        // Nobody could take a unit under the old id that is kept for it.
        for ended in state.ends_of_waits(id, draft.now) {
            draft.push(ended);
        }
        let merged = AccountMerged { into: self.into.clone() };
        draft.push_outcome(Event::AccountMerged(id.clone(), merged));
        draft.push(if is_here {
            Event::AccountTakenOver(self.into.clone(), AccountTakenOver { from: id.clone() })
        } else {
            let there = self.into.partition(state.partitions());
            let merged = MergedAccount { from: id.clone(), into: self.into.clone() };
            Post::of(state).write(there, Message::AccountMerged(merged))
        });
        // What it has is passed on by what follows every decision (`merged.rs`).
        Ok(draft.finish())
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Some(Subject::merger(state, &self.account_id))
    }
}

impl MergeAccount {
    /// Whether the new account has room for what it gets at once.
    fn check_room(&self, draft: &Draft<'_>) -> Result<(), Refusal> {
        let Some(account) = draft.account(&self.account_id) else { return Ok(()) };
        for (number, wallet) in account.wallets() {
            draft.check_room(&self.into, number, wallet.available())?;
            let owed = draft.account(&self.into).map(|new| new.wallet(number).owed());
            if owed.unwrap_or_default().plus(wallet.owed()).is_none() {
                let (what, unit) = ("what the account owes", draft.state.unit_id(number));
                return Err(Refusal::AmountTooLarge { what, unit: crate::OfUnit(unit) });
            }
        }
        draft.check_parts_of_all(&self.into, &parts_of(account))
    }
}

fn parts_of(account: &Account) -> Vec<(UnitNumber, Vec<LotPart>)> {
    account.wallets().map(|(number, wallet)| (number, wallet.lots().cloned().collect())).collect()
}

/// Whether an account may take another over.
fn check_new(state: &State, id: &AccountId) -> Result<(), Refusal> {
    state.account(id).ok_or(Refusal::NewAccountUnknown)?;
    match state.merger(id) {
        None => Ok(()),
        Some(merger) if merger.is_done => Err(Refusal::AccountMerged { whose: Whose::New }),
        Some(_) => Err(Refusal::MergerUnderWay),
    }
}

/// Sees whether an account may take over one of another partition, whose merger was begun before.
/// It records nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmitMerger {
    /// The account that is to have the other.
    pub account_id: AccountId,
}

impl CommandRules for AdmitMerger {
    fn name(&self) -> &'static str {
        "admit-merger"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal> {
        check_new(draft.state, &self.account_id)?;
        Ok(Decision::Unchanged)
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        Some(Subject::merger(state, &self.account_id))
    }
}

#[cfg(test)]
mod tests {
    use crate::SpentCredit;
    use crate::command::{Direction, ExpectedVersion};
    use crate::scenario::*;

    const COUNTS: [&str; 2] = ["CountsPassedOn", "CountsTakenOver"];
    const MOVES: [&str; 4] = ["AccountMerged", "AccountTakenOver", "CreditSent", "CreditReceived"];

    #[test]
    fn all_that_can_be_spent_of_every_unit_is_passed_on_at_once() {
        let stars = set_unit("stars", unspendable(), ExpectedVersion::Absent);
        two()
            .does(stars)
            .does(in_unit("stars", earn("ann", 7, "S-1")))
            .when(merge("ann", "bob"))
            .then_records([MOVES[0], MOVES[1], MOVES[2], MOVES[3], MOVES[2], MOVES[3]])
            .leaves("ann", [0, 0, 0, 0])
            .leaves("bob", [501, 0, 0, 0])
            .leaves_of("ann", "stars", [0, 0, 0, 0])
            .leaves_of("bob", "stars", [7, 0, 0, 0])
            .when(merge("ann", "bob"))
            .then_unchanged();
    }

    #[test]
    fn what_is_pending_and_held_follows_once_it_can_be_spent() {
        two()
            .does(earn_from(100, "ann", 300, "B-2"))
            .does(hold("ann", "h-1", 150, 90))
            .does(hold("ann", "h-2", 50, 90))
            .does(merge("ann", "bob"))
            .leaves("ann", [0, 300, 200, 0])
            .leaves("bob", [301, 0, 0, 0])
            .when(release("ann", "h-2"))
            .then_records(["HoldReleased", "CreditSent", "CreditReceived"])
            .leaves("bob", [351, 0, 0, 0])
            .at(100)
            .sweeps()
            .leaves("ann", [0, 0, 0, 0])
            .leaves("bob", [801, 0, 0, 0]);
    }

    #[test]
    fn an_exchange_is_cancelled_under_its_id_and_refunded_to_the_new_account() {
        given([opened("mug", 300, None), earned("ann", 500, "B-1"), earned("bob", 1, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .does(merge("ann", "bob"))
            .leaves("bob", [201, 0, 0, 0])
            .when(cancel("ann", "x-1", "c-1", None))
            .then_records([
                "CreditRefunded",
                "ExchangeCancelled",
                COUNTS[0],
                COUNTS[1],
                MOVES[2],
                MOVES[3],
            ])
            .leaves("ann", [0, 0, 0, 0])
            .leaves("bob", [501, 0, 0, 0])
            .refuses(cancel("bob", "x-1", "c-2", None), "exchange-unknown");
    }

    #[test]
    fn a_capture_spends_what_was_held_and_its_refund_goes_to_the_new_account() {
        two()
            .does(hold("ann", "h-1", 200, 90))
            .does(merge("ann", "bob"))
            .does(capture("ann", "h-1", Some(150)))
            .leaves("ann", [0, 0, 0, 0])
            .leaves("bob", [351, 0, 0, 0])
            .does(refund("ann", "h-1", "f-1", None))
            .leaves("bob", [501, 0, 0, 0]);
    }

    #[test]
    fn debts_are_passed_on_and_paid_by_the_new_account() {
        let owing = || {
            given([opened("mug", 300, None), earned("ann", 300, "B-1"), earned("bob", 100, "B-1")])
                .does(policy(SpentCredit::Debt, 30))
                .does(redeem("ann", "x-1", "mug"))
        };
        owing()
            .does(withdraw("ann", "w-1", "B-1"))
            .leaves("ann", [0, 0, 0, 300])
            .when(merge("ann", "bob"))
            .then_records([
                MOVES[0],
                MOVES[1],
                COUNTS[0],
                COUNTS[1],
                "DebtPassedOn",
                "DebtTakenOver",
                "DebtRepaid",
            ])
            .leaves("ann", [0, 0, 0, 0])
            .leaves("bob", [0, 0, 0, 200])
            .refuses(reverse_withdrawal("ann", "w-1"), "debt-passed-on")
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("bob", [100, 0, 0, 0]);
        owing()
            .does(merge("ann", "bob"))
            .does(withdraw("ann", "w-1", "B-1"))
            .leaves("ann", [0, 0, 0, 0])
            .leaves("bob", [0, 0, 0, 200]);
    }

    #[test]
    fn a_purchase_is_returned_under_its_id_and_the_new_account_owes_what_it_had_earned() {
        let bought = || {
            given([earned("bob", 1, "B-2")])
                .does(purchase("ann", "B-1", Some(300), &[("tv", 1, 30_000)]))
                .does(merge("ann", "bob"))
                .leaves("bob", [301, 0, 0, 0])
        };
        bought().refuses(bring_back("ann", "B-1", "r-1", None), "credit-already-spent");
        bought()
            .does(policy(SpentCredit::Debt, 30))
            .does(bring_back("ann", "B-1", "r-1", None))
            .leaves("ann", [0, 0, 0, 0])
            .leaves("bob", [1, 0, 0, 0])
            .refuses(reverse_return("ann", "B-1", "r-1"), "debt-passed-on");
    }

    #[test]
    fn repeats_are_answered_and_nothing_begins_any_more() {
        given([opened("mug", 300, Some(1)), earned("ann", 500, "B-1"), earned("bob", 1, "B-9")])
            .does(redeem("ann", "x-1", "mug"))
            .does(add_stock("mug", "s-1", 1))
            .does(earn("cat", 9, "B-1"))
            .does(merge("ann", "bob"))
            .refuses(earn("ann", 500, "B-2"), "account-merged")
            .refuses(purchase("ann", "B-2", Some(3), &[("tv", 1, 9)]), "account-merged")
            .refuses(adjust(Direction::Add, "ann", 1, "a-1"), "account-merged")
            .refuses(hold("ann", "h-1", 1, 90), "account-merged")
            .refuses(redeem("ann", "x-2", "mug"), "account-merged")
            .refuses(transfer("ann", "cat", 1, "t-1"), "account-merged")
            .refuses(transfer("cat", "ann", 1, "t-1"), "account-merged")
            .refuses(set_segment("ann", "staff", true), "account-merged")
            .refuses(open_account("ann"), "account-merged")
            .does(earn("bob", 300, "B-3"))
            .does(redeem("bob", "x-1", "mug"))
            .refuses(redeem("ann", "x-2", "mug"), "sold-out")
            .when(earn("ann", 500, "B-1"))
            .then_repeats(3);
    }

    #[test]
    fn what_was_set_under_the_old_id_is_a_repeat_and_stays_as_it_is() {
        two()
            .does(set_segment("ann", "gold", true))
            .does(merge("ann", "bob"))
            .refuses(set_segment("ann", "gold", false), "account-merged")
            .when(set_segment("ann", "gold", true))
            .then_unchanged();
    }

    #[test]
    fn a_cause_earns_once_for_both() {
        two().does(merge("ann", "bob")).when(earn("bob", 500, "B-1")).then_repeats(2);
        two()
            .does(merge("ann", "bob"))
            .when(earn("bob", 600, "B-1"))
            .then_differs_from(2, "points");
        two()
            .does(earn("cat", 9, "B-9"))
            .does(merge("ann", "bob"))
            .does(merge("bob", "cat"))
            .when(earn("cat", 500, "B-1"))
            .then_repeats(2);
    }

    #[test]
    fn limits_count_what_both_have_had() {
        given([
            opened_with("mug", 100, None, Some(2)),
            earned("ann", 500, "B-1"),
            earned("bob", 500, "B-1"),
        ])
        .does(redeem("ann", "x-1", "mug"))
        .does(merge("ann", "bob"))
        .does(redeem("bob", "x-1", "mug"))
        .refuses(redeem("bob", "x-2", "mug"), "shopper-limit-reached")
        .does(cancel("ann", "x-1", "c-1", None))
        .does(redeem("bob", "x-2", "mug"));
    }

    #[test]
    fn a_hold_that_pays_an_exchange_counts_for_both() {
        given([
            opened_with("mug", 100, None, Some(1)),
            earned("ann", 500, "B-1"),
            earned("bob", 500, "B-1"),
        ])
        .does(hold("ann", "h-1", 100, 90))
        .does(merge("ann", "bob"))
        .does(redeem("bob", "x-1", "mug"))
        .refuses(capture_for("ann", "h-1", "x-1", "mug"), "shopper-limit-reached")
        .does(cancel("bob", "x-1", "c-1", None))
        .does(capture_for("ann", "h-1", "x-1", "mug"))
        .refuses(redeem("bob", "x-2", "mug"), "shopper-limit-reached");
    }

    #[test]
    fn who_is_merged_waits_no_more_and_a_unit_that_was_kept_is_the_next_ones() {
        given([opened("mug", 100, Some(1)), earned("ann", 500, "B-1"), earned("bob", 500, "B-1")])
            .does(earn("cat", 500, "B-1"))
            .does(earn("dan", 500, "B-1"))
            .does(redeem("cat", "x-1", "mug"))
            .does(join("ann", "w-1", "mug"))
            .does(join("dan", "w-1", "mug"))
            .does(cancel("cat", "x-1", "c-1", None))
            .sweeps()
            .does(merge("ann", "bob"))
            .sweeps()
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
            .does(redeem("dan", "x-1", "mug"))
            .does(join("bob", "w-1", "mug"));
    }

    #[test]
    fn a_chain_leads_to_its_end_and_there_is_no_circle() {
        two()
            .does(earn("cat", 9, "B-9"))
            .does(hold("ann", "h-1", 200, 90))
            .refuses(merge("ann", "ann"), "merger-into-itself")
            .refuses(merge("ann", "dan"), "new-account-unknown")
            .refuses(merge("dan", "ann"), "account-unknown")
            .does(merge("ann", "bob"))
            .refuses(merge("bob", "ann"), "account-merged")
            .refuses(merge("cat", "ann"), "account-merged")
            .refuses(merge("ann", "cat"), "account-merged")
            .does(merge("bob", "cat"))
            .refuses(merge("cat", "bob"), "account-merged")
            .leaves("cat", [310, 0, 0, 0])
            .does(release("ann", "h-1"))
            .leaves("ann", [0, 0, 0, 0])
            .leaves("bob", [0, 0, 0, 0])
            .leaves("cat", [510, 0, 0, 0]);
    }

    #[test]
    fn what_is_passed_on_keeps_its_expiry_and_what_has_expired_stays() {
        given([earned("bob", 1, "B-9")])
            .does(earn_until(100, "ann", 200, "B-1"))
            .does(earn_until(50, "ann", 30, "B-2"))
            .at(50)
            .does(merge("ann", "bob"))
            .leaves("bob", [201, 0, 0, 0])
            .at(100)
            .sweeps()
            .leaves("bob", [1, 0, 0, 0]);
    }

    fn two() -> Scenario {
        given([earned("ann", 500, "B-1"), earned("bob", 1, "B-9")])
    }
}
