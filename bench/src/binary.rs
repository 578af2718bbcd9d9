//! Which ledger is measured.

use std::io;
use std::path::PathBuf;

/// The option of every tool that starts a ledger.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Binary {
    /// The ledger's binary. [default: beside this one]
    #[arg(long)]
    guerdon: Option<PathBuf>,
}

impl Binary {
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        self.guerdon.clone().map_or_else(beside_this, Ok)
    }
}

/// The ledger that was built along.
pub(crate) fn beside_this() -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("guerdon"))
}
