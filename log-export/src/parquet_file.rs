//! Writing events as rows of Parquet. The columns are the fields of a line, by the same names.

use std::io;
use std::sync::Arc;

use log_record::{LogId, Private, RecordedEvent, hex};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use crate::events_file::Sink;

/// How many rows are kept in memory and written at once, about 40 MB of them.
const GROUP_ROWS: usize = 65_536;

const SCHEMA: &str = "message event {
    required int32 partition (INTEGER(16,false));
    required int64 position (INTEGER(64,true));
    required int32 generation (INTEGER(32,false));
    required binary type (STRING);
    required int32 version (INTEGER(16,false));
    required int64 recorded_at (TIMESTAMP(MICROS,true));
    optional binary account_id (STRING);
    required binary public (STRING);
    optional binary private (STRING);
    required binary private_hash (STRING);
    required binary checksum (STRING);
}";

/// Columns whose values hardly ever come twice. Without statistics, which would say nothing of them
/// and repeat some.
const UNIQUE: [&str; 4] = ["public", "private", "private_hash", "checksum"];

/// A file of rows that is being written.
pub(crate) struct Rows {
    writer: SerializedFileWriter<Sink>,
    events: Vec<RecordedEvent>,
}

impl Rows {
    pub(crate) fn new(into: Sink, log_id: LogId) -> io::Result<Self> {
        let schema = parse_message_type(SCHEMA)?;
        let log = KeyValue::new("guerdon.log_id".into(), log_id.to_string());
        let mut properties = WriterProperties::builder()
            .set_created_by("guerdon".into())
            .set_key_value_metadata(Some(vec![log]))
            .set_compression(Compression::SNAPPY)
            .set_column_dictionary_enabled(ColumnPath::from("position"), false);
        for column in UNIQUE.map(ColumnPath::from) {
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_statistics_enabled(column, EnabledStatistics::None);
        }
        let properties = Arc::new(properties.build());
        let writer = SerializedFileWriter::new(into, Arc::new(schema), properties)?;
        Ok(Self { writer, events: vec![] })
    }

    pub(crate) fn add(&mut self, event: RecordedEvent) -> io::Result<()> {
        self.events.push(event);
        if self.events.len() == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> io::Result<Sink> {
        if !self.events.is_empty() {
            self.write_group()?;
        }
        Ok(self.writer.into_inner()?)
    }

    /// Writes the rows in memory, column by column.
    fn write_group(&mut self) -> io::Result<()> {
        let events = std::mem::take(&mut self.events);
        let mut opened = self.writer.next_row_group()?;
        let group = &mut opened;
        let ints = |of: fn(&RecordedEvent) -> i32| events.iter().map(of).collect::<Vec<_>>();
        let longs = |of: fn(&RecordedEvent) -> i64| events.iter().map(of).collect::<Vec<_>>();
        let hashes = |of: fn(&RecordedEvent) -> [u8; 32]| {
            events.iter().map(|event| text(&hex(&of(event)))).collect::<Vec<_>>()
        };
        column::<Int32Type>(group, &ints(|event| event.place.partition.0.into()), None)?;
        column::<Int64Type>(group, &longs(|event| event.place.position.0.cast_signed()), None)?;
        column::<Int32Type>(group, &ints(|event| event.generation.0.cast_signed()), None)?;
        texts(group, &events, |event| &event.event_type)?;
        column::<Int32Type>(group, &ints(|event| event.version.into()), None)?;
        column::<Int64Type>(group, &longs(|event| event.recorded_at), None)?;
        some_texts(group, &events, |event| event.account_id.as_deref())?;
        texts(group, &events, |event| &event.public)?;
        some_texts(group, &events, |event| match &event.private {
            Private::Text(text) => Some(text),
            Private::Erased(_) => None,
        })?;
        column::<ByteArrayType>(group, &hashes(RecordedEvent::private_hash), None)?;
        column::<ByteArrayType>(group, &hashes(|event| event.checksum.0), None)?;
        opened.close()?;
        Ok(())
    }
}

type Group<'a> = SerializedRowGroupWriter<'a, Sink>;

fn text(text: &str) -> ByteArray {
    ByteArray::from(text.as_bytes().to_vec())
}

fn texts(
    group: &mut Group<'_>,
    events: &[RecordedEvent],
    of: fn(&RecordedEvent) -> &str,
) -> io::Result<()> {
    let values: Vec<_> = events.iter().map(|event| text(of(event))).collect();
    column::<ByteArrayType>(group, &values, None)
}

/// A column that may have nothing: the values that are there, and for each row whether it has one.
fn some_texts(
    group: &mut Group<'_>,
    events: &[RecordedEvent],
    of: fn(&RecordedEvent) -> Option<&str>,
) -> io::Result<()> {
    let levels: Vec<i16> = events.iter().map(|event| of(event).is_some().into()).collect();
    let values: Vec<_> = events.iter().filter_map(of).map(text).collect();
    column::<ByteArrayType>(group, &values, Some(&levels))
}

fn column<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> io::Result<()> {
    let missing = || ParquetError::General("the schema has no such column".into());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()?;
    Ok(())
}
