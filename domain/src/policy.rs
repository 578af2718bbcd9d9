//! What the programme's operator may choose.

use serde::{Deserialize, Serialize};

/// The programme's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What happens when credit is to be withdrawn that was spent already.
    pub spent_credit: SpentCredit,
    /// For how many days credit can be spent again that comes back to a lot which has expired
    /// meanwhile; 0 lets it expire at once.
    pub refund_grace_days: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self { spent_credit: SpentCredit::Refuse, refund_grace_days: 30 }
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
}
