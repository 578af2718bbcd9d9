//! Chooses where each partition of an inbound topic is read from: when the group gives it to this
//! consumer, and when its next offset isn't there any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use log_record::Generation;
use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset as RdOffset, TopicPartitionList};
use tokio::sync::mpsc::WeakSender;

use super::consumer::Received;
use super::reading::Reading;
use super::starting_point::{PartitionFacts, StartingPoint};
use super::topic_partition::TopicPartition;
use crate::clock::UnixMillis;

/// How long the brokers may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The same for what isn't needed at once.
const CHECK_MAX: Duration = Duration::from_secs(1);

/// How long it is tried to find where to begin, and the pause between two tries.
const TRY_MAX: Duration = Duration::from_secs(60);
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What to read, and what is known of earlier reading.
#[derive(Clone, Debug)]
pub(crate) struct ReadConfig {
    pub(crate) group: String,
    pub(crate) topic: String,
    /// The log's present generation. What was read in an earlier one is read again.
    pub(crate) generation: Generation,
    /// What is read again begins at this time at the earliest.
    pub(crate) reread_from: Option<UnixMillis>,
    pub(crate) remembered: BTreeMap<TopicPartition, Remembered>,
    pub(crate) reading: Arc<Reading>,
}

/// How far a partition was read, and in which generation of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) next: i64,
    pub(crate) generation: Generation,
}

/// A partition of which reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) partition: TopicPartition,
    pub(crate) from: i64,
    pub(crate) generation: Generation,
}

/// The consumer's context.
pub(super) struct Reader {
    config: ReadConfig,
    /// The thread that receives has the sender: when that ends, the channel does.
    to: WeakSender<Received>,
    is_ended: Arc<AtomicBool>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The partitions that are being read.
    positions: BTreeMap<TopicPartition, Remembered>,
    remembered: BTreeMap<TopicPartition, Remembered>,
    /// Messages before these offsets are read again.
    again_to: BTreeMap<TopicPartition, i64>,
    /// The first messages of those that are being read, when they were last asked for.
    firsts: BTreeMap<TopicPartition, i64>,
    /// It couldn't be found out where to begin.
    has_failed: bool,
}

/// A partition, and where it begins.
#[derive(Clone, Copy, Debug)]
struct Start {
    partition: TopicPartition,
    /// The first message that is kept.
    first: i64,
    point: StartingPoint,
    /// The group is ahead of it.
    is_back: bool,
}

impl Reader {
    pub(super) fn new(
        config: ReadConfig,
        to: WeakSender<Received>,
        is_ended: Arc<AtomicBool>,
    ) -> Self {
        let known = Known { remembered: config.remembered.clone(), ..Known::default() };
        Self { config, to, is_ended, known: Mutex::new(known) }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.known.lock().has_failed
    }

    /// A partition was read to its end.
    pub(super) fn note_end(&self, partition: TopicPartition) {
        let (topic, reading) = (&self.config.topic, &self.config.reading);
        reading.allow();
        if self.known.lock().again_to.remove(&partition).is_some() {
            reading.end_again(topic, partition);
        }
    }

    /// Nothing can be read, or not yet.
    pub(super) fn note_error(&self, error: &KafkaError) {
        let why = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                "the ledger's user is not authorized to read this topic; allow it to"
            }
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                "the ledger's user is not authorized to use the consumer group; allow it to read \
                 the group"
            }
            _ => return,
        };
        self.config.reading.refuse(why);
    }

    /// A message came.
    pub(super) fn note(&self, partition: TopicPartition, offset: i64) {
        self.config.reading.allow();
        let mut known = self.known.lock();
        let Some(position) = known.positions.get_mut(&partition) else { return };
        position.next = offset + 1;
        let Some(again_to) = known.again_to.get(&partition).copied() else { return };
        let left = again_to.saturating_sub(offset + 1);
        if left <= 0 {
            known.again_to.remove(&partition);
        }
        drop(known);
        let (topic, reading) = (&self.config.topic, &self.config.reading);
        if offset < again_to {
            reading.read_again(topic, partition, left.unsigned_abs());
        } else {
            reading.end_again(topic, partition);
        }
    }

    /// Begins again where the next offset of a partition isn't there any more.
    pub(super) fn recover(&self, consumer: &BaseConsumer<Self>) {
        self.go_on_but(consumer, &BTreeSet::new());
    }

    /// Begins again where a topic has a first message that it had deleted before: it was created
    /// again, and may have grown so long that the next offset is there.
    pub(super) fn check_firsts(&self, consumer: &BaseConsumer<Self>) {
        let firsts = self.known.lock().firsts.clone();
        let mut anew = BTreeSet::new();
        for (partition, before) in firsts {
            let asked = consumer.fetch_watermarks(&self.config.topic, partition.0, CHECK_MAX);
            // One that can't be asked now is asked later.
            let Ok((first, _)) = asked else { return };
            // A copy that becomes the leader may have deleted a little less than the one before.
            if first == 0 && before > 0 {
                anew.insert(partition);
            } else {
                self.known.lock().firsts.insert(partition, first);
            }
        }
        if !anew.is_empty() {
            self.go_on_but(consumer, &anew);
        }
    }

    /// Goes on with all partitions, but begins again with those that were created again.
    fn go_on_but(&self, consumer: &BaseConsumer<Self>, anew: &BTreeSet<TopicPartition>) {
        let positions = self.known.lock().positions.clone();
        let partitions: Vec<TopicPartition> = positions.keys().copied().collect();
        self.begin(consumer, &partitions, |partition, facts| {
            let next = positions.get(&partition).map(|position| position.next);
            let is_anew = anew.contains(&partition);
            let committed = if is_anew { Some(i64::MAX) } else { next };
            PartitionFacts { committed, remembered: None, again_from: None, ..facts }
        });
    }

    /// Begins where the group, what is remembered, and the log's generation say.
    fn begin_assigned(&self, consumer: &BaseConsumer<Self>, partitions: &[TopicPartition]) {
        let remembered = self.known.lock().remembered.clone();
        self.begin(consumer, partitions, |partition, mut facts| {
            let known = remembered.get(&partition);
            facts.remembered = known.map(|known| known.next);
            // Where nothing is remembered, the publisher's state is lost, and the log perhaps
            // restored, too.
            if known.is_some_and(|known| known.generation == self.config.generation) {
                facts.again_from = None;
            }
            facts
        });
    }

    fn begin(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &[TopicPartition],
        adapt: impl Fn(TopicPartition, PartitionFacts) -> PartitionFacts,
    ) {
        let begun = Instant::now();
        loop {
            match self.try_to_begin(consumer, partitions, &adapt) {
                Ok(()) => return,
                Err(_) if self.is_ended.load(Ordering::Relaxed) => return,
                Err(error) if begun.elapsed() > TRY_MAX => {
                    let topic = &self.config.topic;
                    tracing::warn!(%error, topic, "can't find out where to begin reading");
                    self.known.lock().has_failed = true;
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, "can't find out yet where to begin reading");
                    std::thread::sleep(TRY_AGAIN_AFTER);
                }
            }
        }
    }

    fn try_to_begin(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &[TopicPartition],
        adapt: impl Fn(TopicPartition, PartitionFacts) -> PartitionFacts,
    ) -> KafkaResult<()> {
        let topic = &self.config.topic;
        let committed = consumer.committed_offsets(self.list(partitions, |_| None)?, ANSWER_MAX)?;
        let at_time = self.offsets_at_time(consumer, partitions)?;
        let mut starts = vec![];
        for partition in partitions.iter().copied() {
            let (first, end) = consumer.fetch_watermarks(topic, partition.0, ANSWER_MAX)?;
            let committed = offset_in(&committed, topic, partition);
            let again_from = match &at_time {
                None => Some(first),
                // No message is as late.
                Some(at_time) => offset_in(at_time, topic, partition).or(Some(end)),
            };
            let facts = PartitionFacts { first, end, committed, remembered: None, again_from };
            let point = adapt(partition, facts).starting_point();
            let is_back = committed.is_some_and(|committed| committed > point.from);
            starts.push(Start { partition, first, point, is_back });
        }
        let is_committed = self.set_back(consumer, &starts);
        consumer.assign(&self.list(partitions, |partition| {
            starts.iter().find(|start| start.partition == partition).map(|start| start.point.from)
        })?)?;
        self.have_begun(&starts, is_committed);
        Ok(())
    }

    /// Sets the group's offsets back at once: a process that ended before it did would otherwise
    /// skip what it wanted to read.
    fn set_back(&self, consumer: &BaseConsumer<Self>, starts: &[Start]) -> bool {
        let back: Vec<TopicPartition> =
            starts.iter().filter(|start| start.is_back).map(|start| start.partition).collect();
        let from = |partition| {
            starts.iter().find(|start| start.partition == partition).map(|start| start.point.from)
        };
        if back.is_empty() {
            return true;
        }
        let committed =
            self.list(&back, from).and_then(|back| consumer.commit(&back, CommitMode::Sync));
        if let Err(error) = &committed {
            tracing::warn!(%error, topic = self.config.topic, "the group can't be set back yet");
        }
        committed.is_ok()
    }

    fn have_begun(&self, starts: &[Start], is_committed: bool) {
        let mut beginnings = vec![];
        for Start { partition, first, mut point, .. } in starts.iter().copied() {
            let mut known = self.known.lock();
            known.firsts.insert(partition, first);
            let before = known.positions.get(&partition).map(|position| position.next);
            // It goes on, beside another that begins again.
            if before == Some(point.from) && point.lost.is_none() {
                continue;
            }
            // Without the commit, the next start reads again, too.
            let remembered = known.remembered.get(&partition).map(|known| known.generation);
            let before = remembered.unwrap_or(Generation(0));
            let generation = if is_committed { self.config.generation } else { before };
            if point.lost.is_none() {
                let again_to = known.again_to.get(&partition).copied().unwrap_or_default();
                point.again_to = point.again_to.max(again_to);
            }
            known.again_to.remove(&partition);
            if point.again_to > point.from {
                known.again_to.insert(partition, point.again_to);
            }
            let position = Remembered { next: point.from, generation };
            known.positions.insert(partition, position);
            known.remembered.insert(partition, position);
            drop(known);
            self.config.reading.begin(&self.config.topic, partition, point);
            beginnings.push(Beginning { partition, from: point.from, generation });
        }
        // Where nobody receives any more, nothing begins.
        if let Some(to) = self.to.upgrade() {
            drop(to.blocking_send(Received::Begun(beginnings)));
        }
    }

    /// The first offsets of the time from which is read again, if one is given.
    fn offsets_at_time(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &[TopicPartition],
    ) -> KafkaResult<Option<TopicPartitionList>> {
        let Some(time) = self.config.reread_from else { return Ok(None) };
        let asked = self.list(partitions, |_| Some(time.0))?;
        consumer.offsets_for_times(asked, ANSWER_MAX).map(Some)
    }

    fn list(
        &self,
        partitions: &[TopicPartition],
        offset: impl Fn(TopicPartition) -> Option<i64>,
    ) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions.iter().copied() {
            let at = offset(partition).map_or(RdOffset::Invalid, RdOffset::Offset);
            list.add_partition_offset(&self.config.topic, partition.0, at)?;
        }
        Ok(list)
    }

    fn revoked(&self) {
        let Known { firsts, positions, remembered, .. } = &mut *self.known.lock();
        firsts.clear();
        remembered.append(positions);
    }
}

fn offset_in(list: &TopicPartitionList, topic: &str, partition: TopicPartition) -> Option<i64> {
    match list.find_partition(topic, partition.0)?.offset() {
        RdOffset::Offset(offset) => Some(offset),
        _ => None,
    }
}

/// Logs librdkafka's complaints at debug level only, as `Quiet` does.
impl ClientContext for Reader {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka reports an error");
    }
}

impl ConsumerContext for Reader {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let elements = partitions.elements();
            let partitions: Vec<TopicPartition> =
                elements.iter().map(|element| TopicPartition(element.partition())).collect();
            self.begin_assigned(consumer, &partitions);
            return;
        }
        self.revoked();
        if let Err(error) = consumer.unassign() {
            tracing::debug!(%error, "partitions can't be given back");
        }
    }
}
