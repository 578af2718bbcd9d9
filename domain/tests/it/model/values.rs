//! The values that a command is made of: names, times and terms, out of what is asked for.

use domain::command::{DispatchShipment, Order, RejectShipment, Report, ReportShipment};
use domain::{
    AccountId, Cap, CategoryRate, Command, DispatchId, EarningTerms, Multiplier, Note, Page,
    PeriodLimits, Points, Price, Prices, Rate, SegmentId, Shipped, ShippedLine, Terms, Timestamp,
    UnitId, UnitTerms, Units,
};

use super::ask::{
    AskedOrder, AskedRule, AskedTerms, AskedWay, Choice, News, Read, Target, Wait, When, Who,
};
use super::ledger::{Account, DAY, Ledger, Offer, Time};
use super::shipping::contents;

// Names

pub(crate) fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a valid id")
}

pub(crate) fn points(value: u64) -> Points {
    Points::new(value).expect("an amount")
}

pub(crate) fn units(value: u64) -> Units {
    Units::new(value).expect("an amount")
}

pub(crate) fn time(micros: Time) -> Timestamp {
    Timestamp::from_micros(micros).expect("a time")
}

/// Of four partitions, the first two live in one, and the others in two further ones.
pub(crate) const ACCOUNTS: [&str; 4] = ["ann", "bob", "cleo", "dan"];
/// In Beirut and Santiago, clocks are set forward at midnight.
pub(crate) const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "Asia/Beirut", "America/Santiago"];
pub(crate) const RULES: [&str; 3] = ["default", "gold", "none"];

/// The last can't be spent.
pub(crate) const UNITS: [&str; 4] = ["points", "miles", "stars", "status"];

pub(crate) fn account(number: u8) -> &'static str {
    ACCOUNTS[usize::from(number) % ACCOUNTS.len()]
}

pub(crate) fn named<T: std::str::FromStr>(kind: &str, number: u8) -> T {
    id(&format!("{kind}-{number}"))
}

impl Who {
    pub(crate) fn of(self, ledger: &Ledger) -> &str {
        let number = match self {
            Self::Named(number) => return account(number),
            Self::Rich(number) => number,
        };
        let has = |account: &&Account| account.wallets.iter().any(|it| it.sum_available() > 0);
        let rich = ledger.accounts.iter().filter(has);
        let rich: Vec<&str> = rich.map(|account| account.name.as_str()).collect();
        rich.get(number % rich.len().max(1)).copied().unwrap_or(ACCOUNTS[0])
    }
}

impl AskedWay {
    /// Two units: those of a rate that there is, or by number.
    pub(crate) fn of(self, ledger: &Ledger) -> (UnitId, UnitId) {
        let rates = &ledger.conversion_rates;
        let chosen = self.known.and_then(|number| rates.get(number % rates.len().max(1)));
        let unit = |number: u8| id(UNITS[usize::from(number) % UNITS.len()]);
        let further = unit(self.from + 1 + self.further % 3);
        chosen.map_or((unit(self.from), further), |rate| (rate.from, rate.to))
    }
}

impl When {
    pub(crate) fn at(self, now: Time) -> Time {
        let time = match self {
            Self::Midnight { days, micros } => (now / DAY + days) * DAY + micros,
            Self::After { days, micros } => now + days * DAY + micros,
        };
        time.max(0)
    }
}

impl Wait {
    /// The time after it.
    pub(crate) fn after(&self, now: Time, ledger: &Ledger) -> Time {
        match self {
            Self::Not => now,
            Self::Micros(micros) => now + micros,
            Self::Until { skipping, micros } => {
                let times = ledger.turning_points(now);
                let time = times.get(*skipping).or(times.last()).copied().unwrap_or(now);
                now.max(time + micros)
            }
        }
    }
}

impl Target {
    /// The account and the name of one that there is, or by number.
    pub(crate) fn of(self, kind: &str, known: &[(String, String)]) -> (String, String) {
        let chosen = match self.known {
            Choice::Perhaps => None,
            Choice::Ever(number) => known.get(number % known.len().max(1)),
            Choice::Late(number) => known.iter().rev().nth(number % known.len().clamp(1, 3)),
        };
        chosen
            .cloned()
            .unwrap_or_else(|| (account(self.account).to_owned(), format!("{kind}-{}", self.name)))
    }
}

// Turned into commands

pub(crate) fn order(asked: &AskedOrder, ledger: &Ledger) -> Order {
    let open = ledger.offers.iter().filter(|offer| offer.closed_at.is_none());
    let open: Vec<&str> = open.map(|offer| offer.id.as_str()).collect();
    let chosen = asked.chosen.and_then(|number| open.get(number % open.len().max(1)));
    Order {
        exchange_id: named("x", asked.exchange),
        offer_id: chosen.map_or_else(|| named("offer", asked.offer), |offer| id(offer)),
        quantity: units(asked.quantity),
        deliver_to: asked.has_address.then(|| id("1 Elm Street")),
        expected_points: asked.expected.map(points),
        expected_prices: asked.expected_all.map(|(of_points, of_miles)| {
            // In any order.
            let prices = [("miles", of_miles), ("points", of_points)];
            prices.into_iter().filter(|(_, amount)| *amount > 0).map(price).collect()
        }),
    }
}

fn price((unit, amount): (&str, u64)) -> Price {
    Price { unit: id(unit), points: points(amount) }
}

fn prices(asked: &AskedTerms) -> Prices {
    let other = asked.other_price.map(|(unit, amount)| (UNITS[usize::from(unit)], amount));
    let all = Some(("points", asked.price)).into_iter().chain(other);
    let all: Vec<Price> = all.filter(|(_, amount)| *amount > 0).map(price).collect();
    if all.is_empty() {
        return Prices::of_points(Points::ZERO);
    }
    Prices::try_from(all).expect("two of different units")
}

pub(crate) fn segment(number: u8) -> SegmentId {
    named("segment", number)
}

pub(crate) fn terms(asked: &AskedTerms, now: Time) -> Terms {
    let [day, week, month] = asked.limits.map(|limit| limit.map(units));
    Terms {
        product_id: id("product"),
        prices: prices(asked),
        tier: None,
        segment: asked.segment.map(segment),
        tier_prices: domain::TierPrices::default(),
        opens_at: asked.opens_at.map(|when| time(when.at(now))),
        closes_at: asked.closes_at.map(|when| time(when.at(now))),
        limit_per_shopper: asked.limit.map(units),
        period_limits: PeriodLimits { day, week, month },
        time_zone: id(ZONES[asked.zone % ZONES.len()]),
        warehouse: id("main"),
        ships: asked.ships,
        codes: false,
    }
}

pub(crate) fn read_versions(read: Read, present: Option<&Offer>) -> Option<Box<[u64]>> {
    match read {
        Read::None | Read::Any => None,
        Read::Present => present.map(|offer| [offer.version].into()),
        Read::Version(version) => Some([version].into()),
    }
}

pub(crate) fn page(asked: &AskedTerms) -> Page {
    let name = asked.name.map(|number| id(&format!("Offer {number}")));
    Page { name, ..Page::default() }
}

/// The usual unit of a rule has its number.
pub(crate) fn rule_terms(rule: u8, asked: &AskedRule, now: Time) -> EarningTerms {
    let rate = |(gives, per): (u64, u64)| Rate {
        points: Points::sum_of(gives).expect("points"),
        per_amount: points(per),
        // Of a third of all rates.
        full_steps_only: per % 3 == 0,
    };
    EarningTerms {
        unit: id(UNITS[usize::from(asked.unit.unwrap_or(rule))]),
        rate: rate(asked.rate),
        categories: asked
            .category
            .map(|special| CategoryRate { category: named("category", 0), rate: rate(special) })
            .into_iter()
            .collect(),
        multipliers: asked
            .multipliers
            .iter()
            .map(|(from, days, percent)| {
                let from = from.at(now);
                let (from, until) = (Some(time(from)), Some(time(from + days * DAY)));
                Multiplier { from, until, tier: None, percent: *percent }
            })
            .collect(),
        cap: asked.cap.map(|(most, period)| Cap { points: points(most), period }),
        expiry: asked.expiry,
        pending_days: asked.pending_days,
        time_zone: id(ZONES[asked.zone % ZONES.len()]),
        backdate_days: asked.backdate_days,
    }
}

/// The same command of a unit, where it names one; what was earned is taken back of its own unit,
/// most of the time.
pub(crate) fn in_unit(mut command: Command, unit: u8, ledger: &Ledger) -> Command {
    let asked: UnitId = id(UNITS[usize::from(unit % 4)]);
    match &mut command {
        Command::EarnCredit(it) => it.unit = asked,
        Command::AdjustCredit(it) => it.unit = asked,
        Command::HoldCredit(it) => it.unit = asked,
        Command::TransferCredit(it) => it.unit = asked,
        Command::RecordPurchase(it) if it.points.is_some() => it.unit = asked,
        Command::WithdrawCredit(it) => {
            let (name, kind) = (it.account_id.as_str(), it.cause.kind.as_str());
            let lots = ledger.lots.iter().filter(|lot| lot.account == name && lot.kind == kind);
            let lots = lots.filter(|lot| lot.cause == it.cause.id.as_str());
            let lots: Vec<UnitId> = lots.map(|lot| lot.unit).collect();
            let chosen = lots.get(usize::from(unit % 2)).or(lots.first()).copied();
            it.unit = chosen.filter(|_| unit < 8).unwrap_or(asked);
        }
        Command::ClaimCredit(it) => {
            let (name, bought) = (it.account_id.as_str(), it.purchase_id.as_str());
            let mut purchases = ledger.purchases.iter();
            let purchase = purchases.find(|it| it.account == name && it.id == bought);
            // One that was refused, if any was; the later one of two for a unit that is odd.
            let units = purchase.map(|it| it.units.as_slice()).unwrap_or_default().iter();
            let mut refused: Vec<UnitId> =
                units.clone().filter(|it| it.refused.is_some()).map(|it| it.unit).collect();
            refused.extend(units.map(|it| it.unit));
            let chosen = refused.get(usize::from(unit % 2)).or(refused.first()).copied();
            it.unit = chosen.filter(|_| unit < 8).unwrap_or(asked);
        }
        _ => {}
    }
    command
}

/// What a unit may be: at first, or under another name.
pub(crate) fn unit_terms(unit: UnitId, name: Option<u8>, is_other: bool) -> UnitTerms {
    let spendable = (unit.as_str() != "status") != is_other;
    UnitTerms { name: name.map(|name| named("unit", name)), spendable, ..UnitTerms::of_points() }
}

/// Two times, the second after the first.
pub(crate) fn span(
    available: Option<When>,
    expires: Option<When>,
    now: Time,
) -> [Option<Timestamp>; 2] {
    let available_at = available.map(|when| when.at(now));
    let expires_at = expires.map(|when| {
        let expires_at = when.at(now);
        available_at.map_or(expires_at, |available_at| expires_at.max(available_at + 1))
    });
    [available_at.map(time), expires_at.map(time)]
}

/// What was asked for.
pub(crate) fn asked_lines(
    ledger: &Ledger,
    account: &AccountId,
    shipped: &Shipped,
) -> Vec<ShippedLine> {
    let request = ledger.request(account.as_str(), &contents(shipped));
    let lines = request.map(|request| request.lines.as_slice()).unwrap_or_default().iter();
    let line = |(product, asked, _): &(String, u128, u128)| ShippedLine {
        product_id: id(product),
        quantity: units((*asked).try_into().expect("few")),
    };
    lines.map(line).collect()
}

pub(crate) fn parcel_id(number: u8) -> DispatchId {
    if number == 0 { DispatchId::whole() } else { named("box", number) }
}

pub(crate) fn tell(
    account_id: AccountId,
    shipped: Shipped,
    news: News,
    occurred_at: Option<Timestamp>,
    ledger: &Ledger,
) -> Command {
    let note = Note::default();
    let asked = asked_lines(ledger, &account_id, &shipped);
    let report = |report, dispatch_id| ReportShipment {
        account_id: account_id.clone(),
        shipped: shipped.clone(),
        asked: asked.clone(),
        report,
        dispatch_id,
        note: note.clone(),
        occurred_at,
    };
    match news {
        News::Dispatched(parcel, quantity) => {
            let product = asked.first().map_or_else(|| id("product"), |it| it.product_id.clone());
            let line =
                |quantity| ShippedLine { product_id: product.clone(), quantity: units(quantity) };
            Command::DispatchShipment(DispatchShipment {
                account_id,
                shipped,
                asked,
                dispatch_id: parcel_id(parcel),
                lines: quantity.map(|quantity| vec![line(quantity)]),
                carrier: id("carrier"),
                express_no: id("1"),
                tracking_url: None,
                occurred_at,
            })
        }
        News::ParcelDelivered(parcel) => {
            Command::ReportShipment(report(Report::Delivered, Some(parcel_id(parcel))))
        }
        News::Other(news) => Command::ReportShipment(report(news, None)),
        News::Rejected => Command::RejectShipment(RejectShipment {
            account_id,
            shipped,
            asked,
            note,
            occurred_at,
            original: None,
        }),
    }
}
