//! A tree in a file: its leaves in order, then those of its nodes from which all others follow
//! quickly.
//!
//! The file begins with a text, the checksum of the tree's last event and the number of leaves.
//! A leaf takes 64 bytes: the salted account, and what it has in four numbers of eight bytes. A
//! node takes 96: its hash, and four sums of sixteen. Nodes are those over 256 leaves, over 65,536
//! and so on, as far as they are full; those between are hashed again when a proof needs them.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use transparency::{
    Balances, SaltedAccount, SumFrontier, SumHash, SumNode, SumsTooLarge, sum_path,
};

use super::{BalanceError, UpTo, failed};
use crate::folder::create_anew;

const MAGIC: &[u8; 24] = b"guerdon balance tree 1\n\0";
const HEADER_BYTES: u64 = 24 + 32 + 8;
const LEAF_BYTES: u64 = 64;
const NODE_BYTES: u64 = 96;

/// Nodes are kept of every level that this divides.
const KEPT_LEVELS: u32 = 8;

/// A tree that is there.
pub(super) struct TreeFile {
    file: File,
    accounts: u64,
}

/// A leaf's index, what its account has, and the nodes beside its way to the top.
type Proved = (u64, Balances, Vec<SumNode>);

/// What goes wrong while nodes are read.
struct Unread(io::Error);

impl From<SumsTooLarge> for Unread {
    fn from(error: SumsTooLarge) -> Self {
        Self(io::Error::new(ErrorKind::InvalidData, error))
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

/// Writes a tree whole or not at all, and gives the node at its top. The leaves are in order.
pub(super) fn write(
    file: &Path,
    up_to: &UpTo,
    leaves: &[(SaltedAccount, [u64; 4])],
) -> Result<SumNode, BalanceError> {
    let beside = file.with_extension("new");
    let opened = create_anew(&beside).map_err(failed(&beside))?;
    let mut out = BufWriter::with_capacity(1 << 16, opened);
    let (mut frontier, mut kept) = (SumFrontier::default(), vec![]);
    let put =
        |out: &mut BufWriter<File>, bytes: &[u8]| out.write_all(bytes).map_err(failed(&beside));
    put(&mut out, MAGIC)?;
    put(&mut out, &up_to.checksum)?;
    put(&mut out, &(leaves.len() as u64).to_be_bytes())?;
    for (account, amounts) in leaves {
        put(&mut out, &account.0)?;
        put(&mut out, amounts.map(u64::to_be_bytes).as_flattened())?;
        let leaf = SumNode::leaf(account, balances(*amounts));
        frontier.append(leaf, |level, node| {
            if level > 0 && level.is_multiple_of(KEPT_LEVELS) {
                kept.push((level, *node));
            }
        })?;
    }
    // By level; within one they are in order already.
    kept.sort_by_key(|(level, _)| *level);
    for (_, node) in kept {
        put(&mut out, &node.hash.0)?;
        put(&mut out, &node.sums.to_bytes())?;
    }
    let written = out.into_inner().map_err(|error| failed(&beside)(error.into_error()))?;
    written.sync_all().map_err(failed(&beside))?;
    fs::rename(&beside, file).map_err(failed(file))?;
    Ok(frontier.top()?)
}

impl TreeFile {
    /// The tree of a file; nothing where there is none, it isn't whole, or it is of another
    /// history.
    pub(super) fn open(path: &Path, up_to: &UpTo) -> Result<Option<Self>, BalanceError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(path)(error)),
        };
        let length = file.metadata().map_err(failed(path))?.len();
        if length < HEADER_BYTES {
            return Ok(None);
        }
        let mut header = [0; 64];
        file.read_exact_at(&mut header, 0).map_err(failed(path))?;
        let is_of_it = header.starts_with(MAGIC) && header[24..56] == up_to.checksum;
        let mut accounts = [0; 8];
        accounts.copy_from_slice(&header[56..]);
        let accounts = u64::from_be_bytes(accounts);
        let is_whole = file_bytes(accounts) == Some(length);
        Ok((is_of_it && is_whole).then_some(Self { file, accounts }))
    }

    pub(super) const fn accounts(&self) -> u64 {
        self.accounts
    }

    /// The way from an account's leaf to the top; nothing where the account has no leaf.
    pub(super) fn prove(&self, account: &SaltedAccount) -> io::Result<Option<Proved>> {
        let Some((index, balances)) = self.find(account)? else { return Ok(None) };
        let path = sum_path(index, self.accounts, |level, index| self.node(level, index));
        Ok(path.map_err(|Unread(error)| error)?.map(|path| (index, balances, path)))
    }

    /// The root, of all leaves. A node that was changed is no obstacle.
    pub(super) fn root(&self) -> io::Result<Option<SumHash>> {
        let mut frontier = SumFrontier::default();
        for index in 0..self.accounts {
            let (account, balances) = self.leaf(index)?;
            if frontier.append(SumNode::leaf(&account, balances), |_, _| {}).is_err() {
                return Ok(None);
            }
        }
        Ok(frontier.top().ok().map(|top| top.root(self.accounts)))
    }

    fn find(&self, account: &SaltedAccount) -> io::Result<Option<(u64, Balances)>> {
        let (mut from, mut to) = (0, self.accounts);
        while from < to {
            let middle = from + (to - from) / 2;
            let (found, balances) = self.leaf(middle)?;
            match found.cmp(account) {
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
                std::cmp::Ordering::Equal => return Ok(Some((middle, balances))),
            }
        }
        Ok(None)
    }

    fn leaf(&self, index: u64) -> io::Result<(SaltedAccount, Balances)> {
        let mut bytes = [0; 64];
        self.file.read_exact_at(&mut bytes, HEADER_BYTES + index * LEAF_BYTES)?;
        let (parts, _) = bytes.as_chunks::<32>();
        let [account, amounts] = parts else { return Err(ErrorKind::InvalidData.into()) };
        let (amounts, _) = amounts.as_chunks::<8>();
        let [available, held, pending, owed] = amounts else {
            return Err(ErrorKind::InvalidData.into());
        };
        let amounts = [available, held, pending, owed].map(|bytes| u64::from_be_bytes(*bytes));
        Ok((SaltedAccount(*account), balances(amounts)))
    }

    /// A full subtree: kept, or hashed from what is below it.
    fn node(&self, level: u32, index: u64) -> Result<SumNode, Unread> {
        if level == 0 {
            let (account, balances) = self.leaf(index)?;
            return Ok(SumNode::leaf(&account, balances));
        }
        if level.is_multiple_of(KEPT_LEVELS) {
            return Ok(self.kept(level, index)?);
        }
        let (left, right) =
            (self.node(level - 1, 2 * index)?, self.node(level - 1, 2 * index + 1)?);
        Ok(SumNode::above(&left, &right)?)
    }

    fn kept(&self, level: u32, index: u64) -> io::Result<SumNode> {
        let before: u64 = kept_levels(self.accounts)
            .take_while(|(kept, _)| *kept < level)
            .map(|(_, nodes)| nodes)
            .sum();
        let mut bytes = [0; 96];
        let at = HEADER_BYTES + self.accounts * LEAF_BYTES + (before + index) * NODE_BYTES;
        self.file.read_exact_at(&mut bytes, at)?;
        let Some((hash, sums)) = bytes.split_first_chunk::<32>() else {
            return Err(ErrorKind::InvalidData.into());
        };
        let sums: &[u8; 64] = sums.try_into().map_err(|_| ErrorKind::InvalidData)?;
        Ok(SumNode { hash: SumHash(*hash), sums: Balances::from_bytes(sums) })
    }
}

fn balances(amounts: [u64; 4]) -> Balances {
    let [available, held, pending, owed] = amounts.map(u128::from);
    Balances { available, held, pending, owed }
}

/// The levels of which nodes are kept, with how many.
fn kept_levels(accounts: u64) -> impl Iterator<Item = (u32, u64)> {
    let levels = (1..).map(|kept| kept * KEPT_LEVELS).take_while(|level| *level < u64::BITS);
    levels.map(move |level| (level, accounts >> level)).take_while(|(_, nodes)| *nodes > 0)
}

/// How long the file of so many accounts is; nothing where no file is so long.
fn file_bytes(accounts: u64) -> Option<u64> {
    let nodes: u64 = kept_levels(accounts).map(|(_, nodes)| nodes).sum();
    let of_leaves = accounts.checked_mul(LEAF_BYTES)?;
    of_leaves.checked_add(nodes.checked_mul(NODE_BYTES)?)?.checked_add(HEADER_BYTES)
}
