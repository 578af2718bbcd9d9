//! The names of things, one type per noun, valid by construction.
//!
//! An id from outside is 1 to 64 letters, digits or `-_.:` (an account's up to 128), and not only
//! dots: `.` and `..` mean another resource in a URL's path. Ids that the ledger makes itself begin
//! with `~`, which no id from outside can.

use std::fmt;
use std::str::FromStr;

use log_record::{Partition, Position, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::text::text_type;

/// The longest id, in characters; each takes one byte.
pub const ID_CHARACTERS_MAX: usize = 64;

/// The longest id of an account, in characters: some shops name shoppers by a hash in hexadecimal
/// digits behind a prefix of their own.
pub const ACCOUNT_ID_CHARACTERS_MAX: usize = 128;

/// A text that is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {ID_CHARACTERS_MAX} characters, each a letter (A-Z, a-z), digit or one of - _ . :, \
     and not only dots"
)]
pub struct IdError;

/// A text that is not the id of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {ACCOUNT_ID_CHARACTERS_MAX} characters, each a letter (A-Z, a-z), digit or one of \
     - _ . :, and not only dots"
)]
pub struct AccountIdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        id! { $(#[$doc])* $name, IdError, is_id }
    };
    ($(#[$doc:meta])* $name:ident, $error:ident, $is_valid:expr) => {
        text_type! { $(#[$doc])* $name, $error, $is_valid }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// A shopper. Every id below but an offer's is unique within an account and its kind only.
    AccountId, AccountIdError, is_account_id
}
id! {
    /// An offer.
    OfferId
}
id! {
    /// An exchange of points for goods, made by the client: the key of a redemption.
    ExchangeId
}
id! {
    /// What credit was earned for: a basket, a review.
    CauseId
}
id! {
    /// One addition to an offer's stock; unique within the offer.
    AdditionId
}
id! {
    /// One removal from an offer's stock; unique within the offer.
    RemovalId
}
id! {
    /// One upload of codes to an offer; unique within the offer.
    UploadId
}
id! {
    /// One reopening of an offer; unique within the offer.
    ReopeningId
}
id! {
    /// One resumption of an offer; unique within the offer.
    ResumptionId
}
id! {
    /// A commitment to all balances.
    SealId
}
id! {
    /// What an offer hands out.
    ProductId
}
id! {
    /// Who ships.
    WarehouseId
}
id! {
    /// Credit set aside; unique within the account.
    HoldId
}
id! {
    /// One wait for a unit of an offer; unique within the account.
    WaitId
}
id! {
    /// One extension of a hold; unique within the hold.
    ExtensionId
}
id! {
    /// One refund of a capture; unique within the hold.
    RefundId
}
id! {
    /// One grant of a tier; unique within the account and the ladder.
    GrantId
}
id! {
    /// One cancellation; unique within the exchange.
    CancellationId
}
id! {
    /// A basket that was paid for; as a cause, it is the same id.
    PurchaseId
}
id! {
    /// One return; unique within the purchase.
    ReturnId
}
id! {
    /// One withdrawal of credit that was earned; unique within the account.
    WithdrawalId
}
id! {
    /// Credit passed on to another shopper; unique within the sender's account.
    TransferId, IdError, is_transfer_id
}
id! {
    /// Credit turned into another unit; unique within the account.
    ConversionId
}
id! {
    /// One erasure of what is private of an account; unique within the account.
    ErasureId
}
id! {
    /// A rule by which purchases earn.
    RuleId
}
id! {
    /// What sort of goods a purchase's line is.
    Category
}
id! {
    /// What an operator's adjustment refers to: a ticket, a contract.
    Reference
}
id! {
    /// One parcel; unique within the shipping request.
    DispatchId
}

impl From<&PurchaseId> for CauseId {
    fn from(id: &PurchaseId) -> Self {
        Self(id.0.clone())
    }
}

/// What a wait would reserve, it does under the same id.
impl From<&WaitId> for HoldId {
    fn from(id: &WaitId) -> Self {
        Self(id.0.clone())
    }
}

impl From<&ConversionId> for CauseId {
    fn from(id: &ConversionId) -> Self {
        Self(id.0.clone())
    }
}

/// As a cause, a purchase has the same id.
impl From<CauseId> for PurchaseId {
    fn from(id: CauseId) -> Self {
        Self(id.0)
    }
}

/// What the ledger's own ids begin with.
const OWN: char = '~';

/// Under which id what is left of an exchange is cancelled when the warehouse rejects it.
const REJECTED: &str = "~rejected";

/// How the ledger's own transfers begin, by which an account that was merged passes credit on.
const OF_MERGER: &str = "~merger-";

impl TransferId {
    /// The transfer that an account that was merged makes by the event at this position of its
    /// partition.
    #[must_use]
    pub fn of_merger(at: Position) -> Self {
        Self(format!("{OF_MERGER}{}", at.0).into())
    }

    /// Whether the ledger made it for an account that was merged.
    #[must_use]
    pub fn is_of_merger(&self) -> bool {
        self.0.starts_with(OF_MERGER)
    }
}

fn is_transfer_id(text: &str) -> bool {
    let number = text.strip_prefix(OF_MERGER);
    number.map_or_else(|| is_id(text), |number| number.len() <= 20 && number.parse::<u64>().is_ok())
}

impl CancellationId {
    /// That of a rejection, of which an exchange has one.
    #[must_use]
    pub fn of_rejection() -> Self {
        Self(REJECTED.into())
    }

    /// Whether it is that of a rejection.
    #[must_use]
    pub fn is_of_rejection(&self) -> bool {
        &*self.0 == REJECTED
    }

    /// The id that a recorded event has: a client's, or the ledger's own.
    pub fn from_recorded(text: Box<str>) -> Result<Self, IdError> {
        if &*text == REJECTED { Ok(Self(text)) } else { text.try_into() }
    }
}

impl ExchangeId {
    /// Under which id a reservation waits for its units: the hold's, after a `~`.
    #[must_use]
    pub fn of_reservation(hold: &HoldId) -> Self {
        Self(format!("{OWN}{hold}").into())
    }

    /// The id that a recorded message has: a client's, or that of a reservation.
    pub fn from_recorded(text: Box<str>) -> Result<Self, IdError> {
        let id = text.strip_prefix(OWN).unwrap_or(&text);
        if is_id(id) { Ok(Self(text)) } else { Err(IdError) }
    }
}

impl DispatchId {
    /// The one parcel that has everything.
    #[must_use]
    pub fn whole() -> Self {
        Self("dispatch".into())
    }
}

impl RuleId {
    /// The rule for purchases that name none.
    #[must_use]
    pub fn default_rule() -> Self {
        Self("default".into())
    }
}

impl AccountId {
    /// The partition in which the account lives, of so many: the first 8 bytes of SHA-256 of the
    /// id, as a big-endian number, modulo the number of partitions. It never changes, because a
    /// log's number of partitions doesn't. (A lane's slot is made of the next 8 bytes.)
    #[must_use]
    pub fn partition(&self, partitions: u16) -> Partition {
        partition_of(self.as_str(), partitions)
    }

    /// A short text by which it is told from a few others: eight digits of SHA-256 of the id.
    #[must_use]
    pub fn mark(&self) -> String {
        hex(&Sha256::digest(self.as_str())[16..20])
    }
}

impl OfferId {
    /// The offer's home, of so many partitions: by its id's hash, as an account's.
    #[must_use]
    pub fn home(&self, partitions: u16) -> Partition {
        partition_of(self.as_str(), partitions)
    }
}

fn partition_of(id: &str, partitions: u16) -> Partition {
    let hash = Sha256::digest(id);
    let number = hash[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let number = number % u64::from(partitions.max(1));
    Partition(u16::try_from(number).unwrap_or_default())
}

fn is_id(text: &str) -> bool {
    is_id_of_at_most(ID_CHARACTERS_MAX, text)
}

fn is_account_id(text: &str) -> bool {
    is_id_of_at_most(ACCOUNT_ID_CHARACTERS_MAX, text)
}

fn is_id_of_at_most(characters: usize, text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let is_dots = text.bytes().all(|byte| byte == b'.');
    (1..=characters).contains(&text.len()) && text.bytes().all(is_allowed) && !is_dots
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account's events never move, so its partition never changes. The numbers were worked out
    /// with Python's hashlib.
    #[test]
    fn an_account_lives_in_its_partition_for_ever() {
        let partition = |account: &str, partitions| {
            account.parse::<AccountId>().expect("an id").partition(partitions).0
        };
        assert_eq!([1, 2, 8, 32].map(|of| partition("ann", of)), [0, 0, 6, 14]);
        assert_eq!([1, 2, 8, 32].map(|of| partition("hh-1029", of)), [0, 1, 1, 25]);
    }

    #[test]
    fn an_id_is_1_to_64_letters_digits_and_four_marks() {
        let longest = "x".repeat(64);
        for text in [
            "a",
            ".a",
            "..a",
            "hh-1029",
            "A_z.9:0-",
            "0197d9a4-6f7e-7c52-8ed1-f5c1a0a4d111",
            &longest,
        ] {
            assert!(text.parse::<OfferId>().is_ok(), "{text}");
        }
        let too_long = "x".repeat(65);
        for text in
            ["", ".", "..", "...", "a b", "a/b", "~own", "é", "a\n", "a\0", "a'b", &too_long]
        {
            assert_eq!(text.parse::<OfferId>(), Err(IdError), "{text:?}");
        }
    }

    #[test]
    fn an_accounts_id_alone_may_have_128_characters() {
        let (longest, too_long) = ("x".repeat(128), "x".repeat(129));
        for text in ["a", "hh-1029", &longest] {
            assert!(text.parse::<AccountId>().is_ok(), "{text}");
        }
        for text in ["", ".", "..", "a b", "~own", "é", &too_long] {
            assert_eq!(text.parse::<AccountId>(), Err(AccountIdError), "{text:?}");
        }
        assert!("x".repeat(65).parse::<ExchangeId>().is_err());
    }

    #[test]
    fn a_reservation_waits_under_an_id_that_is_nobodys_to_name() {
        let longest: HoldId = "x".repeat(64).parse().expect("an id");
        let own = ExchangeId::of_reservation(&longest);
        assert_eq!(own.as_str().parse::<ExchangeId>(), Err(IdError));
        assert_eq!(ExchangeId::from_recorded(own.as_str().into()), Ok(own));
        assert_eq!(ExchangeId::from_recorded("x-1".into()), "x-1".parse());
        for other in ["~", "~~x", "~a b", ""] {
            assert_eq!(ExchangeId::from_recorded(other.into()), Err(IdError), "{other}");
        }
    }

    #[test]
    fn the_ledgers_own_cancellation_is_nobodys_to_name() {
        let own = CancellationId::of_rejection();
        assert!(own.is_of_rejection());
        assert_eq!(own.as_str().parse::<CancellationId>(), Err(IdError));
        assert_eq!(CancellationId::from_recorded(own.as_str().into()), Ok(own));
        for other in ["~other", "a b", ""] {
            assert_eq!(CancellationId::from_recorded(other.into()), Err(IdError), "{other}");
        }
    }
}
