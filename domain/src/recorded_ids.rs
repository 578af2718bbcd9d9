//! Idempotency for ever: which ids have been recorded, and by which event. The file is long because
//! every kind of id is here.
//!
//! The map is exact and knows no more than a hash and a position; the event at the position holds
//! every field of the request. It is behind locks because the gate in front of the writer's queue
//! looks ids up while the writer decides; nothing but `State::evolve` inserts.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock};

use log_record::Position;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{
    AccountId, AdditionId, CancellationId, Cause, CauseId, ConversionId, DispatchId, ErasureId,
    ExchangeId, ExtensionId, GrantId, HoldId, LadderId, OfferId, PurchaseId, RefundId, RemovalId,
    ReopeningId, ResumptionId, ReturnId, SealId, Shipped, TransferId, UnitId, UploadId,
    WithdrawalId,
};

/// How many locks the map is spread over, so that the gate's readers seldom meet the writer.
const SHARDS: usize = 64;

/// Eight neighbouring shards take 8, 9, … 15 ids of 92. A table doubles when it is full; were all
/// of one size, all would double at once, and then an id would take 53 bytes instead of 41 at most.
const SHARE_LEAST: usize = 8;
const SHARES: usize = 92;

/// The shard among its eight neighbours, by a byte of the hash.
const NEIGHBOUR: [u8; 256] = {
    let mut neighbours = [0; 256];
    let (mut byte, mut neighbour, mut end) = (0, 0, SHARE_LEAST);
    while byte < neighbours.len() {
        if byte * SHARES / neighbours.len() >= end {
            neighbour += 1;
            end += SHARE_LEAST + neighbour as usize;
        }
        neighbours[byte] = neighbour;
        byte += 1;
    }
    neighbours
};

/// The first 16 bytes of SHA-256 over the owner, the kind and the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdHash([u8; 16]);

impl IdHash {
    /// The opening of an account, of which there is one.
    #[must_use]
    pub fn account(account: &AccountId) -> Self {
        Self::of(account.as_str(), "account", account.as_str())
    }

    /// An exchange of an account.
    #[must_use]
    pub fn exchange(account: &AccountId, id: &ExchangeId) -> Self {
        Self::of(account.as_str(), "exchange", id.as_str())
    }

    /// Something that credit of an account was earned for.
    #[must_use]
    pub fn cause(account: &AccountId, cause: &Cause) -> Self {
        Self::of(account.as_str(), cause.kind.as_str(), cause.id.as_str())
    }

    /// A purchase of an account, which is a cause.
    #[must_use]
    pub fn purchase(account: &AccountId, id: &PurchaseId) -> Self {
        Self::cause(account, &Cause::purchase(id))
    }

    /// A claim of the credit of a unit that was refused when a purchase was recorded, of which
    /// there is one for each unit.
    #[must_use]
    pub fn claim(account: &AccountId, purchase: &CauseId, unit: UnitId) -> Self {
        Self::of(account.as_str(), "claim", &format!("{purchase}/{unit}"))
    }

    /// An addition to an offer's stock.
    #[must_use]
    pub fn stock_addition(offer: &OfferId, id: &AdditionId) -> Self {
        Self::of_offer(offer, "stock-addition", id.as_str())
    }

    /// An upload of codes to an offer.
    #[must_use]
    pub fn code_upload(offer: &OfferId, id: &UploadId) -> Self {
        Self::of_offer(offer, "code-upload", id.as_str())
    }

    /// A commitment to all balances.
    #[must_use]
    pub fn seal(id: &SealId) -> Self {
        Self::of("~programme", "seal", id.as_str())
    }

    /// A removal from an offer's stock.
    #[must_use]
    pub fn stock_removal(offer: &OfferId, id: &RemovalId) -> Self {
        Self::of_offer(offer, "stock-removal", id.as_str())
    }

    /// A reopening of an offer.
    #[must_use]
    pub fn reopening(offer: &OfferId, id: &ReopeningId) -> Self {
        Self::of_offer(offer, "reopening", id.as_str())
    }

    /// A resumption of an offer.
    #[must_use]
    pub fn resumption(offer: &OfferId, id: &ResumptionId) -> Self {
        Self::of_offer(offer, "resumption", id.as_str())
    }

    /// Credit of an account that is set aside.
    #[must_use]
    pub fn hold(account: &AccountId, id: &HoldId) -> Self {
        Self::of(account.as_str(), "hold", id.as_str())
    }

    /// The capture of a hold, of which there is one.
    #[must_use]
    pub fn capture(account: &AccountId, hold: &HoldId) -> Self {
        Self::of(account.as_str(), "capture", hold.as_str())
    }

    /// The release of a hold that was asked for, of which there is one.
    #[must_use]
    pub fn release(account: &AccountId, hold: &HoldId) -> Self {
        Self::of(account.as_str(), "release", hold.as_str())
    }

    /// An extension of a hold.
    #[must_use]
    pub fn hold_extension(account: &AccountId, of: &HoldId, id: &ExtensionId) -> Self {
        Self::of(account.as_str(), "extension", &format!("{of}/{id}"))
    }

    /// A refund of a hold's capture.
    #[must_use]
    pub fn capture_refund(account: &AccountId, of: &HoldId, id: &RefundId) -> Self {
        Self::of(account.as_str(), "refund", &format!("{of}/{id}"))
    }

    /// A cancellation of an exchange.
    #[must_use]
    pub fn cancellation(account: &AccountId, of: &ExchangeId, id: &CancellationId) -> Self {
        // No id holds a slash, so no two pairs read alike.
        Self::of(account.as_str(), "cancellation", &format!("{of}/{id}"))
    }

    /// A return of a purchase.
    #[must_use]
    pub fn purchase_return(account: &AccountId, of: &PurchaseId, id: &ReturnId) -> Self {
        Self::of(account.as_str(), "return", &format!("{of}/{id}"))
    }

    /// The reversal of a return, of which there is one.
    #[must_use]
    pub fn return_reversal(account: &AccountId, of: &PurchaseId, id: &ReturnId) -> Self {
        Self::of(account.as_str(), "return-reversal", &format!("{of}/{id}"))
    }

    /// The reversal of a withdrawal, of which there is one.
    #[must_use]
    pub fn withdrawal_reversal(account: &AccountId, id: &WithdrawalId) -> Self {
        Self::of(account.as_str(), "withdrawal-reversal", id.as_str())
    }

    /// A withdrawal from an account.
    #[must_use]
    pub fn withdrawal(account: &AccountId, id: &WithdrawalId) -> Self {
        Self::of(account.as_str(), "withdrawal", id.as_str())
    }

    /// An erasure of what is private of an account.
    #[must_use]
    pub fn erasure(account: &AccountId, id: &ErasureId) -> Self {
        Self::of(account.as_str(), "erasure", id.as_str())
    }

    /// A grant of a tier.
    #[must_use]
    pub fn tier_grant(account: &AccountId, ladder: LadderId, id: &GrantId) -> Self {
        Self::of(account.as_str(), "tier-grant", &format!("{ladder}/{id}"))
    }

    /// The revocation of a grant, of which there is one.
    #[must_use]
    pub fn tier_grant_revocation(account: &AccountId, ladder: LadderId, id: &GrantId) -> Self {
        Self::of(account.as_str(), "tier-grant-revocation", &format!("{ladder}/{id}"))
    }

    /// A transfer from an account.
    #[must_use]
    pub fn transfer(sender: &AccountId, id: &TransferId) -> Self {
        Self::of(sender.as_str(), "transfer", id.as_str())
    }

    /// The receipt of a transfer, in the recipient's partition where the sender's is another.
    #[must_use]
    pub fn transfer_receipt(sender: &AccountId, id: &TransferId) -> Self {
        Self::of(sender.as_str(), "transfer-receipt", id.as_str())
    }

    /// The return of a transfer that the recipient couldn't have.
    #[must_use]
    pub fn transfer_return(sender: &AccountId, id: &TransferId) -> Self {
        Self::of(sender.as_str(), "transfer-return", id.as_str())
    }

    /// A conversion of an account's credit. The cause of what it earns isn't recorded: nobody can
    /// earn for it again, or take back what it earned.
    #[must_use]
    pub fn conversion(account: &AccountId, id: &ConversionId) -> Self {
        Self::of(account.as_str(), "unit-conversion", id.as_str())
    }

    /// The dispatch of one parcel of what an exchange or a purchase asked for.
    #[must_use]
    pub fn dispatch(account: &AccountId, shipped: &Shipped, id: &DispatchId) -> Self {
        Self::of_parcel(account, shipped, id, ["exchange-dispatch", "purchase-dispatch"])
    }

    /// The delivery of one parcel.
    #[must_use]
    pub fn parcel_delivery(account: &AccountId, shipped: &Shipped, id: &DispatchId) -> Self {
        let kinds = ["exchange-parcel-delivery", "purchase-parcel-delivery"];
        Self::of_parcel(account, shipped, id, kinds)
    }

    /// The acceptance by the warehouse of what was asked for.
    #[must_use]
    pub fn acceptance(account: &AccountId, shipped: &Shipped) -> Self {
        Self::of_shipment(account, shipped, ["exchange-acceptance", "purchase-acceptance"])
    }

    /// Its being put on back order.
    #[must_use]
    pub fn back_order(account: &AccountId, shipped: &Shipped) -> Self {
        Self::of_shipment(account, shipped, ["exchange-back-order", "purchase-back-order"])
    }

    /// The delivery of all of it.
    #[must_use]
    pub fn delivery(account: &AccountId, shipped: &Shipped) -> Self {
        Self::of_shipment(account, shipped, ["exchange-delivery", "purchase-delivery"])
    }

    /// Its rejection by the warehouse.
    #[must_use]
    pub fn rejection(account: &AccountId, shipped: &Shipped) -> Self {
        Self::of_shipment(account, shipped, ["exchange-rejection", "purchase-rejection"])
    }

    /// Its settlement by an operator.
    #[must_use]
    pub fn settlement(account: &AccountId, shipped: &Shipped) -> Self {
        Self::of_shipment(account, shipped, ["exchange-settlement", "purchase-settlement"])
    }

    fn of_parcel(
        account: &AccountId,
        shipped: &Shipped,
        id: &DispatchId,
        kinds: [&str; 2],
    ) -> Self {
        let ([of_exchange, of_purchase], owner) = (kinds, account.as_str());
        match shipped {
            Shipped::ExchangeId(of) => Self::of(owner, of_exchange, &format!("{of}/{id}")),
            Shipped::PurchaseId(of) => Self::of(owner, of_purchase, &format!("{of}/{id}")),
        }
    }

    fn of_shipment(account: &AccountId, shipped: &Shipped, kinds: [&str; 2]) -> Self {
        let [of_exchange, of_purchase] = kinds;
        match shipped {
            Shipped::ExchangeId(id) => Self::of(account.as_str(), of_exchange, id.as_str()),
            Shipped::PurchaseId(id) => Self::of(account.as_str(), of_purchase, id.as_str()),
        }
    }

    fn of_offer(offer: &OfferId, kind: &str, id: &str) -> Self {
        // No account id can bear the mark, so an offer's ids can't meet an account's.
        Self::of(&format!("~offer {offer}"), kind, id)
    }

    pub(crate) fn of(owner: &str, kind: &str, id: &str) -> Self {
        // None of the parts can hold a zero byte, so no two triples read alike.
        let hash = Sha256::new()
            .chain_update(owner)
            .chain_update([0])
            .chain_update(kind)
            .chain_update([0])
            .chain_update(id)
            .finalize();
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        Self(first)
    }

    const fn shard(self) -> usize {
        let [first, second, ..] = self.0;
        (first as usize % (SHARDS / 8)) * 8 + NEIGHBOUR[second as usize] as usize
    }
}

/// The ids of a partition.
#[derive(Debug)]
pub struct RecordedIds {
    shards: [RwLock<Shard>; SHARDS],
}

type Shard = ByIdHash<PackedPosition>;

/// Something by ids. A hash isn't hashed again.
pub type ByIdHash<V> = HashMap<IdHash, V, BuildHasherDefault<AlreadyHashed>>;

/// A position without its two highest bytes, which are zero: the log has 48 bits for it. An entry
/// of 22 bytes fits the allocator's sizes, where one of 24 would take 28.
#[derive(Clone, Copy, Debug)]
struct PackedPosition([u8; 6]);

impl From<Position> for PackedPosition {
    fn from(position: Position) -> Self {
        let [_, _, low @ ..] = position.0.to_be_bytes();
        Self(low)
    }
}

impl From<PackedPosition> for Position {
    fn from(PackedPosition([a, b, c, d, e, f]): PackedPosition) -> Self {
        Self(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }
}

impl RecordedIds {
    /// The position of the event that bears the id, if it has been recorded.
    #[must_use]
    pub fn position_of(&self, id: IdHash) -> Option<Position> {
        let shard = self.shards[id.shard()].read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&id).copied().map(Position::from)
    }

    /// Looks an id up without a lock.
    pub(crate) fn touch(&mut self, id: IdHash) -> bool {
        let shard = self.shards[id.shard()].get_mut().unwrap_or_else(PoisonError::into_inner);
        shard.contains_key(&id)
    }

    /// How many there are, and how many bytes the tables take.
    pub(crate) fn size(&self) -> (usize, usize) {
        let (mut ids, mut entries) = (0, 0);
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            ids += shard.len();
            // A table has room for seven eighths of its entries.
            entries += shard.capacity() * 8 / 7;
        }
        // An entry has one byte of control.
        (ids, entries * (size_of::<(IdHash, PackedPosition)>() + 1))
    }

    /// Records an id; returns the position that it already had, if any (I2).
    pub(crate) fn insert(&self, id: IdHash, position: Position) -> Option<Position> {
        let mut shard = self.shards[id.shard()].write().unwrap_or_else(PoisonError::into_inner);
        shard.insert(id, position.into()).map(Position::from)
    }
}

/// A list of pairs for each shard, in no order.
impl Serialize for RecordedIds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.shards.iter().map(Pairs))
    }
}

impl<'de> Deserialize<'de> for RecordedIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut recorded = Self::default();
        let shards = Vec::<OfShard>::deserialize(deserializer)?;
        if shards.len() != SHARDS {
            return Err(de::Error::custom("ids are spread over another number of shards"));
        }
        for (index, (OfShard(pairs), shard)) in
            shards.into_iter().zip(&mut recorded.shards).enumerate()
        {
            if pairs.keys().any(|id| id.shard() != index) {
                return Err(de::Error::custom("an id is where it can't be found"));
            }
            *shard.get_mut().unwrap_or_else(PoisonError::into_inner) = pairs;
        }
        Ok(recorded)
    }
}

struct Pairs<'a>(&'a RwLock<Shard>);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shard = self.0.read().unwrap_or_else(PoisonError::into_inner);
        serializer.collect_seq(shard.iter().map(|(id, position)| (id, Position::from(*position))))
    }
}

struct OfShard(Shard);

impl<'de> Deserialize<'de> for OfShard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PairsVisitor).map(Self)
    }
}

/// Makes room for all pairs at once: a map of serde's own making grows again and again.
struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Shard;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ids with their positions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Shard, A::Error> {
        let mut shard = Shard::default();
        shard.reserve(pairs.size_hint().unwrap_or_default());
        while let Some((id, position)) = pairs.next_element::<(_, Position)>()? {
            shard.insert(id, position.into());
        }
        Ok(shard)
    }
}

impl Default for RecordedIds {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()) }
    }
}

/// Takes eight bytes of a hash as they are: hashing SHA-256's bytes again would gain nothing.
#[derive(Debug, Default)]
pub struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_ne_bytes(*last);
        }
    }

    /// The length of the array, which says nothing.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_under_its_owner_and_kind_only() -> Result<(), Box<dyn std::error::Error>> {
        let (ann, bob): (AccountId, AccountId) = ("ann".parse()?, "bob".parse()?);
        let id: ExchangeId = "x-1".parse()?;
        let recorded = RecordedIds::default();
        assert_eq!(recorded.insert(IdHash::exchange(&ann, &id), Position(7)), None);
        assert_eq!(recorded.position_of(IdHash::exchange(&ann, &id)), Some(Position(7)));
        assert_eq!(recorded.position_of(IdHash::exchange(&bob, &id)), None);
        let cause = Cause { kind: crate::CauseKind::Purchase, id: "x-1".parse()? };
        assert_eq!(recorded.position_of(IdHash::cause(&ann, &cause)), None);
        Ok(())
    }

    #[test]
    fn a_position_comes_back_as_it_was_packed() {
        for position in [0, 1, 4_711, (1 << 48) - 1].map(Position) {
            assert_eq!(Position::from(PackedPosition::from(position)), position);
        }
    }

    #[test]
    fn ids_are_spread_over_all_shards_and_not_evenly() {
        let mut counts = [0_u32; SHARDS];
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let mut id = IdHash([0; 16]);
                (id.0[0], id.0[1]) = (first, second);
                counts[id.shard()] += 1;
            }
        }
        for neighbours in counts.chunks(8) {
            assert!(neighbours.is_sorted() && neighbours[0] > 0, "{neighbours:?}");
            let (least, most) = (neighbours[0], neighbours[7]);
            assert!(most * 10 > least * 17 && most < least * 2, "{neighbours:?}");
        }
    }
}
