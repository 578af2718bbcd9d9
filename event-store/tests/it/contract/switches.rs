//! Every store keeps how switches are turned beside the log.

use event_store::{SwitchChange, SwitchTurnRow};
use tokio::task::JoinSet;

use super::Fixture;

fn turn(switch: &str, version: i64, on: bool) -> SwitchTurnRow {
    SwitchTurnRow {
        switch: switch.into(),
        version,
        setting: format!("{{\"on\":{on}}}"),
        caller: Some(r#"{"role":"operator","name":"Zoë"}"#.into()),
        turned_at: 1_000 + version,
    }
}

fn recorded(turn: &SwitchTurnRow) -> SwitchTurnRow {
    SwitchTurnRow { caller: None, ..turn.clone() }
}

pub(super) async fn a_switch_is_turned_version_by_version(Fixture { store, .. }: Fixture) {
    let turns = async || store.switch_turns().await.expect("read");
    let counts = async |change| store.change_switch(change).await.expect("changed");
    let note = async |turn: &SwitchTurnRow| {
        let (switch, version) = (turn.switch.clone(), turn.version);
        assert!(counts(SwitchChange::Recorded { switch, version }).await);
    };
    assert!(turns().await.is_empty());
    let (first, second) = (turn("read-only", 1, true), turn("read-only", 2, false));
    let other = turn("pause-publishing", 1, true);
    for (turn, is_counted) in
        [(&first, true), (&first, false), (&other, true), (&second, true), (&first, false)]
    {
        assert_eq!(counts(SwitchChange::Turn(turn.clone())).await, is_counted, "{turn:?}");
    }
    assert_eq!(turns().await, [other.clone(), first.clone(), second.clone()]);
    // What is recorded and replaced goes; what isn't recorded yet stays, whatever comes after it.
    note(&second).await;
    assert_eq!(turns().await, [other.clone(), first.clone(), recorded(&second)]);
    for _ in 0..2 {
        note(&first).await;
        assert_eq!(turns().await, [other.clone(), recorded(&second)]);
    }
    let third = turn("read-only", 3, true);
    assert!(counts(SwitchChange::Turn(third.clone())).await);
    note(&third).await;
    note(&other).await;
    assert_eq!(turns().await, [recorded(&other), recorded(&third)]);
}

pub(super) async fn of_turns_at_once_one_counts(Fixture { store, .. }: Fixture) {
    let mut asked = JoinSet::new();
    for number in 0..4 {
        let turn = SwitchTurnRow { turned_at: number, ..turn("read-only", 1, true) };
        let store = store.clone();
        asked.spawn(async move { store.change_switch(SwitchChange::Turn(turn)).await });
    }
    let counted = asked.join_all().await.into_iter().map(|turned| turned.expect("changed"));
    assert_eq!(counted.filter(|counts| *counts).count(), 1);
    assert_eq!(store.switch_turns().await.expect("read").len(), 1);
}
