//! Every route that writes, and who may use it.

use axum::Router;
use wire::About::{Account, Offers, Shipping};
use wire::Role::{Auditor, Merchant, Operator, Shopper, Warehouse};
use wire::{CallClass, Routes, get, only, post, put};

use crate::CommandApi;
use crate::add_stock::add_stock;
use crate::adjust_credit::adjust_credit;
use crate::cancel_exchange::cancel_exchange;
use crate::capture_hold::capture_hold;
use crate::close_offer::close_offer;
use crate::confirm_clock::confirm_clock;
use crate::convert_credit::convert_credit;
use crate::earn_credit::earn_credit;
use crate::earn_credits::earn_credits;
use crate::erase_account::{erase_account, get_erasure};
use crate::extend_hold::extend_hold;
use crate::grant_tier::{grant_tier, revoke_grant};
use crate::hold_credit::hold_credit;
use crate::join_waiting_list::join_waiting_list;
use crate::keys::{create_key, list_keys, revoke_key, rotate_key};
use crate::leave_waiting_list::leave_waiting_list;
use crate::marks::{list_marks, mark_account, mark_request, unmark_account, unmark_request};
use crate::merge_account::merge_account;
use crate::open_account::open_account;
use crate::pause_offer::{pause_offer, resume_offer};
use crate::put_conversion_rate::{close_conversion_rate, put_conversion_rate};
use crate::put_earning_rule::{patch_earning_rule, put_earning_rule};
use crate::put_ladder::put_ladder;
use crate::put_offer::{patch_offer, put_offer};
use crate::put_policy::{patch_policy, put_policy};
use crate::put_unit::{close_unit, put_unit};
use crate::record_purchase::record_purchase;
use crate::record_purchases::record_purchases;
use crate::redeem::{redeem, redeem_by_key};
use crate::redeem_later::get_attempt;
use crate::refund_capture::refund_capture;
use crate::release_hold::release_hold;
use crate::remove_stock::remove_stock;
use crate::reopen_offer::reopen_offer;
use crate::return_purchase::return_purchase;
use crate::reverse_return::reverse_return;
use crate::reverse_withdrawal::reverse_withdrawal;
use crate::seal_balances::seal_balances;
use crate::set_segment::set_segment;
use crate::shipment::{
    accept_shipment, back_order_shipment, deliver_parcel, deliver_shipment, dispatch_parcel,
    dispatch_shipment, reject_shipment, settle_shipment,
};
use crate::switches::{get_switch, list_switches, turn_switch};
use crate::transfer_credit::transfer_credit;
use crate::upload_codes::upload_codes;
use crate::withdraw_credit::withdraw_credit;

/// The command API's routes, for those who need no table of them.
pub fn router(api: CommandApi) -> Router {
    routes().with_state(api).finish()
}

/// The command API's routes.
pub fn routes() -> Routes<CommandApi> {
    let account = Routes::new()
        .route("/credits", post(only(&[Merchant, Operator], earn_credit).about(Account)))
        .route(
            "/purchases/{purchase_id}",
            put(only(&[Merchant, Operator], record_purchase).about(Account)),
        )
        .route(
            "/purchases/{purchase_id}/returns/{return_id}",
            put(only(&[Merchant, Operator], return_purchase).about(Account)),
        )
        .route(
            "/purchases/{purchase_id}/returns/{return_id}/reversal",
            put(only(&[Merchant, Operator], reverse_return).about(Account)),
        )
        .route(
            "/withdrawals/{withdrawal_id}",
            put(only(&[Merchant, Operator], withdraw_credit).about(Account)),
        )
        .route(
            "/withdrawals/{withdrawal_id}/reversal",
            put(only(&[Merchant, Operator], reverse_withdrawal).about(Account)),
        )
        .route("/adjustments/{adjustment_id}", put(only(&[Operator], adjust_credit).about(Account)))
        .route("/holds/{hold_id}", put(only(&[Shopper], hold_credit).about(Account)))
        .route(
            "/holds/{hold_id}/extensions/{extension_id}",
            put(only(&[Shopper], extend_hold).about(Account)),
        )
        .route("/holds/{hold_id}/capture", put(only(&[Shopper], capture_hold).about(Account)))
        .route(
            "/holds/{hold_id}/refunds/{refund_id}",
            put(only(&[Merchant, Operator], refund_capture).about(Account)),
        )
        .route(
            "/holds/{hold_id}/release",
            put(only(&[Shopper, Operator], release_hold).about(Account)),
        )
        .route("/waits/{wait_id}", put(only(&[Shopper], join_waiting_list).about(Account)))
        .route(
            "/waits/{wait_id}/leaving",
            put(only(&[Shopper, Operator], leave_waiting_list).about(Account)),
        )
        .route(
            "/exchanges/{exchange_id}/cancellations/{cancellation_id}",
            put(only(&[Shopper, Operator], cancel_exchange).about(Account)),
        )
        .route("/transfers/{transfer_id}", put(only(&[Shopper], transfer_credit).about(Account)))
        .route(
            "/tiers/{ladder}/grants/{grant_id}",
            put(only(&[Operator], grant_tier).about(Account)),
        )
        .route(
            "/tiers/{ladder}/grants/{grant_id}/revocation",
            put(only(&[Operator], revoke_grant).about(Account)),
        )
        .route(
            "/segments/{segment}",
            put(only(&[Merchant, Operator], set_segment).about(Account).with_versions()),
        )
        .route(
            "/conversions/{conversion_id}",
            put(only(&[Shopper, Operator], convert_credit).about(Account)),
        )
        .route(
            "/exchanges/{exchange_id}/attempt",
            get(only(&[Shopper, Merchant, Operator, Auditor], get_attempt).about(Account)),
        )
        .route("/merger", put(only(&[Operator], merge_account).about(Account)))
        .route("/erasures/{erasure_id}", put(only(&[Operator], erase_account).about(Account)))
        .route("/erasure", get(only(&[Operator, Auditor], get_erasure).about(Account)));
    let shipping_request = Routes::new()
        .route("/acceptance", put(only(&[Warehouse, Operator], accept_shipment).about(Shipping)))
        .route(
            "/back-order",
            put(only(&[Warehouse, Operator], back_order_shipment).about(Shipping)),
        )
        .route("/dispatch", put(only(&[Warehouse, Operator], dispatch_shipment).about(Shipping)))
        .route(
            "/dispatches/{dispatch_id}",
            put(only(&[Warehouse, Operator], dispatch_parcel).about(Shipping)),
        )
        .route(
            "/dispatches/{dispatch_id}/delivery",
            put(only(&[Warehouse, Operator], deliver_parcel).about(Shipping)),
        )
        .route("/delivery", put(only(&[Warehouse, Operator], deliver_shipment).about(Shipping)))
        .route("/rejection", put(only(&[Warehouse, Operator], reject_shipment).about(Shipping)))
        .route("/settlement", put(only(&[Operator], settle_shipment).about(Shipping)));
    Routes::new()
        .nest("/v1/accounts/{account_id}", account)
        .route(
            "/v1/accounts/{account_id}",
            put(only(&[Shopper, Merchant, Operator], open_account).about(Account)),
        )
        .route(
            "/v1/offers/{offer_id}",
            put(only(&[Operator], put_offer).about(Offers).with_versions())
                .patch(only(&[Operator], patch_offer).about(Offers).with_versions()),
        )
        .route(
            "/v1/earning-rules/{rule_id}",
            put(only(&[Operator], put_earning_rule).with_versions())
                .patch(only(&[Operator], patch_earning_rule).with_versions()),
        )
        .route("/v1/units/{unit}", put(only(&[Operator], put_unit).with_versions()))
        .route("/v1/units/{unit}/closure", put(only(&[Operator], close_unit)))
        .route("/v1/ladders/{ladder}", put(only(&[Operator], put_ladder).with_versions()))
        .route(
            "/v1/conversion-rates/{from}/{to}",
            put(only(&[Operator], put_conversion_rate).with_versions()),
        )
        .route(
            "/v1/conversion-rates/{from}/{to}/closure",
            put(only(&[Operator], close_conversion_rate)),
        )
        .route(
            "/v1/credits",
            post(only(&[Merchant, Operator], earn_credits).in_class(CallClass::Batches)),
        )
        .route(
            "/v1/purchases",
            post(only(&[Merchant, Operator], record_purchases).in_class(CallClass::Batches)),
        )
        .route("/v1/offers/{offer_id}/closure", put(only(&[Operator], close_offer).about(Offers)))
        .route(
            "/v1/offers/{offer_id}/stock-additions/{addition_id}",
            put(only(&[Operator], add_stock).about(Offers)),
        )
        .route(
            "/v1/offers/{offer_id}/code-uploads/{upload_id}",
            put(only(&[Merchant, Operator], upload_codes)
                .about(Offers)
                .in_class(CallClass::Batches)),
        )
        .route(
            "/v1/offers/{offer_id}/stock-removals/{removal_id}",
            put(only(&[Operator], remove_stock).about(Offers).with_versions()),
        )
        .route(
            "/v1/offers/{offer_id}/pause",
            put(only(&[Operator], pause_offer).about(Offers).with_versions()),
        )
        .route(
            "/v1/offers/{offer_id}/resumptions/{resumption_id}",
            put(only(&[Operator], resume_offer).about(Offers).with_versions()),
        )
        .route(
            "/v1/offers/{offer_id}/reopenings/{reopening_id}",
            put(only(&[Operator], reopen_offer).about(Offers).with_versions()),
        )
        .route(
            "/v1/policy",
            put(only(&[Operator], put_policy).with_versions())
                .patch(only(&[Operator], patch_policy).with_versions()),
        )
        .nest("/v1/shipping-requests/{shipping_request_id}", shipping_request)
        .route("/v1/keys", get(only(&[Operator], list_keys)).post(only(&[Operator], create_key)))
        .route("/v1/keys/{key_id}/revocation", put(only(&[Operator], revoke_key)))
        .route("/v1/keys/{key_id}/rotations", post(only(&[Operator], rotate_key)))
        .route("/v1/marks", get(only(&[Operator, Auditor], list_marks)))
        .route(
            "/v1/marks/accounts/{marked_id}",
            put(only(&[Operator], mark_account)).delete(only(&[Operator], unmark_account)),
        )
        .route(
            "/v1/marks/requests/{marked_id}",
            put(only(&[Operator], mark_request)).delete(only(&[Operator], unmark_request)),
        )
        .route("/v1/clock/confirmation", put(only(&[Operator], confirm_clock)))
        // Never limited: one of them scales limits.
        .route("/v1/switches", get(only(&[Operator, Auditor], list_switches).never_limited()))
        .route(
            "/v1/switches/{switch}",
            put(only(&[Operator], turn_switch).with_versions().never_limited())
                .get(only(&[Operator, Auditor], get_switch).never_limited()),
        )
        .route("/v1/seals/{seal_id}", put(only(&[Operator], seal_balances)))
        // Not nested, for these are what a rush is made of.
        .route(
            "/v1/accounts/{account_id}/exchanges/{exchange_id}",
            put(only(&[Shopper], redeem)
                .about(Account)
                .with_query()
                .in_class(CallClass::Redemptions)),
        )
        .route(
            "/v1/accounts/{account_id}/exchanges",
            post(
                only(&[Shopper], redeem_by_key)
                    .about(Account)
                    .with_query()
                    .in_class(CallClass::Redemptions),
            ),
        )
}
