//! The API keys: made, revoked and rotated here, kept beside the log as hashes, and let in by every
//! process of the ledger.
//!
//! They are no part of the ledger's facts, so nothing of this goes through the writer or becomes an
//! event. Who makes and revokes keys is in the program's log.

use std::sync::Arc;
use std::time::Duration;

use domain::{AccountId, Timestamp};
use event_store::{ApiKeyChange, ApiKeyRow, EventStore, StoreError, with_causes};
use log_record::{Principal, UnrecordedCall, hex};
use tokio::sync::Mutex;
use uuid::Uuid;
use wire::{ApiKey, KeyHash, KeyRing, Role, Scopes};

use crate::ReadClock;

/// How often a process looks for changes of the keys. Every process that reaches the store refuses
/// a revoked key within 5 s.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often the last uses are written.
const NOTE_USES_EVERY: Duration = Duration::from_secs(60);

/// The longest label or name, in characters: it is for one line of a list.
const TEXT_CHARACTERS_MAX: usize = 100;

/// The characters after `k-` in a key's id. Among a million keys with 40 random bits each, two get
/// the same id with a chance of about one in three; the store then refuses the second key.
const ID_CHARACTERS: usize = 8;

/// Without those that are easily mistaken for another: no i, l, o or u.
const ID_ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The keys of a ledger. Clones share what is let in.
#[derive(Clone, Debug)]
pub struct KeyBook {
    store: EventStore,
    ring: KeyRing,
    /// Held from reading the keys to letting them in, so that an older list never follows a newer.
    reading: Arc<Mutex<()>>,
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What its holder is to the ledger.
    pub role: Role,
    /// What it is for, for those who look through the list.
    pub label: String,
    /// What it may do less than its role.
    pub scopes: Scopes,
    /// The one account that a shopper's key is for.
    pub account_id: Option<AccountId>,
    /// The person who holds it. It goes into the private text of what is recorded with the key.
    pub name: Option<String>,
    /// The expiry: the key is refused from this time on.
    pub expires_at: Option<Timestamp>,
}

/// A key that was made: its text is here, and nowhere else from now on.
#[derive(Clone)]
pub struct MadeKey {
    /// The text that callers show.
    pub text: String,
    /// The key's stored fields, without its text.
    pub key: Key,
}

/// A key's stored fields, without its text.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// What its holder is to the ledger.
    pub role: Role,
    /// What it is for.
    pub label: String,
    /// What it may do less than its role.
    pub scopes: Scopes,
    /// The one account that it is for.
    pub account_id: Option<String>,
    /// The person who holds it.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The expiry: the key is refused from this time on.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last let in by a command API.
    pub last_used_at: Option<Timestamp>,
}

/// Whether a key is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It is.
    Valid,
    /// Its time is over.
    Expired,
    /// An operator ended it.
    Revoked,
}

/// Why nothing was done about a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A key can't be made so.
    #[error("the {field} of a key {complaint}")]
    Invalid {
        /// The name of the invalid field.
        field: &'static str,
        /// Reads on after the field's name.
        complaint: String,
    },
    /// There is no such key.
    #[error("there is no key {0}; guerdon keys list shows all keys")]
    Unknown(String),
    /// A key that has ended can't be rotated.
    #[error("the key {0} has expired or was revoked; create a new key instead")]
    Ended(String),
    /// The log has no keys yet.
    #[error("the log has no API keys yet; the command API makes them at its first start")]
    None,
    /// The store failed.
    #[error("can't read or write the API keys")]
    Store(#[from] StoreError),
    /// The operating system gave no random bits.
    #[error("the operating system gives no random bits")]
    Random(#[from] getrandom::Error),
    /// The store holds a key that this build doesn't understand.
    #[error(
        "the log's API key {id} has an unknown {what}; run the build that made it, or a newer one"
    )]
    Damaged {
        /// The key's id.
        id: String,
        /// What isn't understood.
        what: &'static str,
    },
}

impl KeyBook {
    /// The keys of the log in `store`; those in `ring` are let in.
    #[must_use]
    pub fn new(store: EventStore, ring: KeyRing) -> Self {
        Self { store, ring, reading: Arc::default() }
    }

    /// The keys of the log in `store`, with those let in that it has.
    pub async fn open(store: EventStore) -> Result<Self, KeyError> {
        let ring = ring_of(&store.api_keys().await?)?;
        Ok(Self::new(store, ring))
    }

    /// Who is let in.
    #[must_use]
    pub const fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// All keys, in the order in which they were made.
    pub async fn list(&self) -> Result<Vec<Key>, KeyError> {
        self.store.api_keys().await?.iter().map(Key::of_row).collect()
    }

    /// Makes a key. It is durable when this ends.
    pub async fn create(&self, new: NewKey, by: &str) -> Result<MadeKey, KeyError> {
        new.check()?;
        let (made, row) = make(new)?;
        self.change(vec![ApiKeyChange::Add(row)]).await?;
        tracing::info!(key = made.key.id, role = %made.key.role, by, "an API key was created");
        Ok(made)
    }

    /// Revokes a key now; returns `false` if it was already revoked.
    pub async fn revoke(&self, id: &str, by: &str) -> Result<(Key, bool), KeyError> {
        let before = self.find(id).await?;
        if before.revoked_at.is_some() {
            return Ok((before, false));
        }
        self.change(vec![ApiKeyChange::Revoke { id: id.into(), at: now().micros() }]).await?;
        tracing::info!(key = id, by, "an API key was revoked");
        Ok((self.find(id).await?, true))
    }

    /// Makes a key like this one, which itself ends after `grace`.
    pub async fn rotate(&self, id: &str, grace: Duration, by: &str) -> Result<MadeKey, KeyError> {
        let old = self.find(id).await?;
        let now = now();
        if old.status(now) != KeyStatus::Valid {
            return Err(KeyError::Ended(id.into()));
        }
        let account_id = old.account_id.map(|account_id| account_id.parse()).transpose();
        let (made, row) = make(NewKey {
            role: old.role,
            label: old.label,
            scopes: old.scopes,
            account_id: account_id.map_err(|_| damaged(id, "account"))?,
            name: old.name,
            expires_at: old.expires_at,
        })?;
        let grace = i64::try_from(grace.as_micros()).unwrap_or(i64::MAX);
        let at = now.micros().saturating_add(grace);
        let end = ApiKeyChange::Expire { id: id.into(), at };
        self.change(vec![ApiKeyChange::Add(row), end]).await?;
        tracing::info!(key = id, new = made.key.id, by, "an API key was rotated");
        Ok(made)
    }

    /// Makes these keys, and revokes all others, at once. `keep` is called with the new keys before
    /// anything changes.
    pub async fn replace_all<E: From<KeyError>>(
        &self,
        new: Vec<NewKey>,
        keep: impl FnOnce(&[MadeKey]) -> Result<(), E>,
    ) -> Result<(), E> {
        let known = self.store.api_keys().await.map_err(KeyError::Store)?;
        let at = now().micros();
        let valid = known.into_iter().filter(|row| row.revoked_at.is_none());
        let mut changes: Vec<_> =
            valid.map(|row| ApiKeyChange::Revoke { id: row.id, at }).collect();
        let mut made = vec![];
        for new in new {
            let (key, row) = make(new)?;
            made.push(key);
            changes.push(ApiKeyChange::Add(row));
        }
        keep(&made)?;
        self.change(changes).await?;
        Ok(())
    }

    /// Notes in the operators' log what a tool did, which has no key: `keys revoke k-7f3a9c21`.
    pub async fn note_tool(&self, act: String) -> Result<(), KeyError> {
        let call = UnrecordedCall {
            id: Uuid::now_v7(),
            at: now().micros(),
            request_id: None,
            traceparent: None,
            key: None,
            role: None,
            subject: None,
            name: None,
            reason: None,
            method: "guerdon".into(),
            path: act,
            account_id: None,
            status: 200,
            code: None,
            detail: None,
        };
        Ok(self.store.note_calls(vec![call]).await?)
    }

    /// The id of the key with this text and role, where the log has it; it may have ended.
    pub async fn id_of(&self, text: &str, role: Role) -> Result<Option<String>, KeyError> {
        let hash = KeyHash::of(text).0;
        let mut known = self.store.api_keys().await?.into_iter();
        let found = known.find(|row| row.role == role.as_str() && row.hash == hash);
        Ok(found.map(|row| row.id))
    }

    /// Looks again which keys the log has, now and then, for as long as it is polled. While the log
    /// can't be read, the keys stay as they are.
    pub async fn keep_up(self) {
        let mut is_failing = false;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let refreshed = self.refresh().await;
            if let Err(error) = &refreshed
                && !is_failing
            {
                tracing::warn!(
                    error = with_causes(error),
                    "can't read the API keys; those known so far are let in"
                );
            }
            is_failing = refreshed.is_err();
        }
    }

    /// Writes when the keys were last used, once a minute, for as long as it is polled. Requests
    /// only mark their key in memory.
    pub async fn note_uses(self) {
        let mut since = 0;
        loop {
            let begun = now().micros();
            tokio::time::sleep(NOTE_USES_EVERY).await;
            match self.write_uses(since).await {
                Ok(()) => since = begun,
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::warn!(error, "can't write when the API keys were last used");
                }
            }
        }
    }

    /// Writes the uses since a time, where there are any.
    pub async fn write_uses(&self, since: i64) -> Result<(), KeyError> {
        let uses = self.ring.uses(since);
        let changes: Vec<_> =
            uses.into_iter().map(|(id, at)| ApiKeyChange::Use { id, at }).collect();
        if !changes.is_empty() {
            self.store.change_api_keys(changes).await?;
        }
        Ok(())
    }

    async fn refresh(&self) -> Result<(), KeyError> {
        let _reading = self.reading.lock().await;
        let known = self.store.api_keys().await?;
        if known.is_empty() {
            return Err(KeyError::None);
        }
        if self.ring.replace(&ring_of(&known)?) {
            tracing::info!("the API keys have changed");
        }
        Ok(())
    }

    /// Makes changes, which count in this process at once.
    async fn change(&self, changes: Vec<ApiKeyChange>) -> Result<(), KeyError> {
        self.store.change_api_keys(changes).await?;
        let _reading = self.reading.lock().await;
        self.ring.replace(&ring_of(&self.store.api_keys().await?)?);
        Ok(())
    }

    async fn find(&self, id: &str) -> Result<Key, KeyError> {
        let keys = self.store.api_keys().await?;
        let row = keys.iter().find(|row| row.id == id);
        Key::of_row(row.ok_or_else(|| KeyError::Unknown(id.chars().take(64).collect()))?)
    }
}

impl NewKey {
    /// A key that may do all that its role may, for ever.
    #[must_use]
    pub fn of_role(role: Role, label: &str) -> Self {
        let (scopes, label) = (Scopes::default(), label.into());
        Self { role, label, scopes, account_id: None, name: None, expires_at: None }
    }

    /// Checks what a type can't.
    fn check(&self) -> Result<(), KeyError> {
        let invalid = |field, complaint: String| Err(KeyError::Invalid { field, complaint });
        let is_text = |text: &str| {
            let length = text.chars().count();
            (1..=TEXT_CHARACTERS_MAX).contains(&length)
                && !text.trim().is_empty()
                && !text.chars().any(char::is_control)
        };
        let text = format!("must be 1 to {TEXT_CHARACTERS_MAX} characters in one line");
        if !is_text(&self.label) {
            return invalid("label", text);
        }
        if self.name.as_deref().is_some_and(|name| !is_text(name)) {
            return invalid("name", text);
        }
        if let Err(error) = self.scopes.check(self.role) {
            return invalid("scopes", format!("can't be so: {error}"));
        }
        if self.account_id.is_some() && self.role != Role::Shopper {
            return invalid("account_id", "is for keys with the role shopper only".into());
        }
        if self.expires_at.is_some_and(|at| at <= now()) {
            return invalid("expires_at", "must be in the future".into());
        }
        Ok(())
    }
}

impl Key {
    /// Whether it is let in.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        if self.revoked_at.is_some() {
            KeyStatus::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now) {
            KeyStatus::Expired
        } else {
            KeyStatus::Valid
        }
    }

    /// Whether it is let in now.
    #[must_use]
    pub fn status_now(&self) -> KeyStatus {
        self.status(now())
    }

    fn of_row(row: &ApiKeyRow) -> Result<Self, KeyError> {
        let time = |micros| Timestamp::from_micros(micros).map_err(|_| damaged(&row.id, "time"));
        let optional = |micros: Option<i64>| micros.map(time).transpose();
        Ok(Self {
            id: row.id.clone(),
            role: Role::parse(&row.role).ok_or_else(|| damaged(&row.id, "role"))?,
            label: row.label.clone(),
            scopes: row.scopes.parse().map_err(|_| damaged(&row.id, "scope"))?,
            account_id: row.account_id.clone(),
            name: row.name.clone(),
            created_at: time(row.created_at)?,
            expires_at: optional(row.expires_at)?,
            revoked_at: optional(row.revoked_at)?,
            last_used_at: optional(row.last_used_at)?,
        })
    }
}

impl KeyStatus {
    /// The status as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

fn damaged(id: &str, what: &'static str) -> KeyError {
    KeyError::Damaged { id: id.into(), what }
}

/// A new key, and how it is stored.
fn make(new: NewKey) -> Result<(MadeKey, ApiKeyRow), KeyError> {
    // 256 random bits, with the role in front for the eye.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let text = format!("gk_{}_{}", new.role, hex(&secret));
    let row = ApiKeyRow {
        id: new_id()?,
        role: new.role.as_str().into(),
        hash: KeyHash::of(&text).0,
        label: new.label,
        scopes: new.scopes.to_string(),
        account_id: new.account_id.map(|account_id| account_id.as_str().to_owned()),
        name: new.name,
        created_at: now().micros(),
        expires_at: new.expires_at.map(Timestamp::micros),
        revoked_at: None,
        last_used_at: None,
    };
    Ok((MadeKey { text, key: Key::of_row(&row)? }, row))
}

fn new_id() -> Result<String, getrandom::Error> {
    let mut random = [0; ID_CHARACTERS];
    getrandom::fill(&mut random)?;
    let characters = random.map(|byte| char::from(ID_ALPHABET[usize::from(byte % 32)]));
    Ok(format!("k-{}", String::from_iter(characters)))
}

/// Keys end by the machine's clock, whatever the log takes its time from.
fn now() -> Timestamp {
    (ReadClock::system().0)().wall
}

fn ring_of(rows: &[ApiKeyRow]) -> Result<KeyRing, KeyError> {
    let key = |row: &ApiKeyRow| {
        let key = Key::of_row(row)?;
        // A revoked key is let in at no time: clocks may differ, and may be set back.
        let revoked = key.revoked_at.map(|_| i64::MIN);
        let ends_at = revoked.or(key.expires_at.map(Timestamp::micros));
        let account_id = key.account_id.map(String::into_boxed_str);
        let principal = Principal {
            key: Some(key.id.into()),
            subject: account_id.clone(),
            name: key.name.map(String::into_boxed_str),
            ..Principal::of_role(key.role.as_str())
        };
        let key = ApiKey::new(key.role, key.scopes, account_id, ends_at, principal);
        Ok((KeyHash(row.hash), key))
    };
    rows.iter().map(key).collect()
}
