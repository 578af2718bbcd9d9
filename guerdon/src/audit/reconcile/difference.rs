//! A difference as the tool prints it, whatever was compared.

use projector::{Disagreement, Reconciled, RowDifference};
use publisher::{MessageDifference, ReconciledMessages};
use read_model::WrongSum;
use serde::Serialize;

use crate::operator::beginning;

/// How many differences of a file are named; all are counted.
pub(super) const NAMED_MAX: usize = 100;

/// What the log says, and what is there instead.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Difference {
    /// How it differs: `row-changed`, `message-unsent` …
    pub(super) difference: &'static str,
    /// The table, the lane or topic, or the file.
    pub(super) place: String,
    /// The row's key, the message's or parcel's id, or the account and purchase.
    pub(super) row: String,
    /// In a file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) there: Option<String>,
}

/// What a file and the ledger have of something.
#[derive(Debug, Default)]
pub(super) struct FileDifferences {
    pub(super) file: String,
    pub(super) in_file: u64,
    pub(super) in_ledger: u64,
    /// How many differences there are.
    pub(super) count: u64,
    /// As far as they are named.
    pub(super) named: Vec<Difference>,
}

impl Difference {
    pub(super) const HEADER: [&str; 6] =
        ["difference", "where", "row", "column", "the log says", "there is"];

    pub(super) fn cells(&self) -> [String; 6] {
        let Self { difference, place, row, line, column, log, there } = self;
        let place = match line {
            Some(line) => format!("{place}:{line}"),
            None => place.clone(),
        };
        let [column, log, there] =
            [column, log, there].map(|text| beginning(text.as_deref().unwrap_or_default()));
        [(*difference).to_owned(), place, row.clone(), column, log, there]
    }

    pub(super) fn of_reconciled(found: &Reconciled) -> Vec<Self> {
        let rows = found.rows.iter().cloned().map(|difference| {
            let RowDifference { kind, table, row, column, log, there } = difference;
            let (difference, place) = (kind.as_str(), table.to_owned());
            let column = column.map(str::to_owned);
            Self { difference, place, row, line: None, column, log, there }
        });
        let disagreements = found.disagreements.iter().cloned().map(|disagreement| {
            let Disagreement { what, of, first, second } = disagreement;
            Self::of_sums(what.to_owned(), of, first, second)
        });
        let sums = found.sums.iter().cloned().map(|wrong| {
            let WrongSum { name, sum, of_rows } = wrong;
            Self::of_sums("moved sum = rows".to_owned(), name, sum, of_rows)
        });
        rows.chain(disagreements).chain(sums).collect()
    }

    /// Both numbers are what the log gives.
    fn of_sums(place: String, row: String, first: i128, second: i128) -> Self {
        let (log, there) = (Some(first.to_string()), Some(second.to_string()));
        Self { difference: "sum-differs", place, row, line: None, column: None, log, there }
    }

    pub(super) fn of_messages(found: &ReconciledMessages) -> Vec<Self> {
        let messages = found.named.iter().cloned().map(|difference| {
            let MessageDifference { kind, of, message, log, there } = difference;
            let (log, there) = (Some(log), Some(there));
            let difference = kind.as_str();
            Self { difference, place: of, row: message, line: None, column: None, log, there }
        });
        messages.collect()
    }
}

impl FileDifferences {
    pub(super) fn of(file: &std::path::Path) -> Self {
        Self { file: file.display().to_string(), ..Self::default() }
    }

    /// Counts one, and names it while there are few.
    pub(super) fn add(
        &mut self,
        difference: &'static str,
        (row, line): (String, Option<u64>),
        column: Option<&str>,
        [log, there]: [Option<String>; 2],
    ) {
        self.count += 1;
        if self.named.len() < NAMED_MAX {
            let (place, column) = (self.file.clone(), column.map(str::to_owned));
            self.named.push(Difference { difference, place, row, line, column, log, there });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::CELL_CHARS_MAX;

    #[test]
    fn a_long_value_is_cut_in_a_table_at_a_letter() {
        assert_eq!(beginning("220"), "220");
        let sixty = "ä".repeat(CELL_CHARS_MAX);
        assert_eq!(beginning(&sixty), sixty);
        assert_eq!(beginning(&(sixty.clone() + "b")), sixty + "…");
    }
}
