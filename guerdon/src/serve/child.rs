//! This program once more, as a child process on the same data.

use std::process::Stdio;

use tokio::process::Command;

use crate::data_config::DataConfig;

/// A command that has the server's log; what else it needs is added to it.
pub(super) fn on(data: &DataConfig) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        // Not as arguments, which everybody on the machine can read.
        .env("GUERDON_DATA_DIR", &data.data_dir)
        .env("GUERDON_STORE", data.store().with_password())
        .env("GUERDON_ARCHIVE_DIR", data.archive_dir())
        // These would say the same once more.
        .env_remove("GUERDON_STORE_FILE")
        .env_remove("GUERDON_CONFIG")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}
