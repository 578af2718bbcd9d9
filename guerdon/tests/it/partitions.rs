//! Ledgers of several partitions, as shoppers and operators meet them.

mod journey;
mod ring;
mod rush;
mod stopped;
mod tools;
mod waits;

use std::process::Command;

use crate::ledger::{Ledger, ends, serve};

/// What starts a ledger of eight.
const EIGHT: [&str; 2] = ["--partitions", "8"];

#[test]
fn a_log_is_served_with_the_number_of_partitions_that_it_was_made_with() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(Ledger::start_with(folder.path(), &EIGHT, &[]).stop(), Some(0));
    for (args, said) in [
        (&["--partitions", "1"][..], "made with --partitions 8, and --partitions says 1"),
        (&["--partitions", "9"], "so start with --partitions 8"),
        (&["--partitions", "0"], "a ledger has 1 to 256 partitions"),
        (&["--partitions", "257"], "a ledger has 1 to 256 partitions"),
    ] {
        let mut command = serve(folder.path());
        command.args(args);
        refused(command, said);
    }
    assert_eq!(Ledger::start_with(folder.path(), &EIGHT, &[]).stop(), Some(0));
}

#[track_caller]
fn refused(command: Command, said: &str) {
    let ended = ends(command);
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && told.contains(said), "{said:?} isn't in: {told}");
}
