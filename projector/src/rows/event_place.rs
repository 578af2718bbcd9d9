//! Where the events are that left no row of an account's credit, of an exchange or of a purchase.

use domain::{Event, ExchangeId, Message, ProgrammeChange};
use read_model::{EventPlace, PROGRAMME, subject_of_account, subject_of_offer};

use super::{At, Rows};

/// What an event is about, beside its account, and the exchange of one that leaves no row.
pub(super) fn about(event: &Event) -> (Option<String>, Option<ExchangeId>) {
    let subject = match event {
        Event::LogOpened(_) | Event::UnitSet(_) | Event::UnitClosed(_) | Event::LadderSet(_) => {
            Some(PROGRAMME.to_owned())
        }
        Event::MessageReceived(fact) if is_of_ladder(&fact.message) => Some(PROGRAMME.to_owned()),
        _ => event.offer_id().map(subject_of_offer),
    };
    let exchange_id = match event {
        Event::CreditDeducted(..) | Event::CreditRefunded(..) | Event::ExchangeCreated(..) => None,
        _ => event.exchange_id().cloned(),
    };
    (subject, exchange_id)
}

fn is_of_ladder(message: &Message) -> bool {
    matches!(message, Message::Programme(change) if matches!(**change, ProgrammeChange::Ladder(_)))
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
