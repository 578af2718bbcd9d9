//! Settings: the options that have a variable. Each has one name in four places: the key
//! `data-dir` of the configuration file is the option `--data-dir` and the variable
//! `GUERDON_DATA_DIR`. Flags win over variables, those over the file, and that over the defaults.
//!
//! They are found in the command line's own description, so an option is declared once. Reading
//! order: [`mod@file`], [`layers`], [`listing`].

pub(crate) mod file;
pub(crate) mod layers;
pub(crate) mod listing;
mod nearest;
pub(crate) mod redacted;
mod secret_file;
mod table;
mod text_file;

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use std::error::Error as _;

/// What the name of every variable begins with.
const PREFIX: &str = "GUERDON_";

/// The variable that names the configuration file, which can't name itself.
pub(crate) const CONFIG: &str = "GUERDON_CONFIG";

/// Options whose variables the help hides, because a password may stand there by a slip. Once their
/// values are checked, they are no secrets.
const NO_SECRETS: [&str; 10] = [
    "kafka",
    "kafka-topic",
    "kafka-warehouse-events",
    "kafka-earnings",
    "kafka-checkpoints",
    "witnesses",
    "kafka-group",
    "command-api",
    "otlp",
    "url",
];

/// An option that can also be set by a variable and in the file.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// Its key in the file, which is the option's name.
    pub(crate) key: String,
    /// Its variable.
    pub(crate) variable: String,
    /// Its option.
    pub(crate) arg: Arg,
    /// The tools that have it, in the order in which the help lists them.
    pub(crate) tools: Vec<String>,
}

/// All settings of the program, those of `serve` first. Without the name of the file itself.
pub(crate) fn all(command: &Command) -> Vec<Setting> {
    let mut found = vec![];
    collect(command, None, &mut found);
    found
}

fn collect(command: &Command, tool: Option<&str>, found: &mut Vec<Setting>) {
    for arg in command.get_arguments() {
        let Some(variable) = arg.get_env().and_then(OsStr::to_str) else { continue };
        let Some(key) = variable.strip_prefix(PREFIX).filter(|_| variable != CONFIG) else {
            continue;
        };
        // Without the name of a tool, `guerdon` is `guerdon serve`.
        let tool = tool.unwrap_or("serve");
        match found.iter_mut().find(|setting| setting.variable == variable) {
            Some(known) if known.tools.iter().all(|name| name != tool) => {
                known.tools.push(tool.to_owned());
            }
            Some(_) => {}
            None => found.push(Setting {
                key: key.to_ascii_lowercase().replace('_', "-"),
                variable: variable.to_owned(),
                arg: arg.clone(),
                tools: vec![tool.to_owned()],
            }),
        }
    }
    for below in command.get_subcommands() {
        collect(below, tool.or(Some(below.get_name())), found);
    }
}

impl Setting {
    /// Whether a tool has it.
    pub(crate) fn is_of(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }

    /// Whether its value may hold a password.
    pub(crate) fn is_secret(&self) -> bool {
        self.arg.is_hide_env_values_set() && !NO_SECRETS.contains(&&*self.key)
    }

    /// The key that names a file with the value, for a secret.
    pub(crate) fn file_key(&self) -> String {
        format!("{}-file", self.key)
    }

    /// The variable that names a file with the value, for a secret.
    pub(crate) fn file_variable(&self) -> String {
        format!("{}_FILE", self.variable)
    }

    /// Whether it may have several values.
    pub(crate) fn takes_many(&self) -> bool {
        matches!(self.arg.get_action(), ArgAction::Append)
    }

    /// Why these can't be its values; nothing where they can.
    pub(crate) fn complaint(&self, values: &[String]) -> Option<String> {
        if values.len() > 1 && !self.takes_many() {
            return Some("takes one value, not a list".into());
        }
        let mut arg = Arg::new("value")
            .long("value")
            .action(ArgAction::Append)
            .allow_hyphen_values(true)
            .value_parser(self.arg.get_value_parser().clone());
        if let Some(delimiter) = self.arg.get_value_delimiter() {
            arg = arg.value_delimiter(delimiter);
        }
        let command = Command::new("setting").no_binary_name(true).arg(arg);
        let words = values.iter().map(|value| format!("--value={value}"));
        let error = command.try_get_matches_from(words).err()?;
        if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue)
            && error.kind() == ErrorKind::InvalidValue
            && !valid.is_empty()
        {
            return Some(format!("must be one of {}", valid.join(", ")));
        }
        // The reasons of KurrentDB's client repeat what they are about, and so may those of options
        // that hold no secret, where a URL with a password stands by a slip.
        let is_open = !self.arg.is_hide_env_values_set();
        let is_url = |value: &String| value.contains("://") || value.contains('@');
        let is_repeated =
            values.iter().any(|value| value.starts_with("kurrentdb") || (is_open && is_url(value)));
        let reason = error.source().filter(|_| !is_repeated);
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        Some(format!("has a value that can't be used{reason}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;

    fn settings() -> Vec<Setting> {
        all(&crate::Cli::command())
    }

    fn setting(key: &str) -> Setting {
        settings().into_iter().find(|it| it.key == key).expect(key)
    }

    #[test]
    fn a_setting_has_one_name_in_all_places() {
        let mut keys = BTreeSet::new();
        for setting in settings() {
            if let Some(long) = setting.arg.get_long() {
                assert_eq!(long, setting.key, "{}", setting.variable);
            }
            assert!(keys.insert(setting.key.clone()), "{} is there twice", setting.key);
            assert!(keys.insert(setting.file_key()), "{} is there twice", setting.file_key());
        }
        assert!(keys.contains("listen") && keys.contains("copy-from"), "{keys:?}");
    }

    /// To clap, what stands in the file is a default, and no such rule asks for those.
    #[test]
    fn whether_settings_go_together_is_checked_where_they_are_used_and_not_by_clap() {
        for setting in settings() {
            let alone = Command::new("alone").arg(setting.arg.clone());
            let check = std::panic::AssertUnwindSafe(|| alone.debug_assert());
            let is_alone = std::panic::catch_unwind(check);
            assert!(is_alone.is_ok(), "{} requires or excludes another option", setting.key);
        }
    }

    #[test]
    fn what_may_hold_a_password_is_a_secret() {
        for key in [
            "store",
            "read-model",
            "read-model-replica",
            "publisher-state",
            "kafka-property",
            "copy-from",
            "copy-to",
        ] {
            assert!(setting(key).is_secret(), "{key}");
        }
        for key in NO_SECRETS.into_iter().chain(["listen", "data-dir", "kafka-properties"]) {
            assert!(!setting(key).is_secret(), "{key}");
        }
    }

    #[test]
    fn a_value_is_checked_by_the_options_own_rule() {
        let complaint = |key: &str, values: &[&str]| {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            setting(key).complaint(&values)
        };
        assert_eq!(complaint("listen", &["127.0.0.1:1"]), None);
        assert_eq!(complaint("role", &["projector", "query-api"]), None);
        assert_eq!(complaint("role", &["projector,query-api"]), None);
        assert_eq!(complaint("access-log", &["true"]), None);
        assert_eq!(complaint("snapshot-every", &["1000"]), None);
        let list = complaint("listen", &["127.0.0.1:1", "127.0.0.1:2"]);
        assert_eq!(list.as_deref(), Some("takes one value, not a list"));
        let unknown = complaint("log-format", &["xml"]);
        assert_eq!(unknown.as_deref(), Some("must be one of text, json"));
        let wrong = complaint("snapshot-every", &["-1"]).expect("a complaint");
        assert!(wrong.contains("not a whole number of events"), "{wrong}");
        for url in ["postgress://ann:hunter2@db/points", "kurrentdb://ann:hunter2"] {
            for key in ["store", "header-timeout", "snapshot-every"] {
                let wrong = complaint(key, &[url]).expect("a complaint");
                assert!(!wrong.contains("hunter2"), "{key}: {wrong}");
            }
        }
    }
}
