//! The live read tables, or those that a rebuild fills beside them.

use std::path::{Path, PathBuf};

/// The tables that are read, or those that a rebuild fills beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The tables that are read.
    Live,
    /// The tables of a rebuild, which replace the live ones when it is complete.
    Rebuilt,
}

impl Side {
    /// A SQLite file's name on this side.
    #[must_use]
    pub fn file(self, live: &Path) -> PathBuf {
        match self {
            Self::Live => live.into(),
            Self::Rebuilt => {
                let mut name = live.as_os_str().to_owned();
                name.push(".rebuild");
                name.into()
            }
        }
    }

    /// A PostgreSQL schema's name on this side.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Live => "guerdon_read_model",
            Self::Rebuilt => "guerdon_read_model_rebuild",
        }
    }
}
