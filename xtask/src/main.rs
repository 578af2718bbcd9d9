//! `cargo xtask`: the project's own automation. It builds, tests, checks and measures; nothing of
//! the ledger is in it.

mod bench;
mod ci;
mod faults;
mod run;
mod services;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::bail;

const USAGE: &str = "cargo xtask COMMAND
  test            everything that tests need, then every test; GUERDON_TEST_MINUTES=10 is how long
                  a program of tests may take
  ci              format, lints, docs, tidiness, licences
  tidy            the checks that no other tool makes, over the tracked files
  bench [ARGS]    the ledger beside other ways to redeem (--help for ARGS)
  services kafka  starts the Kafka that tests share, to try things out with, and says where it is
  services stop   ends the PostgreSQL and the Kafka that tests share, and forgets their data
  faults          the long version of the fault tests: GUERDON_KILLS=20, GUERDON_FAULTS=20,
                  GUERDON_RACE_SECONDS=30";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Task<'a> {
    Help,
    Test,
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
            ["test"] => Self::Test,
            ["ci"] => Self::Ci,
            ["tidy"] => Self::Tidy,
            ["services"] => Self::Services(None),
            ["services", what] => Self::Services(Some(what)),
            ["faults"] => Self::Faults,
            ["test" | "ci" | "tidy" | "services" | "faults", .., word] => {
                bail!("{word:?} is more than this command takes\n{USAGE}")
            }
            [word, ..] => bail!("there is no command {word:?}\n{USAGE}"),
        })
    }

    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Help => println!("{USAGE}"),
            Self::Test => test::test()?,
            Self::Ci => ci::ci()?,
            Self::Tidy => tidy::tidy()?,
            Self::Bench(args) => bench::bench(args)?,
            Self::Services(what) => services::services(what)?,
            Self::Faults => faults::faults()?,
        }
        Ok(())
    }
}

/// Whether somebody asks what there is, and wants nothing done.
fn is_help(word: &str) -> bool {
    ["--help", "-h"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_help_starts_nothing() {
        for line in ["", "help", "--help", "-h", "faults --help", "test -h", "services --help"] {
            let args = words(line);
            assert_eq!(Task::parse(&args).expect(line), Task::Help, "{line}");
        }
        assert_eq!(Task::parse(&words("faults")).expect("known"), Task::Faults);
    }

    #[test]
    fn a_word_that_is_no_command_is_named() {
        for (line, word) in [("tset", "tset"), ("test quickly", "quickly"), ("faults 3", "3")] {
            let args = words(line);
            let said = Task::parse(&args).expect_err(line).to_string();
            assert!(said.contains(&format!("{word:?}")) && said.contains(USAGE), "{said}");
        }
    }

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(ToOwned::to_owned).collect()
    }
}
