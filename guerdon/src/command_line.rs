//! Reads the command line and its variables: an empty variable counts as unset, and no error
//! repeats what may be a secret.
//!
//! A service manager may store what a program says at its start. The options that may hold a
//! password are those that hide their variable's value in the help.

use std::error::Error as _;
use std::path::PathBuf;
use std::str::FromStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Error, FromArgMatches};

/// In place of what isn't shown.
const HIDDEN: &str = "(not shown)";

/// What isn't an option is shown in an error if it has no more letters than a tool's name.
const WORD_LETTERS_MAX: usize = 20;

/// The command line of this process.
pub(crate) fn parse<C: CommandFactory + FromArgMatches>() -> Result<C, Error> {
    let command = without_empty_variables(C::command());
    let matches = command.clone().try_get_matches();
    let parsed = matches.and_then(|mut matches| C::from_arg_matches_mut(&mut matches));
    parsed.map_err(|error| without_secrets(error, command))
}

/// The value of a variable that is set to more than nothing.
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.into_string().ok()?;
    Some(value).filter(|value| !value.is_empty())
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |arg: &Arg| {
        let name = arg.get_env();
        name.and_then(std::env::var_os).is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(None::<&'static str>) } else { arg })
        .mut_subcommands(without_empty_variables)
}

fn without_secrets(mut error: Error, mut command: Command) -> Error {
    // Before that, an option has no name.
    command.build();
    let text = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let (name, value) =
        (text(&error, ContextKind::InvalidArg), text(&error, ContextKind::InvalidValue));
    if let (Some(name), Some(value)) = (name, value)
        && holds_a_secret(&command, &name)
    {
        // The reasons of KurrentDB's client repeat what they are about.
        let reason = error.source().filter(|_| !value.starts_with("kurrentdb"));
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let message = format!(
            "the value of '{name}' can't be used; it isn't shown, for it may contain a password\
             {reason}"
        );
        return command.error(ErrorKind::ValueValidation, message);
    }
    if error.kind() == ErrorKind::ArgumentConflict {
        let tip = "a tool's options come after its name, as in guerdon snapshot --data-dir FOLDER";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    hide(&mut error);
    error
}

/// Hides what may be a secret out of its place: a URL, or the value of an option that is misspelt.
fn hide(error: &mut Error) {
    let is_stray =
        matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand);
    let may_be_secret = |text: &str| {
        text.contains("://")
            || text.contains('@')
            || (is_stray && !is_option(text) && !is_plain_word(text))
    };
    let kinds = error.context().filter_map(|(kind, value)| match value {
        ContextValue::String(text) if may_be_secret(text) => Some(kind),
        _ => None,
    });
    let kinds: Vec<ContextKind> = kinds.collect();
    if !kinds.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![]));
    }
    for kind in kinds {
        error.insert(kind, ContextValue::String(HIDDEN.into()));
    }
}

fn is_option(text: &str) -> bool {
    text.starts_with('-') && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())
}

fn is_plain_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte == b'-' || byte.is_ascii_lowercase();
    text.len() <= WORD_LETTERS_MAX && text.bytes().all(is_plain)
}

/// Whether an option, as errors name it, may hold a secret, in whichever tool.
fn holds_a_secret(command: &Command, name: &str) -> bool {
    let holds = |arg: &Arg| arg.is_hide_env_values_set() && arg.to_string() == name;
    command.get_arguments().any(holds)
        || command.get_subcommands().any(|tool| holds_a_secret(tool, name))
}

/// A path of a file or folder. A line break in it would make lines of its own in the log.
pub(crate) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.chars().any(char::is_control) {
        return Err("a path has no line breaks or other control characters".into());
    }
    Ok(text.into())
}

/// A URL of a store, in a file or on a server.
pub(crate) fn database_url<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    if text.chars().any(char::is_control) {
        return Err("a URL has no line breaks or other control characters".into());
    }
    if text.strip_prefix("sqlite://").is_some_and(|rest| !rest.starts_with('/')) {
        return Err("a file is sqlite:PATH, without //".into());
    }
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// The address of a ledger. A key is never a part of it.
pub(crate) fn http_url(text: &str) -> Result<String, String> {
    let place = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_plain = |place: &str| {
        !place.is_empty()
            && !place.contains('@')
            && !place.chars().any(|it| it.is_control() || it == ' ')
    };
    if place.is_some_and(is_plain) {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("a ledger's address is http://HOST:PORT, without a user or a password".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_control_characters_is_refused() {
        for text in ["", "a\nb", "a\0", "a\u{1b}[2J", "\u{85}"] {
            path(text).expect_err(text);
        }
        assert_eq!(path("./guerdon data/ü"), Ok("./guerdon data/ü".into()));
    }

    #[test]
    fn an_address_holds_no_password() {
        assert_eq!(http_url("http://127.0.0.1:8080/"), Ok("http://127.0.0.1:8080".into()));
        for text in
            ["", "127.0.0.1:8080", "http://", "http://ann:s3cret@h", "http://a b", "ftp://h"]
        {
            let refused = http_url(text).expect_err(text);
            assert!(!refused.contains("s3cret"));
        }
    }
}
