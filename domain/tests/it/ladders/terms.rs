//! The terms of random ladders, and what an event says of a tier.

use domain::{Downgrade, Event, LadderTerms, Level, Points, Returns, TierChanged, TierId, Window};

use super::id;
use super::plain::{News, Said};

pub(crate) fn news_of(event: &Event) -> Option<News> {
    let said = |fact: &TierChanged| Said {
        ladder: fact.ladder,
        version: usize::try_from(fact.version).expect("few"),
        tier: fact.tier,
        before: fact.before,
        counted: fact.counted.get(),
        until: fact.until,
    };
    Some(match event {
        Event::TierReached(_, fact) => News::Reached(said(fact)),
        Event::TierKept(_, fact) => News::Kept(said(fact)),
        Event::TierLapsed(_, fact) => News::Lapsed(said(fact)),
        Event::TierGrantEnded(_, fact) if fact.ended == domain::GrantEnd::Until => {
            News::GrantEnded(fact.ladder, fact.grant_id.clone())
        }
        _ => return None,
    })
}

/// Levels around the amounts that the random commands earn, the first from 0 or not.
pub(crate) fn levels(has_base: bool, percent: u64, has_pearl: bool) -> domain::Levels {
    let level = |tier: &str, from: u64| {
        let tier: TierId = id(tier);
        Level { tier, from: Points::sum_of(from * percent / 100).expect("an amount") }
    };
    let bronze = level("bronze", if has_base { 0 } else { 300 });
    let pearl = has_pearl.then(|| level("pearl", 1_700));
    let levels = [Some(bronze), Some(level("silver", 1_000)), pearl, Some(level("gold", 2_500))];
    levels.into_iter().flatten().collect::<Vec<_>>().try_into().expect("levels")
}

pub(crate) fn terms_of(kind: u8, unit: &str) -> LadderTerms {
    let years = |from: &str, years: u8, months: u8| Window::Years {
        from: id(from),
        years: years.try_into().expect("years"),
        months: months.try_into().expect("months"),
    };
    let months = |months: u8, keeps: u8| Window::Months {
        months: months.try_into().expect("months"),
        keeps: keeps.try_into().expect("months"),
    };
    let window = match kind {
        0 => years("01-01", 0, 0),
        1 => years("01-01", 1, 0),
        2 => years("04-01", 2, 3),
        3 => years("02-28", 0, 2),
        4 => months(1, 1),
        5 => months(3, 12),
        6 => months(11, 2),
        7 => months(36, 36),
        8 => years("11-30", 0, 3),
        9 => years("07-15", 1, 1),
        _ => Window::Ever,
    };
    LadderTerms {
        unit: id(unit),
        levels: levels(kind.is_multiple_of(2), 100, false),
        window,
        downgrade: if kind.is_multiple_of(3) { Downgrade::OneLevel } else { Downgrade::ByCount },
        returns: if kind % 4 == 3 { Returns::Keep } else { Returns::Recount },
        adjustments: kind % 3 != 1,
    }
}
