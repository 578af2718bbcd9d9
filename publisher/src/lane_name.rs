//! The names of feeds and lanes: who gets a message, and in which line it stands.

use std::fmt;
use std::str::FromStr;

use log_record::{PackedPlace, Partition, Position};

/// One partition's messages for one warehouse: `{partition}/{warehouse}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FeedName {
    pub(crate) partition: Partition,
    pub(crate) warehouse: String,
}

/// One line of a feed, in which messages keep their order: `{partition}/{warehouse}/{slot}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LaneName {
    pub(crate) feed: FeedName,
    slot: u16,
}

/// The text is not the name of a feed or a lane.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a feed or a lane")]
pub(crate) struct NoLaneName(String);

impl FeedName {
    /// The place before the feed's first message.
    pub(crate) const fn start(&self) -> PackedPlace {
        PackedPlace::new(self.partition, Position::START)
    }
}

impl FeedName {
    /// The slot of one of the feed's lanes, by the lane's name.
    pub(crate) fn slot_of(&self, lane: &str) -> Result<u16, NoLaneName> {
        let parsed = lane.rsplit_once('/').and_then(|(feed, slot)| {
            let (partition, warehouse) = feed.split_once('/')?;
            let is_own = partition.parse() == Ok(self.partition.0) && warehouse == self.warehouse;
            slot.parse().ok().filter(|_| is_own)
        });
        parsed.ok_or_else(|| NoLaneName(lane.into()))
    }

    /// The lane with this slot.
    pub(crate) fn lane(&self, slot: u16) -> LaneName {
        LaneName { feed: self.clone(), slot }
    }
}

impl LaneName {
    /// Its number in its feed.
    pub(crate) const fn slot(&self) -> u16 {
        self.slot
    }
}

impl fmt::Display for FeedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.warehouse)
    }
}

impl FromStr for FeedName {
    type Err = NoLaneName;

    fn from_str(text: &str) -> Result<Self, NoLaneName> {
        let parsed = text.split_once('/').and_then(|(partition, warehouse)| {
            let partition = Partition(partition.parse().ok()?);
            let is_name = !warehouse.is_empty() && !warehouse.contains('/');
            is_name.then(|| Self { partition, warehouse: warehouse.into() })
        });
        parsed.ok_or_else(|| NoLaneName(text.into()))
    }
}

impl fmt::Display for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.feed, self.slot)
    }
}

impl FromStr for LaneName {
    type Err = NoLaneName;

    fn from_str(text: &str) -> Result<Self, NoLaneName> {
        let parsed = text.rsplit_once('/').and_then(|(feed, slot)| {
            Some(Self { feed: feed.parse().ok()?, slot: slot.parse().ok()? })
        });
        parsed.ok_or_else(|| NoLaneName(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let lane: LaneName = "3/main/15".parse().expect("a lane");
        assert_eq!((lane.feed.partition, lane.feed.warehouse.as_str()), (Partition(3), "main"));
        assert_eq!(
            (lane.to_string(), lane.feed.to_string()),
            ("3/main/15".into(), "3/main".into())
        );
        assert_eq!(lane.feed.slot_of("3/main/15"), Ok(15));
        assert_eq!(lane.feed.lane(15), lane);
        for text in ["4/main/15", "3/east/15", "3/main", "3/main/x"] {
            assert!(lane.feed.slot_of(text).is_err(), "{text}");
        }
        for text in ["", "main", "x/main/1", "0/main", "0//1", "0/main/x", "0/main/1/2"] {
            assert!(text.parse::<LaneName>().is_err(), "{text}");
        }
    }
}
