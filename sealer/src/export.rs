//! A log's partition as files, which any web server can serve and anyone can verify.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use event_store::EventStore;
use log_record::{Partition, Position};
use serde::Serialize;
use transparency::{Checkpoint, Note, Origin, Tile, TileKind, TreeHash, bundle, unbundle};

use crate::folder::{Readers, read, replace};
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
/// Everybody may read them but for the entries, which name accounts: whoever is to read those is
/// let in by the operator.
///
/// What an earlier export of the same tree wrote stays where it is whole, so that a further one
/// writes what is new, and puts right what the power or somebody else spoilt.
pub async fn export(
    store: &EventStore,
    folder: &SealFolder,
    partition: Partition,
    with_entries: bool,
    into: &Path,
) -> Result<Exported, SealError> {
    let generation = store.head(partition).await?.generation;
    let origin = Origin { log_id: store.log_id(), generation, partition };
    // Before the newest one, which then is no smaller.
    let cosigned = folder.of_tree(&origin).cosigned();
    let cosigned = read(&cosigned)?;
    let sealed = Sealed::read(folder.of_tree(&origin))?;
    let sealed = sealed.ok_or_else(|| SealError::NothingSealed { folder: folder.path().into() })?;
    check_export(into, &sealed.origin)?;
    let mut files_written = 0;
    for level in 0_u8.. {
        let kind = TileKind::Hashes(level);
        if kind.count_in(sealed.size) == 0 {
            break;
        }
        for tile in kind.tiles(sealed.size) {
            let path = into.join(tile.to_string());
            let bytes = tile_bytes(&sealed, level, tile)?;
            if there(&path)?.is_some_and(|there| there == bytes) {
                continue;
            }
            write(&path, &bytes, Readers::Everybody)?;
            files_written += 1;
        }
    }
    for tile in TileKind::Entries.tiles(if with_entries { sealed.size } else { 0 }) {
        let path = into.join(tile.to_string());
        let leaves = tile_bytes(&sealed, 0, Tile { kind: TileKind::Hashes(0), ..tile })?;
        if there(&path)?.is_none_or(|there| !are_entries_of(&leaves, &there)) {
            write(&path, &entries(store, partition, tile).await?, Readers::Owner)?;
            files_written += 1;
        }
    }
    for (number, note) in (1_u32..).zip(&sealed.handovers) {
        write(&into.join(format!("handover/{number}")), note.as_bytes(), Readers::Everybody)?;
        files_written += 1;
    }
    if let Some(note) = cosigned {
        write(&into.join("cosigned"), note.as_bytes(), Readers::Everybody)?;
        files_written += 1;
    }
    // Last, for it promises all the others.
    let path = into.join("checkpoint");
    replace(&path, &sealed.note, Readers::Everybody)?;
    Ok(Exported {
        origin: sealed.origin.to_string(),
        size: sealed.size,
        files_written: files_written + 1,
        folder: into.into(),
    })
}

/// The newest signed checkpoint of a tree; nothing where the tree isn't there.
pub fn newest_checkpoint(
    folder: &SealFolder,
    origin: &Origin,
) -> Result<Option<(Checkpoint, Note)>, SealError> {
    let tree = folder.of_tree(origin);
    let path = tree.checkpoint();
    let Some(sealed) = Sealed::read(tree)? else { return Ok(None) };
    let note: Note = sealed.note.parse().map_err(SealError::note(&path))?;
    let checkpoint = Checkpoint::of(&note).map_err(SealError::checkpoint(&path))?;
    Ok(Some((checkpoint, note)))
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

/// That the folder has no export of another tree: its tiles would stay between those of this one.
fn check_export(into: &Path, origin: &Origin) -> Result<(), SealError> {
    let path = into.join("checkpoint");
    let text = String::from_utf8(there(&path)?.unwrap_or_default());
    let note = text.ok().and_then(|text| text.parse::<Note>().ok());
    // A damaged one is written anew.
    match note.and_then(|note| Checkpoint::of(&note).ok()) {
        Some(Checkpoint { origin: found, .. }) if found != *origin => {
            Err(SealError::OtherExport { folder: into.into(), found, expected: *origin })
        }
        _ => Ok(()),
    }
}

/// What a file has that an earlier export wrote; nothing where there is none.
fn there(path: &Path) -> Result<Option<Vec<u8>>, SealError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SealError::file(path)(error)),
    }
}

fn tile_bytes(sealed: &Sealed, level: u8, tile: Tile) -> Result<Vec<u8>, SealError> {
    read_tile(&sealed.folder, level, tile).map_err(SealError::file(sealed.folder.path()))
}

/// Whether a bundle's entries are those of a tile's leaves.
fn are_entries_of(leaves: &[u8], bundle: &[u8]) -> bool {
    let Ok(entries) = unbundle(bundle) else { return false };
    let hashes = entries.into_iter().map(TreeHash::of_leaf);
    TreeHash::all_in(leaves).is_some_and(|leaves| leaves.into_iter().eq(hashes))
}

fn write(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), SealError> {
    let put = || -> io::Result<()> {
        make(path.parent().ok_or(io::ErrorKind::InvalidInput)?, readers)?;
        let beside = path.with_extension("new");
        fs::write(&beside, bytes)?;
        if let Readers::Everybody = readers {
            fs::set_permissions(&beside, Permissions::from_mode(0o644))?;
        }
        fs::rename(&beside, path)
    };
    put().map_err(SealError::file(path))
}

/// Makes a folder and those that it is in. One that is there stays as it is.
fn make(folder: &Path, readers: Readers) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(outer) = folder.parent() {
        make(outer, readers)?;
    }
    fs::create_dir(folder)?;
    match readers {
        Readers::Everybody => fs::set_permissions(folder, Permissions::from_mode(0o755)),
        Readers::Owner => Ok(()),
    }
}
