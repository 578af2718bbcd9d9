//! A hash of the tree: a leaf's, or a node's.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

/// SHA-256 as RFC 6962 uses it. Leaves and nodes begin with different bytes, so that neither can
/// be taken for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHash(pub [u8; 32]);

/// A text that is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a SHA-256 in base64, which has 44 characters")]
pub struct NoTreeHash;

impl TreeHash {
    /// The hash of an entry as a leaf.
    #[must_use]
    pub fn of_leaf(entry: &[u8]) -> Self {
        Self(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
    }

    /// The hash of a node with these children.
    #[must_use]
    pub fn of_node(left: Self, right: Self) -> Self {
        let mut bytes = [1; 65];
        bytes[1..33].copy_from_slice(&left.0);
        bytes[33..].copy_from_slice(&right.0);
        Self(Sha256::digest(bytes).into())
    }

    /// The root of a tree without leaves.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hashes that stand one after the other in a tile; `None` where the last isn't whole.
    #[must_use]
    pub fn all_in(bytes: &[u8]) -> Option<Vec<Self>> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        rest.is_empty().then(|| hashes.iter().copied().map(Self).collect())
    }
}

/// Its base64, as in a checkpoint.
impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl FromStr for TreeHash {
    type Err = NoTreeHash;

    fn from_str(text: &str) -> Result<Self, NoTreeHash> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| NoTreeHash)?;
        bytes.try_into().map(Self).map_err(|_| NoTreeHash)
    }
}

impl serde::Serialize for TreeHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for TreeHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
