//! `GET /v1/accounts/{account_id}`: what a shopper has.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, UnitId};
use log_record::Place;
use read_model::{NEVER, Reading};
use wire::body::{AccountBalanceBody, UnitBalanceBody};
use wire::{Caller, JsonAnswer, PathId, Problem, QueryString, json_with_etag};

use crate::account_reads::read_account;
use crate::cache::Balance;
use crate::cell::{place, sum};
use crate::clock::{Clock, now};
use crate::freshness::wanted_positions;
use crate::past::{AtQuery, PastOf};
use crate::standing::{Standing, Wallet, is_there};
use crate::{QueryApi, failed};

/// How far a shopper is shown ahead what will expire.
const EXPIRING_DAYS: i64 = 30;

pub(crate) async fn get_account(
    State(api): State<QueryApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    QueryString(AtQuery { at }): QueryString<AtQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(at) = at {
        let of = PastOf::Account(account_id.clone());
        let mut reading = api.reading_at(&caller, &headers, at, of).await?;
        return json_with_etag(&headers, &read_balance(&mut reading, &account_id).await?);
    }
    let wanted = wanted_positions(&api, &headers)?;
    let answer = api.balance(&account_id, &wanted, &headers).await?;
    answer.ok_or_else(|| no_account(&account_id))
}

impl Balance {
    /// Reads it anew, in an era of the projector's changes.
    pub(crate) async fn read(
        api: &QueryApi,
        account_id: &AccountId,
        wanted: &[Place],
        era: u64,
    ) -> Result<Self, Problem> {
        let (as_of, recorded) = read_account(api, account_id, wanted).await?;
        if recorded.as_ref().is_some_and(|recorded| recorded.has_family) {
            return Self::of_family(api, account_id, wanted, era).await;
        }
        let from = now(&as_of);
        let standing = recorded.map(|recorded| Standing::of(recorded, from)).transpose();
        let standing = standing.map_err(failed)?;
        Ok(Self {
            until: standing.as_ref().map_or(NEVER, |found| found.stands_until(EXPIRING_DAYS)),
            answer: standing.map(|found| JsonAnswer::of(&body(account_id, &found)?)).transpose()?,
            position: as_of.position_of(account_id),
            clock: Clock::of(&as_of),
            from,
            era,
        })
    }

    /// Of several accounts nobody says when it isn't current any more: it is read for each answer.
    async fn of_family(
        api: &QueryApi,
        account_id: &AccountId,
        wanted: &[Place],
        era: u64,
    ) -> Result<Self, Problem> {
        let mut reading = api.reading(wanted).await?;
        let standing = read_standing(&mut reading, account_id).await?;
        let (as_of, from) = (reading.as_of(), standing.now);
        Ok(Self {
            until: from,
            answer: Some(JsonAnswer::of(&body(account_id, &standing)?)?),
            position: as_of.position_of(account_id),
            clock: Clock::of(as_of),
            from,
            era,
        })
    }
}

fn body(account_id: &AccountId, standing: &Standing) -> Result<AccountBalanceBody, Problem> {
    let units = standing.wallets.iter().map(|(unit, wallet)| Ok((*unit, unit_balance(wallet)?)));
    let family = standing.family.as_ref();
    let UnitBalanceBody { available, held, pending, owed, expiring_within_30_days } =
        unit_balance(&standing.wallet(UnitId::POINTS))?;
    Ok(AccountBalanceBody {
        account_id: account_id.clone(),
        available,
        held,
        pending,
        owed,
        expiring_within_30_days,
        units: units.collect::<Result<_, Problem>>()?,
        tiers: standing.tiers.bodies(),
        merged_into: family.and_then(|family| family.merged_into(account_id)),
        shows: family.map(|family| family.accounts.clone()).unwrap_or_default(),
        position: place(standing.partition, standing.position)?,
    })
}

fn unit_balance(wallet: &Wallet) -> Result<UnitBalanceBody, Problem> {
    Ok(UnitBalanceBody {
        available: sum(wallet.available())?,
        held: sum(wallet.held())?,
        pending: sum(wallet.pending())?,
        owed: sum(wallet.owed)?,
        expiring_within_30_days: sum(wallet.expiring_within(EXPIRING_DAYS))?,
    })
}

/// An account's balance at the time of a read; 404 where there is no such account.
pub async fn read_balance(
    reading: &mut Reading,
    account_id: &AccountId,
) -> Result<AccountBalanceBody, Problem> {
    body(account_id, &read_standing(reading, account_id).await?)
}

/// An account's credit now; 404 where there is no such account.
pub(crate) async fn read_standing(
    reading: &mut Reading,
    account_id: &AccountId,
) -> Result<Standing, Problem> {
    let standing = Standing::read(reading, account_id).await.map_err(failed)?;
    standing.ok_or_else(|| no_account(account_id))
}

/// 404 where there is no such account.
pub(crate) async fn check_exists(
    reading: &mut Reading,
    account_id: &AccountId,
) -> Result<(), Problem> {
    let is_there = is_there(reading, account_id.as_str()).await.map_err(failed)?;
    is_there.then_some(()).ok_or_else(|| no_account(account_id))
}

/// 404 of an account.
pub(crate) fn no_account(account_id: &AccountId) -> Problem {
    Problem::not_found(format!(
        "The account {account_id} doesn't exist. Give it credit, or open it with PUT."
    ))
}
