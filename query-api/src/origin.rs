//! How lots were earned.

use read_model::{Query, Reading};
use std::collections::HashMap;

use domain::AccountId;
use wire::Problem;
use wire::body::LotOriginBody;

use crate::cell::{broken, cause, optional_text, rule_version, time};
use crate::failed;

const LOTS: Query = Query::each(
    include_str!("sql/list_credit_lots.sqlite.sql"),
    include_str!("sql/list_credit_lots.postgres.sql"),
);

/// What a lot was earned as.
#[derive(Clone, Debug, sql_macros::FromRow)]
pub(crate) struct LotRow {
    pub(crate) lot: i64,
    pub(crate) account_id: String,
    pub(crate) points: i64,
    cause_kind: String,
    cause_id: String,
    rule_id: Option<String>,
    rule_version: Option<i64>,
    reference: Option<String>,
    recorded_at: i64,
    pub(crate) expires_at: Option<i64>,
}

impl LotRow {
    /// How it was earned, for the reader of an account.
    pub(crate) fn origin_for(&self, account_id: &AccountId) -> Result<LotOriginBody, Problem> {
        let earned_by = Some(&*self.account_id).filter(|earner| *earner != account_id.as_str());
        Ok(LotOriginBody {
            cause: cause(&self.cause_kind, &self.cause_id)?,
            rule: rule_version(self.rule_id.as_deref(), self.rule_version)?,
            reference: optional_text(self.reference.as_deref())?,
            earned_by: optional_text(earned_by)?,
            earned_at: time(self.recorded_at)?,
        })
    }
}

/// These lots, by their names.
pub(crate) async fn read_lots(
    reading: &mut Reading,
    lots: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, LotRow>, Problem> {
    let names: Vec<String> = lots.map(|lot| lot.to_string()).collect();
    let names = format!("[{}]", names.join(","));
    let rows: Vec<LotRow> = reading.all(LOTS, &[names.as_str().into()]).await.map_err(failed)?;
    Ok(rows.into_iter().map(|row| (row.lot, row)).collect())
}

/// The lot of that name among these.
pub(crate) fn find_lot(lots: &HashMap<i64, LotRow>, lot: i64) -> Result<&LotRow, Problem> {
    lots.get(&lot).ok_or_else(|| broken(lot, &"no lot has this place"))
}
