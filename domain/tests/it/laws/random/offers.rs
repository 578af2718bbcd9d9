//! Random commands about offers.

use domain::command::{AddStock, AmendOffer, OpenOffer, RemoveStock, ReopenOffer};
use domain::{Command, Page};

use super::{id, terms, units};

pub(super) fn open((offer, price, stock, limit): (u8, u64, Option<u64>, Option<u64>)) -> Command {
    Command::OpenOffer(OpenOffer {
        offer_id: id(&format!("offer-{offer}")),
        terms: terms(price, limit),
        page: Page::default(),
        stock: stock.map(units),
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
