//! What ladders do, by scenarios.

mod amending;
mod counting;
mod grants;
mod mergers;
mod months;
mod years;
