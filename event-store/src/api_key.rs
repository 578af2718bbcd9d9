//! The API keys that stand beside the log, so that every process of a ledger knows the same.

/// A key as it is stored: who it makes the caller, and SHA-256 of the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// The role's name.
    pub role: String,
    /// SHA-256 of the key's text.
    pub hash: [u8; 32],
}
