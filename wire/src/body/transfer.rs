//! Credit from one shopper's account to another's.

use domain::{AccountId, Points, RefusalCode, Timestamp, TransferId, TransferStatus, UnitId};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::LotPartBody;

/// `PUT /v1/accounts/{account_id}/transfers/{transfer_id}`: sends credit to another account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferCreditBody {
    /// The account that receives the credit.
    pub to: AccountId,
    /// The kind of points; without it, `points`.
    pub unit: Option<UnitId>,
    /// The points to send.
    pub points: Points,
    /// When it happened, according to the caller.
    pub occurred_at: Option<Timestamp>,
}

/// The fact `credit-sent`: credit left for another account.
#[derive(Clone, Debug, Serialize)]
pub struct CreditSentBody {
    /// The account that sent it.
    pub account_id: AccountId,
    /// The transfer.
    pub transfer_id: TransferId,
    /// The account that receives it.
    pub to: AccountId,
    /// The kind of points.
    pub unit: UnitId,
    /// The points sent: the sum of `lots`.
    pub points: Points,
    /// The lots that they come from, in spending order.
    pub lots: Vec<LotPartBody>,
    /// When it happened, according to the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// What has become of it by now, where the ledger has several partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TransferStatus>,
    /// Why the recipient couldn't have it, where it came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<RefusalCode>,
    /// The event's position.
    pub position: Place,
}
