//! The exit codes: what a script learns of how a command ended.

use std::fmt::Write as _;
use std::process::ExitCode;

/// Each code, and what it means.
pub(crate) const CODES: [(u8, &str); 6] = [
    (0, "Done."),
    (1, "It failed; standard error says why, and what to do."),
    (2, "The command line, a variable or the configuration file can't be used. Nothing was begun."),
    (
        3,
        "It ran to its end, and what it looked at isn't in order: `audit`, `check`, `verify` or `log \
         import` found damage, `adopt` was refused rows or found a difference, `config check` a variable that \
         sets nothing, `shipping retry --all` messages that still can't be used.",
    ),
    (
        4,
        "The ledger at --url can't be reached, or didn't answer in time. The same command may be \
         run again.",
    ),
    (
        130,
        "It was interrupted (SIGINT; 129 for SIGHUP, 143 for SIGTERM). What it had done by then \
         stands, and standard error says how to go on.",
    ),
];

/// A tool ran to its end and found something that isn't in order.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FoundWrong(pub(crate) String);

/// The ledger doesn't answer.
#[derive(Debug, thiserror::Error)]
#[error("the ledger at {0} doesn't answer")]
pub(crate) struct Unreachable(pub(crate) String);

/// A tool was told to stop.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; {what_stands}")]
pub(crate) struct Interrupted {
    /// The signal's number.
    pub(crate) signal: u8,
    /// What was done by then, and how to go on.
    pub(crate) what_stands: &'static str,
}

/// The code of a failure.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    if let Some(Interrupted { signal, .. }) = error.downcast_ref() {
        return ExitCode::from(128 + signal % 128);
    }
    if error.is::<FoundWrong>() {
        return ExitCode::from(3);
    }
    if error.is::<Unreachable>() {
        return ExitCode::from(4);
    }
    ExitCode::FAILURE
}

/// The codes, for the help and the man page.
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in CODES {
        // Writing to a text can't fail.
        let _ = writeln!(text, "  {code:<4} {meaning}");
    }
    text.push_str(
        "\nA tool's options come after its name. docs/operations/command-line.md has more.",
    );
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_code_follows_from_the_error_under_all_that_is_said_about_it() {
        let shown = |error: anyhow::Error| format!("{:?}", code(&error));
        let is = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(shown(anyhow::anyhow!("no")), is(1));
        assert_eq!(shown(FoundWrong("a".into()).into()), is(3));
        let wrapped = Err::<(), _>(Unreachable("a".into())).context("no").expect_err("wrapped");
        assert_eq!(shown(wrapped), is(4));
        let under = Err::<(), _>(std::io::Error::other("x")).context(Unreachable("a".into()));
        assert_eq!(shown(under.expect_err("wrapped")), is(4));
        assert_eq!(shown(Interrupted { signal: 2, what_stands: "" }.into()), is(130));
        assert_eq!(shown(Interrupted { signal: 15, what_stands: "" }.into()), is(143));
    }

    #[test]
    fn the_document_has_every_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations/command-line.md");
        let document = std::fs::read_to_string(path).expect("it can be read");
        for (code, meaning) in CODES {
            let row = format!("| {code} | {meaning} |");
            assert!(document.contains(&row), "{row}");
        }
    }
}
