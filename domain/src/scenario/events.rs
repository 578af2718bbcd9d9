//! Events in few words.

use super::values::*;
use crate::*;

pub(crate) fn earned(account: &str, amount: u64, basket: &str) -> Event {
    Event::CreditEarned(
        id(account),
        CreditEarned::new(UnitId::POINTS, points(amount), cause(basket)),
    )
}

pub(crate) fn opened(offer: &str, price: u64, stock: Option<u64>) -> Event {
    opened_with(offer, price, stock, None)
}

pub(crate) fn opened_with(
    offer: &str,
    price: u64,
    stock: Option<u64>,
    limit: Option<u64>,
) -> Event {
    let terms = Terms { limit_per_shopper: limit.map(units), ..terms(price) };
    let (page, stock) = (Page::default(), stock.map(units));
    Event::OfferOpened(OfferOpened { offer_id: id(offer), terms, page, stock })
}

pub(crate) fn opened_between(offer: &str, price: u64, from: i64, until: i64) -> Event {
    let terms = Terms { opens_at: Some(time(from)), closes_at: Some(time(until)), ..terms(price) };
    Event::OfferOpened(OfferOpened {
        offer_id: id(offer),
        terms,
        page: Page::default(),
        stock: None,
    })
}

pub(crate) fn amended(offer: &str, price: u64, version: u64) -> Event {
    let page = Page::default();
    Event::OfferAmended(OfferAmended { offer_id: id(offer), version, terms: terms(price), page })
}

pub(crate) fn closed(offer: &str) -> Event {
    Event::OfferClosed(OfferClosed { offer_id: id(offer), version: 2 })
}

pub(crate) fn stock_removed(offer: &str, removal: &str, by: u64) -> Event {
    Event::StockRemoved(StockRemoved {
        offer_id: id(offer),
        removal_id: id(removal),
        units: units(by),
    })
}

pub(crate) fn stock_amended(offer: &str, stock: Option<u64>, version: u64) -> Event {
    let stock = stock.map(units);
    Event::StockAmended(StockAmended { offer_id: id(offer), version, stock })
}

pub(crate) fn stock_added(offer: &str, addition: &str, by: u64) -> Event {
    Event::StockAdded(StockAdded {
        offer_id: id(offer),
        addition_id: id(addition),
        units: units(by),
    })
}

pub(crate) fn deducted(account: &str, exchange: &str, lots: &[(u64, u64)]) -> Event {
    deducted_of("points", account, exchange, lots)
}

pub(crate) fn deducted_of(unit: &str, account: &str, exchange: &str, lots: &[(u64, u64)]) -> Event {
    let sum = lots.iter().map(|(_, amount)| amount).sum();
    let lots = lots
        .iter()
        .map(|(position, amount)| LotPart::lasting(lot(*position), points(*amount)))
        .collect();
    let grace = Policy::default().grace();
    let (exchange_id, points) = (id(exchange), points(sum));
    let fact = CreditDeducted { exchange_id, unit: id(unit), points, lots, grace };
    Event::CreditDeducted(id(account), fact)
}

pub(crate) fn exchanged(account: &str, exchange: &str, offer: &str, cost: u64) -> Event {
    let prices = Prices::of_points(Points::sum_of(cost).expect("a cost"));
    exchanged_at(prices, account, exchange, offer)
}

pub(crate) fn exchanged_for(
    prices: &[(&str, u64)],
    account: &str,
    exchange: &str,
    offer: &str,
) -> Event {
    exchanged_at(prices_of(prices), account, exchange, offer)
}

fn exchanged_at(prices: Prices, account: &str, exchange: &str, offer: &str) -> Event {
    let fact = ExchangeCreated {
        exchange_id: id(exchange),
        offer_id: id(offer),
        product_id: id("product"),
        allocation: Allocation::Units(units(1)),
        prices,
        tier: None,
        counted: LimitDays::default(),
        warehouse: Some(id("main")),
        hold_id: None,
        expected_points: None,
        expected_prices: None,
        occurred_at: None,
        deliver_to: Some(id("1 Elm Street")),
    };
    Event::ExchangeCreated(id(account), fact)
}

pub(crate) fn redemption(
    account: &str,
    exchange: &str,
    offer: &str,
    lot: u64,
    cost: u64,
) -> [Event; 2] {
    [deducted(account, exchange, &[(lot, cost)]), exchanged(account, exchange, offer, cost)]
}
