//! The query of the operators' lists.

use serde::Deserialize;
use wire::{Problem, read_cursor};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    pub(super) limit: Option<u32>,
    pub(super) cursor: Option<String>,
}

/// The number after which a list goes on; 0 without a cursor.
pub(super) fn after(list: &str, cursor: Option<&str>) -> Result<i64, Problem> {
    let Some(cursor) = read_cursor(list, cursor)? else { return Ok(0) };
    let complaint = "must be a cursor that this list gave, unchanged";
    cursor.parse().map_err(|_| Problem::invalid_query("cursor", complaint))
}
