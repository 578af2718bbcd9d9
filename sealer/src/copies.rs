//! A folder of somebody else's that gets a copy of the newest checkpoint. What stands there is
//! compared before it is replaced, because it shows a log that was rewritten and signed anew.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use crate::blocking::blocking;
use crate::folder::{Readers, replace};
use crate::sealed::Sealed;
use crate::signed::{last_signed, published};
use crate::tree_files::root_at;
use crate::{SealError, SealFolder, SigningKeys};

/// How long a copy stays the newest at least.
const COPY_EVERY: Duration = Duration::from_secs(1);

/// Copies a partition's checkpoints.
pub(crate) struct Copies {
    pub(crate) keys: SealFolder,
    pub(crate) into: Option<PathBuf>,
    pub(crate) shown: watch::Receiver<Option<Sealed>>,
}

impl Copies {
    /// Copies what is sealed, until another history stands there. Sealing doesn't wait for the
    /// folder, and a copy that fails is made later.
    pub(crate) async fn run(&self) -> SealError {
        let Some(into) = &self.into else { return pending().await };
        let (mut shown, mut is_failing) = (self.shown.clone(), false);
        loop {
            let newest = shown.borrow_and_update().clone();
            if let Some(sealed) = newest {
                let (keys, copies) = (self.keys.clone(), into.clone());
                match blocking(move || copy(&keys, &sealed, &copies)).await {
                    Ok(()) => is_failing = false,
                    Err(error @ (SealError::Forked { .. } | SealError::OtherKeys { .. })) => {
                        return error;
                    }
                    Err(error) if !is_failing => {
                        is_failing = true;
                        let (folder, error) = (into.display(), &error as &dyn std::error::Error);
                        tracing::warn!(%folder, error, "checkpoints can't be copied to the folder");
                    }
                    Err(_) => {}
                }
            }
            tokio::time::sleep(COPY_EVERY).await;
            // Every second where it failed, else when there is a newer one.
            if !is_failing && shown.changed().await.is_err() {
                return pending().await;
            }
        }
    }
}

/// Puts the newest checkpoint in the place of an older one of the same history.
fn copy(keys: &SealFolder, sealed: &Sealed, into: &Path) -> Result<(), SealError> {
    let file = published(into, &sealed.origin);
    let of_log = SigningKeys::load(keys)?;
    if let Some(there) = last_signed(keys, &sealed.origin, file.clone(), of_log.all())? {
        // Another server has sealed more, and this one will.
        if there.checkpoint.size > sealed.size {
            return Ok(());
        }
        if root_at(&sealed.folder, there.checkpoint.size)? != there.checkpoint.root {
            return Err(there.forked());
        }
    }
    Ok(replace(&file, &sealed.note, Readers::Everybody)?)
}
