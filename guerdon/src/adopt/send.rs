//! What is asked of the ledger for each row.
//!
//! Every call has an id that follows from the row's, so a row that was adopted is answered as
//! repeated, and one that says something else than it did is refused as `id-reused`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use reqwest::header::HeaderValue;
use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::report::{Outcome, Report};
use super::rows::{Grant, Lot, OpenExchange};
use crate::csv_rows::Place;
use crate::exit::Unreachable;
use crate::key_file::keys_in;
use crate::ledger_client::{Answered, AskError, LedgerClient, ProblemBody, bearer};
use crate::progress::Progress;
use crate::spread::spread;

/// Refusals of a redemption that lacks nothing but the points that it is about to be given.
const BUT_FOR_POINTS: [&str; 2] = ["insufficient-credit", "account-unknown"];

/// Sends rows.
pub(super) struct Sender {
    pub(super) client: LedgerClient,
    pub(super) keys: Keys,
    pub(super) connections: usize,
}

/// The keys that calls are made with.
pub(super) struct Keys {
    operator: HeaderValue,
    shopper: HeaderValue,
    pub(super) auditor: HeaderValue,
}

impl Keys {
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let keys = keys_in(file, ["operator", "shopper", "auditor"])?;
        let header = |key: &str| {
            bearer(key).with_context(|| format!("a key in {} can't be sent", file.display()))
        };
        let [operator, shopper, auditor] = &keys;
        Ok(Self {
            operator: header(operator)?,
            shopper: header(shopper)?,
            auditor: header(auditor)?,
        })
    }
}

#[derive(Serialize)]
struct CreditBody<'a> {
    unit: &'a str,
    points: u64,
    cause: CauseBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<&'a str>,
}

/// An adjustment: nobody earned it here, so it counts on no ladder that doesn't count adjustments.
#[derive(Serialize)]
struct CauseBody {
    kind: &'static str,
    id: String,
}

#[derive(Serialize)]
struct GrantBody<'a> {
    tier: &'a str,
    until: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct RedeemBody<'a> {
    offer_id: &'a str,
    quantity: u64,
    expected_prices: Vec<PriceBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver_to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<&'a str>,
}

#[derive(Serialize)]
struct PriceBody<'a> {
    unit: &'a str,
    points: u64,
}

/// What a dry run says.
#[derive(Deserialize)]
struct DryRunBody {
    outcome: String,
}

#[derive(Serialize)]
struct NoFields {}

impl Sender {
    pub(super) async fn grants(
        self: &Arc<Self>,
        grants: Vec<Grant>,
        progress: &Progress,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let answers = spread(self.connections, grants, |grant: Grant| {
            let (sender, progress) = (Arc::clone(self), progress.clone());
            async move {
                let outcome = sender.grant(&grant).await?;
                progress.inc(1);
                anyhow::Ok((grant, outcome))
            }
        });
        for (grant, outcome) in answers.await? {
            report.tiers.add(&grant.place, &grant.row_id, outcome, &mut report.refused);
        }
        Ok(())
    }

    /// Those of an account one after the other, in the order of the file.
    pub(super) async fn exchanges(
        self: &Arc<Self>,
        exchanges: Vec<OpenExchange>,
        progress: &Progress,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let mut of_accounts: BTreeMap<Box<str>, Vec<OpenExchange>> = BTreeMap::new();
        for exchange in exchanges {
            of_accounts.entry(exchange.account_id.clone()).or_default().push(exchange);
        }
        let answers = spread(self.connections, of_accounts.into_values(), |exchanges| {
            let (sender, progress) = (Arc::clone(self), progress.clone());
            async move {
                let mut answers = Vec::with_capacity(exchanges.len());
                for exchange in exchanges {
                    let outcome = sender.exchange(&exchange).await?;
                    progress.inc(1);
                    answers.push((exchange, outcome));
                }
                anyhow::Ok(answers)
            }
        });
        for (exchange, outcome) in answers.await?.into_iter().flatten() {
            let OpenExchange { place, exchange_id, .. } = &exchange;
            report.exchanges.add(place, exchange_id, outcome, &mut report.refused);
        }
        Ok(())
    }

    pub(super) async fn lots(
        self: &Arc<Self>,
        lots: Vec<Lot>,
        progress: &Progress,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let answers = spread(self.connections, lots, |lot: Lot| {
            let (sender, progress) = (Arc::clone(self), progress.clone());
            async move {
                let outcome = sender.lot(&lot).await?;
                progress.inc(1);
                anyhow::Ok((lot, outcome))
            }
        });
        for (lot, outcome) in answers.await? {
            if !matches!(outcome, Outcome::Refused(_)) {
                let sum = report.points.entry(lot.unit.clone()).or_default();
                *sum += u128::from(lot.points);
            }
            report.lots.add(&lot.place, &lot.row_id, outcome, &mut report.refused);
        }
        Ok(())
    }

    async fn lot(&self, lot: &Lot) -> anyhow::Result<Outcome> {
        let body = CreditBody {
            unit: &lot.unit,
            points: lot.points,
            cause: CauseBody { kind: "adjustment", id: format!("adopted-{}", lot.row_id) },
            available_at: lot.available_at.as_deref(),
            expires_at: lot.expires_at.as_deref(),
            occurred_at: lot.earned_at.as_deref(),
        };
        self.credit(&lot.place, &lot.account_id, &body).await
    }

    async fn grant(&self, grant: &Grant) -> anyhow::Result<Outcome> {
        let Grant { place, row_id, account_id, ladder, tier, until, reason } = grant;
        let account = format!("/v1/accounts/{account_id}");
        let path = format!("{account}/tiers/{ladder}/grants/{row_id}");
        let otherwise = format!("adopted from another system, row {row_id}");
        let body = GrantBody { tier, until, reason: reason.as_deref().unwrap_or(&otherwise) };
        let operator = &self.keys.operator;
        let outcome = self.put(place, operator, &path, &body).await?;
        if !outcome.is_refused_as(&["account-unknown"]) {
            return Ok(outcome);
        }
        // It has no points. Whether somebody opens it meanwhile makes no difference.
        self.put(place, operator, &account, &NoFields {}).await?;
        self.put(place, operator, &path, &body).await
    }

    /// The points that it cost are given and spent at once. Whatever else refuses it is found out
    /// before, so that nobody keeps them.
    async fn exchange(&self, exchange: &OpenExchange) -> anyhow::Result<Outcome> {
        let OpenExchange { place, exchange_id, account_id, prices, .. } = exchange;
        let path = format!("/v1/accounts/{account_id}/exchanges/{exchange_id}");
        let mut expected: Vec<PriceBody<'_>> =
            prices.iter().map(|(unit, points)| PriceBody { unit, points: *points }).collect();
        if expected.is_empty() {
            expected.push(PriceBody { unit: "points", points: 0 });
        }
        let body = RedeemBody {
            offer_id: &exchange.offer_id,
            quantity: exchange.quantity,
            expected_prices: expected,
            deliver_to: exchange.deliver_to.as_deref(),
            occurred_at: exchange.ordered_at.as_deref(),
        };
        let shopper = &self.keys.shopper;
        let mut tried = self.try_out(place, &path, &body).await?;
        if tried.is_refused_as(&["account-unknown"]) {
            // What an account may have of an offer is looked at only once it is there.
            let account = format!("/v1/accounts/{account_id}");
            self.put(place, &self.keys.operator, &account, &NoFields {}).await?;
            tried = self.try_out(place, &path, &body).await?;
        }
        let is_there = match tried {
            Outcome::Adopted => false,
            Outcome::Repeated => true,
            Outcome::Refused(refused) if BUT_FOR_POINTS.contains(&&*refused.code) => false,
            Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
        };
        for (number, (unit, points)) in (1..).zip(prices).filter(|_| !is_there) {
            let body = CreditBody {
                unit,
                points: *points,
                cause: CauseBody {
                    kind: "adjustment",
                    id: format!("exchange-{number}-{exchange_id}"),
                },
                available_at: None,
                expires_at: exchange.expires_at.as_deref(),
                occurred_at: exchange.ordered_at.as_deref(),
            };
            let outcome = self.credit(place, account_id, &body).await?;
            if let Outcome::Refused(_) = outcome {
                return Ok(outcome);
            }
        }
        let mut outcome = self.put(place, shopper, &path, &body).await?;
        if let Outcome::Refused(problem) = &mut outcome
            && !is_there
        {
            problem.detail += " The account has been given its points; run again once it can be \
                               redeemed.";
        }
        Ok(outcome)
    }

    /// What a redemption would come to; nothing is recorded.
    async fn try_out(
        &self,
        place: &Place,
        path: &str,
        body: &RedeemBody<'_>,
    ) -> anyhow::Result<Outcome> {
        let path = format!("{path}?dry_run=true");
        let asked = self.client.ask(&self.keys.shopper, Method::PUT, &path, Some(body)).await;
        let response = asked.map_err(unanswered)?.response;
        if response.status() != StatusCode::OK {
            return Ok(Outcome::Refused(problem(place, response).await?));
        }
        let said: DryRunBody = response.json().await.context("a dry run says no outcome")?;
        Ok(if said.outcome == "exists" { Outcome::Repeated } else { Outcome::Adopted })
    }

    async fn credit(
        &self,
        place: &Place,
        account_id: &str,
        body: &CreditBody<'_>,
    ) -> anyhow::Result<Outcome> {
        let path = format!("/v1/accounts/{account_id}/credits");
        let asked = self.client.ask(&self.keys.operator, Method::POST, &path, Some(body)).await;
        outcome(place, asked.map_err(unanswered)?).await
    }

    async fn put(
        &self,
        place: &Place,
        key: &HeaderValue,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<Outcome> {
        let asked = self.client.ask(key, Method::PUT, path, Some(body)).await;
        outcome(place, asked.map_err(unanswered)?).await
    }
}

/// That nobody answered, with the exit code for it.
pub(super) fn unanswered(error: AskError) -> anyhow::Error {
    match &error {
        AskError::Silent { url, .. } => {
            let url = url.clone();
            anyhow::Error::from(error).context(Unreachable(url))
        }
        AskError::Request(_) => error.into(),
    }
}

async fn outcome(place: &Place, answered: Answered) -> anyhow::Result<Outcome> {
    let Answered { response, asked_before } = answered;
    Ok(match response.status() {
        StatusCode::CREATED => Outcome::Adopted,
        // The call whose answer was lost may have done it.
        StatusCode::OK if asked_before => Outcome::Adopted,
        StatusCode::OK => Outcome::Repeated,
        _ => Outcome::Refused(problem(place, response).await?),
    })
}

/// Why a row is refused. What would refuse every row ends the run.
pub(super) async fn problem(of: &impl Display, response: Response) -> anyhow::Result<ProblemBody> {
    let status = response.status();
    let problem: ProblemBody = response.json().await.map_err(|_| {
        anyhow!("{of}: the ledger answered {status} without a problem; is --url the ledger's?")
    })?;
    let ProblemBody { code, detail } = &problem;
    let of_all = ["unauthorized", "forbidden", "no-such-route", "method-not-allowed"];
    if status.is_server_error() || of_all.contains(&&**code) {
        bail!("{of}: the ledger answered {status}: {detail} ({code})");
    }
    Ok(problem)
}
