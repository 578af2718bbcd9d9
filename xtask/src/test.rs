//! `cargo xtask test`: sets up what tests need on a bare machine, and runs every test.

use std::time::Instant;

use anyhow::bail;

use crate::run::{cargo, output, run};
use crate::services;

pub(crate) fn test() -> anyhow::Result<()> {
    // SQLite is compiled, and a test compiles a library that makes a disk look full.
    if output("cc", &["--version"]).is_none() {
        bail!("a C compiler is needed; on Debian: apt-get install -y gcc libc6-dev");
    }
    services::install()?;
    let started = Instant::now();
    let tested = test_all();
    ::services::stop_shared()?;
    tested?;
    eprintln!("every test passed in {:.0?}", started.elapsed());
    Ok(())
}

/// Everything as it is built by default; then what the feature `kurrent` adds, which is built
/// apart, so that nothing of it slips into the rest.
fn test_all() -> anyhow::Result<()> {
    // Whatever fails, the rest is told of, too.
    run(&mut cargo(&["test", "--workspace", "--no-fail-fast"]))?;
    let contract = ["test", "-p", "event-store", "--features", "kurrent"];
    let over_it = ["--lib", "--test", "contract", "kurrent"];
    run(&mut cargo(&[&contract[..], &over_it[..]].concat()))?;
    let packages = ["test", "-p", "event-store", "-p", "guerdon", "--features", "guerdon/kurrent"];
    run(&mut cargo(&[&packages[..], &["--test", "kurrent"]].concat()))
}
