//! Proofs of events: in the newest signed tree, and only of what was sealed.

use log_record::{Place, Position, RecordedEvent};
use sealer::{Proved, Sealer, Unproved};
use tokio_util::sync::CancellationToken;
use transparency::{Checkpoint, Note, TreeHash, is_included};

use crate::log::{LOG, Log, P0};

fn places(positions: &[u64]) -> Vec<Place> {
    let place = |position: &u64| Place { partition: P0, position: Position(*position) };
    positions.iter().map(place).collect()
}

const fn every(_: &RecordedEvent) -> bool {
    true
}

/// Checks each proof; gives the positions.
fn verified(proved: &Proved) -> Vec<u64> {
    let note: Note = proved.checkpoint.parse().expect("a note");
    let checkpoint = Checkpoint::of(&note).expect("a checkpoint");
    let position = |event: &RecordedEvent| event.place.position.0;
    for it in &proved.events {
        let leaf = TreeHash::of_leaf(&it.event.fixed_record(LOG));
        let index = position(&it.event) - 1;
        assert!(is_included(leaf, index, checkpoint.size, &it.proof, checkpoint.root), "{index}");
    }
    proved.events.iter().map(|it| position(&it.event)).collect()
}

#[tokio::test]
async fn events_are_proved_as_soon_as_they_are_sealed() {
    let log = Log::memory().await;
    log.append(300).await;
    let sealer = Sealer::new(log.store.clone(), log.folder(), None);
    let (prover, stop) = (sealer.prover(), CancellationToken::new());
    let running = tokio::spawn(sealer.run(stop.clone()));
    let wanted = places(&[1, 2, 3, 10, 256, 257, 300]);
    let proved = prover.prove(&wanted, every).await.expect("proved").expect("some");
    assert_eq!(verified(&proved), [1, 2, 3, 10, 256, 257, 300]);
    // What is appended meanwhile is waited for.
    log.append(5).await;
    let proved = prover.prove(&places(&[300, 305]), every).await.expect("proved").expect("some");
    assert_eq!(verified(&proved), [300, 305]);
    let one = |event: &RecordedEvent| event.place.position.0 == 2;
    let proved = prover.prove(&wanted, one).await.expect("proved").expect("some");
    assert_eq!(verified(&proved), [2]);
    let none = prover.prove(&places(&[306]), every).await.expect("read");
    assert!(none.is_none(), "the log ends before");
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test]
async fn what_is_not_sealed_within_a_second_is_named() {
    let log = Log::memory().await;
    log.append(3).await;
    let prover = Sealer::new(log.store.clone(), log.folder(), None).prover();
    let found = prover.prove(&places(&[2, 3]), every).await.expect_err("nobody seals");
    assert!(matches!(found, Unproved::NotSealed { .. }), "{found}");
    let told = "the event at 0:3 isn't sealed yet; 0:0 is the last that is";
    assert_eq!(found.to_string(), told);
}
