//! What is verified offline: that an account's balance is in a seal, and what all accounts had
//! together.

use std::fmt;

use log_record::{Partition, Place, Position};
use serde::Deserialize;

use super::{Balances, NoRoot, Salt, SaltedAccount, SumHash, SumNode, root_of_path};
use crate::receipt::{ReceiptError, ReceiptEvent, signed_checkpoint};
use crate::{Checkpoint, VerifierKey};

/// The type of the event that commits to all balances.
const SEALED: &str = "balances-sealed";

/// The type of a log's first event, which says how many partitions there are.
const OPENED: &str = "log-opened";

/// A proof of one balance, as `GET /v1/accounts/{account_id}/balance-proof` answers it. Nothing of
/// it is believed yet.
#[derive(Clone, Debug, Deserialize)]
pub struct BalanceProof {
    /// The account.
    pub account_id: String,
    /// Of what.
    pub unit: String,
    /// What can be spent.
    pub available: u64,
    /// What is set aside.
    pub held: u64,
    /// What can be spent later.
    pub pending: u64,
    /// What is owed.
    pub owed: u64,
    /// The last event whose effect is in the balances, `partition:position`.
    pub up_to: String,
    /// When that event was recorded.
    pub as_of: String,
    /// How many accounts are in the tree.
    pub accounts: u64,
    /// The account's salt in this tree.
    pub salt: Salt,
    /// Which leaf of the tree it is, from 0.
    pub index: u64,
    /// The nodes beside the way from the leaf to the top, from below.
    pub path: Vec<PathNode>,
    /// The seal, and the proof that it was recorded.
    #[serde(flatten)]
    pub seal: LiabilityProof,
}

/// The proof of a seal, as `GET /v1/seals/{seal_id}/proof` answers it. Nothing of it is believed
/// yet.
#[derive(Clone, Debug, Deserialize)]
pub struct LiabilityProof {
    /// The seal.
    pub seal_id: String,
    /// A signed checkpoint that has the event.
    pub checkpoint: String,
    /// The signed checkpoints in which a key handed over to the next.
    #[serde(default)]
    pub handovers: Vec<String>,
    /// The log's first event, which says how many partitions there are, and the one that commits to
    /// the balances.
    pub events: Vec<ReceiptEvent>,
}

/// A node beside the way to the top. Its sums are decimal strings, because they may be larger than
/// the numbers that every JSON reader keeps exact.
#[derive(Clone, Debug, Deserialize)]
pub struct PathNode {
    hash: SumHash,
    #[serde(flatten)]
    sums: Sums,
}

/// Sums as they are written.
#[derive(Clone, Debug, Deserialize)]
struct Sums {
    available: Amount,
    held: Amount,
    pending: Amount,
    owed: Amount,
}

#[derive(Clone, Copy, Debug)]
struct Amount(u128);

/// What the event says of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBalances {
    /// The unit.
    pub unit: String,
    /// How many accounts are in its tree.
    pub accounts: u64,
    /// The root of the tree.
    pub root: SumHash,
    /// What all of them had together.
    pub sums: Balances,
}

/// What a seal commits to of the accounts of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTrees {
    /// The last event whose effect is in the balances.
    pub up_to: Place,
    /// When that event was recorded, as the seal says it.
    pub as_of: String,
    /// By unit.
    pub units: Vec<SealedBalances>,
}

/// A seal that was verified.
#[derive(Clone, Debug)]
pub struct VerifiedSeal {
    /// The seal.
    pub seal_id: String,
    /// Where its event stands.
    pub place: Place,
    /// What it commits to of the accounts of the event's partition.
    pub home: SealedTrees,
    /// The same of each further partition, in their order.
    pub further: Vec<SealedTrees>,
    /// The checkpoint that has the event.
    pub checkpoint: Checkpoint,
    /// The key that signed it.
    pub key: VerifierKey,
}

/// A balance that was verified.
#[derive(Clone, Debug)]
pub struct VerifiedBalance {
    /// The account.
    pub account_id: String,
    /// Which leaf of its tree it is, from 0.
    pub index: u64,
    /// What it had.
    pub balances: Balances,
    /// What all accounts of its partition had together, of this unit alone.
    pub of_all: SealedTrees,
    /// The seal.
    pub seal: VerifiedSeal,
}

/// What is wrong with a proof of balances.
#[derive(Debug, thiserror::Error)]
pub enum BalanceProofError {
    /// The event or its checkpoint can't be believed.
    #[error("the seal's event can't be believed")]
    Event(#[from] ReceiptError),
    /// There aren't two events.
    #[error(
        "it has {0} events, and two were expected: the log's first, which says how many partitions \
         there are, and the seal's"
    )]
    Events(usize),
    /// The first event isn't the log's.
    #[error("the event at {place}: {what}")]
    First {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        what: String,
    },
    /// The event isn't the seal's.
    #[error("the event at {place}: {what}")]
    Seal {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        what: String,
    },
    /// The path leads elsewhere.
    #[error("the path leads to no root")]
    NoRoot(#[from] NoRoot),
    /// The path leads to another root.
    #[error(transparent)]
    OtherRoot(Box<OtherRoot>),
}

/// A path that leads to another root than the seal's.
#[derive(Debug, thiserror::Error)]
#[error(
    "the balances of {account_id} aren't in the seal {seal_id}: the path leads to the root {found} \
     of accounts with {sums}, and the seal has {expected} of accounts with {expected_sums}"
)]
pub struct OtherRoot {
    /// The account.
    pub account_id: String,
    /// The seal.
    pub seal_id: String,
    /// Where the path leads.
    pub found: SumHash,
    /// What is summed up there.
    pub sums: Balances,
    /// Where it should lead.
    pub expected: SumHash,
    /// What the seal says is summed up there.
    pub expected_sums: Balances,
}

/// The public text of the log's first event.
#[derive(Deserialize)]
struct PublicOpened {
    partitions: u16,
}

/// The public text of the event.
#[derive(Deserialize)]
struct Public {
    seal_id: String,
    up_to: u64,
    as_of: String,
    units: Vec<PublicUnit>,
    /// Of the partitions that follow, in their order.
    #[serde(default)]
    further: Vec<PublicTrees>,
}

#[derive(Deserialize)]
struct PublicTrees {
    up_to: u64,
    as_of: String,
    units: Vec<PublicUnit>,
}

#[derive(Deserialize)]
struct PublicUnit {
    unit: String,
    accounts: u64,
    root: SumHash,
    #[serde(flatten)]
    sums: Sums,
}

impl LiabilityProof {
    /// Verifies what all accounts had together, with nothing but the log's key, or its first one.
    pub fn verify(&self, key: &VerifierKey) -> Result<VerifiedSeal, BalanceProofError> {
        let (checkpoint, key) = signed_checkpoint(&self.checkpoint, &self.handovers, key)?;
        let [opened, event] = &*self.events else {
            return Err(BalanceProofError::Events(self.events.len()));
        };
        let partitions = partitions_of(opened, &checkpoint)?;
        let place = signed_place(event, &checkpoint)?;
        let wrong = |what: String| BalanceProofError::Seal { place, what };
        // The record says the same type and has the public text's hash.
        if event.event_type != SEALED {
            return Err(wrong(format!("it is of the type {}, and not {SEALED}", event.event_type)));
        }
        let public: Public = serde_json::from_str(&event.public)
            .map_err(|error| wrong(format!("its public text is no seal's: {error}")))?;
        let Public { seal_id, up_to, as_of, units, further } = public;
        if seal_id != self.seal_id {
            return Err(wrong(format!("it is the seal {seal_id}, and not {}", self.seal_id)));
        }
        if up_to >= place.position.0 {
            return Err(wrong(format!("it commits to the position {up_to}, which is no earlier")));
        }
        let home = PublicTrees { up_to, as_of, units };
        let home = home.of(place.partition).map_err(wrong)?;
        let further = (place.partition.0..=u16::MAX).skip(1).map(Partition).zip(further);
        let further = further.map(|(partition, trees)| trees.of(partition));
        let further: Vec<SealedTrees> = further.collect::<Result<_, _>>().map_err(wrong)?;
        if place.partition != Partition(0) {
            return Err(wrong("a seal over all partitions stands in partition 0".into()));
        }
        let sealed = further.len() + 1;
        if sealed != usize::from(partitions) {
            return Err(wrong(format!(
                "it commits to the balances of {sealed} of the partitions, and the log was opened \
                 with {partitions}: what the accounts of the others have is left out"
            )));
        }
        Ok(VerifiedSeal { seal_id, place, home, further, checkpoint, key })
    }
}

/// Where an event stands that is in the checkpoint's tree and says what it says there.
fn signed_place(event: &ReceiptEvent, at: &Checkpoint) -> Result<Place, BalanceProofError> {
    let unproved = |what| {
        let position = event.position.clone();
        BalanceProofError::Event(ReceiptError::Event { position, what })
    };
    let entry = event.entry().map_err(unproved)?;
    Ok(event.record(&entry, at).map_err(unproved)?.place)
}

/// With how many partitions the log was opened, as its first event says: no later event changes
/// that, and it is in every tree that is signed.
fn partitions_of(opened: &ReceiptEvent, at: &Checkpoint) -> Result<u16, BalanceProofError> {
    let place = signed_place(opened, at)?;
    let wrong = |what: String| BalanceProofError::First { place, what };
    if place.position != Position(1) || opened.event_type != OPENED {
        return Err(wrong(format!(
            "it is of the type {}, and the log's first, {OPENED}, was expected",
            opened.event_type
        )));
    }
    let public: PublicOpened = serde_json::from_str(&opened.public)
        .map_err(|error| wrong(format!("its public text tells of no partitions: {error}")))?;
    Ok(public.partitions)
}

impl PublicTrees {
    fn of(self, partition: Partition) -> Result<SealedTrees, String> {
        let Self { up_to, as_of, units } = self;
        let units: Vec<SealedBalances> = units.into_iter().map(SealedBalances::from).collect();
        let has_twice = |unit: &SealedBalances| {
            units.iter().filter(|other| other.unit == unit.unit).count() > 1
        };
        if let Some(unit) = units.iter().find(|unit| has_twice(unit)) {
            return Err(format!("it has the unit {} twice", unit.unit));
        }
        let up_to = Place { partition, position: Position(up_to) };
        Ok(SealedTrees { up_to, as_of, units })
    }
}

impl BalanceProof {
    /// Verifies the balance with nothing but the log's key, or its first one.
    pub fn verify(&self, key: &VerifierKey) -> Result<VerifiedBalance, BalanceProofError> {
        let seal = self.seal.verify(key)?;
        // Of the partition that the proof names: what it says of the rest must be the seal's.
        let is_named = |trees: &&SealedTrees| {
            let named = self.up_to.parse::<Place>();
            named.is_ok_and(|named| named.partition == trees.up_to.partition)
        };
        let trees = seal.further.iter().find(is_named).unwrap_or(&seal.home);
        let SealedTrees { up_to, as_of, units } = trees.clone();
        let of_all = units.into_iter().find(|sealed| sealed.unit == self.unit);
        let of_all = of_all.ok_or_else(|| BalanceProofError::Seal {
            place: seal.place,
            what: format!("it commits to no balances of the unit {}", self.unit),
        })?;
        let (said, accounts) = ((&*self.up_to, &*self.as_of, self.accounts), of_all.accounts);
        if said != (&*up_to.to_string(), &*as_of, accounts) {
            let what = format!(
                "it commits to the balances as of {up_to}, {as_of}, of {accounts} accounts, and the \
                 proof says {}, {}, of {}",
                self.up_to, self.as_of, self.accounts
            );
            return Err(BalanceProofError::Seal { place: seal.place, what });
        }
        let balances = Balances {
            available: self.available.into(),
            held: self.held.into(),
            pending: self.pending.into(),
            owed: self.owed.into(),
        };
        let leaf = SumNode::leaf(&SaltedAccount::new(&self.salt, &self.account_id), balances);
        let path: Vec<SumNode> = self.path.iter().map(SumNode::from).collect();
        let top = root_of_path(leaf, self.index, of_all.accounts, &path)?;
        let found = top.root(of_all.accounts);
        if (found, top.sums) != (of_all.root, of_all.sums) {
            return Err(BalanceProofError::OtherRoot(Box::new(OtherRoot {
                account_id: self.account_id.clone(),
                seal_id: seal.seal_id,
                found,
                sums: top.sums,
                expected: of_all.root,
                expected_sums: of_all.sums,
            })));
        }
        let account_id = self.account_id.clone();
        let of_all = SealedTrees { up_to, as_of, units: vec![of_all] };
        Ok(VerifiedBalance { account_id, index: self.index, balances, of_all, seal })
    }
}

impl From<&PathNode> for SumNode {
    fn from(node: &PathNode) -> Self {
        Self { hash: node.hash, sums: Balances::from(&node.sums) }
    }
}

impl From<&Sums> for Balances {
    fn from(sums: &Sums) -> Self {
        let Sums { available, held, pending, owed } = sums;
        Self { available: available.0, held: held.0, pending: pending.0, owed: owed.0 }
    }
}

impl From<PublicUnit> for SealedBalances {
    fn from(unit: PublicUnit) -> Self {
        let PublicUnit { unit, accounts, root, sums } = unit;
        Self { unit, accounts, root, sums: Balances::from(&sums) }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let amount: Option<u128> = text.parse().ok();
        // One way to write it: no sign, no leading zeros.
        amount.filter(|amount| amount.to_string() == text).map(Self).ok_or_else(|| {
            serde::de::Error::custom("must be a whole number of 128 bits, as a decimal string")
        })
    }
}

impl fmt::Display for SealedBalances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unit, accounts, root, sums } = self;
        write!(f, "{unit}: {accounts} accounts with {sums}; root {root}")
    }
}
