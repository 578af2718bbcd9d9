//! What can be asked of the ledger, and the one function that answers.
//!
//! Each command's file has its fields, its rules in order of precedence, and its scenarios.

mod add_stock;
mod amend_offer;
mod close_offer;
mod earn_credit;
mod open_offer;
mod redeem;

pub use add_stock::AddStock;
pub use amend_offer::AmendOffer;
pub use close_offer::CloseOffer;
pub use earn_credit::EarnCredit;
pub use open_offer::OpenOffer;
pub use redeem::Redeem;

use log_record::Position;

use crate::{Event, IdHash, OfferId, Refusal, State, Timestamp};

/// Something asked of the ledger, valid in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Give a shopper credit.
    EarnCredit(EarnCredit),
    /// Begin to offer something.
    OpenOffer(OpenOffer),
    /// Replace an offer's terms.
    AmendOffer(AmendOffer),
    /// End an offer.
    CloseOffer(CloseOffer),
    /// Add to an offer's stock.
    AddStock(AddStock),
    /// Exchange credit for goods.
    Redeem(Redeem),
}

/// What is to be done about a command that wasn't refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Append these events, all or none; they are one or two.
    Record(Vec<Event>),
    /// The command's id was recorded by the event at this position: answer from it.
    Repeat(Position),
    /// What was asked for is so already, and nothing is recorded.
    Standing,
}

/// Decides a command against the state, at a time that the writer stamped.
pub fn decide(state: &State, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    if let Some(at) = command.id_hash().and_then(|id| state.recorded().position_of(id)) {
        return Ok(Decision::Repeat(at));
    }
    match command {
        Command::EarnCredit(command) => command.decide(state),
        Command::OpenOffer(command) => command.decide(state),
        Command::AmendOffer(command) => command.decide(state),
        Command::CloseOffer(command) => command.decide(state),
        Command::AddStock(command) => command.decide(state),
        Command::Redeem(command) => command.decide(state, now),
    }
}

impl Command {
    /// The name that is kept in the events' metadata.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::EarnCredit(_) => "earn-credit",
            Self::OpenOffer(_) => "open-offer",
            Self::AmendOffer(_) => "amend-offer",
            Self::CloseOffer(_) => "close-offer",
            Self::AddStock(_) => "add-stock",
            Self::Redeem(_) => "redeem",
        }
    }

    /// The id that makes a repeat of this command a repeat. An offer's own commands need none:
    /// their repeat is known by the offer being as asked for.
    #[must_use]
    pub fn id_hash(&self) -> Option<IdHash> {
        match self {
            Self::EarnCredit(command) => Some(IdHash::cause(&command.account_id, &command.cause)),
            Self::AddStock(command) => {
                Some(IdHash::stock_addition(&command.offer_id, &command.addition_id))
            }
            Self::Redeem(command) => {
                Some(IdHash::exchange(&command.account_id, &command.exchange_id))
            }
            Self::OpenOffer(_) | Self::AmendOffer(_) | Self::CloseOffer(_) => None,
        }
    }

    /// The offer that the command is about, if it is about one.
    #[must_use]
    pub const fn offer_id(&self) -> Option<&OfferId> {
        match self {
            Self::EarnCredit(_) => None,
            Self::OpenOffer(command) => Some(&command.offer_id),
            Self::AmendOffer(command) => Some(&command.offer_id),
            Self::CloseOffer(command) => Some(&command.offer_id),
            Self::AddStock(command) => Some(&command.offer_id),
            Self::Redeem(command) => Some(&command.offer_id),
        }
    }

    /// The first field in which this command differs from the request that `event` was recorded
    /// for; nothing where they ask the same. What has been erased isn't compared.
    #[must_use]
    pub fn first_difference(&self, event: &Event) -> Option<&'static str> {
        match (self, event) {
            (Self::EarnCredit(command), Event::CreditEarned(_, fact)) => {
                command.first_difference(fact)
            }
            (Self::AddStock(command), Event::StockAdded(fact)) => command.first_difference(fact),
            (Self::Redeem(command), Event::ExchangeCreated(_, fact)) => {
                command.first_difference(fact)
            }
            _ => Some("id"),
        }
    }
}

/// The first name whose values differ.
fn first_different(fields: &[(&'static str, bool)]) -> Option<&'static str> {
    fields.iter().find(|(_, is_same)| !is_same).map(|(name, _)| *name)
}
