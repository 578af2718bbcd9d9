//! What every store promises of erasures.

use log_record::{NewEvent, Place, Position, Private, RecordedEvent};

use super::writer::{event, writer};
use super::{P0, P1, another, read_all};
use crate::stores::Fixture;

fn event_of(account_id: &str, name: &str) -> NewEvent {
    NewEvent { account_id: Some(account_id.into()), ..event(name) }
}

fn erasure(account_id: &str, until: u64) -> NewEvent {
    let public = format!(r#"{{"erasure_id":"e-{until}","until":{until},"reason":"a letter"}}"#);
    let event_type = RecordedEvent::ERASURE;
    NewEvent { event_type, public: public.into(), ..event_of(account_id, "erased") }
}

/// The positions that have their texts.
fn with_text(events: &[RecordedEvent]) -> Vec<u64> {
    let has_text = |event: &&RecordedEvent| matches!(event.private, Private::Text(_));
    events.iter().filter(has_text).map(|event| event.position().0).collect()
}

pub(super) async fn texts_of_an_account_are_erased_up_to_a_position_and_no_checksum_changes(
    Fixture { store, .. }: Fixture,
) {
    let first = writer(&store, P0, 1).await;
    let mut events = vec![event_of("ann", "a"), event_of("bob", "b"), event_of("ann", "c")];
    events.push(NewEvent { account_id: None, ..event("programme") });
    events.extend([erasure("ann", 2), event_of("ann", "later"), erasure("ann", 3)]);
    first.append_events(&store, events).await.expect("appended");
    if let Some(other) = another(&store) {
        let second = writer(&store, other, 1).await;
        second.append_events(&store, vec![event_of("ann", "elsewhere")]).await.expect("appended");
    }
    let before = read_all(&store, P0).await;
    store.note_erasures().await.expect("noted");
    store.note_erasures().await.expect("noted once");
    let mut erasures = store.unfinished_erasures().await.expect("read");
    if !store.can_erase() {
        assert!(erasures.is_empty());
        return;
    }
    let untils: Vec<Position> = erasures.iter().map(|erasure| erasure.until).collect();
    assert_eq!(untils, [Position(2), Position(3)]);

    store.erase_texts(&erasures[..1]).await.expect("erased");
    assert_eq!(with_text(&read_all(&store, P0).await), [2, 3, 4, 5, 6, 7]);
    store.erase_texts(&erasures).await.expect("erased");
    store.erase_texts(&erasures).await.expect("erased again");
    let after = read_all(&store, P0).await;
    assert_eq!(with_text(&after), [2, 4, 5, 6, 7], "an erasure's own text stays");
    for (before, after) in before.iter().zip(&after) {
        assert!(after.is_intact(store.log_id()));
        let fixed = [before, after].map(|event| event.fixed_record(store.log_id()));
        assert_eq!(fixed[0], fixed[1]);
    }
    assert_eq!(with_text(&read_all(&store, P1).await), [1], "another partition's");

    let last = store.last_erasure("ann").await.expect("read").expect("there");
    assert_eq!(last, erasures[1]);
    assert_eq!(store.last_erasure("bob").await.expect("read"), None);
    erasures[1].log_at = Some(5);
    erasures[1].ranges = vec![3, 7];
    store.save_erasure(&erasures[1]).await.expect("saved");
    erasures[0].done_at = Some(9);
    store.save_erasure(&erasures[0]).await.expect("saved");
    assert_eq!(store.unfinished_erasures().await.expect("read"), erasures[1..]);
    store.note_erasures().await.expect("noted");
    assert_eq!(store.unfinished_erasures().await.expect("read"), erasures[1..]);
    erasures[1].ranges = vec![];
    store.rewrite_beside().await.expect("written anew");
    store.rewrite_erased(&mut erasures).await.expect("written anew");
    assert_eq!(read_all(&store, P0).await, after);

    // Texts of nobody's events that are an account's, too, in whatever partition.
    let place = |partition, position| Place { partition, position: Position(position) };
    erasures[0].also = vec![place(P0, 4), place(P1, 1)];
    for _ in 0..2 {
        store.erase_texts(&erasures).await.expect("erased");
    }
    assert_eq!(with_text(&read_all(&store, P0).await), [2, 5, 6, 7]);
    assert_eq!(with_text(&read_all(&store, P1).await), [] as [u64; 0]);
}
