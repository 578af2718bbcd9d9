//! How what is asked for becomes a command, as the plain ledger stands then.

use domain::command::{
    AddStock, AdjustCredit, AmendOffer, CancelExchange, Capture, CaptureHold, ClaimCredit,
    CloseConversionRate, CloseOffer, CloseUnit, ConfirmClock, ConvertCredit, Direction, EarnCredit,
    ExpectedVersion, ExtendHold, HoldCredit, OpenAccount, OpenOffer, PauseOffer, RecordPurchase,
    Redeem, RefundCapture, ReleaseHold, RemoveStock, ReopenOffer, ResumeOffer, ReturnPurchase,
    ReverseReturn, ReverseWithdrawal, SetConversionRate, SetEarningRule, SetPolicy, SetSegment,
    SetUnit, ShowTerms, TransferCredit, WithdrawCredit,
};
use domain::{
    Cause, CauseKind, Command, Note, Points, Policy, PurchaseLine, ReturnedLine, Shipped, UnitId,
};

use super::ask::{Ask, Read, Target};
use super::beside::BEGINNING;
use super::ledger::{Ledger, OfUnit, Time};
use super::values::{
    ACCOUNTS, RULES, UNITS, account, id, named, order, page, points, read_versions, rule_terms,
    segment, span, tell, terms, time, unit_terms, units,
};

impl Ask {
    /// The command, as the ledger stands now.
    pub(crate) fn command(&self, ledger: &Ledger, now: Time) -> Command {
        // Those that run come last, so that they are chosen more often.
        let holds = || -> Vec<_> {
            let running = ledger.accounts.iter().flat_map(|account| {
                account.holds().map(|hold| (account.name.clone(), hold.id.clone()))
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
                    unit: UnitId::POINTS,
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
                rules,
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
                    earned: Box::default(),
                });
                Command::RecordPurchase(RecordPurchase {
                    unit: UnitId::POINTS,
                    account_id: id(account(*who)),
                    purchase_id: named("p", *purchase),
                    lines: lines.collect(),
                    points: amount.map(|amount| Points::sum_of(amount).expect("points")),
                    rules: rules.iter().map(|rule| id(RULES[usize::from(*rule)])).collect(),
                    shipping: None,
                    available_at,
                    expires_at,
                    occurred_at: occurred.map(|when| time(when.at(now))),
                })
            }
            Self::Claim { account, purchase, refused, available, expires } => {
                let [available_at, expires_at] = span(*available, *expires, now);
                let unclaimed = ledger.purchases.iter();
                let is_unclaimed = |it: &OfUnit| it.refused.is_some() && it.lot.is_none();
                let unclaimed = unclaimed.filter(|it| it.units.iter().any(is_unclaimed));
                let unclaimed = unclaimed.map(|it| (it.account.clone(), it.id.clone()));
                // Those come last, so that they are chosen more often.
                let known: Vec<_> = purchases().into_iter().chain(unclaimed).collect();
                let target = Target { account: *account, name: *purchase, known: *refused };
                let (who, purchase) = target.of("p", &known);
                Command::ClaimCredit(ClaimCredit {
                    unit: UnitId::POINTS,
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
                // Nobody can name what a conversion earned.
                let known = ledger.lots.iter().filter(|lot| lot.kind != "conversion");
                let known: Vec<_> = known
                    .map(|lot| (lot.account.clone(), format!("{}/{}", lot.kind, lot.cause)))
                    .collect();
                let (who, cause) = target.of("purchase/p", &known);
                let (kind, cause) = cause.split_once('/').expect("kind/cause");
                let kinds = [CauseKind::Purchase, CauseKind::Adjustment, CauseKind::Promotion];
                let kind = kinds.into_iter().find(|it| it.as_str() == kind).expect("a kind");
                Command::WithdrawCredit(WithdrawCredit {
                    unit: UnitId::POINTS,
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
                    unit: UnitId::POINTS,
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
                    unit: UnitId::POINTS,
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
                    unit: UnitId::POINTS,
                    account_id: id(sender),
                    transfer_id: named("t", *name),
                    to: id(to),
                    points: points(*amount),
                    occurred_at: None,
                })
            }
            Self::Open { offer, terms: asked, stock, same } => {
                let offer_id: domain::OfferId = named("offer", *offer);
                // What has no unit left, for all were removed, can't be asked for again.
                let present = ledger.offer(offer_id.as_str()).filter(|_| *same);
                let present = present.filter(|offer| offer.stock != Some(0));
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
            Self::Pause { offer } => {
                let offer_id = named("offer", *offer);
                Command::PauseOffer(PauseOffer { offer_id, read_versions: None })
            }
            Self::Resume { offer, paused, id: name, read } => {
                let mut known = ledger.offers.iter();
                let chosen = known.find(|it| *paused && it.paused_at.is_some());
                let offer_id: domain::OfferId =
                    chosen.map_or_else(|| named("offer", *offer), |it| id(&it.id));
                let read_versions = read_versions(*read, ledger.offer(offer_id.as_str()));
                let resumption_id = named("r", *name);
                Command::ResumeOffer(ResumeOffer { offer_id, resumption_id, read_versions })
            }
            Self::SetSegment { account: number, segment: named, member } => {
                Command::SetSegment(SetSegment {
                    account_id: id(account(*number)),
                    segment: segment(*named),
                    member: *member,
                    // Its version is a position, which the model doesn't have.
                    read_versions: None,
                    occurred_at: None,
                })
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
                let new = || rule_terms(*rule, asked, now);
                Command::SetEarningRule(SetEarningRule {
                    rule_id,
                    terms: same.map_or_else(new, |rule| rule.terms.clone()),
                    expected: expected(*read, present.map(|rule| rule.version)),
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
            Self::SetUnit { unit, name, is_other, read } => {
                let unit: UnitId = id(UNITS[usize::from(*unit)]);
                let version = ledger.unit(unit).map(|unit| unit.version);
                Command::SetUnit(SetUnit {
                    unit,
                    terms: unit_terms(unit, *name, *is_other),
                    expected: expected(*read, version),
                })
            }
            Self::CloseUnit { unit } => {
                Command::CloseUnit(CloseUnit { unit: id(UNITS[usize::from(*unit)]) })
            }
            Self::Convert { account: who, id: name, way, points: amount, expected } => {
                let (from, to) = way.of(ledger);
                Command::ConvertCredit(ConvertCredit {
                    account_id: id(who.of(ledger)),
                    conversion_id: named("c", *name),
                    from,
                    points: points(*amount),
                    to,
                    expected_points: expected.map(points),
                    occurred_at: None,
                })
            }
            Self::SetRate { way, terms: asked, read, same } => {
                let (from, to) = way.of(ledger);
                let present = ledger.conversion_rate(from, to);
                let same = present.filter(|_| *same);
                Command::SetConversionRate(SetConversionRate {
                    from,
                    to,
                    terms: same.map_or_else(|| asked.clone(), |rate| rate.terms.clone()),
                    expected: expected(*read, present.map(|rate| rate.version)),
                })
            }
            Self::CloseRate { way } => {
                let (from, to) = way.of(ledger);
                Command::CloseConversionRate(CloseConversionRate { from, to })
            }
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

/// The version that is expected of a thing, which is at this one if it exists.
fn expected(read: Read, present: Option<u64>) -> ExpectedVersion {
    match (read, present) {
        (Read::None, _) | (Read::Present, None) => ExpectedVersion::Absent,
        (Read::Any, _) => ExpectedVersion::Any,
        (Read::Present, Some(version)) | (Read::Version(version), _) => {
            ExpectedVersion::OneOf([version].into())
        }
    }
}
