//! Merkle sum trees: their shape, their sums, and the attacks that are known on such trees.

use transparency::{
    Balances, NoRoot, Salt, SaltedAccount, SumFrontier, SumNode, SumsTooLarge, root_of_path,
    sum_path,
};

pub(crate) fn amounts(available: u128, held: u128, pending: u128, owed: u128) -> Balances {
    Balances { available, held, pending, owed }
}

pub(crate) fn salt(account: &str) -> Salt {
    let mut salt = [7; 32];
    salt[..account.len()].copy_from_slice(account.as_bytes());
    Salt(salt)
}

/// Accounts with their balances, in the order of their salted hashes.
pub(crate) fn accounts(count: u64) -> Vec<(String, Balances)> {
    let balances = |n: u128| amounts(n * 10, n % 3, n % 5, if n == 7 { 4 } else { 0 });
    let account = |n: u64| (format!("account-{n}"), balances(n.into()));
    let mut accounts: Vec<_> = (0..count).map(account).collect();
    accounts.sort_by_key(|(account, _)| SaltedAccount::new(&salt(account), account));
    accounts
}

pub(crate) fn leaf((account, balances): &(String, Balances)) -> SumNode {
    SumNode::leaf(&SaltedAccount::new(&salt(account), account), *balances)
}

pub(crate) fn subtree(leaves: &[SumNode], level: u32, index: u64) -> Result<SumNode, SumsTooLarge> {
    if level == 0 {
        return Ok(leaves[usize::try_from(index).expect("an index")]);
    }
    let left = subtree(leaves, level - 1, 2 * index)?;
    SumNode::above(&left, &subtree(leaves, level - 1, 2 * index + 1)?)
}

pub(crate) fn top(leaves: &[SumNode]) -> SumNode {
    let mut tree = SumFrontier::default();
    for leaf in leaves {
        tree.append(*leaf, |_, _| {}).expect("summed up");
    }
    tree.top().expect("summed up")
}

pub(crate) fn path(leaves: &[SumNode], index: u64) -> Vec<SumNode> {
    let path = sum_path(index, leaves.len() as u64, |level, index| subtree(leaves, level, index));
    path.expect("summed up").expect("a leaf of the tree")
}

#[test]
fn every_leaf_of_every_small_tree_leads_to_its_top_and_no_other_leaf_does() {
    for count in 1..=33_u64 {
        let accounts = accounts(count);
        let leaves: Vec<SumNode> = accounts.iter().map(leaf).collect();
        let top = top(&leaves);
        let sums = accounts.iter().fold(Balances::default(), |sums, (_, balances)| {
            sums.plus(*balances).expect("summed up")
        });
        assert_eq!(top.sums, sums, "{count}");
        for index in 0..count {
            let path = path(&leaves, index);
            let leaf = leaves[usize::try_from(index).expect("an index")];
            assert_eq!(root_of_path(leaf, index, count, &path), Ok(top), "{index} of {count}");
            for other in (0..count).filter(|other| *other != index) {
                assert_ne!(
                    root_of_path(leaf, other, count, &path),
                    Ok(top),
                    "{other}, not {index}"
                );
            }
        }
    }
}

#[test]
fn there_is_no_way_to_a_leaf_beyond_the_end() {
    let none = sum_path(3, 3, |_, _| -> Result<SumNode, SumsTooLarge> { unreachable!() });
    assert_eq!(none, Ok(None));
    let leaves: Vec<SumNode> = accounts(3).iter().map(leaf).collect();
    let beyond = root_of_path(leaves[2], 3, 3, &path(&leaves, 2));
    assert_eq!(beyond, Err(NoRoot::Index { index: 3, accounts: 3 }));
    assert_eq!(root_of_path(leaves[0], 0, 3, &[]), Err(NoRoot::Length(0)));
    let long = [path(&leaves, 0), path(&leaves, 0)].concat();
    assert_eq!(root_of_path(leaves[0], 0, 3, &long), Err(NoRoot::Length(4)));
}

/// The format is frozen. The roots were computed by another program, in Python.
#[test]
fn the_roots_of_known_trees_stay() {
    let root = |count: u64| {
        let leaves: Vec<SumNode> = accounts(count).iter().map(leaf).collect();
        top(&leaves).root(count).to_string()
    };
    assert_eq!([0, 1, 2, 7].map(root), ROOTS);
}

const ROOTS: [&str; 4] = [
    "93b9df9a4c36f5205a2f25b80d3d61ab498c5ae356e2e1dbdb9ec1ee14e937e9",
    "7963c0ce9a4688f9658cfff95627f6e611e58d6493ba44eb8c2b5c9d02ff9ac7",
    "729008c3b3803f0ebec4f909070b5d7649fe2a2e511ccafff487693edb748059",
    "c8c9d4d3b0534e1f7c3f51624eab619a3de0a57469ac9e5cafe1ed41a8ae048a",
];

/// Maxwell's first tree hashed the total of both children alone, so a ledger could show one shopper
/// a sibling with less, and the other one likewise.
#[test]
fn a_node_hashes_what_each_of_its_children_has_and_not_only_their_total() {
    let [one, other] = [leaf(&accounts(2)[0]), leaf(&accounts(2)[1])];
    let honest = SumNode::above(&one, &other).expect("summed up");
    let moved = |mut from: SumNode, mut to: SumNode| {
        from.sums.available -= 5;
        to.sums.available += 5;
        [from, to]
    };
    let poor = if one.sums.available >= 5 { moved(one, other) } else { moved(other, one) };
    let [left, right] = if one.sums.available >= 5 { poor } else { [poor[1], poor[0]] };
    let shown = SumNode::above(&left, &right).expect("summed up");
    assert_eq!(shown.sums, honest.sums);
    assert_ne!(shown.hash, honest.hash);
}

#[test]
fn sums_that_dont_fit_are_refused_and_never_wrap_around() {
    let rich = SumNode { sums: amounts(u128::MAX, 0, 0, 0), ..leaf(&accounts(1)[0]) };
    let one = SumNode { sums: amounts(1, 0, 0, 0), ..rich };
    assert_eq!(SumNode::above(&rich, &one), Err(SumsTooLarge));
    let mut tree = SumFrontier::default();
    tree.append(rich, |_, _| {}).expect("the first");
    assert_eq!(tree.append(one, |_, _| {}), Err(SumsTooLarge));
    for part in 0..4 {
        let of = |amount: u128| {
            let mut amounts = [0; 4];
            amounts[part] = amount;
            let [available, held, pending, owed] = amounts;
            Balances { available, held, pending, owed }
        };
        assert_eq!(of(u128::MAX).plus(of(1)), None);
        assert_eq!(of(u128::MAX - 1).plus(of(1)), Some(of(u128::MAX)));
    }
}

#[test]
fn what_is_available_held_pending_and_owed_is_told_apart() {
    let of = |sums: Balances| SumNode::leaf(&SaltedAccount([1; 32]), sums).hash;
    let all = [
        amounts(1, 0, 0, 0),
        amounts(0, 1, 0, 0),
        amounts(0, 0, 1, 0),
        amounts(0, 0, 0, 1),
        amounts(0, 0, 0, 0),
    ];
    for (n, one) in all.iter().enumerate() {
        assert_eq!(Balances::from_bytes(&one.to_bytes()), *one);
        assert!(all.iter().skip(n + 1).all(|other| of(*one) != of(*other)));
    }
}

#[test]
fn a_leaf_is_no_node_and_a_node_no_root() {
    let sums = amounts(3, 0, 0, 0);
    let leaf = SumNode::leaf(&SaltedAccount([0; 32]), sums);
    let nothing = SumNode::of_nothing();
    let node = SumNode::above(&SumNode { sums, ..nothing }, &nothing).expect("summed up");
    assert_ne!(leaf.hash, node.hash);
    assert_ne!(node.root(2).0, node.hash.0);
    assert_ne!(node.root(2), node.root(3), "the number of accounts is in the root");
}

#[test]
fn an_account_has_another_name_under_another_salt() {
    let ann = SaltedAccount::new(&salt("ann"), "ann");
    assert_ne!(ann, SaltedAccount::new(&salt("bob"), "ann"));
    assert_ne!(ann, SaltedAccount::new(&salt("ann"), "bob"));
    assert_eq!(format!("{:?}", salt("ann")), "Salt(…)", "a salt isn't printed by accident");
}
