//! Reads the command line with what is under it, its variables and the configuration file: an empty
//! variable counts as unset, and no error repeats what may be a secret.
//!
//! A service manager may store what a program says at its start. The options that may hold a
//! password are those that hide their variable's value in the help.

use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, Error, FromArgMatches};

use crate::settings::layers::{Asked, Layers, misspelt};
use crate::settings::listing::{Listed, listing};
use crate::settings::redacted::HIDDEN;
use crate::settings::{self, CONFIG};

/// The command line of this process, and what else it is told.
pub(crate) struct Parsed<C> {
    pub(crate) cli: C,
    /// The configuration file, where a secret stands in it.
    pub(crate) private_file: Option<PathBuf>,
    /// What each setting of the tool came to.
    pub(crate) listing: Vec<Listed>,
    /// Complaints about variables that set nothing.
    pub(crate) misspelt: Vec<String>,
}

/// Reads the command line of this process.
pub(crate) fn parse<C: CommandFactory + FromArgMatches>() -> Result<Parsed<C>, Error> {
    let mut command = with_flags_of_settings(C::command());
    let settings = settings::all(&command);
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let tool = tool_of(&command, &words).unwrap_or_else(|| "serve".into());
    let file = file_of(&words).or_else(|| variable(CONFIG).map(PathBuf::from));
    let has_settings = settings.iter().any(|setting| setting.is_of(&tool));
    let (is_read, settings) = (has_settings && !asks_for_help(&words), &settings);
    let asked = Asked { settings, tool: &tool, file: file.as_deref(), variable: &variable };
    let layers = if is_read { Layers::read(&asked) } else { Ok(Layers::default()) };
    let layers = layers.map_err(|complaints| {
        let message = format!("the configuration can't be used:\n  {}", complaints.join("\n  "));
        command.error(ErrorKind::ValueValidation, message)
    })?;
    let command = without_empty_variables(layers.apply(command));
    let matches = command.clone().try_get_matches();
    let parsed = matches.and_then(|mut matches| {
        let listing = listing(settings, &layers, &matches);
        Ok((C::from_arg_matches_mut(&mut matches)?, listing))
    });
    let (cli, listing) = parsed.map_err(|error| without_secrets(error, command))?;
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let misspelt = misspelt(settings, names);
    Ok(Parsed { cli, private_file: layers.private_file, listing, misspelt })
}

/// The command line's description with its flags as they are read.
pub(crate) fn described() -> Command {
    with_flags_of_settings(crate::Cli::command())
}

/// A flag that the environment or the file may switch on can be switched off: `--access-log=false`.
fn with_flags_of_settings(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        if !matches!(arg.get_action(), ArgAction::SetTrue) || arg.get_env().is_none() {
            return arg;
        }
        arg.action(ArgAction::Set)
            .value_parser(BoolishValueParser::new())
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .default_value("false")
            .hide_possible_values(true)
    });
    command.mut_subcommands(with_flags_of_settings)
}

/// The tool that is called: its name is the first word.
fn tool_of(command: &Command, words: &[OsString]) -> Option<String> {
    let first = words.first()?.to_str()?;
    command.find_subcommand(first).map(|tool| tool.get_name().to_owned())
}

/// The file that `--config` names. It must be known before the others are read.
fn file_of(words: &[OsString]) -> Option<PathBuf> {
    let words = words.iter().take_while(|word| *word != "--");
    let mut is_next = false;
    for word in words {
        if is_next {
            return Some(word.into());
        }
        is_next = word == "--config";
        if let Some(file) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return Some(file.into());
        }
    }
    None
}

/// Help is given also where the configuration can't be used.
fn asks_for_help(words: &[OsString]) -> bool {
    let asks = |word: &OsString| {
        [OsStr::new("--help"), OsStr::new("-h"), OsStr::new("--version"), OsStr::new("-V")]
            .contains(&&**word)
    };
    words.first().is_some_and(|word| word == "help") || words.iter().any(asks)
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
    hide(&mut error, &command);
    error
}

/// Hides what may be a secret out of its place: a URL, or what stands where no value belongs and
/// isn't an option or the name of a tool, but for a slip.
fn hide(error: &mut Error, command: &Command) {
    let is_stray =
        matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand);
    let may_be_secret = |text: &str| {
        text.contains("://")
            || text.contains('@')
            || (is_stray && !is_option(text) && !is_almost_a_tool(command, text))
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

/// Whether a tool of whatever level is called so, or one letter is wrong, missing or too much.
fn is_almost_a_tool(command: &Command, text: &str) -> bool {
    command.get_subcommands().any(|tool| {
        differs_by_a_letter(tool.get_name().as_bytes(), text.as_bytes())
            || is_almost_a_tool(tool, text)
    })
}

fn differs_by_a_letter(one: &[u8], other: &[u8]) -> bool {
    let longest = one.len().max(other.len());
    let same = |(one, other): &(&u8, &u8)| one == other;
    let at_begin = one.iter().zip(other).take_while(same).count();
    let at_end = one.iter().rev().zip(other.iter().rev()).take_while(same).count();
    one.len().abs_diff(other.len()) <= 1 && at_begin + at_end + 1 >= longest
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_file_is_what_config_names_wherever_it_stands() {
        for (words, file) in [
            (&["serve", "--config", "a.toml"][..], Some("a.toml")),
            (&["--config=a.toml"], Some("a.toml")),
            (&["keys", "list", "--config", "a.toml", "--config", "b.toml"], Some("a.toml")),
            (&["serve", "--config"], None),
            (&["serve", "--", "--config", "a.toml"], None),
            (&["serve"], None),
        ] {
            let words: Vec<OsString> = words.iter().map(Into::into).collect();
            assert_eq!(file_of(&words), file.map(PathBuf::from), "{words:?}");
        }
    }

    #[test]
    fn a_path_with_control_characters_is_refused() {
        for text in ["", "a\nb", "a\0", "a\u{1b}[2J", "\u{85}"] {
            path(text).expect_err(text);
        }
        assert_eq!(path("./guerdon data/ü"), Ok("./guerdon data/ü".into()));
    }

    #[test]
    fn a_tool_is_known_by_all_but_a_letter() {
        for text in ["serve", "serv", "server", "sarve", "erve"] {
            assert!(differs_by_a_letter(b"serve", text.as_bytes()), "{text}");
        }
        for text in ["", "sevre", "serverr", "hunter", "se"] {
            assert!(!differs_by_a_letter(b"serve", text.as_bytes()), "{text}");
        }
    }

    /// The variables of which the help shows the value: numbers, times, words of a list, addresses
    /// to listen on, and the names of files and folders.
    const SHOWN: [&str; 65] = [
        "GUERDON_ACCEPT_WITHIN",
        "GUERDON_ACCESS_LOG",
        "GUERDON_ALERT_AFTER",
        "GUERDON_API_KEYS",
        "GUERDON_API_KEYS_ELSEWHERE",
        "GUERDON_ARCHIVE_DIR",
        "GUERDON_BODY_BYTES_PER_SECOND",
        "GUERDON_BODY_TIMEOUT",
        "GUERDON_CHECKPOINTS_DIR",
        "GUERDON_CLOCK",
        "GUERDON_COMMAND_API_KEYS",
        "GUERDON_COMMAND_DEADLINE_MS",
        "GUERDON_CONFIG",
        "GUERDON_CONNECTIONS_MAX",
        "GUERDON_CORS_ORIGINS",
        "GUERDON_DATA_DIR",
        "GUERDON_FOLLOWERS_MAX",
        "GUERDON_FOLLOWERS_PER_KEY_MAX",
        "GUERDON_HEADER_BYTES_MAX",
        "GUERDON_HEADER_TIMEOUT",
        "GUERDON_IDLE_TIMEOUT",
        "GUERDON_JWT_ACCOUNT_CLAIM",
        "GUERDON_JWT_AUDIENCE",
        "GUERDON_JWT_ISSUER",
        "GUERDON_JWT_KEYS",
        "GUERDON_JWT_KEYS_GRACE",
        "GUERDON_JWT_KEYS_REFRESH",
        "GUERDON_JWT_PREFIX",
        "GUERDON_JWT_ROLES",
        "GUERDON_JWT_ROLE_CLAIM",
        "GUERDON_JWT_SCOPES_CLAIM",
        "GUERDON_KAFKA_CREATE_TOPICS",
        "GUERDON_KAFKA_PARTITIONS",
        "GUERDON_KAFKA_PROPERTIES",
        "GUERDON_LIMIT_ALL",
        "GUERDON_LIMIT_KEY",
        "GUERDON_LIMIT_OFFER",
        "GUERDON_LIMIT_SHOPPER",
        "GUERDON_LIMIT_SHOPPERS_OF_APPS",
        "GUERDON_LIMIT_WRONG_KEYS",
        "GUERDON_LISTEN",
        "GUERDON_LOG_FORMAT",
        "GUERDON_NO_AUTHENTICATION",
        "GUERDON_OPERATORS_CONNECTIONS_MAX",
        "GUERDON_OPERATORS_LISTEN",
        "GUERDON_OVERDUE_AFTER",
        "GUERDON_PARTITIONS",
        "GUERDON_PROXY_HEADER",
        "GUERDON_READ_WAIT_MS",
        "GUERDON_RECONCILE_EVERY",
        "GUERDON_RECONCILE_SHARE",
        "GUERDON_REREAD_FROM",
        "GUERDON_ROLE",
        "GUERDON_SEAL_BALANCES_DAILY",
        "GUERDON_SHED_AFTER_MS",
        "GUERDON_SNAPSHOT_EVERY",
        "GUERDON_TLS_CERTIFICATE",
        "GUERDON_TLS_KEY",
        "GUERDON_TRACE_SHARE",
        "GUERDON_TRANSPARENCY_DIR",
        "GUERDON_TRUSTED_PROXIES",
        "GUERDON_WAREHOUSE_RATE",
        "GUERDON_WITNESS_EVERY",
        "GUERDON_WITNESS_QUORUM",
        "GUERDON_WRITE_TIMEOUT",
    ];

    #[test]
    fn the_help_shows_no_variable_that_may_hold_a_secret() {
        fn shown(command: &Command, names: &mut BTreeSet<String>) {
            let open = command.get_arguments().filter(|arg| !arg.is_hide_env_values_set());
            let open = open.filter_map(Arg::get_env);
            names.extend(open.map(|name| name.to_string_lossy().into_owned()));
            command.get_subcommands().for_each(|tool| shown(tool, names));
        }
        let mut names = BTreeSet::new();
        shown(&crate::Cli::command(), &mut names);
        assert_eq!(names, BTreeSet::from(SHOWN.map(str::to_owned)));
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
