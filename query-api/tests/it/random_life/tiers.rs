//! The ladders of a random life, and what accounts have by them.

use domain::command::{ExpectedVersion, SetLadder};
use domain::{
    AccountId, Command, Downgrade, LadderTerms, LadderTier, Level, Levels, Multiplier, PresentTier,
    Prices, Returns, TierPrice, TierPrices, Window, WindowMonths,
};
use serde_json::{Value, json};

use super::World;
use testing::ledger::{id, points};

/// By months on points, which also lapses by one level only, and for all time on miles.
pub(super) fn ladders() -> [Command; 2] {
    let month = |number: u8| WindowMonths::try_from(number).expect("months");
    let club = Window::Months { months: month(1), keeps: month(1) };
    [
        ladder("club", "points", club, Downgrade::OneLevel),
        ladder("flyer", "miles", Window::Ever, Downgrade::ByCount),
    ]
}

fn ladder(name: &str, unit: &str, window: Window, downgrade: Downgrade) -> Command {
    let level = |tier: &str, from: u64| Level { tier: id(tier), from: points(from) };
    let levels = vec![level("silver", 40), level("gold", 150)];
    let terms = LadderTerms {
        unit: id(unit),
        levels: Levels::try_from(levels).expect("levels"),
        window,
        downgrade,
        returns: Returns::Recount,
        adjustments: true,
    };
    Command::SetLadder(SetLadder { ladder: id(name), terms, expected: ExpectedVersion::Absent })
}

fn silver() -> LadderTier {
    LadderTier { ladder: id("club"), tier: id("silver") }
}

/// Who has silver earns half as much again.
pub(super) fn multipliers() -> Vec<Multiplier> {
    vec![Multiplier { from: None, until: None, tier: Some(silver()), percent: 150 }]
}

/// And pays a point less.
pub(super) fn tier_prices(amount: u64) -> TierPrices {
    let prices = Prices::of_points(points(amount - 1));
    let prices: Box<[TierPrice]> = [TierPrice { tier: silver(), prices }].into();
    prices.try_into().expect("a price for each tier")
}

/// What an account has on each ladder, as its balance shows it.
pub(super) fn tiers_of(world: &World, account_id: &AccountId) -> Value {
    let mut tiers = json!({});
    for (ladder, present) in world.state.tiers(account_id, world.now()) {
        let PresentTier { tier, earned, granted, since, until, counted, next } = present;
        let mut shown = json!({"counted": counted.get(), "next": null});
        let texts = [
            ("tier", tier.map(|tier| tier.to_string())),
            ("earned", earned.map(|tier| tier.to_string())),
            ("since", since.map(|time| time.to_string())),
            ("until", until.map(|time| time.to_string())),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                shown[name] = json!(text);
            }
        }
        if let Some((tier, until)) = granted {
            shown["granted"] = json!({"tier": tier, "until": until});
        }
        if let Some((tier, missing)) = next {
            shown["next"] = json!({"tier": tier, "missing": missing.get()});
        }
        tiers[ladder.as_str()] = shown;
    }
    tiers
}
