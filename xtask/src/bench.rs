//! `cargo xtask bench`: builds what is measured as it is released, and measures it.

use crate::run::{cargo, run};
use crate::services;

pub(crate) fn bench(args: impl Iterator<Item = String>) -> anyhow::Result<()> {
    services::install()?;
    run(&mut cargo(&["build", "--release", "-p", "guerdon", "-p", "bench"]))?;
    run(cargo(&["run", "--release", "--quiet", "-p", "bench", "--"]).args(args))
}
