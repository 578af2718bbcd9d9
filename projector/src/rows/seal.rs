//! Commitments to the balances of all accounts.

use domain::BalancesSealed;
use read_model::BalanceSeal;

use super::{At, Rows};

impl Rows {
    pub(super) fn balances_sealed(&mut self, at: At<'_>, fact: &BalancesSealed) {
        self.seals.push(BalanceSeal {
            seal_id: fact.seal_id.to_string(),
            place: at.place(),
            public: at.row.public.as_ref().into(),
        });
    }
}
