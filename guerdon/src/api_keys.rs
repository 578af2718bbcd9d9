//! The API keys: made at the first start, written to `api-keys.json` for whoever calls, and kept as
//! hashes beside the log.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use event_store::{ApiKeyRow, EventStore, StoreUrl};
use log_record::hex;
use serde::{Deserialize, Serialize};
use wire::{KeyHash, KeyRing, Role};

use crate::config::DataConfig;

/// How often a running process looks for other keys. One that was replaced is let in nowhere 5 s
/// later, also where looking takes its time.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The file's content: a key for each role.
#[derive(Debug, Serialize, Deserialize)]
struct KeyFile {
    shopper: String,
    merchant: String,
    operator: String,
    warehouse: String,
    auditor: String,
}

/// Checks that keys can be made for a log that has none: where a file holds some already, they are
/// another log's, and perhaps nowhere else.
pub(crate) fn check_unmade(file: &Path, log: &StoreUrl) -> anyhow::Result<()> {
    ensure!(
        !file.exists(),
        "there is no log at {log} that has API keys, and {} holds those of another log, which \
         would be lost; name the right log with --store, or another folder for a new ledger with \
         --data-dir",
        file.display()
    );
    Ok(())
}

/// The keys of some roles that a file holds, to call with.
pub(crate) fn keys_in<const N: usize>(
    file: &Path,
    roles: [&str; N],
) -> anyhow::Result<[String; N]> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("can't read the API keys in {}", file.display()))?;
    let keys: HashMap<String, String> = serde_json::from_str(&text)
        .with_context(|| format!("{} does not hold API keys as JSON", file.display()))?;
    if let Some(role) = roles.iter().find(|role| !keys.contains_key(**role)) {
        bail!("{} has no key for the role {role}", file.display());
    }
    Ok(roles.map(|role| keys.get(role).cloned().unwrap_or_default()))
}

/// The keys that callers may show. The first start makes them.
pub(crate) async fn make_or_check(
    store: &EventStore,
    data: &DataConfig,
    are_elsewhere: bool,
) -> anyhow::Result<KeyRing> {
    let known = store.api_keys().await.context("the API keys can't be read")?;
    let file = &data.api_keys();
    if known.is_empty() {
        check_unmade(file, &data.store())?;
        return make(store, file).await;
    }
    if !are_elsewhere {
        finish(file, &known)?;
        check(file, &known)?;
    }
    ring(&known)
}

/// The keys that the command API has made.
pub(crate) async fn load(store: &EventStore) -> anyhow::Result<KeyRing> {
    let known = store.api_keys().await.context("the API keys can't be read")?;
    if known.is_empty() {
        bail!("the log has no API keys yet; the command API makes them when it starts first");
    }
    ring(&known)
}

/// Looks now and then whether the log has other keys, made by `guerdon new-keys` or by a process
/// elsewhere, and lets those in instead.
pub(crate) async fn keep_up(store: EventStore, keys: KeyRing) {
    let mut is_told = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let loaded = load(&store).await;
        match &loaded {
            Ok(known) if keys.replace(known) => tracing::info!("the log has other API keys now"),
            Err(error) if !is_told => {
                tracing::warn!(error = format!("{error:#}"), "the API keys stay as they are");
            }
            _ => {}
        }
        is_told = loaded.is_err();
    }
}

/// Makes new keys, and forgets those before. They are written beside the file first, which becomes
/// the file once the log has them: should the process die in between, the log has what it had, or
/// the next start finishes.
pub(crate) async fn make(store: &EventStore, file: &Path) -> anyhow::Result<KeyRing> {
    let keys = KeyFile {
        shopper: new_key(Role::Shopper)?,
        merchant: new_key(Role::Merchant)?,
        operator: new_key(Role::Operator)?,
        warehouse: new_key(Role::Warehouse)?,
        auditor: new_key(Role::Auditor)?,
    };
    let unwritten = || format!("can't write the API keys to {}", file.display());
    write(&beside(file), &keys).with_context(unwritten)?;
    let row = |(role, key): (Role, &str)| ApiKeyRow {
        role: role.as_str().into(),
        hash: KeyHash::of(key).0,
    };
    let rows: Vec<_> = keys.by_role().into_iter().map(row).collect();
    store.replace_api_keys(rows.clone()).await.context("the API keys can't be kept")?;
    put_in_place(file).with_context(unwritten)?;
    tracing::info!(file = %file.display(), "made API keys");
    ring(&rows)
}

/// The operator's key in the file.
pub(crate) fn operator_key(file: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(file);
    let text = text.with_context(|| format!("can't read {}", file.display()))?;
    let keys: KeyFile = serde_json::from_str(&text)
        .with_context(|| format!("the file of API keys, {}, is damaged", file.display()))?;
    Ok(keys.operator)
}

impl KeyFile {
    fn by_role(&self) -> [(Role, &str); 5] {
        [
            (Role::Shopper, &self.shopper),
            (Role::Merchant, &self.merchant),
            (Role::Operator, &self.operator),
            (Role::Warehouse, &self.warehouse),
            (Role::Auditor, &self.auditor),
        ]
    }

    /// The first role whose key a log doesn't have.
    fn first_unknown(&self, known: &[ApiKeyRow]) -> Option<Role> {
        let is_known = |role: Role, key: &str| {
            let hash = KeyHash::of(key).0;
            known.iter().any(|row| row.role == role.as_str() && row.hash == hash)
        };
        self.by_role().into_iter().find(|(role, key)| !is_known(*role, key)).map(|(role, _)| role)
    }
}

fn check(file: &Path, known: &[ApiKeyRow]) -> anyhow::Result<()> {
    let advice = "put it back, run `guerdon new-keys` to make new ones, or start with \
                  --api-keys-elsewhere";
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "the log has API keys, but the file that holds them, {}, is missing; {advice}",
            file.display()
        ),
        Err(error) => {
            return Err(error).with_context(|| format!("can't read {}", file.display()));
        }
    };
    let keys: KeyFile = serde_json::from_str(&text).with_context(|| {
        format!("the file of API keys, {}, is damaged; {advice}", file.display())
    })?;
    if let Some(role) = keys.first_unknown(known) {
        bail!("the {role} key in {} is not one of this log's; {advice}", file.display());
    }
    Ok(())
}

/// Finishes what a process began that died while it made keys.
fn finish(file: &Path, known: &[ApiKeyRow]) -> anyhow::Result<()> {
    let Ok(text) = fs::read_to_string(beside(file)) else { return Ok(()) };
    let Ok(keys) = serde_json::from_str::<KeyFile>(&text) else { return Ok(()) };
    if keys.first_unknown(known).is_none() {
        put_in_place(file)
            .with_context(|| format!("can't write the API keys to {}", file.display()))?;
    }
    Ok(())
}

fn ring(rows: &[ApiKeyRow]) -> anyhow::Result<KeyRing> {
    rows.iter()
        .map(|row| {
            let role = Role::parse(&row.role)
                .with_context(|| format!("the log has an API key of unknown role {}", row.role))?;
            Ok((KeyHash(row.hash), role))
        })
        .collect::<anyhow::Result<Vec<_>>>()
        .map(KeyRing::from_iter)
}

/// 256 random bits, with the role in front for the eye.
fn new_key(role: Role) -> anyhow::Result<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).context("the operating system gives no randomness")?;
    Ok(format!("gk_{role}_{}", hex(&secret)))
}

fn beside(file: &Path) -> PathBuf {
    file.with_extension("json.new")
}

/// For its owner's eyes only.
fn write(file: &Path, keys: &KeyFile) -> anyhow::Result<()> {
    let folder = file.parent().context("it has no folder")?;
    fs::create_dir_all(folder)?;
    let mut written =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    written.write_all(serde_json::to_string_pretty(keys)?.as_bytes())?;
    written.write_all(b"\n")?;
    written.sync_all()?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// Whole or not at all.
fn put_in_place(file: &Path) -> anyhow::Result<()> {
    fs::rename(beside(file), file)?;
    fs::File::open(file.parent().context("it has no folder")?)?.sync_all()?;
    Ok(())
}
