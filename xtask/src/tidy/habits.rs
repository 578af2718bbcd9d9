//! How tests and comments are kept: one test program per crate, no file included by its path, no
//! doc comment that only asks.

use std::collections::BTreeSet;

/// The one test program of a crate.
const PROGRAM: &str = "/tests/it/";

/// Doc comments that say nothing.
const QUESTIONS: [&str; 8] =
    ["How.", "What.", "When.", "Where.", "Which.", "Who.", "Whose.", "Why."];

/// What opens a SQLite file. It waits for the disk and for others' locks, and whoever waits on a
/// thread of the runtime holds up every request.
const OPENS_A_FILE: &str = concat!("Connection::", "open");

/// It touches no disk.
const OPENS_NO_FILE: &str = "open_in_memory";

/// Where that is done, on threads that may wait; tests and tools may anywhere.
const OPENERS: [&str; 3] = [
    "event-store/src/sqlite/open.rs",
    "projector/src/write/sqlite/tables_file.rs",
    "read-model/src/read_model/pages.rs",
];
const MAY_OPEN: [&str; 5] = ["/tests/", "testing/", "bench/", "examples/", "xtask/"];

/// What is wrong with these files, which are given with their paths.
pub(super) fn complaints(files: &[(String, String)]) -> Vec<String> {
    let sources = files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let mut found = BTreeSet::new();
    for (path, text) in sources {
        if path.contains("/tests/") && !path.contains(PROGRAM) {
            found.insert(format!("{path}: tests are modules of the crate's `tests/it/main.rs`"));
        }
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let place = format!("{path}:{}", index + 1);
            if line.starts_with(concat!("#[pa", "th")) {
                found.insert(format!("{place}: a file is included by its path; use a crate"));
            }
            let opens = line.contains(OPENS_A_FILE) && !line.contains(OPENS_NO_FILE);
            if opens && !may_open(path) {
                found.insert(format!(
                    "{place}: a SQLite file is opened by {} alone, on threads that may wait",
                    OPENERS.join(" and ")
                ));
            }
            if is_question(text, index, line) {
                found.insert(format!("{place}: this doc comment says nothing"));
            }
        }
    }
    found.into_iter().collect()
}

fn may_open(path: &str) -> bool {
    let is_test = path.ends_with("/tests.rs") || MAY_OPEN.iter().any(|part| path.contains(part));
    OPENERS.contains(&path) || is_test
}

/// A doc comment that is a question's word in all, not the last word of a longer one.
fn is_question(text: &str, index: usize, line: &str) -> bool {
    let is_doc = |line: Option<&str>| line.is_some_and(|line| line.trim().starts_with("///"));
    let Some(words) = line.strip_prefix("///") else { return false };
    let mut around = text.lines().skip(index.saturating_sub(1));
    let before = if index == 0 { None } else { around.next() };
    let after = around.nth(1);
    QUESTIONS.contains(&words.trim()) && !is_doc(before) && !is_doc(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_habit_is_named_with_its_place() {
        for (path, text, complaint) in [
            ("a/tests/b.rs", "//! x\n", "a/tests/b.rs: tests are modules"),
            ("a/src/b.rs", concat!("//! x\n#[pa", "th = \"c.rs\"]\n"), "a/src/b.rs:2: a file is"),
            ("a/src/b.rs", "//! x\n/// Which.\nfn f() {}\n", "a/src/b.rs:2: this doc comment"),
            ("a/src/b.rs", concat!("Connection::", "open(f)"), "a/src/b.rs:1: a SQLite file is"),
        ] {
            let found = complaints(&[(path.into(), text.into())]).join("\n");
            assert!(found.contains(complaint), "{complaint}: {found}");
        }
    }

    #[test]
    fn the_last_word_of_a_comment_is_left_alone() {
        let text = "//! x\n/// What it is, in more words than go on a\n/// line.\nfn f() {}\n";
        assert!(complaints(&[("a/src/b.rs".into(), text.into())]).is_empty());
    }
}
