//! What the programme's operator may choose.

use serde::{Deserialize, Serialize};

use crate::{Grace, Points};

/// The programme's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What happens when credit is to be withdrawn that was spent already.
    pub spent_credit: SpentCredit,
    /// For how many days credit that comes back can be spent at least, where its lot has expired
    /// meanwhile or would within them; 0 for no grace.
    pub refund_grace_days: u16,
    /// Whether that is so where it comes back on the shopper's own request, too.
    pub grace_on_own_request: bool,
    /// The most that one credit may be: of a purchase, of another cause, or of an adjustment.
    pub earning_points_max: Points,
}

impl Policy {
    /// The grace that it promises for what is taken now.
    #[must_use]
    pub const fn grace(self) -> Grace {
        Grace { days: self.refund_grace_days, on_own_request: self.grace_on_own_request }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            spent_credit: SpentCredit::Refuse,
            refund_grace_days: 30,
            grace_on_own_request: false,
            earning_points_max: Points::MOST,
        }
    }
}

/// What happens when credit is to be withdrawn that was spent already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpentCredit {
    /// The withdrawal is refused.
    Refuse,
    /// The account owes, and the next credit pays it first.
    Debt,
    /// What is there is taken, and the rest is forgiven.
    Forgive,
}
