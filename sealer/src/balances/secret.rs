//! The secret from which every account's salt comes.
//!
//! A salt is HMAC-SHA-256 by the secret, over the last event that a tree has, the unit and the
//! account. So an account has another name in each tree, and who knows its name in one of them
//! finds it in no other.

use std::fs;
use std::io;
use std::path::Path;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign};
use log_record::{hex, parse_hex};
use serde::{Deserialize, Serialize};
use transparency::Salt;

use super::{BalanceError, UpTo, failed};
use crate::folder::{Readers, read, replace};

/// What the secret is used for, each for itself.
const FOR_ITS_ID: &[u8] = b"guerdon/balance-secret-id/v1";
const FOR_A_TREE: &[u8] = b"guerdon/balance-salts/v1\0";

/// The secret.
pub struct BalanceSecret(Key);

/// It is never printed.
impl std::fmt::Debug for BalanceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BalanceSecret(…)")
    }
}

/// The salts of one tree.
pub(super) struct SaltsOf(Key);

/// The file. Whoever reads it finds an account in every tree by its id.
#[derive(Serialize, Deserialize)]
struct SecretFile {
    /// Thirty-two bytes in hexadecimal digits.
    secret: String,
}

impl BalanceSecret {
    /// The secret of a file; nothing where there is no file.
    pub(super) fn read(file: &Path) -> Result<Option<Self>, BalanceError> {
        let Some(text) = read(file)? else { return Ok(None) };
        // What is wrong with it isn't said: the parser's own text would quote it.
        let damaged = || BalanceError::Secret { file: file.to_owned() };
        let SecretFile { secret } = serde_json::from_str(&text).map_err(|_| damaged())?;
        let secret = parse_hex::<32>(&secret).ok_or_else(damaged)?;
        Ok(Some(Self(Key::new(HMAC_SHA256, &secret))))
    }

    /// Makes a secret and keeps it in the file, which only its owner may read.
    pub(super) fn make(file: &Path) -> Result<Self, BalanceError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let text = serde_json::to_string(&SecretFile { secret: hex(&secret) });
        let text = text.map_err(|error| failed(file)(io::Error::other(error)))?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(failed(folder))?;
        }
        replace(file, &format!("{text}\n"), Readers::Owner)?;
        Ok(Self(Key::new(HMAC_SHA256, &secret)))
    }

    /// Tells it from other secrets, and nothing else of it.
    #[must_use]
    pub fn id(&self) -> [u8; 8] {
        let id = bytes(sign(&self.0, FOR_ITS_ID));
        let mut first = [0; 8];
        first.copy_from_slice(&id[..8]);
        first
    }

    pub(super) fn salts_of(&self, up_to: &UpTo, unit: &str) -> SaltsOf {
        let UpTo { log_id, place: _, checksum } = up_to;
        // Of fixed lengths but for the unit, which is the last. The checksum has the place in it.
        let of = [FOR_A_TREE, log_id.0.as_bytes(), checksum, unit.as_bytes()].concat();
        SaltsOf(Key::new(HMAC_SHA256, &bytes(sign(&self.0, &of))))
    }
}

impl SaltsOf {
    pub(super) fn salt(&self, account: &str) -> Salt {
        Salt(bytes(sign(&self.0, account.as_bytes())))
    }
}

fn bytes(tag: Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use log_record::{LogId, Partition, Place, Position};
    use uuid::Uuid;

    use super::*;

    fn up_to(checksum: u8) -> UpTo {
        let place = Place { partition: Partition(0), position: Position(7) };
        UpTo { log_id: LogId(Uuid::from_u128(7)), place, checksum: [checksum; 32] }
    }

    #[test]
    fn a_secret_is_kept_and_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("deep/balance-salts.json");
        assert!(BalanceSecret::read(&file).expect("read").is_none());
        let made = BalanceSecret::make(&file).expect("made");
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let found = BalanceSecret::read(&file).expect("read").expect("there");
        assert_eq!(found.id(), made.id());
        let salt = |secret: &BalanceSecret| secret.salts_of(&up_to(1), "points").salt("ann");
        assert!(salt(&found) == salt(&made));
    }

    #[test]
    fn an_account_has_another_salt_in_every_tree() {
        let folder = tempfile::tempdir().expect("a folder");
        let secret = BalanceSecret::make(&folder.path().join("s")).expect("made");
        let salts = [
            secret.salts_of(&up_to(1), "points").salt("ann"),
            secret.salts_of(&up_to(1), "points").salt("bob"),
            secret.salts_of(&up_to(1), "miles").salt("ann"),
            secret.salts_of(&up_to(2), "points").salt("ann"),
        ];
        let differ = salts.iter().map(|salt| salt.0).collect::<std::collections::HashSet<_>>();
        assert_eq!(differ.len(), 4);
    }

    #[test]
    fn no_error_has_the_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("s");
        for damaged in [format!(r#"{{"secret":"{}0"}}"#, "a7".repeat(32)), "a7a7".into()] {
            fs::write(&file, damaged).expect("written");
            let error = BalanceSecret::read(&file).expect_err("it is damaged");
            assert!(!format!("{error} {error:?}").contains("a7a7"));
        }
    }
}
