//! Ledger entries: the lines of an account's statement.

use domain::{
    AccountId, CancellationId, CauseId, ExchangeId, GrantId, HoldId, LadderId, LotId, OfferId,
    Points, ProductId, PurchaseId, Reference, RefundId, TierId, Timestamp, TransferId, UnitId,
    Units,
};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::{CauseBody, LotOriginBody};

/// One line of a statement.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerEntryBody {
    /// The event's type, such as `credit-earned`.
    pub kind: String,
    /// The account, where it is another that was merged with the one that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The kind of points.
    pub unit: UnitId,
    /// The change of available + held + pending − owed, in points; negative where credit left.
    pub points: i64,
    /// The same sum after the entry; lists have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<i64>,
    /// The changes one by one.
    pub change: ChangeBody,
    /// What the credit was earned for; of a conversion, both entries have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseBody>,
    /// The exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeId>,
    /// The offer that was redeemed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_id: Option<OfferId>,
    /// The product that was redeemed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<ProductId>,
    /// The number of units that were redeemed; of a refund, that were cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Units>,
    /// The cancellation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancellation_id: Option<CancellationId>,
    /// The hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// The refund of a capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<RefundId>,
    /// The transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_id: Option<TransferId>,
    /// The other account of a transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<AccountId>,
    /// The withdrawal, return or adjustment that took credit away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawal: Option<EntryWithdrawalBody>,
    /// The purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<PurchaseId>,
    /// What an adjustment refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// What became of a tier; its points are 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<EntryTierBody>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The event's position.
    pub position: Place,
}

/// The changes of an account's sums, in points.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ChangeBody {
    /// The change of the points that can be spent.
    pub available: i64,
    /// The change of the points set aside.
    pub held: i64,
    /// The change of the points that can be spent later.
    pub pending: i64,
    /// The change of the points owed.
    pub owed: i64,
}

/// What became of an account's tier on a ladder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntryTierBody {
    /// The ladder.
    pub ladder: LadderId,
    /// The tier that was reached or kept, to which another lapsed, or that was granted; left out
    /// below the lowest level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<TierId>,
    /// The earned tier before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<TierId>,
    /// What counted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
}

/// The withdrawal, return or adjustment that took credit away.
#[derive(Clone, Debug, Serialize)]
pub struct EntryWithdrawalBody {
    /// `withdrawal`, `return` or `adjustment`.
    pub kind: String,
    /// The caller's id for it.
    pub id: CauseId,
}

/// One line of a statement, and the lots that it is about.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedEntryBody {
    /// The entry, without `balance`.
    #[serde(flatten)]
    pub entry: LedgerEntryBody,
    /// The parts of lots that it is about.
    pub lots: Vec<EntryLotBody>,
    /// The parts of lots that a capture gave back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Vec<EntryLotBody>>,
}

/// A part of a lot, and how the lot was earned.
#[derive(Clone, Debug, Serialize)]
pub struct EntryLotBody {
    /// The lot: the place of the event that made it.
    pub lot: LotId,
    /// The points of this part.
    pub points: Points,
    /// They can be spent before this time; without it, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Whether `expires_at` is a period of grace.
    pub graced: bool,
    /// How the lot was earned.
    #[serde(flatten)]
    pub origin: LotOriginBody,
}
