//! Reads what other partitions have for one: the messages after its cursors, by their numbers.
//!
//! The message at each cursor is read again before the next ones. A source whose history is another
//! is seen by that (`docs/decisions/0063-messages-between-partitions.md`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff};
use domain::{Cursor, Event, Letter, MessageNumber, Source, Undelivered};
use event_schema::decode;
use event_store::{EventStore, StoreError, with_causes};
use futures_util::future::join_all;
use log_record::{Partition, RecordedEvent};

use super::neighbours::Neighbours;
use super::recover::delays;
use super::status::StopReason;

/// How many messages of a source are read at a time: as many receipts as a fourth of a batch.
const LETTERS_MAX: usize = 256;

/// After how long all sources are looked at for the first time, where nobody tells of a message.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// After how long it is said that a message waits for what it names.
const EARLY_FOR_LONG: Duration = Duration::from_secs(5);

/// How often at last, where there never is one. Every partition looks at every other: of 32, that
/// is 16 reads a second, and not 1,024.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(64);

/// Why there are no messages.
enum NoLetters {
    Unread(StoreError),
    Stop(StopReason),
}

/// When all sources are looked at though nobody has told of a message: less and less often. The
/// writers of this process tell of each; only those of another would not.
#[derive(Debug)]
struct Looks {
    next: Instant,
    pause: Duration,
}

impl Looks {
    fn from(now: Instant) -> Self {
        Self { next: now + LOOK_AGAIN, pause: LOOK_AGAIN }
    }

    /// Whether it is time; then the next time is later.
    fn is_time(&mut self, now: Instant) -> bool {
        let is_time = self.next <= now;
        if is_time {
            self.pause = LOOK_AGAIN_MAX.min(self.pause * 2);
            self.next = now + self.pause;
        }
        is_time
    }
}

/// The sources whose messages couldn't be read or taken in last, and when each is tried again.
#[derive(Debug, Default)]
pub(super) struct Unread {
    again: BTreeMap<Partition, Again>,
    /// Sources whose next message names what this partition hasn't been told of yet.
    early: BTreeMap<Partition, Early>,
}

#[derive(Debug)]
struct Early {
    since: Instant,
    /// After how long it is read again.
    pauses: ExponentialBackoff,
    is_said: bool,
}

#[derive(Debug)]
struct Again {
    at: Instant,
    delays: ExponentialBackoff,
    /// It could be read, or nobody has said yet that it can't be.
    is_read: bool,
}

impl Unread {
    /// When a source that couldn't be read is tried again.
    fn again_at(&self, from: Partition) -> Option<Instant> {
        self.again.get(&from).map(|again| again.at)
    }

    /// A source's next message names what the partition hasn't heard of yet: the source is read
    /// again once that may have come, less and less often. It is said once that it takes long.
    pub(super) fn put_off(&mut self, to: Partition, from: Partition) {
        let now = Instant::now();
        let early = self.early.entry(from).or_insert_with(|| Early {
            since: now,
            pauses: delays().build(),
            is_said: false,
        });
        if !early.is_said && now.duration_since(early.since) >= EARLY_FOR_LONG {
            early.is_said = true;
            tracing::warn!(
                partition = %to,
                %from,
                "the next message names a ladder, an offer or a unit that this partition hasn't \
                 been told of yet; it waits for that, with all behind it: look at the partition \
                 where that has its home"
            );
        }
        let at = now + early.pauses.next().unwrap_or(LOOK_AGAIN);
        self.again.insert(from, Again { at, delays: delays().build(), is_read: true });
    }

    /// A message of a source was taken in.
    pub(super) fn came(&mut self, from: Partition) {
        self.early.remove(&from);
    }

    /// Notes what reading a source gave. It is said once that it can't be read, and once that it
    /// can.
    fn note(&mut self, to: Partition, from: Partition, error: Option<&StoreError>) {
        let Some(error) = error else {
            if self.again.remove(&from).is_some_and(|again| !again.is_read) {
                tracing::info!(partition = %to, %from, "messages can be read again");
            }
            return;
        };
        let again = self.again.entry(from).or_insert_with(|| Again {
            at: Instant::now(),
            delays: delays().build(),
            is_read: true,
        });
        if std::mem::take(&mut again.is_read) {
            tracing::warn!(
                partition = %to,
                %from,
                error = error as &dyn std::error::Error,
                "messages can't be read yet; those of other partitions are taken in meanwhile"
            );
        }
        again.at = Instant::now() + again.delays.next().unwrap_or(LOOK_AGAIN);
    }
}

/// The next messages for a partition, each source's in their order, once there are any. A source
/// that can't be read at the moment keeps no other's waiting. An error says why there never will
/// be any.
pub(super) async fn pull(
    store: EventStore,
    neighbours: Arc<Neighbours>,
    to: Partition,
    cursors: Vec<Cursor>,
    mut unread: Unread,
) -> Result<(Vec<Letter>, Unread), StopReason> {
    let (mut mail, mut looks) = (neighbours.mail(to), Looks::from(Instant::now()));
    loop {
        mail.mark_unchanged();
        let now = Instant::now();
        let is_for_all = looks.is_time(now);
        let sources = (0..).map(Partition).zip(&cursors);
        let due = sources.filter(|(from, cursor)| match unread.again_at(*from) {
            Some(at) => at <= now,
            None => is_for_all || neighbours.sent(*from, to) > cursor.number,
        });
        let read = due.map(|(from, cursor)| {
            let letters = read_next(&store, from, to, cursor);
            async move { (from, letters.await) }
        });
        let (read, mut letters) = (join_all(read).await, vec![]);
        for (from, read) in read {
            match read {
                Ok(mut of_source) => {
                    unread.note(to, from, None);
                    letters.append(&mut of_source);
                }
                Err(NoLetters::Unread(error)) if error.is_passing() => {
                    unread.note(to, from, Some(&error));
                }
                Err(NoLetters::Unread(error)) => {
                    return Err(StopReason::LogFailed(with_causes(&error).into()));
                }
                Err(NoLetters::Stop(why)) => return Err(why),
            }
        }
        if !letters.is_empty() {
            return Ok((letters, unread));
        }
        let until = unread.again.values().map(|again| again.at).fold(looks.next, Instant::min);
        // Nobody may have told of a message; then it is time to look.
        let _ = tokio::time::timeout_at(until.into(), mail.changed()).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_no_messages_all_sources_are_looked_at_some_sixty_times_an_hour() {
        let begun = Instant::now();
        let (mut looks, mut times) = (Looks::from(begun), vec![]);
        for second in 0..3_600 {
            let now = begun + Duration::from_secs(second);
            if looks.is_time(now) {
                times.push(second);
            }
        }
        assert_eq!(times[..7], [1, 3, 7, 15, 31, 63, 127]);
        assert_eq!(times.len(), 61);
    }

    #[test]
    fn a_source_that_cannot_be_read_is_tried_again_less_and_less_often() {
        let (here, there) = (Partition(0), Partition(1));
        let (mut unread, mut waits) = (Unread::default(), vec![]);
        for _ in 0..4 {
            let begun = Instant::now();
            unread.note(here, there, Some(&StoreError::Closed));
            let again = unread.again_at(there).expect("it is tried again");
            waits.push(again.duration_since(begun));
        }
        assert!(waits[3] > waits[0] * 2, "{waits:?}");
        assert_eq!(unread.again_at(here), None, "another source is read as ever");
        unread.note(here, there, None);
        assert_eq!(unread.again_at(there), None);
    }

    #[test]
    fn a_source_whose_message_is_early_is_read_less_and_less_often_until_it_is_taken_in() {
        let (here, there) = (Partition(0), Partition(1));
        let (mut unread, mut waits) = (Unread::default(), vec![]);
        let mut wait = |unread: &mut Unread| {
            let begun = Instant::now();
            unread.put_off(here, there);
            let again = unread.again_at(there).expect("it is read again");
            unread.note(here, there, None);
            waits.push(again.duration_since(begun));
        };
        for _ in 0..4 {
            wait(&mut unread);
        }
        unread.came(there);
        wait(&mut unread);
        assert!(waits[3] > waits[0] * 2 && waits[4] < waits[3], "{waits:?}");
    }
}
