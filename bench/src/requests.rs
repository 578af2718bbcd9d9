//! Which requests a contender is asked, and which answers count.

use std::fmt::{self, Write as _};

use domain::AccountId;
use log_record::Partition;

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
    /// A point to another account of the same partition.
    TransfersWithin,
    /// A point to an account of another partition.
    TransfersAcross,
}

/// How much there is to choose from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variety {
    pub(crate) shoppers: u64,
    pub(crate) offers: u64,
    /// The accounts live in so many partitions.
    pub(crate) partitions: u16,
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
            Self::Redemptions
            | Self::HotRedemptions
            | Self::TransfersWithin
            | Self::TransfersAcross => status == 201,
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
            Self::Balances(_) | Self::TransfersWithin | Self::TransfersAcross => 0,
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
            Self::TransfersWithin | Self::TransfersAcross => {
                let (from, across) =
                    (chance.below(variety.shoppers), self == Self::TransfersAcross);
                draft.transfer(from, variety.other(from, across), ExchangeId(client, number))
            }
            _ => {
                let shopper = chance.below(variety.shoppers);
                let offer = chance.below(self.offers(variety));
                draft.redemption(shopper, offer, format_args!("{}", ExchangeId(client, number)))
            }
        }
    }
}

impl Variety {
    /// The next shopper whose account is in the same partition, or in another.
    fn other(self, from: u64, across: bool) -> u64 {
        let home = self.partition_of(from);
        let others = (1..self.shoppers).map(|further| (from + further) % self.shoppers);
        let mut fitting = others.filter(|to| (self.partition_of(*to) != home) == across);
        fitting.next().unwrap_or(from)
    }

    /// Where a shopper's account lives.
    pub(crate) fn partition_of(self, shopper: u64) -> Partition {
        let account: Result<AccountId, _> = format!("shopper-{shopper}").parse();
        account.map_or_else(|_| Partition::default(), |account| account.partition(self.partitions))
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

    pub(crate) fn redemption(
        &mut self,
        shopper: u64,
        offer: u64,
        id: fmt::Arguments<'_>,
    ) -> fmt::Result {
        self.path.clear();
        self.body.clear();
        write!(self.path, "/v1/accounts/shopper-{shopper}/exchanges/{id}")?;
        write!(self.body, r#"{{"offer_id":"offer-{offer}","quantity":1,"deliver_to":"{ADDRESS}"}}"#)
    }

    fn transfer(&mut self, from: u64, to: u64, id: ExchangeId) -> fmt::Result {
        self.path.clear();
        self.body.clear();
        write!(self.path, "/v1/accounts/shopper-{from}/transfers/{id}")?;
        write!(self.body, r#"{{"to":"shopper-{to}","points":1}}"#)
    }

    fn balance(&mut self, account: u64) -> fmt::Result {
        self.path.clear();
        self.body.clear();
        write!(self.path, "/v1/accounts/shopper-{account}")
    }
}
