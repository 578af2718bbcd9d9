//! The old system's balances beside the ledger's, while both run.
//!
//! Each account of the file is read. What the accounts have that the file doesn't name follows from
//! the ledger's totals, so nothing is overlooked although no call lists all accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use wire::Moment;

use super::rows::OldBalance;
use super::send::{Sender, problem, unanswered};
use crate::ledger_client::ProblemBody;
use crate::progress::Progress;
use crate::spread::spread;

/// How the two systems compare.
#[derive(Debug, Default, Serialize)]
pub(super) struct Compared {
    /// The moment of which the ledger was asked, if not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<String>,
    /// Accounts of the file.
    pub(super) accounts: u64,
    /// Amounts of the file.
    pub(super) amounts: u64,
    pub(super) differences: Vec<Difference>,
    /// What accounts that the file doesn't name can spend, by unit, where that isn't 0.
    pub(super) elsewhere: BTreeMap<String, i128>,
}

/// An amount of which the systems say different things.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) account_id: Box<str>,
    pub(super) unit: String,
    /// `available`, `pending` or `held`.
    pub(super) what: &'static str,
    pub(super) old_system: u64,
    pub(super) ledger: u64,
}

/// An account's answer: what is asked of it here.
#[derive(Debug, Default, Deserialize)]
struct AccountBody {
    units: BTreeMap<String, UnitBody>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct UnitBody {
    available: u64,
    pending: u64,
    held: u64,
}

#[derive(Debug, Default, Deserialize)]
struct UnitsBody {
    items: Vec<ListedUnit>,
}

#[derive(Debug, Deserialize)]
struct ListedUnit {
    unit: String,
}

#[derive(Debug, Deserialize)]
struct TotalsBody {
    available: String,
}

/// Compares the balances of a file with the ledger's.
pub(super) async fn compare(
    sender: &Arc<Sender>,
    balances: Vec<OldBalance>,
    at: Option<Moment>,
    progress: &Progress,
) -> anyhow::Result<Compared> {
    let mut of_accounts: BTreeMap<Box<str>, Vec<OldBalance>> = BTreeMap::new();
    for balance in balances {
        of_accounts.entry(balance.account_id.clone()).or_default().push(balance);
    }
    let answers = spread(sender.connections, of_accounts, |(account_id, balances)| {
        let (sender, progress) = (Arc::clone(sender), progress.clone());
        async move {
            let account = sender.account(&account_id, at).await?;
            progress.inc(balances.len() as u64);
            anyhow::Ok((account_id, balances, account))
        }
    });
    let mut compared = Compared { at: at.map(|at| at.to_string()), ..Compared::default() };
    let mut available: BTreeMap<String, i128> = BTreeMap::new();
    for (account_id, balances, account) in answers.await? {
        for (unit, of_unit) in &account.units {
            *available.entry(unit.clone()).or_default() += i128::from(of_unit.available);
        }
        compared.account(&account_id, &balances, &account);
    }
    // By account, whoever was answered first.
    compared
        .differences
        .sort_by(|a, b| (&a.account_id, &a.unit, a.what).cmp(&(&b.account_id, &b.unit, b.what)));
    if at.is_some() {
        // The totals are those of now.
        return Ok(compared);
    }
    for unit in sender.units().await? {
        let of_accounts = available.get(&unit).copied().unwrap_or_default();
        let elsewhere = sender.total(&unit).await? - of_accounts;
        if elsewhere != 0 {
            compared.elsewhere.insert(unit, elsewhere);
        }
    }
    Ok(compared)
}

impl Compared {
    fn account(&mut self, account_id: &str, balances: &[OldBalance], account: &AccountBody) {
        self.accounts += 1;
        let mut named = BTreeSet::new();
        for balance in balances {
            named.insert(&*balance.unit);
            let ledger = account.units.get(&*balance.unit).copied().unwrap_or_default();
            let amounts = [
                ("available", Some(balance.available), ledger.available),
                ("pending", balance.pending, ledger.pending),
                ("held", balance.held, ledger.held),
            ];
            for (what, old_system, ledger) in amounts {
                let Some(old_system) = old_system else { continue };
                self.amounts += 1;
                self.differ(account_id, &balance.unit, what, (old_system, ledger));
            }
        }
        for (unit, of_unit) in &account.units {
            if !named.contains(unit.as_str()) {
                self.differ(account_id, unit, "available", (0, of_unit.available));
            }
        }
    }

    fn differ(
        &mut self,
        account_id: &str,
        unit: &str,
        what: &'static str,
        (old_system, ledger): (u64, u64),
    ) {
        if old_system != ledger {
            let (account_id, unit) = (account_id.into(), unit.to_owned());
            self.differences.push(Difference { account_id, unit, what, old_system, ledger });
        }
    }
}

impl Sender {
    /// What an account has, or had at a moment; nothing where there is none.
    async fn account(&self, account_id: &str, at: Option<Moment>) -> anyhow::Result<AccountBody> {
        let at = at.map(|at| format!("?at={at}")).unwrap_or_default();
        let path = format!("/v1/accounts/{account_id}{at}");
        Ok(self.read(&path, account_id).await?.unwrap_or_default())
    }

    /// All units.
    async fn units(&self) -> anyhow::Result<Vec<String>> {
        let units: Option<UnitsBody> = self.read("/v1/units", "the units").await?;
        Ok(units.unwrap_or_default().items.into_iter().map(|unit| unit.unit).collect())
    }

    /// What all accounts can spend of a unit.
    async fn total(&self, unit: &str) -> anyhow::Result<i128> {
        let totals: Option<TotalsBody> =
            self.read(&format!("/v1/totals?unit={unit}"), unit).await?;
        let sum = totals.map_or_else(|| "0".into(), |totals| totals.available);
        sum.parse().with_context(|| format!("the total of {unit} is {sum}, and no number"))
    }

    /// What the ledger answers, or nothing where it has no such thing.
    async fn read<T>(&self, path: &str, of: &str) -> anyhow::Result<Option<T>>
    where
        T: for<'de> Deserialize<'de>,
    {
        let asked = self.client.ask(&self.keys.auditor, Method::GET, path, None::<&()>).await;
        let response = asked.map_err(unanswered)?.response;
        if response.status() == StatusCode::OK {
            let body = response.json().await;
            return body.map(Some).with_context(|| format!("the ledger's answer of {of}"));
        }
        let status = response.status();
        let ProblemBody { code, detail } = problem(&path, response).await?;
        let is_none = status == StatusCode::NOT_FOUND;
        ensure!(is_none, "{path}: the ledger answered {status}: {detail} ({code})");
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balance(unit: &str, available: u64, pending: Option<u64>) -> OldBalance {
        let (account_id, unit) = ("ann".into(), unit.into());
        OldBalance { account_id, unit, available, pending, held: None }
    }

    #[test]
    fn what_differs_is_named_by_unit_and_kind() {
        let of = |available, pending| UnitBody { available, pending, held: 7 };
        let units = [("points", of(500, 20)), ("miles", of(3, 0)), ("status", of(0, 0))];
        let units = units.map(|(unit, of)| (unit.to_owned(), of)).into();
        let account = AccountBody { units };
        let mut compared = Compared::default();
        compared.account("ann", &[balance("points", 500, Some(20))], &account);
        let found: Vec<_> = compared.differences.iter().map(|it| (&*it.unit, it.ledger)).collect();
        assert_eq!(found, [("miles", 3)], "the file has no miles");
        assert_eq!((compared.accounts, compared.amounts), (1, 2));

        let mut compared = Compared::default();
        let balances = [balance("points", 499, Some(21)), balance("miles", 3, None)];
        compared.account("ann", &balances, &account);
        let found: Vec<_> =
            compared.differences.iter().map(|it| (it.what, it.old_system, it.ledger)).collect();
        assert_eq!(found, [("available", 499, 500), ("pending", 21, 20)]);

        let mut compared = Compared::default();
        compared.account("ann", &[balance("points", 0, None)], &AccountBody::default());
        assert_eq!(compared.differences, [], "nothing is as good as no account");
    }
}
