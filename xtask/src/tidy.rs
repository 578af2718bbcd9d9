//! `cargo xtask tidy`: what the compiler and clippy don't look at, over the tracked files.

mod crates;
mod habits;
mod markdown;

use std::fs;

use anyhow::{Context as _, bail};

use crate::run::output;

const COLUMNS_MAX: usize = 100;
const LINES_MAX: usize = 500;

/// Where files are that only tests compile.
const TEST_VOCABULARY: [&str; 5] = [
    "domain/src/scenario.rs",
    "domain/src/scenario/",
    "testing/src/",
    "wire/src/test_request.rs",
    "command-api/src/fact_bodies.rs",
];

pub(crate) fn tidy() -> anyhow::Result<()> {
    let listed = output("git", &["ls-files"]).context("can't list the tracked files")?;
    let files: Vec<(String, String)> = listed
        .lines()
        .filter_map(|path| Some((path.to_owned(), fs::read_to_string(path).ok()?)))
        .collect();
    let mut complaints: Vec<String> =
        files.iter().flat_map(|(path, text)| complaints_of(path, text)).collect();
    complaints.extend(uncited_invariants(&files));
    complaints.extend(markdown::complaints(&files));
    complaints.extend(habits::complaints(&files));
    if let Some((_, text)) = files.iter().find(|(path, _)| path == "docs/ARCHITECTURE.md") {
        complaints.extend(crates::complaints(text)?);
    }
    if complaints.is_empty() {
        eprintln!("{} files are tidy", files.len());
        return Ok(());
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    bail!("{} things are untidy", complaints.len())
}

fn complaints_of(path: &str, text: &str) -> Vec<String> {
    let mut found = vec![];
    // Written in two parts, so that it is not found here.
    let machine_path = concat!("/wo", "rk/");
    if text.contains(machine_path) {
        found.push(format!("{path}: names a path of one machine"));
    }
    if !path.ends_with(".rs") {
        return found;
    }
    let in_tests = text.lines().position(|line| line.trim() == "#[cfg(test)]");
    let is_test = path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || TEST_VOCABULARY.iter().any(|start| path.starts_with(start));
    for (index, line) in text.lines().enumerate() {
        let place = format!("{path}:{}", index + 1);
        if line.chars().count() > COLUMNS_MAX && !is_one_text(line) {
            found.push(format!("{place}: longer than {COLUMNS_MAX} columns"));
        }
        let is_in_test = is_test || in_tests.is_some_and(|start| index >= start);
        for banned in [concat!("to", "do!("), concat!("db", "g!("), concat!("FIX", "ME")] {
            if line.contains(banned) {
                found.push(format!("{place}: {banned} is left over"));
            }
        }
        let panics = [concat!(".unw", "rap()"), concat!(".exp", "ect(")];
        if !is_in_test && panics.iter().any(|panic| line.contains(panic)) {
            found.push(format!("{place}: can panic outside a test"));
        }
    }
    if !text.starts_with("//!") {
        found.push(format!("{path}: doesn't open with what it is"));
    }
    let header = text.lines().take_while(|line| line.starts_with("//!"));
    if text.lines().count() > LINES_MAX
        && !header.into_iter().any(|line| line.contains("long because"))
    {
        found
            .push(format!("{path}: over {LINES_MAX} lines; split it, or say it is long because …"));
    }
    found
}

/// A text that can't be broken without changing it.
fn is_one_text(line: &str) -> bool {
    let line = line.trim_start();
    let starts = ["\"", "r#\"", "#[error(", "meaning: ", "remedy: "];
    starts.iter().any(|start| line.starts_with(start)) || line.ends_with('\\')
}

/// Every invariant is asserted in the domain and hunted by a property test, by its number.
fn uncited_invariants(files: &[(String, String)]) -> Vec<String> {
    let Some((_, invariants)) = files.iter().find(|(path, _)| path == "docs/INVARIANTS.md") else {
        return vec![];
    };
    let numbers = invariants
        .lines()
        .filter_map(|line| line.strip_prefix("## I")?.split_whitespace().next())
        .map(ToOwned::to_owned);
    let is_in = |folder: &str, needle: &str| {
        files.iter().any(|(path, text)| path.starts_with(folder) && text.contains(needle))
    };
    let mut found = vec![];
    for number in numbers {
        if !is_in("domain/src/", &format!("I{number}")) {
            found.push(format!("docs/INVARIANTS.md: I{number} isn't asserted in domain/src"));
        }
        if !is_in("domain/tests/", &format!("fn invariant_i{number}_")) {
            found.push(format!("docs/INVARIANTS.md: no property test hunts I{number}"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tidy_file_is_left_alone() {
        assert!(complaints_of("a/src/b.rs", "//! What it is.\n\nfn f() {}\n").is_empty());
    }

    #[test]
    fn each_untidiness_is_named_with_its_place() {
        let wide = format!("//! x\nfn f() {{ let {} = 1; }}\n", "x".repeat(100));
        let long = format!("//! x\n{}", "fn f() {}\n".repeat(501));
        for (text, complaint) in [
            ("fn f() {}\n", "open with what it is"),
            (wide.as_str(), "a/src/b.rs:2: longer"),
            (long.as_str(), "over 500 lines"),
            (concat!("//! x\nfn f() { x.unw", "rap() }\n"), "a/src/b.rs:2: can panic"),
            (concat!("//! x\n// FIX", "ME\n"), "left over"),
            (concat!("//! x\n// /wo", "rk/main\n"), "path of one machine"),
        ] {
            let found = complaints_of("a/src/b.rs", text).join("\n");
            assert!(found.contains(complaint), "{complaint}: {found}");
        }
    }

    #[test]
    fn an_invariant_without_assertion_or_test_is_named() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = [
            file("docs/INVARIANTS.md", "## I1 One\n## I2 Two\n"),
            file("domain/src/state.rs", "ensure(x, \"I1: one\")"),
            file("domain/tests/it/laws.rs", "fn invariant_i1_holds() {}"),
        ];
        let found = uncited_invariants(&files).join("\n");
        assert!(!found.contains("I1") && found.matches("I2").count() == 2, "{found}");
    }
}
