//! `cargo xtask test`: sets up what tests need on a bare machine, and runs every test.

use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::nextest::Nextest;
use crate::run::output;
use crate::services;

/// Which tests are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tests {
    All,
    /// Those that need no PostgreSQL, Kafka or Java, and no minute of their own.
    Fast,
}

pub(crate) fn test(tests: Tests) -> anyhow::Result<()> {
    // SQLite is compiled, and a test compiles a library that makes a disk look full.
    if output("cc", &["--version"]).is_none() {
        bail!("a C compiler is needed; on Debian: apt-get install -y gcc libc6-dev");
    }
    let started = Instant::now();
    match tests {
        Tests::Fast => Nextest::install()?.run("fast", &["--workspace"], &NO_SERVICES)?,
        Tests::All => {
            services::install()?;
            let tested = test_all();
            ::services::stop_shared()?;
            tested?;
        }
    }
    eprintln!("every test passed in {:.0?}", started.elapsed());
    Ok(())
}

/// With this variable `services` starts nothing, so that a test that needs a server is named.
const NO_SERVICES: [(&str, &str); 1] = [(::services::NO_SERVICES, "1")];

/// What people do over HTTP, which comes to the same with one partition and with several.
pub(crate) const OVER_HTTP: &str = "test(/^(conversions|crash|given_back|prices|refused_credit|rule_calendar)::/) \
     | test(/^(rush|several_rules|tiers|units)::/)";

/// What isn't built by default, but for Kafka's TLS, which compiles OpenSSL.
pub(crate) const FEATURES: &str = "guerdon/kurrent,log-export/parquet";

/// Everything as it is built by default; what people do over HTTP once more with four partitions;
/// then what the features `kurrent` and `parquet` add, in another build, so that nothing of them
/// gets into the rest.
fn test_all() -> anyhow::Result<()> {
    let nextest = Nextest::install()?;
    // The servers that tests share start while the tests are built, and no test waits for them.
    let servers = std::thread::spawn(::services::start_shared);
    let built = nextest.build(&["--workspace"]);
    let started = servers.join().ok().context("the thread that starts servers panicked")?;
    built?;
    started?;
    // When a test fails, the rest still runs.
    let default = nextest.run("default", &["--workspace"], &[]);
    // The whole workspace again, for it is built: the ledger alone would be with other features.
    let over_http = format!("package(guerdon) & ({OVER_HTTP})");
    let over_http = ["--workspace", "--filterset", &over_http];
    let with_partitions = nextest.run("default", &over_http, &[("GUERDON_TEST_PARTITIONS", "4")]);
    // The binary's own tests need no feature.
    let packages = ["-p", "event-store", "-p", "guerdon", "-p", "log-export"];
    let features = ["--features", FEATURES, "--lib", "--test", "it"];
    let features = [&packages[..], &features].concat();
    let tests = ["--filterset", "test(kurrent) | test(/^parquet::/)"];
    let tests = [&features[..], &tests].concat();
    let with_features = nextest.run("default", &tests, &[]);
    default.and(with_partitions).and(with_features)
}
