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

/// What hangs is ended, and so fails by its name, long before whoever runs the tests gives up.
/// Who lets it suffer more faults than by default says more with `GUERDON_TEST_MINUTES`.
const TEST_MINUTES: &str = "10";

/// Everything as it is built by default; then what the feature `kurrent` adds, which is built
/// apart, so that nothing of it slips into the rest.
fn test_all() -> anyhow::Result<()> {
    // Whatever fails, the rest is told of, too.
    cargo_test(&["--workspace", "--no-fail-fast"])?;
    let store = ["-p", "event-store", "--features", "kurrent"];
    cargo_test(&[&store[..], &["--lib", "--test", "it", "kurrent"]].concat())?;
    let ledger = ["-p", "guerdon", "--features", "kurrent"];
    cargo_test(&[&ledger[..], &["--test", "it", "kurrent::"]].concat())
}

fn cargo_test(args: &[&str]) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "xtask has no configuration but this")]
    let limit = std::env::var("GUERDON_TEST_MINUTES").unwrap_or_else(|_| TEST_MINUTES.into());
    let runner =
        format!("target.'cfg(all())'.runner=['timeout', '--verbose', '-k', '9', '{limit}m']");
    run(cargo(&["test", "--config", &runner]).args(args))
}
