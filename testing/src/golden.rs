//! The golden examples of stored events, `event-schema/golden`, as rows of a log.

use std::fs;
use std::path::{Path, PathBuf};

use log_record::{Generation, LogId, NewEvent, Partition, Place, Position, RecordedEvent};
use uuid::Uuid;

/// When each of them was recorded.
pub const RECORDED_AT: i64 = 1_795_248_000_000_000;
/// The log of all of them.
pub const LOG: LogId = LogId(Uuid::from_u128(1));

/// All of them, by the names of their files.
#[must_use]
pub fn golden_rows() -> Vec<RecordedEvent> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event-schema/golden");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| !path.to_string_lossy().ends_with(".private.json"))
        .collect();
    files.sort();
    files.iter().map(|path| golden_row(path)).collect()
}

fn golden_row(path: &Path) -> RecordedEvent {
    let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    // `{type}.v1.json`, or `{type}.v1.{case}.json`
    let (event_type, _) = name.split_once(".v1.").expect("named by type and version");
    let nouns = [
        "account",
        "counts",
        "credit",
        "debt",
        "hold",
        "exchange",
        "shipment",
        "purchase",
        "return",
        "segment",
        "tier",
        "wait",
        "withdrawal",
    ];
    let is_of_account = nouns.iter().any(|noun| event_type.starts_with(noun));
    let text = |path: &Path| fs::read_to_string(path).expect("it can be read").into();
    let event = NewEvent {
        event_type: event_type.to_owned().leak(),
        version: 1,
        recorded_at: RECORDED_AT,
        account_id: is_of_account.then(|| "ann".into()),
        public: text(path),
        private: text(&path.with_extension("private.json")),
    };
    let place = Place { partition: Partition(0), position: Position(1) };
    RecordedEvent::seal(LOG, Generation(1), place, event)
}
