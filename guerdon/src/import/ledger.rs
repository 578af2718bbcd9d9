//! The ledger as the import sees it: three calls.
//!
//! It knows the status codes and nothing of days or journals. Every call carries the id of what it
//! asks for, so asking again after a lost answer doubles nothing.

use std::path::Path;

use chrono::SecondsFormat;
use reqwest::header::HeaderValue;
use reqwest::{Method, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::credits::Credit;
use super::error::ImportError;
use super::rows::Redemption;
use crate::csv_rows::Place;
use crate::ledger_client::{Answered, CALL_TIMEOUT, LedgerClient, ProblemBody, bearer};

/// Which key a call is made with.
#[derive(Clone, Copy, Debug)]
enum Role {
    Merchant,
    Operator,
    Shopper,
}

/// A key of each role that an import acts in.
struct Keys {
    merchant: HeaderValue,
    operator: HeaderValue,
    shopper: HeaderValue,
}

/// How the ledger answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is done now.
    New,
    /// It had been done before this call.
    Repeated,
    /// It had been done when the call was sent again; perhaps by the call whose answer was lost.
    DoneOnRetry,
    /// It will not be done; only a redemption is answered so.
    Refused { code: String },
}

/// A running ledger.
pub(crate) struct Ledger {
    client: LedgerClient,
    keys: Keys,
}

impl Ledger {
    /// Connects to nothing yet. `api_keys` is the file that an embedded ledger writes.
    pub(crate) fn new(url: &str, api_keys: &Path) -> Result<Self, ImportError> {
        let client = LedgerClient::new(url).map_err(ImportError::Client)?;
        Ok(Self { client, keys: read_keys(api_keys)? })
    }

    /// Whether the ledger takes its time from what is imported: by the wall clock, what a history
    /// lets expire would be gone before its redemptions are asked for.
    pub(crate) async fn check_clock(&self) -> Result<(), ImportError> {
        let LedgerClient { client, url, .. } = &self.client;
        let silent = |source| ImportError::NoHealth { url: url.clone(), source };
        let asked = client.get(format!("{url}/health/ready")).timeout(CALL_TIMEOUT).send().await;
        let health: HealthBody = asked.map_err(silent)?.json().await.map_err(silent)?;
        match health.clock.as_deref() {
            Some("commands") => Ok(()),
            clock => {
                let clock = clock.unwrap_or("unknown").to_owned();
                Err(ImportError::OtherClock { url: url.clone(), clock })
            }
        }
    }

    /// Opens `product_id` as an offer without a limit, under the product's own id.
    pub(crate) async fn open_offer(
        &self,
        place: &Place,
        product_id: &str,
        price: u64,
    ) -> Result<Answer, ImportError> {
        let path = format!("/v1/offers/{product_id}");
        let body = OfferBody { product_id, price, stock: None };
        self.ask(place, Role::Operator, Method::PUT, &path, &body).await
    }

    /// Credits a basket.
    pub(crate) async fn credit(&self, credit: &Credit) -> Result<Answer, ImportError> {
        let Credit { purchase, points, expires_at } = credit;
        let path = format!("/v1/accounts/{}/credits", purchase.account_id);
        let cause = CauseBody { kind: "purchase", id: &purchase.purchase_id };
        let (expires_at, occurred_at) = (expires_at.as_deref(), &*purchase.purchased_at);
        let body = CreditBody { points: *points, cause, expires_at, occurred_at };
        self.ask(&purchase.place, Role::Merchant, Method::POST, &path, &body).await
    }

    /// Asks for one unit of the redeemed product, at the end of its day.
    pub(crate) async fn redeem(&self, redemption: &Redemption) -> Result<Answer, ImportError> {
        let Redemption { place, account_id, product_id, day, .. } = redemption;
        let path = format!("/v1/accounts/{account_id}/exchanges/{}", redemption.exchange_id());
        let body = ExchangeBody {
            offer_id: product_id,
            quantity: 1,
            deliver_to: format!("household {account_id}"),
            occurred_at: day.end().to_rfc3339_opts(SecondsFormat::Secs, true),
        };
        self.ask(place, Role::Shopper, Method::PUT, &path, &body).await
    }

    /// How many calls were answered for good.
    pub(crate) fn answers(&self) -> u64 {
        self.client.answers()
    }

    /// Asks until the ledger says yes or no.
    async fn ask(
        &self,
        place: &Place,
        role: Role,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, ImportError> {
        let asked = self.client.ask(&self.keys.of(role), method, path, Some(body)).await;
        let Answered { response, asked_before } = asked.map_err(ImportError::unasked(place))?;
        answer(place, role, asked_before, response).await
    }
}

impl Keys {
    fn of(&self, role: Role) -> HeaderValue {
        match role {
            Role::Merchant => self.merchant.clone(),
            Role::Operator => self.operator.clone(),
            Role::Shopper => self.shopper.clone(),
        }
    }
}

#[derive(Serialize)]
struct OfferBody<'a> {
    product_id: &'a str,
    price: u64,
    stock: Option<u64>,
}

#[derive(Serialize)]
struct CreditBody<'a> {
    points: u64,
    cause: CauseBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<&'a str>,
    occurred_at: &'a str,
}

#[derive(Serialize)]
struct CauseBody<'a> {
    kind: &'a str,
    id: &'a str,
}

#[derive(Serialize)]
struct ExchangeBody<'a> {
    offer_id: &'a str,
    quantity: u32,
    deliver_to: String,
    occurred_at: String,
}

#[derive(Deserialize)]
struct HealthBody {
    clock: Option<String>,
}

#[derive(Deserialize)]
struct KeysFile {
    merchant: String,
    operator: String,
    shopper: String,
}

/// The answer that a decided call's status means.
async fn answer(
    place: &Place,
    role: Role,
    asked_before: bool,
    response: Response,
) -> Result<Answer, ImportError> {
    let status = response.status();
    match (status, asked_before) {
        (StatusCode::CREATED, _) => return Ok(Answer::New),
        (StatusCode::OK, false) => return Ok(Answer::Repeated),
        (StatusCode::OK, true) => return Ok(Answer::DoneOnRetry),
        _ => {}
    }
    let problem = response.json::<ProblemBody>().await;
    let detail = match problem {
        Ok(problem) if status == StatusCode::CONFLICT && matches!(role, Role::Shopper) => {
            return Ok(Answer::Refused { code: problem.code });
        }
        Ok(problem) => format!("{} ({})", problem.detail, problem.code),
        Err(_) => "no problem document came with it; is --url the ledger's?".to_owned(),
    };
    Err(ImportError::Answer { place: place.clone(), status: status.as_u16(), detail })
}

fn read_keys(file: &Path) -> Result<Keys, ImportError> {
    let unreadable = |source| ImportError::Unreadable { file: file.into(), source };
    let text = std::fs::read(file).map_err(unreadable)?;
    let keys: KeysFile = serde_json::from_slice(&text)
        .map_err(|source| ImportError::Keys { file: file.into(), source })?;
    let header = |role, key: &str| {
        bearer(key).map_err(|source| ImportError::Key { file: file.into(), role, source })
    };
    Ok(Keys {
        merchant: header("merchant", &keys.merchant)?,
        operator: header("operator", &keys.operator)?,
        shopper: header("shopper", &keys.shopper)?,
    })
}
