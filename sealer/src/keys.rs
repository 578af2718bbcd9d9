//! The secret keys that sign checkpoints, oldest first. The last one signs; each one before it has
//! handed over to the next.

use std::fs;
use std::io;

use log_record::{hex, parse_hex};
use serde::{Deserialize, Serialize};
use transparency::SigningKey;

use crate::folder::{Readers, read, replace};
use crate::{SealError, SealFolder};

/// The keys of a folder.
#[derive(Debug)]
pub struct SigningKeys(Vec<SigningKey>);

#[derive(Serialize, Deserialize)]
struct KeysFile {
    /// Ed25519 seeds in hexadecimal digits.
    seeds: Vec<String>,
}

impl SigningKeys {
    /// The keys for a log that nobody has used yet: makes the first where neither a key nor a tree
    /// is there. A log in use had a key, which another must not follow unseen.
    pub fn open(folder: &SealFolder) -> Result<Self, SealError> {
        match KeysFile::read(folder)? {
            Some(file) => file.keys(folder),
            // Another key would sign what the lost one has signed before.
            None if folder.has_trees().map_err(SealError::file(folder.path()))? => {
                Self::load(folder)
            }
            None => Self::add(folder),
        }
    }

    /// The keys of the folder, which must be there.
    pub fn load(folder: &SealFolder) -> Result<Self, SealError> {
        let missing = || SealError::NoKeys { file: folder.keys() };
        KeysFile::read(folder)?.ok_or_else(missing)?.keys(folder)
    }

    /// The first key for a log whose keys are lost for good.
    pub fn replace_lost(folder: &SealFolder) -> Result<Self, SealError> {
        if KeysFile::read(folder)?.is_some() {
            return Err(SealError::HasKeys { file: folder.keys() });
        }
        if folder.has_trees().map_err(SealError::file(folder.path()))? {
            return Err(SealError::HasTrees { folder: folder.path().into() });
        }
        Self::add(folder)
    }

    /// Adds a key, to which the one before hands over as soon as the server finds it.
    pub fn add(folder: &SealFolder) -> Result<Self, SealError> {
        let path = folder.keys();
        let mut file = KeysFile::read(folder)?.unwrap_or(KeysFile { seeds: vec![] });
        let mut seed = [0; 32];
        let unrandom = |error: getrandom::Error| SealError::file(&path)(io::Error::other(error));
        getrandom::fill(&mut seed).map_err(unrandom)?;
        file.seeds.push(hex(&seed));
        fs::create_dir_all(folder.path()).map_err(SealError::file(folder.path()))?;
        let text = serde_json::to_string_pretty(&file)
            .map_err(|source| SealError::Keys { file: path.clone(), source: source.into() })?;
        replace(&path, &format!("{text}\n"), Readers::Owner)?;
        file.keys(folder)
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[SigningKey] {
        &self.0
    }

    /// Their public keys.
    pub(crate) fn all_public(&self) -> Vec<[u8; 32]> {
        self.0.iter().map(SigningKey::public).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The public key of the one that signs.
    #[must_use]
    pub fn public(&self) -> Option<[u8; 32]> {
        self.0.last().map(SigningKey::public)
    }
}

impl KeysFile {
    fn read(folder: &SealFolder) -> Result<Option<Self>, SealError> {
        let path = folder.keys();
        let Some(text) = read(&path)? else { return Ok(None) };
        // Where it is wrong and not what stands there: the parser's own text would quote a seed.
        let wrong = |error: serde_json::Error| {
            let (line, column) = (error.line(), error.column());
            let source = format!("it is wrong in line {line}, column {column}").into();
            SealError::Keys { file: path, source }
        };
        serde_json::from_str(&text).map(Some).map_err(wrong)
    }

    fn keys(&self, folder: &SealFolder) -> Result<SigningKeys, SealError> {
        let wrong = |source| SealError::Keys { file: folder.keys(), source };
        let key = |seed: &String| {
            let seed = parse_hex::<32>(seed).ok_or("a seed isn't 64 hexadecimal digits")?;
            Ok(SigningKey::from_seed(&seed)?)
        };
        let keys = self.seeds.iter().map(key).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        if keys.is_empty() {
            return Err(wrong("it holds none".into()));
        }
        Ok(SigningKeys(keys))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_key_is_made_and_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = SealFolder::at(folder.path().join("transparency"));
        let made = SigningKeys::open(&folder).expect("made");
        let mode = folder.keys().metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let found = SigningKeys::open(&folder).expect("found");
        assert_eq!((found.count(), found.public()), (1, made.public()));
        let more = SigningKeys::add(&folder).expect("added");
        assert_eq!(more.count(), 2);
        assert_ne!(more.public(), made.public());
        assert_eq!(more.all()[0].public(), made.public().expect("a key"));
    }

    #[test]
    fn a_disk_of_its_own_gets_a_first_key() {
        let home = tempfile::tempdir().expect("a folder");
        fs::create_dir(home.path().join("lost+found")).expect("made");
        let made = SigningKeys::open(&SealFolder::at(home.path().into())).expect("made");
        assert_eq!(made.count(), 1);
    }

    #[test]
    fn no_error_has_a_seed() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = SealFolder::at(home.path().into());
        let seed = hex(&[0xa7; 32]);
        for damaged in [
            format!(r#"{{"seeds":"{seed}"}}"#),
            format!(r#""{seed}""#),
            format!(r#"{{"{seed}":[]}}"#),
            format!(r#"{{"seeds":["{seed}0"]}}"#),
            format!(r#"{{"seeds":["{seed}"#),
            seed,
        ] {
            fs::write(folder.keys(), &damaged).expect("written");
            let error = SigningKeys::open(&folder).expect_err("it is damaged");
            let told = format!("{} {error:?}", event_store::with_causes(&error));
            assert!(!told.contains("a7a7"), "{told}");
        }
    }

    #[test]
    fn a_damaged_file_of_keys_is_not_replaced_by_a_new_key() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = SealFolder::at(home.path().into());
        for damaged in ["", "{}", r#"{"seeds":[]}"#, r#"{"seeds":["00"]}"#] {
            fs::write(folder.keys(), damaged).expect("written");
            assert!(matches!(SigningKeys::open(&folder), Err(SealError::Keys { .. })), "{damaged}");
            assert_eq!(fs::read_to_string(folder.keys()).expect("read"), damaged);
        }
        fs::remove_file(folder.keys()).expect("removed");
        let tree = "01a229ac-19b2-76ce-a949-c191c77ab76b-1-0";
        fs::create_dir(home.path().join(tree)).expect("made");
        assert!(matches!(SigningKeys::open(&folder), Err(SealError::NoKeys { .. })), "it was lost");
        assert!(matches!(SigningKeys::replace_lost(&folder), Err(SealError::HasTrees { .. })));
        fs::remove_dir(home.path().join(tree)).expect("removed");
        SigningKeys::replace_lost(&folder).expect("made");
        assert!(matches!(SigningKeys::replace_lost(&folder), Err(SealError::HasKeys { .. })));
    }
}
