//! The trees over all accounts' balances: a file for each seal and unit, and the secret from which
//! the accounts' salts come.
//!
//! A tree can be lost: it is made again of the log up to the same position and the same secret, and
//! its root compared with the event's. The secret can't. In reading order: `secret.rs`,
//! `tree_file.rs`, [`BalanceTrees`].

mod secret;
mod tree_file;

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use log_record::{LogId, Partition, Place, Position};
use transparency::{Balances, Salt, SaltedAccount, SumHash, SumNode, SumsTooLarge};

pub use secret::BalanceSecret;
use tree_file::TreeFile;

use crate::{FileError, SealFolder};

/// How many trees of a partition are kept by time: a month of daily ones. A million accounts take
/// 64 MB of each unit.
const KEPT: usize = 32;

/// Why a tree of balances can't be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BalanceError {
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The secret isn't there, and there are trees that were made with one.
    #[error(
        "{file}, the secret of the accounts' salts, is missing or damaged; restore it from a \
         backup. Without it no balance of an earlier seal can be proved any more. To begin anew, \
         move the file and the folders *-balances away"
    )]
    Secret {
        /// The file.
        file: PathBuf,
    },
    /// The sums are too large.
    #[error("the balances can't be summed up")]
    TooLarge(#[from] SumsTooLarge),
    /// The random generator failed.
    #[error("no secret can be made: the system gives no random bytes")]
    Random(#[from] getrandom::Error),
}

/// Why a balance isn't proved.
#[derive(Debug, thiserror::Error)]
pub enum NoBalanceProof {
    /// The tree isn't there, or isn't the one that was sealed. It has to be made again.
    #[error("the tree {0} isn't there, or isn't the one that was sealed")]
    NoTree(PathBuf),
    /// The tree's salts come from another secret than the one that is here.
    #[error("the salts of the seal come from a secret that isn't here")]
    OtherSecret,
    /// A file can't be used.
    #[error(transparent)]
    Failed(#[from] BalanceError),
}

/// The trees of a partition.
#[derive(Clone, Debug)]
pub struct BalanceTrees {
    folder: PathBuf,
    secret: PathBuf,
}

/// The last event of the log whose effect is in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpTo {
    /// The log.
    pub log_id: LogId,
    /// Where the event stands.
    pub place: Place,
    /// Its checksum: another history has another one.
    pub checksum: [u8; 32],
}

/// A tree that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeTree {
    /// How many accounts are in it.
    pub accounts: u64,
    /// Its root.
    pub root: SumHash,
    /// What all of them have.
    pub sums: Balances,
}

/// What proves an account's balance.
#[derive(Clone, Debug)]
pub struct ProvedBalance {
    /// The account's salt in the tree.
    pub salt: Salt,
    /// Which leaf it is, from 0.
    pub index: u64,
    /// What it has.
    pub balances: Balances,
    /// The nodes beside the way to the top, from below.
    pub path: Vec<SumNode>,
}

impl BalanceTrees {
    /// The trees of a log's partition in a folder.
    #[must_use]
    pub fn new(folder: &SealFolder, log_id: LogId, partition: Partition) -> Self {
        let trees = folder.path().join(format!("{log_id}-{partition}-balances"));
        Self { folder: trees, secret: folder.balance_salts() }
    }

    /// The secret; makes the first where there is none and no tree either.
    pub fn open_secret(&self) -> Result<BalanceSecret, BalanceError> {
        match BalanceSecret::read(&self.secret)? {
            Some(secret) => Ok(secret),
            None if self.has_trees()? => Err(BalanceError::Secret { file: self.secret.clone() }),
            None => BalanceSecret::make(&self.secret),
        }
    }

    /// Makes the tree of a unit, and puts its file in place. `accounts` has each account once, with
    /// what it has available, held, pending and owed.
    pub fn make<'a>(
        &self,
        secret: &BalanceSecret,
        up_to: &UpTo,
        unit: &str,
        accounts: impl Iterator<Item = (&'a str, [u64; 4])>,
    ) -> Result<MadeTree, BalanceError> {
        let salts = secret.salts_of(up_to, unit);
        let leaf = |(account, amounts): (&str, [u64; 4])| {
            (SaltedAccount::new(&salts.salt(account), account), amounts)
        };
        let mut leaves: Vec<(SaltedAccount, [u64; 4])> = accounts.map(leaf).collect();
        leaves.sort_unstable_by_key(|(account, _)| *account);
        let file = self.file(up_to.place.position, unit);
        fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        let top = tree_file::write(&file, up_to, &leaves)?;
        let accounts = leaves.len() as u64;
        Ok(MadeTree { accounts, root: top.root(accounts), sums: top.sums })
    }

    /// Removes all trees but the newest and those of this position: an old one that was made again
    /// is there for those who ask for it now.
    pub fn remove_old(&self, but: Position) -> Result<(), BalanceError> {
        let files = self.list()?;
        let positions: BTreeSet<Position> = files.iter().map(|(at, _)| *at).collect();
        let Some(oldest_kept) = positions.iter().rev().nth(KEPT - 1) else { return Ok(()) };
        for (position, file) in &files {
            if position < oldest_kept && *position != but {
                fs::remove_file(file).map_err(failed(file))?;
            }
        }
        Ok(())
    }

    /// Proves the balance of an account in the tree of this root; nothing where the account isn't
    /// in it.
    pub fn prove(
        &self,
        up_to: &UpTo,
        salts_id: [u8; 8],
        unit: &str,
        root: [u8; 32],
        account: &str,
    ) -> Result<Option<ProvedBalance>, NoBalanceProof> {
        let secret = BalanceSecret::read(&self.secret)?;
        let secret = secret.filter(|secret| secret.id() == salts_id);
        let salt = secret.ok_or(NoBalanceProof::OtherSecret)?.salts_of(up_to, unit).salt(account);
        let file = self.file(up_to.place.position, unit);
        let no_tree = || NoBalanceProof::NoTree(file.clone());
        let tree = TreeFile::open(&file, up_to)?.ok_or_else(no_tree)?;
        let proved = match tree.prove(&SaltedAccount::new(&salt, account)) {
            // Sums that can't be: a node was changed.
            Err(error) if error.kind() == ErrorKind::InvalidData => return Err(no_tree()),
            proved => proved.map_err(failed(&file))?,
        };
        let Some((index, balances, path)) = proved else {
            // Only a whole tree can show that something isn't in it.
            let is_sealed = tree.root().map_err(failed(&file))? == Some(SumHash(root));
            return if is_sealed { Ok(None) } else { Err(no_tree()) };
        };
        let leaf = SumNode::leaf(&SaltedAccount::new(&salt, account), balances);
        let top = transparency::root_of_path(leaf, index, tree.accounts(), &path);
        let is_sealed = |top: SumNode| top.root(tree.accounts()) == SumHash(root);
        if !top.is_ok_and(is_sealed) {
            return Err(no_tree());
        }
        Ok(Some(ProvedBalance { salt, index, balances, path }))
    }

    fn has_trees(&self) -> Result<bool, BalanceError> {
        Ok(!self.list()?.is_empty())
    }

    fn list(&self) -> Result<Vec<(Position, PathBuf)>, BalanceError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(failed(&self.folder)(error)),
        };
        let mut found = vec![];
        for entry in entries {
            let entry = entry.map_err(failed(&self.folder))?;
            let name = entry.file_name();
            let position = name.to_str().and_then(|name| {
                let (position, _) = name.strip_suffix(".tree")?.split_once('-')?;
                position.parse().ok().map(Position)
            });
            found.extend(position.map(|position| (position, entry.path())));
        }
        Ok(found)
    }

    fn file(&self, position: Position, unit: &str) -> PathBuf {
        self.folder.join(format!("{position}-{unit}.tree"))
    }
}

fn failed(file: &Path) -> impl FnOnce(io::Error) -> BalanceError {
    move |source| FileError::of(file)(source).into()
}
