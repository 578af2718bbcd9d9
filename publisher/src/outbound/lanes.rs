//! The lanes of one feed, by their slots and by the numbers that tag their messages.

use std::collections::HashMap;
use std::ops::{Index, IndexMut};

use super::lane::Lane;
use crate::state::checkpoint::LaneCheckpoint;

#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: Vec<Lane>,
    by_slot: HashMap<u16, usize>,
}

impl Lanes {
    /// Adds a lane; returns its number.
    pub(crate) fn add(&mut self, checkpoint: LaneCheckpoint) -> usize {
        let number = self.lanes.len();
        self.by_slot.insert(checkpoint.lane.slot(), number);
        self.lanes.push(Lane::new(checkpoint));
        number
    }

    /// The number of a lane.
    pub(crate) fn number(&self, slot: u16) -> Option<usize> {
        self.by_slot.get(&slot).copied()
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut Lane> {
        self.lanes.get_mut(number)
    }

    pub(crate) fn all(&self) -> &[Lane] {
        &self.lanes
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Lane] {
        &mut self.lanes
    }
}

impl FromIterator<LaneCheckpoint> for Lanes {
    fn from_iter<I: IntoIterator<Item = LaneCheckpoint>>(checkpoints: I) -> Self {
        let mut lanes = Self::default();
        for checkpoint in checkpoints {
            lanes.add(checkpoint);
        }
        lanes
    }
}

impl Index<usize> for Lanes {
    type Output = Lane;

    fn index(&self, number: usize) -> &Lane {
        &self.lanes[number]
    }
}

impl IndexMut<usize> for Lanes {
    fn index_mut(&mut self, number: usize) -> &mut Lane {
        &mut self.lanes[number]
    }
}
