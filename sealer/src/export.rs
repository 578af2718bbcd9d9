//! A log's partition as files, which any web server can serve and anyone can verify.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use event_store::EventStore;
use log_record::{Generation, Partition, Position};
use serde::Serialize;
use transparency::{Origin, Tile, TileKind, bundle};

use crate::folder::replace;
use crate::sealed::Sealed;
use crate::tree_files::read_tile;
use crate::{SealError, SealFolder};

/// What was exported.
#[derive(Clone, Debug, Serialize)]
pub struct Exported {
    /// The checkpoint's origin.
    pub origin: String,
    /// How many events it has.
    pub size: u64,
    /// How many files were written; those that were there and can't change were left.
    pub files_written: u64,
    /// The folder.
    pub folder: PathBuf,
}

/// Writes a partition's newest checkpoint, its tiles and, if asked for, its entries into a folder.
/// What an earlier export wrote stays, so that a further one writes what is new.
pub async fn export(
    store: &EventStore,
    folder: &SealFolder,
    partition: Partition,
    with_entries: bool,
    into: &Path,
) -> Result<Exported, SealError> {
    let generation = store.head(partition).await?.generation;
    let sealed = newest(store, folder, partition, generation)?;
    let mut files_written = 0;
    for level in 0_u8.. {
        let kind = TileKind::Hashes(level);
        if kind.count_in(sealed.size) == 0 {
            break;
        }
        for tile in kind.tiles(sealed.size) {
            let path = into.join(tile.to_string());
            if path.exists() {
                continue;
            }
            let bytes = read_tile(&sealed.folder, level, tile);
            let bytes = bytes.map_err(SealError::file(sealed.folder.path()))?;
            write(&path, &bytes)?;
            files_written += 1;
        }
    }
    for tile in TileKind::Entries.tiles(if with_entries { sealed.size } else { 0 }) {
        let path = into.join(tile.to_string());
        if !path.exists() {
            write(&path, &entries(store, partition, tile).await?)?;
            files_written += 1;
        }
    }
    for (number, note) in (1_u32..).zip(&sealed.handovers) {
        write(&into.join(format!("handover/{number}")), note.as_bytes())?;
        files_written += 1;
    }
    // Last, for it promises all the others.
    let path = into.join("checkpoint");
    replace(&path, &sealed.note).map_err(SealError::file(&path))?;
    Ok(Exported {
        origin: sealed.origin.to_string(),
        size: sealed.size,
        files_written: files_written + 1,
        folder: into.into(),
    })
}

fn newest(
    store: &EventStore,
    folder: &SealFolder,
    partition: Partition,
    generation: Generation,
) -> Result<Sealed, SealError> {
    let origin = Origin { log_id: store.log_id(), generation, partition };
    let sealed = Sealed::read(folder.of_tree(&origin))?;
    sealed.ok_or_else(|| SealError::NothingSealed { folder: folder.path().into() })
}

async fn entries(
    store: &EventStore,
    partition: Partition,
    tile: Tile,
) -> Result<Vec<u8>, SealError> {
    let events = store.read(partition, Position(tile.first()), tile.width.into()).await?;
    let place = |at: u64| log_record::Place { partition, position: Position(at) };
    if events.len() != usize::from(tile.width) {
        let at = tile.first() + events.len() as u64 + 1;
        let what = "is missing, and was sealed";
        return Err(event_store::StoreError::CorruptEvent { place: place(at), what }.into());
    }
    let records = events.iter().map(|event| event.fixed_record(store.log_id()));
    bundle(records).map_err(|source| SealError::Entry { place: place(tile.first() + 1), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SealError> {
    let put = || -> io::Result<()> {
        fs::create_dir_all(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
        let beside = path.with_extension("new");
        fs::write(&beside, bytes)?;
        fs::rename(&beside, path)
    };
    put().map_err(SealError::file(path))
}
