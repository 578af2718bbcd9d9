//! Every route that reads, and who may use it.

use axum::Router;
use axum::routing::get;
use wire::Role::{Auditor, Merchant, Operator, Shopper, Warehouse};
use wire::{Role, only};

use crate::QueryApi;
use crate::account_balance::get_account;
use crate::exchange::{find_exchanges, get_exchange, list_exchanges};
use crate::ledger_entry::list_entries;
use crate::offer_availability::{get_offer, list_offers};
use crate::shipping_request::list_shipping_requests;

const OF_ACCOUNTS: &[Role] = &[Shopper, Merchant, Operator, Auditor];

/// The query API's routes.
pub fn router(api: QueryApi) -> Router {
    Router::new()
        .route("/v1/accounts/{account_id}", get(only(OF_ACCOUNTS, get_account)))
        .route("/v1/accounts/{account_id}/entries", get(only(OF_ACCOUNTS, list_entries)))
        .route("/v1/accounts/{account_id}/exchanges", get(only(OF_ACCOUNTS, list_exchanges)))
        .route(
            "/v1/accounts/{account_id}/exchanges/{exchange_id}",
            get(only(OF_ACCOUNTS, get_exchange)),
        )
        .route("/v1/exchanges", get(only(&[Operator, Auditor, Warehouse], find_exchanges)))
        .route("/v1/offers", get(only(Role::ALL, list_offers)))
        .route("/v1/offers/{offer_id}", get(only(Role::ALL, get_offer)))
        .route(
            "/v1/shipping-requests",
            get(only(&[Warehouse, Operator, Auditor], list_shipping_requests)),
        )
        .with_state(api)
}
