//! Mergers in the random worlds.

use domain::AccountId;
use domain::command::MergerStep;
use log_record::Position;

use super::asking;
use super::world::{PARTITIONS, World};

/// How many mergers are asked for at a time.
const MERGERS_MAX: usize = 3;

/// A merger that somebody asked for.
#[derive(Clone, Debug)]
pub(super) struct Merging {
    from: AccountId,
    into: AccountId,
    /// The event by which it was begun, where both live apart.
    begun: Option<Position>,
    /// What the other partition said.
    is_agreed: Option<bool>,
}

impl World {
    /// An operator merges an account into another, step by step; somebody else may do the contrary
    /// at the same time.
    pub(super) fn go_on_merging(&mut self) -> Result<(), String> {
        let index = self.dice.index(MERGERS_MAX);
        if index >= self.merging.len() {
            // The first one buys all that is left in the end.
            let others = self.accounts.len() - 1;
            let [from, into] = [(); 2].map(|()| self.accounts[1 + self.dice.index(others)].clone());
            self.merging.push(Merging { from, into, begun: None, is_agreed: None });
            return Ok(());
        }
        let Merging { from, into, begun, is_agreed } = self.merging[index].clone();
        let [here, there] = [&from, &into].map(|id| id.partition(PARTITIONS));
        let asked = if begun.is_none() { here } else { there };
        if self.is_silent(asked) || self.is_silent(here) {
            return Ok(());
        }
        match (begun, is_agreed) {
            (None, _) => {
                self.ask(asking::merge(&from, &into, MergerStep::Asked))?;
                // Who asks hears of what is durable.
                self.node(here).sync();
                let merger = self.node(here).state.merger(&from).cloned();
                let merger = merger.filter(|merger| merger.into == into && !merger.is_done);
                match merger {
                    Some(merger) => self.merging[index].begun = Some(merger.at),
                    None => drop(self.merging.swap_remove(index)),
                }
            }
            (Some(_), None) => {
                let now = self.now.max(self.node(there).state.recorded_at());
                let is_agreed = self.node(there).decide(&asking::admit(&into), now).is_ok();
                self.node(there).sync();
                self.merging[index].is_agreed = Some(is_agreed);
            }
            (Some(begun), Some(is_agreed)) => {
                let step = if is_agreed { MergerStep::Agreed } else { MergerStep::Refused };
                self.seen.see(if is_agreed { "merger" } else { "merger refused" });
                self.ask(asking::merge(&from, &into, step(begun)))?;
                self.merging.swap_remove(index);
            }
        }
        Ok(())
    }
}
