//! `guerdon completions` and `guerdon man`: what a shell and a reader of manuals need, made from
//! the description of the command line.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::command_line::{described, path};

/// The shell to complete for.
#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// The shell. What is printed goes to where it looks for completions, such as
    /// /etc/bash_completion.d/guerdon.
    shell: Shell,
}

/// Where the pages go.
#[derive(Args)]
pub(crate) struct ManArgs {
    /// Write the pages of guerdon and of each tool into this folder, such as
    /// /usr/local/share/man/man1, instead of printing the one of guerdon.
    #[arg(long, value_name = "FOLDER", value_parser = path)]
    into: Option<PathBuf>,
}

pub(crate) fn completions(CompletionsArgs { shell }: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = vec![];
    clap_complete::generate(*shell, &mut described(), "guerdon", &mut script);
    print(&script)
}

pub(crate) fn man(ManArgs { into }: &ManArgs) -> anyhow::Result<()> {
    if let Some(folder) = into {
        let cannot = || format!("can't write the man pages into {}", folder.display());
        std::fs::create_dir_all(folder).with_context(cannot)?;
        return clap_mangen::generate_to(described(), folder).with_context(cannot);
    }
    let mut page = vec![];
    Man::new(described()).render(&mut page)?;
    print(&page)
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).context("it could not be printed")
}
