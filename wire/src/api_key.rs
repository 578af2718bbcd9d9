//! The keys that callers show, known by their hashes only.
//!
//! Where keys come from is elsewhere: `guerdon` makes them and reads them from `api-keys.json`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};

use crate::Role;

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

/// The keys that are let in, each with its role. Clones share them, also when they are replaced.
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<HashMap<KeyHash, Role>>>);

impl KeyRing {
    /// The role of this key, where the key is known.
    #[must_use]
    pub fn role_of(&self, key: &str) -> Option<Role> {
        let hash = KeyHash::of(key);
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&hash).copied()
    }

    /// Lets in the keys of the other ring from now on, and no others; tells whether that is news.
    pub fn replace(&self, with: &Self) -> bool {
        let keys = with.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut own = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = *own != keys;
        *own = keys;
        is_news
    }
}

impl FromIterator<(KeyHash, Role)> for KeyRing {
    fn from_iter<I: IntoIterator<Item = (KeyHash, Role)>>(keys: I) -> Self {
        Self(Arc::new(RwLock::new(keys.into_iter().collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_what_its_role_opens_and_other_texts_nothing() {
        let ring = KeyRing::from_iter([(KeyHash::of("s3cret"), Role::Merchant)]);
        assert_eq!(ring.role_of("s3cret"), Some(Role::Merchant));
        assert_eq!(ring.role_of("s3cre"), None);
        assert_eq!(ring.role_of(""), None);
    }

    #[test]
    fn a_replaced_key_is_let_in_by_no_clone() {
        let ring = KeyRing::from_iter([(KeyHash::of("old"), Role::Merchant)]);
        let clone = ring.clone();
        assert!(ring.replace(&KeyRing::from_iter([(KeyHash::of("new"), Role::Merchant)])));
        assert_eq!(clone.role_of("old"), None);
        assert_eq!(clone.role_of("new"), Some(Role::Merchant));
        assert!(!ring.replace(&clone), "it is no news");
    }
}
