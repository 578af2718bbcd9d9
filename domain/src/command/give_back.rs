//! Gives back what a withdrawal or a return took, when it is reversed.

use log_record::Place;

use crate::draft::Draft;
use crate::lots::sum_of;
use crate::original::WithdrawnCredit;
use crate::{AccountId, BackFor, CreditGivenBack, LotPart, Points, Refusal, with_grace};

/// What is given back for all that was taken, each of another unit; all of it is, or nothing.
/// Before it stands what fell due in the account. `unknown` is the answer where something was not
/// taken of what a cause had earned.
pub(super) fn give_back(
    draft: &Draft<'_>,
    id: &AccountId,
    withdrawn: &[WithdrawnCredit],
    unknown: Refusal,
) -> Result<Vec<CreditGivenBack>, Refusal> {
    let (mut given, mut coming) = (vec![], vec![]);
    for withdrawn in withdrawn {
        let credit = given_back(draft, id, withdrawn, unknown)?;
        let unit = draft.unit_number(credit.unit)?;
        draft.check_room(id, unit, sum_of(&credit.lots).unwrap_or(Points::MOST))?;
        coming.push((unit, credit.lots.clone()));
        given.push(credit);
    }
    draft.check_parts_of_all(id, &coming)?;
    Ok(given)
}

fn given_back(
    draft: &Draft<'_>,
    id: &AccountId,
    withdrawn: &WithdrawnCredit,
    unknown: Refusal,
) -> Result<CreditGivenBack, Refusal> {
    let WithdrawnCredit { position, fact } = withdrawn;
    let (of, of_lot) = fact.of.clone().zip(fact.of_lot).ok_or(unknown)?;
    let unit = draft.unit_number(fact.unit)?;
    let (owed, repaid) = match draft.account(id) {
        Some(account) => account.wallet(unit).debt_of(*position),
        None => Default::default(),
    };
    // What was pending then, and would still be, is pending again; grace is for what can be spent.
    let until = draft.grace().until(draft.now, BackFor::Other);
    let available_at = fact.available_at.filter(|available_at| *available_at > draft.now);
    let come_back = |part: &LotPart| {
        let is_pending = available_at.is_some() && part.lot == of_lot;
        part.with_grace(until.filter(|_| !is_pending))
    };
    let mut lots: Vec<LotPart> = fact.lots.iter().map(come_back).collect();
    lots.extend(with_grace(repaid, until));
    let rest = [owed, fact.expired.unwrap_or_default(), fact.forgiven.unwrap_or_default()];
    let given = sum_of(&lots).and_then(|sum| rest.into_iter().try_fold(sum, Points::plus));
    if given != Some(fact.points) {
        // The account was merged, and the other one owes it or has paid it.
        return Err(Refusal::DebtPassedOn);
    }
    Ok(CreditGivenBack {
        withdrawn_at: Place { partition: draft.state.place().partition, position: *position }
            .into(),
        unit: fact.unit,
        of,
        of_lot,
        points: fact.points,
        lots,
        available_at,
        owed: owed.some(),
        expired: fact.expired,
        forgiven: fact.forgiven,
        counted_on: fact.counted_on,
        cap_room: fact.cap_room.clone().filter(|room| room.period.is_kept(draft.now)),
    })
}
