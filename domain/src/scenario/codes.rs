//! Offers of codes.

use log_record::{Partition, Place, Position};

use super::Scenario;
use super::commands::open;
use super::events::exchanged;
use super::offers::with_terms;
use super::values::*;
use crate::command::UploadCodes;
use crate::{
    Allocation, CodeAdded, CodeHash, CodesUploaded, Command, Event, ExchangeCreated, Terms,
};

/// Begins to offer codes.
pub(crate) fn open_codes(offer: &str, price: u64) -> Command {
    with_terms(open(offer, price, None), of_codes)
}

pub(crate) fn of_codes(terms: Terms) -> Terms {
    Terms { codes: true, ..unshipped_terms(terms) }
}

pub(crate) fn unshipped_terms(terms: Terms) -> Terms {
    Terms { ships: false, ..terms }
}

pub(crate) fn upload<'a>(
    offer: &str,
    upload: &str,
    codes: impl IntoIterator<Item = &'a str>,
) -> Command {
    // Without a key, which is not the domain's.
    let hashed = |code: &str| {
        let mut hash = [0; 16];
        hash[..code.len()].copy_from_slice(code.as_bytes());
        (CodeHash(hash), id(code))
    };
    let codes = codes.into_iter().map(hashed).collect();
    Command::UploadCodes(UploadCodes { offer_id: id(offer), upload_id: id(upload), codes })
}

/// An exchange got the code that the event at this position has, for nothing.
pub(crate) fn code_handed_out(account: &str, exchange: &str, offer: &str, position: u64) -> Event {
    let Event::ExchangeCreated(account, fact) = exchanged(account, exchange, offer, 0) else {
        unreachable!()
    };
    let place = Place { partition: Partition(0), position: Position(position) };
    let allocation = Allocation::Code(place);
    let fact = ExchangeCreated { allocation, warehouse: None, deliver_to: None, ..fact };
    Event::ExchangeCreated(account, fact)
}

/// A code comes into the pool.
pub(crate) fn code_added(offer: &str, code: &str) -> Event {
    let Command::UploadCodes(it) = upload(offer, "u", [code]) else { unreachable!() };
    let (hash, code) = it.codes.into_iter().next().expect("one");
    Event::CodeAdded(CodeAdded { offer_id: it.offer_id, hash, code: Some(code) })
}

pub(crate) fn codes_uploaded(offer: &str, upload: &str, codes: u64) -> Event {
    Event::CodesUploaded(CodesUploaded {
        offer_id: id(offer),
        upload_id: id(upload),
        codes: units(codes),
        hash: CodeHash([0; 16]),
    })
}

impl Scenario {
    /// The last exchange handed out the code that the event at this position has.
    #[track_caller]
    pub(crate) fn hands_out(self, position: u64) -> Self {
        let created = self.events.iter().rev().find_map(|event| match event {
            Event::ExchangeCreated(_, fact) => Some(&fact.allocation),
            _ => None,
        });
        let place = Place { partition: Partition(0), position: Position(position) };
        assert_eq!(created, Some(&Allocation::Code(place)));
        self
    }
}
