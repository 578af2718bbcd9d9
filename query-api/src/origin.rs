//! How lots were earned.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::AccountId;
use read_model::{CreditLot, Query, Reading};
use wire::Problem;
use wire::body::LotOriginBody;

use crate::cell::{broken, cause, optional_text, rule_version, time};
use crate::failed;

static LOTS: LazyLock<Query> = LazyLock::new(|| {
    Query::each_with_columns(
        include_str!("sql/list_credit_lots.sqlite.sql"),
        include_str!("sql/list_credit_lots.postgres.sql"),
    )
});

/// How a lot was earned, for the reader of an account.
pub(crate) fn origin_for(
    lot: &CreditLot,
    account_id: &AccountId,
) -> Result<LotOriginBody, Problem> {
    let earned_by = Some(&*lot.account_id).filter(|earner| *earner != account_id.as_str());
    Ok(LotOriginBody {
        cause: cause(&lot.cause_kind, &lot.cause_id)?,
        rule: rule_version(lot.rule_id.as_deref(), lot.rule_version)?,
        reference: optional_text(lot.reference.as_deref())?,
        earned_by: optional_text(earned_by)?,
        earned_at: time(lot.recorded_at)?,
    })
}

/// These lots, by their names.
pub(crate) async fn read_lots(
    reading: &mut Reading,
    lots: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, CreditLot>, Problem> {
    let names: Vec<String> = lots.map(|lot| lot.to_string()).collect();
    let names = format!("[{}]", names.join(","));
    let rows: Vec<CreditLot> =
        reading.all(*LOTS, &[names.as_str().into()]).await.map_err(failed)?;
    Ok(rows.into_iter().map(|row| (row.lot, row)).collect())
}

/// The lot of that name among these.
pub(crate) fn find_lot(lots: &HashMap<i64, CreditLot>, lot: i64) -> Result<&CreditLot, Problem> {
    lots.get(&lot).ok_or_else(|| broken(lot, &"no lot has this place"))
}
