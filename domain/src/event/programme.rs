//! Facts about the programme as a whole: the log's opening, its clock, its rules and its policy.

use log_record::Position;
use serde::{Deserialize, Serialize};

use crate::{
    EarningTerms, Policy, RuleId, SealId, SwitchName, SwitchSetting, Timestamp, UnitId, UnitTerms,
};

/// Where a log takes its time from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The wall clock of the machine that the writer runs on.
    Wall,
    /// What the commands say (`occurred_at`); that is how history is imported.
    Commands,
}

impl Clock {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Commands => "commands",
        }
    }
}

/// What a log was opened with; a start with anything else is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOpened {
    /// The log's own id, a UUID.
    pub log_id: Box<str>,
    /// How many partitions it has.
    pub partitions: u16,
    /// Where its time comes from.
    pub clock: Clock,
}

/// An operator declared the log as it stands to be the history, although it once had other events:
/// a backup was restored, or a standby that lagged was promoted. It bears the time of the event
/// before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogForked {
    /// The generation that begins with this event.
    pub generation: u32,
    /// What happened, in the operator's words.
    pub reason: Box<str>,
}

/// The wall clock jumped, stands before the last event, or stands long after it: nothing is decided
/// until it is confirmed. It bears the time of the event before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockDoubted {
    /// What the clock says.
    pub wall: Timestamp,
    /// What is wrong with that, in words.
    pub why: Box<str>,
}

/// An operator vouched for the wall clock, which had jumped, stood before the last event, or stood
/// long after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockConfirmed {
    /// What the clock said.
    pub wall: Timestamp,
}

/// An earning rule was made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarningRuleSet {
    /// The rule.
    pub rule_id: RuleId,
    /// The version that these terms are; the first is 1.
    pub version: u64,
    /// The terms from now on, whole.
    pub terms: EarningTerms,
}

/// The programme's policy was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChanged {
    /// The version that this policy is; the first that an operator chose is 1.
    pub version: u64,
    /// The policy from now on, whole.
    pub policy: Policy,
}

/// A unit was made, or got another name. The unit `points` is made by the log's opening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSet {
    /// The unit.
    pub unit: UnitId,
    /// The version that these terms are; the first is 1.
    pub version: u64,
    /// What it is from now on, whole.
    pub terms: UnitTerms,
}

/// A unit was closed, for good: nothing more is earned of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitClosed {
    /// The unit.
    pub unit: UnitId,
    /// The version that it is with this.
    pub version: u64,
}

/// An operator turned a switch. It has counted since it was turned, and not since this event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchTurned {
    /// The switch.
    pub switch: SwitchName,
    /// The version that this setting is; the first is 1.
    pub version: u64,
    /// How it is set from then on.
    pub setting: SwitchSetting,
    /// When it was turned, by the clock of the process that did so.
    pub turned_at: Timestamp,
}

/// A commitment to the balances of all accounts: the root of a tree over them, for each unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancesSealed {
    /// The seal, as the caller named it.
    pub seal_id: SealId,
    /// What it commits to.
    pub sealed: SealedBalances,
}

/// The balances of all accounts, as the log up to a moment makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBalances {
    /// Of the accounts that live in the programme's home, which records the seal.
    pub home: SealedTrees,
    /// Of those that live in each further partition, in their order; nothing where there is one
    /// partition. All are of one moment: a receipt is in one only with its message in another.
    pub further: Vec<SealedTrees>,
}

impl SealedBalances {
    /// Whether it is of the accounts of all of so many partitions.
    #[must_use]
    pub fn is_of(&self, partitions: u16) -> bool {
        let mut all = std::iter::once(&self.home).chain(&self.further);
        self.further.len() + 1 == usize::from(partitions)
            && all.all(|it| it.up_to > Position::START)
    }
}

/// The balances of all accounts of a partition, as its log up to a position makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedTrees {
    /// The last event whose effect is in the balances.
    pub up_to: Position,
    /// When that event was recorded.
    pub as_of: Timestamp,
    /// Which secret the salts come from, without telling the secret.
    pub salts: SaltsId,
    /// By unit, in the order in which the partition came to know them.
    pub units: Vec<SealedUnit>,
}

/// Tells secrets from which salts come from each other, and nothing else of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaltsId(pub [u8; 8]);

/// What all accounts have of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedUnit {
    /// The unit.
    pub unit: UnitId,
    /// How many accounts have had some of it.
    pub accounts: u64,
    /// The root of the tree over them.
    pub root: [u8; 32],
    /// What can be spent. The sums are over all accounts.
    pub available: u128,
    /// What is set aside.
    pub held: u128,
    /// What can be spent later.
    pub pending: u128,
    /// What is owed.
    pub owed: u128,
}
