//! `cargo xtask`: the project's own automation. It builds, tests, checks and measures; nothing of
//! the ledger is in it.

mod bench;
mod ci;
mod faults;
mod run;
mod services;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "cargo xtask COMMAND
  test          everything that tests need, then every test
  ci            format, lints, docs, tidiness, licences
  tidy          the checks that no other tool makes, over the tracked files
  bench [ARGS]  the ledger beside other ways to redeem (--help for ARGS)
  services stop ends the PostgreSQL and the Kafka that tests share, and forgets their data
  faults        the long version of the fault tests: GUERDON_KILLS=20, GUERDON_FAULTS=20,
                GUERDON_RACE_SECONDS=30";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let done = match args.next().as_deref() {
        Some("test") => test::test(),
        Some("ci") => ci::ci(),
        Some("tidy") => tidy::tidy(),
        Some("bench") => bench::bench(args),
        Some("services") => services::services(args.next().as_deref()),
        Some("faults") => faults::faults(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
