//! The configuration file: TOML, one key for each setting.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use toml_edit::{Document, Item, Value};

/// Every setting at its longest is a small part of this.
const FILE_BYTES_MAX: u64 = 1_048_576;

/// A key of the file with its values as an option would be given them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The line on which the key stands, from 1.
    pub(super) line: usize,
    pub(super) key: String,
    /// What it is set to, or what is wrong with that.
    pub(super) values: Result<Vec<String>, &'static str>,
}

/// The file's entries; or why it can't be read.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, String> {
    let cannot = |why: String| format!("{} can't be read: {why}", path.display());
    let mut text = String::new();
    let file = File::open(path).map_err(|error| cannot(error.to_string()))?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| cannot(error.to_string()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(cannot(format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    parse(&text).map_err(|(line, why)| format!("{}, line {line}: {why}", path.display()))
}

/// The entries of a text; or the line that is no TOML, and why.
fn parse(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let document = Document::parse(text).map_err(|error| {
        // The message alone: the whole error repeats the line, which may hold a secret.
        let at = error.span().map_or(0, |span| span.start);
        (line_at(text, at), format!("it is not TOML: {}", error.message().trim()))
    })?;
    let table = document.as_table();
    let entries = table.iter().map(|(key, item)| {
        let span = table.key(key).and_then(toml_edit::Key::span).or_else(|| item.span());
        let line = line_at(text, span.map_or(0, |span| span.start));
        Entry { line, key: key.to_owned(), values: values(item) }
    });
    Ok(entries.collect())
}

fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

fn values(item: &Item) -> Result<Vec<String>, &'static str> {
    const IS_A_TABLE: &str = "is a table; settings stand at the top of the file, before any table";
    match item {
        Item::Value(Value::Array(list)) => {
            let values: Option<Vec<String>> = list.iter().map(text_of).collect();
            match values {
                Some(values) if values.is_empty() => {
                    Err("is an empty list; leave the key out for the default")
                }
                Some(values) => Ok(values),
                None => Err("is a list of something else than strings and numbers"),
            }
        }
        Item::Value(value) => text_of(value).map(|text| vec![text]).ok_or(IS_A_TABLE),
        Item::Table(_) | Item::ArrayOfTables(_) | Item::None => Err(IS_A_TABLE),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Float(number) => Some(number.value().to_string()),
        Value::Boolean(flag) => Some(flag.value().to_string()),
        Value::Datetime(time) => Some(time.value().to_string()),
        Value::Array(_) | Value::InlineTable(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(usize, String, Result<Vec<String>, &'static str>)> {
        let entries = parse(text).expect("TOML");
        entries.into_iter().map(|Entry { line, key, values }| (line, key, values)).collect()
    }

    #[test]
    fn each_kind_of_value_becomes_what_an_option_is_given() {
        let text = "# a ledger\nlisten = \"127.0.0.1:8080\"\nrole = [\"projector\", 'query-api']\n\
                    snapshot-every = 1_000\naccess-log = true\n\
                    reread-from = 2026-11-29T00:00:00Z\n";
        let ok = |values: &[&str]| Ok(values.iter().map(ToString::to_string).collect());
        assert_eq!(
            entries(text),
            [
                (2, "listen".to_owned(), ok(&["127.0.0.1:8080"])),
                (3, "role".to_owned(), ok(&["projector", "query-api"])),
                (4, "snapshot-every".to_owned(), ok(&["1000"])),
                (5, "access-log".to_owned(), ok(&["true"])),
                (6, "reread-from".to_owned(), ok(&["2026-11-29T00:00:00Z"])),
            ]
        );
        assert_eq!(entries(""), []);
    }

    #[test]
    fn a_table_is_no_setting() {
        for (text, line, why) in [
            ("\n[serve]\nlisten = 'x'\n", 2, "is a table"),
            ("a.b = 1\n", 1, "is a table"),
            ("a = {b = 1}\n", 1, "is a table"),
            ("[[a]]\n", 1, "is a table"),
            ("a = [[1]]\n", 1, "is a list of something else"),
            ("a = []\n", 1, "is an empty list"),
        ] {
            let found = entries(text).remove(0);
            assert_eq!(found.0, line, "{text}");
            assert!(found.2.expect_err(text).starts_with(why), "{text}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_by_its_line_and_not_repeated() {
        for text in [
            "\nstore = hunter2\n",
            "\nstore = \"hunter2\n",
            "\nhunter2\n",
            "\na = 1\na = 'hunter2'",
        ] {
            let (line, why) = parse(text).expect_err(text);
            assert!(line == 2 || line == 3, "{text}: {line}");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
