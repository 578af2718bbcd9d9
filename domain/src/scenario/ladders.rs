//! Ladders and tiers in few words.

use super::Scenario;
use super::values::*;
use crate::command::{
    ExpectedVersion, GrantTier, ReturnPurchase, RevokeTierGrant, SetLadder, WithdrawCredit,
};
use crate::*;

/// Years from a day on, kept for further years and months.
pub(crate) fn years(from: &str, years: u8, months: u8) -> Window {
    Window::Years {
        from: id(from),
        years: years.try_into().expect("years"),
        months: months.try_into().expect("months"),
    }
}

/// The present month and some before it, kept until the end of a later one.
pub(crate) fn months(months: u8, keeps: u8) -> Window {
    let number = |it: u8| it.try_into().expect("months");
    Window::Months { months: number(months), keeps: number(keeps) }
}

/// By count, of points.
pub(crate) fn ladder(window: Window, levels: &[(&str, u64)]) -> LadderTerms {
    let level = |(tier, from): &(&str, u64)| Level {
        tier: id(tier),
        from: Points::sum_of(*from).expect("an amount"),
    };
    LadderTerms {
        unit: UnitId::POINTS,
        levels: levels.iter().map(level).collect::<Vec<_>>().try_into().expect("levels"),
        window,
        downgrade: Downgrade::ByCount,
        returns: Returns::Recount,
        adjustments: false,
    }
}

/// Silver from 1,000 and gold from 5,000.
pub(crate) fn two_levels(window: Window) -> LadderTerms {
    ladder(window, &[("silver", 1_000), ("gold", 5_000)])
}

pub(crate) fn make_ladder(ladder: &str, terms: LadderTerms) -> Command {
    let expected = ExpectedVersion::Absent;
    Command::SetLadder(SetLadder { ladder: id(ladder), terms, expected })
}

pub(crate) fn amend_ladder(ladder: &str, terms: LadderTerms) -> Command {
    Command::SetLadder(SetLadder { ladder: id(ladder), terms, expected: ExpectedVersion::Any })
}

pub(crate) fn grant(account: &str, key: &str, tier: &str, until: &str) -> Command {
    Command::GrantTier(GrantTier {
        account_id: id(account),
        ladder: id("status"),
        grant_id: id(key),
        tier: id(tier),
        until: id(until),
        note: Note::default(),
        occurred_at: None,
    })
}

pub(crate) fn revoke(account: &str, key: &str) -> Command {
    Command::RevokeTierGrant(RevokeTierGrant {
        account_id: id(account),
        ladder: id("status"),
        grant_id: id(key),
        note: Note::default(),
        occurred_at: None,
    })
}

/// Takes back some of what a basket earned.
pub(crate) fn withdraw_some(account: &str, key: &str, basket: &str, amount: u64) -> Command {
    Command::WithdrawCredit(WithdrawCredit {
        unit: UnitId::POINTS,
        account_id: id(account),
        withdrawal_id: id(key),
        cause: cause(basket),
        points: Some(points(amount)),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

/// All of a basket comes back.
pub(crate) fn bring_all_back(account: &str, basket: &str, key: &str) -> Command {
    Command::ReturnPurchase(ReturnPurchase {
        account_id: id(account),
        purchase_id: id(basket),
        return_id: id(key),
        lines: None,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

impl Scenario {
    /// Goes on at a time, in RFC 3339.
    pub(crate) fn on(mut self, time: &str) -> Self {
        self.now = id(time);
        self
    }

    /// The tier that the account has on the ladder `status`, and until when; what is due counts as
    /// done, and it is the same once it was recorded. `-` is none, and for ever.
    #[track_caller]
    pub(crate) fn has_tier(self, account: &str, tier: &str, until: &str) -> Self {
        let shown = |scenario: &Self| {
            let tiers = scenario.state.tiers(&id(account), scenario.now);
            let (_, it) =
                tiers.into_iter().find(|(ladder, _)| *ladder == id("status")).expect("it");
            let text = |it: Option<String>| it.unwrap_or_else(|| "-".to_owned());
            let until = text(it.until.map(|it| it.to_string()));
            ([text(it.tier.map(|it| it.to_string())), until], it.since)
        };
        let (found, since) = shown(&self);
        assert_eq!(found, [tier, until], "at {}", self.now);
        let swept = self.sweeps();
        assert_eq!(shown(&swept), (found, since), "once it was recorded");
        swept
    }

    /// The whole of what is shown of the account on the ladder `status`.
    pub(crate) fn tier(&self, account: &str) -> PresentTier {
        let tiers = self.state.tiers(&id(account), self.now);
        tiers.into_iter().find(|(ladder, _)| *ladder == id("status")).expect("it").1
    }

    /// The last event, which is about a tier.
    #[track_caller]
    pub(crate) fn last_tier(&self) -> &TierChanged {
        match self.events.last() {
            Some(
                Event::TierReached(_, fact) | Event::TierKept(_, fact) | Event::TierLapsed(_, fact),
            ) => fact,
            other => panic!("{other:?}"),
        }
    }

    /// How many events there are.
    pub(crate) fn count(&self) -> usize {
        self.events.len()
    }
}
