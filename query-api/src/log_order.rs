//! Lists over all accounts in the order of the log. A page has what comes next of every partition,
//! the earliest first; a cursor holds a place of each partition, so that what is recorded later is
//! never before it.

use std::fmt;

use log_record::{PackedPlace, Partition, Place, Position};
use read_model::AsOf;
use wire::{Page, Problem};

use crate::bad_cursor;

/// Where a page begins: after the place of each partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct After(Vec<Place>);

impl After {
    /// The beginning of all partitions of the log that is read.
    pub(crate) fn start(as_of: &AsOf) -> Self {
        let start = |partition| Place { partition, position: Position::START };
        Self(as_of.partitions().map(start).collect())
    }

    /// Where a cursor goes on; without one, the beginning.
    pub(crate) fn read(key: Option<&str>, as_of: &AsOf) -> Result<Self, Problem> {
        let mut after = Self::start(as_of);
        for place in key.into_iter().flat_map(|key| key.split(',')) {
            let place: PackedPlace = place.parse().map_err(|_| bad_cursor())?;
            if !after.pass(place.into()) {
                return Err(bad_cursor());
            }
        }
        Ok(after)
    }

    /// What is to be read of each partition: after a place and up to another, as the tables keep
    /// them.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().map(|after| span(*after))
    }

    /// The same of one partition.
    pub(crate) fn span_of(&self, partition: Partition) -> Option<(i64, i64)> {
        self.0.iter().find(|after| after.partition == partition).map(|after| span(*after))
    }

    /// The page with these, which are one more than asked for where there are more.
    pub(crate) fn page<T>(
        mut self,
        items: Vec<T>,
        limit: u32,
        list: &str,
        place_of: impl Fn(&T) -> Place,
    ) -> Page<T> {
        for item in items.iter().take(limit as usize) {
            self.pass(place_of(item));
        }
        Page::of(items, limit, list, |_| self.to_string())
    }

    /// False where the log doesn't have the place's partition.
    fn pass(&mut self, place: Place) -> bool {
        let after = self.0.iter_mut().find(|after| after.partition == place.partition);
        after.map(|after| *after = place).is_some()
    }
}

fn span(after: Place) -> (i64, i64) {
    let after = PackedPlace::from(after);
    (after.as_i64(), after.last_of_partition().as_i64())
}

/// The places of those partitions of which something was read, with commas between them:
/// `0:42,3:7`.
impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let passed = self.0.iter().filter(|after| after.position > Position::START);
        let places: Vec<String> = passed.map(ToString::to_string).collect();
        f.write_str(&places.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<Place> {
        text.split(' ').map(|place| place.parse().expect("a place")).collect()
    }

    #[test]
    fn a_cursor_has_the_last_place_of_each_partition_on_the_pages_so_far() {
        let after = After(places("0:0 1:7 2:0"));
        let page = after.page(places("2:3 1:9 2:5 0:8"), 3, "numbers", |place| *place);
        assert_eq!(page.items, places("2:3 1:9 2:5"));
        let key = wire::read_cursor("numbers", page.next.as_deref()).expect("a cursor");
        assert_eq!(key.as_deref(), Some("1:9,2:5"));
    }

    #[test]
    fn a_page_begins_after_a_place_in_each_partition() {
        let mut after = After(places("0:0 1:0"));
        assert!(after.pass(places("1:9")[0]) && !after.pass(places("2:1")[0]));
        let packed = |at: &str| PackedPlace::from(places(at)[0]).as_i64();
        let begins: Vec<i64> = after.spans().map(|(after, _)| after).collect();
        assert_eq!(begins, [packed("0:0"), packed("1:9")]);
        let (_, last) = after.spans().next().expect("a span");
        assert_eq!(last + 1, packed("1:0"), "up to the end of its partition");
    }
}
