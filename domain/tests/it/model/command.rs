//! How what is asked for becomes a command, as the plain ledger stands then.

use domain::command::{
    AddStock, AdjustCredit, AmendOffer, CancelExchange, Capture, CaptureHold, ClaimCredit,
    CloseOffer, ConfirmClock, Direction, DispatchShipment, EarnCredit, ExpectedVersion, ExtendHold,
    HoldCredit, OpenAccount, OpenOffer, Order, RecordPurchase, Redeem, RefundCapture,
    RejectShipment, ReleaseHold, RemoveStock, ReopenOffer, Report, ReportShipment, ReturnPurchase,
    ReverseReturn, ReverseWithdrawal, SetEarningRule, SetPolicy, ShowTerms, TransferCredit,
    WithdrawCredit,
};
use domain::{
    AccountId, Cap, CategoryRate, Cause, CauseKind, Command, DispatchId, EarningTerms, Multiplier,
    Note, Page, Points, Policy, PurchaseLine, Rate, ReturnedLine, Shipped, ShippedLine, Terms,
    Timestamp, Units,
};

use super::ask::{Ask, AskedOrder, AskedRule, AskedTerms, Choice, News, Read, Target, When, Who};
use super::beside::BEGINNING;
use super::ledger::{DAY, Ledger, Offer, Time};
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

const ACCOUNTS: [&str; 4] = ["ann", "bob", "cid", "dan"];
/// In Beirut and Santiago, clocks are set forward at midnight.
const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "Asia/Beirut", "America/Santiago"];
const RULES: [&str; 3] = ["default", "gold", "none"];

fn account(number: u8) -> &'static str {
    ACCOUNTS[usize::from(number) % ACCOUNTS.len()]
}

fn named<T: std::str::FromStr>(kind: &str, number: u8) -> T {
    id(&format!("{kind}-{number}"))
}

impl Who {
    fn of(self, ledger: &Ledger) -> &str {
        let number = match self {
            Self::Named(number) => return account(number),
            Self::Rich(number) => number,
        };
        let rich = ledger.accounts.iter().filter(|account| account.sum_available() > 0);
        let rich: Vec<&str> = rich.map(|account| account.name.as_str()).collect();
        rich.get(number % rich.len().max(1)).copied().unwrap_or(ACCOUNTS[0])
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

impl Target {
    /// The account and the name of one that there is, or by number.
    fn of(self, kind: &str, known: &[(String, String)]) -> (String, String) {
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

fn order(asked: &AskedOrder, ledger: &Ledger) -> Order {
    let open = ledger.offers.iter().filter(|offer| offer.closed_at.is_none());
    let open: Vec<&str> = open.map(|offer| offer.id.as_str()).collect();
    let chosen = asked.chosen.and_then(|number| open.get(number % open.len().max(1)));
    Order {
        exchange_id: named("x", asked.exchange),
        offer_id: chosen.map_or_else(|| named("offer", asked.offer), |offer| id(offer)),
        quantity: units(asked.quantity),
        deliver_to: asked.has_address.then(|| id("1 Elm Street")),
        expected_points: asked.expected.map(points),
    }
}

fn terms(asked: &AskedTerms, now: Time) -> Terms {
    Terms {
        product_id: id("product"),
        price: Points::sum_of(asked.price).expect("an amount"),
        opens_at: asked.opens_at.map(|when| time(when.at(now))),
        closes_at: asked.closes_at.map(|when| time(when.at(now))),
        limit_per_shopper: asked.limit.map(units),
        warehouse: id("main"),
        ships: asked.ships,
    }
}

fn read_versions(read: Read, present: Option<&Offer>) -> Option<Box<[u64]>> {
    match read {
        Read::None | Read::Any => None,
        Read::Present => present.map(|offer| [offer.version].into()),
        Read::Version(version) => Some([version].into()),
    }
}

fn page(asked: &AskedTerms) -> Page {
    let name = asked.name.map(|number| id(&format!("Offer {number}")));
    Page { name, ..Page::default() }
}

fn rule_terms(asked: &AskedRule, now: Time) -> EarningTerms {
    let rate = |(gives, per): (u64, u64)| Rate {
        points: Points::sum_of(gives).expect("points"),
        per_amount: points(per),
        // Of a third of all rates.
        full_steps_only: per % 3 == 0,
    };
    EarningTerms {
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
                Multiplier { from: time(from), until: time(from + days * DAY), percent: *percent }
            })
            .collect(),
        cap: asked.cap.map(|(most, period)| Cap { points: points(most), period }),
        expiry: asked.expiry,
        pending_days: asked.pending_days,
        time_zone: id(ZONES[asked.zone % ZONES.len()]),
        backdate_days: asked.backdate_days,
    }
}

/// Two times, the second after the first.
fn span(available: Option<When>, expires: Option<When>, now: Time) -> [Option<Timestamp>; 2] {
    let available_at = available.map(|when| when.at(now));
    let expires_at = expires.map(|when| {
        let expires_at = when.at(now);
        available_at.map_or(expires_at, |available_at| expires_at.max(available_at + 1))
    });
    [available_at.map(time), expires_at.map(time)]
}

/// What was asked for.
fn asked_lines(ledger: &Ledger, account: &AccountId, shipped: &Shipped) -> Vec<ShippedLine> {
    let request = ledger.request(account.as_str(), &contents(shipped));
    let lines = request.map(|request| request.lines.as_slice()).unwrap_or_default().iter();
    let line = |(product, asked, _): &(String, u128, u128)| ShippedLine {
        product_id: id(product),
        quantity: units((*asked).try_into().expect("few")),
    };
    lines.map(line).collect()
}

fn parcel_id(number: u8) -> DispatchId {
    if number == 0 { DispatchId::whole() } else { named("box", number) }
}

fn tell(
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

impl Ask {
    /// The command, as the ledger stands now.
    pub(crate) fn command(&self, ledger: &Ledger, now: Time) -> Command {
        // Those that run come last, so that they are chosen more often.
        let holds = || -> Vec<_> {
            let running = ledger.accounts.iter().flat_map(|account| {
                account.holds.iter().map(|hold| (account.name.clone(), hold.id.clone()))
            });
            ledger.holds.iter().cloned().chain(running).collect()
        };
        let exchanges = || -> Vec<_> {
            ledger.exchanges.iter().map(|it| (it.account.clone(), it.id.clone())).collect()
        };
        let purchases = || -> Vec<_> {
            ledger.purchases.iter().map(|it| (it.account.clone(), it.id.clone())).collect()
        };
        let taken = |kind: &str| -> Vec<_> {
            let taken = ledger.withdrawals.iter().filter(|it| it.what[0] == kind);
            taken.map(|it| (it.account.clone(), it.what[1].clone())).collect()
        };
        match self {
            Self::Again(number) => match ledger.deeds.len() {
                0 => Command::ConfirmClock(ConfirmClock { wall: time(now) }),
                deeds => ledger.deeds[number % deeds].command.clone(),
            },
            Self::OpenAccount { account: who } => Command::OpenAccount(OpenAccount {
                account_id: id(account(*who)),
                occurred_at: None,
            }),
            Self::Earn { account: who, points: amount, kind, cause, available, expires } => {
                let [available_at, expires_at] = span(*available, *expires, now);
                let kind_name = if *kind == CauseKind::Adjustment { "a" } else { "p" };
                Command::EarnCredit(EarnCredit {
                    account_id: id(account(*who)),
                    points: points(*amount),
                    cause: Cause { kind: *kind, id: named(kind_name, *cause) },
                    available_at,
                    expires_at,
                    occurred_at: None,
                })
            }
            Self::Purchase {
                account: who,
                purchase,
                lines,
                points: amount,
                rule,
                available,
                expires,
                occurred,
            } => {
                let [available_at, expires_at] = span(*available, *expires, now);
                let lines = (0..).zip(lines).map(|(number, line)| PurchaseLine {
                    product_id: named("product", number),
                    quantity: units(line.quantity),
                    amount: line.amount,
                    category: line.category.map(|category| named("category", category)),
                    points: None,
                });
                Command::RecordPurchase(RecordPurchase {
                    account_id: id(account(*who)),
                    purchase_id: named("p", *purchase),
                    lines: lines.collect(),
                    points: amount.map(|amount| Points::sum_of(amount).expect("points")),
                    rule: rule.map(|rule| id(RULES[usize::from(rule)])),
                    shipping: None,
                    available_at,
                    expires_at,
                    occurred_at: occurred.map(|when| time(when.at(now))),
                })
            }
            Self::Claim { account, purchase, refused, available, expires } => {
                let [available_at, expires_at] = span(*available, *expires, now);
                let unclaimed = ledger.purchases.iter();
                let unclaimed = unclaimed.filter(|it| it.refused.is_some() && it.lot.is_none());
                let unclaimed = unclaimed.map(|it| (it.account.clone(), it.id.clone()));
                // Those come last, so that they are chosen more often.
                let known: Vec<_> = purchases().into_iter().chain(unclaimed).collect();
                let target = Target { account: *account, name: *purchase, known: *refused };
                let (who, purchase) = target.of("p", &known);
                Command::ClaimCredit(ClaimCredit {
                    account_id: id(&who),
                    purchase_id: id(&purchase),
                    available_at,
                    expires_at,
                    occurred_at: None,
                    original: None,
                })
            }
            Self::Return { target, id: name, lines } => {
                let (who, purchase) = target.of("p", &purchases());
                let line = |(product, quantity): &(u8, u64)| ReturnedLine {
                    product_id: named("product", *product),
                    quantity: units(*quantity),
                };
                let lines = lines.as_ref().map(|lines| {
                    let mut lines = lines.clone();
                    lines.dedup_by_key(|(product, _)| *product);
                    lines.iter().map(line).collect()
                });
                Command::ReturnPurchase(ReturnPurchase {
                    account_id: id(&who),
                    purchase_id: id(&purchase),
                    return_id: named("r", *name),
                    lines,
                    note: Note::default(),
                    occurred_at: None,
                    original: None,
                })
            }
            Self::Withdraw { target, id: name, points: amount } => {
                let known = ledger.lots.iter();
                let known: Vec<_> = known
                    .map(|lot| (lot.account.clone(), format!("{}/{}", lot.kind, lot.cause)))
                    .collect();
                let (who, cause) = target.of("purchase/p", &known);
                let (kind, cause) = cause.split_once('/').expect("kind/cause");
                let kinds = [CauseKind::Purchase, CauseKind::Adjustment, CauseKind::Promotion];
                let kind = kinds.into_iter().find(|it| it.as_str() == kind).expect("a kind");
                Command::WithdrawCredit(WithdrawCredit {
                    account_id: id(&who),
                    withdrawal_id: named("w", *name),
                    cause: Cause { kind, id: id(cause) },
                    points: amount.map(points),
                    note: Note::default(),
                    occurred_at: None,
                    original: None,
                })
            }
            Self::ReverseReturn { target } => {
                let (who, back) = target.of("p-0/r", &taken("return"));
                let (purchase, back) = back.split_once('/').expect("purchase/return");
                Command::ReverseReturn(ReverseReturn {
                    account_id: id(&who),
                    purchase_id: id(purchase),
                    return_id: id(back),
                    note: Note::default(),
                    occurred_at: None,
                    original: None,
                })
            }
            Self::ReverseWithdrawal { target } => {
                let (who, withdrawal) = target.of("w", &taken("withdrawal"));
                Command::ReverseWithdrawal(ReverseWithdrawal {
                    account_id: id(&who),
                    withdrawal_id: id(&withdrawal),
                    note: Note::default(),
                    occurred_at: None,
                    original: None,
                })
            }
            Self::Adjust { account: who, id: name, adds, points: amount, expires } => {
                let direction = if *adds { Direction::Add } else { Direction::Take };
                let expires = expires.filter(|_| *adds);
                Command::AdjustCredit(AdjustCredit {
                    account_id: id(account(*who)),
                    adjustment_id: named("a", *name),
                    direction,
                    points: points(*amount),
                    expires_at: expires.map(|when| time(when.at(now))),
                    reference: id("ticket-1"),
                    note: Note::default(),
                    occurred_at: None,
                })
            }
            Self::Hold { account: who, id: name, points: amount, deadline } => {
                Command::HoldCredit(HoldCredit {
                    account_id: id(who.of(ledger)),
                    hold_id: named("h", *name),
                    points: points(*amount),
                    deadline: time(deadline.at(now)),
                    occurred_at: None,
                })
            }
            Self::CapturePoints { target, points: amount } => {
                let (who, hold) = target.of("h", &holds());
                Command::CaptureHold(CaptureHold {
                    account_id: id(&who),
                    hold_id: id(&hold),
                    capture: Capture::Points(amount.map(points)),
                    occurred_at: None,
                })
            }
            Self::CaptureExchange { target, order: asked } => {
                let (who, hold) = target.of("h", &holds());
                Command::CaptureHold(CaptureHold {
                    account_id: id(&who),
                    hold_id: id(&hold),
                    capture: Capture::Exchange(order(asked, ledger)),
                    occurred_at: None,
                })
            }
            Self::Extend { target, id: name, deadline } => {
                let (who, hold) = target.of("h", &holds());
                Command::ExtendHold(ExtendHold {
                    account_id: id(&who),
                    hold_id: id(&hold),
                    extension_id: named("e", *name),
                    deadline: time(deadline.at(now)),
                    occurred_at: None,
                })
            }
            Self::RefundCapture { target, id: name, points: amount } => {
                let captured = ledger.deeds.iter().filter_map(|deed| match &deed.command {
                    Command::CaptureHold(it) => {
                        Some((it.account_id.to_string(), it.hold_id.to_string()))
                    }
                    _ => None,
                });
                let captured: Vec<_> = captured.collect();
                let known = if captured.is_empty() { holds() } else { captured };
                let (who, hold) = target.of("h", &known);
                Command::RefundCapture(RefundCapture {
                    account_id: id(&who),
                    hold_id: id(&hold),
                    refund_id: named("f", *name),
                    points: amount.map(points),
                    note: Note::default(),
                    occurred_at: None,
                    original: None,
                })
            }
            Self::Release { target } => {
                let (who, hold) = target.of("h", &holds());
                Command::ReleaseHold(ReleaseHold {
                    account_id: id(&who),
                    hold_id: id(&hold),
                    // By the name, so that one who asks again is the same.
                    by_operator: hold.ends_with(['0', '2', '4', '6', '8']),
                    occurred_at: None,
                })
            }
            Self::Redeem { account: who, order: asked } => Command::Redeem(Redeem {
                account_id: id(who.of(ledger)),
                order: order(asked, ledger),
                occurred_at: None,
            }),
            Self::Cancel { target, id: name, quantity } => {
                let (who, exchange) = target.of("x", &exchanges());
                Command::CancelExchange(CancelExchange {
                    account_id: id(&who),
                    exchange_id: id(&exchange),
                    cancellation_id: named("c", *name),
                    quantity: quantity.map(units),
                    // By the name, so that one who asks again is the same.
                    by_operator: name % 2 == 0,
                    note: Note::default(),
                    occurred_at: None,
                    original: None,
                })
            }
            Self::Tell { target, is_purchase, news, dated } => {
                let (who, shipped) = if *is_purchase {
                    let (who, purchase) = target.of("p", &purchases());
                    (who, Shipped::PurchaseId(id(&purchase)))
                } else {
                    let (who, exchange) = target.of("x", &exchanges());
                    (who, Shipped::ExchangeId(id(&exchange)))
                };
                let occurred_at = dated.then(|| time(BEGINNING));
                tell(id(&who), shipped, *news, occurred_at, ledger)
            }
            Self::Transfer { account: who, further, id: name, points: amount } => {
                let sender = who.of(ledger);
                let place = ACCOUNTS.iter().position(|name| *name == sender).expect("a name");
                let to = ACCOUNTS[(place + usize::from(*further)) % ACCOUNTS.len()];
                Command::TransferCredit(TransferCredit {
                    account_id: id(sender),
                    transfer_id: named("t", *name),
                    to: id(to),
                    points: points(*amount),
                    occurred_at: None,
                })
            }
            Self::Open { offer, terms: asked, stock, same } => {
                let offer_id: domain::OfferId = named("offer", *offer);
                let present = ledger.offer(offer_id.as_str()).filter(|_| *same);
                let stock = present.map_or(*stock, |offer| {
                    offer.stock.map(|stock| u64::try_from(stock).expect("an amount"))
                });
                Command::OpenOffer(OpenOffer {
                    offer_id,
                    terms: present.map_or_else(|| terms(asked, now), |offer| offer.terms.clone()),
                    page: present.map_or_else(|| page(asked), |offer| offer.page.clone()),
                    stock: stock.map(units),
                })
            }
            Self::Amend { offer, terms: asked, stock, read, same } => {
                let offer_id: domain::OfferId = named("offer", *offer);
                let present = ledger.offer(offer_id.as_str());
                let same = present.filter(|_| *same);
                Command::AmendOffer(AmendOffer {
                    offer_id,
                    terms: same.map_or_else(|| terms(asked, now), |offer| offer.terms.clone()),
                    page: same.map_or_else(|| page(asked), |offer| offer.page.clone()),
                    stock: stock.map(|stock| stock.map(units)),
                    read_versions: read_versions(*read, present),
                })
            }
            Self::Reopen { offer, closed, id: name, read } => {
                let mut known = ledger.offers.iter();
                let chosen = known.find(|it| *closed && it.closed_at.is_some());
                let offer_id: domain::OfferId =
                    chosen.map_or_else(|| named("offer", *offer), |it| id(&it.id));
                let read_versions = read_versions(*read, ledger.offer(offer_id.as_str()));
                let reopening_id = named("o", *name);
                Command::ReopenOffer(ReopenOffer { offer_id, reopening_id, read_versions })
            }
            Self::RemoveStock { offer, id: name, units: by, read } => {
                let offer_id: domain::OfferId = named("offer", *offer);
                let read_versions = read_versions(*read, ledger.offer(offer_id.as_str()));
                let (removal_id, units) = (named("d", *name), units(*by));
                Command::RemoveStock(RemoveStock { offer_id, removal_id, units, read_versions })
            }
            Self::Close { offer } => {
                Command::CloseOffer(CloseOffer { offer_id: named("offer", *offer) })
            }
            Self::AddStock { offer, id: name, units: by } => Command::AddStock(AddStock {
                offer_id: named("offer", *offer),
                addition_id: named("s", *name),
                units: units(*by),
            }),
            Self::SetRule { rule, terms: asked, read, same } => {
                let rule_id: domain::RuleId = id(RULES[usize::from(*rule)]);
                let present = ledger.rule(rule_id.as_str());
                let same = present.filter(|_| *same);
                Command::SetEarningRule(SetEarningRule {
                    rule_id,
                    terms: same.map_or_else(|| rule_terms(asked, now), |rule| rule.terms.clone()),
                    expected: match read {
                        Read::None => ExpectedVersion::Absent,
                        Read::Any => ExpectedVersion::Any,
                        Read::Present => present.map_or(ExpectedVersion::Absent, |rule| {
                            ExpectedVersion::OneOf([rule.version].into())
                        }),
                        Read::Version(version) => ExpectedVersion::OneOf([*version].into()),
                    },
                })
            }
            Self::SetPolicy { spent, days, for_all, most, read } => Command::SetPolicy(SetPolicy {
                policy: Policy {
                    spent_credit: *spent,
                    refund_grace_days: *days,
                    grace_on_own_request: *for_all,
                    earning_points_max: points(*most),
                },
                read_versions: match read {
                    Read::None | Read::Any => None,
                    Read::Present => Some([ledger.policy_version].into()),
                    Read::Version(version) => Some([*version].into()),
                },
            }),
            Self::Show { offer, rule: None } => {
                Command::ShowTerms(ShowTerms::Offer(named("offer", *offer)))
            }
            Self::Show { offer: _, rule: Some(rule) } => {
                Command::ShowTerms(ShowTerms::Rule(id(RULES[usize::from(*rule)])))
            }
            Self::ConfirmClock => Command::ConfirmClock(ConfirmClock { wall: time(now) }),
        }
    }
}
