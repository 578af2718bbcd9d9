//! What an import remembers between its runs: an append-only file of JSON lines.
//!
//! It does not say how far the import came within a day; the ledger's repeats do. It exists for
//! one thing that the ledger forgets: a refused redemption. Asked again later, when the account
//! has earned more, it would be accepted, and a second run would write another history.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::error::ImportError;
use crate::csv_rows::FilePrint;

/// By what an import is known again. The ledger's address is no part of it: a ledger may move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    pub(crate) purchases: FilePrint,
    pub(crate) redemptions: FilePrint,
    pub(crate) points_per_unit: u64,
    pub(crate) unit_cents: u64,
    pub(crate) price: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expiry_days: Option<u32>,
}

/// How far a day had come when the journal was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DayPhase {
    /// Some of its rows may have been sent.
    Begun,
    /// Every row was answered; these redemptions were refused, by row, each with its code.
    Finished { refused: BTreeMap<u64, String> },
}

/// The open journal. It holds the file's lock, so that one import writes it at a time.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    days: BTreeMap<Day, DayPhase>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    /// The first line, and only the first.
    Import(Fingerprint),
    Begun(Day),
    /// The day was begun in error: the ledger had its rows from an import that is not in here.
    Withdrawn(Day),
    Finished {
        day: Day,
        refused: BTreeMap<u64, String>,
    },
}

impl Journal {
    /// Opens the journal of the import that `fingerprint` names, and begins it where there is none.
    pub(crate) fn open(path: &Path, fingerprint: &Fingerprint) -> Result<Self, ImportError> {
        let unkept = |source| ImportError::Journal { journal: path.into(), source };
        let mut options = File::options();
        let mut file = options.create(true).read(true).append(true).open(path).map_err(unkept)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ImportError::JournalTaken { journal: path.into() },
            TryLockError::Error(source) => unkept(source),
        })?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(unkept)?;
        // A line without its end was cut off by a crash; nothing was done on the strength of it.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        if whole < text.len() && (whole > 0 || is_a_torn_first_line(&text)) {
            file.set_len(whole as u64).map_err(unkept)?;
            text.truncate(whole);
        }
        let mut journal = Self { path: path.into(), file, days: BTreeMap::new() };
        if text.is_empty() {
            journal.append(&Line::Import(fingerprint.clone()))?;
        } else {
            journal.replay(&text, fingerprint)?;
        }
        Ok(journal)
    }

    /// Where the journal is kept.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How far `day` had come; nothing where none of its rows was sent.
    pub(crate) fn phase(&self, day: Day) -> Option<&DayPhase> {
        self.days.get(&day)
    }

    /// Must be called before the first row of `day` is sent.
    pub(crate) fn begin(&mut self, day: Day) -> Result<(), ImportError> {
        self.append(&Line::Begun(day))
    }

    /// Takes back [`Self::begin`].
    pub(crate) fn withdraw(&mut self, day: Day) -> Result<(), ImportError> {
        self.append(&Line::Withdrawn(day))
    }

    /// Must be called after the last row of `day` was answered and before the next day begins.
    pub(crate) fn finish(
        &mut self,
        day: Day,
        refused: BTreeMap<u64, String>,
    ) -> Result<(), ImportError> {
        self.append(&Line::Finished { day, refused })
    }

    /// Returns once the line is on the disk.
    fn append(&mut self, line: &Line) -> Result<(), ImportError> {
        let written =
            serde_json::to_vec(line).map_err(std::io::Error::from).and_then(|mut text| {
                text.push(b'\n');
                self.file.write_all(&text)?;
                self.file.sync_data()
            });
        let journal = &self.path;
        written.map_err(|source| ImportError::Journal { journal: journal.clone(), source })
    }

    fn replay(&mut self, text: &[u8], fingerprint: &Fingerprint) -> Result<(), ImportError> {
        let lines = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n');
        for (number, line) in (1..).zip(lines) {
            let line = serde_json::from_slice(line).map_err(|source| ImportError::NotAJournal {
                journal: self.path.clone(),
                line: number,
                source,
            })?;
            match line {
                Line::Import(found) if number == 1 && found == *fingerprint => {}
                Line::Import(_) => return Err(self.is_of_another_import()),
                _ if number == 1 => return Err(self.is_of_another_import()),
                Line::Begun(day) => {
                    self.days.insert(day, DayPhase::Begun);
                }
                Line::Withdrawn(day) => {
                    self.days.remove(&day);
                }
                Line::Finished { day, refused } => {
                    self.days.insert(day, DayPhase::Finished { refused });
                }
            }
        }
        Ok(())
    }

    fn is_of_another_import(&self) -> ImportError {
        ImportError::OtherImport { journal: self.path.clone() }
    }
}

/// Whether a file without one whole line began as a journal. Any other file that was named by
/// mistake is left as it is.
fn is_a_torn_first_line(text: &[u8]) -> bool {
    let opening = br#"{"import":"#;
    text.starts_with(opening) || opening.starts_with(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(price: u64) -> Fingerprint {
        let file = FilePrint { bytes: 1_000, crc32: 7, rows: 20 };
        let (purchases, redemptions) = (file.clone(), file);
        let (points_per_unit, unit_cents, expiry_days) = (10, 100, None);
        Fingerprint { purchases, redemptions, points_per_unit, unit_cents, price, expiry_days }
    }

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn in_a_folder(test: impl FnOnce(&Path)) {
        let folder = tempfile::tempdir().unwrap();
        test(&folder.path().join("journal.ndjson"));
    }

    #[test]
    fn days_come_back_as_they_were_left() {
        in_a_folder(|path| {
            let refused = BTreeMap::from([(12, "insufficient-credit".to_owned())]);
            let mut journal = Journal::open(path, &fingerprint(2_500)).unwrap();
            journal.begin(day("2017-01-01")).unwrap();
            journal.finish(day("2017-01-01"), refused.clone()).unwrap();
            journal.begin(day("2017-01-02")).unwrap();
            journal.begin(day("2017-01-03")).unwrap();
            journal.withdraw(day("2017-01-03")).unwrap();
            drop(journal);

            let journal = Journal::open(path, &fingerprint(2_500)).unwrap();
            let finished = DayPhase::Finished { refused };
            assert_eq!(journal.phase(day("2017-01-01")), Some(&finished));
            assert_eq!(journal.phase(day("2017-01-02")), Some(&DayPhase::Begun));
            assert_eq!(journal.phase(day("2017-01-03")), None);
        });
    }

    #[test]
    fn the_journal_of_another_import_is_refused() {
        in_a_folder(|path| {
            drop(Journal::open(path, &fingerprint(2_500)).unwrap());
            let error = Journal::open(path, &fingerprint(2_501)).unwrap_err();
            assert!(matches!(error, ImportError::OtherImport { .. }), "{error}");
        });
    }

    #[test]
    fn a_file_that_is_no_journal_is_left_as_it_is() {
        for text in ["account_id,purchase_id\n", "no line at all", "{}\n", "\n"] {
            in_a_folder(|path| {
                std::fs::write(path, text).unwrap();
                let error = Journal::open(path, &fingerprint(2_500)).unwrap_err();
                assert!(matches!(error, ImportError::NotAJournal { line: 1, .. }), "{error}");
                assert_eq!(std::fs::read_to_string(path).unwrap(), text);
            });
        }
    }

    #[test]
    fn a_line_that_a_crash_cut_off_is_dropped() {
        in_a_folder(|path| {
            let mut journal = Journal::open(path, &fingerprint(2_500)).unwrap();
            journal.begin(day("2017-01-01")).unwrap();
            let whole = std::fs::read(path).unwrap();
            journal.finish(day("2017-01-01"), BTreeMap::new()).unwrap();
            drop(journal);
            let all = std::fs::read(path).unwrap();
            for kept in [1, 20, whole.len() + 1, all.len() - 1] {
                std::fs::write(path, &all[..kept]).unwrap();
                let journal = Journal::open(path, &fingerprint(2_500)).unwrap();
                let begun = (kept > whole.len()).then_some(&DayPhase::Begun);
                assert_eq!(journal.phase(day("2017-01-01")), begun, "{kept}");
            }
        });
    }

    #[test]
    fn one_import_writes_a_journal_at_a_time() {
        in_a_folder(|path| {
            let _first = Journal::open(path, &fingerprint(2_500)).unwrap();
            let error = Journal::open(path, &fingerprint(2_500)).unwrap_err();
            assert!(matches!(error, ImportError::JournalTaken { .. }), "{error}");
        });
    }
}
