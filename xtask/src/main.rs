//! `cargo xtask`: the project's own automation. It builds, tests, checks and measures; nothing of
//! the ledger is in it.

mod bench;
mod ci;
mod faults;
mod lint;
mod nextest;
mod run;
mod services;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::bail;
use test::Tests;

const USAGE: &str = "cargo xtask COMMAND
  test            installs what the tests need, and runs every test
  test --fast     the tests that need no PostgreSQL, Kafka or Java
  lint            format, tidiness, clippy, docs, licences
  ci              lint, then test: what a change must pass
  tidy            the checks that no other tool makes, over the tracked files
  bench [ARGS]    the ledger beside other ways to redeem (--help for ARGS)
  services kafka  starts the Kafka that tests share, to try things out; prints its address
  services stop   stops the PostgreSQL and the Kafka that the tests share, and deletes their data
  faults          the fault tests, at length; GUERDON_KILLS=20, GUERDON_FAULTS=20 and
                  GUERDON_RACE_SECONDS=30 are the defaults";

/// One line of [`USAGE`].
#[derive(Debug, PartialEq, Eq)]
enum Task<'a> {
    Help,
    Test(Tests),
    Lint,
    Ci,
    Tidy,
    Bench(&'a [String]),
    Services(Option<&'a str>),
    Faults,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match Task::parse(&args).and_then(Task::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl<'a> Task<'a> {
    fn parse(args: &'a [String]) -> anyhow::Result<Self> {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        Ok(match words[..] {
            // The benchmark has options of its own, and explains them itself.
            ["bench", ..] => Self::Bench(args.get(1..).unwrap_or_default()),
            [] | ["help"] => Self::Help,
            [.., word] if is_help(word) => Self::Help,
            ["test"] => Self::Test(Tests::All),
            ["test", "--fast"] => Self::Test(Tests::Fast),
            ["lint"] => Self::Lint,
            ["ci"] => Self::Ci,
            ["tidy"] => Self::Tidy,
            ["services"] => Self::Services(None),
            ["services", what] => Self::Services(Some(what)),
            ["faults"] => Self::Faults,
            ["test" | "lint" | "ci" | "tidy" | "services" | "faults", .., word] => {
                bail!("unexpected argument {word:?}\n{USAGE}")
            }
            [word, ..] => bail!("unknown command {word:?}\n{USAGE}"),
        })
    }

    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Help => println!("{USAGE}"),
            Self::Test(tests) => test::test(tests)?,
            Self::Lint => lint::lint()?,
            Self::Ci => ci::ci()?,
            Self::Tidy => tidy::tidy()?,
            Self::Bench(args) => bench::bench(args)?,
            Self::Services(what) => services::services(what)?,
            Self::Faults => faults::faults()?,
        }
        Ok(())
    }
}

/// Whether the word asks for help.
fn is_help(word: &str) -> bool {
    ["--help", "-h"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_help_starts_nothing() {
        for line in ["", "help", "--help", "-h", "faults --help", "test -h", "services --help"] {
            let args = words(line);
            assert_eq!(Task::parse(&args).expect(line), Task::Help, "{line}");
        }
        assert_eq!(Task::parse(&words("faults")).expect("known"), Task::Faults);
    }

    #[test]
    fn an_unknown_word_is_named() {
        for (line, word) in [
            ("tset", "tset"),
            ("test quickly", "quickly"),
            ("test --fast now", "now"),
            ("faults 3", "3"),
        ] {
            let args = words(line);
            let said = Task::parse(&args).expect_err(line).to_string();
            assert!(said.contains(&format!("{word:?}")) && said.contains(USAGE), "{said}");
        }
    }

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(ToOwned::to_owned).collect()
    }
}
