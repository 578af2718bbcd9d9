//! Every route that reads, and who may use it.

use axum::Router;
use wire::About::{Account, Offers, Programme, Shipping};
use wire::Role::{Auditor, Merchant, Operator, Shopper, Warehouse};
use wire::{Role, Routes, get, only};

use crate::QueryApi;
use crate::account_balance::get_account;
use crate::conversion_rate::{get_conversion_rate, list_conversion_rates};
use crate::countdown::get_countdown;
use crate::credit_lot::list_lots;
use crate::exchange::{find_exchanges, get_exchange, list_exchanges};
use crate::expiring_credit::list_expiring;
use crate::expiry::get_expiry;
use crate::fact::{
    get_cancellation, get_capture, get_clock_confirmation, get_closure, get_code_upload,
    get_leaving, get_merger, get_pause, get_rate_closure, get_release, get_return,
    get_return_reversal, get_transfer, get_unit_closure, get_withdrawal_reversal, of_account,
    of_grant, of_offer, of_parcel, of_request, of_what,
};
use crate::gate::get_gates;
use crate::hold::{get_hold, list_holds};
use crate::ladder::{get_ladder, list_ladder_accounts, list_ladders};
use crate::ledger_entry::{get_entry, list_entries};
use crate::offer_availability::{get_account_offer, get_offer, list_offers};
use crate::operation::list_operations;
use crate::programme::{get_earning_rule, get_policy, list_earning_rules};
use crate::purchase::{find_purchases, get_purchase, list_purchases};
use crate::receipt::get_receipt;
use crate::seal::{get_balance_proof, get_seal, get_seal_proof, list_seals};
use crate::segment::{get_segment, list_segments};
use crate::shipping_request::{get_shipping_request, list_shipping_requests};
use crate::shipping_stream::get_shipping_stream;
use crate::total::{get_liability, get_totals};
use crate::unit::{get_unit, list_units};
use crate::wait::get_wait;

const OF_ACCOUNTS: &[Role] = &[Shopper, Merchant, Operator, Auditor];
const OF_SHIPPING: &[Role] = &[Warehouse, Operator, Auditor];
const OF_ANY_ACCOUNT: &[Role] = &[Merchant, Operator, Auditor];
const OF_ANY_ACCOUNT_OR_WAREHOUSE: &[Role] = &[Merchant, Operator, Auditor, Warehouse];
const OF_ALL_POINTS: &[Role] = &[Operator, Auditor];

/// The query API's routes, for those who need no table of them.
pub fn router(api: QueryApi) -> Router {
    routes().with_state(api).finish()
}

/// The query API's routes.
pub fn routes() -> Routes<QueryApi> {
    states().merge(facts())
}

/// What was recorded by a call, at the path to which it was put.
fn facts() -> Routes<QueryApi> {
    let account = Routes::new()
        .route(
            "/withdrawals/{withdrawal_id}",
            get(only(OF_ACCOUNTS, of_account("withdrawals")).about(Account)),
        )
        .route("/merger", get(only(OF_ALL_POINTS, get_merger).about(Account)))
        .route(
            "/erasures/{erasure_id}",
            get(only(OF_ALL_POINTS, of_account("erasures")).about(Account)),
        )
        .route(
            "/adjustments/{adjustment_id}",
            get(only(OF_ACCOUNTS, of_account("adjustments")).about(Account)),
        )
        .route("/transfers/{transfer_id}", get(only(OF_ACCOUNTS, get_transfer).about(Account)))
        .route(
            "/conversions/{conversion_id}",
            get(only(OF_ACCOUNTS, of_account("conversions")).about(Account)),
        )
        .route(
            "/holds/{hold_id}/extensions/{extension_id}",
            get(only(OF_ACCOUNTS, of_what("holds", "extensions")).about(Account)),
        )
        .route(
            "/holds/{hold_id}/refunds/{refund_id}",
            get(only(OF_ACCOUNTS, of_what("holds", "refunds")).about(Account)),
        )
        .route("/holds/{hold_id}/capture", get(only(OF_ACCOUNTS, get_capture).about(Account)))
        .route("/holds/{hold_id}/release", get(only(OF_ACCOUNTS, get_release).about(Account)))
        .route("/waits/{wait_id}/leaving", get(only(OF_ACCOUNTS, get_leaving).about(Account)))
        .route(
            "/purchases/{purchase_id}/returns/{return_id}",
            get(only(OF_ACCOUNTS, get_return).about(Account)),
        )
        .route(
            "/purchases/{purchase_id}/returns/{return_id}/reversal",
            get(only(OF_ACCOUNTS, get_return_reversal).about(Account)),
        )
        .route(
            "/withdrawals/{withdrawal_id}/reversal",
            get(only(OF_ACCOUNTS, get_withdrawal_reversal).about(Account)),
        )
        .route(
            "/exchanges/{exchange_id}/cancellations/{cancellation_id}",
            get(only(OF_ACCOUNTS, get_cancellation).about(Account)),
        )
        .route(
            "/tiers/{ladder}/grants/{grant_id}",
            get(only(OF_ACCOUNTS, of_grant("")).about(Account)),
        )
        .route(
            "/tiers/{ladder}/grants/{grant_id}/revocation",
            get(only(OF_ACCOUNTS, of_grant("/revocation")).about(Account)),
        );
    let request = Routes::new()
        .route("/acceptance", get(only(OF_SHIPPING, of_request("acceptance")).about(Shipping)))
        .route("/back-order", get(only(OF_SHIPPING, of_request("back-order")).about(Shipping)))
        .route(
            "/dispatch",
            get(only(OF_SHIPPING, of_request("dispatches/dispatch")).about(Shipping)),
        )
        .route("/dispatches/{dispatch_id}", get(only(OF_SHIPPING, of_parcel("")).about(Shipping)))
        .route(
            "/dispatches/{dispatch_id}/delivery",
            get(only(OF_SHIPPING, of_parcel("/delivery")).about(Shipping)),
        )
        .route("/delivery", get(only(OF_SHIPPING, of_request("delivery")).about(Shipping)))
        .route("/rejection", get(only(OF_SHIPPING, of_request("rejection")).about(Shipping)))
        .route("/settlement", get(only(OF_SHIPPING, of_request("settlement")).about(Shipping)));
    Routes::new()
        .nest("/v1/accounts/{account_id}", account)
        .nest("/v1/shipping-requests/{shipping_request_id}", request)
        .route("/v1/offers/{offer_id}/closure", get(only(OF_ALL_POINTS, get_closure).about(Offers)))
        .route("/v1/units/{unit}/closure", get(only(OF_ALL_POINTS, get_unit_closure)))
        .route(
            "/v1/conversion-rates/{from}/{to}/closure",
            get(only(OF_ALL_POINTS, get_rate_closure)),
        )
        .route(
            "/v1/offers/{offer_id}/stock-additions/{addition_id}",
            get(only(OF_ALL_POINTS, of_offer("stock-additions")).about(Offers)),
        )
        .route(
            "/v1/offers/{offer_id}/stock-removals/{removal_id}",
            get(only(OF_ALL_POINTS, of_offer("stock-removals")).about(Offers)),
        )
        .route(
            "/v1/offers/{offer_id}/code-uploads/{upload_id}",
            get(only(OF_ANY_ACCOUNT, get_code_upload).about(Offers)),
        )
        .route("/v1/offers/{offer_id}/pause", get(only(OF_ALL_POINTS, get_pause).about(Offers)))
        .route(
            "/v1/offers/{offer_id}/resumptions/{resumption_id}",
            get(only(OF_ALL_POINTS, of_offer("resumptions")).about(Offers)),
        )
        .route(
            "/v1/offers/{offer_id}/reopenings/{reopening_id}",
            get(only(OF_ALL_POINTS, of_offer("reopenings")).about(Offers)),
        )
        .route("/v1/clock/confirmation", get(only(OF_ALL_POINTS, get_clock_confirmation)))
}

/// What there is now.
fn states() -> Routes<QueryApi> {
    Routes::new()
        .route(
            "/v1/accounts/{account_id}",
            get(only(OF_ACCOUNTS, get_account).about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/entries",
            get(only(OF_ACCOUNTS, list_entries).as_list().about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/entries/{position}",
            get(only(OF_ACCOUNTS, get_entry).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/lots",
            get(only(OF_ACCOUNTS, list_lots).as_list().about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/expiry",
            get(only(OF_ACCOUNTS, get_expiry).about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/holds",
            get(only(OF_ACCOUNTS, list_holds).as_list().about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/holds/{hold_id}",
            get(only(OF_ACCOUNTS, get_hold).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/waits/{wait_id}",
            get(only(OF_ACCOUNTS, get_wait).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/purchases",
            get(only(OF_ACCOUNTS, list_purchases).as_list().about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/purchases/{purchase_id}",
            get(only(OF_ACCOUNTS, get_purchase).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/exchanges",
            get(only(OF_ACCOUNTS, list_exchanges).as_list().about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/exchanges/{exchange_id}",
            get(only(OF_ACCOUNTS, get_exchange).about(Account).with_query()),
        )
        .route(
            "/v1/accounts/{account_id}/exchanges/{exchange_id}/receipt",
            get(only(OF_ACCOUNTS, get_receipt).about(Account)),
        )
        .route(
            "/v1/exchanges",
            get(only(OF_ANY_ACCOUNT_OR_WAREHOUSE, find_exchanges).as_list().with_query()),
        )
        .route(
            "/v1/expiring-credit",
            get(only(OF_ANY_ACCOUNT, list_expiring).as_list().with_query()),
        )
        .route("/v1/purchases", get(only(OF_ANY_ACCOUNT, find_purchases).as_list().with_query()))
        .route(
            "/v1/accounts/{account_id}/offers/{offer_id}",
            get(only(OF_ACCOUNTS, get_account_offer).about(Account)),
        )
        .route("/v1/offers", get(only(Role::ALL, list_offers).as_list().about(Offers).with_query()))
        .route("/v1/offers/{offer_id}", get(only(Role::ALL, get_offer).about(Offers).with_query()))
        .route("/v1/offers/{offer_id}/countdown", get(only(Role::ALL, get_countdown).about(Offers)))
        .route("/v1/gates", get(only(Role::ALL, get_gates).about(Offers)))
        .route(
            "/v1/accounts/{account_id}/segments",
            get(only(OF_ACCOUNTS, list_segments).about(Account)),
        )
        .route(
            "/v1/accounts/{account_id}/segments/{segment}",
            get(only(OF_ACCOUNTS, get_segment).about(Account)),
        )
        .route(
            "/v1/shipping-requests",
            get(only(OF_SHIPPING, list_shipping_requests).as_list().about(Shipping).with_query()),
        )
        .route(
            "/v1/shipping-stream",
            get(only(OF_SHIPPING, get_shipping_stream).about(Shipping).with_query()),
        )
        .route(
            "/v1/earning-rules",
            get(only(Role::ALL, list_earning_rules).as_list().about(Programme).with_query()),
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
        .route("/v1/operations", get(only(OF_ALL_POINTS, list_operations).as_list().with_query()))
        .route("/v1/units", get(only(Role::ALL, list_units).as_list().about(Programme)))
        .route("/v1/units/{unit}", get(only(Role::ALL, get_unit).about(Programme)))
        .route("/v1/ladders", get(only(Role::ALL, list_ladders).as_list().about(Programme)))
        .route(
            "/v1/ladders/{ladder}",
            get(only(Role::ALL, get_ladder).about(Programme).with_query()),
        )
        .route(
            "/v1/ladders/{ladder}/accounts",
            get(only(OF_ALL_POINTS, list_ladder_accounts).as_list().with_query()),
        )
        .route(
            "/v1/conversion-rates",
            get(only(Role::ALL, list_conversion_rates).as_list().about(Programme).with_query()),
        )
        .route(
            "/v1/conversion-rates/{from}/{to}",
            get(only(Role::ALL, get_conversion_rate).about(Programme).with_query()),
        )
        .route("/v1/seals", get(only(OF_ALL_POINTS, list_seals).as_list().with_query()))
        .route("/v1/seals/{seal_id}", get(only(OF_ALL_POINTS, get_seal)))
        .route("/v1/seals/{seal_id}/proof", get(only(OF_ALL_POINTS, get_seal_proof)))
        .route(
            "/v1/accounts/{account_id}/balance-proof",
            get(only(OF_ACCOUNTS, get_balance_proof).about(Account).with_query()),
        )
        .route("/v1/totals", get(only(OF_ALL_POINTS, get_totals).as_list().with_query()))
        .route("/v1/liability", get(only(OF_ALL_POINTS, get_liability).as_list().with_query()))
}
