//! Where the events are that left no row of an account's credit, of an exchange or of a purchase.

use domain::{Event, ExchangeId, OfferId, ShipmentReport, Shipped};
use read_model::{EventPlace, PROGRAMME, subject_of_account, subject_of_offer};

use super::{At, Rows};

/// What an event is about, beside its account, and its exchange.
pub(super) fn about(event: &Event) -> (Option<String>, Option<ExchangeId>) {
    let offer = |id: &OfferId| (Some(subject_of_offer(id)), None);
    let shipped = |shipped: &Shipped| match shipped {
        Shipped::ExchangeId(id) => (None, Some(id.clone())),
        Shipped::PurchaseId(_) => (None, None),
    };
    let report = |fact: &ShipmentReport| shipped(&fact.shipped);
    match event {
        Event::LogOpened(_) | Event::UnitSet(_) | Event::UnitClosed(_) | Event::LadderSet(_) => {
            (Some(PROGRAMME.to_owned()), None)
        }
        Event::OfferOpened(fact) => offer(&fact.offer_id),
        Event::OfferAmended(fact) => offer(&fact.offer_id),
        Event::OfferClosed(fact) => offer(&fact.offer_id),
        Event::OfferReopened(fact) => offer(&fact.offer_id),
        Event::StockAdded(fact) => offer(&fact.offer_id),
        Event::StockRemoved(fact) => offer(&fact.offer_id),
        Event::StockAmended(fact) => offer(&fact.offer_id),
        // The units go back to the offer.
        Event::ExchangeCancelled(_, fact) => {
            (Some(subject_of_offer(&fact.offer_id)), Some(fact.exchange_id.clone()))
        }
        Event::ShipmentDispatched(_, fact) => shipped(&fact.shipped),
        Event::ShipmentAccepted(_, fact)
        | Event::ShipmentBackOrdered(_, fact)
        | Event::ShipmentDelivered(_, fact)
        | Event::ShipmentRejected(_, fact)
        | Event::ShipmentAskedAgain(_, fact)
        | Event::ShipmentSettled(_, fact) => report(fact),
        _ => (None, None),
    }
}

impl Rows {
    /// How many rows have the place of an account's event.
    pub(super) fn with_place(&self) -> usize {
        self.entries.len() + self.exchanges.len() + self.purchases.len()
    }

    /// Notes where an event is: under what it is about, and under its account unless a row has its
    /// place already.
    pub(super) fn note_place(
        &mut self,
        at: At<'_>,
        has_row: bool,
        subject: Option<String>,
        exchange_id: Option<ExchangeId>,
    ) {
        let place = at.place();
        if let Some(subject) = subject {
            self.places.push(EventPlace { subject, place, exchange_id: None });
        }
        if let Some(account_id) = at.row.account_id.as_deref().filter(|_| !has_row) {
            let (subject, exchange_id) =
                (subject_of_account(account_id), exchange_id.map(|id| id.to_string()));
            self.places.push(EventPlace { subject, place, exchange_id });
        }
    }
}
