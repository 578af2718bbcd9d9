//! `cargo xtask faults`: the fault tests with as many faults as one asks for.

use crate::nextest::Nextest;
use crate::run::run;
use crate::services;

/// How often, unless the environment says otherwise: kills of a ledger on SQLite, of one on the
/// server that speaks KurrentDB's protocol, of servers of read tables, and of a warehouse; faults
/// of each kind on PostgreSQL and on a parcel's way; the seconds for which two writers race on
/// every store; and mixes of the files of several histories, as an operator makes them by mistake;
/// and worlds of partitions.
const LONG: [(&str, &str); 5] = [
    ("GUERDON_KILLS", "20"),
    ("GUERDON_FAULTS", "20"),
    ("GUERDON_RACE_SECONDS", "30"),
    ("GUERDON_MIXES", "200"),
    ("GUERDON_PARTITIONS_CASES", "2000"),
];

#[expect(clippy::disallowed_methods, reason = "the settings here are variables of the tests")]
pub(crate) fn faults() -> anyhow::Result<()> {
    services::install()?;
    let nextest = Nextest::install()?;
    let ledger = "test(/^(crash|lost_rows|postgres_faults|failover|operators_mistakes)::/) \
                  | test(/^(shipping_faults|take_over)::/)";
    let groups: [(&[&str], &str); 5] = [
        (&["-p", "domain"], "test(/^partitions::/)"),
        (&["-p", "guerdon"], ledger),
        (&["-p", "event-store", "--features", "kurrent"], "test(/^contract::/)"),
        (&["-p", "guerdon", "--features", "kurrent"], "test(/^kurrent::/)"),
        (&["-p", "example-warehouse"], "test(/^warehouse::/)"),
    ];
    for (packages, tests) in groups {
        // One after the other: two ledgers at once would only slow each other down.
        let tests = [&["--release", "--test-threads=1", "--filterset", tests], packages].concat();
        let mut command = nextest.command("--no-capture", "faults", &tests);
        for (name, value) in LONG {
            command.env(name, std::env::var(name).unwrap_or_else(|_| value.into()));
        }
        let tested = run(&mut command);
        ::services::stop_shared()?;
        tested?;
    }
    Ok(())
}
