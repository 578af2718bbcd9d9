//! Random commands: few names, so that they meet; some names, times and terms are taken from the
//! plain ledger as it stands when the command's turn comes.

use domain::command::Report;
use domain::{CauseKind, ConversionTerms, ExpiryRule, Period, SpentCredit};

use super::ledger::Time;

/// One step of a history.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) wait: Wait,
    pub(crate) sweep: Sweep,
    pub(crate) ask: Ask,
    /// Of which unit it is; from 8 on also where what it is about is of another.
    pub(crate) unit: u8,
}

/// How much time passes before.
#[derive(Clone, Debug)]
pub(crate) enum Wait {
    Not,
    Micros(Time),
    /// Until a time at which something will be otherwise, or right before or after that.
    Until {
        skipping: usize,
        micros: Time,
    },
}

/// How much of what fell due is recorded in the background before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sweep {
    Portions(usize),
    All,
    /// Nothing, but the ledger is started anew from what was recorded.
    Replay,
    /// Nothing, but the ledger is started anew from a snapshot.
    Snapshot,
}

/// A time that a command names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    /// Many lots and holds meet at midnight.
    Midnight { days: Time, micros: Time },
    /// From now.
    After { days: Time, micros: Time },
}

/// Something that a command names: by number, or one of those that there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) account: u8,
    pub(crate) name: u8,
    pub(crate) known: Choice,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    Perhaps,
    /// One that there ever was.
    Ever(usize),
    /// One of the last.
    Late(usize),
}

/// Whose account: by number, or one of those that have credit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Named(u8),
    Rich(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Read {
    None,
    Any,
    Present,
    Version(u64),
}

/// What is told of a parcel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    /// In which parcel, and how many of the first product; without it, everything.
    Dispatched(u8, Option<u64>),
    ParcelDelivered(u8),
    Rejected,
    Other(Report),
}

#[derive(Clone, Debug)]
pub(crate) struct AskedOrder {
    pub(crate) exchange: u8,
    pub(crate) offer: u8,
    /// One that is open.
    pub(crate) chosen: Option<usize>,
    pub(crate) quantity: u64,
    pub(crate) expected: Option<u64>,
    /// Of points and of miles; nothing of a unit is 0.
    pub(crate) expected_all: Option<(u64, u64)>,
    pub(crate) has_address: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct AskedTerms {
    pub(crate) price: u64,
    /// Of a further unit, by its number, beside that of points.
    pub(crate) other_price: Option<(u8, u64)>,
    pub(crate) ships: bool,
    pub(crate) opens_at: Option<When>,
    pub(crate) closes_at: Option<When>,
    pub(crate) limit: Option<u64>,
    /// In a day, a week and a month.
    pub(crate) limits: [Option<u64>; 3],
    pub(crate) zone: usize,
    pub(crate) segment: Option<u8>,
    /// What a page calls it.
    pub(crate) name: Option<u8>,
}

#[derive(Clone, Debug)]
pub(crate) struct AskedRule {
    /// Without it, the rule's usual one.
    pub(crate) unit: Option<u8>,
    pub(crate) rate: (u64, u64),
    pub(crate) category: Option<(u64, u64)>,
    pub(crate) multipliers: Vec<(When, Time, u32)>,
    pub(crate) cap: Option<(u64, Period)>,
    pub(crate) expiry: Option<ExpiryRule>,
    pub(crate) pending_days: u16,
    pub(crate) zone: usize,
    pub(crate) backdate_days: u16,
}

/// From which unit to which other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedWay {
    pub(crate) from: u8,
    pub(crate) further: u8,
    /// One for which there is a rate.
    pub(crate) known: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct AskedLine {
    pub(crate) quantity: u64,
    pub(crate) amount: Option<u64>,
    pub(crate) category: Option<u8>,
}

/// A command, or nearly one.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// A command that was done, again.
    Again(usize),
    OpenAccount {
        account: u8,
    },
    Earn {
        account: u8,
        points: u64,
        kind: CauseKind,
        cause: u8,
        available: Option<When>,
        expires: Option<When>,
    },
    Purchase {
        account: u8,
        purchase: u8,
        lines: Vec<AskedLine>,
        points: Option<u64>,
        rules: Vec<u8>,
        available: Option<When>,
        expires: Option<When>,
        occurred: Option<When>,
    },
    /// One whose credit was refused, if there is one.
    Claim {
        account: u8,
        purchase: u8,
        refused: Choice,
        available: Option<When>,
        expires: Option<When>,
    },
    Return {
        target: Target,
        id: u8,
        lines: Option<Vec<(u8, u64)>>,
    },
    Withdraw {
        target: Target,
        id: u8,
        points: Option<u64>,
    },
    ReverseReturn {
        target: Target,
    },
    ReverseWithdrawal {
        target: Target,
    },
    Adjust {
        account: u8,
        id: u8,
        adds: bool,
        points: u64,
        expires: Option<When>,
    },
    Hold {
        account: Who,
        id: u8,
        points: u64,
        deadline: When,
    },
    CapturePoints {
        target: Target,
        points: Option<u64>,
    },
    CaptureExchange {
        target: Target,
        order: AskedOrder,
    },
    Release {
        target: Target,
    },
    Extend {
        target: Target,
        id: u8,
        deadline: When,
    },
    RefundCapture {
        target: Target,
        id: u8,
        points: Option<u64>,
    },
    Redeem {
        account: Who,
        order: AskedOrder,
    },
    Cancel {
        target: Target,
        id: u8,
        quantity: Option<u64>,
    },
    Tell {
        target: Target,
        is_purchase: bool,
        news: News,
        /// Whether it says when it happened.
        dated: bool,
    },
    Transfer {
        account: Who,
        further: u8,
        id: u8,
        points: u64,
    },
    Open {
        offer: u8,
        terms: AskedTerms,
        stock: Option<u64>,
        same: bool,
    },
    Amend {
        offer: u8,
        terms: AskedTerms,
        stock: Option<Option<u64>>,
        read: Read,
        same: bool,
    },
    Close {
        offer: u8,
    },
    Reopen {
        offer: u8,
        /// One that is closed, where there is one.
        closed: bool,
        id: u8,
        read: Read,
    },
    Pause {
        offer: u8,
    },
    Resume {
        offer: u8,
        /// One that is paused, where there is one.
        paused: bool,
        id: u8,
        read: Read,
    },
    SetSegment {
        account: u8,
        segment: u8,
        member: bool,
    },
    RemoveStock {
        offer: u8,
        id: u8,
        units: u64,
        read: Read,
    },
    AddStock {
        offer: u8,
        id: u8,
        units: u64,
    },
    SetRule {
        rule: u8,
        terms: Box<AskedRule>,
        read: Read,
        same: bool,
    },
    SetPolicy {
        spent: SpentCredit,
        days: u16,
        for_all: bool,
        most: u64,
        read: Read,
    },
    SetUnit {
        unit: u8,
        name: Option<u8>,
        /// Whether more differs than the name.
        is_other: bool,
        read: Read,
    },
    CloseUnit {
        unit: u8,
    },
    Convert {
        account: Who,
        id: u8,
        way: AskedWay,
        points: u64,
        expected: Option<u64>,
    },
    SetRate {
        way: AskedWay,
        terms: ConversionTerms,
        read: Read,
        same: bool,
    },
    CloseRate {
        way: AskedWay,
    },
    Show {
        offer: u8,
        rule: Option<u8>,
    },
    ConfirmClock,
}
