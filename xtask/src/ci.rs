//! `cargo xtask ci`: what a change must pass beside the tests.

use crate::run::{cargo, output, run};
use crate::tidy;

pub(crate) fn ci() -> anyhow::Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let docs = ["doc", "--workspace", "--no-deps", "--document-private-items"];
    run(cargo(&docs).env("RUSTDOCFLAGS", "-D warnings"))?;
    tidy::tidy()?;
    if output(env!("CARGO"), &["deny", "--version"]).is_some() {
        // Advisories need the network; licences, bans and sources don't.
        run(&mut cargo(&["deny", "check", "licenses", "bans", "sources"]))?;
    } else {
        eprintln!("skipped: cargo deny isn't installed (cargo install --locked cargo-deny)");
    }
    eprintln!("every check passed");
    Ok(())
}
