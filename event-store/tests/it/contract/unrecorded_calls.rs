//! What every store promises of the calls of which no event tells.

use event_store::EventStore;
use log_record::{UnrecordedCall, UnrecordedCalls};
use uuid::Uuid;

use crate::stores::Fixture;

const ALL: UnrecordedCalls = UnrecordedCalls {
    before: (i64::MAX, Uuid::max()),
    from: i64::MIN,
    key: None,
    account_id: None,
    status: (0, u16::MAX),
    limit: 100,
};

/// Two calls of one number are at the same time.
fn call(number: u16, id: u128) -> UnrecordedCall {
    UnrecordedCall {
        id: Uuid::from_u128(id),
        at: number.into(),
        request_id: Some(format!("r-{number}")),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        key: Some(format!("k-{}", number % 2)),
        role: Some("operator".into()),
        subject: Some("otto@example.org".into()),
        name: Some("Otto Opal".into()),
        reason: Some("a goodwill".into()),
        method: "PUT".into(),
        path: "/v1/accounts/ann/adjustments/a-1".into(),
        account_id: Some(if number < 3 { "ann" } else { "bob" }.into()),
        status: 400 + number,
        code: Some("insufficient-credit".into()),
        detail: Some("Ann has 5 points.".into()),
    }
}

/// Five calls, the oldest first, of which the last two are at the same time; nothing where the
/// store has no table for them.
async fn noted(store: &EventStore) -> Option<Vec<UnrecordedCall>> {
    let calls = vec![call(1, 9), call(2, 8), call(3, 7), call(4, 5), call(4, 6)];
    store.note_calls(vec![calls[3].clone(), calls[0].clone()]).await.expect("noted");
    // The answer of the first try may have been lost.
    store.note_calls(calls.clone()).await.expect("noted");
    #[cfg(feature = "kurrent")]
    if matches!(store, EventStore::Kurrent(_)) {
        assert!(asked(store, ALL).await.is_empty());
        return None;
    }
    Some(calls)
}

async fn asked(store: &EventStore, calls: UnrecordedCalls) -> Vec<UnrecordedCall> {
    store.unrecorded_calls(calls).await.expect("read")
}

pub(super) async fn calls_are_kept_whole_and_once_and_the_newest_comes_first(
    Fixture { store, .. }: Fixture,
) {
    let Some(mut calls) = noted(&store).await else { return };
    calls.reverse();
    assert_eq!(asked(&store, ALL).await, calls);
    let stranger = UnrecordedCall {
        request_id: None,
        traceparent: None,
        key: None,
        role: None,
        subject: None,
        name: None,
        reason: None,
        account_id: None,
        code: None,
        detail: None,
        ..call(5, 1)
    };
    store.note_calls(vec![stranger.clone()]).await.expect("noted");
    let newest = UnrecordedCalls { limit: 1, ..ALL };
    assert_eq!(asked(&store, newest).await, [stranger]);
}

pub(super) async fn calls_are_found_by_time_key_account_and_status(Fixture { store, .. }: Fixture) {
    let Some(calls) = noted(&store).await else { return };
    for (which, found) in [
        (UnrecordedCalls { before: (4, Uuid::from_u128(6)), limit: 2, ..ALL }, &[3, 2][..]),
        (UnrecordedCalls { before: (4, Uuid::nil()), ..ALL }, &[2, 1, 0]),
        (UnrecordedCalls { from: 3, ..ALL }, &[4, 3, 2]),
        (UnrecordedCalls { key: Some("k-1".into()), ..ALL }, &[2, 0]),
        (UnrecordedCalls { key: Some("k-2".into()), ..ALL }, &[]),
        (UnrecordedCalls { account_id: Some("ann".into()), ..ALL }, &[1, 0]),
        (UnrecordedCalls { status: (402, 404), ..ALL }, &[2, 1]),
    ] {
        let expected: Vec<_> = found.iter().map(|index: &usize| calls[*index].clone()).collect();
        assert_eq!(asked(&store, which.clone()).await, expected, "{which:?}");
    }
}

pub(super) async fn calls_are_bounded_by_age_and_number(Fixture { store, .. }: Fixture) {
    let Some(calls) = noted(&store).await else { return };
    store.delete_calls(2, 100).await.expect("deleted");
    assert_eq!(asked(&store, ALL).await.len(), 4, "one was too old");
    store.delete_calls(0, 2).await.expect("deleted");
    assert_eq!(asked(&store, ALL).await, [calls[4].clone(), calls[3].clone()]);
    store.delete_calls(0, 2).await.expect("deleted");
    assert_eq!(asked(&store, ALL).await.len(), 2, "there were no more");
    let done = UnrecordedCall { status: 201, ..call(6, 1) };
    store.note_calls(vec![done.clone()]).await.expect("noted");
    store.note_calls(vec![call(7, 7), call(8, 8)]).await.expect("noted");
    store.delete_calls(0, 1).await.expect("deleted");
    let done_calls = UnrecordedCalls { status: (0, 400), ..ALL };
    assert_eq!(asked(&store, done_calls).await, [done], "refused calls don't push it out");
    assert_eq!(asked(&store, ALL).await.len(), 2);
    let many: Vec<UnrecordedCall> = (100..700).map(|id| call(200, id)).collect();
    store.note_calls(many.clone()).await.expect("noted");
    store.delete_calls(0, 7).await.expect("deleted");
    let newest: Vec<UnrecordedCall> = many.into_iter().rev().take(7).collect();
    assert_eq!(asked(&store, UnrecordedCalls { from: 200, ..ALL }).await, newest);
}

pub(super) async fn what_is_private_in_calls_is_erased_with_their_account(
    Fixture { store, .. }: Fixture,
) {
    let Some(mut calls) = noted(&store).await else { return };
    store.erase_calls("ann").await.expect("erased");
    calls.reverse();
    let is_anns = |call: &&mut UnrecordedCall| call.account_id.as_deref() == Some("ann");
    let mut erased = 0;
    for call in calls.iter_mut().filter(is_anns) {
        (call.subject, call.name, call.reason, call.detail) = (None, None, None, None);
        erased += 1;
    }
    assert_eq!((erased, asked(&store, ALL).await), (2, calls));
}
