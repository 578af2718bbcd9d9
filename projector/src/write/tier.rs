//! Ladders, and where accounts stand on them.

use std::sync::LazyLock;

use read_model::{AccountTier, LadderVersion, TierTotal};

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{Rows, TierRows};

static LADDER: LazyStatement = LazyLock::new(Statement::insert::<LadderVersion>);
static ACCOUNT: LazyStatement =
    LazyLock::new(|| Statement::of::<AccountTier>(include_str!("../sql/upsert_account_tier.sql")));
static TOTAL: LazyStatement =
    LazyLock::new(|| Statement::of::<TierTotal>(include_str!("../sql/add_tier_total.sql")));

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows, tiers: &'a TierRows) {
    writes.push(&LADDER, &rows.tiers.ladders);
    writes.push(&ACCOUNT, &tiers.accounts);
    writes.push(&TOTAL, &tiers.totals);
}
