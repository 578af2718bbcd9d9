//! Proofs of balances: what proves one, what doesn't, and tampering at random.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use log_record::{Generation, NewEvent, Partition, Place, Position, RecordedEvent, hex};
use serde_json::{Value, json};
use transparency::{
    BalanceProof, Balances, Checkpoint, Frontier, LiabilityProof, SumNode, TreeHash, VerifierKey,
    inclusion, subtree_root,
};

use crate::balance_trees::{accounts, leaf, path, salt, top};
use crate::log::{LOG, key, origin, sign};

/// How many accounts the tree has: no full one.
const ACCOUNTS: u64 = 37;

/// How many events the log has, and which of them is the seal.
const EVENTS: u64 = 60;
const SEAL: u64 = 50;

/// How many tamperings are tried; `GUERDON_TAMPERINGS` asks for more.
const TAMPERINGS: u64 = 1_500;

fn sums(of: Balances) -> Value {
    let Balances { available, held, pending, owed } = of;
    json!({
        "available": available.to_string(), "held": held.to_string(),
        "pending": pending.to_string(), "owed": owed.to_string(),
    })
}

fn with(mut object: Value, more: &Value) -> Value {
    let more = more.as_object().expect("an object").clone();
    object.as_object_mut().expect("an object").extend(more);
    object
}

fn leaves() -> Vec<SumNode> {
    accounts(ACCOUNTS).iter().map(leaf).collect()
}

/// The seal's public text: of points, and of miles, of which nobody has any.
fn public() -> String {
    let (top, none) = (top(&leaves()), SumNode::of_nothing());
    let unit = |unit: &str, node: SumNode, accounts: u64| {
        let root = node.root(accounts).to_string();
        with(json!({"unit": unit, "accounts": accounts, "root": root}), &sums(node.sums))
    };
    let units = [unit("points", top, ACCOUNTS), unit("miles", none, 0)];
    let seal = json!({
        "seal_id": "daily-2026-11-30", "up_to": 49, "as_of": "2026-11-30T00:00:00Z",
        "salts": "0011223344556677", "units": units, "meta": {"command": "seal-balances"},
    });
    seal.to_string()
}

/// The public text of the first event of a log with so many partitions.
fn opened(partitions: u16) -> String {
    json!({"log_id": LOG.to_string(), "partitions": partitions, "clock": "wall"}).to_string()
}

/// The proof of the seal, of a log with one partition in which it stands.
fn seal_proof(public: &str, event_type: &'static str) -> Value {
    seal_proof_in(&opened(1), public, event_type)
}

/// Likewise, of a log that begins with this event.
fn seal_proof_in(opened: &str, public: &str, event_type: &'static str) -> Value {
    let row = |position: u64| {
        let (event_type, public) = match position {
            1 => ("log-opened", opened.to_owned()),
            SEAL => (event_type, public.to_owned()),
            _ => ("credit-earned", format!(r#"{{"n":{position}}}"#)),
        };
        let event = NewEvent {
            event_type,
            version: 1,
            recorded_at: i64::try_from(position).expect("a time"),
            account_id: (event_type == "credit-earned").then(|| "ann".into()),
            public: public.into(),
            private: format!(r#"{{"salt":"{position}"}}"#).into(),
        };
        let place = Place { partition: Partition(0), position: Position(position) };
        RecordedEvent::seal(LOG, Generation(1), place, event)
    };
    let rows: Vec<RecordedEvent> = (1..=EVENTS).map(row).collect();
    let hash = |row: &RecordedEvent| TreeHash::of_leaf(&row.fixed_record(LOG));
    let hashes: Vec<TreeHash> = rows.iter().map(hash).collect();
    let mut tree = Frontier::default();
    hashes.iter().for_each(|leaf| tree.append(*leaf));
    let (size, root) = (tree.size(), tree.root());
    let checkpoint = Checkpoint { origin: origin(1), size, root, next_key: None };
    let subtree = |level: u32, index: u64| -> Result<TreeHash, std::convert::Infallible> {
        let first = usize::try_from(index << level).expect("an index");
        Ok(subtree_root(&hashes[first..first + (1 << level)]).expect("a full subtree"))
    };
    let proved = |position: u64| {
        let Ok(proof) = inclusion(position - 1, size, subtree);
        let row = &rows[usize::try_from(position - 1).expect("an index")];
        let entry = BASE64_STANDARD.encode(row.fixed_record(LOG));
        json!({
            "position": row.place.to_string(), "type": row.event_type, "public": row.public,
            "entry": entry, "proof": proof,
        })
    };
    json!({
        "seal_id": "daily-2026-11-30",
        "checkpoint": sign(1, &checkpoint).to_string(),
        "handovers": [],
        "events": [proved(1), proved(SEAL)],
    })
}

/// The proof of the balance of the account with this leaf.
fn proof_of(index: u64) -> Value {
    let (account, balances) =
        accounts(ACCOUNTS).swap_remove(usize::try_from(index).expect("small"));
    let node = |node: &SumNode| with(json!({"hash": node.hash.to_string()}), &sums(node.sums));
    let path: Vec<Value> = path(&leaves(), index).iter().map(node).collect();
    let amount = |amount: u128| u64::try_from(amount).expect("an amount");
    let proof = json!({
        "account_id": account, "unit": "points",
        "available": amount(balances.available), "held": amount(balances.held),
        "pending": amount(balances.pending), "owed": amount(balances.owed),
        "up_to": "0:49", "as_of": "2026-11-30T00:00:00Z", "accounts": ACCOUNTS,
        "salt": hex(&salt(&account).0), "index": index, "path": path,
    });
    with(proof, &seal_proof(&public(), "balances-sealed"))
}

fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn verify(proof: &Value, key: &VerifierKey) -> Result<(String, Balances), String> {
    let proof: BalanceProof = serde_json::from_value(proof.clone()).map_err(|it| it.to_string())?;
    let verified = proof.verify(key).map_err(|error| told(&error))?;
    Ok((verified.account_id, verified.balances))
}

#[test]
fn a_proof_shows_what_an_account_had() {
    for (index, (account, balances)) in (0..).zip(accounts(ACCOUNTS)) {
        assert_eq!(verify(&proof_of(index), &key(1)), Ok((account, balances)), "{index}");
    }
}

#[test]
fn a_seal_shows_what_all_accounts_had_together() {
    let proof = seal_proof(&public(), "balances-sealed");
    let proof: LiabilityProof = serde_json::from_value(proof).expect("a proof");
    let seal = proof.verify(&key(1)).expect("verified");
    let trees = &seal.home;
    assert_eq!((seal.place.to_string(), trees.up_to.to_string()), ("0:50".into(), "0:49".into()));
    let points = &trees.units[0];
    assert_eq!((&*points.unit, points.accounts), ("points", ACCOUNTS));
    assert_eq!(points.sums, top(&leaves()).sums);
    assert_eq!((&*trees.units[1].unit, trees.units[1].sums), ("miles", Balances::default()));
}

#[test]
fn what_is_wrong_with_a_proof_is_said() {
    let refused = |tamper: &dyn Fn(&mut Value), expected: &str| {
        let mut proof = proof_of(5);
        tamper(&mut proof);
        let error = verify(&proof, &key(1)).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    };
    refused(&|proof| proof["account_id"] = "account-99".into(), "aren't in the seal");
    refused(&|proof| proof["available"] = 1_000_000.into(), "aren't in the seal");
    refused(&|proof| proof["path"][0]["available"] = "-1".into(), "whole number of 128 bits");
    refused(&|proof| proof["path"][0]["available"] = "01".into(), "whole number of 128 bits");
    let largest = u128::MAX.to_string();
    refused(
        &|proof| proof["path"][0]["available"] = largest.clone().into(),
        "larger than 128 bits",
    );
    refused(&|proof| proof["unit"] = "miles".into(), "of 0 accounts, and the proof says");
    refused(&|proof| proof["unit"] = "stars".into(), "no balances of the unit stars");
    refused(
        &|proof| proof["seal_id"] = "daily-2026-12-01".into(),
        "it is the seal daily-2026-11-30",
    );
    refused(&|proof| proof["as_of"] = "2026-12-01T00:00:00Z".into(), "and the proof says");
    refused(&|proof| proof["events"] = json!([]), "it has 0 events");
    let seal_alone =
        |proof: &mut Value| drop(proof["events"].as_array_mut().map(|it| it.remove(0)));
    refused(&seal_alone, "it has 1 events, and two were expected: the log's first");
    let in_its_place = |proof: &mut Value| proof["events"][0] = proof["events"][1].clone();
    refused(&in_its_place, "it is of the type balances-sealed, and the log's first");
    refused(&|proof| proof["index"] = 36.into(), "isn't the way from the leaf to the top");
    let other = verify(&proof_of(5), &key(2)).expect_err("another key");
    assert!(other.contains("checkpoint"), "{other}");
}

#[test]
fn an_event_that_is_no_seal_proves_nothing() {
    let refused = |seal: Value, expected: &str| {
        let proof: LiabilityProof = serde_json::from_value(seal).expect("a proof");
        let error = told(&proof.verify(&key(1)).expect_err(expected));
        assert!(error.contains(expected), "{error}");
    };
    refused(seal_proof(&public(), "policy-changed"), "of the type policy-changed");
    let later = public().replace(r#""up_to":49"#, r#""up_to":50"#);
    refused(seal_proof(&later, "balances-sealed"), "which is no earlier");
    let twice = public().replace(r#""unit":"miles""#, r#""unit":"points""#);
    refused(seal_proof(&twice, "balances-sealed"), "the unit points twice");
    refused(seal_proof("{}", "balances-sealed"), "is no seal's");
}

/// A ledger of four partitions that leaves some of its accounts out of the sums: what it owes looks
/// like less.
#[test]
fn a_seal_that_leaves_a_partition_out_is_refused() {
    let seal = |further: usize| {
        let mut seal: Value = serde_json::from_str(&public()).expect("JSON");
        let trees = json!({"up_to": 7, "as_of": "2026-11-30T00:00:00Z", "units": seal["units"]});
        seal["further"] = vec![trees; further].into();
        seal_proof_in(&opened(4), &seal.to_string(), "balances-sealed")
    };
    let verified = |proof: Value| {
        let proof: LiabilityProof = serde_json::from_value(proof).expect("a proof");
        let verified = proof.verify(&key(1)).map_err(|error| told(&error));
        verified.map(|seal| seal.further.iter().map(|it| it.up_to.partition.0).collect::<Vec<_>>())
    };
    assert_eq!(verified(seal(3)), Ok(vec![1, 2, 3]));
    for (further, words) in [
        (2, "of 3 of the partitions, and the log was opened with 4"),
        (0, "of 1 of the partitions"),
        (4, "of 5 of the partitions"),
    ] {
        let refused = verified(seal(further)).expect_err("a partition is missing");
        assert!(refused.contains(words), "{refused}");
    }
    // Nor is the number another one than the log began with.
    let mut fewer = seal(2);
    fewer["events"][0]["public"] = opened(3).into();
    let refused = verified(fewer).expect_err("it isn't what was signed");
    assert!(refused.contains("its public text isn't the one that was recorded"), "{refused}");
    let refused = verified(seal_proof_in("{}", &public(), "balances-sealed"));
    let refused = refused.expect_err("it says nothing of partitions");
    assert!(refused.contains("tells of no partitions"), "{refused}");
}

/// Random numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("small")
    }
}

/// The paths to every value of a document, itself left out.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut go = |key: &str, value: &Value| {
        let at = format!("{at}/{key}");
        found.push(at.clone());
        pointers(value, &at, found);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| go(key, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| go(&n.to_string(), value));
        }
        _ => {}
    }
}

fn tamper(random: &mut Random, honest: &Value) -> Value {
    let mut proof = honest.clone();
    let mut all = vec![];
    pointers(honest, "", &mut all);
    let at = &all[random.below(all.len())];
    let other = honest.pointer(&all[random.below(all.len())]).expect("there").clone();
    let value = proof.pointer_mut(at).expect("there");
    *value = match (random.below(8), value.take()) {
        (0, _) => other,
        (1, _) => Value::Null,
        (_, Value::String(text)) => {
            let mut letters: Vec<char> = text.chars().collect();
            let n = random.below(letters.len() + 1);
            let new = char::from(b'0' + u8::try_from(random.below(75)).expect("small"));
            match (random.below(3), letters.get_mut(n)) {
                (0, Some(letter)) => *letter = new,
                (1, Some(_)) => drop(letters.remove(n)),
                _ => letters.insert(n, new),
            }
            letters.into_iter().collect::<String>().into()
        }
        (_, Value::Number(number)) => {
            let number = number.as_u64().expect("a number");
            (number ^ (1 << random.below(53))).into()
        }
        (_, Value::Array(mut items)) if !items.is_empty() => {
            let (n, m) = (random.below(items.len()), random.below(items.len()));
            match random.below(3) {
                0 => drop(items.remove(n)),
                1 => items.swap(n, m),
                _ => items.insert(n, items[m].clone()),
            }
            items.into()
        }
        (_, Value::Object(mut fields)) => {
            let key = fields.keys().nth(random.below(fields.len())).expect("a field").clone();
            fields.remove(&key);
            fields.into()
        }
        (_, value) => value,
    };
    proof
}

/// Without `handovers` it is the same proof.
fn is_the_same(tampered: &Value, honest: &Value) -> bool {
    let mut tampered = tampered.clone();
    if let Some(fields) = tampered.as_object_mut() {
        fields.entry("handovers").or_insert_with(|| json!([]));
    }
    tampered == *honest
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn whatever_is_changed_in_a_proof_is_caught() {
    let count = std::env::var("GUERDON_TAMPERINGS").ok().and_then(|count| count.parse().ok());
    let honest: Vec<Value> = [0, 5, 31, 36].map(proof_of).into();
    let mut random = Random(0x5eed_ba1a_5ca1_ab1e);
    let (mut caught, wanted) = (0_u64, count.unwrap_or(TAMPERINGS));
    while caught < wanted {
        let proof = &honest[random.below(honest.len())];
        let tampered = tamper(&mut random, proof);
        if is_the_same(&tampered, proof) {
            continue;
        }
        if let Ok(believed) = verify(&tampered, &key(1)) {
            panic!("{believed:?} was believed of {tampered}");
        }
        caught += 1;
    }
    assert!(caught >= 1_000);
}
