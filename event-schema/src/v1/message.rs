//! Messages between partitions. What one says is told by `says`: a change of the programme is
//! stored in a message as it is stored by itself, under the name of its own event.

use std::borrow::Cow;

use domain::{
    AccountId, ExchangeId, ExchangeKey, MessageNumber, OfferId, OfferPhase, Points,
    ProgrammeChange, RefusalCode, Timestamp, TransferId, UnitId, UnitShared, Units, WaitId, sum,
};
use log_record::{Checksum, Partition, Position, hex, parse_hex};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::conversion::{ConversionRateClosed, ConversionRateSet};
use super::counts::Counts;
use super::ladder::LadderSet;
use super::offer::OfferTerms;
use super::part::Parts;
use super::programme::{EarningRuleSet, PolicyChanged};
use super::recorded_exchange;
use super::unit::{UnitClosed, UnitSet};

/// `message-sent`.
#[derive(Serialize, Deserialize)]
pub(crate) struct MessageSent<'a> {
    to: Partition,
    number: MessageNumber,
    message: Message<'a>,
}

/// `message-received`.
#[derive(Serialize, Deserialize)]
pub(crate) struct MessageReceived<'a> {
    from: Partition,
    number: MessageNumber,
    position: Position,
    #[serde(serialize_with = "write_checksum", deserialize_with = "read_checksum")]
    checksum: Checksum,
    sent_at: Timestamp,
    message: Message<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "kebab-case")]
enum Message<'a> {
    OfferShared(Box<OfferShared<'a>>),
    ShelfGranted(ShelfGranted<'a>),
    ShelfCalledBack(ShelfCalledBack<'a>),
    ShelfDrained(ShelfDrained<'a>),
    StockReturned(StockReturned<'a>),
    WaitJoined(WaitOf<'a>),
    WaitLeft(WaitOf<'a>),
    UnitKept(WaitOf<'a>),
    CreditSent(CreditInTransit<'a>),
    CreditReturned(CreditReturned<'a>),
    AccountMerged(MergedAccount<'a>),
    CountsPassedOn(Box<CountsInTransit<'a>>),
    DebtPassedOn(DebtInTransit<'a>),
    DebtReturned(DebtInTransit<'a>),
    PolicyChanged(PolicyChanged),
    EarningRuleSet(EarningRuleSet<'a>),
    UnitSet(UnitSet<'a>),
    UnitClosed(UnitClosed),
    LadderSet(LadderSet<'a>),
    ConversionRateSet(ConversionRateSet),
    ConversionRateClosed(ConversionRateClosed),
}

#[derive(Serialize, Deserialize)]
struct OfferShared<'a> {
    #[serde(flatten)]
    of: OfferTerms<'a>,
    /// Missing unless it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paused_at: Option<Timestamp>,
    /// Missing until it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct ShelfGranted<'a> {
    offer_id: Cow<'a, OfferId>,
    /// `null` where there is no end of them.
    units: Option<Units>,
    /// The one exchange that they are for; missing for a portion.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    key: Option<Key<'a>>,
    /// The position of the event that has the code; missing where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_at: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct Key<'a> {
    account_id: Cow<'a, AccountId>,
    /// A reservation's begins with `~`.
    #[serde(deserialize_with = "recorded_exchange")]
    exchange_id: Cow<'a, ExchangeId>,
}

#[derive(Serialize, Deserialize)]
struct ShelfCalledBack<'a> {
    offer_id: Cow<'a, OfferId>,
    round: u64,
}

#[derive(Serialize, Deserialize)]
struct ShelfDrained<'a> {
    offer_id: Cow<'a, OfferId>,
    round: u64,
    #[serde(with = "sum")]
    units: Units,
    #[serde(with = "sum")]
    sold: Units,
}

#[derive(Serialize, Deserialize)]
struct StockReturned<'a> {
    offer_id: Cow<'a, OfferId>,
    units: Units,
    /// The position of the event that has the code; missing where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_at: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct WaitOf<'a> {
    account_id: Cow<'a, AccountId>,
    wait_id: Cow<'a, WaitId>,
    offer_id: Cow<'a, OfferId>,
}

#[derive(Serialize, Deserialize)]
struct CreditInTransit<'a> {
    transfer_id: Cow<'a, TransferId>,
    from: Cow<'a, AccountId>,
    to: Cow<'a, AccountId>,
    /// The unit, whole: the receiver may not know it yet.
    of: Unit<'a>,
    points: Points,
    lots: Parts<'a>,
}

#[derive(Serialize, Deserialize)]
struct MergedAccount<'a> {
    from: Cow<'a, AccountId>,
    into: Cow<'a, AccountId>,
}

#[derive(Serialize, Deserialize)]
struct CountsInTransit<'a> {
    from: Cow<'a, AccountId>,
    to: Cow<'a, AccountId>,
    #[serde(flatten)]
    counts: Counts<'a>,
}

#[derive(Serialize, Deserialize)]
struct DebtInTransit<'a> {
    from: Cow<'a, AccountId>,
    to: Cow<'a, AccountId>,
    /// The unit, whole: the receiver may not know it yet.
    of: Unit<'a>,
    points: Points,
}

#[derive(Serialize, Deserialize)]
struct Unit<'a> {
    #[serde(flatten)]
    set: UnitSet<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct CreditReturned<'a> {
    #[serde(flatten)]
    credit: CreditInTransit<'a>,
    why: RefusalCode,
}

impl<'a> From<&'a domain::MessageSent> for MessageSent<'a> {
    fn from(fact: &'a domain::MessageSent) -> Self {
        let domain::MessageSent { to, number, message } = fact;
        Self { to: *to, number: *number, message: message.into() }
    }
}

impl From<MessageSent<'_>> for domain::MessageSent {
    fn from(stored: MessageSent<'_>) -> Self {
        let MessageSent { to, number, message } = stored;
        Self { to, number, message: message.into() }
    }
}

impl<'a> From<&'a domain::MessageReceived> for MessageReceived<'a> {
    fn from(fact: &'a domain::MessageReceived) -> Self {
        let domain::MessageReceived { source, message } = fact;
        let domain::Source { partition, number, position, checksum, sent_at } = *source;
        let message = message.into();
        Self { from: partition, number, position, checksum, sent_at, message }
    }
}

impl From<MessageReceived<'_>> for domain::MessageReceived {
    fn from(stored: MessageReceived<'_>) -> Self {
        let MessageReceived { from, number, position, checksum, sent_at, message } = stored;
        let source = domain::Source { partition: from, number, position, checksum, sent_at };
        Self { source, message: message.into() }
    }
}

impl<'a> From<&'a domain::Message> for Message<'a> {
    fn from(message: &'a domain::Message) -> Self {
        use domain::Message as M;
        match message {
            M::OfferShared(it) => Self::OfferShared(Box::new(it.into())),
            M::ShelfGranted(it) => Self::ShelfGranted(it.into()),
            M::ShelfCalledBack(domain::ShelfCalledBack { offer_id, round }) => {
                let offer_id = Cow::Borrowed(offer_id);
                Self::ShelfCalledBack(ShelfCalledBack { offer_id, round: *round })
            }
            M::ShelfDrained(domain::ShelfDrained { offer_id, round, units, sold }) => {
                let offer_id = Cow::Borrowed(offer_id);
                let (round, units, sold) = (*round, *units, *sold);
                Self::ShelfDrained(ShelfDrained { offer_id, round, units, sold })
            }
            M::StockReturned(domain::StockReturned { offer_id, units, code }) => {
                let offer_id = Cow::Borrowed(offer_id);
                Self::StockReturned(StockReturned { offer_id, units: *units, code_at: *code })
            }
            M::WaitJoined(of) => Self::WaitJoined(of.into()),
            M::WaitLeft(of) => Self::WaitLeft(of.into()),
            M::UnitKept(of) => Self::UnitKept(of.into()),
            M::CreditSent(credit) => Self::CreditSent(credit.into()),
            M::CreditReturned(credit, why) => {
                Self::CreditReturned(CreditReturned { credit: credit.into(), why: *why })
            }
            M::AccountMerged(domain::MergedAccount { from, into }) => {
                let (from, into) = (Cow::Borrowed(from), Cow::Borrowed(into));
                Self::AccountMerged(MergedAccount { from, into })
            }
            M::CountsPassedOn(it) => {
                let domain::CountsInTransit { from, to, counts } = &**it;
                let (from, to) = (Cow::Borrowed(from), Cow::Borrowed(to));
                let counts = counts.into();
                Self::CountsPassedOn(Box::new(CountsInTransit { from, to, counts }))
            }
            M::DebtPassedOn(debt) => Self::DebtPassedOn(debt.into()),
            M::DebtReturned(debt) => Self::DebtReturned(debt.into()),
            M::Programme(change) => match &**change {
                ProgrammeChange::Policy(it) => Self::PolicyChanged(it.into()),
                ProgrammeChange::EarningRule(it) => Self::EarningRuleSet(it.into()),
                ProgrammeChange::Unit(it) => Self::UnitSet(it.into()),
                ProgrammeChange::UnitClosed(it) => Self::UnitClosed(it.into()),
                ProgrammeChange::Ladder(it) => Self::LadderSet(it.into()),
                ProgrammeChange::ConversionRate(it) => Self::ConversionRateSet(it.into()),
                ProgrammeChange::ConversionRateClosed(it) => Self::ConversionRateClosed(it.into()),
            },
        }
    }
}

impl From<Message<'_>> for domain::Message {
    fn from(stored: Message<'_>) -> Self {
        let programme = |change| Self::Programme(Box::new(change));
        match stored {
            Message::OfferShared(it) => Self::OfferShared((*it).into()),
            Message::ShelfGranted(it) => Self::ShelfGranted(it.into()),
            Message::ShelfCalledBack(ShelfCalledBack { offer_id, round }) => {
                let offer_id = offer_id.into_owned();
                Self::ShelfCalledBack(domain::ShelfCalledBack { offer_id, round })
            }
            Message::ShelfDrained(ShelfDrained { offer_id, round, units, sold }) => {
                let offer_id = offer_id.into_owned();
                Self::ShelfDrained(domain::ShelfDrained { offer_id, round, units, sold })
            }
            Message::StockReturned(StockReturned { offer_id, units, code_at: code }) => {
                let offer_id = offer_id.into_owned();
                Self::StockReturned(domain::StockReturned { offer_id, units, code })
            }
            Message::WaitJoined(of) => Self::WaitJoined(of.into()),
            Message::WaitLeft(of) => Self::WaitLeft(of.into()),
            Message::UnitKept(of) => Self::UnitKept(of.into()),
            Message::CreditSent(credit) => Self::CreditSent(credit.into()),
            Message::CreditReturned(CreditReturned { credit, why }) => {
                Self::CreditReturned(credit.into(), why)
            }
            Message::AccountMerged(MergedAccount { from, into }) => {
                let (from, into) = (from.into_owned(), into.into_owned());
                Self::AccountMerged(domain::MergedAccount { from, into })
            }
            Message::CountsPassedOn(it) => {
                let CountsInTransit { from, to, counts } = *it;
                let (from, to, counts) = (from.into_owned(), to.into_owned(), counts.into());
                Self::CountsPassedOn(Box::new(domain::CountsInTransit { from, to, counts }))
            }
            Message::DebtPassedOn(debt) => Self::DebtPassedOn(debt.into()),
            Message::DebtReturned(debt) => Self::DebtReturned(debt.into()),
            Message::PolicyChanged(it) => programme(ProgrammeChange::Policy(it.into())),
            Message::EarningRuleSet(it) => programme(ProgrammeChange::EarningRule(it.into())),
            Message::UnitSet(it) => programme(ProgrammeChange::Unit(it.into())),
            Message::UnitClosed(it) => programme(ProgrammeChange::UnitClosed(it.into())),
            Message::LadderSet(it) => programme(ProgrammeChange::Ladder(it.into())),
            Message::ConversionRateSet(it) => programme(ProgrammeChange::ConversionRate(it.into())),
            Message::ConversionRateClosed(it) => {
                programme(ProgrammeChange::ConversionRateClosed(it.into()))
            }
        }
    }
}

impl<'a> From<&'a domain::OfferShared> for OfferShared<'a> {
    fn from(fact: &'a domain::OfferShared) -> Self {
        let domain::OfferShared { offer_id, version, terms, phase } = fact;
        let (paused_at, closed_at) = match phase {
            OfferPhase::Open => (None, None),
            OfferPhase::Paused { at } => (Some(*at), None),
            OfferPhase::Closed { at } => (None, Some(*at)),
        };
        Self { of: OfferTerms::new(offer_id, *version, terms), paused_at, closed_at }
    }
}

impl From<OfferShared<'_>> for domain::OfferShared {
    fn from(stored: OfferShared<'_>) -> Self {
        let OfferShared { of, paused_at, closed_at } = stored;
        let (offer_id, version, terms) = of.into_terms();
        let phase = match (paused_at, closed_at) {
            (_, Some(at)) => OfferPhase::Closed { at },
            (Some(at), None) => OfferPhase::Paused { at },
            (None, None) => OfferPhase::Open,
        };
        Self { offer_id, version, terms, phase }
    }
}

impl<'a> From<&'a domain::ShelfGranted> for ShelfGranted<'a> {
    fn from(fact: &'a domain::ShelfGranted) -> Self {
        let domain::ShelfGranted { offer_id, grant } = fact;
        let (units, key, code_at) = match grant {
            domain::Grant::Portion(units) => (Some(*units), None, None),
            domain::Grant::NoEnd => (None, None, None),
            domain::Grant::For(key, units) => (Some(*units), Some(key), None),
            domain::Grant::Code(key, code) => (Some(Units::ONE), Some(key), Some(*code)),
        };
        let key = key.map(|ExchangeKey { account_id, exchange_id }| Key {
            account_id: Cow::Borrowed(account_id),
            exchange_id: Cow::Borrowed(exchange_id),
        });
        Self { offer_id: Cow::Borrowed(offer_id), units, key, code_at }
    }
}

impl From<ShelfGranted<'_>> for domain::ShelfGranted {
    fn from(stored: ShelfGranted<'_>) -> Self {
        let ShelfGranted { offer_id, units, key, code_at } = stored;
        let grant = match (key, units) {
            (_, None) => domain::Grant::NoEnd,
            (None, Some(units)) => domain::Grant::Portion(units),
            (Some(Key { account_id, exchange_id }), Some(units)) => {
                let (account_id, exchange_id) = (account_id.into_owned(), exchange_id.into_owned());
                let key = ExchangeKey { account_id, exchange_id };
                match code_at {
                    Some(code) => domain::Grant::Code(key, code),
                    None => domain::Grant::For(key, units),
                }
            }
        };
        Self { offer_id: offer_id.into_owned(), grant }
    }
}

impl<'a> From<&'a domain::WaitOf> for WaitOf<'a> {
    fn from(fact: &'a domain::WaitOf) -> Self {
        let domain::WaitOf { account_id, wait_id, offer_id } = fact;
        Self {
            account_id: Cow::Borrowed(account_id),
            wait_id: Cow::Borrowed(wait_id),
            offer_id: Cow::Borrowed(offer_id),
        }
    }
}

impl From<WaitOf<'_>> for domain::WaitOf {
    fn from(stored: WaitOf<'_>) -> Self {
        let WaitOf { account_id, wait_id, offer_id } = stored;
        Self {
            account_id: account_id.into_owned(),
            wait_id: wait_id.into_owned(),
            offer_id: offer_id.into_owned(),
        }
    }
}

impl<'a> From<&'a domain::CreditInTransit> for CreditInTransit<'a> {
    fn from(fact: &'a domain::CreditInTransit) -> Self {
        let domain::CreditInTransit { transfer_id, from, to, unit, of, points, lots } = fact;
        Self {
            transfer_id: Cow::Borrowed(transfer_id),
            from: Cow::Borrowed(from),
            to: Cow::Borrowed(to),
            of: Unit::new(*unit, of),
            points: *points,
            lots: lots.into(),
        }
    }
}

impl From<CreditInTransit<'_>> for domain::CreditInTransit {
    fn from(stored: CreditInTransit<'_>) -> Self {
        let CreditInTransit { transfer_id, from, to, of, points, lots } = stored;
        let (unit, of) = of.into_unit();
        Self {
            transfer_id: transfer_id.into_owned(),
            from: from.into_owned(),
            to: to.into_owned(),
            unit,
            of,
            points,
            lots: lots.into(),
        }
    }
}

impl<'a> From<&'a domain::DebtInTransit> for DebtInTransit<'a> {
    fn from(fact: &'a domain::DebtInTransit) -> Self {
        let domain::DebtInTransit { from, to, unit, of, points } = fact;
        let (from, to) = (Cow::Borrowed(from), Cow::Borrowed(to));
        Self { from, to, of: Unit::new(*unit, of), points: *points }
    }
}

impl From<DebtInTransit<'_>> for domain::DebtInTransit {
    fn from(stored: DebtInTransit<'_>) -> Self {
        let DebtInTransit { from, to, of, points } = stored;
        let (unit, of) = of.into_unit();
        Self { from: from.into_owned(), to: to.into_owned(), unit, of, points }
    }
}

impl<'a> Unit<'a> {
    fn new(unit: UnitId, of: &'a UnitShared) -> Self {
        let UnitShared { terms, version, closed_at } = of;
        Self { set: UnitSet::new(unit, *version, terms), closed_at: *closed_at }
    }

    fn into_unit(self) -> (UnitId, UnitShared) {
        let domain::UnitSet { unit, version, terms } = self.set.into();
        (unit, UnitShared { terms, version, closed_at: self.closed_at })
    }
}

fn write_checksum<S: Serializer>(checksum: &Checksum, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex(&checksum.0))
}

fn read_checksum<'de, D: Deserializer<'de>>(from: D) -> Result<Checksum, D::Error> {
    let text = Cow::<str>::deserialize(from)?;
    let bytes = parse_hex(&text);
    bytes.map(Checksum).ok_or_else(|| D::Error::custom("must be 64 hexadecimal digits"))
}
