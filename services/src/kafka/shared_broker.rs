//! The broker that all tests share; each makes topics of its own, under names that no other has.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::Kafka;
use crate::home::{home, lock};
use crate::process::{command_line, wait_for_end};

/// The address of the shared broker, which is started where it doesn't run yet.
/// `cargo xtask services stop` ends it.
pub fn shared_kafka() -> anyhow::Result<String> {
    crate::may_start("Kafka")?;
    let _lock = lock("kafka")?;
    let folder = home()?.join("kafka");
    if let Some((_, address)) = running(&folder) {
        return Ok(address);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let broker = Kafka::start(&folder, &[])?;
    let address = broker.bootstrap();
    let pid = broker.pid().context("Kafka has no process")?;
    fs::write(folder.join("running"), format!("{pid} {address}"))?;
    broker.leave();
    Ok(address)
}

/// Stops the shared broker and forgets its data.
pub(crate) fn stop_shared() -> anyhow::Result<()> {
    let folder = home()?.join("kafka");
    if let Some((pid, _)) = running(&folder) {
        Command::new("kill").args(["-KILL", &pid]).status()?;
        wait_for_end(&pid)?;
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Its process and address, where it runs and listens.
fn running(folder: &Path) -> Option<(String, String)> {
    let noted = fs::read_to_string(folder.join("running")).ok()?;
    let (pid, address) = noted.split_once(' ')?;
    let is_there = is_kafka(pid) && TcpStream::connect(address).is_ok();
    is_there.then(|| (pid.to_owned(), address.to_owned()))
}

fn is_kafka(pid: &str) -> bool {
    command_line(pid).contains("kafka.Kafka")
}
