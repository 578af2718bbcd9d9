//! The ledger as the import sees it: three calls over HTTP, each asked until it is answered.
//!
//! It knows the status codes and nothing of days or journals. Every call carries the id of what it
//! asks for, so asking again after a lost answer doubles nothing.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use chrono::SecondsFormat;
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::credits::Credit;
use super::error::ImportError;
use super::place::Place;
use super::rows::Redemption;
use crate::http_client::http_client;

/// With no answer on any connection for this long, the import ends: the ledger is down.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// One call; the ledger itself answers 503 well before.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause where the ledger names none.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause where the ledger names none.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The longest pause that is believed from a `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

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
    client: Client,
    url: String,
    keys: Keys,
    answers: AtomicU64,
    heard_at: Mutex<Instant>,
}

impl Ledger {
    /// Connects to nothing yet. `api_keys` is the file that an embedded ledger writes.
    pub(crate) fn new(url: &str, api_keys: &Path) -> Result<Self, ImportError> {
        let client = http_client().map_err(ImportError::Client)?;
        Ok(Self {
            client,
            url: url.trim_end_matches('/').to_owned(),
            keys: read_keys(api_keys)?,
            answers: AtomicU64::new(0),
            heard_at: Mutex::new(Instant::now()),
        })
    }

    /// Whether the ledger takes its time from what is imported: by the wall clock, what a history
    /// lets expire would be gone before its redemptions are asked for.
    pub(crate) async fn check_clock(&self) -> Result<(), ImportError> {
        let silent = |source| ImportError::NoHealth { url: self.url.clone(), source };
        let asked = self
            .client
            .get(format!("{}/health/ready", self.url))
            .timeout(CALL_TIMEOUT)
            .send()
            .await;
        let health: HealthBody = asked.map_err(silent)?.json().await.map_err(silent)?;
        match health.clock.as_deref() {
            Some("commands") => Ok(()),
            clock => {
                let clock = clock.unwrap_or("unknown").to_owned();
                Err(ImportError::OtherClock { url: self.url.clone(), clock })
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
        self.answers.load(Ordering::Relaxed)
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
        let asked_at = Instant::now();
        let mut pauses = pauses();
        let mut asked_before = false;
        loop {
            let request = self
                .client
                .request(method.clone(), format!("{}{path}", self.url))
                .timeout(CALL_TIMEOUT)
                .header(AUTHORIZATION, self.keys.of(role))
                .json(body)
                .build()
                .map_err(|source| ImportError::Request { place: place.clone(), source })?;
            let pause = pauses.next().unwrap_or(PAUSE_MAX);
            let wait = match self.client.execute(request).await {
                Err(error) => {
                    self.give_up_after_silence(asked_at, || chain(&error))?;
                    pause
                }
                Ok(response) => match response.status() {
                    StatusCode::TOO_MANY_REQUESTS => {
                        // A ledger that counts calls is alive, however long it lets them wait.
                        self.heard();
                        retry_after(&response).unwrap_or(pause)
                    }
                    StatusCode::SERVICE_UNAVAILABLE => {
                        self.give_up_after_silence(asked_at, || {
                            "503 Service Unavailable".to_owned()
                        })?;
                        retry_after(&response).unwrap_or(pause)
                    }
                    _ => {
                        self.heard();
                        self.answers.fetch_add(1, Ordering::Relaxed);
                        return answer(place, role, asked_before, response).await;
                    }
                },
            };
            tokio::time::sleep(wait).await;
            asked_before = true;
        }
    }

    fn heard(&self) {
        *self.heard_at.lock() = Instant::now();
    }

    fn give_up_after_silence(
        &self,
        asked_at: Instant,
        last: impl FnOnce() -> String,
    ) -> Result<(), ImportError> {
        // While nothing was asked, nothing could be heard.
        let heard_at = *self.heard_at.lock();
        let after = heard_at.max(asked_at).elapsed();
        if after < SILENCE_MAX {
            return Ok(());
        }
        Err(ImportError::Silent { url: self.url.clone(), after, last: last() })
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

/// What the import shows of a problem document.
#[derive(Deserialize)]
struct ProblemBody {
    code: String,
    detail: String,
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

/// Each pause is twice the last, up to the longest.
fn pauses() -> ExponentialBackoff {
    let pauses = ExponentialBuilder::new().with_min_delay(PAUSE_MIN).with_max_delay(PAUSE_MAX);
    pauses.without_max_times().build()
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).clamp(PAUSE_MIN, RETRY_AFTER_MAX))
}

fn read_keys(file: &Path) -> Result<Keys, ImportError> {
    let unreadable = |source| ImportError::Unreadable { file: file.into(), source };
    let text = std::fs::read(file).map_err(unreadable)?;
    let keys: KeysFile = serde_json::from_slice(&text)
        .map_err(|source| ImportError::Keys { file: file.into(), source })?;
    let bearer = |role, key: &str| {
        let value = HeaderValue::try_from(format!("Bearer {key}"));
        let mut value =
            value.map_err(|source| ImportError::Key { file: file.into(), role, source })?;
        value.set_sensitive(true);
        Ok(value)
    };
    Ok(Keys {
        merchant: bearer("merchant", &keys.merchant)?,
        operator: bearer("operator", &keys.operator)?,
        shopper: bearer("shopper", &keys.shopper)?,
    })
}

/// An error and its causes, as one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
