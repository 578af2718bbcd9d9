//! By which columns a row of a table is known.

use crate::{Column, Table};

impl Table {
    /// The columns of its primary key, which are the first ones of every table.
    #[must_use]
    pub fn key(&self) -> &'static [Column] {
        let columns = match self.name {
            "unit_balance" | "account_tier" | "earning_rule" | "event_place" | "offer_sold" => 2,
            "conversion_rate" | "credit_month" | "ladder" | "programme_total" | "tier_total" => 3,
            "credit_part" => 4,
            _ => 1,
        };
        self.columns.get(..columns).unwrap_or(self.columns)
    }
}
