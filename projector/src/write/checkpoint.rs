//! The checkpoint's statements, and the lanes that a projection begins with.

use std::sync::LazyLock;

use super::statement::{LazyStatement, Statement};

pub(super) static SELECT: LazyStatement =
    LazyLock::new(|| Statement::same(include_str!("../sql/select_checkpoint.sql")));
pub(super) static INSERT: LazyStatement =
    LazyLock::new(|| Statement::same(include_str!("../sql/insert_checkpoint.sql")));
pub(super) static MOVE: LazyStatement =
    LazyLock::new(|| Statement::same(include_str!("../sql/move_checkpoint.sql")));
pub(super) static STOP: LazyStatement =
    LazyLock::new(|| Statement::same(include_str!("../sql/stop_checkpoint.sql")));

/// Where every lane ends.
pub(super) const LANES: &str = include_str!("../sql/select_lanes.sql");
