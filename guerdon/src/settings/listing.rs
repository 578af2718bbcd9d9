//! What every setting came to, and what says so.

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Serialize;

use super::Setting;
use super::layers::Layers;

/// A setting as it counts, for `guerdon config show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Listed {
    pub(crate) setting: String,
    /// Its value, without what is secret; nothing where it is off, or another setting decides.
    pub(crate) value: Option<String>,
    /// The option, the variable, the line of the file, or the default.
    pub(crate) from: String,
}

/// All settings of the tool that was called.
pub(crate) fn listing(settings: &[Setting], layers: &Layers, matches: &ArgMatches) -> Vec<Listed> {
    let mut matches = matches;
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    settings.iter().filter_map(|setting| listed(setting, layers, matches)).collect()
}

fn listed(setting: &Setting, layers: &Layers, matches: &ArgMatches) -> Option<Listed> {
    let id = setting.arg.get_id().as_str();
    // An error says that the tool has no such option.
    let raw = matches.try_get_raw(id).ok()?;
    let raw = raw.map(|values| values.map(|value| setting.shown(&value.to_string_lossy())));
    let value = raw.map(|values| values.collect::<Vec<_>>().join(", "));
    let from = match matches.value_source(id) {
        Some(ValueSource::CommandLine) => format!("--{}", setting.key),
        Some(ValueSource::EnvVariable) => setting.variable.clone(),
        _ => match layers.given(&setting.variable) {
            Some(given) => given.from.clone(),
            None => "default".into(),
        },
    };
    let value = value.or_else(|| setting.texts().default);
    Some(Listed { setting: setting.key.clone(), value, from })
}

/// What the help says of a setting.
#[derive(Debug)]
pub(crate) struct Texts {
    /// In full sentences.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table of settings shows it"))]
    pub(crate) meaning: String,
    /// What counts where nothing is set.
    pub(crate) default: Option<String>,
}

impl Setting {
    /// The texts of its option. A default that follows from other options stands in its text:
    /// `[default: …]`.
    pub(crate) fn texts(&self) -> Texts {
        let help = self.arg.get_long_help().or_else(|| self.arg.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let mut meaning = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut default = None;
        if let Some((before, rest)) = meaning.split_once("[default: ")
            && let Some((told, after)) = rest.split_once(']')
        {
            default = Some(told.to_owned());
            meaning = format!("{}{after}", before.trim_end());
        }
        if !meaning.ends_with('.') {
            meaning.push('.');
        }
        let values = self.arg.get_default_values();
        if !values.is_empty() {
            let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
            default = Some(values.join(", "));
        }
        Texts { meaning, default }
    }
}
