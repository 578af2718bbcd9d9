//! What the file and the files of secrets say, put under the flags and variables of the command
//! line: a setting's value there becomes its option's default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Command;

use super::file::{self, Entry};
use super::nearest::{hint, nearest};
use super::{CONFIG, PREFIX, Setting, secret_file};

/// The settings that a file gives.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// By variable.
    given: BTreeMap<String, Given>,
    /// The configuration file, where a secret stands in it.
    pub(crate) private_file: Option<PathBuf>,
}

/// A value, and where it comes from.
#[derive(Debug)]
pub(super) struct Given {
    values: Vec<String>,
    pub(super) from: String,
}

/// Who asks, and what is there.
pub(crate) struct Asked<'a> {
    pub(crate) settings: &'a [Setting],
    /// The tool that was called. Its settings alone are looked up in files of secrets, because only
    /// it needs to be allowed to read them.
    pub(crate) tool: &'a str,
    /// The configuration file.
    pub(crate) file: Option<&'a Path>,
    /// The value of a variable that is set to more than nothing.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Layers {
    /// Reads all that the files say; or names all that is wrong in them, one thing a line.
    pub(crate) fn read(asked: &Asked<'_>) -> Result<Self, Vec<String>> {
        let (mut layers, mut complaints) = (Self::default(), vec![]);
        if let Some(path) = asked.file {
            match file::read(path) {
                Ok(entries) => {
                    for entry in entries {
                        let place = format!("{}, line {}", path.display(), entry.line);
                        if let Err(why) = layers.take(asked, entry, &place) {
                            complaints.push(format!("{place}: {why}"));
                        }
                    }
                    if layers.private_file.is_some() {
                        layers.private_file = Some(path.to_owned());
                    }
                }
                Err(why) => complaints.push(format!("the configuration file {why}")),
            }
        }
        for setting in asked.settings.iter().filter(|setting| setting.is_secret()) {
            if let Err(why) = layers.take_variable(asked, setting) {
                complaints.push(why);
            }
        }
        if complaints.is_empty() { Ok(layers) } else { Err(complaints) }
    }

    /// Takes an entry of the configuration file.
    fn take(&mut self, asked: &Asked<'_>, entry: Entry, place: &str) -> Result<(), String> {
        let Entry { key, values, .. } = entry;
        let named = asked.settings.iter().find(|setting| setting.key == key);
        let secrets = || asked.settings.iter().filter(|setting| setting.is_secret());
        let in_a_file = secrets().find(|setting| setting.file_key() == key);
        let Some(setting) = named.or(in_a_file) else {
            let files: Vec<String> = secrets().map(Setting::file_key).collect();
            let keys = asked.settings.iter().map(|setting| &*setting.key);
            let keys = keys.chain(files.iter().map(|key| &**key));
            return Err(format!("{key} isn't a setting{}", hint(&key, keys)));
        };
        let mut values = values.map_err(|why| format!("{key} {why}"))?;
        if named.is_none() {
            let [path] = &values[..] else { return Err(format!("{key} names one file")) };
            if !setting.tools.iter().any(|tool| tool == asked.tool) {
                return Ok(());
            }
            values =
                vec![secret_file::read(Path::new(path)).map_err(|why| format!("{key}: {why}"))?];
        } else if setting.is_secret() {
            self.private_file = Some(PathBuf::new());
        }
        if let Some(why) = setting.complaint(&values) {
            return Err(format!("{key} {why}"));
        }
        if self.given.contains_key(&setting.variable) {
            return Err(format!("{} and {} are both set", setting.key, setting.file_key()));
        }
        self.given.insert(setting.variable.clone(), Given { values, from: place.to_owned() });
        Ok(())
    }

    /// Takes a secret from the file that a variable names. It counts as a variable.
    fn take_variable(&mut self, asked: &Asked<'_>, setting: &Setting) -> Result<(), String> {
        let name = setting.file_variable();
        let Some(path) = (asked.variable)(&name) else { return Ok(()) };
        if !setting.tools.iter().any(|tool| tool == asked.tool) {
            return Ok(());
        }
        if (asked.variable)(&setting.variable).is_some() {
            return Err(format!("{} and {name} are both set; unset one", setting.variable));
        }
        let value = secret_file::read(Path::new(&path)).map_err(|why| format!("{name}: {why}"))?;
        let values = vec![value];
        if let Some(why) = setting.complaint(&values) {
            return Err(format!("{name} {why}"));
        }
        self.given.insert(setting.variable.clone(), Given { values, from: name });
        Ok(())
    }

    /// Where a setting's value comes from, if from a file.
    pub(super) fn given(&self, variable: &str) -> Option<&Given> {
        self.given.get(variable)
    }

    /// The command with these values as defaults.
    pub(crate) fn apply(&self, command: Command) -> Command {
        let command = command.mut_args(|arg| {
            let variable = arg.get_env().and_then(std::ffi::OsStr::to_str);
            let Some(given) = variable.and_then(|name| self.given.get(name)) else { return arg };
            // Nothing is required that is there; and the help shows no secret.
            let hides = arg.is_hide_env_values_set();
            arg.default_values(given.values.clone()).required(false).hide_default_value(hides)
        });
        command.mut_subcommands(|below| self.apply(below))
    }
}

/// What is wrong with the names of variables: those that are nearly a setting's. Others are
/// nobody's slip: Kubernetes gives every container variables named after the services around it.
pub(crate) fn misspelt(settings: &[Setting], names: impl Iterator<Item = String>) -> Vec<String> {
    let secrets = settings.iter().filter(|setting| setting.is_secret());
    let mut known: Vec<String> = settings.iter().map(|it| it.variable.clone()).collect();
    known.extend(secrets.map(Setting::file_variable));
    known.push(CONFIG.into());
    let mut complaints: Vec<String> = names
        .filter(|name| !known.contains(name))
        .filter_map(|name| {
            let known = known.iter().filter_map(|name| name.strip_prefix(PREFIX));
            let meant = nearest(name.strip_prefix(PREFIX)?, known)?;
            Some(format!("the variable {name} sets nothing; did you mean {PREFIX}{meant}?"))
        })
        .collect();
    complaints.sort();
    complaints
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    struct Case {
        folder: tempfile::TempDir,
        settings: Vec<Setting>,
        variables: Vec<(String, String)>,
    }

    impl Case {
        fn new(text: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("guerdon.toml"), text).expect("written");
            let settings = super::super::all(&crate::Cli::command());
            Self { folder, settings, variables: vec![] }
        }

        /// A file with a secret; gives its path.
        fn secret(&self, name: &str, text: &str) -> String {
            let file = self.folder.path().join(name);
            std::fs::write(&file, text).expect("written");
            file.to_str().expect("UTF-8").to_owned()
        }

        fn read(&self, tool: &str) -> Result<Layers, Vec<String>> {
            let file = self.folder.path().join("guerdon.toml");
            let variable = |name: &str| {
                let found = self.variables.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            };
            let settings = &self.settings;
            Layers::read(&Asked { settings, tool, file: Some(&file), variable: &variable })
        }

        /// All complaints, without the path of the file.
        fn complaints(&self, tool: &str) -> Vec<String> {
            let folder = format!("{}/", self.folder.path().display());
            let complaints = self.read(tool).expect_err("complaints");
            complaints.iter().map(|complaint| complaint.replace(&folder, "")).collect()
        }
    }

    #[test]
    fn every_slip_in_a_file_is_named_by_its_line_at_once() {
        let case = Case::new(
            "lisen = '127.0.0.1:1'\nport = 80\nlog-format = 'xml'\n\
             listen = ['127.0.0.1:1', '127.0.0.1:2']\nstore = 'postgress://ann:hunter2@db'\n\
             store-file = ['a', 'b']\nlog = {format = 'json'}\nstore-fil = 'a'\n",
        );
        let complaints = case.complaints("serve");
        assert_eq!(
            complaints[0],
            "guerdon.toml, line 1: lisen isn't a setting; did you mean listen?"
        );
        assert_eq!(complaints[1], "guerdon.toml, line 2: port isn't a setting");
        assert_eq!(complaints[2], "guerdon.toml, line 3: log-format must be one of text, json");
        assert_eq!(complaints[3], "guerdon.toml, line 4: listen takes one value, not a list");
        assert!(
            complaints[4].starts_with("guerdon.toml, line 5: store has a value that can't be used")
        );
        assert_eq!(complaints[5], "guerdon.toml, line 6: store-file names one file");
        assert_eq!(complaints[6], "guerdon.toml, line 7: log isn't a setting");
        assert_eq!(
            complaints[7],
            "guerdon.toml, line 8: store-fil isn't a setting; did you mean store-file?"
        );
        assert_eq!(complaints.len(), 8, "{complaints:?}");
        assert!(!complaints.concat().contains("hunter2"), "{complaints:?}");
    }

    #[test]
    fn a_secret_in_a_file_of_its_own_counts_as_a_variable() {
        let mut case = Case::new("store = 'memory:'\n");
        let path = case.secret("store", "sqlite:b.sqlite\n");
        case.variables.push(("GUERDON_STORE_FILE".into(), path));
        let layers = case.read("serve").expect("layers");
        let given = layers.given("GUERDON_STORE").expect("given");
        assert_eq!(
            (&*given.from, &given.values),
            ("GUERDON_STORE_FILE", &vec!["sqlite:b.sqlite".into()])
        );
        case.variables.push(("GUERDON_STORE".into(), "memory:".into()));
        assert_eq!(
            case.complaints("serve"),
            ["GUERDON_STORE and GUERDON_STORE_FILE are both set; unset one"]
        );
    }

    #[test]
    fn only_the_tool_that_needs_a_secret_reads_its_file() {
        let case = Case::new("store-file = 'nowhere'\nkafka-property-file = 'nowhere'\n");
        assert!(case.read("shipping").is_ok());
        assert_eq!(case.complaints("serve").len(), 2);
        let keys = case.complaints("keys");
        assert_eq!(keys.len(), 1, "{keys:?}");
        assert!(keys[0].contains("store-file: nowhere can't be read"), "{keys:?}");
    }

    #[test]
    fn a_secret_and_its_file_are_not_both_in_the_configuration() {
        let case = Case::new("");
        let secret = case.secret("store", "memory:");
        let case = Case::new(&format!("store = 'memory:'\nstore-file = '{secret}'\n"));
        assert_eq!(
            case.complaints("serve"),
            ["guerdon.toml, line 2: store and store-file are both set"]
        );
    }

    #[test]
    fn a_file_with_a_secret_in_it_is_private() {
        let is_private =
            |text: &str| Case::new(text).read("serve").expect("read").private_file.is_some();
        assert!(is_private("store = 'memory:'\n"));
        assert!(!is_private("listen = '127.0.0.1:1'\n"));
        assert!(!is_private(""));
    }

    #[test]
    fn a_variable_that_is_nearly_a_setting_is_named_and_no_other() {
        let settings = super::super::all(&crate::Cli::command());
        let names = [
            "GUERDON_LISTEN",
            "GUERDON_CONFIG",
            "GUERDON_STORE_FILE",
            "GUERDON_LISTN",
            "GUERDON_SERVICE_HOST",
            "GUERDON_PORT",
            "GUERDON_PORT_8080_TCP",
            "GUERDON_STORE_FIL",
            "PATH",
        ];
        assert_eq!(
            misspelt(&settings, names.into_iter().map(ToOwned::to_owned)),
            [
                "the variable GUERDON_LISTN sets nothing; did you mean GUERDON_LISTEN?",
                "the variable GUERDON_STORE_FIL sets nothing; did you mean GUERDON_STORE_FILE?",
            ]
        );
    }
}
