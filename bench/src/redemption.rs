//! The redemption's JSON as the ledger reads and answers it, for the contenders beside it.

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedeemBody {
    pub(crate) offer_id: String,
    pub(crate) quantity: i32,
    pub(crate) deliver_to: String,
    #[expect(dead_code, reason = "it is parsed, as the ledger parses it")]
    expected_points: Option<u64>,
    #[expect(dead_code, reason = "it is parsed, as the ledger parses it")]
    occurred_at: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct ExchangeBody {
    pub(crate) exchange_id: String,
    pub(crate) account_id: String,
    pub(crate) offer_id: String,
    pub(crate) quantity: i32,
    pub(crate) points: i64,
    pub(crate) status: &'static str,
    pub(crate) position: &'static str,
}

impl ExchangeBody {
    pub(crate) fn created(
        (account_id, exchange_id): (String, String),
        offer_id: String,
        quantity: i32,
        points: i64,
    ) -> Self {
        let (status, position) = ("created", "0:1");
        Self { exchange_id, account_id, offer_id, quantity, points, status, position }
    }
}
