//! Trees of balances in files: what they prove, and what becomes of them when they are damaged.

use std::fs;
use std::path::{Path, PathBuf};

use log_record::{LogId, Partition, Place, Position};
use sealer::{BalanceError, BalanceTrees, MadeTree, NoBalanceProof, SealFolder, UpTo};
use transparency::{Balances, SaltedAccount, SumNode, root_of_path};
use uuid::Uuid;

const LOG: LogId = LogId(Uuid::from_u128(7));

/// More than a kept node over 256 leaves has, and no full ones at the end.
const ACCOUNTS: u64 = 1_000;

fn up_to(position: u64) -> UpTo {
    let place = Place { partition: Partition(0), position: Position(position) };
    UpTo { log_id: LOG, place, checksum: [u8::try_from(position).expect("small"); 32] }
}

fn trees(folder: &Path) -> BalanceTrees {
    BalanceTrees::new(&SealFolder::at(folder.into()), LOG, Partition(0))
}

fn names() -> Vec<String> {
    (0..ACCOUNTS).map(|number| format!("account-{number}")).collect()
}

fn make(trees: &BalanceTrees, up_to: &UpTo) -> ([u8; 8], MadeTree) {
    let secret = trees.open_secret().expect("a secret");
    let names = names();
    let accounts = (0..).zip(&names).map(|(n, name)| (name.as_str(), [n, 2, n % 2, 0]));
    let made = trees.make(&secret, up_to, "points", accounts).expect("made");
    (secret.id(), made)
}

fn file(folder: &Path, position: u64) -> PathBuf {
    folder.join(format!("{LOG}-0-balances/{position}-points.tree"))
}

#[test]
fn a_tree_in_a_file_proves_every_account() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trees, at) = (trees(folder.path()), up_to(9));
    let (salts, made) = make(&trees, &at);
    let available = u128::from(ACCOUNTS * (ACCOUNTS - 1) / 2);
    let sums = Balances { available, held: 2_000, pending: 500, owed: 0 };
    assert_eq!((made.accounts, made.sums), (ACCOUNTS, sums));
    let mut seen = vec![];
    for (number, name) in (0_u128..).zip(names()) {
        let proved = trees.prove(&at, salts, "points", made.root.0, &name).expect("read");
        let proved = proved.expect("it is in the tree");
        let has = Balances { available: number, held: 2, pending: number % 2, owed: 0 };
        assert_eq!(proved.balances, has);
        let leaf = SumNode::leaf(&SaltedAccount::new(&proved.salt, &name), has);
        let top = root_of_path(leaf, proved.index, ACCOUNTS, &proved.path).expect("a path");
        assert_eq!((top.root(ACCOUNTS), top.sums), (made.root, made.sums));
        seen.push(proved.index);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..ACCOUNTS).collect::<Vec<_>>(), "each has a leaf of its own");
    let nobody = trees.prove(&at, salts, "points", made.root.0, "nobody").expect("read");
    assert!(nobody.is_none());
}

#[test]
fn a_tree_that_is_made_again_is_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let trees = trees(folder.path());
    let (_, made) = make(&trees, &up_to(9));
    let bytes = fs::read(file(folder.path(), 9)).expect("read");
    fs::remove_file(file(folder.path(), 9)).expect("removed");
    assert_eq!(make(&trees, &up_to(9)).1, made);
    assert_eq!(fs::read(file(folder.path(), 9)).expect("read"), bytes);
    assert_ne!(make(&trees, &up_to(10)).1.root, made.root, "another seal has other salts");
}

#[test]
fn a_damaged_tree_proves_nothing_and_nobody_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trees, at) = (trees(folder.path()), up_to(9));
    let (salts, made) = make(&trees, &at);
    let path = file(folder.path(), 9);
    let whole = fs::read(&path).expect("read");
    let prove = |account: &str| trees.prove(&at, salts, "points", made.root.0, account);
    let proved = prove("account-5").expect("read").expect("in the tree");
    let leaf = 64 + 64 * usize::try_from(proved.index).expect("small");
    let end = whole.len();
    // The header, the account's name and amount, a kept node of each half, and the end.
    for at in [0, 30, 60, leaf, leaf + 40, end - 1, end - 100, end - 200] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).expect("written");
        match prove("account-5") {
            Err(NoBalanceProof::NoTree(_)) => {}
            // The damage is beside the account's way.
            Ok(Some(found)) => assert_eq!(found.path, proved.path, "{at}"),
            other => panic!("{at}: {other:?}"),
        }
    }
    // The three kept nodes: their sums are larger than can be added up.
    let mut damaged = whole.clone();
    damaged[end - 3 * 96..].fill(0xff);
    fs::write(&path, damaged).expect("written");
    assert!(matches!(prove("account-5"), Err(NoBalanceProof::NoTree(_))));
    for length in [0, 10, 63, 64, end - 1] {
        fs::write(&path, &whole[..length]).expect("written");
        assert!(matches!(prove("account-5"), Err(NoBalanceProof::NoTree(_))), "{length}");
    }
    fs::write(&path, &whole).expect("written");
    assert!(prove("account-5").expect("read").is_some());
    // The same positions of another history.
    let other = UpTo { checksum: [77; 32], ..at };
    let none = trees.prove(&other, salts, "points", made.root.0, "account-5");
    assert!(matches!(none, Err(NoBalanceProof::NoTree(_))));
}

#[test]
fn without_its_secret_a_tree_proves_nothing_and_no_other_secret_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trees, at) = (trees(folder.path()), up_to(9));
    let (salts, made) = make(&trees, &at);
    let secret = folder.path().join("balance-salts.json");
    fs::rename(&secret, folder.path().join("aside")).expect("moved");
    let prove = || trees.prove(&at, salts, "points", made.root.0, "account-5");
    assert!(matches!(prove(), Err(NoBalanceProof::OtherSecret)));
    assert!(matches!(trees.open_secret(), Err(BalanceError::Secret { .. })));
    fs::write(&secret, format!(r#"{{"secret":"{}"}}"#, "00".repeat(32))).expect("written");
    assert!(matches!(prove(), Err(NoBalanceProof::OtherSecret)), "another secret");
    fs::rename(folder.path().join("aside"), &secret).expect("moved");
    assert!(prove().expect("read").is_some());
}

#[test]
fn the_trees_of_32_seals_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let trees = trees(folder.path());
    let secret = trees.open_secret().expect("a secret");
    for position in 1..=34 {
        let ann = std::iter::once(("ann", [1, 0, 0, 0]));
        trees.make(&secret, &up_to(position), "points", ann).expect("made");
        trees.remove_old(Position(position)).expect("removed");
    }
    let kept = || {
        let is_there = |position: &u64| file(folder.path(), *position).exists();
        (1..=35).filter(is_there).collect::<Vec<_>>()
    };
    assert_eq!(kept(), (3..=34).collect::<Vec<_>>());
    // An old one that is made again stays until the next seal.
    let make = |position: u64| {
        let ann = std::iter::once(("ann", [1, 0, 0, 0]));
        trees.make(&secret, &up_to(position), "points", ann).expect("made");
        trees.remove_old(Position(position)).expect("removed");
    };
    make(1);
    assert_eq!(kept(), [vec![1], (3..=34).collect()].concat());
    make(35);
    assert_eq!(kept(), (4..=35).collect::<Vec<_>>());
}
