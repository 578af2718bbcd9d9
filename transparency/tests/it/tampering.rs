//! Tampering at random with a log's files: each is caught, and said where.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::log::{Files, checkpoint, files, key, records, sign, told, verify};

/// How many events the log has: two full tiles of entries and a part of a third.
const EVENTS: u64 = 600;

/// How many tamperings are tried; `GUERDON_TAMPERINGS` asks for more.
const TAMPERINGS: u32 = 1_000;

/// What is done to a log.
#[derive(Clone, Copy, Debug)]
enum Act {
    FlipEntry,
    FlipHash,
    Delete,
    Swap,
    Insert,
    Duplicate,
    Truncate,
}

const ACTS: [Act; 7] = [
    Act::FlipEntry,
    Act::FlipHash,
    Act::Delete,
    Act::Swap,
    Act::Insert,
    Act::Duplicate,
    Act::Truncate,
];

/// Does it to the log's entries or tiles, and gives the position up to which nothing is changed.
fn tamper(act: Act, a: usize, b: usize, honest: &Files) -> Option<(Files, Vec<u64>)> {
    let mut all = records(EVENTS);
    let at = a % all.len();
    let position = at as u64 + 1;
    let mut changed = honest.clone();
    let named = match act {
        Act::FlipHash => {
            let tiles: Vec<&String> = honest
                .keys()
                .filter(|it| it.starts_with("tile/") && !it.contains("entries"))
                .collect();
            let tile = tiles[a % tiles.len()].clone();
            let bytes = changed.get_mut(&tile).expect("a tile");
            let bit = b % (8 * bytes.len());
            bytes[bit / 8] ^= 1 << (bit % 8);
            return Some((changed, vec![]));
        }
        Act::FlipEntry => {
            let bit = b % (8 * all[at].len());
            all[at][bit / 8] ^= 1 << (bit % 8);
            vec![position]
        }
        Act::Delete => {
            all.remove(at);
            vec![position]
        }
        Act::Swap => {
            let other = b % all.len();
            if at == other {
                return None;
            }
            all.swap(at, other);
            vec![position.min(other as u64 + 1)]
        }
        Act::Insert => {
            all.insert(at, crate::log::record(position, 1, "credit-withdrawn"));
            // The entry that is pushed aside may be the first that is wrong in its place.
            vec![position, position + 1]
        }
        Act::Duplicate => {
            let copy = all[at].clone();
            all.insert(at, copy);
            vec![position + 1]
        }
        Act::Truncate => {
            all.truncate(at);
            vec![position]
        }
    };
    // The tree stays, as somebody leaves it who can only reach the events.
    for tile in transparency::TileKind::Entries.tiles(EVENTS) {
        let first = usize::try_from(tile.first()).expect("an index");
        let is_last = tile.first() + u64::from(tile.width) == EVENTS;
        let end = if is_last { all.len() } else { first + usize::from(tile.width) };
        let part = all.get(first..end.min(all.len())).unwrap_or_default();
        changed.insert(tile.to_string(), transparency::bundle(part).expect("a bundle"));
    }
    Some((changed, named))
}

#[tokio::test]
async fn random_tamperings_are_caught_and_named_by_position() {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
    let more = std::env::var("GUERDON_TAMPERINGS").ok().and_then(|more| more.parse().ok());
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let any = (0..ACTS.len(), any::<usize>(), any::<usize>());
    let honest = files(&records(EVENTS), 1);
    assert_eq!(told(verify(&honest, key(1), None).await), Ok(EVENTS));
    let mut caught = [0; ACTS.len()];
    while caught.iter().sum::<u32>() < more.unwrap_or(TAMPERINGS) {
        let tree = any.new_tree(&mut runner).expect("a tampering");
        let (act, a, b) = tree.current();
        let Some((changed, named)) = tamper(ACTS[act], a, b, &honest) else { continue };
        let found = told(verify(&changed, key(1), None).await);
        let found = found.expect_err(&format!("{:?} {a} {b} was not caught", ACTS[act]));
        let names = |position: &u64| {
            found.starts_with(&format!("position {position}: "))
                || found.contains(&format!("(position {position})"))
        };
        let is_named = named.iter().any(names) || named.is_empty() && found.contains("position");
        assert!(is_named, "{:?} at {named:?} was told as: {found}", ACTS[act]);
        caught[act] += 1;
    }
    assert!(caught.iter().all(|caught| *caught > 0), "{caught:?}");
}

/// Whoever changes the tree along with an event, but can't sign, leaves the old root.
#[tokio::test]
async fn a_tree_that_was_made_afresh_does_not_fit_the_signed_root() {
    let mut all = records(EVENTS);
    all[41] = crate::log::record(42, 1, "credit-withdrawn");
    let mut changed = files(&all, 1);
    let honest = sign(1, &checkpoint(&records(EVENTS), 1)).to_string();
    changed.insert("checkpoint".into(), honest.into_bytes());
    let found = told(verify(&changed, key(1), None).await).expect_err("it is caught");
    let start =
        "events of the positions 1 to 600 were changed since the newest checkpoint was signed";
    assert!(found.starts_with(start), "{found}");
}
