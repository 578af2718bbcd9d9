//! The live read tables, or those that a rebuild or a reconciliation fills beside them.

use std::path::{Path, PathBuf};

/// The tables that are read, or those that are filled beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The tables that are read.
    Live,
    /// The tables of a rebuild, which replace the live ones when it is complete.
    Rebuilt,
    /// The tables of a reconciliation, which the live ones are compared with; they replace nothing.
    Shadow,
}

impl Side {
    /// A SQLite file's name on this side.
    #[must_use]
    pub fn file(self, live: &Path) -> PathBuf {
        match self {
            Self::Live => live.into(),
            Self::Rebuilt => beside(live, ".rebuild"),
            Self::Shadow => beside(live, ".shadow"),
        }
    }

    /// A PostgreSQL schema's name on this side.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Live => "guerdon_read_model",
            Self::Rebuilt => "guerdon_read_model_rebuild",
            Self::Shadow => "guerdon_read_model_shadow",
        }
    }
}

fn beside(live: &Path, suffix: &str) -> PathBuf {
    let mut name = live.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
