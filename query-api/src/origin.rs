//! What lots came from: the answer to "why".

use read_model::{Query, Reading};
use std::collections::HashMap;

use serde::Serialize;
use wire::Problem;

use crate::{failed, split_place, time};

const LOTS: Query = Query::each(
    include_str!("sql/list_credit_lots.sqlite.sql"),
    include_str!("sql/list_credit_lots.postgres.sql"),
);

/// What a lot was earned as.
#[derive(Clone, Debug, sqlx::FromRow)]
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

/// What a lot was earned as, to be read; it stands among other fields of what it explains.
#[derive(Serialize)]
pub(crate) struct Origin {
    cause: CauseBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Who earned it, where that was somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    earned_by: Option<String>,
    earned_at: String,
}

/// What for.
#[derive(Serialize)]
pub(crate) struct CauseBody {
    pub(crate) kind: String,
    pub(crate) id: String,
}

/// By which rule.
#[derive(Serialize)]
pub(crate) struct RuleBody {
    pub(crate) rule_id: String,
    pub(crate) version: i64,
}

impl RuleBody {
    pub(crate) fn of(rule_id: Option<String>, version: Option<i64>) -> Option<Self> {
        rule_id.zip(version).map(|(rule_id, version)| Self { rule_id, version })
    }
}

impl LotRow {
    /// To be shown to the reader of an account.
    pub(crate) fn origin_for(&self, account_id: &str) -> Result<Origin, Problem> {
        Ok(Origin {
            cause: CauseBody { kind: self.cause_kind.clone(), id: self.cause_id.clone() },
            rule: RuleBody::of(self.rule_id.clone(), self.rule_version),
            reference: self.reference.clone(),
            earned_by: (self.account_id != account_id).then(|| self.account_id.clone()),
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
    lots.get(&lot).ok_or_else(|| {
        tracing::error!(lot = split_place(lot), "the read model doesn't know a lot");
        Problem::internal()
    })
}
