//! The programme's policy.

use domain::{Points, SpentCredit};
use log_record::Place;
use serde::{Deserialize, Serialize};

use super::null_is_default;

/// `PUT /v1/policy`: sets the policy, whole.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPolicyBody {
    /// What happens when spent credit is to be withdrawn: `refuse`, `debt` or `forgive`.
    pub spent_credit: SpentCredit,
    /// Credit that comes back can be spent for at least so many days, 0 to 3,650.
    pub refund_grace_days: u16,
    /// Whether that is so where it comes back on the shopper's own request, too; without it,
    /// `false`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub grace_on_own_request: bool,
    /// The most points that one credit may be, 1 to 2^53−1; without it, 2^53−1.
    pub earning_points_max: Option<Points>,
}

/// The policy, as both APIs answer it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PolicyBody {
    /// What happens when spent credit is to be withdrawn: `refuse`, `debt` or `forgive`.
    pub spent_credit: SpentCredit,
    /// Credit that comes back can be spent for at least so many days.
    pub refund_grace_days: u16,
    /// Whether that is so where it comes back on the shopper's own request, too.
    pub grace_on_own_request: bool,
    /// The most points that one credit may be.
    pub earning_points_max: Points,
    /// Counts changes of the policy; 0 for the policy of a new ledger. The ETag begins with it.
    pub version: u64,
    /// The position of the event that set it; `null` for the policy of a new ledger.
    pub position: Option<Place>,
}
