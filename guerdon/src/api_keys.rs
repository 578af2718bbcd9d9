//! The API keys: made at the first start, written to `api-keys.json` for whoever calls, and kept as
//! hashes beside the log.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use event_store::{ApiKeyRow, EventStore};
use log_record::hex;
use serde::{Deserialize, Serialize};
use wire::{KeyHash, KeyRing, Role};

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
    file: &Path,
    are_elsewhere: bool,
) -> anyhow::Result<KeyRing> {
    let known = store.api_keys().await.context("the API keys can't be read")?;
    if known.is_empty() {
        return make(store, file).await;
    }
    if !are_elsewhere {
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
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match load(&store).await {
            Ok(known) if keys.replace(&known) => tracing::info!("the log has other API keys now"),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the API keys stay"),
        }
    }
}

/// Makes new keys, and forgets those before. The file is written first: should the process die in
/// between, the next start finds the log without keys and makes them anew, or finds the old ones
/// and says that the file doesn't fit.
pub(crate) async fn make(store: &EventStore, file: &Path) -> anyhow::Result<KeyRing> {
    let keys = KeyFile {
        shopper: new_key(Role::Shopper)?,
        merchant: new_key(Role::Merchant)?,
        operator: new_key(Role::Operator)?,
        warehouse: new_key(Role::Warehouse)?,
        auditor: new_key(Role::Auditor)?,
    };
    write(file, &keys)
        .with_context(|| format!("can't write the API keys to {}", file.display()))?;
    let row = |(role, key): (Role, &str)| ApiKeyRow {
        role: role.as_str().into(),
        hash: KeyHash::of(key).0,
    };
    let rows: Vec<_> = keys.by_role().into_iter().map(row).collect();
    store.replace_api_keys(rows.clone()).await.context("the API keys can't be kept")?;
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
    for (role, key) in keys.by_role() {
        let hash = KeyHash::of(key).0;
        if !known.iter().any(|row| row.role == role.as_str() && row.hash == hash) {
            bail!("the {role} key in {} is not one of this log's; {advice}", file.display());
        }
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

/// Whole or not at all, and for its owner's eyes only.
fn write(file: &Path, keys: &KeyFile) -> anyhow::Result<()> {
    let folder = file.parent().context("it has no folder")?;
    fs::create_dir_all(folder)?;
    let beside = file.with_extension("json.new");
    let mut written =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    written.write_all(serde_json::to_string_pretty(keys)?.as_bytes())?;
    written.write_all(b"\n")?;
    written.sync_all()?;
    fs::rename(&beside, file)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
