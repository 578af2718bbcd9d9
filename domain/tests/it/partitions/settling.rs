//! Everything under way arrives.

use log_record::Partition;

use super::node::Node;
use super::world::{PARTITIONS, STEP_MICROS, World, later};

impl World {
    /// Every partition is there again, and everything under way arrives.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        for index in 0..self.nodes.len() {
            self.nodes[index].silent_until = 0;
            self.nodes[index].crash(|ends| ends - 1)?;
        }
        self.settle()
    }

    /// Until nobody has anything to tell or to ask.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        let mut rounds_of_silence = 0;
        loop {
            let before: Vec<usize> = self.nodes.iter().map(|node| node.log.len()).collect();
            self.inquiries.clear();
            self.replies.clear();
            self.nodes.iter_mut().for_each(Node::sync);
            for here in (0..PARTITIONS).map(Partition) {
                for from in (0..PARTITIONS).map(Partition) {
                    while self.has_next(from, here) {
                        let before = self.node(here).state.received_from(from).number;
                        self.deliver(from, here)?;
                        self.check()?;
                        // What names something that is still under way comes later.
                        if self.node(here).state.received_from(from).number == before {
                            break;
                        }
                    }
                }
                self.ask_operators_again(here)?;
                let node = &mut self.nodes[usize::from(here.0)];
                for (home, inquiry) in node.parked.inquiries(&node.state, |_| true) {
                    self.inquiries.push((self.now, home, inquiry));
                }
            }
            while !self.inquiries.is_empty() {
                self.answer_one()?;
            }
            while !self.replies.is_empty() {
                self.reply_one()?;
            }
            self.check()?;
            let after: Vec<usize> = self.nodes.iter().map(|node| node.log.len()).collect();
            let waits = self.nodes.iter().any(|node| !node.parked.is_empty());
            if before == after && !waits {
                return Ok(());
            }
            if before == after {
                // What was lost on the way is asked again.
                if !self.is_calm {
                    self.now = later(self.now, STEP_MICROS);
                }
                rounds_of_silence += 1;
                if rounds_of_silence > 100 {
                    return Err("somebody waits for ever".to_owned());
                }
            }
        }
    }

    fn has_next(&self, from: Partition, to: Partition) -> bool {
        let next = self.nodes[usize::from(to.0)].state.received_from(from).number.next();
        self.nodes[usize::from(from.0)].letter(to, next, None).is_some()
    }
}
