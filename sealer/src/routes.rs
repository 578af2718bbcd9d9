//! What anyone may read of the transparency log, and auditors the entries.
//!
//! Below `/log/{partition}/` the paths are those of C2SP `tlog-tiles`, so the handlers of tiles
//! read a path that has as many segments as the tile's number needs.

use axum::Json;
use axum::extract::{Request, State};
use axum::handler::Handler as _;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use event_store::{EventStore, with_causes};
use log_record::{Partition, Position};
use transparency::{Tile, TileKind, bundle};
use wire::{HasKeys, INTERNAL, KeyRing, PathId, PathIds, Problem, Role, Routes, only};

use crate::blocking::blocking;
use crate::folder::read;
use crate::sealed::{KeysBody, Sealed};
use crate::sealer::{Sealer, Shown};
use crate::tree_files::read_tile;

/// Who may read entries: they name accounts.
const READERS_OF_ENTRIES: &[Role] = &[Role::Operator, Role::Auditor];

/// A tile never changes; after a declared fork another tree's tiles have its path. So it is kept
/// for an hour.
const KEPT: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=3600");

const TEXT: (HeaderName, &str) = (CONTENT_TYPE, "text/plain; charset=utf-8");
const BYTES: (HeaderName, &str) = (CONTENT_TYPE, "application/octet-stream");

#[derive(Clone)]
struct LogApi {
    store: EventStore,
    shown: Shown,
    keys: KeyRing,
}

impl HasKeys for LogApi {
    fn keys(&self) -> &KeyRing {
        &self.keys
    }
}

impl Sealer {
    /// The routes of what it seals; `keys` are those of the callers who may read entries.
    #[must_use]
    pub fn routes(&self, keys: KeyRing) -> Routes {
        let api = LogApi { store: self.store().clone(), shown: self.shown(), keys };
        Routes::new()
            .open("/log/keys", get_keys)
            .open("/log/{partition}/checkpoint", get_checkpoint)
            .open("/log/{partition}/cosigned", get_cosigned)
            .open("/log/{partition}/handover/{number}", get_handover)
            .open("/log/{partition}/tile/{*tile}", get_tile)
            .with_state(api)
    }
}

async fn get_keys(State(api): State<LogApi>) -> Json<KeysBody> {
    let sealed = api.shown.iter().filter_map(|shown| shown.borrow().clone());
    let keys = sealed.flat_map(|sealed| sealed.keys).collect();
    Json(KeysBody { log_id: api.store.log_id().to_string(), keys })
}

async fn get_checkpoint(
    State(api): State<LogApi>,
    PathId(partition): PathId<u16>,
) -> Result<Response, Problem> {
    Ok(([TEXT], api.sealed(partition)?.note).into_response())
}

async fn get_cosigned(
    State(api): State<LogApi>,
    PathId(partition): PathId<u16>,
) -> Result<Response, Problem> {
    let file = api.sealed(partition)?.folder.cosigned();
    let read = blocking(move || Ok(read(&file)?)).await;
    let note = read.map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(partition, error, "the co-signed checkpoint can't be read");
        Problem::internal()
    })?;
    let none =
        "No witness has signed a checkpoint of this partition: none is asked, or none answers.";
    Ok(([TEXT], note.ok_or_else(|| Problem::not_found(none))?).into_response())
}

async fn get_handover(
    State(api): State<LogApi>,
    PathIds(partition, number): PathIds<u16, usize>,
) -> Result<Response, Problem> {
    let mut sealed = api.sealed(partition)?;
    let found = number.checked_sub(1).filter(|index| *index < sealed.handovers.len());
    let index = found.ok_or_else(|| {
        Problem::not_found("No key has handed over with this number: they are counted from 1.")
    })?;
    Ok(([TEXT], sealed.handovers.swap_remove(index)).into_response())
}

async fn get_tile(
    State(api): State<LogApi>,
    PathIds(partition, path): PathIds<u16, String>,
    request: Request,
) -> Result<Response, Problem> {
    let (sealed, tile) = api.tile(partition, &path)?;
    let TileKind::Hashes(level) = tile.kind else {
        return Ok(only(READERS_OF_ENTRIES, get_entries).call(request, api).await);
    };
    let read = tokio::task::spawn_blocking(move || read_tile(&sealed.folder, level, tile)).await;
    let bytes = read.map_err(|_| Problem::internal())?.map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(%tile, error, "a tile can't be read");
        Problem::internal()
    })?;
    Ok(([BYTES, KEPT], bytes).into_response())
}

async fn get_entries(
    State(api): State<LogApi>,
    PathIds(partition, path): PathIds<u16, String>,
) -> Result<Response, Problem> {
    let (_, tile) = api.tile(partition, &path)?;
    let unread = |why: String| {
        tracing::error!(%tile, why, "entries can't be read");
        Problem::of(&INTERNAL, format!("The entries of {tile} can't be read: {why}."))
    };
    let (log_id, after) = (api.store.log_id(), Position(tile.first()));
    let events = api.store.read(Partition(partition), after, tile.width.into()).await;
    let events = events.map_err(|error| unread(with_causes(&error)))?;
    if events.len() != usize::from(tile.width) {
        return Err(unread("the log ends before".into()));
    }
    let records = events.iter().map(|event| event.fixed_record(log_id));
    let bytes = bundle(records).map_err(|error| unread(error.to_string()))?;
    Ok(([BYTES], bytes).into_response())
}

impl LogApi {
    fn sealed(&self, partition: u16) -> Result<Sealed, Problem> {
        let shown = self.shown.get(usize::from(partition)).ok_or_else(|| {
            Problem::not_found("The log has no such partition: they are counted from 0.")
        })?;
        let sealed = shown.borrow().clone();
        sealed.ok_or_else(|| {
            Problem::not_found(
                "Nothing of this partition is sealed yet. Ask again in a second, or GET /health/ready.",
            )
        })
    }

    /// A tile that the newest checkpoint has.
    fn tile(&self, partition: u16, path: &str) -> Result<(Sealed, Tile), Problem> {
        let sealed = self.sealed(partition)?;
        let tile: Tile = format!("tile/{path}").parse().map_err(|_| {
            Problem::not_found(
                "The path names no tile. Examples: tile/0/x001/x234/067 and tile/entries/000.p/17.",
            )
        })?;
        if tile.is_in(sealed.size) {
            Ok((sealed, tile))
        } else {
            Err(Problem::not_found(
                "The newest checkpoint doesn't have this tile, or has fewer hashes in it.",
            ))
        }
    }
}
