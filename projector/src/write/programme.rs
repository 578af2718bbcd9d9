//! Rules, policy and totals.

use std::sync::LazyLock;

use read_model::{ConversionRate, CreditMonth, EarningRule, Policy, ProgrammeTotal, Unit};

use super::statement::{LazyStatement, Statement, Writes};
use crate::rows::{RateClosure, Rows, TotalRows, UnitChange, UnitClosure};

static RULE: LazyStatement = LazyLock::new(Statement::insert::<EarningRule>);
static POLICY: LazyStatement =
    LazyLock::new(|| Statement::of::<Policy>(include_str!("../sql/upsert_policy.sql")));
static UNIT: LazyStatement =
    LazyLock::new(|| Statement::of::<Unit>(include_str!("../sql/upsert_unit.sql")));
static UNIT_CLOSURE: LazyStatement =
    LazyLock::new(|| Statement::of::<UnitClosure>(include_str!("../sql/close_unit.sql")));
static RATE: LazyStatement = LazyLock::new(Statement::insert::<ConversionRate>);
static RATE_CLOSURE: LazyStatement = LazyLock::new(|| {
    Statement::of::<RateClosure>(include_str!("../sql/close_conversion_rate.sql"))
});
static TOTALS: LazyStatement = LazyLock::new(|| {
    Statement::of::<ProgrammeTotal>(include_str!("../sql/add_programme_total.sql"))
});
static MONTHS: LazyStatement =
    LazyLock::new(|| Statement::of::<CreditMonth>(include_str!("../sql/add_credit_month.sql")));

pub(super) fn write<'a>(writes: &mut Writes<'a>, rows: &'a Rows) {
    writes.push(&RULE, &rows.earning_rules);
    writes.push(&POLICY, &rows.policy);
    // One after the other: two versions of a unit in one statement would be one too many, and the
    // last one counts.
    for change in &rows.unit_changes {
        match change {
            UnitChange::Set(unit) => writes.push(&UNIT, [unit]),
            UnitChange::Closed(closure) => writes.push(&UNIT_CLOSURE, [closure]),
        }
    }
    writes.push(&RATE, &rows.conversion_rates);
    writes.push(&RATE_CLOSURE, &rows.rate_closures);
}

pub(super) fn write_totals<'a>(writes: &mut Writes<'a>, rows: &'a TotalRows) {
    writes.push(&TOTALS, &rows.totals);
    writes.push(&MONTHS, &rows.months);
}
