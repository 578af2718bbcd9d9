//! What every store promises of a read of which only what is made of the events is kept.

use log_record::{EventRef, NewEvent, Position};

use super::writer::{event, writer};
use super::{P0, read_all};
use crate::stores::Fixture;

pub(super) async fn what_is_made_where_events_are_read_is_what_they_say(
    Fixture { store, .. }: Fixture,
) {
    let writer = writer(&store, P0, 1).await;
    let mut events: Vec<NewEvent> = ["a", "b", "c", "d", "e"].map(event).into();
    events[1].account_id = Some("ann".into());
    writer.append_events(&store, events).await.expect("appended");
    let read = read_all(&store, P0).await;
    let whole = |row: &EventRef<'_>| {
        let texts = (row.event_type.to_owned(), row.account_id.map(str::to_owned));
        let bytes = (row.public.to_owned(), row.private.hash(), row.checksum);
        let numbers = (row.place, row.generation, row.version, row.recorded_at);
        Some(Ok::<_, ()>((texts, bytes, numbers)))
    };
    let made = store.read_public(P0, Position::START, 9, whole).await.expect("read");
    let expected: Vec<_> = read.iter().filter_map(|row| whole(&row.into())?.ok()).collect();
    assert_eq!(made, Ok(expected));

    let odd = |row: &EventRef<'_>| {
        let position = row.place.position.0;
        (position % 2 == 1).then_some(if position < 5 { Ok(position) } else { Err("five") })
    };
    assert_eq!(store.read_public(P0, Position(1), 3, odd).await.expect("read"), Ok(vec![3]));
    assert_eq!(store.read_public(P0, Position::START, 9, odd).await.expect("read"), Err("five"));
    assert_eq!(store.read_public(P0, Position(5), 9, odd).await.expect("read"), Ok(vec![]));
}
