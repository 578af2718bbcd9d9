//! How far each partition of the inbound topics is read, and in which generation of the log.
//!
//! The consumer groups have the same offsets, and theirs count. These show that a topic was created
//! again, that a group lost its offset, and that the log was forked since.

use std::collections::BTreeMap;

use log_record::Generation;

use super::database::Value;
use super::error::StateError;
use super::store::State;
use crate::kafka::reader::Remembered;
use crate::kafka::topic_partition::TopicPartition;

#[derive(sql_macros::FromRow)]
struct InboundRow {
    topic_partition: i64,
    next_offset: i64,
    generation: i64,
}

impl State {
    /// How far a topic is read, by partition.
    pub(crate) async fn inbound(
        &self,
        topic: &str,
    ) -> Result<BTreeMap<TopicPartition, Remembered>, StateError> {
        let select = include_str!("sql/select_inbound.sql");
        let rows: Vec<InboundRow> = self.database.select(select, &[Value::Text(topic)]).await?;
        rows.into_iter().map(InboundRow::remembered).collect()
    }

    /// Stores how far a topic is read.
    pub(crate) async fn save_inbound(
        &self,
        topic: &str,
        partitions: &BTreeMap<TopicPartition, Remembered>,
    ) -> Result<(), StateError> {
        let mut writing = self.database.begin().await?;
        for (partition, Remembered { next, generation }) in partitions {
            let values = [
                Value::Text(topic),
                Value::Int(partition.0.into()),
                Value::Int(*next),
                Value::Int(generation.0.into()),
            ];
            writing.run(include_str!("sql/upsert_inbound.sql"), &values).await?;
        }
        writing.commit().await
    }
}

impl InboundRow {
    fn remembered(self) -> Result<(TopicPartition, Remembered), StateError> {
        let Self { topic_partition, next_offset: next, generation } = self;
        let bad_row = |_| StateError::BadRow(format!("inbound {topic_partition}, {generation}"));
        let partition = i32::try_from(topic_partition).map(TopicPartition).map_err(bad_row)?;
        let generation = u32::try_from(generation).map(Generation).map_err(bad_row)?;
        Ok((partition, Remembered { next, generation }))
    }
}
