//! Which requests a contender is asked, and which answers count.

use std::fmt::{self, Write as _};

use crate::chance::Chance;
use crate::connection::Ask;

/// Where a redemption is sent to.
const ADDRESS: &str = "1 Elm Street, 12345 Springfield";

/// Accounts that everybody asks for: a few, so that what can be kept at hand is.
pub(crate) const HOT_ACCOUNTS: u64 = 10;

/// Accounts that are asked for once in a while: too many to be at hand.
pub(crate) const ALL_ACCOUNTS: u64 = 200_000;

/// Redemptions that are asked for again.
pub(crate) const REPEATED: u64 = 10_000;

/// What is asked, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requests {
    /// A redemption of any offer, each equally often; none has a stock that could run out.
    Redemptions,
    /// A redemption of one offer, whose stock is counted.
    HotRedemptions,
    /// A redemption of one offer, whose stock is gone.
    SoldOut,
    /// A redemption that was accepted before.
    Repeated,
    /// The balance of one of so many accounts, each equally often.
    Balances(u64),
    /// Three balances to one redemption.
    ThreeReadsToOne,
}

/// How much there is to choose from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variety {
    pub(crate) shoppers: u64,
    pub(crate) offers: u64,
}

/// The exchange that a client asks for with its request of that number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeId(pub(crate) u64, pub(crate) u64);

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(client, number) = self;
        write!(f, "x-{client:04}-{number:010}")
    }
}

/// The request that a client writes anew each time, in the same place.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    path: String,
    body: String,
}

impl Requests {
    /// The answers that count; every other is an error.
    pub(crate) const fn is_wanted(self, status: u16) -> bool {
        match self {
            Self::Redemptions | Self::HotRedemptions => status == 201,
            Self::SoldOut => status == 409,
            Self::Repeated | Self::Balances(_) => status == 200,
            Self::ThreeReadsToOne => matches!(status, 200 | 201),
        }
    }

    /// Whether what is asked is to be recorded, and so may be waited for.
    pub(crate) const fn are_redemptions(self) -> bool {
        matches!(self, Self::Redemptions | Self::HotRedemptions)
    }

    /// Offers to be opened.
    pub(crate) const fn offers(self, variety: Variety) -> u64 {
        match self {
            Self::Redemptions | Self::Repeated | Self::ThreeReadsToOne => variety.offers,
            Self::HotRedemptions | Self::SoldOut => 1,
            Self::Balances(_) => 0,
        }
    }

    /// Each offer's stock, where it is counted.
    pub(crate) const fn stock(self) -> Option<u64> {
        match self {
            Self::HotRedemptions => Some(1_000_000_000),
            Self::SoldOut => Some(1),
            _ => None,
        }
    }

    /// Writes the client's request of that number.
    pub(crate) fn write(
        self,
        draft: &mut Draft,
        variety: Variety,
        chance: &mut Chance,
        (client, number): (u64, u64),
    ) -> fmt::Result {
        match self {
            Self::Repeated => draft.repeated(chance.below(REPEATED), variety),
            Self::Balances(accounts) => draft.balance(chance.below(accounts)),
            Self::ThreeReadsToOne if !number.is_multiple_of(4) => {
                draft.balance(chance.below(variety.shoppers))
            }
            _ => {
                let shopper = chance.below(variety.shoppers);
                let offer = chance.below(self.offers(variety));
                draft.redemption(shopper, offer, format_args!("{}", ExchangeId(client, number)))
            }
        }
    }
}

impl Draft {
    pub(crate) fn repeated(&mut self, number: u64, variety: Variety) -> fmt::Result {
        let (shopper, offer) = (number % variety.shoppers, number % variety.offers);
        self.redemption(shopper, offer, format_args!("repeated-{number:010}"))
    }

    pub(crate) fn ask<'a>(&'a self, key: &'a str) -> Ask<'a> {
        if self.body.is_empty() {
            Ask::get(&self.path, key)
        } else {
            Ask::put(&self.path, key, &self.body)
        }
    }

    fn redemption(&mut self, shopper: u64, offer: u64, id: fmt::Arguments<'_>) -> fmt::Result {
        self.path.clear();
        self.body.clear();
        write!(self.path, "/v1/accounts/shopper-{shopper}/exchanges/{id}")?;
        write!(self.body, r#"{{"offer_id":"offer-{offer}","quantity":1,"deliver_to":"{ADDRESS}"}}"#)
    }

    fn balance(&mut self, account: u64) -> fmt::Result {
        self.path.clear();
        self.body.clear();
        write!(self.path, "/v1/accounts/shopper-{account}")
    }
}
