//! `cargo xtask faults`: the fault tests with as many faults as one has patience for.

use crate::run::{cargo, run};
use crate::services;

/// What is set where nothing says otherwise: how many kills of a ledger on SQLite, of one on the
/// server that speaks KurrentDB's protocol and of a warehouse, how many faults of each kind on
/// PostgreSQL and on the way of a parcel, and how long two writers race on every store.
const LONG: [(&str, &str); 3] =
    [("GUERDON_KILLS", "20"), ("GUERDON_FAULTS", "20"), ("GUERDON_RACE_SECONDS", "30")];

#[expect(clippy::disallowed_methods, reason = "the settings here are variables of the tests'")]
pub(crate) fn faults() -> anyhow::Result<()> {
    services::install()?;
    let ledger = ["crash::", "postgres_faults::", "failover::", "shipping_faults::"];
    let programs: [(&[&str], &[&str]); 4] = [
        (&["-p", "guerdon"], &ledger),
        (&["-p", "event-store", "--features", "kurrent"], &["contract::"]),
        (&["-p", "guerdon", "--features", "kurrent"], &["kurrent::"]),
        (&["-p", "example-warehouse"], &["warehouse::"]),
    ];
    for (program, tests) in programs {
        // One after the other: what is measured is a ledger, not how they share a machine.
        let args = [&["test", "--release", "--test", "it"], program, &["--"], tests];
        let mut command =
            cargo(&[&args.concat()[..], &["--nocapture", "--test-threads=1"]].concat());
        for (name, value) in LONG {
            command.env(name, std::env::var(name).unwrap_or_else(|_| value.into()));
        }
        let tested = run(&mut command);
        ::services::stop_shared()?;
        tested?;
    }
    Ok(())
}
