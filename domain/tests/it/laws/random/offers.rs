//! Random commands about offers.

use domain::command::{
    AddStock, AmendOffer, OpenOffer, PauseOffer, RemoveStock, ReopenOffer, ReserveOffer,
    ResumeOffer, UploadCodes,
};
use domain::{CodeHash, Command, Page, PeriodLimits, Points, Price, Prices, Terms, TimeZone};

use super::{id, points, shopper, time, units};

pub(super) fn open((offer, price, stock, limit): (u8, u64, Option<u64>, Option<u64>)) -> Command {
    Command::OpenOffer(OpenOffer {
        offer_id: id(&format!("offer-{offer}")),
        terms: terms(price, limit),
        page: Page::default(),
        stock: stock.map(units),
    })
}

/// The first three offers are of goods, this one is of codes.
const OF_CODES: &str = "offer-3";

pub(super) fn open_codes((price, limit): (u64, Option<u64>)) -> Command {
    let terms = Terms { ships: false, codes: true, ..terms(price, limit) };
    let (offer_id, page) = (id(OF_CODES), Page::default());
    Command::OpenOffer(OpenOffer { offer_id, terms, page, stock: None })
}

/// Codes of few, so that some are known.
pub(super) fn upload((offer, upload, first, count): (bool, u8, u8, u8)) -> Command {
    let code = |number: u8| (CodeHash([number; 16]), id(&format!("CODE-{number}")));
    Command::UploadCodes(UploadCodes {
        offer_id: id(if offer { OF_CODES } else { "offer-0" }),
        upload_id: id(&format!("u-{upload}")),
        codes: (first..first + count).map(code).collect(),
    })
}

pub(super) fn amend((offer, price, read_version): (u8, u64, Option<u64>)) -> Command {
    Command::AmendOffer(AmendOffer {
        offer_id: id(&format!("offer-{offer}")),
        terms: terms(price, None),
        page: Page::default(),
        stock: None,
        read_versions: read_version.map(|read| [read].into()),
    })
}

pub(super) fn add((offer, addition, count): (u8, u8, u64)) -> Command {
    Command::AddStock(AddStock {
        offer_id: id(&format!("offer-{offer}")),
        addition_id: id(&format!("s-{addition}")),
        units: units(count),
    })
}

pub(super) fn remove((offer, removal, count): (u8, u8, u64)) -> Command {
    Command::RemoveStock(RemoveStock {
        offer_id: id(&format!("offer-{offer}")),
        removal_id: id(&format!("d-{removal}")),
        units: units(count),
        read_versions: None,
    })
}

pub(super) fn limit((offer, price, stock): (u8, u64, Option<u64>)) -> Command {
    Command::AmendOffer(AmendOffer {
        offer_id: id(&format!("offer-{offer}")),
        terms: terms(price, None),
        page: Page::default(),
        stock: Some(stock.map(units)),
        read_versions: None,
    })
}

pub(super) fn reopen((offer, reopening): (u8, u8)) -> Command {
    Command::ReopenOffer(ReopenOffer {
        offer_id: id(&format!("offer-{offer}")),
        reopening_id: id(&format!("o-{reopening}")),
        read_versions: None,
    })
}

pub(super) fn pause(offer: u8) -> Command {
    let offer_id = id(&format!("offer-{offer}"));
    Command::PauseOffer(PauseOffer { offer_id, read_versions: None })
}

pub(super) fn resume((offer, resumption): (u8, u8)) -> Command {
    Command::ResumeOffer(ResumeOffer {
        offer_id: id(&format!("offer-{offer}")),
        resumption_id: id(&format!("r-{resumption}")),
        read_versions: None,
    })
}

pub(super) fn reserve((who, hold, offer, quantity, deadline): (u8, u8, u8, u64, i64)) -> Command {
    Command::ReserveOffer(ReserveOffer {
        account_id: shopper(who),
        hold_id: id(&format!("h-{hold}")),
        offer_id: id(&format!("offer-{offer}")),
        quantity: units(quantity),
        deadline: time(deadline),
        expected_points: None,
        expected_prices: None,
        occurred_at: None,
    })
}

/// Some cost miles, too, or miles alone.
fn prices(price: u64) -> Prices {
    let of = |unit: &str, amount: u64| Price { unit: id(unit), points: points(amount) };
    let prices = match price {
        0 => return Prices::of_points(Points::ZERO),
        price if price % 5 == 0 => vec![of("points", price), of("miles", price % 3 + 1)],
        price if price % 7 == 0 => vec![of("miles", price)],
        price => vec![of("points", price)],
    };
    Prices::try_from(prices).expect("prices")
}

pub(crate) fn terms(price: u64, limit: Option<u64>) -> Terms {
    Terms {
        product_id: id("product"),
        prices: prices(price),
        tier: None,
        segment: None,
        tier_prices: domain::TierPrices::default(),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: limit.map(units),
        period_limits: PeriodLimits { week: limit.map(units), ..PeriodLimits::default() },
        time_zone: TimeZone::default(),
        warehouse: id("main"),
        ships: true,
        codes: false,
    }
}
