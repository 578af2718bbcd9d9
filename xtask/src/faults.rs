//! `cargo xtask faults`: the fault tests with as many faults as one asks for.

use crate::nextest::Nextest;
use crate::run::run;
use crate::services;
use crate::test::OVER_HTTP;

/// How often, unless the environment says otherwise: kills of a ledger on SQLite, of one on the
/// server that speaks KurrentDB's protocol, of servers of read tables, and of a warehouse; faults
/// of each kind on PostgreSQL and on a parcel's way; the seconds for which two writers race on
/// every store; and mixes of the files of several histories, as an operator makes them by mistake;
/// worlds of partitions, and histories of all commands in them; the shoppers of a rush on several
/// partitions, and the seconds for which points go round through all of them.
const LONG: [(&str, &str); 8] = [
    ("GUERDON_KILLS", "20"),
    ("GUERDON_FAULTS", "20"),
    ("GUERDON_RACE_SECONDS", "30"),
    ("GUERDON_MIXES", "200"),
    ("GUERDON_PARTITIONS_CASES", "2000"),
    ("GUERDON_LIFE_CASES", "5000"),
    ("GUERDON_RUSH_SHOPPERS", "20000"),
    ("GUERDON_RING_SECONDS", "30"),
];

/// Packages, their tests, and variables for these alone.
type Group<'a> = (&'a [&'a str], &'a str, &'a [(&'a str, &'a str)]);

/// Ledgers whose tests don't say where their log is have it in PostgreSQL.
const ON_POSTGRES: (&str, &str) = ("GUERDON_TEST_STORE", "postgres");

#[expect(clippy::disallowed_methods, reason = "the settings here are variables of the tests")]
pub(crate) fn faults() -> anyhow::Result<()> {
    services::install()?;
    let nextest = Nextest::install()?;
    let ledger = "test(/^(crash|lost_rows|postgres_faults|failover|operators_mistakes)::/) \
                  | test(/^(partitions|shipping_faults|take_over)::/)";
    let groups: [Group<'_>; 8] = [
        (&["-p", "domain"], "test(/^partitions::/)", &[]),
        (&["-p", "guerdon"], ledger, &[]),
        (&["-p", "guerdon"], "test(/^partitions::(ring|rush)::/)", &[ON_POSTGRES]),
        (&["-p", "guerdon"], OVER_HTTP, &[("GUERDON_TEST_PARTITIONS", "4"), ON_POSTGRES]),
        (&["-p", "guerdon"], OVER_HTTP, &[("GUERDON_TEST_PARTITIONS", "7")]),
        (&["-p", "event-store", "--features", "kurrent"], "test(/^contract::/)", &[]),
        (&["-p", "guerdon", "--features", "kurrent"], "test(/^kurrent::/)", &[]),
        (&["-p", "example-warehouse"], "test(/^warehouse::/)", &[]),
    ];
    for (packages, tests, variables) in groups {
        // One after the other: two ledgers at once would only slow each other down.
        let tests = [&["--release", "--test-threads=1", "--filterset", tests], packages].concat();
        let mut command = nextest.command("--no-capture", "faults", &tests);
        for (name, value) in LONG {
            command.env(name, std::env::var(name).unwrap_or_else(|_| value.into()));
        }
        command.envs(variables.iter().copied());
        let tested = run(&mut command);
        ::services::stop_shared()?;
        tested?;
    }
    Ok(())
}
