//! `cargo xtask bench`: builds what is measured as it is shipped, and measures it.

use crate::run::{cargo, run};
use crate::{is_help, services};

pub(crate) fn bench(args: &[String]) -> anyhow::Result<()> {
    if args.iter().any(|word| is_help(word)) {
        // Without optimizing: what only explains itself is soon built.
        return run(cargo(&["run", "--quiet", "-p", "bench", "--"]).args(args));
    }
    services::install()?;
    run(&mut cargo(&["build", "--profile", "dist", "-p", "guerdon", "-p", "bench"]))?;
    run(cargo(&["run", "--profile", "dist", "--quiet", "-p", "bench", "--"]).args(args))
}
