//! How credit is taken away, whatever for.

use crate::draft::Draft;
use crate::lots::take_from;
use crate::{Account, AccountId, LotId, LotPart, Points, Refusal, SpentCredit};

/// What is taken for some points, and what isn't there to be taken.
pub(super) struct Taken {
    pub(super) lots: Vec<LotPart>,
    pub(super) expired: Option<Points>,
    pub(super) owed: Option<Points>,
}

/// Takes `points` that were earned as `lot`: from the lot itself, pending or available, then from
/// what has expired of it, then from any other that is available; what is missing is owed, or
/// refused.
pub(super) fn take_back(
    draft: &Draft<'_>,
    account: &AccountId,
    lot: LotId,
    points: Points,
) -> Result<Taken, Refusal> {
    let account = draft.account(account);
    let parts = || account.into_iter().flat_map(Account::lots);
    let pending = account.into_iter().flat_map(Account::pending_parts);
    let own = pending.map(|pending| &pending.part).chain(parts()).filter(|part| part.lot == lot);
    let (mut lots, missing) = take_from(own, points);
    let expired = account.map(|account| account.expired(lot)).unwrap_or_default().min(missing);
    let missing = missing.minus(expired).unwrap_or_default();
    let (others, missing) = take_from(parts().filter(|part| part.lot != lot), missing);
    lots.extend(others);
    if missing > Points::ZERO {
        let (policy, _) = draft.state.policy();
        if policy.spent_credit == SpentCredit::Refuse {
            let left = points.minus(missing).unwrap_or_default();
            return Err(Refusal::CreditAlreadySpent { left, asked: points });
        }
        check_debt(account, missing)?;
    }
    Ok(Taken { lots, expired: expired.some(), owed: missing.some() })
}

/// Whether so much more can be owed.
pub(super) fn check_debt(account: Option<&Account>, more: Points) -> Result<(), Refusal> {
    let owed = account.map(Account::owed).unwrap_or_default();
    let sum = owed.plus(more);
    sum.map(drop).ok_or(Refusal::AmountTooLarge { what: "what the account owes" })
}
