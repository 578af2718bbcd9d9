//! `cargo xtask lint`: what a change must pass beside the tests, the cheapest check first.

use anyhow::{Context as _, ensure};

use crate::run::{cargo, output, run};
use crate::test::FEATURES;
use crate::tidy;

/// Packages that only the feature `kurrent` may bring in.
const KURRENT_ONLY: [&str; 3] = ["kurrentdb", "tonic", "ring"];

/// No warning passes.
const DENY: [&str; 3] = ["--", "-D", "warnings"];

pub(crate) fn lint() -> anyhow::Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    tidy::tidy()?;
    default_build_is_small()?;
    // What is there without further features is there with them, too. It comes first, because there
    // is much to do while librdkafka is compiled.
    let all = ["clippy", "--workspace", "--all-targets", "--features", FEATURES];
    run(&mut cargo(&[&all[..], &DENY].concat()))?;
    // As `cargo run` builds it: the whole workspace turns on features that the ledger alone lacks.
    // What is linted is what looks different without further features.
    let without = ["clippy", "--no-deps", "-p", "event-store", "-p", "guerdon", "-p", "log-export"];
    run(&mut cargo(&[&without[..], &DENY].concat()))?;
    let docs = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    run(cargo(&docs).env("RUSTDOCFLAGS", "-D warnings"))?;
    if output(env!("CARGO"), &["deny", "--version"]).is_some() {
        // Bans are for the default build: docs/decisions/0014-the-log-in-kurrentdb.md says what its
        // client brings.
        run(&mut cargo(&["deny", "check", "bans"]))?;
        run(&mut cargo(&["deny", "--all-features", "check", "licenses", "sources"]))?;
        // Advisories need their database, which is a repository on the network.
        if run(&mut cargo(&["deny", "fetch", "db"])).is_ok() {
            run(&mut cargo(&["deny", "--all-features", "check", "advisories"]))?;
        } else {
            eprintln!("skipped: cargo deny check advisories: its database can't be fetched");
        }
    } else {
        eprintln!(
            "skipped: cargo deny check bans, licenses, sources and advisories: cargo deny isn't \
             installed (cargo install --locked cargo-deny)"
        );
    }
    eprintln!("every check passed");
    Ok(())
}

/// The default build contains no package that only the feature `kurrent` needs.
fn default_build_is_small() -> anyhow::Result<()> {
    let tree = ["tree", "-p", "guerdon", "-e", "normal,build", "--prefix", "none"];
    let packages = |more: &[&str]| {
        output(env!("CARGO"), &[&tree[..], more].concat()).context("cargo tree fails")
    };
    let has = |packages: &str, name| {
        packages.lines().any(|package| package.split(' ').next() == Some(name))
    };
    let (default, with_kurrent) = (packages(&[])?, packages(&["--features", "kurrent"])?);
    for name in KURRENT_ONLY {
        ensure!(
            !has(&default, name),
            "the default build contains {name}; see cargo tree -i {name}"
        );
        ensure!(
            has(&with_kurrent, name),
            "the feature kurrent no longer needs {name}; drop it here"
        );
    }
    eprintln!("the default build contains no package of KurrentDB's client");
    Ok(())
}
