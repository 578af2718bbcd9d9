//! Totals of the whole programme.

use serde::Serialize;

/// All points of the programme, as recorded.
#[derive(Clone, Debug, Serialize)]
pub struct TotalsBody {
    /// Points earned.
    pub issued: u128,
    /// Points that can be spent.
    pub available: u128,
    /// Points set aside by holds.
    pub held: u128,
    /// Points that can be spent later.
    pub pending: u128,
    /// Points spent.
    pub redeemed: u128,
    /// Points that cancellations gave back.
    pub refunded: u128,
    /// Points that expired.
    pub expired: u128,
    /// Points taken away.
    pub withdrawn: u128,
    /// Points sent that the recipient hasn't received yet; below 0 while the read tables have the
    /// receipt of points and not yet their sending.
    pub in_transit: i128,
    /// Points owed.
    pub debt: u128,
    /// Points sent to other accounts.
    pub sent: u128,
    /// Points received from other accounts.
    pub received: u128,
    /// Points that paid debts.
    pub repaid: u128,
    /// Number of accounts.
    pub accounts: u128,
    /// Number of exchanges.
    pub exchanges: u128,
    /// Number of cancellations.
    pub cancellations: u128,
    /// Number of purchases.
    pub purchases: u128,
    /// Number of returns.
    pub returns: u128,
    /// Number of holds.
    pub holds: u128,
    /// Number of transfers.
    pub transfers: u128,
    /// Number of shipping requests.
    pub shipments: u128,
    /// The positions that the read tables have reached, one for each partition.
    pub position: String,
    /// issued − (available + held + pending + redeemed − refunded + expired + withdrawn +
    /// `in_transit` − debt): 0, or the read tables differ from the log.
    pub difference: i128,
}

/// The points that can still be spent, by month of expiry.
#[derive(Clone, Debug, Serialize)]
pub struct LiabilityBody {
    /// The months in which points expire, in order.
    pub months: Vec<LiabilityMonthBody>,
    /// The sum of all months.
    pub total: u128,
}

/// The points that expire in one month.
#[derive(Clone, Debug, Serialize)]
pub struct LiabilityMonthBody {
    /// The month, such as `2027-11`; `never` for points that don't expire.
    pub month: String,
    /// The points.
    pub points: u128,
}
