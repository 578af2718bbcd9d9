//! What was answered in a random life is answered for its moment later.

use domain::Event;
use serde_json::Value;
use testing::ledger::time;

use super::{OFFERS, PEOPLE, World};
use crate::asks::Reads;
use crate::past::{answer, at};

/// How many moments of a life are kept: their answers are asked for twice.
const MOMENTS: usize = 2;

/// An answer, and the paths that must give it later.
pub(super) struct Kept {
    paths: Vec<String>,
    answer: (u16, Value),
}

/// Whether what is answered after this batch is kept.
pub(super) fn is_kept(batch: usize, batches: usize) -> bool {
    batch.is_multiple_of((batches / MOMENTS).max(1))
}

/// Keeps what is answered now, after so many events.
pub(super) async fn keep(reads: &Reads, world: &World, recorded: usize, kept: &mut Vec<Kept>) {
    let mut paths: Vec<String> = OFFERS.map(|(offer, _)| format!("/v1/offers/{offer}")).into();
    for name in PEOPLE {
        paths.push(format!("/v1/accounts/{name}"));
        paths.push(format!("/v1/accounts/{name}/entries?limit=500"));
    }
    paths.extend(world.events.iter().filter_map(|(_, event)| match event {
        Event::ExchangeCreated(account, fact) => {
            Some(format!("/v1/accounts/{account}/exchanges/{}", fact.exchange_id))
        }
        _ => None,
    }));
    let second_of = |index: usize| world.events.get(index).map(|(second, _)| *second);
    let second = recorded.checked_sub(1).and_then(second_of);
    for path in paths {
        let answer = answer(reads, &path).await;
        let mut paths = vec![at(&path, &format!("0:{recorded}"))];
        // Where a moment is cut through, its time includes more.
        if let Some(second) = second.filter(|second| second_of(recorded) > Some(*second)) {
            paths.push(at(&path, &time(second).to_string()));
        }
        kept.push(Kept { paths, answer });
    }
}

/// Every answer that was kept is given for its moment.
pub(super) async fn compare(reads: &Reads, kept: Vec<Kept>) {
    for Kept { paths, answer: then } in kept {
        for path in paths {
            assert_eq!(answer(reads, &path).await, then, "{path}");
        }
    }
}
