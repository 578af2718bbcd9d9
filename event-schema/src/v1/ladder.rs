//! Ladders, and the tiers that accounts have by them.

use std::borrow::Cow;

use domain::{
    Day, Downgrade, GrantEnd, GrantId, KeptMonths, KeptYears, LadderId, LadderTerms, Levels, Note,
    Points, Returns, TierId, Timestamp, UnitId, WindowMonths, YearFrom,
};
use serde::{Deserialize, Serialize};

use super::part::is_false;

/// `ladder-set`.
#[derive(Serialize, Deserialize)]
pub(crate) struct LadderSet<'a> {
    ladder: LadderId,
    version: u64,
    unit: UnitId,
    levels: Cow<'a, Levels>,
    #[serde(flatten)]
    window: Window,
    downgrade: Downgrade,
    returns: Returns,
    #[serde(default, skip_serializing_if = "is_false")]
    adjustments: bool,
}

/// A window, with for how long a tier holds: `{"year_from":"01-01"}` with years and months,
/// `{"months":11}` with months, or `ever`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Window {
    Years { window: ByYears, keeps: KeptByYears },
    Months { window: ByMonths, keeps: ByMonths },
    Ever { window: Ever },
}

#[derive(Serialize, Deserialize)]
struct ByYears {
    year_from: YearFrom,
}

#[derive(Serialize, Deserialize)]
struct KeptByYears {
    years: KeptYears,
    months: KeptMonths,
}

#[derive(Serialize, Deserialize)]
struct ByMonths {
    months: WindowMonths,
}

#[derive(Serialize, Deserialize)]
enum Ever {
    #[serde(rename = "ever")]
    Ever,
}

impl From<domain::Window> for Window {
    fn from(window: domain::Window) -> Self {
        match window {
            domain::Window::Years { from: year_from, years, months } => {
                Self::Years { window: ByYears { year_from }, keeps: KeptByYears { years, months } }
            }
            domain::Window::Months { months, keeps } => {
                Self::Months { window: ByMonths { months }, keeps: ByMonths { months: keeps } }
            }
            domain::Window::Ever => Self::Ever { window: Ever::Ever },
        }
    }
}

impl From<Window> for domain::Window {
    fn from(stored: Window) -> Self {
        match stored {
            Window::Years { window: ByYears { year_from }, keeps } => {
                let KeptByYears { years, months } = keeps;
                Self::Years { from: year_from, years, months }
            }
            Window::Months { window: ByMonths { months }, keeps: ByMonths { months: keeps } } => {
                Self::Months { months, keeps }
            }
            Window::Ever { window: Ever::Ever } => Self::Ever,
        }
    }
}

impl<'a> From<&'a domain::LadderSet> for LadderSet<'a> {
    fn from(fact: &'a domain::LadderSet) -> Self {
        let domain::LadderSet { ladder, version, terms } = fact;
        let LadderTerms { unit, levels, window, downgrade, returns, adjustments } = terms;
        Self {
            ladder: *ladder,
            version: *version,
            unit: *unit,
            levels: Cow::Borrowed(levels),
            window: (*window).into(),
            downgrade: *downgrade,
            returns: *returns,
            adjustments: *adjustments,
        }
    }
}

impl From<LadderSet<'_>> for domain::LadderSet {
    fn from(stored: LadderSet<'_>) -> Self {
        let LadderSet { ladder, version, unit, levels, window, downgrade, returns, adjustments } =
            stored;
        let (levels, window) = (levels.into_owned(), window.into());
        let terms = LadderTerms { unit, levels, window, downgrade, returns, adjustments };
        Self { ladder, version, terms }
    }
}

/// `tier-reached`, `tier-kept` and `tier-lapsed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct TierChanged {
    ladder: LadderId,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<TierId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<TierId>,
    #[serde(with = "domain::sum")]
    counted: Points,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted_from: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl From<&domain::TierChanged> for TierChanged {
    fn from(fact: &domain::TierChanged) -> Self {
        let domain::TierChanged { ladder, version, tier, before, counted, counted_from, until } =
            *fact;
        Self { ladder, version, tier, before, counted, counted_from, until }
    }
}

impl From<TierChanged> for domain::TierChanged {
    fn from(stored: TierChanged) -> Self {
        let TierChanged { ladder, version, tier, before, counted, counted_from, until } = stored;
        Self { ladder, version, tier, before, counted, counted_from, until }
    }
}

/// `tier-granted`.
#[derive(Serialize, Deserialize)]
pub(crate) struct TierGranted<'a> {
    ladder: LadderId,
    grant_id: Cow<'a, GrantId>,
    tier: TierId,
    until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<ReplacedGrant<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

/// A grant that was in force until another took its place.
#[derive(Serialize, Deserialize)]
struct ReplacedGrant<'a> {
    grant_id: Cow<'a, GrantId>,
    tier: TierId,
}

impl<'a> From<&'a domain::TierGranted> for TierGranted<'a> {
    fn from(fact: &'a domain::TierGranted) -> Self {
        // What is private goes into the private text.
        let domain::TierGranted { ladder, grant_id, tier, until, replaces, occurred_at, note: _ } =
            fact;
        let replaces = replaces.as_ref().map(|replaced| {
            let domain::ReplacedGrant { grant_id, tier } = replaced;
            ReplacedGrant { grant_id: Cow::Borrowed(grant_id), tier: *tier }
        });
        Self {
            ladder: *ladder,
            grant_id: Cow::Borrowed(grant_id),
            tier: *tier,
            until: *until,
            replaces,
            occurred_at: *occurred_at,
        }
    }
}

impl From<TierGranted<'_>> for domain::TierGranted {
    fn from(stored: TierGranted<'_>) -> Self {
        let TierGranted { ladder, grant_id, tier, until, replaces, occurred_at } = stored;
        let replaces = replaces.map(|ReplacedGrant { grant_id, tier }| domain::ReplacedGrant {
            grant_id: grant_id.into_owned(),
            tier,
        });
        let grant_id = grant_id.into_owned();
        Self { ladder, grant_id, tier, until, replaces, occurred_at, note: Note::default() }
    }
}

/// `tier-grant-ended`.
#[derive(Serialize, Deserialize)]
pub(crate) struct TierGrantEnded<'a> {
    ladder: LadderId,
    grant_id: Cow<'a, GrantId>,
    tier: TierId,
    ended: GrantEnd,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
}

impl<'a> From<&'a domain::TierGrantEnded> for TierGrantEnded<'a> {
    fn from(fact: &'a domain::TierGrantEnded) -> Self {
        // What is private goes into the private text.
        let domain::TierGrantEnded { ladder, grant_id, tier, ended, occurred_at, note: _ } = fact;
        Self {
            ladder: *ladder,
            grant_id: Cow::Borrowed(grant_id),
            tier: *tier,
            ended: *ended,
            occurred_at: *occurred_at,
        }
    }
}

impl From<TierGrantEnded<'_>> for domain::TierGrantEnded {
    fn from(stored: TierGrantEnded<'_>) -> Self {
        let TierGrantEnded { ladder, grant_id, tier, ended, occurred_at } = stored;
        let grant_id = grant_id.into_owned();
        Self { ladder, grant_id, tier, ended, occurred_at, note: Note::default() }
    }
}
