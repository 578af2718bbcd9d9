//! `GET /v1/earning-rules` and `/v1/policy`: how the programme is run.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{EarningTerms, Policy, RuleId};
use read_model::Query;
use serde::{Deserialize, Serialize};
use wire::{
    Page, PathId, Problem, QueryString, json_with_etag, json_with_version, page_limit, read_cursor,
};

use crate::freshness::Fresh;
use crate::ledger_entry::PageQuery;
use crate::{failed, place, time};

const SELECT: Query = Query::same(include_str!("sql/select_earning_rule.sql"));
const LIST: Query = Query::same(include_str!("sql/list_earning_rules.sql"));
const POLICY: Query = Query::same(include_str!("sql/select_policy.sql"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionQuery {
    version: Option<u32>,
}

#[derive(sqlx::FromRow)]
struct RuleRow {
    rule_id: String,
    version: i64,
    terms: String,
    recorded_at: i64,
    partition: i64,
    position: i64,
}

#[derive(Serialize)]
struct RuleBody {
    rule_id: String,
    version: i64,
    #[serde(flatten)]
    terms: EarningTerms,
    recorded_at: String,
    position: String,
}

#[derive(Serialize)]
struct PolicyBody {
    #[serde(flatten)]
    policy: Policy,
    /// Where it was chosen; nothing while it is the one that every ledger begins with.
    position: Option<String>,
}

pub(crate) async fn get_earning_rule(
    Fresh(mut reading): Fresh,
    PathId(rule_id): PathId<RuleId>,
    QueryString(query): QueryString<VersionQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<RuleRow> = reading
        .optional(SELECT, &[rule_id.as_str().into(), query.version.map(i64::from).into()])
        .await
        .map_err(failed)?;
    let row = row.ok_or_else(|| {
        Problem::not_found("There is no such rule, or version. GET /v1/earning-rules lists them.")
    })?;
    json_with_version(&headers, row.version.cast_unsigned(), &rule(row)?)
}

pub(crate) async fn list_earning_rules(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    const LIST_NAME: &str = "earning-rules";
    let limit = page_limit(query.limit)?;
    let after = read_cursor(LIST_NAME, query.cursor.as_deref())?.unwrap_or_default();
    let rows: Vec<RuleRow> =
        reading.all(LIST, &[after.as_str().into(), (limit + 1).into()]).await.map_err(failed)?;
    let rules = rows.into_iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page::of(rules, limit, LIST_NAME, |rule| rule.rule_id.clone()))
}

pub(crate) async fn get_policy(
    Fresh(mut reading): Fresh,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<(String, i64, i64, i64)> =
        reading.optional(POLICY, &[]).await.map_err(failed)?;
    let body = match row {
        None => PolicyBody { policy: Policy::default(), position: None },
        Some((spent_credit, refund_grace_days, partition, position)) => PolicyBody {
            policy: read(&format!(
                r#"{{"spent_credit":"{spent_credit}","refund_grace_days":{refund_grace_days}}}"#
            ))?,
            position: Some(place(partition, position)),
        },
    };
    json_with_etag(&headers, &body)
}

fn rule(row: RuleRow) -> Result<RuleBody, Problem> {
    Ok(RuleBody {
        rule_id: row.rule_id,
        version: row.version,
        terms: read(&row.terms)?,
        recorded_at: time(row.recorded_at)?,
        position: place(row.partition, row.position),
    })
}

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Problem> {
    serde_json::from_str(json).map_err(|error| failed(sqlx::Error::Decode(error.into())))
}
