//! Accounts that were merged, and the debts that they pass on. What they counted is in `counts.rs`.

use std::borrow::Cow;

use domain::{AccountId, Points, UnitId, sum};
use serde::{Deserialize, Serialize};

/// `account-merger-begun`, `account-merger-abandoned`, `account-merged`.
#[derive(Serialize, Deserialize)]
pub(crate) struct AccountMerger<'a> {
    into: Cow<'a, AccountId>,
}

impl<'a> From<&'a domain::AccountMergerBegun> for AccountMerger<'a> {
    fn from(fact: &'a domain::AccountMergerBegun) -> Self {
        let domain::AccountMergerBegun { into } = fact;
        Self { into: Cow::Borrowed(into) }
    }
}

impl From<AccountMerger<'_>> for domain::AccountMergerBegun {
    fn from(stored: AccountMerger<'_>) -> Self {
        Self { into: stored.into.into_owned() }
    }
}

impl<'a> From<&'a domain::AccountMergerAbandoned> for AccountMerger<'a> {
    fn from(fact: &'a domain::AccountMergerAbandoned) -> Self {
        let domain::AccountMergerAbandoned { into } = fact;
        Self { into: Cow::Borrowed(into) }
    }
}

impl From<AccountMerger<'_>> for domain::AccountMergerAbandoned {
    fn from(stored: AccountMerger<'_>) -> Self {
        Self { into: stored.into.into_owned() }
    }
}

impl<'a> From<&'a domain::AccountMerged> for AccountMerger<'a> {
    fn from(fact: &'a domain::AccountMerged) -> Self {
        let domain::AccountMerged { into } = fact;
        Self { into: Cow::Borrowed(into) }
    }
}

impl From<AccountMerger<'_>> for domain::AccountMerged {
    fn from(stored: AccountMerger<'_>) -> Self {
        Self { into: stored.into.into_owned() }
    }
}

/// `account-taken-over`.
#[derive(Serialize, Deserialize)]
pub(crate) struct AccountTakenOver<'a> {
    from: Cow<'a, AccountId>,
}

impl<'a> From<&'a domain::AccountTakenOver> for AccountTakenOver<'a> {
    fn from(fact: &'a domain::AccountTakenOver) -> Self {
        let domain::AccountTakenOver { from } = fact;
        Self { from: Cow::Borrowed(from) }
    }
}

impl From<AccountTakenOver<'_>> for domain::AccountTakenOver {
    fn from(stored: AccountTakenOver<'_>) -> Self {
        Self { from: stored.from.into_owned() }
    }
}

/// `debt-passed-on`.
#[derive(Serialize, Deserialize)]
pub(crate) struct DebtPassedOn<'a> {
    to: Cow<'a, AccountId>,
    unit: UnitId,
    points: Points,
}

impl<'a> From<&'a domain::DebtPassedOn> for DebtPassedOn<'a> {
    fn from(fact: &'a domain::DebtPassedOn) -> Self {
        let domain::DebtPassedOn { to, unit, points } = fact;
        Self { to: Cow::Borrowed(to), unit: *unit, points: *points }
    }
}

impl From<DebtPassedOn<'_>> for domain::DebtPassedOn {
    fn from(stored: DebtPassedOn<'_>) -> Self {
        let DebtPassedOn { to, unit, points } = stored;
        Self { to: to.into_owned(), unit, points }
    }
}

/// `debt-taken-over`.
#[derive(Serialize, Deserialize)]
pub(crate) struct DebtTakenOver<'a> {
    from: Cow<'a, AccountId>,
    unit: UnitId,
    #[serde(with = "sum")]
    points: Points,
}

impl<'a> From<&'a domain::DebtTakenOver> for DebtTakenOver<'a> {
    fn from(fact: &'a domain::DebtTakenOver) -> Self {
        let domain::DebtTakenOver { from, unit, points } = fact;
        Self { from: Cow::Borrowed(from), unit: *unit, points: *points }
    }
}

impl From<DebtTakenOver<'_>> for domain::DebtTakenOver {
    fn from(stored: DebtTakenOver<'_>) -> Self {
        let DebtTakenOver { from, unit, points } = stored;
        Self { from: from.into_owned(), unit, points }
    }
}
