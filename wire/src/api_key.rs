//! The keys that callers show, known by their hashes only.
//!
//! Where keys come from is elsewhere: `guerdon` makes them and reads them from `api-keys.json`.

use std::collections::HashMap;
use std::sync::Arc;

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

/// The keys that are let in, each with its role. Clones share one map.
#[derive(Clone)]
pub struct KeyRing(Arc<HashMap<KeyHash, Role>>);

impl KeyRing {
    /// The role of this key, where the key is known.
    #[must_use]
    pub fn role_of(&self, key: &str) -> Option<Role> {
        self.0.get(&KeyHash::of(key)).copied()
    }
}

impl FromIterator<(KeyHash, Role)> for KeyRing {
    fn from_iter<I: IntoIterator<Item = (KeyHash, Role)>>(keys: I) -> Self {
        Self(Arc::new(keys.into_iter().collect()))
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
}
