//! Offers, rules, units, and the log itself.

use domain::{
    BalancesSealed, Clock, ClockConfirmed, ClockDoubted, CodeAdded, CodesUploaded,
    ConversionRateClosed, ConversionRateSet, EarningRuleSet, LadderSet, LogForked, LogOpened,
    OfferAmended, OfferClosed, OfferOpened, OfferPaused, OfferReopened, OfferResumed,
    PolicyChanged, SealedTrees, StockAdded, StockAmended, StockRemoved, SwitchSetting,
    SwitchTurned, Terms, UnitClosed, UnitSet,
};

use super::{amount, list, until};

pub(super) fn offer_opened(fact: &OfferOpened) -> String {
    let OfferOpened { offer_id, terms, stock, page: _ } = fact;
    let stock = match stock {
        Some(stock) => format!("{stock} units"),
        None if terms.codes => "with codes to be uploaded".to_owned(),
        None => "without an end".to_owned(),
    };
    format!("Offer {offer_id} was opened: {}, {stock}.", of_terms(terms))
}

pub(super) fn offer_amended(fact: &OfferAmended) -> String {
    let OfferAmended { offer_id, version, terms, page: _ } = fact;
    format!("Offer {offer_id} was amended to version {version}: {}.", of_terms(terms))
}

fn of_terms(terms: &Terms) -> String {
    let prices = if terms.prices.is_free() {
        "nothing".to_owned()
    } else {
        list(terms.prices.due().map(|price| amount(price.points, price.unit)))
    };
    let limit = terms.limit_per_shopper.map(|limit| format!(", at most {limit} for each shopper"));
    let in_periods = terms.period_limits.iter().map(|(period, limit)| format!(", {limit}{period}"));
    let segment = terms.segment.map(|segment| format!(", for the segment {segment}"));
    format!(
        "product {} for {prices}{}{}{}",
        terms.product_id,
        limit.unwrap_or_default(),
        in_periods.collect::<String>(),
        segment.unwrap_or_default(),
    )
}

pub(super) fn offer_closed(fact: &OfferClosed) -> String {
    format!("Offer {} was closed, in version {}.", fact.offer_id, fact.version)
}

pub(super) fn offer_reopened(fact: &OfferReopened) -> String {
    let OfferReopened { offer_id, reopening_id, version } = fact;
    format!("Offer {offer_id} was reopened by {reopening_id}, in version {version}.")
}

pub(super) fn offer_paused(fact: &OfferPaused) -> String {
    format!("Offer {} was paused, in version {}.", fact.offer_id, fact.version)
}

pub(super) fn offer_resumed(fact: &OfferResumed) -> String {
    let OfferResumed { offer_id, resumption_id, version } = fact;
    format!("Offer {offer_id} was resumed by {resumption_id}, in version {version}.")
}

pub(super) fn stock_added(fact: &StockAdded) -> String {
    let StockAdded { offer_id, addition_id, units } = fact;
    format!("{units} units came into the stock of offer {offer_id} by addition {addition_id}.")
}

pub(super) fn code_added(fact: &CodeAdded) -> String {
    format!("A code came into the pool of offer {}.", fact.offer_id)
}

pub(super) fn codes_uploaded(fact: &CodesUploaded) -> String {
    let CodesUploaded { offer_id, upload_id, codes, hash: _ } = fact;
    format!("{codes} codes came into the pool of offer {offer_id} by upload {upload_id}.")
}

pub(super) fn stock_removed(fact: &StockRemoved) -> String {
    let StockRemoved { offer_id, removal_id, units } = fact;
    format!("{units} units left the stock of offer {offer_id} by removal {removal_id}.")
}

pub(super) fn stock_amended(fact: &StockAmended) -> String {
    let StockAmended { offer_id, version, stock } = fact;
    let stock = stock.map_or_else(|| "no end".to_owned(), |stock| format!("{stock} units in all"));
    format!("The stock of offer {offer_id} has {stock}, in version {version}.")
}

pub(super) fn balances_sealed(fact: &BalancesSealed) -> String {
    let BalancesSealed { seal_id, sealed } = fact;
    let balances = |SealedTrees { up_to, as_of, units, .. }: &SealedTrees| {
        let units = units.iter().map(|it| format!("{} accounts' {}", it.accounts, it.unit));
        format!("the balances of {}, as of position {up_to}, {as_of}", list(units))
    };
    let further = (1..).zip(&sealed.further);
    let further =
        further.map(|(partition, it)| format!("; in partition {partition}, {}", balances(it)));
    let (home, further) = (balances(&sealed.home), further.collect::<String>());
    format!("Seal {seal_id} commits to {home}{further}.")
}

pub(super) fn switch_turned(fact: &SwitchTurned) -> String {
    let SwitchTurned { switch, version, setting, turned_at } = fact;
    let SwitchSetting { on, percent, until: end } = *setting;
    let on = if on { "on" } else { "off" };
    let percent = percent.map(|percent| format!(", at {percent}%")).unwrap_or_default();
    let end = until("until", end);
    format!(
        "The switch {switch} was turned {on}{percent}{end} at {turned_at}, in version {version}."
    )
}

pub(super) fn log_opened(fact: &LogOpened) -> String {
    let LogOpened { log_id, partitions, clock } = fact;
    let clock = match clock {
        Clock::Wall => "the wall clock",
        Clock::Commands => "its commands",
    };
    format!("Log {log_id} was opened with partitions: {partitions}. Its time is that of {clock}.")
}

pub(super) fn log_forked(fact: &LogForked) -> String {
    let LogForked { generation, reason } = fact;
    format!("An operator declared generation {generation} of the log. The reason: \"{reason}\".")
}

pub(super) fn clock_doubted(fact: &ClockDoubted) -> String {
    format!("The wall clock said {} and was doubted: {}.", fact.wall, fact.why)
}

pub(super) fn clock_confirmed(fact: &ClockConfirmed) -> String {
    format!("An operator confirmed the wall clock, which said {}.", fact.wall)
}

pub(super) fn policy_changed(fact: &PolicyChanged) -> String {
    let PolicyChanged { version, policy } = fact;
    format!(
        "The policy was changed to version {version}: refunds have {} days of grace, and one cause \
         earns at most {}.",
        policy.refund_grace_days, policy.earning_points_max
    )
}

pub(super) fn rule_set(fact: &EarningRuleSet) -> String {
    let EarningRuleSet { rule_id, version, terms } = fact;
    let of = amount(terms.rate.points, terms.unit);
    let per = terms.rate.per_amount;
    format!("Earning rule {rule_id} is in version {version}: {of} for each {per} of money.")
}

pub(super) fn unit_set(fact: &UnitSet) -> String {
    let UnitSet { unit, version, terms } = fact;
    let name = terms.name.as_ref().map(|name| format!(", called {}", name.as_str()));
    let name = name.unwrap_or_default();
    let spendable = if terms.spendable { "can be spent" } else { "can't be spent" };
    format!("Unit {unit} is in version {version}{name}. It {spendable}.")
}

pub(super) fn unit_closed(fact: &UnitClosed) -> String {
    format!("Unit {} was closed, in version {}.", fact.unit, fact.version)
}

pub(super) fn ladder_set(fact: &LadderSet) -> String {
    let LadderSet { ladder, version, terms } = fact;
    let levels = terms.levels.iter().map(|level| format!("{} from {}", level.tier, level.from));
    format!("Ladder {ladder} counts {} in version {version}: {}.", terms.unit, list(levels))
}

pub(super) fn rate_set(fact: &ConversionRateSet) -> String {
    let ConversionRateSet { from, to, version, terms } = fact;
    let (give, take) = (amount(terms.give, *from), amount(terms.take, *to));
    format!("Version {version} of the conversion rate turns {give} into {take}.")
}

pub(super) fn rate_closed(fact: &ConversionRateClosed) -> String {
    let ConversionRateClosed { from, to, version } = fact;
    format!("The conversion rate from {from} to {to} was closed, in version {version}.")
}
