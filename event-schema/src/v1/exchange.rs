//! Exchanges of points for goods.

use std::borrow::Cow;

use domain::{
    Allocation, CancellationId, ExchangeId, HoldId, LadderTier, Note, OfferId, Points, Price,
    Prices, ProductId, Timestamp, Units, WarehouseId,
};
use log_record::PackedPlace;
use serde::{Deserialize, Serialize};

use super::limit::LimitDays;
use super::recorded_cancellation;

/// `exchange-created`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ExchangeCreated<'a> {
    exchange_id: Cow<'a, ExchangeId>,
    offer_id: Cow<'a, OfferId>,
    product_id: Cow<'a, ProductId>,
    quantity: Units,
    /// The event that has the code which was handed out; missing where it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_at: Option<PackedPlace>,
    /// 0 points where it was free.
    prices: Cow<'a, Prices>,
    /// Missing where none counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<LadderTier>,
    /// Missing where no period has a limit.
    #[serde(default, skip_serializing_if = "LimitDays::is_empty")]
    counted: LimitDays,
    /// Missing where nothing is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warehouse: Option<Cow<'a, WarehouseId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold_id: Option<Cow<'a, HoldId>>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "domain::optional_sum")]
    expected_points: Option<Points>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_prices: Option<Cow<'a, [Price]>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::ExchangeCreated> for ExchangeCreated<'a> {
    fn from(fact: &'a domain::ExchangeCreated) -> Self {
        // What is private goes into the private text.
        let domain::ExchangeCreated {
            exchange_id,
            offer_id,
            product_id,
            allocation,
            prices,
            tier,
            counted,
            warehouse,
            hold_id,
            expected_points,
            expected_prices,
            occurred_at,
            deliver_to: _,
        } = fact;
        Self {
            exchange_id: Cow::Borrowed(exchange_id),
            offer_id: Cow::Borrowed(offer_id),
            product_id: Cow::Borrowed(product_id),
            quantity: allocation.quantity(),
            code_at: allocation.code().map(PackedPlace::from),
            prices: Cow::Borrowed(prices),
            tier: *tier,
            counted: (*counted).into(),
            warehouse: warehouse.as_ref().map(Cow::Borrowed),
            hold_id: hold_id.as_ref().map(Cow::Borrowed),
            expected_points: *expected_points,
            expected_prices: expected_prices.as_deref().map(Cow::Borrowed),
            occurred_at: *occurred_at,
        }
    }
}

impl From<ExchangeCreated<'_>> for domain::ExchangeCreated {
    fn from(stored: ExchangeCreated<'_>) -> Self {
        let ExchangeCreated {
            exchange_id,
            offer_id,
            product_id,
            quantity,
            code_at,
            prices,
            tier,
            counted,
            warehouse,
            hold_id,
            expected_points,
            expected_prices,
            occurred_at,
        } = stored;
        Self {
            exchange_id: exchange_id.into_owned(),
            offer_id: offer_id.into_owned(),
            product_id: product_id.into_owned(),
            allocation: allocation(quantity, code_at),
            prices: prices.into_owned(),
            tier,
            counted: counted.into(),
            warehouse: warehouse.map(Cow::into_owned),
            hold_id: hold_id.map(Cow::into_owned),
            expected_points,
            expected_prices: expected_prices.map(|prices| prices.into_owned().into()),
            occurred_at,
            deliver_to: None,
        }
    }
}

fn allocation(quantity: Units, code_at: Option<PackedPlace>) -> Allocation {
    code_at.map_or(Allocation::Units(quantity), |code| Allocation::Code(code.into()))
}

/// What an exchange was when it was created.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ordered<'a> {
    quantity: Units,
    prices: Cow<'a, Prices>,
    /// Missing where no period had a limit.
    #[serde(default, skip_serializing_if = "LimitDays::is_empty")]
    counted: LimitDays,
}

impl<'a> From<&'a domain::Ordered> for Ordered<'a> {
    fn from(fact: &'a domain::Ordered) -> Self {
        let domain::Ordered { quantity, prices, counted } = fact;
        Self { quantity: *quantity, prices: Cow::Borrowed(prices), counted: (*counted).into() }
    }
}

impl From<Ordered<'_>> for domain::Ordered {
    fn from(stored: Ordered<'_>) -> Self {
        let Ordered { quantity, prices, counted } = stored;
        Self { quantity, prices: prices.into_owned(), counted: counted.into() }
    }
}

/// `exchange-cancelled`.
#[derive(Serialize, Deserialize)]
pub(crate) struct ExchangeCancelled<'a> {
    exchange_id: Cow<'a, ExchangeId>,
    /// `~rejected` after a rejection.
    #[serde(deserialize_with = "recorded_cancellation")]
    cancellation_id: Cow<'a, CancellationId>,
    offer_id: Cow<'a, OfferId>,
    quantity: Units,
    /// The event that has the code, which stays handed out; missing where it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_at: Option<PackedPlace>,
    /// Units of which nothing came back are missing.
    refunded: Cow<'a, [Price]>,
    of: Ordered<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_quantity: Option<Units>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::ExchangeCancelled> for ExchangeCancelled<'a> {
    fn from(fact: &'a domain::ExchangeCancelled) -> Self {
        // What is private goes into the private text.
        let domain::ExchangeCancelled {
            exchange_id,
            cancellation_id,
            offer_id,
            allocation,
            refunded,
            of,
            asked_quantity,
            occurred_at,
            note: _,
        } = fact;
        Self {
            exchange_id: Cow::Borrowed(exchange_id),
            cancellation_id: Cow::Borrowed(cancellation_id),
            offer_id: Cow::Borrowed(offer_id),
            quantity: allocation.quantity(),
            code_at: allocation.code().map(PackedPlace::from),
            refunded: Cow::Borrowed(refunded),
            of: of.into(),
            asked_quantity: *asked_quantity,
            occurred_at: *occurred_at,
        }
    }
}

impl From<ExchangeCancelled<'_>> for domain::ExchangeCancelled {
    fn from(stored: ExchangeCancelled<'_>) -> Self {
        let ExchangeCancelled {
            exchange_id,
            cancellation_id,
            offer_id,
            quantity,
            code_at,
            refunded,
            of,
            asked_quantity,
            occurred_at,
        } = stored;
        Self {
            exchange_id: exchange_id.into_owned(),
            cancellation_id: cancellation_id.into_owned(),
            offer_id: offer_id.into_owned(),
            allocation: allocation(quantity, code_at),
            refunded: refunded.into_owned().into(),
            of: of.into(),
            asked_quantity,
            occurred_at,
            note: Note::default(),
        }
    }
}
