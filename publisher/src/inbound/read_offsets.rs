//! Up to which offset each partition is done, without a gap.

use std::collections::BTreeMap;

use crate::kafka::consumer::Offset;
use crate::kafka::topic_partition::TopicPartition;

/// The messages of one topic that are being worked on, and the offsets to commit.
#[derive(Debug)]
pub(crate) struct ReadOffsets {
    topic: String,
    partitions: BTreeMap<TopicPartition, ReadPartition>,
}

#[derive(Debug, Default)]
struct ReadPartition {
    /// The messages being worked on, each with the number of times that it came.
    open: BTreeMap<i64, u32>,
    /// The offset after the last message that came.
    next: i64,
    /// The offset that was committed last.
    committed: Option<i64>,
}

impl ReadOffsets {
    pub(crate) fn of(topic: &str) -> Self {
        Self { topic: topic.into(), partitions: BTreeMap::new() }
    }

    /// Reading of a partition begins at an offset, perhaps anew. What is being worked on comes
    /// again.
    pub(crate) fn begin_at(&mut self, partition: TopicPartition, from: i64) {
        let begun = ReadPartition { open: BTreeMap::new(), next: from, committed: None };
        self.partitions.insert(partition, begun);
    }

    /// Up to which offset each partition is done.
    pub(crate) fn done(&self) -> BTreeMap<TopicPartition, i64> {
        self.partitions.iter().map(|(number, partition)| (*number, partition.done())).collect()
    }

    /// A message came.
    pub(crate) fn begin(&mut self, at: &Offset) {
        let partition = self.partitions.entry(at.partition).or_default();
        *partition.open.entry(at.offset).or_default() += 1;
        partition.next = at.offset + 1;
    }

    /// A message is done.
    pub(crate) fn end(&mut self, at: &Offset) {
        let Some(partition) = self.partitions.get_mut(&at.partition) else { return };
        if let Some(count) = partition.open.get_mut(&at.offset) {
            *count -= 1;
            if *count == 0 {
                partition.open.remove(&at.offset);
            }
        }
    }

    /// The offset of every partition, also where it was committed before: a commit may have been
    /// lost while a broker was away.
    pub(crate) fn all(mut self) -> Vec<Offset> {
        self.partitions.values_mut().for_each(|partition| partition.committed = None);
        self.uncommitted()
    }

    /// The offsets that changed since they were committed.
    pub(crate) fn uncommitted(&mut self) -> Vec<Offset> {
        let mut changed = vec![];
        for (number, partition) in &mut self.partitions {
            let done = partition.done();
            if partition.committed != Some(done) {
                partition.committed = Some(done);
                let topic = self.topic.clone();
                changed.push(Offset { topic, partition: *number, offset: done });
            }
        }
        changed
    }
}

impl ReadPartition {
    fn done(&self) -> i64 {
        self.open.keys().next().copied().unwrap_or(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i64) -> Offset {
        Offset { topic: "events".into(), partition: TopicPartition(0), offset }
    }

    #[test]
    fn only_what_has_nothing_open_before_it_counts_as_read() {
        let mut read = ReadOffsets::of("events");
        (5..9).for_each(|offset| read.begin(&at(offset)));
        assert_eq!(read.uncommitted(), [at(5)]);
        read.end(&at(6));
        read.end(&at(8));
        assert_eq!(read.uncommitted(), []);
        read.end(&at(5));
        assert_eq!(read.uncommitted(), [at(7)]);
        read.end(&at(7));
        assert_eq!(read.uncommitted(), [at(9)]);
    }

    #[test]
    fn a_partition_that_begins_anew_counts_nothing_of_before() {
        let mut read = ReadOffsets::of("events");
        read.begin_at(TopicPartition(0), 95);
        (95..99).for_each(|offset| read.begin(&at(offset)));
        read.begin_at(TopicPartition(0), 0);
        assert_eq!(read.uncommitted(), [at(0)]);
        read.end(&at(95));
        read.begin(&at(0));
        read.end(&at(0));
        assert_eq!(read.uncommitted(), [at(1)]);
        assert_eq!(read.done(), BTreeMap::from([(TopicPartition(0), 1)]));
    }

    #[test]
    fn what_comes_again_while_it_is_worked_on_is_waited_for_twice() {
        let mut read = ReadOffsets::of("events");
        read.begin(&at(5));
        read.begin(&at(5));
        read.end(&at(5));
        assert_eq!(read.uncommitted(), [at(5)]);
        read.end(&at(5));
        assert_eq!(read.uncommitted(), [at(6)]);
    }
}
