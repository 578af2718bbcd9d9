//! Rules, policy and totals.

use std::sync::LazyLock;

use read_model::{EarningRule, Policy, ProgrammeTotal};

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::Rows;

static RULE: LazyStatement = LazyLock::new(Statement::insert::<EarningRule>);
static POLICY: LazyStatement =
    LazyLock::new(|| Statement::of::<Policy>(include_str!("../sql/upsert_policy.sql")));
static TOTALS: LazyStatement = LazyLock::new(|| {
    Statement::of::<ProgrammeTotal>(include_str!("../sql/add_programme_total.sql"))
});

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&RULE, &rows.earning_rules);
    writes.push(&POLICY, &rows.policy);
    writes.push(&TOTALS, [&rows.totals]);
}
