//! The file `api-keys.json`: the text of one key for each role, for its owner's eyes only.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wire::Role;

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyFile {
    shopper: String,
    merchant: String,
    operator: String,
    warehouse: String,
    auditor: String,
}

impl KeyFile {
    /// A file with the text that `text_of` gives for each role.
    pub(crate) fn of<E>(mut text_of: impl FnMut(Role) -> Result<String, E>) -> Result<Self, E> {
        Ok(Self {
            shopper: text_of(Role::Shopper)?,
            merchant: text_of(Role::Merchant)?,
            operator: text_of(Role::Operator)?,
            warehouse: text_of(Role::Warehouse)?,
            auditor: text_of(Role::Auditor)?,
        })
    }

    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("the file of API keys, {}, is damaged", file.display()))
    }

    /// The file that a process left beside, which died before it was put in place.
    pub(crate) fn read_beside(file: &Path) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(beside(file)).ok()?).ok()
    }

    /// The key of a role.
    pub(crate) fn of_role(&mut self, role: Role) -> &mut String {
        match role {
            Role::Shopper => &mut self.shopper,
            Role::Merchant => &mut self.merchant,
            Role::Operator => &mut self.operator,
            Role::Warehouse => &mut self.warehouse,
            Role::Auditor => &mut self.auditor,
        }
    }

    /// All keys with their roles.
    pub(crate) fn by_role(&self) -> [(Role, &str); 5] {
        [
            (Role::Shopper, &self.shopper),
            (Role::Merchant, &self.merchant),
            (Role::Operator, &self.operator),
            (Role::Warehouse, &self.warehouse),
            (Role::Auditor, &self.auditor),
        ]
    }

    /// Writes the keys beside the file, durably, to be put in place later.
    pub(crate) fn write_beside(&self, file: &Path) -> anyhow::Result<()> {
        self.write_to(&beside(file)).with_context(|| unwritten(file))
    }

    /// What is there under this name is removed and not written through: somebody may have prepared
    /// it, as a link to elsewhere or as a file that others can read.
    fn write_to(&self, file: &Path) -> anyhow::Result<()> {
        let folder = file.parent().context("it has no folder")?;
        fs::create_dir_all(folder)?;
        if let Err(error) = fs::remove_file(file)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(error.into());
        }
        let mut options = fs::OpenOptions::new();
        let mut written = options.write(true).create_new(true).mode(0o600).open(file)?;
        written.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        written.write_all(b"\n")?;
        written.sync_all()?;
        fs::File::open(folder)?.sync_all()?;
        Ok(())
    }
}

/// Makes what was written beside the file the file, whole or not at all.
pub(crate) fn put_in_place(file: &Path) -> anyhow::Result<()> {
    let put = || -> anyhow::Result<()> {
        fs::rename(beside(file), file)?;
        fs::File::open(file.parent().context("it has no folder")?)?.sync_all()?;
        Ok(())
    };
    put().with_context(|| unwritten(file))
}

/// The keys of some roles that a file holds, to call with. The file may hold no others.
pub(crate) fn keys_in<const N: usize>(
    file: &Path,
    roles: [&str; N],
) -> anyhow::Result<[String; N]> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("can't read the API keys in {}", file.display()))?;
    let keys: Map<String, Value> = serde_json::from_str(&text)
        .with_context(|| format!("{} does not hold API keys as JSON", file.display()))?;
    let key = |role: &str| keys.get(role).and_then(Value::as_str);
    if let Some(role) = roles.iter().find(|role| key(role).is_none()) {
        bail!("{} has no key for the role {role}", file.display());
    }
    Ok(roles.map(|role| key(role).unwrap_or_default().to_owned()))
}

/// Checks that no keys are there, which would be another log's and perhaps nowhere else.
pub(crate) fn check_absent(file: &Path, log: &str) -> anyhow::Result<()> {
    ensure!(
        !file.exists(),
        "there is no log at {log} that has API keys, and {} holds the keys of another log, which \
         would be lost; name the right log with --store, or another folder for a new ledger with \
         --data-dir",
        file.display()
    );
    Ok(())
}

fn beside(file: &Path) -> PathBuf {
    file.with_extension("json.new")
}

fn unwritten(file: &Path) -> String {
    format!("can't write the API keys to {}", file.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn keys() -> KeyFile {
        KeyFile::of(|role| Ok::<_, anyhow::Error>(format!("the key of a {role}"))).expect("keys")
    }

    #[test]
    fn a_prepared_file_is_not_written_through() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, elsewhere) = (folder.path().join("api-keys.json"), folder.path().join("other"));
        fs::write(&elsewhere, "before").expect("written");
        symlink(&elsewhere, beside(&file)).expect("linked");
        keys().write_beside(&file).expect("written");
        assert_eq!(fs::read_to_string(&elsewhere).expect("read"), "before");
        assert!(beside(&file).symlink_metadata().expect("there").is_file());

        fs::remove_file(beside(&file)).expect("removed");
        fs::write(beside(&file), "prepared").expect("written");
        fs::set_permissions(beside(&file), fs::Permissions::from_mode(0o666)).expect("set");
        let read_before = fs::File::open(beside(&file)).expect("opened");
        keys().write_beside(&file).expect("written");
        put_in_place(&file).expect("put");
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::io::read_to_string(read_before).expect("read");
        assert_eq!(text, "prepared", "whoever had it open reads no key");
    }
}
