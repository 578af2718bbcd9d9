//! A running ledger as a tool sees it: calls over HTTP, each asked until it is answered.
//!
//! It knows what no answer means (503, 429, silence), and nothing of what is asked. A call that
//! carries the id of what it asks for can be asked again after a lost answer, and doubles nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use event_store::with_causes;
use log_record::{Partition, Place, Position};
use parking_lot::Mutex;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use wire::{read_positions, write_positions};

use crate::http_client::http_client;

/// With no answer on any connection for this long, a tool ends: the ledger is down.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// One call; the ledger itself answers 503 well before.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause where the ledger names none.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause where the ledger names none.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The longest pause that is believed from a `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// A running ledger.
pub(crate) struct LedgerClient {
    pub(crate) client: Client,
    pub(crate) url: String,
    answers: AtomicU64,
    heard_at: Mutex<Instant>,
    /// The last position that was answered, by partition: what is read contains it.
    written: Mutex<BTreeMap<Partition, Position>>,
}

/// An answer that decides.
pub(crate) struct Answered {
    pub(crate) response: Response,
    /// Whether the call was sent before, and its answer was lost or was none.
    pub(crate) asked_before: bool,
}

/// Why a call wasn't answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("can't make a request; --url must look like http://127.0.0.1:8080")]
    Request(#[source] reqwest::Error),

    #[error(
        "the ledger at {url} has not answered for {} seconds; run the same command again to continue \
         (last error: {last})", after.as_secs()
    )]
    Silent { url: String, after: Duration, last: String },
}

/// What a tool shows of a problem document.
#[derive(Debug, Deserialize)]
pub(crate) struct ProblemBody {
    pub(crate) code: String,
    pub(crate) detail: String,
}

impl LedgerClient {
    /// Connects to nothing yet.
    pub(crate) fn new(url: &str) -> reqwest::Result<Self> {
        Ok(Self {
            client: http_client()?,
            url: url.trim_end_matches('/').to_owned(),
            answers: AtomicU64::new(0),
            heard_at: Mutex::new(Instant::now()),
            written: Mutex::default(),
        })
    }

    /// How many calls were answered for good.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Asks until the ledger says yes or no.
    pub(crate) async fn ask(
        &self,
        key: &HeaderValue,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answered, AskError> {
        let asked_at = Instant::now();
        let mut pauses = pauses();
        let mut asked_before = false;
        loop {
            let mut request = self
                .client
                .request(method.clone(), format!("{}{path}", self.url))
                .timeout(CALL_TIMEOUT)
                .header(AUTHORIZATION, key.clone());
            if let Some(body) = body {
                request = request.json(body);
            }
            if let Some((name, written)) = self.written().filter(|_| method == Method::GET) {
                request = request.header(name, written);
            }
            let request = request.build().map_err(AskError::Request)?;
            let pause = pauses.next().unwrap_or(PAUSE_MAX);
            let wait = match self.client.execute(request).await {
                Err(error) => {
                    self.give_up_after_silence(asked_at, || with_causes(&error))?;
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
                        self.note_position(&response);
                        return Ok(Answered { response, asked_before });
                    }
                },
            };
            tokio::time::sleep(wait).await;
            asked_before = true;
        }
    }

    /// The positions that were written, as a header.
    fn written(&self) -> Option<(HeaderName, HeaderValue)> {
        let written = self.written.lock();
        let places = written.iter();
        let places = places.map(|(&partition, &position)| Place { partition, position });
        write_positions(places).ok().flatten()
    }

    /// A call may have reached several partitions.
    fn note_position(&self, response: &Response) {
        let places = read_positions(response.headers()).unwrap_or_default();
        let mut written = self.written.lock();
        for Place { partition, position } in places {
            let last = written.entry(partition).or_insert(position);
            *last = position.max(*last);
        }
    }

    fn heard(&self) {
        *self.heard_at.lock() = Instant::now();
    }

    fn give_up_after_silence(
        &self,
        asked_at: Instant,
        last: impl FnOnce() -> String,
    ) -> Result<(), AskError> {
        // While nothing was asked, nothing could be heard.
        let heard_at = *self.heard_at.lock();
        let after = heard_at.max(asked_at).elapsed();
        if after < SILENCE_MAX {
            return Ok(());
        }
        Err(AskError::Silent { url: self.url.clone(), after, last: last() })
    }
}

/// The header in which a key is sent; it is never shown.
pub(crate) fn bearer(key: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {key}"))?;
    value.set_sensitive(true);
    Ok(value)
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
