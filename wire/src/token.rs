//! Tokens: JSON Web Tokens that an identity provider signs for its users. A token lets in whoever
//! bears it, as a key does, and with nothing stored in the ledger.
//!
//! A token is believed if it is signed by RS256, ES256 or `EdDSA` with a key that the issuer
//! publishes at this time, and names the issuer, an audience and an expiry. Where the keys come
//! from is elsewhere: whoever reads them hands them over by [`Tokens::replace`].

mod error;
mod jwks;
mod rules;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, Validation};
use parking_lot::RwLock;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use tokio::sync::{Notify, Semaphore, watch};

use crate::{ApiKey, KeyHash, Problem};

pub(crate) use error::TokenError;
pub use jwks::{TokenKeys, TokenKeysError};
pub use rules::{ClaimName, TokenRules};

/// How far the issuer's clock may be from this machine's.
const LEEWAY: Duration = Duration::from_secs(30);

/// The longest token, in bytes. A request's header has room for 16 KiB of all its lines.
const TOKEN_BYTES_MAX: usize = 12 * 1024;

/// How many tokens are kept that were checked already, about 6 MB. To check a signature takes tens
/// of microseconds.
const TOKENS_KNOWN_MAX: usize = 16_384;

/// How long a request waits for the keys to be read again, if its token's key is unknown.
const LOOK_MAX: Duration = Duration::from_secs(3);

/// How many requests wait for that at a time. Others are answered at once: they hold connections,
/// and a stranger can send such tokens, too.
const WAITING_MAX: usize = 64;

/// What lets in tokens. Clones share the keys.
#[derive(Clone)]
pub struct Tokens(Arc<Shared>);

struct Shared {
    rules: TokenRules,
    /// One for each algorithm, so that a token can't choose among several.
    validations: [(Algorithm, Validation); 3],
    held: RwLock<Held>,
    known: Cache<KeyHash, Known>,
    looks: watch::Sender<Looks>,
    wanted: Notify,
    /// A permit for each request that may wait for a look.
    waiting: Semaphore,
}

/// The keys that are believed.
#[derive(Clone)]
struct Held {
    keys: Option<Arc<TokenKeys>>,
    /// Other keys have another number.
    number: u64,
    /// Why the last look for keys gave none.
    trouble: Option<Arc<str>>,
}

/// A token that was checked.
#[derive(Clone)]
struct Known {
    bearer: Arc<ApiKey>,
    /// The number of the keys that it was checked with.
    number: u64,
}

/// How often the keys were looked for.
#[derive(Clone, Copy, Default)]
struct Looks {
    begun: u64,
    ended: u64,
}

/// What there is to say about the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKeysStatus {
    /// How many keys are believed.
    pub keys: usize,
    /// Why the last look for keys gave none.
    pub trouble: Option<Arc<str>>,
}

/// Why a token isn't let in.
#[derive(Debug)]
pub(crate) enum NotLetIn {
    /// It is bad.
    Bad(TokenError),
    /// Its key isn't known here, and may be known after another look.
    KeyUnknown,
}

impl Tokens {
    /// Lets in tokens by these rules, once there are keys.
    #[must_use]
    pub fn new(rules: TokenRules) -> Self {
        let validation = |algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.leeway = LEEWAY.as_secs();
            validation.validate_nbf = true;
            validation.set_issuer(&[&rules.issuer]);
            validation.set_audience(&rules.audiences);
            validation.set_required_spec_claims(&["exp", "iss", "aud"]);
            (algorithm, validation)
        };
        let validations = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA].map(validation);
        let trouble = Some("they were not read yet".into());
        Self(Arc::new(Shared {
            rules,
            validations,
            held: RwLock::new(Held { keys: None, number: 0, trouble }),
            known: Cache::new(TOKENS_KNOWN_MAX),
            looks: watch::Sender::default(),
            wanted: Notify::new(),
            waiting: Semaphore::new(WAITING_MAX),
        }))
    }

    /// Whether a text may be a token: no key has a dot.
    pub(crate) fn is_one(text: &str) -> bool {
        text.contains('.')
    }

    /// The bearer of a token that was checked before, with the keys that are believed now.
    pub(crate) fn known(&self, token: &str, now: i64) -> Option<Arc<ApiKey>> {
        let Shared { known, held, .. } = &*self.0;
        let held = held.read();
        let number = held.keys.as_ref().map(|_| held.number)?;
        drop(held);
        if !Self::is_one(token) || token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let known = known.get(&KeyHash::of(token)).filter(|known| known.number == number)?;
        known.bearer.is_valid(now).then_some(known.bearer)
    }

    /// The bearer of a token.
    pub(crate) fn check(&self, token: &str, now: i64) -> Result<Arc<ApiKey>, NotLetIn> {
        let Shared { known, held, .. } = &*self.0;
        let Held { keys, number, .. } = held.read().clone();
        let Some(keys) = keys else { return Err(NotLetIn::KeyUnknown) };
        if token.len() > TOKEN_BYTES_MAX {
            return Err(NotLetIn::Bad(TokenError::Malformed));
        }
        let hash = KeyHash::of(token);
        let bearer = match known.get(&hash).filter(|known| known.number == number) {
            Some(known) => known.bearer,
            None => {
                let bearer = Arc::new(self.check_whole(token, &keys)?);
                known.insert(hash, Known { bearer: Arc::clone(&bearer), number });
                bearer
            }
        };
        if bearer.is_valid(now) { Ok(bearer) } else { Err(NotLetIn::Bad(TokenError::Expired)) }
    }

    fn check_whole(&self, token: &str, keys: &TokenKeys) -> Result<ApiKey, NotLetIn> {
        let Shared { validations, rules, .. } = &*self.0;
        let bad = NotLetIn::Bad;
        let (algorithm, id) = read_header(token).map_err(bad)?;
        let validation = validations.iter().find(|(known, _)| *known == algorithm);
        let (_, validation) = validation.ok_or(bad(TokenError::Algorithm))?;
        let Some(key) = keys.find(id.as_deref(), algorithm) else {
            return Err(NotLetIn::KeyUnknown);
        };
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.key, validation);
        let claims = decoded.map_err(|error| bad(error.into()))?.claims;
        // The library would also take a list of issuers.
        if claims.get("iss").is_none_or(|issuer| !issuer.is_string()) {
            return Err(bad(TokenError::Issuer));
        }
        rules.bearer(&claims, id.as_deref()).map_err(bad)
    }

    /// Believes these keys from now on, and no others; tells whether that is news.
    pub fn replace(&self, keys: TokenKeys) -> bool {
        let mut held = self.0.held.write();
        let is_news = held.keys.as_deref() != Some(&keys);
        held.trouble = None;
        if is_news {
            held.keys = Some(Arc::new(keys));
            held.number += 1;
        }
        drop(held);
        self.end_look();
        is_news
    }

    /// Notes that no keys could be read; those from before are believed on, if `keep`.
    pub fn fail(&self, trouble: &str, keep: bool) {
        let mut held = self.0.held.write();
        held.trouble = Some(trouble.into());
        if !keep {
            held.keys = None;
        }
        drop(held);
        self.end_look();
    }

    /// Notes that a look for keys begins. It ends by [`Tokens::replace`] or [`Tokens::fail`].
    pub fn begin_look(&self) {
        self.0.looks.send_modify(|looks| looks.begun += 1);
    }

    fn end_look(&self) {
        self.0.looks.send_modify(|looks| looks.ended = looks.begun);
    }

    /// Ends when somebody came with a token whose key isn't known.
    pub async fn wanted(&self) {
        self.0.wanted.notified().await;
    }

    /// Waits for a look for keys that begins from now on, but not for long, and not beside too many
    /// others; tells whether it ended.
    pub(crate) async fn look_again(&self) -> bool {
        let mut looks = self.0.looks.subscribe();
        // One that has begun may have read the keys of before; but the first shows them all.
        let Looks { begun, ended } = *looks.borrow();
        let next = if ended == 0 { 1 } else { begun + 1 };
        self.0.wanted.notify_one();
        let Ok(_permit) = self.0.waiting.try_acquire() else { return false };
        let ended = looks.wait_for(|looks| looks.ended >= next);
        tokio::time::timeout(LOOK_MAX, ended).await.is_ok()
    }

    /// What is answered to a token whose key isn't known, after another look which has ended or
    /// not.
    pub(crate) fn key_unknown(&self, has_looked: bool) -> Problem {
        let has_trouble = self.0.held.read().trouble.is_some();
        if has_looked && !has_trouble {
            TokenError::UnknownKey.problem()
        } else {
            Problem::token_keys_unavailable()
        }
    }

    /// What there is to say about the keys.
    #[must_use]
    pub fn status(&self) -> TokenKeysStatus {
        let Held { keys, trouble, .. } = self.0.held.read().clone();
        TokenKeysStatus { keys: keys.map_or(0, |keys| keys.count()), trouble }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("issuer", &self.0.rules.issuer).finish_non_exhaustive()
    }
}

/// A token's algorithm and the id of its key, which nothing vouches for as yet.
fn read_header(token: &str) -> Result<(Algorithm, Option<String>), TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|error| {
        use jsonwebtoken::errors::ErrorKind;
        // An algorithm that the library doesn't know, or none.
        match error.kind() {
            ErrorKind::Json(error) if error.to_string().contains("unknown variant") => {
                TokenError::Algorithm
            }
            _ => TokenError::Malformed,
        }
    })?;
    let is_access = header.typ.as_deref().is_none_or(|typ| {
        let typ = typ.to_ascii_lowercase();
        ["jwt", "at+jwt", "application/at+jwt"].contains(&typ.as_str())
    });
    if !is_access {
        return Err(TokenError::Type);
    }
    Ok((header.alg, header.kid))
}
