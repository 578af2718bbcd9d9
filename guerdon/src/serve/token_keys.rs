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

use crate::http_client::http_client;
use crate::token_config::{KeySource, TokenConfig};

/// The most bytes of a key set. The largest issuers' have about 20 KB.
const SET_BYTES_MAX: usize = 512 * 1024;

/// How long a server may take for its key set.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// The time between two looks, however many tokens come whose key isn't known.
const PAUSE: Duration = Duration::from_secs(1);

/// How soon another look follows one that failed.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Reads the keys, and keeps reading them until `stop`. A file that can't be used is an error; a
/// server that doesn't answer may do so later, and meanwhile API keys are let in.
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
        is_failing: false,
    };
    if let (Err(error), KeySource::File(file)) = (reader.look().await, &reader.source) {
        let file = file.display();
        return Err(error).with_context(|| format!("can't use the keys of tokens in {file}"));
    }
    keys.let_in(tokens.clone());
    tokio::spawn(stop.clone().run_until_cancelled_owned(reader.keep_looking()));
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
    is_failing: bool,
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
    async fn keep_looking(mut self) {
        loop {
            let ended = Instant::now();
            let pause = if self.is_failing { self.refresh.min(RETRY_AFTER) } else { self.refresh };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.tokens.wanted() => {}
            }
            tokio::time::sleep_until(ended + PAUSE).await;
            // Told to those who look after the ledger, and tried again.
            drop(self.look().await);
        }
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
                } else if self.is_failing {
                    tracing::info!("the keys of tokens can be read again");
                }
            }
            Err(error) => {
                let why = with_causes(error);
                let keep = self.last_read.is_some_and(|read| read.elapsed() < self.grace);
                if !self.is_failing || (!keep && self.last_read.is_some()) {
                    tracing::warn!(error = why, keep, "can't read the keys of tokens");
                }
                if !keep {
                    self.last_read = None;
                }
                self.tokens.fail(&why, keep);
            }
        }
        self.is_failing = read.is_err();
        read.map(drop)
    }

    async fn read(&self) -> Result<TokenKeys, ReadError> {
        let bytes = match &self.source {
            KeySource::Url(url) => self.get(url.clone()).await?,
            KeySource::File(file) => {
                let file = file.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&file)).await;
                // It doesn't panic, and isn't cancelled.
                read.unwrap_or(Err(ReadError::TooLong))?
            }
        };
        Ok(TokenKeys::parse(&bytes)?)
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, ReadError> {
        // A URL may have a password in it.
        let server = |error: reqwest::Error| ReadError::Server(error.without_url());
        let request = self.http.get(url).header("accept", "application/json");
        let mut response = request.timeout(READ_WITHIN).send().await.map_err(server)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(ReadError::Status(response.status().as_u16()));
        }
        let mut bytes = vec![];
        while let Some(more) = response.chunk().await.map_err(server)? {
            if bytes.len() + more.len() > SET_BYTES_MAX {
                return Err(ReadError::TooLong);
            }
            bytes.extend_from_slice(&more);
        }
        Ok(bytes)
    }
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
