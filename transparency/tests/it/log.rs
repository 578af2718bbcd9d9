//! A log in memory, as it is served: files by their paths.

use std::collections::BTreeMap;

use log_record::{Generation, LogId, NewEvent, Partition, Place, Position, RecordedEvent};
use transparency::{
    Checkpoint, Finding, Frontier, Known, Note, Origin, SigningKey, Tile, TileKind, TreeHash,
    VerifiedLog, VerifierKey, bundle, subtree_root, verify_log,
};
use uuid::Uuid;

pub(crate) const LOG: LogId = LogId(Uuid::from_u128(7));

/// The files below a log's prefix.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn origin(generation: u32) -> Origin {
    Origin { log_id: LOG, generation: Generation(generation), partition: Partition(0) }
}

pub(crate) fn signing(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32]).expect("a key")
}

pub(crate) fn key(byte: u8) -> VerifierKey {
    signing(byte).verifier(origin(1).to_string()).expect("a key")
}

/// The fixed records of the first events.
pub(crate) fn records(count: u64) -> Vec<Vec<u8>> {
    (1..=count).map(|position| record(position, 1, "credit-earned")).collect()
}

pub(crate) fn record(position: u64, generation: u32, event_type: &'static str) -> Vec<u8> {
    let event = NewEvent {
        event_type,
        version: 1,
        recorded_at: 1_000 + i64::try_from(position / 3).expect("a time"),
        account_id: (!position.is_multiple_of(5))
            .then(|| format!("account-{}", position % 7).into()),
        public: format!(r#"{{"points":{position}}}"#).into(),
        private: format!(r#"{{"salt":"{position}"}}"#).into(),
    };
    let place = Place { partition: Partition(0), position: Position(position) };
    RecordedEvent::seal(LOG, Generation(generation), place, event).fixed_record(LOG)
}

/// The checkpoint over these records.
pub(crate) fn checkpoint(records: &[Vec<u8>], generation: u32) -> Checkpoint {
    let mut tree = Frontier::default();
    records.iter().for_each(|record| tree.append(TreeHash::of_leaf(record)));
    Checkpoint { origin: origin(generation), size: tree.size(), root: tree.root(), next_key: None }
}

pub(crate) fn sign(byte: u8, checkpoint: &Checkpoint) -> Note {
    signing(byte).sign(&checkpoint.origin.to_string(), checkpoint.to_string()).expect("signed")
}

/// The files of a log with these records, whose checkpoint this key signs.
pub(crate) fn files(records: &[Vec<u8>], byte: u8) -> Files {
    let note = sign(byte, &checkpoint(records, 1));
    let mut files: Files = [("checkpoint".to_owned(), note.to_string().into_bytes())].into();
    let size = records.len() as u64;
    let mut level: Vec<TreeHash> = records.iter().map(|it| TreeHash::of_leaf(it)).collect();
    for number in 0_u8.. {
        for tile in TileKind::Hashes(number).tiles(size) {
            let hashes = &level[of(tile)];
            let bytes = hashes.iter().flat_map(|hash| hash.0).collect();
            files.insert(tile.to_string(), bytes);
        }
        let (full, _) = level.as_chunks::<256>();
        level = full.iter().map(|it| subtree_root(it).expect("a full tile")).collect();
        if level.is_empty() {
            break;
        }
    }
    for tile in TileKind::Entries.tiles(size) {
        files.insert(tile.to_string(), bundle(&records[of(tile)]).expect("a bundle"));
    }
    files
}

fn of(tile: Tile) -> std::ops::Range<usize> {
    let first = usize::try_from(tile.first()).expect("an index");
    first..first + usize::from(tile.width)
}

pub(crate) async fn verify(
    files: &Files,
    key: VerifierKey,
    kept: Option<&Note>,
) -> Result<VerifiedLog, Finding> {
    let known = Known { kept: kept.cloned(), ..Known::key(key) };
    verify_log(&known, async |path: &str| Ok(files.get(path).cloned()), |_| ()).await
}

pub(crate) fn told(verified: Result<VerifiedLog, Finding>) -> Result<u64, String> {
    verified.map(|log| log.checkpoint.size).map_err(|finding| {
        let finding: &dyn std::error::Error = &finding;
        let causes = std::iter::successors(Some(finding), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    })
}
