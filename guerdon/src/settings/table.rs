//! The table of all settings in `docs/operations/configuration.md` is what the code says.
//!
//! `GUERDON_TOUR=write cargo test -p guerdon settings::table` writes it.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use clap::CommandFactory as _;

    use super::super::Setting;
    use super::super::listing::Texts;

    const BEGIN: &str = "<!-- settings: written from the code by a test -->\n";
    const END: &str = "<!-- end of the settings -->\n";

    fn table(settings: &[Setting]) -> String {
        let mut text =
            String::from("| key | default | what it is | read by |\n|---|---|---|---|\n");
        for setting in settings {
            let Texts { meaning, default } = setting.texts();
            let default = match default {
                Some(default) if setting.arg.get_default_values().is_empty() => default,
                Some(default) => format!("`{default}`"),
                None => String::new(),
            };
            let secret = if setting.is_secret() { " **Secret.**" } else { "" };
            let meaning = meaning.replace('|', "\\|");
            let tools = setting.tools.iter().filter(|tool| *tool != "config");
            let tools = tools.map(|tool| format!("`{tool}`")).collect::<Vec<_>>().join(", ");
            writeln!(text, "| `{}` | {default} | {meaning}{secret} | {tools} |", setting.key)
                .expect("a text grows");
        }
        text
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
    fn the_documented_table_of_settings_is_what_the_code_says() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/configuration.md");
        let document = std::fs::read_to_string(&path).expect("it can be read");
        let (before, rest) = document.split_once(BEGIN).expect("the table begins");
        let (shown, after) = rest.split_once(END).expect("the table ends");
        let table = table(&super::super::all(&crate::command_line::described()));
        if std::env::var("GUERDON_TOUR").is_ok_and(|word| word == "write") {
            let text = format!("{before}{BEGIN}\n{table}\n{END}{after}");
            return std::fs::write(&path, text).expect("it can be written");
        }
        assert_eq!(shown.trim(), table.trim(), "see the top of this file for how to write it");
    }

    #[test]
    fn every_setting_has_a_sentence_of_what_it_is() {
        for setting in super::super::all(&crate::Cli::command()) {
            let Texts { meaning, .. } = setting.texts();
            assert!(meaning.len() > 10 && !meaning.contains('['), "{}: {meaning}", setting.key);
        }
    }
}
