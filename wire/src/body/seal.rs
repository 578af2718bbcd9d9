//! Seals: commitments to the balances of all accounts, and what proves a balance.

use domain::{AccountId, SealId, Timestamp, UnitId};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::{ReceiptEventBody, Sum};

/// `PUT /v1/seals/{seal_id}`: seals the balances of all accounts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealBalancesBody {}

/// A seal, as both APIs answer it.
#[derive(Clone, Debug, Serialize)]
pub struct SealBody {
    /// The seal.
    pub seal_id: SealId,
    /// The last event whose effect is in the balances.
    pub up_to: Place,
    /// When that event was recorded.
    pub as_of: Timestamp,
    /// Tells the secret from which the salts come from other secrets.
    pub salts: String,
    /// What it commits to, by unit.
    pub units: Vec<SealedUnitBody>,
    /// The same of the accounts of each further partition; nothing where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<SealedTreesBody>,
    /// The position of the event `balances-sealed`.
    pub position: Place,
}

/// What a seal commits to of the accounts of a further partition.
#[derive(Clone, Debug, Serialize)]
pub struct SealedTreesBody {
    /// The last event whose effect is in the balances, in that partition.
    pub up_to: Place,
    /// When that event was recorded.
    pub as_of: Timestamp,
    /// Tells the secret from which the salts come from other secrets.
    pub salts: String,
    /// What it commits to, by unit.
    pub units: Vec<SealedUnitBody>,
}

/// What all accounts had of a unit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SealedUnitBody {
    /// The unit.
    pub unit: UnitId,
    /// How many accounts are in the tree: those that ever had some of the unit; of `points`, all.
    pub accounts: u64,
    /// The root of the tree, in hexadecimal digits.
    pub root: String,
    /// Points that could be spent. The sums are over all accounts, as recorded.
    pub available: Sum,
    /// Points set aside by holds.
    pub held: Sum,
    /// Points that could be spent later.
    pub pending: Sum,
    /// Points owed.
    pub owed: Sum,
}

/// `GET /v1/seals/{seal_id}/proof`: what proves the sums of a seal.
#[derive(Clone, Debug, Serialize)]
pub struct SealProofBody {
    /// The seal.
    pub seal_id: SealId,
    /// The signed checkpoint that has the event: a signed note.
    pub checkpoint: String,
    /// The signed checkpoints in which a key handed over to the next.
    pub handovers: Vec<String>,
    /// The log's first event, which says how many partitions there are, and the seal's.
    pub events: Vec<ReceiptEventBody>,
}

/// `GET /v1/accounts/{account_id}/balance-proof`: what an account had of a unit, and the proof that
/// a seal commits to it.
#[derive(Clone, Debug, Serialize)]
pub struct BalanceProofBody {
    /// The account.
    pub account_id: AccountId,
    /// The unit.
    pub unit: UnitId,
    /// Points that could be spent, as recorded.
    pub available: u64,
    /// Points set aside by holds.
    pub held: u64,
    /// Points that could be spent later.
    pub pending: u64,
    /// Points owed.
    pub owed: u64,
    /// The last event whose effect is in the balances.
    pub up_to: Place,
    /// When that event was recorded.
    pub as_of: Timestamp,
    /// The account's salt in this tree, in hexadecimal digits.
    pub salt: String,
    /// Which leaf of the tree is the account's, from 0.
    pub index: u64,
    /// How many leaves the tree has.
    pub accounts: u64,
    /// The nodes beside the way from the leaf to the top, from below.
    pub path: Vec<PathNodeBody>,
    /// The seal.
    pub seal_id: SealId,
    /// The signed checkpoint that has the seal's event: a signed note.
    pub checkpoint: String,
    /// The signed checkpoints in which a key handed over to the next.
    pub handovers: Vec<String>,
    /// The log's first event, which says how many partitions there are, and the seal's.
    pub events: Vec<ReceiptEventBody>,
}

/// A node of a tree: what some accounts, of which nothing else is told, had together.
#[derive(Clone, Debug, Serialize)]
pub struct PathNodeBody {
    /// Its hash, in hexadecimal digits.
    pub hash: String,
    /// Points that could be spent.
    pub available: Sum,
    /// Points set aside by holds.
    pub held: Sum,
    /// Points that could be spent later.
    pub pending: Sum,
    /// Points owed.
    pub owed: Sum,
}
