//! Accounts themselves.

use domain::{AccountId, UnitId};

use super::{At, Change, Rows};

impl Rows {
    /// An account that was opened has a balance, of zeros where it has had no credit.
    pub(super) fn opened(&mut self, at: At<'_>, account_id: &AccountId) {
        self.change_balance(at, account_id, UnitId::POINTS, Change::default());
    }
}
