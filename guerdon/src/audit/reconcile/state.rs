//! What accounts have by the writer's own state, beside what the projector makes of the same log:
//! two programs, one by which credit is spent, and one by which it is shown.

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

#[cfg(test)]
mod tests {
    use domain::{Cause, CauseKind, Clock, CreditEarned, Event, LogOpened, Points, Timestamp};
    use log_record::{Partition, Position};

    use super::*;

    fn state() -> State {
        let mut state = State::new(Partition(0));
        let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
        let cause = Cause { kind: CauseKind::Purchase, id: "B-1".parse().expect("an id") };
        let points = Points::new(500).expect("an amount");
        let earned = CreditEarned::new(UnitId::POINTS, points, cause);
        let events =
            [Event::LogOpened(opened), Event::CreditEarned("ann".parse().expect("an id"), earned)];
        for (position, event) in (1..).zip(&events) {
            let at = Timestamp::from_micros(1).expect("a time");
            state.evolve(Position(position), at, event).expect("it can follow");
        }
        state
    }

    #[test]
    fn what_the_tables_say_and_the_state_does_not_is_named_by_account_and_amount() {
        let (states, mut seen) = ([state()], HashSet::new());
        let mut found = FileDifferences::default();
        let mut told = |account_id: &str, unit: &str, amounts| {
            let (account_id, unit) = (account_id.to_owned(), unit.to_owned());
            compare_balance(&states, &Balance { account_id, unit, amounts }, &mut seen, &mut found);
        };
        told("ann", "points", [500, 0, 0, 0]);
        told("ann", "miles", [0; 4]);
        told("ann", "points", [505, 0, 0, 2]);
        told("zoe", "points", [0; 4]);
        let named: Vec<(&str, Option<&str>, Option<&str>)> = found
            .named
            .iter()
            .map(|it| (it.row.as_str(), it.log.as_deref(), it.there.as_deref()))
            .collect();
        assert_eq!(
            named,
            [
                ("ann, points", Some("505"), Some("500")),
                ("ann, points", Some("2"), Some("0")),
                ("zoe, points", Some("0 available, 0 held, 0 pending, 0 owed"), None),
            ]
        );
    }
}
