//! How far a reader of a warehouse's messages is: the last message that it got from each partition,
//! in a text that it sends back as it came.

use std::collections::BTreeMap;
use std::fmt;

use domain::WarehouseId;
use log_record::{Generation, LogId, PackedPlace, Partition, Place, Position};
use read_model::Reading;
use uuid::Uuid;
use wire::{open_cursor, write_cursor};

/// The name under which the text is written: a cursor belongs to its warehouse.
fn list(warehouse: &WarehouseId) -> String {
    format!("shipping stream of {warehouse}")
}

/// The last message that was read from each partition. It names the messages themselves, so it
/// shows whether the log still has them: a place alone may hold another event after a restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamCursor {
    warehouse: WarehouseId,
    log_id: LogId,
    /// Nothing of a partition of which nothing was read.
    last: BTreeMap<Partition, (Generation, Position)>,
}

impl StreamCursor {
    /// Before the first message of a log.
    pub(super) fn start(warehouse: &WarehouseId, log_id: LogId) -> Self {
        Self { warehouse: warehouse.clone(), log_id, last: BTreeMap::new() }
    }

    /// A text that [`Display`](fmt::Display) wrote about this warehouse.
    pub(super) fn read(warehouse: &WarehouseId, text: &str) -> Option<Self> {
        let key = open_cursor(&list(warehouse), text)?;
        let mut parts = key.split(' ');
        let log_id = LogId(Uuid::try_parse(parts.next()?).ok()?);
        let mut last = BTreeMap::new();
        for part in parts {
            let mut numbers = part.split('-');
            let partition = Partition(numbers.next()?.parse().ok()?);
            let generation = Generation(numbers.next()?.parse().ok()?);
            let position = Position(numbers.next()?.parse().ok()?);
            let fits = position <= PackedPlace::LAST_POSITION && numbers.next().is_none();
            last.insert(partition, Some((generation, position)).filter(|_| fits)?);
        }
        Some(Self { warehouse: warehouse.clone(), log_id, last })
    }

    /// How far it is in a partition.
    pub(super) fn position(&self, partition: Partition) -> Position {
        self.last.get(&partition).map_or(Position::START, |(_, position)| *position)
    }

    /// The places of the messages that were read last.
    pub(super) fn places(&self) -> Vec<Place> {
        self.messages().map(|(_, place)| place).collect()
    }

    /// The messages that were read last, by their events.
    fn messages(&self) -> impl Iterator<Item = (Generation, Place)> {
        self.last.iter().map(|(partition, (generation, position))| {
            (*generation, Place { partition: *partition, position: *position })
        })
    }

    /// The message of the event at a place was read, too.
    pub(super) fn pass(&mut self, generation: Generation, place: Place) {
        self.last.insert(place.partition, (generation, place.position));
    }

    /// Whether tables that have come as far have the messages that were read last.
    pub(super) async fn is_in(&self, reading: &mut Reading) -> Result<bool, sqlx::Error> {
        if reading.as_of().log_id() != Some(self.log_id) {
            return Ok(false);
        }
        for (generation, place) in self.messages() {
            let there = reading.shipping_message(place).await?;
            if there.is_none_or(|there| there.generation != generation) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl fmt::Display for StreamCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = self.log_id.to_string();
        for (partition, (generation, position)) in &self.last {
            key.push_str(&format!(" {partition}-{generation}-{position}"));
        }
        f.write_str(&write_cursor(&list(&self.warehouse), &key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn main() -> WarehouseId {
        "main".parse().expect("an id")
    }

    fn read(text: &str) -> Option<StreamCursor> {
        StreamCursor::read(&main(), text)
    }

    fn at(partition: u16, position: u64) -> Place {
        Place { partition: Partition(partition), position: Position(position) }
    }

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let mut cursor = StreamCursor::start(&main(), LogId(Uuid::from_u128(7)));
        assert_eq!(read(&cursor.to_string()), Some(cursor.clone()));
        for (partition, position) in [(0, 4711), (3, 1), (0, (1 << 48) - 1)] {
            cursor.pass(Generation(2), at(partition, position));
            assert_eq!(read(&cursor.to_string()), Some(cursor.clone()));
            assert_eq!(cursor.position(Partition(partition)), Position(position));
        }
        assert_eq!(cursor.places(), [at(0, (1 << 48) - 1), at(3, 1)]);
        assert_eq!(cursor.position(Partition(1)), Position::START);
    }

    #[test]
    fn what_is_no_cursor_is_not_read() {
        let whole = StreamCursor::start(&main(), LogId(Uuid::from_u128(7))).to_string();
        let cut = &whole[..whole.len() - 2];
        for text in ["", "0:4711", "4711", cut, &format!("{whole}00")] {
            assert_eq!(read(text), None, "{text}");
        }
        for key in ["", "7", "00000000-0000-0000-0000-000000000007 0-1", "x 0-1-1"] {
            assert_eq!(read(&write_cursor(&list(&main()), key)), None, "{key}");
        }
        let west = "west".parse().expect("an id");
        assert_eq!(StreamCursor::read(&west, &whole), None, "it is another warehouse's");
        let far = "00000000-0000-0000-0000-000000000007 0-1-281474976710656";
        assert_eq!(read(&write_cursor(&list(&main()), far)), None);
        assert_eq!(read(&write_cursor("others", "7")), None);
    }
}
