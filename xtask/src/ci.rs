//! `cargo xtask ci`: what a change must pass. The checks come first: they fail soonest.

use std::thread;

use anyhow::Context as _;

use crate::services;
use crate::test::Tests;
use crate::{lint, test};

pub(crate) fn ci() -> anyhow::Result<()> {
    // The checks need processors, and what tests need is waited for: both go on at once.
    let installing = thread::spawn(services::install);
    lint::lint()?;
    installing.join().ok().context("the thread that installs services panicked")??;
    test::test(Tests::All)
}
