//! The events at some places of the log.

use event_store::{EventStore, StoreError};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use log_record::{PackedPlace, Position, RecordedEvent};

/// Places with no more between them than this are read at once: to ask a database once more takes
/// longer than to pass over so many events.
const NEAR: i64 = 16;

/// How many events one read may span.
const SPAN_MAX: i64 = 1_024;

/// How many reads are under way at the same time: as many as a log's readers have connections.
const READS_AT_ONCE: usize = 4;

/// The events at these places, which are in the order of the log.
pub(crate) async fn read_places(
    store: &EventStore,
    places: &[i64],
) -> Result<Vec<RecordedEvent>, StoreError> {
    let read: Vec<Vec<RecordedEvent>> = stream::iter(runs(places))
        .map(|run| read_run(store.clone(), run))
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

/// Places that are read at once.
fn runs(places: &[i64]) -> Vec<Vec<i64>> {
    let mut runs: Vec<Vec<i64>> = vec![];
    for place in places {
        match runs.last_mut() {
            Some(run)
                if run.last().is_some_and(|last| place - last <= NEAR)
                    && run.first().is_some_and(|first| place - first < SPAN_MAX) =>
            {
                run.push(*place);
            }
            _ => runs.push(vec![*place]),
        }
    }
    runs
}

async fn read_run(store: EventStore, run: Vec<i64>) -> Result<Vec<RecordedEvent>, StoreError> {
    let [first, last] = [run.first(), run.last()].map(|place| place.copied().unwrap_or_default());
    let begin = PackedPlace::from_i64(first);
    if first == last {
        return Ok(vec![store.read_one(begin.into()).await?]);
    }
    let after = Position(begin.position().0.saturating_sub(1));
    let span = usize::try_from(last - first + 1).unwrap_or_default();
    let mut events = store.read(begin.partition(), after, span).await?;
    events.retain(|event| run.binary_search(&PackedPlace::from(event.place).as_i64()).is_ok());
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_are_near_each_other_are_read_at_once() {
        assert_eq!(runs(&[]), Vec::<Vec<i64>>::new());
        assert_eq!(runs(&[1, 2, 18, 35, 40]), [vec![1, 2, 18], vec![35, 40]]);
        let all: Vec<i64> = (1..=2_000).collect();
        let lengths: Vec<usize> = runs(&all).iter().map(Vec::len).collect();
        assert_eq!(lengths, [1_024, 976]);
    }
}
