//! What random histories ask of offers.

use proptest::option::{of, weighted};
use proptest::prelude::*;

use super::super::ask::{Ask, AskedOrder, AskedTerms};
use super::{amount, when, who};

pub(super) fn offer() -> impl Strategy<Value = u8> {
    prop_oneof![6 => 0..2_u8, 1 => 2..4_u8]
}

pub(super) fn stock() -> impl Strategy<Value = Option<u64>> {
    of(prop_oneof![4 => 1..30_u64, 1 => 1..4_u64])
}

pub(super) fn asked_order(huge: bool) -> BoxedStrategy<AskedOrder> {
    let quantity = prop_oneof![2 => Just(1_u64), 2 => 2..5_u64];
    let quantity = match huge {
        true => prop_oneof![4 => quantity, 1 => amount(true)].boxed(),
        false => quantity.boxed(),
    };
    let chosen = weighted(0.8, 0..1_000_usize);
    let has_address = prop::bool::weighted(0.95);
    let expected = (weighted(0.05, 1..120_u64), weighted(0.05, (0..40_u64, 0..12_u64)));
    (0..14_u8, 0..4_u8, chosen, quantity, expected, has_address)
        .prop_map(|(exchange, offer, chosen, quantity, expected, has_address)| AskedOrder {
            has_address,
            exchange,
            offer,
            chosen,
            quantity,
            expected: expected.0,
            expected_all: expected.1,
        })
        .boxed()
}

pub(super) fn asked_terms() -> BoxedStrategy<AskedTerms> {
    let limit = weighted(0.3, 1..7_u64);
    let limits = [weighted(0.15, 1..4_u64), weighted(0.15, 2..6), weighted(0.15, 3..7)];
    let whose = (limit, limits, 0..4_usize, weighted(0.1, 0..2_u8));
    let (opens_at, closes_at) = (weighted(0.12, when(-3..4)), weighted(0.12, when(0..30)));
    let price = prop_oneof![9 => 1..40_u64, 1 => Just(0)];
    let ships = prop::bool::weighted(0.85);
    let unit = prop_oneof![8 => Just(1_u8), 1 => 2..4_u8];
    let other_price = weighted(0.3, (unit, 1..12_u64));
    ((price, other_price), ships, opens_at, closes_at, whose, weighted(0.2, 0..3_u8))
        .prop_map(|((price, other_price), ships, opens_at, closes_at, whose, name)| {
            let (limit, limits, zone, segment) = whose;
            AskedTerms {
                price,
                other_price,
                ships,
                opens_at,
                closes_at,
                limit,
                limits,
                zone,
                segment,
                name,
            }
        })
        .boxed()
}

pub(super) fn segment() -> impl Strategy<Value = Ask> {
    (who(), 0..2_u8, prop::bool::weighted(0.7))
        .prop_map(|(account, segment, member)| Ask::SetSegment { account, segment, member })
}
