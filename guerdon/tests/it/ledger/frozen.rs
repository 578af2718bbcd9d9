//! Processes that are stopped as they are, until this is dropped: nothing is answered any more, nor
//! refused.

use std::process::Command;

use super::server::Server;

pub(crate) struct Frozen(Vec<String>);

impl Frozen {
    /// A PostgreSQL with all that speak to a ledger.
    pub(crate) fn all_of(server: &Server) -> Self {
        let pids = "select string_agg(pid::text, ' ') from pg_stat_activity \
                    where application_name like 'guerdon%'";
        let first = "select split_part(pg_read_file('postmaster.pid'), chr(10), 1)";
        let pids = format!("{} {}", server.asked(first), server.asked(pids));
        Self::processes(pids.split_whitespace().map(str::to_owned).collect())
    }

    pub(crate) fn process(pid: u32) -> Self {
        Self::processes(vec![pid.to_string()])
    }

    fn processes(pids: Vec<String>) -> Self {
        let frozen = Self(pids);
        frozen.are_sent("-STOP");
        frozen
    }

    fn are_sent(&self, signal: &str) {
        // One may have ended.
        drop(Command::new("kill").arg(signal).args(&self.0).output());
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.are_sent("-CONT");
    }
}
