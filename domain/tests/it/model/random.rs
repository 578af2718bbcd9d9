//! Random histories: which commands are asked for how often, with which amounts and times.

mod offers;

use domain::command::Report;
use domain::{AMOUNT_MAX, CauseKind, ConversionTerms, ExpiryRule, Period, SpentCredit};
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;

use super::ask::{
    Ask, AskedLine, AskedRule, AskedTerms, AskedWay, Choice, News, Read, Step, Sweep, Target, Wait,
    When, Who,
};
use super::ledger::{DAY, Time};
use super::values::points;
use offers::{asked_order, asked_terms, offer, segment, stock};

/// A whole history; some know huge amounts.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![5 => Just(false), 1 => Just(true)]
        .prop_flat_map(|huge| {
            (beginning(), length().prop_flat_map(move |steps| vec(step(huge), steps / 2..=steps)))
        })
        .prop_map(|(mut steps, more)| {
            steps.extend(more);
            steps
        })
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![Just(10_usize), Just(60), Just(115)]
}

/// Something to spend and something to spend it on; not always.
fn beginning() -> impl Strategy<Value = Vec<Step>> {
    let first = |ask| Step { wait: Wait::Not, sweep: Sweep::Portions(0), ask, unit: 0 };
    let make = |unit| Ask::SetUnit { unit, name: None, is_other: false, read: Read::None };
    let rules = (asked_rule(), asked_rule());
    let some = (asked_terms(), asked_terms(), rules, spent(), stock(), rate()).prop_map(
        move |(mug, cup, (rule, gold), spent, stock, rate)| {
            let set = |rule, terms| Ask::SetRule { rule, terms, read: Read::None, same: false };
            let open = |offer, terms| Ask::Open { offer, terms, stock, same: false };
            let earn = |account, points| Ask::Earn {
                account,
                points,
                kind: CauseKind::Promotion,
                cause: account,
                available: None,
                expires: None,
            };
            vec![
                first(make(1)),
                first(make(3)),
                first(Ask::SetRate {
                    way: AskedWay { from: 0, further: 0, known: None },
                    terms: rate,
                    read: Read::None,
                    same: false,
                }),
                first(earn(0, 70)),
                first(earn(1, 90)),
                first(Ask::SetPolicy {
                    spent,
                    days: 7,
                    for_all: false,
                    most: AMOUNT_MAX,
                    read: Read::None,
                }),
                first(open(0, mug)),
                first(open(1, cup)),
                first(set(0, rule)),
                first(set(1, gold)),
            ]
        },
    );
    prop_oneof![1 => Just(vec![]), 4 => some]
}

fn step(huge: bool) -> impl Strategy<Value = Step> {
    (wait().boxed(), sweep().boxed(), ask(huge).boxed(), unit())
        .prop_map(|(wait, sweep, ask, unit)| Step { wait, sweep, ask, unit })
}

/// Points for the most part; from 8 on also where it should be another.
fn unit() -> BoxedStrategy<u8> {
    let unit = prop_oneof![24 => Just(0_u8), 8 => Just(1), 1 => Just(2), 3 => Just(3)];
    (unit, prop::bool::weighted(0.1)).prop_map(|(unit, wrong)| unit + 8 * u8::from(wrong)).boxed()
}

fn wait() -> impl Strategy<Value = Wait> {
    prop_oneof![
        30 => Just(Wait::Not),
        2 => (1..3_600_000_000_i64).prop_map(Wait::Micros),
        1 => (1..21 * DAY).prop_map(Wait::Micros),
        6 => (0..3_usize, around())
            .prop_map(|(skipping, micros)| Wait::Until { skipping, micros }),
    ]
}

fn sweep() -> impl Strategy<Value = Sweep> {
    prop_oneof![
        30 => Just(Sweep::Portions(0)),
        5 => (1..3_usize).prop_map(Sweep::Portions),
        5 => Just(Sweep::All),
        1 => Just(Sweep::Replay),
        1 => Just(Sweep::Snapshot),
    ]
}

/// A microsecond before, at, or after.
fn around() -> impl Strategy<Value = Time> {
    prop_oneof![1 => Just(-1_i64), 3 => Just(0), 1 => Just(1)]
}

fn when(days: std::ops::Range<Time>) -> BoxedStrategy<When> {
    let more = days.clone();
    prop_oneof![
        3 => (days, around()).prop_map(|(days, micros)| When::Midnight { days, micros }),
        1 => (more, around()).prop_map(|(days, micros)| When::After { days, micros }),
    ]
    .boxed()
}

fn amount(huge: bool) -> BoxedStrategy<u64> {
    let usual = prop_oneof![3 => 1..60_u64, 1 => 1..600_u64];
    if !huge {
        return usual.boxed();
    }
    let most = AMOUNT_MAX;
    let large = prop_oneof![Just(most), Just(most / 2), Just(most / 2 + 1), most - 300..=most];
    prop_oneof![5 => usual, 2 => large].boxed()
}

/// The rules that a purchase names.
fn named_rules() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => Just(vec![]),
        4 => (0..3_u8).prop_map(|rule| vec![rule]),
        3 => Just(vec![0, 1]),
        3 => Just(vec![1, 0]),
        1 => Just(vec![0, 2]),
    ]
}

/// The points that a purchase names.
fn named(huge: bool) -> BoxedStrategy<u64> {
    prop_oneof![9 => amount(huge), 1 => Just(0_u64)].boxed()
}

fn who() -> impl Strategy<Value = u8> {
    prop_oneof![8 => 0..3_u8, 1 => Just(3_u8)]
}

fn target(names: u8) -> impl Strategy<Value = Target> {
    let known = prop_oneof![
        1 => Just(Choice::Perhaps),
        4 => (0..1_000_usize).prop_map(Choice::Ever),
        8 => (0..1_000_usize).prop_map(Choice::Late),
    ];
    (who(), 0..names, known).prop_map(|(account, name, known)| Target { account, name, known })
}

fn spender() -> impl Strategy<Value = Who> {
    prop_oneof![1 => who().prop_map(Who::Named), 3 => (0..1_000_usize).prop_map(Who::Rich)]
}

fn asked_rule() -> BoxedStrategy<Box<AskedRule>> {
    let rate = || (1..20_u64, 1..60_u64);
    let percent = prop_oneof![Just(50_u32), Just(150), Just(200), Just(333), 0..1_000_u32];
    let multipliers = vec((when(-5..10), 1..15_i64, percent), 0..3);
    let period =
        prop_oneof![Just(Period::Day), Just(Period::Month), Just(Period::Year), Just(Period::Ever)];
    let expiry = prop_oneof![
        (1..3_u16).prop_map(ExpiryRule::Months),
        (0..2_u16).prop_map(ExpiryRule::EndOfYear)
    ];
    let pending = prop_oneof![1 => Just(0_u16), 1 => 1..20_u16];
    let category = of((0..20_u64, 1..60_u64));
    let backdate = prop_oneof![1 => Just(0_u16), 2 => 1..32_u16];
    let when = (of(expiry), pending, 0..4_usize, backdate);
    let unit = weighted(0.1, 0..4_u8);
    (rate(), category, multipliers, of((1..300_u64, period)), when, unit)
        .prop_map(|(rate, category, multipliers, cap, when, unit)| {
            let (expiry, pending_days, zone, backdate_days) = when;
            Box::new(AskedRule {
                unit,
                rate,
                category,
                multipliers,
                cap,
                expiry,
                pending_days,
                zone,
                backdate_days,
            })
        })
        .boxed()
}

fn rate() -> BoxedStrategy<ConversionTerms> {
    let expiry = prop_oneof![
        (1..3_u16).prop_map(ExpiryRule::Months),
        (0..2_u16).prop_map(ExpiryRule::EndOfYear)
    ];
    let take = prop_oneof![9 => 1..5_u64, 1 => Just(AMOUNT_MAX)];
    (1..6_u64, take, weighted(0.3, 1..20_u64), of(expiry))
        .prop_map(|(give, take, minimum, expiry)| ConversionTerms {
            give: points(give),
            take: points(take),
            minimum: minimum.map(points),
            expiry,
        })
        .boxed()
}

fn way(knows: f64) -> BoxedStrategy<AskedWay> {
    (0..4_u8, 0..3_u8, weighted(knows, 0..1_000_usize))
        .prop_map(|(from, further, known)| AskedWay { from, further, known })
        .boxed()
}

fn lines(huge: bool) -> BoxedStrategy<Vec<AskedLine>> {
    let line_amount =
        prop_oneof![1 => Just(None), 6 => amount(huge).prop_map(Some), 1 => Just(Some(0))];
    let line = (1..6_u64, line_amount, of(0..2_u8));
    let line =
        line.prop_map(|(quantity, amount, category)| AskedLine { quantity, amount, category });
    let without_amounts =
        (1..6_u64).prop_map(|quantity| AskedLine { quantity, amount: None, category: None });
    prop_oneof![5 => vec(line, 1..4), 1 => vec(without_amounts, 1..4)].boxed()
}

fn ask(huge: bool) -> impl Strategy<Value = Ask> {
    let earning = prop_oneof![
        (
            (who(), amount(huge), kind(), 0..14_u8),
            weighted(0.2, when(-1..12)),
            weighted(0.6, when(-1..40)),
        )
            .prop_map(|((account, points, kind, cause), available, expires)| {
                Ask::Earn { account, points, kind, cause, available, expires }
            }),
        (
            (who(), 0..14_u8, lines(huge), weighted(0.4, named(huge)), named_rules()),
            weighted(0.1, when(-1..12)),
            weighted(0.4, prop_oneof![1 => when(-8..1), 1 => when(-1..25)]),
            prop_oneof![of(when(-3..1)), of(when(-34..3))],
        )
            .prop_map(
                |((account, purchase, lines, points, rules), available, expires, occurred)| {
                    Ask::Purchase {
                        account,
                        purchase,
                        lines,
                        points,
                        rules,
                        available,
                        expires,
                        occurred,
                    }
                },
            ),
    ];
    let until = weighted(0.6, prop_oneof![1 => when(1..8), 1 => when(-1..40)]);
    let claim = (target(14), weighted(0.1, when(-1..12)), until).prop_map(
        |(target, available, expires)| {
            let Target { account, name: purchase, known: refused } = target;
            Ask::Claim { account, purchase, refused, available, expires }
        },
    );
    let returned = weighted(0.7, vec((prop_oneof![9 => 0..3_u8, 1 => Just(3)], 1..4_u64), 1..3));
    let returned = returned.prop_map(|lines| {
        lines.map(|mut lines| {
            lines.sort_by_key(|(product, quantity)| (*product, *quantity));
            lines.dedup_by_key(|(product, _)| *product);
            if lines.len() > 1 && lines[0].1 % 2 == 0 {
                lines.reverse();
            }
            lines
        })
    });
    let taking =
        prop_oneof![
            (target(14), 0..6_u8, returned).prop_map(|(target, id, lines)| Ask::Return {
                target,
                id,
                lines
            }),
            (target(14), 0..12_u8, of(amount(huge)))
                .prop_map(|(target, id, points)| Ask::Withdraw { target, id, points }),
            (who(), 0..14_u8, any::<bool>(), amount(huge), of(when(-1..40))).prop_map(
                |(account, id, adds, points, expires)| {
                    Ask::Adjust { account, id, adds, points, expires }
                }
            ),
        ];
    let reversing = prop_oneof![
        target(6).prop_map(|target| Ask::ReverseReturn { target }),
        target(12).prop_map(|target| Ask::ReverseWithdrawal { target }),
    ];
    let deadline = prop_oneof![9 => when(0..20), 1 => when(29..32)];
    let hold = (spender(), 0..24_u8, amount(huge), deadline)
        .prop_map(|(account, id, points, deadline)| Ask::Hold { account, id, points, deadline });
    let holding = prop_oneof![
        10 => hold,
        3 => (target(16), of(1..60_u64))
            .prop_map(|(target, points)| Ask::CapturePoints { target, points }),
        4 => (target(16), asked_order(huge))
            .prop_map(|(target, order)| Ask::CaptureExchange { target, order }),
        4 => target(16).prop_map(|target| Ask::Release { target }),
        3 => (target(16), 0..6_u8, prop_oneof![4 => when(0..20), 1 => when(27..34)])
            .prop_map(|(target, id, deadline)| Ask::Extend { target, id, deadline }),
        4 => (target(16), 0..6_u8, weighted(0.7, 1..30_u64))
            .prop_map(|(target, id, points)| Ask::RefundCapture { target, id, points }),
    ];
    let spending = prop_oneof![
        10 => (spender(), asked_order(huge))
            .prop_map(|(account, order)| Ask::Redeem { account, order }),
        4 => (target(16), 0..6_u8, weighted(0.7, 1..4_u64))
            .prop_map(|(target, id, quantity)| Ask::Cancel { target, id, quantity }),
        5 => (target(16), weighted(0.2, Just(())), news(), any::<bool>())
            .prop_map(|(target, of_purchase, news, dated)| {
                Ask::Tell { target, is_purchase: of_purchase.is_some(), news, dated }
            }),
    ];
    let transfer = (spender(), 1..4_u8, 0..16_u8, amount(huge))
        .prop_map(|(account, further, id, points)| Ask::Transfer { account, further, id, points });
    let conversion = (spender(), 0..40_u8, way(0.9), amount(huge), weighted(0.1, 1..60_u64))
        .prop_map(|(account, id, way, points, expected)| Ask::Convert {
            account,
            id,
            way,
            points,
            expected,
        });
    prop_oneof![
        16 => earning.boxed(),
        5 => claim.boxed(),
        12 => taking.boxed(),
        8 => reversing.boxed(),
        37 => holding.boxed(),
        18 => spending.boxed(),
        5 => transfer.boxed(),
        5 => conversion.boxed(),
        1 => who().prop_map(|account| Ask::OpenAccount { account }).boxed(),
        1 => segment().boxed(),
        12 => administration(huge).boxed(),
        2 => (0..1_000_usize).prop_map(Ask::Again),
    ]
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        4 => Just(News::Rejected),
        1 => Just(News::Dispatched(0, None)),
        3 => (1..4_u8, prop::option::weighted(0.8, 1..3_u64))
            .prop_map(|(parcel, units)| News::Dispatched(parcel, units)),
        2 => (0..4_u8).prop_map(News::ParcelDelivered),
        2 => Just(News::Other(Report::Accepted)),
        2 => Just(News::Other(Report::BackOrdered)),
        1 => Just(News::Other(Report::Delivered)),
        2 => Just(News::Other(Report::Settled)),
        1 => Just(News::Other(Report::AskedAgain)),
    ]
}

fn spent() -> impl Strategy<Value = SpentCredit> {
    prop_oneof![
        2 => Just(SpentCredit::Refuse),
        3 => Just(SpentCredit::Debt),
        1 => Just(SpentCredit::Forgive),
    ]
}

fn kind() -> impl Strategy<Value = CauseKind> {
    prop_oneof![
        4 => Just(CauseKind::Purchase),
        2 => Just(CauseKind::Promotion),
        1 => Just(CauseKind::Adjustment),
    ]
}

fn administration(huge: bool) -> impl Strategy<Value = Ask> {
    let read = || {
        prop_oneof![
            1 => Just(Read::None),
            1 => Just(Read::Any),
            3 => Just(Read::Present),
            1 => (1..4_u64).prop_map(Read::Version),
        ]
    };
    let price = match huge {
        true => weighted(0.3, Just(AMOUNT_MAX / 2)).boxed(),
        false => Just(None).boxed(),
    };
    let terms = (asked_terms(), price)
        .prop_map(|(terms, price)| AskedTerms { price: price.unwrap_or(terms.price), ..terms });
    let terms = terms.boxed();
    prop_oneof![
        4 => (offer(), terms.clone(), stock(), weighted(0.2, Just(())))
            .prop_map(|(offer, terms, stock, same)| {
                Ask::Open { offer, terms, stock, same: same.is_some() }
            }),
        5 => (offer(), terms, weighted(0.3, stock()), read(), weighted(0.2, Just(())))
            .prop_map(|(offer, terms, stock, read, same)| {
                Ask::Amend { offer, terms, stock, read, same: same.is_some() }
            }),
        5 => offer().prop_map(|offer| Ask::Close { offer }),
        5 => offer().prop_map(|offer| Ask::Pause { offer }),
        10 => (offer(), prop::bool::weighted(0.95), 0..24_u8, read())
            .prop_map(|(offer, paused, id, read)| Ask::Resume { offer, paused, id, read }),
        10 => (offer(), prop::bool::weighted(0.7), 0..24_u8, read())
            .prop_map(|(offer, closed, id, read)| Ask::Reopen { offer, closed, id, read }),
        4 => (offer(), 0..8_u8, 1..12_u64, read())
            .prop_map(|(offer, id, units, read)| Ask::RemoveStock { offer, id, units, read }),
        4 => (offer(), 0..8_u8, prop_oneof![9 => 1..20_u64, 1 => Just(AMOUNT_MAX)])
            .prop_map(|(offer, id, units)| Ask::AddStock { offer, id, units }),
        6 => (0..2_u8, asked_rule(), read(), weighted(0.2, Just(())))
            .prop_map(|(rule, terms, read, same)| {
                Ask::SetRule { rule, terms, read, same: same.is_some() }
            }),
        3 => (
            spent(),
            prop_oneof![Just(0_u16), Just(1), Just(7), Just(30)],
            (any::<bool>(), prop_oneof![4 => Just(AMOUNT_MAX), 1 => 20..200_u64]),
            read(),
        )
            .prop_map(|(spent, days, (for_all, most), read)| Ask::SetPolicy {
                spent,
                days,
                for_all,
                most,
                read,
            }),
        4 => (0..4_u8, of(0..3_u8), prop::bool::weighted(0.2), read())
            .prop_map(|(unit, name, is_other, read)| Ask::SetUnit { unit, name, is_other, read }),
        2 => (0..4_u8).prop_map(|unit| Ask::CloseUnit { unit }),
        4 => (way(0.85), rate(), read(), weighted(0.2, Just(())))
            .prop_map(|(way, terms, read, same)| {
                Ask::SetRate { way, terms, read, same: same.is_some() }
            }),
        1 => way(0.8).prop_map(|way| Ask::CloseRate { way }),
        1 => (offer(), of(0..2_u8)).prop_map(|(offer, rule)| Ask::Show { offer, rule }),
        1 => Just(Ask::ConfirmClock),
    ]
}
