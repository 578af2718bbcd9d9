//! `cargo xtask ci`: what a change must pass. The checks come first: they fail soonest.

use crate::test::Tests;
use crate::{lint, test};

pub(crate) fn ci() -> anyhow::Result<()> {
    lint::lint()?;
    test::test(Tests::All)
}
