//! What accounts have by the writer's own state, beside what the projector makes of the same log: two
//! programs, one by which credit is spent, and one by which it is shown.

use std::collections::HashSet;

use anyhow::Context as _;
use command_api::load;
use domain::{AccountId, State, UnitId, Wallet};
use event_store::EventStore;
use projector::{Balance, Folded};

use super::difference::FileDifferences;

const NAMES: [&str; 4] = ["available", "held", "pending", "owed"];

/// Compares the states as of the same events as the tables with what these say of each account.
pub(super) async fn compare(
    store: &EventStore,
    folded: &mut Folded,
) -> anyhow::Result<FileDifferences> {
    let mut states = vec![];
    for end in &folded.found.at {
        let loaded = load(store, end.partition, None, end.position).await;
        states.push(loaded.context("the log can't be replayed")?.state);
    }
    let mut found = FileDifferences { file: "state".into(), ..FileDifferences::default() };
    let mut seen = HashSet::new();
    let each = |balance: Balance| compare_balance(&states, &balance, &mut seen, &mut found);
    folded.each_balance(each).await?;
    // What the tables don't have at all.
    for state in &states {
        for (account_id, account) in state.accounts() {
            for (number, wallet) in account.wallets() {
                let Some(unit) = state.unit_id(number) else { continue };
                let amounts = amounts(wallet);
                let is_shown = seen.contains(&(account_id.clone(), unit));
                if !is_shown && amounts.iter().any(|amount| *amount != 0) {
                    let both = [Some("no balance".to_owned()), Some(shown(amounts))];
                    found.add("state-differs", (format!("{account_id}, {unit}"), None), None, both);
                }
            }
        }
    }
    Ok(found)
}

fn compare_balance(
    states: &[State],
    balance: &Balance,
    seen: &mut HashSet<(AccountId, UnitId)>,
    found: &mut FileDifferences,
) {
    let Balance { account_id, unit, amounts: of_tables } = balance;
    let row = || (format!("{account_id}, {unit}"), None);
    let (Ok(account_id), Ok(unit)) = (account_id.parse::<AccountId>(), unit.parse::<UnitId>())
    else {
        return found.add("state-differs", row(), None, [Some(shown(*of_tables)), None]);
    };
    let of_state = states.iter().find_map(|state| {
        let account = state.account(&account_id)?;
        Some(state.unit_number(unit).map_or([0; 4], |number| amounts(account.wallet(number))))
    });
    match of_state {
        Some(of_state) => {
            let all = NAMES.into_iter().zip(of_tables.iter().zip(of_state));
            for (name, (of_table, of_state)) in all.filter(|(_, (table, state))| *table != state) {
                let both = [Some(of_table.to_string()), Some(of_state.to_string())];
                found.add("state-differs", row(), Some(name), both);
            }
        }
        None => found.add("state-differs", row(), None, [Some(shown(*of_tables)), None]),
    }
    seen.insert((account_id, unit));
}

fn amounts(wallet: &Wallet) -> [i64; 4] {
    [wallet.available(), wallet.held(), wallet.pending(), wallet.owed()]
        .map(|points| i64::try_from(points.get()).unwrap_or(i64::MAX))
}

fn shown(amounts: [i64; 4]) -> String {
    let amounts = NAMES.iter().zip(amounts).map(|(name, amount)| format!("{amount} {name}"));
    amounts.collect::<Vec<_>>().join(", ")
}
