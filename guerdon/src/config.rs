//! `guerdon config check` and `show`: what the configuration of `guerdon serve` comes to, without
//! starting anything. No secret is shown.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::exit::FoundWrong;
use crate::printing::Printing;
use crate::serve_config::ServeConfig;
use crate::settings::listing::Listed;

/// What to do with the configuration.
#[derive(Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Check flags, variables and the configuration file, and name all that is wrong in the file.
    ///
    /// It opens no store and asks no server. It is given the options of `guerdon serve`.
    Check(Box<OfServe>),
    /// Show each setting's value, and whether an option, a variable, the file or the default says
    /// so. Passwords are left out.
    Show(Box<OfServe>),
}

/// The options of `guerdon serve`.
#[derive(Args)]
struct OfServe {
    #[command(flatten)]
    printing: Printing,
    #[command(flatten)]
    serve: ServeConfig,
}

/// What was found out about the configuration besides.
pub(crate) struct Found {
    pub(crate) file: Option<PathBuf>,
    pub(crate) listing: Vec<Listed>,
    pub(crate) misspelt: Vec<String>,
}

/// The configuration can be used.
#[derive(Serialize)]
struct Usable {
    file: Option<PathBuf>,
    /// The settings that have not their default.
    set: usize,
    /// How many of them the configuration file gives.
    set_by_file: usize,
}

impl Display for Usable {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { file, set, set_by_file } = self;
        write!(f, "the configuration can be used: {set} settings are set, ")?;
        match file {
            Some(file) => write!(f, "{set_by_file} of them in {}", file.display()),
            None => write!(f, "and no configuration file is named"),
        }
    }
}

pub(crate) fn run(ConfigArgs { act }: ConfigArgs, found: Found) -> anyhow::Result<()> {
    match act {
        Act::Check(of) => check(&of, found),
        Act::Show(of) => show(&of, &found),
    }
}

fn check(of: &OfServe, found: Found) -> anyhow::Result<()> {
    of.serve.check()?;
    if !found.misspelt.is_empty() {
        return Err(FoundWrong(found.misspelt.join("\n  ")).into());
    }
    let count = |is_it: &dyn Fn(&str) -> bool| {
        found.listing.iter().filter(|listed| is_it(&listed.from)).count()
    };
    let place = found.file.as_ref().map(|file| format!("{}, line ", file.display()));
    let set = count(&|from| from != "default");
    let set_by_file = place.map_or(0, |place| count(&|from| from.starts_with(&place)));
    of.printing.one(&Usable { file: found.file, set, set_by_file })
}

fn show(of: &OfServe, found: &Found) -> anyhow::Result<()> {
    let cells = |listed: &Listed| {
        let Listed { setting, value, from } = listed.clone();
        [setting, value.unwrap_or_default(), from]
    };
    of.printing.rows(["setting", "value", "from"], &found.listing, cells)
}
