//! Every store keeps what is marked beside the log.

use event_store::{MarkChange, MarkRow};

use super::Fixture;

fn mark(kind: &str, id: &str, marked_at: i64, ends_at: i64) -> MarkRow {
    let key = (kind == "account").then(|| "k-7f3a9c21".to_owned());
    MarkRow { kind: kind.into(), id: id.into(), key, marked_at, ends_at }
}

pub(super) async fn a_mark_is_set_moved_and_removed(Fixture { store, .. }: Fixture) {
    let set = async |mark: &MarkRow| {
        store.change_mark(MarkChange::Set(mark.clone())).await.expect("changed");
        store.marks().await.expect("read")
    };
    assert!(store.marks().await.expect("read").is_empty());
    let (ann, x_1) = (mark("account", "ann", 10, 100), mark("request", "x-1", 20, 200));
    assert_eq!(set(&ann).await, [ann.clone()]);
    assert_eq!(set(&x_1).await, [x_1.clone(), ann.clone()], "the latest comes first");
    let later = mark("account", "ann", 30, 300);
    assert_eq!(set(&later).await, [later.clone(), x_1.clone()], "there is one for each id");
    let other_kind = mark("request", "ann", 40, 400);
    assert_eq!(set(&other_kind).await, [other_kind.clone(), later.clone(), x_1.clone()]);
    let gone = MarkChange::Remove { kind: "request".into(), id: "ann".into() };
    for _ in 0..2 {
        store.change_mark(gone.clone()).await.expect("it may be gone already");
        assert_eq!(store.marks().await.expect("read"), [later.clone(), x_1.clone()]);
    }
}

pub(super) async fn marks_that_have_ended_go_when_another_is_set(Fixture { store, .. }: Fixture) {
    let (ended, lasts) = (mark("account", "ann", 10, 100), mark("account", "bob", 20, 101));
    let next = mark("request", "x-1", 100, 200);
    for mark in [&ended, &lasts, &next] {
        store.change_mark(MarkChange::Set(mark.clone())).await.expect("changed");
    }
    assert_eq!(store.marks().await.expect("read"), [next, lasts]);
}
