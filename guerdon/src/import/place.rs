//! Where a row of a history stands.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a row stands, as a sentence begins: `redemptions.csv, line 12`.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file.display(), self.line)
    }
}
