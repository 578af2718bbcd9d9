//! A server's process, ended with its owner.

use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus};

use anyhow::Context as _;

use crate::listener::free_port;

#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// Starts a server that takes `--listen`.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let address = free_port()?;
        command.args(["--listen", &address.to_string()]);
        let shown = format!("{} does not start", command.get_program().display());
        let child = command.spawn().context(shown)?;
        Ok(Self { child, address })
    }

    /// Starts a contender that is in this program.
    pub(crate) fn ours(args: &[&str]) -> anyhow::Result<Self> {
        Self::start(Command::new(std::env::current_exe()?).args(args))
    }

    /// Where it listens, or will soon.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, where it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGTERM, as an operator would: what was accepted is closed cleanly.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been stopped already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
