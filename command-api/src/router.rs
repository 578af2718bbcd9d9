//! Every route that writes, and who may use it.

use axum::Router;
use axum::routing::{post, put};
use wire::Role::{Merchant, Operator, Shopper};
use wire::only;

use crate::CommandApi;
use crate::add_stock::add_stock;
use crate::close_offer::close_offer;
use crate::earn_credit::earn_credit;
use crate::put_offer::put_offer;
use crate::redeem::{redeem, redeem_by_key};

/// The command API's routes.
pub fn router(api: CommandApi) -> Router {
    Router::new()
        .route("/v1/accounts/{account_id}/credits", post(only(&[Merchant, Operator], earn_credit)))
        .route("/v1/accounts/{account_id}/exchanges/{exchange_id}", put(only(&[Shopper], redeem)))
        .route("/v1/accounts/{account_id}/exchanges", post(only(&[Shopper], redeem_by_key)))
        .route("/v1/offers/{offer_id}", put(only(&[Operator], put_offer)))
        .route("/v1/offers/{offer_id}/closure", put(only(&[Operator], close_offer)))
        .route(
            "/v1/offers/{offer_id}/stock-additions/{addition_id}",
            put(only(&[Operator], add_stock)),
        )
        .with_state(api)
}
