//! The first keys of a ledger, one for each role: made at the first start and written to
//! `api-keys.json`; checked at every later start.

use std::path::Path;

use anyhow::{Context as _, bail};
use command_api::{KeyBook, MadeKey, NewKey};
use event_store::EventStore;
use wire::Role;

use crate::data_config::DataConfig;
use crate::key_file::{KeyFile, check_absent, put_in_place};

/// The label of the keys that are made for all roles at once.
const LABEL: &str = "in api-keys.json";

/// The keys that callers may show. The first start makes them.
pub(crate) async fn make_or_check(
    store: &EventStore,
    data: &DataConfig,
    are_elsewhere: bool,
) -> anyhow::Result<KeyBook> {
    let book = KeyBook::open(store.clone()).await?;
    let file = &data.api_keys();
    if book.list().await?.is_empty() {
        check_absent(file, &data.store().to_string())?;
        make(&book, file).await?;
    } else if !are_elsewhere {
        finish(&book, file).await?;
        check(&book, file).await?;
    }
    Ok(book)
}

/// The keys that the command API has made.
pub(crate) async fn load(store: &EventStore) -> anyhow::Result<KeyBook> {
    let book = KeyBook::open(store.clone()).await?;
    if book.list().await?.is_empty() {
        bail!("the log has no API keys yet; start the command API first, which makes them");
    }
    Ok(book)
}

/// Makes a key for each role, and revokes all others. The texts are written beside the file first,
/// which becomes the file once the log has the keys: should the process die in between, the log has
/// what it had, or the next start finishes.
pub(crate) async fn make(book: &KeyBook, file: &Path) -> anyhow::Result<()> {
    let new = Role::ALL.iter().map(|role| NewKey::of_role(*role, LABEL)).collect();
    book.replace_all(new, |made| key_file(made)?.write_beside(file)).await?;
    put_in_place(file)?;
    tracing::info!(file = %file.display(), "made API keys");
    Ok(())
}

fn key_file(made: &[MadeKey]) -> anyhow::Result<KeyFile> {
    KeyFile::of(|role| {
        let made = made.iter().find(|made| made.key.role == role);
        Ok(made.context("a role has no key")?.text.clone())
    })
}

async fn check(book: &KeyBook, file: &Path) -> anyhow::Result<()> {
    let advice = "put it back, run `guerdon keys replace-all` to make new keys, or start with \
                  --api-keys-elsewhere";
    if !file.exists() {
        bail!(
            "the log has API keys, but the file that holds them, {}, is missing; {advice}",
            file.display()
        );
    }
    let keys = KeyFile::read(file).with_context(|| format!("can't use the API keys; {advice}"))?;
    if let Some(role) = first_unknown(book, &keys).await? {
        bail!("the {role} key in {} is not one of this log's keys; {advice}", file.display());
    }
    Ok(())
}

/// Finishes what a process began that died while it made keys.
async fn finish(book: &KeyBook, file: &Path) -> anyhow::Result<()> {
    if let Some(keys) = KeyFile::read_beside(file)
        && first_unknown(book, &keys).await?.is_none()
    {
        // Anew, so that it is this process's own, whoever made what was read.
        keys.write_beside(file)?;
        put_in_place(file)?;
    }
    Ok(())
}

/// The first role whose key the log doesn't have.
async fn first_unknown(book: &KeyBook, keys: &KeyFile) -> anyhow::Result<Option<Role>> {
    for (role, text) in keys.by_role() {
        if book.id_of(text, role).await?.is_none() {
            return Ok(Some(role));
        }
    }
    Ok(None)
}
