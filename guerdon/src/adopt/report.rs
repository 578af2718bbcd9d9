//! What an adoption came to: numbers, the rows that were refused, and how the systems compare.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::compare::{Compared, Difference};
use super::rows::Files;
use crate::csv_rows::Place;
use crate::import::{grouped, seconds};
use crate::ledger_client::ProblemBody;
use crate::printing::{plain, table};

/// How many rows the files have.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Rows {
    tiers: usize,
    exchanges: usize,
    lots: usize,
    balances: usize,
}

impl Rows {
    pub(super) fn of(files: &Files) -> Self {
        Self {
            tiers: files.tiers.len(),
            exchanges: files.exchanges.len(),
            lots: files.lots.len(),
            balances: files.balances.as_ref().map_or(0, Vec::len),
        }
    }

    pub(super) const fn all(self) -> u64 {
        (self.tiers + self.exchanges + self.lots + self.balances) as u64
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tiers, exchanges, lots, balances } = self;
        write!(f, "tiers: {tiers}, open exchanges: {exchanges}, lots: {lots}, ")?;
        write!(f, "balances to compare: {balances}")
    }
}

/// What the ledger said of a row.
pub(super) enum Outcome {
    Adopted,
    /// It was adopted before.
    Repeated,
    Refused(ProblemBody),
}

impl Outcome {
    pub(super) fn is_refused_as(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Refused(problem) if codes.contains(&&*problem.code))
    }
}

/// The rows of a file by what became of them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Counts {
    adopted: u64,
    repeated: u64,
    refused: u64,
}

impl Counts {
    const fn are_none(self) -> bool {
        self.adopted == 0 && self.repeated == 0 && self.refused == 0
    }

    pub(super) fn add(
        &mut self,
        place: &Place,
        id: &str,
        outcome: Outcome,
        refused: &mut Vec<RefusedRow>,
    ) {
        match outcome {
            Outcome::Adopted => self.adopted += 1,
            Outcome::Repeated => self.repeated += 1,
            Outcome::Refused(ProblemBody { code, detail }) => {
                self.refused += 1;
                let (file, line) = (place.file.display().to_string(), place.line);
                refused.push(RefusedRow { file, line, id: id.into(), code, detail });
            }
        }
    }
}

/// A row that the ledger refused.
#[derive(Debug, Serialize)]
pub(super) struct RefusedRow {
    file: String,
    line: u64,
    id: Box<str>,
    code: String,
    detail: String,
}

/// What one run came to.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) tiers: Counts,
    pub(super) exchanges: Counts,
    pub(super) lots: Counts,
    /// Of all lots, adopted or repeated, by unit.
    pub(super) points: BTreeMap<Box<str>, u128>,
    pub(super) refused: Vec<RefusedRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compared: Option<Compared>,
    pub(super) requests: u64,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub(super) took: Duration,
}

impl Report {
    /// What isn't in order, in a sentence.
    pub(super) fn wrong(&self) -> Option<String> {
        let mut wrong = vec![];
        if !self.refused.is_empty() {
            let count = self.refused.len();
            wrong.push(format!("{count} rows were refused; correct them and run again"));
        }
        if let Some(Compared { differences, elsewhere, .. }) = &self.compared
            && !(differences.is_empty() && elsewhere.is_empty())
        {
            wrong.push("the two systems differ".to_owned());
        }
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds =
            [("tiers", self.tiers), ("open exchanges", self.exchanges), ("lots", self.lots)];
        let kinds = kinds.into_iter().filter(|(_, counts)| !counts.are_none());
        let cells = |(what, counts): (&str, Counts)| {
            let Counts { adopted, repeated, refused } = counts;
            let counts = [adopted, repeated, refused].map(|count| grouped(count.into()));
            let [adopted, repeated, refused] = counts;
            [what.to_owned(), adopted, repeated, refused]
        };
        let header = ["", "adopted", "repeated", "refused"];
        let mut parts: Vec<String> = vec![];
        let rows: Vec<_> = kinds.map(cells).collect();
        if !rows.is_empty() {
            parts.push(table(header, rows.into_iter()));
        }
        for (unit, points) in &self.points {
            parts.push(format!("{} of {unit} in lots", grouped(*points)));
        }
        for RefusedRow { file, line, id, code, detail } in &self.refused {
            let detail = plain(detail);
            parts.push(format!("{file}, line {line}: {id} is refused: {detail} ({code})"));
        }
        parts.extend(self.compared.as_ref().map(ToString::to_string));
        f.write_str(&parts.join("\n"))
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, accounts, amounts, differences, elsewhere } = self;
        write!(f, "compared {amounts} amounts of {accounts} accounts")?;
        if let Some(at) = at {
            write!(f, " with what there was at {at}")?;
        }
        f.write_str(": ")?;
        match differences.len() {
            0 => write!(f, "all are equal")?,
            1 => write!(f, "1 difference")?,
            count => write!(f, "{count} differences")?,
        }
        if !differences.is_empty() {
            let header = ["account", "unit", "amount", "old system", "ledger", "ledger has more"];
            let cells = |it: &Difference| {
                let more = i128::from(it.ledger) - i128::from(it.old_system);
                let (old, ledger) = (it.old_system.to_string(), it.ledger.to_string());
                let account = it.account_id.to_string();
                [account, it.unit.clone(), it.what.to_owned(), old, ledger, more.to_string()]
            };
            write!(f, "\n{}", table(header, differences.iter().map(cells)))?;
        }
        for (unit, points) in elsewhere {
            write!(f, "\naccounts that the file doesn't name have {points} of {unit}")?;
        }
        Ok(())
    }
}
