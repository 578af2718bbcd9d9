//! Reads what other partitions have for one: the messages after its cursors, by their numbers.
//!
//! The message at each cursor is read again before the next ones. A source whose history is another
//! is seen by that (`docs/decisions/0063-messages-between-partitions.md`).

use std::sync::Arc;
use std::time::Duration;

use backon::BackoffBuilder as _;
use domain::{Cursor, Event, Letter, MessageNumber, Source, Undelivered};
use event_schema::decode;
use event_store::{EventStore, StoreError, with_causes};
use futures_util::future::try_join_all;
use log_record::{Partition, RecordedEvent};

use super::neighbours::Neighbours;
use super::recover::delays;
use super::status::StopReason;

/// How many messages of a source are read at a time: as many receipts as a fourth of a batch.
const LETTERS_MAX: usize = 256;

/// How often all sources are looked at, where nobody tells of a message.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Why there are no messages.
enum NoLetters {
    Unread(StoreError),
    Stop(StopReason),
}

/// The next messages for a partition, each source's in their order, once there are any. An error
/// says why there never will be.
pub(super) async fn pull(
    store: EventStore,
    neighbours: Arc<Neighbours>,
    to: Partition,
    cursors: Vec<Cursor>,
) -> Result<Vec<Letter>, StopReason> {
    let (mut mail, mut delays) = (neighbours.mail(to), delays().build());
    let mut is_for_all = false;
    loop {
        mail.mark_unchanged();
        let sources = (0..).map(Partition).zip(&cursors);
        let told = sources
            .filter(|(from, cursor)| is_for_all || neighbours.sent(*from, to) > cursor.number);
        let read = told.map(|(from, cursor)| read_next(&store, from, to, cursor));
        match try_join_all(read).await {
            Ok(letters) => {
                let letters: Vec<Letter> = letters.into_iter().flatten().collect();
                if !letters.is_empty() {
                    return Ok(letters);
                }
                is_for_all = tokio::time::timeout(LOOK_AGAIN, mail.changed()).await.is_err();
            }
            Err(NoLetters::Unread(error)) if error.is_passing() => {
                tracing::warn!(
                    partition = %to,
                    error = &error as &dyn std::error::Error,
                    "messages can't be read yet"
                );
                tokio::time::sleep(delays.next().unwrap_or_default()).await;
            }
            Err(NoLetters::Unread(error)) => {
                return Err(StopReason::LogFailed(with_causes(&error).into()));
            }
            Err(NoLetters::Stop(why)) => return Err(why),
        }
    }
}

/// What a source has after the cursor; with the message at the cursor, if that is another now.
async fn read_next(
    store: &EventStore,
    from: Partition,
    to: Partition,
    cursor: &Cursor,
) -> Result<Vec<Letter>, NoLetters> {
    let known = cursor.number;
    let rows = store.read_messages(from, to, known.0.max(1), LETTERS_MAX);
    let rows = rows.await.map_err(NoLetters::Unread)?;
    if known > MessageNumber::START && rows.is_empty() {
        let number = known.0;
        let why = Undelivered::Forked { from, number };
        return Err(NoLetters::Stop(StopReason::Undelivered { partition: to, why }));
    }
    let letters = rows.iter().map(letter).collect::<Result<Vec<_>, _>>();
    let mut letters = letters.map_err(NoLetters::Stop)?;
    let is_known = |Source { number, position, checksum, .. }: Source| {
        Cursor { number, position, checksum: checksum.0 } == *cursor
    };
    if letters.first().is_some_and(|letter| is_known(letter.source)) {
        letters.remove(0);
    }
    Ok(letters)
}

fn letter(row: &RecordedEvent) -> Result<Letter, StopReason> {
    let unusable = |why: String| StopReason::LogFailed(why.into());
    let (sent_at, event) = decode(row).map_err(|error| unusable(with_causes(&error)))?;
    let Event::MessageSent(fact) = event else {
        let place = row.place;
        return Err(unusable(format!("the log is damaged: the event at {place} is no message")));
    };
    let source = Source {
        partition: row.place.partition,
        number: fact.number,
        position: row.place.position,
        checksum: row.checksum,
        sent_at,
    };
    Ok(Letter { source, to: fact.to, message: fact.message })
}
