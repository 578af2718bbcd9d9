//! From which offset a partition of an inbound topic is read, and what is lost or read again by it.
//!
//! Kafka reports neither that retention deleted messages that nobody had read, nor that a topic was
//! deleted and created again. The offsets show it: the next one comes before the first message
//! kept, or after the partition's end. A topic that was created again and is as long as before
//! can't be told from the old one.

/// What is known of a partition before it is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PartitionFacts {
    /// The offset of the first message that Kafka keeps.
    pub(super) first: i64,
    /// The offset after the last message.
    pub(super) end: i64,
    /// The offset to read next, as the consumer group has it.
    pub(super) committed: Option<i64>,
    /// The same as this publisher remembers it. It may be less.
    pub(super) remembered: Option<i64>,
    /// Where to read again from, at the earliest; `None`: nothing is read again.
    pub(super) again_from: Option<i64>,
}

/// Where to begin, and what that means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StartingPoint {
    pub(super) from: i64,
    /// Messages before this offset were read before.
    pub(super) again_to: i64,
    pub(super) lost: Option<Lost>,
}

/// Why messages were lost before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Retention deleted this many offsets.
    Deleted { messages: u64 },
    /// The topic was created again, or its end is gone. Nobody knows how many were unread.
    MadeAnew,
}

impl PartitionFacts {
    pub(super) fn starting_point(self) -> StartingPoint {
        let Self { first, end, committed, remembered, again_from } = self;
        // The group's offset may be the less: an operator may have set it back.
        let Some(next) = committed.or(remembered) else {
            return StartingPoint { from: first, again_to: first, lost: None };
        };
        if next > end {
            return StartingPoint { from: first, again_to: first, lost: Some(Lost::MadeAnew) };
        }
        if next < first {
            let messages = first.abs_diff(next);
            let lost = Some(Lost::Deleted { messages });
            return StartingPoint { from: first, again_to: first, lost };
        }
        // A group whose offset is gone: Kafka deletes it with the topic, and after a time. What is
        // there may be another topic's.
        let again_from = again_from.or(committed.is_none().then_some(first));
        let from = again_from.map_or(next, |from| from.clamp(first, next));
        StartingPoint { from, again_to: next, lost: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: PartitionFacts = PartitionFacts {
        first: 100,
        end: 200,
        committed: Some(150),
        remembered: Some(140),
        again_from: None,
    };

    fn begins(facts: PartitionFacts, from: i64, again: i64) {
        let found = facts.starting_point();
        assert_eq!((found.from, found.again_to - found.from), (from, again), "{facts:?}");
        assert_eq!(found.lost, None, "{facts:?}");
    }

    fn loses(facts: PartitionFacts, lost: Lost) {
        let found = facts.starting_point();
        let begins = StartingPoint { from: facts.first, again_to: facts.first, lost: Some(lost) };
        assert_eq!(found, begins, "{facts:?}");
    }

    #[test]
    fn a_partition_is_read_on_from_where_the_group_is() {
        begins(FACTS, 150, 0);
        begins(PartitionFacts { remembered: None, ..FACTS }, 150, 0);
        let set_back = PartitionFacts { committed: Some(110), ..FACTS };
        begins(set_back, 110, 0);
    }

    #[test]
    fn a_new_group_begins_at_the_first_message() {
        let facts = PartitionFacts { committed: None, remembered: None, ..FACTS };
        begins(facts, 100, 0);
        begins(PartitionFacts { again_from: Some(100), ..facts }, 100, 0);
    }

    #[test]
    fn a_group_whose_offset_is_gone_reads_again() {
        begins(PartitionFacts { committed: None, ..FACTS }, 100, 40);
    }

    #[test]
    fn what_is_read_again_begins_at_a_message_that_is_kept_and_was_read() {
        for (again_from, from, again) in
            [(0, 100, 50), (120, 120, 30), (150, 150, 0), (180, 150, 0)]
        {
            begins(PartitionFacts { again_from: Some(again_from), ..FACTS }, from, again);
        }
    }

    #[test]
    fn what_retention_deleted_unread_is_counted() {
        let messages = 40;
        loses(PartitionFacts { committed: Some(60), ..FACTS }, Lost::Deleted { messages });
        let gone = PartitionFacts { committed: None, remembered: Some(60), ..FACTS };
        loses(gone, Lost::Deleted { messages });
    }

    #[test]
    fn a_partition_that_ends_before_what_was_read_is_read_from_its_beginning() {
        loses(PartitionFacts { committed: Some(201), ..FACTS }, Lost::MadeAnew);
        let anew = PartitionFacts { first: 0, end: 5, committed: None, ..FACTS };
        loses(anew, Lost::MadeAnew);
        loses(PartitionFacts { again_from: Some(100), ..anew }, Lost::MadeAnew);
    }
}
