//! Totals of the whole programme.

use std::collections::BTreeMap;

use domain::{LadderId, TierId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A sum over all accounts. It may be larger than the numbers that every JSON reader keeps exact,
/// so it is written as a decimal string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum(pub i128);

impl Sum {
    /// Whether it is nothing.
    const fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// All points of the programme, as recorded.
#[derive(Clone, Debug, Serialize)]
pub struct TotalsBody {
    /// Points earned, without what conversions gave.
    pub issued: Sum,
    /// Points that can be spent.
    pub available: Sum,
    /// Points set aside by holds.
    pub held: Sum,
    /// Points that can be spent later.
    pub pending: Sum,
    /// Points spent.
    pub redeemed: Sum,
    /// Points that cancellations gave back.
    pub refunded: Sum,
    /// Points that expired.
    pub expired: Sum,
    /// Points taken away.
    pub withdrawn: Sum,
    /// Points sent that the recipient hasn't received yet; below 0 while the read tables have the
    /// receipt of points and not yet their sending.
    pub in_transit: Sum,
    /// Points owed.
    pub debt: Sum,
    /// Points sent to other accounts.
    pub sent: Sum,
    /// Points received from other accounts.
    pub received: Sum,
    /// Points that paid debts.
    pub repaid: Sum,
    /// Points that other units became; left out where there were none.
    #[serde(skip_serializing_if = "Sum::is_zero")]
    pub converted_in: Sum,
    /// Points that became other units; left out where there were none.
    #[serde(skip_serializing_if = "Sum::is_zero")]
    pub converted_out: Sum,
    /// Number of accounts.
    pub accounts: Sum,
    /// Number of exchanges.
    pub exchanges: Sum,
    /// Number of cancellations.
    pub cancellations: Sum,
    /// Number of purchases.
    pub purchases: Sum,
    /// Number of returns.
    pub returns: Sum,
    /// Number of holds.
    pub holds: Sum,
    /// Number of transfers.
    pub transfers: Sum,
    /// Number of conversions of this unit into others; left out where there were none.
    #[serde(skip_serializing_if = "Sum::is_zero")]
    pub conversions: Sum,
    /// Number of shipping requests.
    pub shipments: Sum,
    /// The positions that the read tables have reached, one for each partition.
    pub position: String,
    /// issued + `converted_in` − (available + held + pending + redeemed − refunded + expired +
    /// withdrawn + `in_transit` + `converted_out` − debt): 0, or the read tables differ from the
    /// log.
    pub difference: Sum,
    /// Number of accounts by tier, by the ladders over the unit; left out where there are none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<LadderId, BTreeMap<TierId, Sum>>,
}

/// The points that can still be spent, by month of expiry.
#[derive(Clone, Debug, Serialize)]
pub struct LiabilityBody {
    /// The months in which points expire, in order.
    pub months: Vec<LiabilityMonthBody>,
    /// The sum of all months.
    pub total: Sum,
}

/// The points that expire in one month.
#[derive(Clone, Debug, Serialize)]
pub struct LiabilityMonthBody {
    /// The month, such as `2027-11`; `never` for points that don't expire.
    pub month: String,
    /// The points.
    pub points: Sum,
}
