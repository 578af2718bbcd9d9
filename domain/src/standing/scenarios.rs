//! What ladders do, by scenarios.

mod amending;
mod counting;
mod grants;
mod months;
mod years;
