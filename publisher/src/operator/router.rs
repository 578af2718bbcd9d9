//! Every route of the publisher, and which roles may use it.

use wire::Role::{Auditor, Operator};
use wire::{KeyRing, Routes, get, only, post};

use super::api::PublisherApi;
use super::continuation::continue_warehouse;
use super::overdue::list_overdue;
use super::parked::{discard_parked, get_parked, list_parked, retry_parked};
use super::replay::{get_replay, start_replay};
use super::report::get_publisher;
use super::resend::resend;
use crate::publisher::Publisher;

/// The publisher's routes.
pub fn routes(publisher: Publisher, keys: KeyRing) -> Routes {
    Routes::new()
        .route("/v1/publisher", get(only(&[Operator, Auditor], get_publisher)))
        .route(
            "/v1/publisher/warehouses/{warehouse}/continuation",
            post(only(&[Operator], continue_warehouse)),
        )
        .route("/v1/overdue-shipping-requests", get(only(&[Operator], list_overdue).with_query()))
        .route(
            "/v1/shipping-requests/{shipping_request_id}/resend",
            post(only(&[Operator], resend)),
        )
        .route("/v1/parked-messages", get(only(&[Operator], list_parked).with_query()))
        .route(
            "/v1/parked-messages/{parked_id}",
            get(only(&[Operator], get_parked)).delete(only(&[Operator], discard_parked)),
        )
        .route("/v1/parked-messages/{parked_id}/retry", post(only(&[Operator], retry_parked)))
        .route("/v1/shipping-stream/replays", post(only(&[Operator], start_replay)))
        .route("/v1/shipping-stream/replays/{replay_id}", get(only(&[Operator], get_replay)))
        .with_state(PublisherApi { publisher, keys })
}
