//! How a tool prints: what it was asked for goes to standard output, as text for people or as JSON
//! for programs; what it is about to do and how far it is go to standard error.

use std::fmt::Display;

use clap::{Args, ValueEnum};
use comfy_table::Table;
use serde::Serialize;

use crate::progress::Progress;

/// How a tool prints. Both options may come before or after the name of an act.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Printing {
    /// How the result is printed to standard output.
    #[arg(long, global = true, value_enum, default_value_t = Form::Table)]
    output: Form,

    /// Don't say what the tool is about to do and how far it is.
    #[arg(long, global = true)]
    quiet: bool,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people: sentences, and tables with a header.
    #[default]
    Table,
    /// For programs: one JSON object per line; a list has a line for each of its items.
    Json,
}

impl Printing {
    /// Whether a program reads the result.
    pub(crate) fn is_json(self) -> bool {
        self.output == Form::Json
    }

    /// Says what the tool is about to do.
    pub(crate) fn about(self, to_do: impl Display) {
        if !self.quiet {
            eprintln!("{to_do}");
        }
    }

    /// Tells how far a long work is; `what` names what is counted.
    pub(crate) fn progress(self, what: &'static str, all: Option<u64>) -> Progress {
        if self.quiet { Progress::untold() } else { Progress::new(what, all) }
    }

    /// Prints a result: its sentences, or its fields.
    pub(crate) fn one(self, result: &(impl Display + Serialize)) -> anyhow::Result<()> {
        match self.output {
            Form::Table => println!("{result}"),
            Form::Json => println!("{}", serde_json::to_string(result)?),
        }
        Ok(())
    }

    /// Prints a list: a table with a header, or a line of JSON for each item.
    pub(crate) fn rows<const N: usize, T: Serialize>(
        self,
        header: [&str; N],
        items: &[T],
        cells: impl Fn(&T) -> [String; N],
    ) -> anyhow::Result<()> {
        match self.output {
            Form::Table => println!("{}", table(header, items.iter().map(cells))),
            Form::Json => {
                for item in items {
                    println!("{}", serde_json::to_string(item)?);
                }
            }
        }
        Ok(())
    }
}

/// Columns under a header, without lines around them.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(header);
    table.add_rows(rows.map(|row| row.map(|cell| plain(&cell))));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// A text that stays on its line and moves no cursor, whatever a caller has put into it.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            plain.extend(letter.escape_default());
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_header_and_a_line_for_each_row() {
        let rows = [["a".into(), "long value".into()], ["bcd".into(), "a\n\u{1b}[2J".into()]];
        assert_eq!(
            table(["id", "text"], rows.into_iter()),
            "id   text\na    long value\nbcd  a\\n\\u{1b}[2J"
        );
        assert_eq!(table(["id", "text"], std::iter::empty()), "id  text");
    }
}
