//! `GET /v1/earning-rules` and `/v1/policy`: how the programme is run.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{EarningTerms, Policy, RuleId};
use read_model::{EarningRule, Policy as PolicyRow, Query};
use serde::Deserialize;
use wire::body::{EarningRuleBody, PolicyBody};
use wire::{Page, PathId, Problem, QueryString, json_with_etag, json_with_version, page_limit};

use crate::cell::{broken, json, place, points, sum, text, time};
use crate::freshness::Fresh;
use crate::{PageQuery, failed, id_after};

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_earning_rule.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_earning_rules.sql")));
static POLICY: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_policy.sql")));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionQuery {
    pub(crate) version: Option<u32>,
}

pub(crate) async fn get_earning_rule(
    Fresh(mut reading): Fresh,
    PathId(rule_id): PathId<RuleId>,
    QueryString(query): QueryString<VersionQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<EarningRule> = reading
        .optional(*SELECT, &[rule_id.as_str().into(), query.version.map(i64::from).into()])
        .await
        .map_err(failed)?;
    let row = row.ok_or_else(|| {
        Problem::not_found(
            "The earning rule, or this version of it, doesn't exist. GET /v1/earning-rules lists all \
             rules.",
        )
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
    let after = id_after::<RuleId>(LIST_NAME, query.cursor.as_deref())?;
    let rows: Vec<EarningRule> =
        reading.all(*LIST, &[after.as_str().into(), (limit + 1).into()]).await.map_err(failed)?;
    let rules = rows.into_iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page::of(rules, limit, LIST_NAME, |rule| rule.rule_id.to_string()))
}

pub(crate) async fn get_policy(
    Fresh(mut reading): Fresh,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<PolicyRow> = reading.optional(*POLICY, &[]).await.map_err(failed)?;
    let body = match row {
        None => {
            let Policy {
                spent_credit,
                refund_grace_days,
                grace_on_own_request,
                earning_points_max,
            } = Policy::default();
            PolicyBody {
                spent_credit,
                refund_grace_days,
                grace_on_own_request,
                earning_points_max,
                version: 0,
                position: None,
            }
        }
        Some(PolicyRow {
            number: _,
            version,
            spent_credit,
            refund_grace_days,
            grace_on_own_request,
            earning_points_max,
            partition,
            position,
        }) => PolicyBody {
            spent_credit: text(&spent_credit)?,
            refund_grace_days: u16::try_from(refund_grace_days)
                .map_err(|error| broken(refund_grace_days, &error))?,
            grace_on_own_request,
            earning_points_max: points(earning_points_max)?,
            version: sum(version)?,
            position: Some(place(partition, position)?),
        },
    };
    json_with_version(&headers, body.version, &body)
}

fn rule(row: EarningRule) -> Result<EarningRuleBody, Problem> {
    let terms: EarningTerms = json(&row.terms)?;
    Ok(EarningRuleBody::new(
        text(&row.rule_id)?,
        terms,
        sum(row.version)?,
        Some(time(row.recorded_at)?),
        place(row.partition, row.position)?,
    ))
}
