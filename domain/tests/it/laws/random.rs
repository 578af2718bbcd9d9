//! Random histories: random commands at random times are decided, and after each what was decided
//! is recorded.

mod conversions;
mod offers;
mod purchases;
mod units;

use conversions::{convert, set_rate};
use domain::command::*;
use domain::{
    AccountId, Cause, CauseKind, Clock, Command, Decision, DispatchId, Event, LogOpened, Note,
    Points, Policy, ReturnedLine, Shipped, ShippedLine, SpentCredit, State, Timestamp, UnitId,
    Units, decide,
};
use log_record::{Partition, Position};
pub(crate) use offers::terms;
use offers::{add, amend, limit, open, open_codes, pause, remove, reopen, reserve, resume, upload};
use proptest::prelude::*;
use purchases::{claim, purchase, set_rule};
use units::in_unit;

/// A history: the state that deciding left, and every event with its time.
pub(crate) struct History {
    pub(crate) state: State,
    pub(crate) events: Vec<Recorded>,
    /// Where each append ended.
    pub(crate) ends: Vec<Position>,
}

#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) at: Position,
    pub(crate) time: Timestamp,
    pub(crate) event: Event,
}

/// A command, how many seconds after the one before, and whether what is due is recorded first.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) wait: i64,
    pub(crate) is_swept: bool,
    pub(crate) command: Command,
}

impl History {
    pub(crate) fn of(steps: &[Step]) -> Self {
        let mut history = Self { state: State::new(Partition(0)), events: vec![], ends: vec![] };
        let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
        let mut now = 1;
        history.append(time(now), vec![Event::LogOpened(opened)]);
        for command in units::at_first().chain(conversions::at_first()) {
            let made = history.decide(&command, time(now));
            let Ok(Decision::Record { events, .. }) = made else { panic!("{made:?}") };
            history.append(time(now), events);
        }
        for step in steps {
            now += step.wait;
            if step.is_swept {
                while let Some(events) = history.state.take_due(time(now)) {
                    history.append(time(now), events);
                }
            }
            if let Ok(Decision::Record { events, .. }) = history.decide(&step.command, time(now)) {
                history.append(time(now), events);
            }
        }
        history
    }

    /// Decides, with what was recorded long ago where that is needed.
    pub(crate) fn decide(
        &self,
        command: &Command,
        now: Timestamp,
    ) -> Result<Decision, domain::Refusal> {
        let command = &self.with_asked(command);
        let Ok(Decision::Load(at)) = decide(&self.state, command, now) else {
            return decide(&self.state, command, now);
        };
        let index = usize::try_from(at.0).expect("small") - 1;
        let event = &self.events[index].event;
        let before = &self.events[index - event.events_before()..index];
        let before: Vec<Event> = before.iter().map(|recorded| recorded.event.clone()).collect();
        let command = command.with_original(&before, at, event).expect("it takes it");
        decide(&self.state, &command, now)
    }

    /// A parcel with the lines that its exchange asked for.
    fn with_asked(&self, command: &Command) -> Command {
        let mut command = command.clone();
        let Command::DispatchShipment(it) = &mut command else { return command };
        let at = self.state.asked_at(&it.account_id, &it.shipped);
        let event = at.map(|at| &self.events[usize::try_from(at.0).expect("small") - 1].event);
        if let Some(Event::ExchangeCreated(_, fact)) = event {
            let (product_id, quantity) = (fact.product_id.clone(), fact.allocation.quantity());
            it.asked = vec![ShippedLine { product_id, quantity }];
        }
        command
    }

    pub(crate) fn append(&mut self, time: Timestamp, events: Vec<Event>) {
        for event in events {
            let at = self.state.position().next();
            self.state.evolve(at, time, &event).expect("what was decided can follow");
            self.events.push(Recorded { at, time, event });
        }
        self.ends.push(self.state.position());
    }
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![6 => Just(0), 4 => 1_i64..60, 1 => Just(31 * DAY)];
    let step = (wait, prop::bool::weighted(0.3), command())
        .prop_map(|(wait, is_swept, command)| Step { wait, is_swept, command });
    prop::collection::vec(step, 1..100)
}

const DAY: i64 = 24 * 60 * 60;

/// Few names, so that commands meet; amounts small, huge and in between.
fn command() -> impl Strategy<Value = Command> {
    let amount = || prop_oneof![40 => 1_u64..1_000, 1 => Just(domain::AMOUNT_MAX)];
    let who = || 0_u8..3;
    let some = |most| prop::option::of(1_u64..most);
    let moment = || prop::option::weighted(0.4, 1_i64..900);
    let credit = prop_oneof![
        8 => (who(), amount(), 0_u8..20, moment(), moment()).prop_map(earn),
        4 => (who(), 0_u8..20, some(500), 1_u64..4, prop::option::weighted(0.2, 1_i64..900))
            .prop_map(purchase),
        2 => (who(), 0_u8..20, prop::option::weighted(0.8, 1_i64..90_000)).prop_map(claim),
        3 => (who(), 0_u8..20, 0_u8..3, prop::option::of(1_u64..3)).prop_map(bring_back),
        3 => (who(), 0_u8..6, 0_u8..20, some(300)).prop_map(withdraw),
        2 => (who(), 0_u8..6, any::<bool>(), amount()).prop_map(adjust),
        3 => (who(), 0_u8..6).prop_map(reverse_withdrawal),
        3 => (who(), 0_u8..20, 0_u8..3).prop_map(reverse_return),
        4 => (who(), 0_u8..6, 1_u64..400, 1_i64..900).prop_map(hold),
        5 => (who(), 0_u8..6, some(400), prop::option::of((0_u8..12, 0_u8..4))).prop_map(capture),
        1 => (who(), 0_u8..6, any::<bool>()).prop_map(release),
        2 => (who(), 0_u8..6, 0_u8..3, 1_i64..1_800).prop_map(extend),
        4 => (who(), 0_u8..6, 0_u8..6, some(200)).prop_map(refund),
        1 => who().prop_map(open_account),
        4 => (who(), who(), 0_u8..6, 1_u64..300).prop_map(transfer),
        5 => (who(), 0_u8..12, 0_u8..6, 1_u64..300).prop_map(convert),
    ];
    let goods = prop_oneof![
        8 => (who(), 0_u8..12, 0_u8..4, 1_u64..3).prop_map(|it| redeem(&it)),
        4 => (who(), 0_u8..6, 0_u8..4, prop_oneof![4 => Just(1), 1 => 2_u64..4], 1_i64..900)
            .prop_map(reserve),
        6 => (who(), 0_u8..12, 0_u8..4, some(3)).prop_map(cancel),
        3 => (who(), 0_u8..12, 0_u8..3, some(3)).prop_map(dispatch),
        4 => (who(), 0_u8..12, told()).prop_map(report),
        4 => (who(), 0_u8..12, prop::bool::weighted(0.8)).prop_map(reject),
        3 => (0_u8..3, prop_oneof![4 => amount(), 1 => Just(0)], some(8), some(4)).prop_map(open),
        1 => (1_u64..1_000, some(4)).prop_map(open_codes),
        2 => (prop::bool::weighted(0.9), 0_u8..4, 0_u8..30, 1_u8..4).prop_map(upload),
        1 => (0_u8..4, 1_u64..1_000, some(4)).prop_map(amend),
        1 => (0_u8..4, 0_u8..4, 1_u64..4).prop_map(add),
        1 => (0_u8..4, 0_u8..4, 1_u64..4).prop_map(remove),
        1 => (0_u8..3, 1_u64..1_000, prop::option::of(1_u64..30)).prop_map(limit),
        1 => (0_u8..30, 0_u8..4).prop_map(reopen),
        1 => (0_u8..30).prop_map(pause),
        1 => (0_u8..3, 0_u8..4).prop_map(resume),
        1 => (0..30).prop_map(|offer| Command::CloseOffer(CloseOffer {
            offer_id: id(&format!("offer-{offer}")),
        })),
    ];
    let programme =
        prop_oneof![
            (spent_credit(), 0_u16..3, any::<bool>()).prop_map(
                |(spent_credit, refund_grace_days, grace_on_own_request)| {
                    let policy = Policy {
                        spent_credit,
                        refund_grace_days,
                        grace_on_own_request,
                        ..Policy::default()
                    };
                    Command::SetPolicy(SetPolicy { policy, read_versions: None })
                }
            ),
            (1_u64..30, 0_u16..2, any::<bool>())
                .prop_map(|(rate, pending_days, of_miles)| set_rule(rate, pending_days, of_miles)),
            (0_u8..6, 1_u64..5, 1_u64..4, prop::option::weighted(0.2, 0_u64..30))
                .prop_map(set_rate),
            prop_oneof![Just("miles"), Just("status")]
                .prop_map(|unit| Command::CloseUnit(CloseUnit { unit: id(unit) })),
        ];
    let unit = prop_oneof![6 => Just("points"), 2 => Just("miles"), 1 => Just("status")];
    let credit = (credit, unit).prop_map(|(command, unit)| in_unit(command, unit));
    prop_oneof![20 => credit, 15 => goods, 2 => programme]
}

fn open_account(who: u8) -> Command {
    Command::OpenAccount(OpenAccount { account_id: shopper(who), occurred_at: None })
}

fn earn(
    (who, amount, cause, available, expires): (u8, u64, u8, Option<i64>, Option<i64>),
) -> Command {
    Command::EarnCredit(EarnCredit {
        unit: UnitId::POINTS,
        account_id: shopper(who),
        points: points(amount),
        cause: basket(cause),
        available_at: available.map(time),
        expires_at: expires.map(|seconds| time(available.unwrap_or_default() + seconds)),
        occurred_at: None,
    })
}

fn bring_back((who, cause, key, quantity): (u8, u8, u8, Option<u64>)) -> Command {
    let line =
        |quantity| vec![ReturnedLine { product_id: id("product-1"), quantity: units(quantity) }];
    Command::ReturnPurchase(ReturnPurchase {
        account_id: shopper(who),
        purchase_id: id(&format!("B-{cause}")),
        return_id: id(&format!("r-{key}")),
        lines: quantity.map(line),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

fn withdraw((who, key, cause, named): (u8, u8, u8, Option<u64>)) -> Command {
    Command::WithdrawCredit(WithdrawCredit {
        unit: UnitId::POINTS,
        account_id: shopper(who),
        withdrawal_id: id(&format!("w-{key}")),
        cause: basket(cause),
        points: named.map(points),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

fn reverse_withdrawal((who, key): (u8, u8)) -> Command {
    Command::ReverseWithdrawal(ReverseWithdrawal {
        account_id: shopper(who),
        withdrawal_id: id(&format!("w-{key}")),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

fn reverse_return((who, cause, key): (u8, u8, u8)) -> Command {
    Command::ReverseReturn(ReverseReturn {
        account_id: shopper(who),
        purchase_id: id(&format!("B-{cause}")),
        return_id: id(&format!("r-{key}")),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

fn spent_credit() -> impl Strategy<Value = SpentCredit> {
    prop_oneof![
        1 => Just(SpentCredit::Refuse),
        2 => Just(SpentCredit::Debt),
        1 => Just(SpentCredit::Forgive),
    ]
}

fn adjust((who, key, adds, amount): (u8, u8, bool, u64)) -> Command {
    Command::AdjustCredit(AdjustCredit {
        unit: UnitId::POINTS,
        account_id: shopper(who),
        adjustment_id: id(&format!("a-{key}")),
        direction: if adds { Direction::Add } else { Direction::Take },
        points: points(amount),
        expires_at: None,
        reference: id("ticket-7"),
        note: Note::default(),
        occurred_at: None,
    })
}

fn hold((who, key, amount, deadline): (u8, u8, u64, i64)) -> Command {
    Command::HoldCredit(HoldCredit {
        unit: UnitId::POINTS,
        account_id: shopper(who),
        hold_id: id(&format!("h-{key}")),
        points: points(amount),
        deadline: time(deadline),
        occurred_at: None,
    })
}

fn capture((who, key, named, exchange): (u8, u8, Option<u64>, Option<(u8, u8)>)) -> Command {
    Command::CaptureHold(CaptureHold {
        account_id: shopper(who),
        hold_id: id(&format!("h-{key}")),
        capture: match exchange {
            None => Capture::Points(named.map(points)),
            Some((exchange, offer)) => Capture::Exchange(order(exchange, offer, 1)),
        },
        occurred_at: None,
    })
}

fn release((who, key, by_operator): (u8, u8, bool)) -> Command {
    let (account_id, hold_id) = (shopper(who), id(&format!("h-{key}")));
    Command::ReleaseHold(ReleaseHold { account_id, hold_id, by_operator, occurred_at: None })
}

fn extend((who, hold, key, deadline): (u8, u8, u8, i64)) -> Command {
    Command::ExtendHold(ExtendHold {
        account_id: shopper(who),
        hold_id: id(&format!("h-{hold}")),
        extension_id: id(&format!("e-{key}")),
        deadline: time(deadline),
        occurred_at: None,
    })
}

fn refund((who, hold, key, named): (u8, u8, u8, Option<u64>)) -> Command {
    Command::RefundCapture(RefundCapture {
        account_id: shopper(who),
        hold_id: id(&format!("h-{hold}")),
        refund_id: id(&format!("f-{key}")),
        points: named.map(points),
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

fn transfer((from, to, key, amount): (u8, u8, u8, u64)) -> Command {
    // Nobody sends to oneself; the next in line gets it instead.
    let to = if from == to { (to + 1) % 3 } else { to };
    Command::TransferCredit(TransferCredit {
        unit: UnitId::POINTS,
        account_id: shopper(from),
        transfer_id: id(&format!("t-{key}")),
        to: shopper(to),
        points: points(amount),
        occurred_at: None,
    })
}

fn redeem((who, exchange, offer, quantity): &(u8, u8, u8, u64)) -> Command {
    let order = order(*exchange, *offer, *quantity);
    Command::Redeem(Redeem { account_id: shopper(*who), order, occurred_at: None })
}

fn order(exchange: u8, offer: u8, quantity: u64) -> Order {
    Order {
        exchange_id: id(&format!("x-{exchange}")),
        offer_id: id(&format!("offer-{offer}")),
        quantity: units(quantity),
        deliver_to: Some(id("1 Elm Street")),
        expected_points: None,
        expected_prices: None,
    }
}

/// Under an even key an operator asks.
fn cancel((who, exchange, key, quantity): (u8, u8, u8, Option<u64>)) -> Command {
    Command::CancelExchange(CancelExchange {
        account_id: shopper(who),
        exchange_id: id(&format!("x-{exchange}")),
        cancellation_id: id(&format!("c-{key}")),
        quantity: quantity.map(units),
        by_operator: key % 2 == 0,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

fn told() -> impl Strategy<Value = Report> {
    prop_oneof![
        3 => Just(Report::Accepted),
        3 => Just(Report::BackOrdered),
        1 => Just(Report::Delivered),
        1 => Just(Report::Settled),
    ]
}

fn report((who, exchange, report): (u8, u8, Report)) -> Command {
    Command::ReportShipment(ReportShipment {
        account_id: shopper(who),
        shipped: Shipped::ExchangeId(id(&format!("x-{exchange}"))),
        asked: vec![],
        report,
        dispatch_id: None,
        note: Note::default(),
        occurred_at: None,
    })
}

fn reject((who, number, is_exchange): (u8, u8, bool)) -> Command {
    let shipped = match is_exchange {
        true => Shipped::ExchangeId(id(&format!("x-{number}"))),
        false => Shipped::PurchaseId(id(&format!("B-{number}"))),
    };
    Command::RejectShipment(RejectShipment {
        account_id: shopper(who),
        shipped,
        asked: vec![],
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

/// In which parcel, and how many; what was asked for is filled in when its turn comes.
fn dispatch((who, exchange, parcel, quantity): (u8, u8, u8, Option<u64>)) -> Command {
    let line = |quantity| ShippedLine { product_id: id("product"), quantity: units(quantity) };
    Command::DispatchShipment(DispatchShipment {
        account_id: shopper(who),
        shipped: Shipped::ExchangeId(id(&format!("x-{exchange}"))),
        asked: vec![],
        dispatch_id: if parcel == 0 { DispatchId::whole() } else { id(&format!("box-{parcel}")) },
        lines: quantity.map(|quantity| vec![line(quantity)]),
        tracking_url: None,
        carrier: id("post"),
        express_no: id("1Z"),
        occurred_at: None,
    })
}

fn basket(cause: u8) -> Cause {
    Cause { kind: CauseKind::Purchase, id: id(&format!("B-{cause}")) }
}

fn shopper(number: u8) -> AccountId {
    id(&format!("shopper-{number}"))
}

fn points(amount: u64) -> Points {
    Points::new(amount).expect("an amount")
}

fn units(amount: u64) -> Units {
    Units::new(amount).expect("an amount")
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).expect("a time")
}

pub(crate) fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a valid id")
}
