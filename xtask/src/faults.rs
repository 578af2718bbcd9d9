//! `cargo xtask faults`: the fault tests with as many faults as one has patience for.

use crate::run::{cargo, run};

/// How many kills, where `GUERDON_KILLS` doesn't say.
const KILLS: &str = "20";

#[expect(clippy::disallowed_methods, reason = "the one setting here is a variable of the test's")]
pub(crate) fn faults() -> anyhow::Result<()> {
    let kills = std::env::var("GUERDON_KILLS").unwrap_or_else(|_| KILLS.into());
    let args = ["test", "--release", "-p", "guerdon", "--test", "crash", "--", "--nocapture"];
    run(cargo(&args).env("GUERDON_KILLS", kills))
}
