//! How credit is taken away, whatever for.

use crate::draft::Draft;
use crate::lots::{sum_of, take_from};
use crate::{
    AccountId, Event, HoldSwapped, Keeps, LotId, LotPart, OfUnit, Points, Policy, Refusal,
    SpentCredit, Timestamp, UnitId, UnitNumber, Wallet,
};

/// What is to be taken: points of a unit, earned as a lot.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) unit: UnitId,
    pub(super) lot: LotId,
    pub(super) points: Points,
}

/// What is taken for some points, and what isn't there to be taken.
pub(super) struct Taken {
    pub(super) lots: Vec<LotPart>,
    pub(super) expired: Option<Points>,
    pub(super) owed: Option<Points>,
    pub(super) forgiven: Option<Points>,
    /// From when on what is taken of the lot could have been spent, where it is pending.
    pub(super) available_at: Option<Timestamp>,
}

/// Has holds give back what they keep of `lot`, as far as other credit can take its place there, so
/// that `points` of it can be taken and nothing else.
fn free_held(
    draft: &mut Draft<'_>,
    id: &AccountId,
    (unit, number): (UnitId, UnitNumber),
    lot: LotId,
    points: Points,
) {
    let holds: Vec<_> =
        draft.account(id).map(|it| it.wallet(number).holds().to_vec()).unwrap_or_default();
    for hold in holds {
        let Some(account) = draft.account(id) else { return };
        let wallet = account.wallet(number);
        let (_, missing) = take_from(wallet.parts_of(lot), points);
        let (kept, _) = take_from(hold.lots.iter().filter(|part| part.lot == lot), missing);
        let kept = sum_of(&kept).unwrap_or_default();
        let (taken, _) = take_from(wallet.lots().filter(|part| part.lot != lot), kept);
        let size = sum_of(&taken).unwrap_or_default();
        if size == Points::ZERO {
            continue;
        }
        let (returned, _) = take_from(hold.lots.iter().filter(|part| part.lot == lot), size);
        let Some(lots) = hold.swapped(&returned, &taken) else { continue };
        let further = hold.keeps == Keeps::Further;
        let swapped = HoldSwapped { hold_id: hold.id, unit, lots, returned, taken, further };
        draft.record(Event::HoldSwapped(id.clone(), swapped));
    }
}

/// Takes points that were earned as a lot: from the lot itself, pending or available, also where
/// a hold has to give it back for that, then from what has expired of it, then from any other that
/// is available; what is missing is owed, forgiven or refused, by the policy. All that is wanted,
/// each of another unit, is taken, or nothing; what holds give back is recorded before.
pub(super) fn take_back(
    draft: &mut Draft<'_>,
    account: &AccountId,
    wanted: &[Wanted],
) -> Result<Vec<Taken>, Refusal> {
    for Wanted { unit, lot, points } in wanted {
        let number = draft.unit_number(*unit)?;
        free_held(draft, account, (*unit, number), *lot, *points);
    }
    wanted.iter().map(|wanted| take_one(draft, account, *wanted)).collect()
}

fn take_one(
    draft: &Draft<'_>,
    account: &AccountId,
    Wanted { unit, lot, points }: Wanted,
) -> Result<Taken, Refusal> {
    let number = draft.unit_number(unit)?;
    let wallet = draft.account(account).map(|account| account.wallet(number));
    let own = wallet.into_iter().flat_map(|wallet| wallet.parts_of(lot));
    let (mut lots, missing) = take_from(own, points);
    let expired = wallet.map(|wallet| wallet.expired(lot)).unwrap_or_default().min(missing);
    let missing = missing.minus(expired).unwrap_or_default();
    let others = wallet.into_iter().flat_map(Wallet::lots).filter(|part| part.lot != lot);
    let (others, missing) = take_from(others, missing);
    lots.extend(others);
    let (policy, _) = draft.state.policy();
    if missing > Points::ZERO && policy.spent_credit == SpentCredit::Refuse {
        let left = points.minus(missing).unwrap_or_default();
        return Err(Refusal::CreditAlreadySpent { unit, left, asked: points });
    }
    let (owed, forgiven) = owed_or_forgiven(policy, wallet, (unit, missing))?;
    let available_at = wallet.and_then(|wallet| wallet.pending_until(lot));
    Ok(Taken { lots, expired: expired.some(), owed, forgiven, available_at })
}

/// What becomes of points that aren't there to be taken.
pub(super) fn owed_or_forgiven(
    policy: Policy,
    wallet: Option<&Wallet>,
    (unit, missing): (UnitId, Points),
) -> Result<(Option<Points>, Option<Points>), Refusal> {
    match policy.spent_credit {
        // Where something is missing, the caller refuses.
        SpentCredit::Refuse => Ok((None, None)),
        SpentCredit::Debt => {
            check_debt(wallet, unit, missing)?;
            Ok((missing.some(), None))
        }
        SpentCredit::Forgive => Ok((None, missing.some())),
    }
}

/// Whether so much more can be owed.
fn check_debt(wallet: Option<&Wallet>, unit: UnitId, more: Points) -> Result<(), Refusal> {
    let owed = wallet.map(Wallet::owed).unwrap_or_default();
    let sum = owed.plus(more);
    let unit = OfUnit(Some(unit));
    sum.map(drop).ok_or(Refusal::AmountTooLarge { what: "what the account owes", unit })
}
