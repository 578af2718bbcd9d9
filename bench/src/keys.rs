//! The keys that a ledger makes at its first start.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;

/// A key for each role; none where the ledger asks for none.
#[derive(Debug, Default)]
pub(crate) struct Keys(Value);

impl Keys {
    /// Those in a ledger's data folder.
    pub(crate) fn in_folder(data: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(data.join("api-keys.json")).context("it has no keys")?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    /// A role's key; empty where there is none.
    pub(crate) fn of(&self, role: &str) -> &str {
        self.0[role].as_str().unwrap_or_default()
    }
}
