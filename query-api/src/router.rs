//! Every route that reads, and who may use it.

use axum::Router;
use axum::routing::get;
use wire::About::{Account, Offers, Programme, Shipping};
use wire::Role::{Auditor, Merchant, Operator, Shopper, Warehouse};
use wire::{Role, only};

use crate::QueryApi;
use crate::account_balance::get_account;
use crate::credit_lot::list_lots;
use crate::exchange::{find_exchanges, get_exchange, list_exchanges};
use crate::hold::{get_hold, list_holds};
use crate::ledger_entry::{get_entry, list_entries};
use crate::offer_availability::{get_account_offer, get_offer, list_offers};
use crate::programme::{get_earning_rule, get_policy, list_earning_rules};
use crate::purchase::{get_purchase, list_purchases};
use crate::shipping_request::{get_shipping_request, list_shipping_requests};
use crate::shipping_stream::get_shipping_stream;
use crate::total::{get_liability, get_totals};

const OF_ACCOUNTS: &[Role] = &[Shopper, Merchant, Operator, Auditor];
const OF_SHIPPING: &[Role] = &[Warehouse, Operator, Auditor];
const OF_ALL_POINTS: &[Role] = &[Operator, Auditor];

/// The query API's routes.
pub fn router(api: QueryApi) -> Router {
    Router::new()
        .route("/v1/accounts/{account_id}", get(only(OF_ACCOUNTS, get_account).about(Account)))
        .route(
            "/v1/accounts/{account_id}/entries",
            get(only(OF_ACCOUNTS, list_entries).about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/entries/{position}",
            get(only(OF_ACCOUNTS, get_entry).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/lots",
            get(only(OF_ACCOUNTS, list_lots).about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/holds",
            get(only(OF_ACCOUNTS, list_holds).about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/holds/{hold_id}",
            get(only(OF_ACCOUNTS, get_hold).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/purchases",
            get(only(OF_ACCOUNTS, list_purchases).about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/purchases/{purchase_id}",
            get(only(OF_ACCOUNTS, get_purchase).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/exchanges",
            get(only(OF_ACCOUNTS, list_exchanges).about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/exchanges/{exchange_id}",
            get(only(OF_ACCOUNTS, get_exchange).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/offers/{offer_id}",
            get(only(OF_ACCOUNTS, get_account_offer).about(Account)),
        )
        .route(
            "/v1/exchanges",
            get(only(&[Operator, Auditor, Warehouse], find_exchanges).with_query()),
        )
        .route("/v1/offers", get(only(Role::ALL, list_offers).about(Offers).with_query()))
        .route("/v1/offers/{offer_id}", get(only(Role::ALL, get_offer).about(Offers)))
        .route(
            "/v1/shipping-requests",
            get(only(OF_SHIPPING, list_shipping_requests).about(Shipping).with_query()),
        )
        .route(
            "/v1/shipping-stream",
            get(only(OF_SHIPPING, get_shipping_stream).about(Shipping).with_query()),
        )
        .route(
            "/v1/earning-rules",
            get(only(Role::ALL, list_earning_rules).about(Programme).with_query()),
        )
        .route(
            "/v1/shipping-requests/{shipping_request_id}",
            get(only(OF_SHIPPING, get_shipping_request).about(Shipping)),
        )
        .route(
            "/v1/earning-rules/{rule_id}",
            get(only(Role::ALL, get_earning_rule).about(Programme).with_query()),
        )
        .route("/v1/policy", get(only(Role::ALL, get_policy).about(Programme)))
        .route("/v1/totals", get(only(OF_ALL_POINTS, get_totals)))
        .route("/v1/liability", get(only(OF_ALL_POINTS, get_liability)))
        .with_state(api)
}
