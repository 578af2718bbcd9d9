//! The keys that callers show, known by their hashes only.
//!
//! Where keys come from is elsewhere: the command API makes them and keeps them beside the log.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use log_record::Principal;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::{Limits, Overload, Role, Scopes, Tokens};

/// The most bytes of a text that is looked at as a key. Keys are much shorter; so whatever a
/// stranger sends, it costs no more than looking for a key.
const KEY_BYTES_MAX: usize = 256;

/// SHA-256 of a key's text. Keys are long and random, so their hashes need no salt, and looking
/// one up takes no time that tells anything about another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// The hash of this key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }
}

/// A key as it counts for a request: who shows it, and what it may do.
#[derive(Debug)]
pub struct ApiKey {
    /// What its holder is to the ledger.
    pub role: Role,
    /// What it may do less than its role.
    pub scopes: Scopes,
    /// The one account that it is for, where it is bound to one.
    pub account_id: Option<Box<str>>,
    /// From when on it is no longer let in, in microseconds since 1970; its expiry or its
    /// revocation, whichever comes first.
    pub ends_at: Option<i64>,
    /// Who goes into the events: its id, its role, its subject and name.
    pub principal: Arc<Principal>,
    /// When it was last let in by this process; 0 for never.
    pub(crate) last_used_at: AtomicI64,
}

impl ApiKey {
    /// A key that may do all that its role may.
    #[must_use]
    pub fn of_role(role: Role) -> Self {
        Self {
            role,
            scopes: Scopes::default(),
            account_id: None,
            ends_at: None,
            principal: Arc::new(Principal::of_role(role.as_str())),
            last_used_at: AtomicI64::new(0),
        }
    }

    /// A key as it is kept beside the log.
    #[must_use]
    pub fn new(
        role: Role,
        scopes: Scopes,
        account_id: Option<Box<str>>,
        ends_at: Option<i64>,
        principal: Principal,
    ) -> Self {
        let (principal, last_used_at) = (Arc::new(principal), AtomicI64::new(0));
        Self { role, scopes, account_id, ends_at, principal, last_used_at }
    }

    /// The key's id, where it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.principal.key.as_deref()
    }

    /// Whether the key is let in at this time.
    #[must_use]
    pub fn is_valid(&self, now: i64) -> bool {
        self.ends_at.is_none_or(|ends_at| now < ends_at)
    }

    /// Whether both let in the same caller for the same things.
    fn is_same(&self, other: &Self) -> bool {
        let Self { role, scopes, account_id, ends_at, principal, last_used_at: _ } = self;
        *role == other.role
            && *scopes == other.scopes
            && *account_id == other.account_id
            && *ends_at == other.ends_at
            && *principal == other.principal
    }
}

/// The keys that are let in. Clones share them, also when they are replaced.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<Ring>);

#[derive(Debug)]
struct Ring {
    keys: RwLock<HashMap<KeyHash, Arc<ApiKey>>>,
    tokens: OnceLock<Tokens>,
    limits: OnceLock<Limits>,
    /// The accounts that were merged, each with the one that has it now.
    mergers: RwLock<HashMap<Box<str>, Box<str>>>,
}

impl KeyRing {
    /// What this key is, where it is known.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Arc<ApiKey>> {
        if key.len() > KEY_BYTES_MAX {
            return None;
        }
        self.0.keys.read().get(&KeyHash::of(key)).cloned()
    }

    /// Lets in these tokens, too. Only the first call counts.
    pub fn let_in(&self, tokens: Tokens) {
        drop(self.0.tokens.set(tokens));
    }

    /// The tokens that are let in beside the keys.
    pub(crate) fn tokens(&self) -> Option<&Tokens> {
        self.0.tokens.get()
    }

    /// Lets callers in only as often as these limits say. Only the first call counts.
    pub fn limit(&self, limits: Limits) {
        drop(self.0.limits.set(limits));
    }

    /// How often callers may call.
    #[must_use]
    pub fn limits(&self) -> Option<&Limits> {
        self.0.limits.get()
    }

    /// Notes that an account was merged into another: whoever may reach that one, reaches both.
    pub fn note_merger(&self, account_id: &str, into: &str) {
        self.0.mergers.write().insert(account_id.into(), into.into());
    }

    /// Whether an account was merged into this one, or into one that was.
    pub(crate) fn leads_to(&self, account_id: &str, own: &str) -> bool {
        let mergers = self.0.mergers.read();
        let mut at = account_id;
        // There is no circle, but a text from a table may say anything.
        for _ in 0..=mergers.len() {
            match mergers.get(at) {
                Some(into) if **into == *own => return true,
                Some(into) => at = into,
                None => return false,
            }
        }
        false
    }

    /// Notes that a key was let in, for [`KeyRing::uses`].
    pub(crate) fn note_use(key: &ApiKey, now: i64) {
        key.last_used_at.fetch_max(now, Ordering::Relaxed);
    }

    /// The ids of the keys that this process has let in since a time, each with when it last did.
    #[must_use]
    pub fn uses(&self, since: i64) -> Vec<(String, i64)> {
        let keys = self.0.keys.read();
        let used = keys.values().filter_map(|key| {
            let at = key.last_used_at.load(Ordering::Relaxed);
            (at > since).then(|| Some((key.id()?.to_owned(), at)))?
        });
        used.collect()
    }

    /// Lets in the keys of the other ring from now on, and no others; tells whether that is news.
    pub fn replace(&self, with: &Self) -> bool {
        let mut keys = with.0.keys.read().clone();
        let mut own = self.0.keys.write();
        let mut is_news = own.len() != keys.len();
        for (hash, key) in &mut keys {
            match own.get(hash) {
                // It keeps its time of last use.
                Some(known) if known.is_same(key) => *key = Arc::clone(known),
                _ => is_news = true,
            }
        }
        *own = keys;
        is_news
    }
}

/// The state of handlers that [`only`](crate::only) some callers may call.
pub trait HasKeys {
    /// The keys that are let in. They aren't copied for each request, which would be counted by all
    /// processors.
    fn keys(&self) -> &KeyRing;

    /// What the process knows of its overload, where the handlers read and are refused for that.
    fn overload(&self) -> Option<&Overload> {
        None
    }
}

impl HasKeys for KeyRing {
    fn keys(&self) -> &KeyRing {
        self
    }
}

impl FromIterator<(KeyHash, ApiKey)> for KeyRing {
    fn from_iter<I: IntoIterator<Item = (KeyHash, ApiKey)>>(keys: I) -> Self {
        let keys = keys.into_iter().map(|(hash, key)| (hash, Arc::new(key)));
        let (tokens, limits, mergers) = Default::default();
        Self(Arc::new(Ring { keys: RwLock::new(keys.collect()), tokens, limits, mergers }))
    }
}

impl FromIterator<(KeyHash, Role)> for KeyRing {
    fn from_iter<I: IntoIterator<Item = (KeyHash, Role)>>(keys: I) -> Self {
        keys.into_iter().map(|(hash, role)| (hash, ApiKey::of_role(role))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(key: &str, role: Role) -> KeyRing {
        KeyRing::from_iter([(KeyHash::of(key), role)])
    }

    fn role(ring: &KeyRing, key: &str) -> Option<Role> {
        ring.find(key).map(|key| key.role)
    }

    #[test]
    fn a_key_opens_what_its_role_opens_and_other_texts_nothing() {
        let ring = ring("s3cret", Role::Merchant);
        assert_eq!(role(&ring, "s3cret"), Some(Role::Merchant));
        assert_eq!(role(&ring, "s3cre"), None);
        assert_eq!(role(&ring, ""), None);
    }

    #[test]
    fn a_merged_account_leads_to_the_end_of_its_chain_and_to_nobody_else() {
        let ring = ring("s3cret", Role::Shopper);
        ring.note_merger("ann", "bob");
        ring.note_merger("bob", "cat");
        assert!(ring.leads_to("ann", "bob") && ring.leads_to("ann", "cat"));
        assert!(!ring.leads_to("cat", "ann") && !ring.leads_to("dan", "cat"));
        ring.note_merger("cat", "ann");
        assert!(!ring.leads_to("ann", "dan"));
    }

    #[test]
    fn a_text_that_no_key_is_as_long_as_is_not_looked_at() {
        for (length, is_known) in [(KEY_BYTES_MAX, true), (KEY_BYTES_MAX + 1, false)] {
            let key = "k".repeat(length);
            assert_eq!(ring(&key, Role::Auditor).find(&key).is_some(), is_known, "{length}");
        }
    }

    #[test]
    fn a_replaced_key_is_let_in_by_no_clone() {
        let old = ring("old", Role::Merchant);
        let clone = old.clone();
        assert!(old.replace(&ring("new", Role::Merchant)));
        assert_eq!(role(&clone, "old"), None);
        assert_eq!(role(&clone, "new"), Some(Role::Merchant));
        assert!(!old.replace(&ring("new", Role::Merchant)), "it is no news");
        assert!(old.replace(&ring("new", Role::Auditor)), "another role is");
    }

    #[test]
    fn a_key_is_let_in_until_it_ends() {
        let key = ApiKey { ends_at: Some(100), ..ApiKey::of_role(Role::Shopper) };
        assert!(key.is_valid(99) && !key.is_valid(100));
    }

    #[test]
    fn the_last_use_outlives_a_replacement() {
        let keyed = || {
            let principal = Principal { key: Some("k-1".into()), ..Principal::of_role("shopper") };
            let principal = Arc::new(principal);
            let key = ApiKey { principal, ..ApiKey::of_role(Role::Shopper) };
            KeyRing::from_iter([(KeyHash::of("a"), key)])
        };
        let ring = keyed();
        KeyRing::note_use(&ring.find("a").expect("known"), 5);
        assert!(!ring.replace(&keyed()));
        assert_eq!(ring.uses(4), [("k-1".to_owned(), 5)]);
        assert!(ring.uses(5).is_empty());
    }
}
