//! On SQLite the new rows are made in a file of their own, which then takes the name of the live
//! one: `read-model.sqlite` becomes a link to `read-model.sqlite.rebuilt-1`.
//!
//! It is a link, and not the file itself, because SQLite names the write-ahead file after the file
//! that a link leads to: so nobody ever reads the new file with what was written to the old one.
//! Whoever has the old file open keeps it until it looks again what is under the name.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use event_store::Owner;
use log_record::{Generation, Partition, Position};
use read_model::{ReadModelError, Side};
use rusqlite::ErrorCode;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Swap;
use crate::write::{TablesFile, WriteError, begin_draft, failed, finish_draft};
use crate::{ProjectError, Projector};

const REACHED: &str = include_str!("../sql/sqlite/select_reached.sql");

/// How many links lead to a file at most.
const LINKS_MAX: usize = 16;

/// How long the live projection may be held up for the last events.
const LOCKED_MAX: Duration = Duration::from_secs(2);

/// How far each partition is projected: the later generation is further, then the higher position.
type Reached = Vec<(Partition, Generation, Position)>;

/// The name that a rebuild gives to another file: that of the live file, without the links that
/// an operator set. The new file has to be on the same disk.
pub(crate) fn name_of(file: &Path) -> Result<PathBuf, ReadModelError> {
    let mut name = file.to_path_buf();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&name) {
            Ok(target) if !is_rebuilt(&name, &target) => name = beside(&name, &target),
            _ => return Ok(name),
        }
    }
    Err(refused("follow the links of", file, io::Error::other("they lead round in a circle")))
}

/// Begins the file of a rebuild, which has the schema.
pub(super) async fn begin(file: &Path) -> Result<(), ReadModelError> {
    begin_draft(&Side::Rebuilt.file(file)).await
}

/// Makes the rows of all events that there are, and then what readers need.
pub(super) async fn make(file: &Path, rebuilt: &mut Projector) -> Result<(), ProjectError> {
    rebuilt.catch_up_in_turn().await?;
    Ok(finish_draft(&Side::Rebuilt.file(file)).await?)
}

/// Gives the name of the live file to the file that `rebuilt` has made. Nobody writes to the live
/// one meanwhile, so the last events are projected then, and the new file is never behind.
pub(super) async fn swap(file: &Path, rebuilt: &mut Projector) -> Result<Swap, ProjectError> {
    let mut live = match TablesFile::open(file).await {
        Ok(live) => live,
        Err(error) => return Err(failed("open", file, error).into()),
    };
    let locked = live.run(|live| Ok(live.connection.execute_batch("begin immediate")?)).await;
    match locked {
        Err(error) if is_busy(&error) => {
            return Ok(Swap::Busy("another process holds SQLite's write lock".into()));
        }
        locked => locked.map_err(|error| failed("lock", file, error))?,
    }
    let Ok(caught_up) = timeout(LOCKED_MAX, rebuilt.catch_up()).await else {
        live.close().await;
        return Ok(Swap::Busy("the log grows too fast, or doesn't answer".into()));
    };
    caught_up?;
    rebuilt.close().await;
    let mut made = TablesFile::open(&Side::Rebuilt.file(file))
        .await
        .map_err(|error| failed("open", file, error))?;
    let read = |error| failed("read", file, error);
    let there = made.run(|made| Ok(reached(&made.connection)?)).await.map_err(read)?;
    let is_whole = made.run(|made| Ok(is_whole(&made.connection)?)).await.map_err(read)?;
    made.close().await;
    if !is_whole {
        live.close().await;
        return Ok(Swap::Busy("another process reads the file that was made".into()));
    }
    let here = live.run(|live| Ok(reached(&live.connection)?)).await.map_err(read)?;
    if here.iter().any(|of| !is_reached(&there, of)) {
        live.close().await;
        return Ok(Swap::Behind);
    }
    let name = file.to_path_buf();
    let replaced = spawn_blocking(move || replace(&name)).await;
    replaced.map_err(|error| failed("replace", file, WriteError::Failed(error.into())))??;
    live.close().await;
    Ok(Swap::Done)
}

/// Removes what a rebuild left: the file that it was making, and those that have been replaced.
pub(super) async fn discard(file: &Path) -> Result<(), ReadModelError> {
    let name = file.to_path_buf();
    let discarded = spawn_blocking(move || {
        let mut unused =
            rebuilt_files(&name).map_err(|error| refused("look beside", &name, error))?;
        if let Ok(target) = fs::read_link(&name) {
            let live = beside(&name, &target);
            unused.retain(|(_, file)| *file != live);
            // Of the file that the first rebuild replaced.
            remove_journal(&name)?;
        }
        let files = unused.into_iter().map(|(_, file)| file);
        for file in files.chain([Side::Rebuilt.file(&name)]) {
            remove(&file)?;
            remove_journal(&file)?;
        }
        Ok(())
    });
    let discarded = discarded.await;
    discarded.map_err(|error| failed("clear up beside", file, WriteError::Failed(error.into())))?
}

/// Removes the file of a side that takes nobody's name, on a thread that may wait.
pub(super) async fn discard_side(file: &Path, side: Side) -> Result<(), ReadModelError> {
    let live = file.to_path_buf();
    let discarded = spawn_blocking(move || remove_side(&live, side)).await;
    discarded.map_err(|error| failed("clear up beside", file, WriteError::Failed(error.into())))?
}

/// Removes the file of a side at once.
pub(crate) fn remove_side(live: &Path, side: Side) -> Result<(), ReadModelError> {
    let made = side.file(live);
    remove(&made)?;
    remove_journal(&made)
}

fn reached(connection: &rusqlite::Connection) -> rusqlite::Result<Reached> {
    let mut select = connection.prepare(REACHED)?;
    let rows = select.query_map((), |row| {
        let position = Position(row.get::<_, i64>(2)?.cast_unsigned());
        Ok((Partition(row.get(0)?), Generation(row.get(1)?), position))
    })?;
    rows.collect()
}

/// Copies all that is written to a file into it, and says whether all is there. Only the file
/// itself gets the live one's name, without what is beside it.
fn is_whole(connection: &rusqlite::Connection) -> rusqlite::Result<bool> {
    connection.query_row("pragma wal_checkpoint(passive)", (), |row| {
        let (is_busy, written, copied): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!is_busy && written == copied)
    })
}

fn is_reached(
    there: &Reached,
    (partition, generation, position): &(Partition, Generation, Position),
) -> bool {
    there.iter().any(|(of, in_generation, reached)| {
        of == partition && (in_generation, reached) >= (generation, position)
    })
}

fn is_busy(error: &WriteError) -> bool {
    let WriteError::Failed(source) = error else { return false };
    let error: Option<&rusqlite::Error> = source.downcast_ref();
    error.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::DatabaseBusy)
}

/// Gives the new file a name for good, and makes the live one's name a link to it.
fn replace(name: &Path) -> Result<(), ReadModelError> {
    let rebuilt = Side::Rebuilt.file(name);
    keep_owner(name, &rebuilt).map_err(|error| refused("keep the owner of", name, error))?;
    let others = rebuilt_files(name).map_err(|error| refused("look beside", name, error))?;
    let number = others.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
    let new = suffixed(name, &format!("{REBUILT}{number}"));
    let link = suffixed(name, ".link");
    remove(&link)?;
    let target = new.file_name().map(PathBuf::from).unwrap_or_default();
    fs::rename(&rebuilt, &new)
        .and_then(|()| symlink(target, &link))
        .and_then(|()| fs::rename(&link, name))
        // Before the old file is removed.
        .and_then(|()| fs::File::open(folder_of(name))?.sync_all())
        .map_err(|error| refused("replace", name, error))
}

/// Refuses who couldn't give the new file to the live one's owner, before the hours of work.
pub(super) fn check_owner(live: &Path) -> Result<(), ReadModelError> {
    let doing = "keep the owner of";
    let owner = Owner::of(live).map_err(|error| refused(doing, live, error))?;
    if owner.is_served() {
        return Ok(());
    }
    let why = format!("it belongs to the user {}; run this as that user, or as root", owner.user);
    Err(refused(doing, live, io::Error::new(io::ErrorKind::PermissionDenied, why)))
}

/// Whoever serves must be able to read what somebody else has rebuilt.
fn keep_owner(live: &Path, rebuilt: &Path) -> io::Result<()> {
    let (old, new) = (fs::metadata(live)?, fs::metadata(rebuilt)?);
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        chown(rebuilt, Some(old.uid()), Some(old.gid()))?;
    }
    fs::set_permissions(rebuilt, old.permissions())
}

/// What comes between a live file's name and the number of a rebuild.
const REBUILT: &str = ".rebuilt-";

/// The files that rebuilds have made, with their numbers.
fn rebuilt_files(name: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = vec![];
    for entry in fs::read_dir(folder_of(name))? {
        let file = entry?.file_name();
        if let Some(number) = number_of(name, Path::new(&file)) {
            found.push((number, name.with_file_name(file)));
        }
    }
    Ok(found)
}

fn folder_of(name: &Path) -> &Path {
    name.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

fn is_rebuilt(name: &Path, target: &Path) -> bool {
    number_of(name, target).is_some()
}

/// The number of a rebuild in the name of its file.
fn number_of(name: &Path, file: &Path) -> Option<u64> {
    let (name, file) = (name.file_name()?.to_str()?, file.to_str()?);
    file.strip_prefix(name)?.strip_prefix(REBUILT)?.parse().ok()
}

/// What a link means.
fn beside(link: &Path, target: &Path) -> PathBuf {
    link.parent().map_or_else(|| target.into(), |folder| folder.join(target))
}

fn suffixed(name: &Path, suffix: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_journal(file: &Path) -> Result<(), ReadModelError> {
    // A draft has one until it is prepared.
    remove(&suffixed(file, "-journal"))?;
    remove(&suffixed(file, "-wal"))?;
    remove(&suffixed(file, "-shm"))
}

fn remove(file: &Path) -> Result<(), ReadModelError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(refused("remove", file, error))
        }
        _ => Ok(()),
    }
}

fn refused(doing: &'static str, file: &Path, source: io::Error) -> ReadModelError {
    ReadModelError::Io { doing, file: file.into(), source }
}
