//! The keys that tokens are signed with: read from the issuer's server or a file at the start, then
//! now and again, and at once when a token comes whose key isn't known.
//!
//! A server that is down, slow or talks nonsense costs nobody anything but those whose tokens have
//! new keys: the keys that are known are believed until the time of grace is over.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use event_store::with_causes;
use reqwest::{Client, Url};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::{KeyRing, TokenKeys, TokenKeysError, Tokens};

use crate::http_client::{body_within, http_client};
use crate::token_config::{KeySource, TokenConfig};

/// The most bytes of a key set. The largest issuers' have about 20 KB.
const SET_BYTES_MAX: usize = 512 * 1024;

/// How long a server may take for its key set.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// The time between two looks, however many tokens come whose key isn't known.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest time between two looks while they fail: each waits about twice as long as the one
/// before it, from [`PAUSE`] on.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);

/// Reads the keys, and keeps reading them until `stop`. A file is read at once, and an error if it
/// can't be used. Nobody waits for a server but those who come with tokens: API keys are let in.
pub(super) async fn start(
    config: &TokenConfig,
    keys: &KeyRing,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Tokens>> {
    let Some((rules, source)) = config.rules() else { return Ok(None) };
    let tokens = Tokens::new(rules);
    let http = http_client().context("can't make an HTTP client for the keys of tokens")?;
    let mut reader = Reader {
        http,
        source,
        tokens: tokens.clone(),
        refresh: config.jwt_keys_refresh,
        grace: config.jwt_keys_grace,
        last_read: None,
        failures: 0,
    };
    let file = match &reader.source {
        KeySource::File(file) => Some(file.clone()),
        KeySource::Url(_) => None,
    };
    if let Some(file) = &file
        && let Err(error) = reader.look().await
    {
        let file = file.display();
        return Err(error).with_context(|| format!("can't use the keys of tokens in {file}"));
    }
    keys.let_in(tokens.clone());
    let looking = reader.keep_looking(file.is_some());
    tokio::spawn(stop.clone().run_until_cancelled_owned(looking));
    Ok(Some(tokens))
}

struct Reader {
    http: Client,
    source: KeySource,
    tokens: Tokens,
    refresh: Duration,
    grace: Duration,
    /// When the keys that are believed were read.
    last_read: Option<Instant>,
    /// How many looks have failed since one that didn't.
    failures: u32,
}

/// Why no keys could be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("can't read {0}")]
    File(PathBuf, #[source] std::io::Error),
    #[error("{0} is not a file")]
    NoFile(PathBuf),
    #[error("the server doesn't give its keys")]
    Server(#[source] reqwest::Error),
    #[error("the server answers with the status {0}")]
    Status(u16),
    #[error("there are more than {SET_BYTES_MAX} bytes, so it is no key set")]
    TooLong,
    #[error("what was read gives no keys")]
    Keys(#[from] TokenKeysError),
}

impl Reader {
    async fn keep_looking(mut self, has_looked: bool) {
        if !has_looked {
            drop(self.look().await);
        }
        loop {
            self.rest().await;
            // Told to those who look after the ledger, and tried again.
            drop(self.look().await);
        }
    }

    /// Waits until it is time for another look. While looks fail, no token makes it come sooner:
    /// whoever has a dot in a key could keep the ledger asking a server that is in trouble.
    async fn rest(&self) {
        if self.failures > 0 {
            let most = self.refresh.min(RETRY_AFTER_MAX);
            return tokio::time::sleep(back_off(self.failures, most, draw())).await;
        }
        let soonest = Instant::now() + PAUSE;
        tokio::select! {
            () = tokio::time::sleep(self.refresh) => {}
            () = self.tokens.wanted() => {}
        }
        tokio::time::sleep_until(soonest).await;
    }

    async fn look(&mut self) -> Result<(), ReadError> {
        self.tokens.begin_look();
        let begun = Instant::now();
        let read = self.read().await;
        match &read {
            Ok(keys) => {
                self.last_read = Some(begun);
                let count = keys.count();
                if self.tokens.replace(keys.clone()) {
                    tracing::info!(keys = count, "the keys of tokens have changed");
                } else if self.failures > 0 {
                    tracing::info!("the keys of tokens can be read again");
                }
            }
            Err(error) => {
                let why = with_causes(error);
                let keep = self.last_read.is_some_and(|read| read.elapsed() < self.grace);
                if self.failures == 0 || (!keep && self.last_read.is_some()) {
                    tracing::warn!(error = why, keep, "can't read the keys of tokens");
                }
                if !keep {
                    self.last_read = None;
                }
                self.tokens.fail(&why, keep);
            }
        }
        self.failures = if read.is_err() { self.failures.saturating_add(1) } else { 0 };
        read.map(drop)
    }

    async fn read(&self) -> Result<TokenKeys, ReadError> {
        let bytes = match &self.source {
            KeySource::Url(url) => self.get(url.clone()).await?,
            KeySource::File(file) => {
                let file = file.clone();
                let path = file.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&file)).await;
                let ended = |error| Err(ReadError::File(path, std::io::Error::other(error)));
                read.unwrap_or_else(ended)?
            }
        };
        Ok(TokenKeys::parse(&bytes)?)
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, ReadError> {
        // A URL may have a password in it.
        let server = |error: reqwest::Error| ReadError::Server(error.without_url());
        let request = self.http.get(url).header("accept", "application/json");
        let response = request.timeout(READ_WITHIN).send().await.map_err(server)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(ReadError::Status(response.status().as_u16()));
        }
        let body = body_within(SET_BYTES_MAX, response).await.map_err(server)?;
        body.ok_or(ReadError::TooLong)
    }
}

/// How long to rest after so many failures in a row: twice as long after each, but not for more
/// than `most`; less a part of up to a quarter, so that processes don't ask together.
fn back_off(failures: u32, most: Duration, part: u8) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let full = PAUSE.saturating_mul(doubled).min(most);
    full - full / 4 * part.into() / u8::MAX.into()
}

/// A random number; always the same where the operating system has none.
fn draw() -> u8 {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_or(0, |()| byte[0])
}

fn read_file(path: &Path) -> Result<Vec<u8>, ReadError> {
    let failed = |error| ReadError::File(path.to_owned(), error);
    // A pipe would be waited for.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ReadError::NoFile(path.to_owned()));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = vec![];
    let most = u64::try_from(SET_BYTES_MAX).unwrap_or(u64::MAX);
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > SET_BYTES_MAX { Err(ReadError::TooLong) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_fail_come_less_and_less_often_but_never_end() {
        let millis =
            |failures, most, part| back_off(failures, Duration::from_secs(most), part).as_millis();
        let full = [1, 2, 3, 4, 5, 99].map(|failures| millis(failures, 10, 0));
        assert_eq!(full, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!([1, 3, 99].map(|failures| millis(failures, 10, u8::MAX)), [750, 3_000, 7_500]);
        let often = [1, 2, 99].map(|failures| millis(failures, 1, 0));
        assert_eq!(often, [1_000; 3], "never less often than they are refreshed");
    }
}
