//! What an event's place is noted under, where the event has no row of its own.

use domain::OfferId;

/// Units and ladders: what a read of any account goes by.
pub const PROGRAMME: &str = "programme";

/// The events of an account.
#[must_use]
pub fn subject_of_account(account_id: &str) -> String {
    format!("accounts/{account_id}")
}

/// What changed an offer.
#[must_use]
pub fn subject_of_offer(offer_id: &OfferId) -> String {
    format!("offers/{offer_id}")
}
