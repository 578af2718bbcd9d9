//! Random reservations of an offer, and waits for it, through the ledger and through a plain model:
//! who gets a unit, and who is told that it is sold out.

use std::collections::{BTreeMap, HashMap, VecDeque};

use domain::command::*;
use domain::{
    AccountId, Clock, Command, Decision, Event, LogOpened, Note, OfferId, Page, State, Timestamp,
    Units, WaitEnd, WaitId,
};
use log_record::Partition;
use proptest::prelude::*;

use crate::laws::random::{History, Recorded, id, terms, time};

const OFFER: &str = "offer-1";

#[derive(Clone, Copy, Debug)]
enum Asked {
    Redeem { who: u8, exchange: u8, units: u64 },
    Reserve { who: u8, hold: u8, units: u64, lasts: i64 },
    Capture { who: u8, hold: u8, exchange: u8 },
    Release { who: u8, hold: u8 },
    Cancel { who: u8, exchange: u8 },
    Join { who: u8 },
    Leave { who: u8 },
    Add { units: u64 },
    Remove { units: u64 },
}

#[derive(Clone, Debug)]
struct Step {
    wait: i64,
    is_swept: bool,
    asked: Asked,
}

/// Units that a hold keeps, until when, and whether it ended before.
#[derive(Clone, Copy, Debug)]
struct Held {
    units: u64,
    deadline: i64,
    has_ended: bool,
}

/// What there is, whatever was recorded.
#[derive(Debug, Default)]
struct Plain {
    stock: u64,
    holds: BTreeMap<(u8, u8), Held>,
    /// The units of each exchange that weren't cancelled.
    exchanges: BTreeMap<(u8, u8), u64>,
    /// Who waits, in their order.
    waits: Vec<Waits>,
}

/// A shopper who waits, by the number of the step that said so, and until when a unit is kept.
#[derive(Clone, Copy, Debug)]
struct Waits {
    who: u8,
    number: usize,
    deadline: Option<i64>,
}

const DAY: i64 = 24 * 60 * 60;

impl Plain {
    fn free(&self, now: i64) -> u64 {
        let kept = self.holds.values().filter(|it| !it.has_ended && it.deadline > now);
        let sold: u64 = self.exchanges.values().sum();
        let served = self.waits.iter().filter(|it| it.deadline.is_some_and(|it| it > now));
        self.stock - sold - kept.map(|it| it.units).sum::<u64>() - served.count() as u64
    }

    /// The wait of a shopper that goes on.
    fn wait(&self, who: u8, now: i64) -> Option<usize> {
        let goes_on = |it: &Waits| it.who == who && it.deadline.is_none_or(|it| it > now);
        self.waits.iter().position(goes_on)
    }

    /// Whether a shopper gets so many: those who wait come first, and who is served before them.
    fn takes(&mut self, who: u8, units: u64, now: i64) -> Result<(), &'static str> {
        let own = self.wait(who, now);
        let others = self.waits.iter().filter(|it| it.who != who && it.deadline.is_none()).count();
        let is_served = own.is_some_and(|own| self.waits[own].deadline.is_some());
        let left = self.free(now) + u64::from(is_served);
        if !(units == 1 && is_served) && units + others as u64 > left {
            return Err("sold-out");
        }
        if let Some(own) = own {
            self.waits.remove(own);
        }
        Ok(())
    }

    /// What the sweep does.
    fn serve(&mut self, now: i64) {
        self.waits.retain(|it| it.deadline.is_none_or(|it| it > now));
        let free = usize::try_from(self.free(now)).expect("few");
        let first = self.waits.iter_mut().filter(|it| it.deadline.is_none()).take(free);
        first.for_each(|it| it.deadline = Some(now + DAY));
    }

    fn hold(&mut self, key: (u8, u8), now: i64) -> Result<&mut Held, &'static str> {
        let held = self.holds.get_mut(&key).ok_or("hold-unknown")?;
        if held.has_ended || held.deadline <= now { Err("hold-ended") } else { Ok(held) }
    }

    /// What becomes of it: nothing where it is repeated.
    fn answers(&mut self, asked: Asked, number: usize, now: i64) -> Result<(), &'static str> {
        match asked {
            Asked::Redeem { who, exchange, units } => {
                self.takes(who, units, now)?;
                self.exchanges.insert((who, exchange), units);
            }
            Asked::Reserve { who, hold, units, lasts } => {
                self.takes(who, units, now)?;
                let held = Held { units, deadline: now + lasts, has_ended: false };
                self.holds.insert((who, hold), held);
            }
            Asked::Capture { who, hold, exchange } => {
                let is_known = self.exchanges.contains_key(&(who, exchange));
                let held = self.hold((who, hold), now)?;
                if is_known {
                    return Err("exchange-exists");
                }
                held.has_ended = true;
                let units = held.units;
                self.exchanges.insert((who, exchange), units);
            }
            Asked::Release { who, hold } => self.hold((who, hold), now)?.has_ended = true,
            Asked::Cancel { who, exchange } => match self.exchanges.get_mut(&(who, exchange)) {
                None => return Err("exchange-unknown"),
                Some(0) => return Err("already-cancelled"),
                Some(units) => *units = 0,
            },
            Asked::Join { who } => {
                let others = self.waits.iter().filter(|it| it.deadline.is_none()).count();
                if self.wait(who, now).is_some() {
                    return Err("already-waiting");
                }
                if self.free(now) > others as u64 {
                    return Err("not-sold-out");
                }
                self.waits.retain(|it| it.who != who);
                self.waits.push(Waits { who, number, deadline: None });
            }
            Asked::Leave { who } => match self.wait(who, now) {
                Some(own) => {
                    self.waits.remove(own);
                }
                None if self.waits.iter().any(|it| it.who == who) => return Err("wait-ended"),
                None => return Err("wait-unknown"),
            },
            Asked::Add { units } => self.stock += units,
            Asked::Remove { units } => {
                if units > self.free(now) {
                    return Err("stock-sold");
                }
                self.stock -= units;
            }
        }
        Ok(())
    }
}

fn command(asked: Asked, number: usize, now: i64, known: &Plain) -> Command {
    let who = |who: u8| id(&format!("shopper-{who}"));
    let order = |exchange: u8, units: u64| Order {
        exchange_id: id(&format!("x-{exchange}")),
        offer_id: id(OFFER),
        quantity: pieces(units),
        deliver_to: Some(id("1 Elm Street")),
        expected_points: None,
        expected_prices: None,
    };
    match asked {
        Asked::Redeem { who: shopper, exchange, units } => Command::Redeem(Redeem {
            account_id: who(shopper),
            order: order(exchange, units),
            occurred_at: None,
        }),
        Asked::Reserve { who: shopper, hold, units, lasts } => {
            Command::ReserveOffer(ReserveOffer {
                account_id: who(shopper),
                hold_id: id(&format!("h-{hold}")),
                offer_id: id(OFFER),
                quantity: pieces(units),
                deadline: time(now + lasts),
                expected_points: None,
                expected_prices: None,
                occurred_at: None,
            })
        }
        Asked::Capture { who: shopper, hold, exchange } => {
            let units = known.holds.get(&(shopper, hold)).map_or(1, |held| held.units);
            Command::CaptureHold(CaptureHold {
                account_id: who(shopper),
                hold_id: id(&format!("h-{hold}")),
                capture: Capture::Exchange(order(exchange, units)),
                occurred_at: None,
            })
        }
        Asked::Release { who: shopper, hold } => Command::ReleaseHold(ReleaseHold {
            account_id: who(shopper),
            hold_id: id(&format!("h-{hold}")),
            by_operator: false,
            occurred_at: None,
        }),
        Asked::Cancel { who: shopper, exchange } => Command::CancelExchange(CancelExchange {
            account_id: who(shopper),
            exchange_id: id(&format!("x-{exchange}")),
            cancellation_id: id(&format!("c-{number}")),
            quantity: None,
            by_operator: true,
            note: Note::default(),
            occurred_at: None,
            original: None,
        }),
        Asked::Join { who: shopper } => Command::JoinWaitingList(JoinWaitingList {
            admission: None,
            account_id: who(shopper),
            wait_id: id(&format!("w-{number}")),
            offer_id: id(OFFER),
            occurred_at: None,
        }),
        Asked::Leave { who: shopper } => {
            let own = known.waits.iter().find(|it| it.who == shopper);
            let wait = own.map_or("none".to_owned(), |own| format!("w-{}", own.number));
            Command::LeaveWaitingList(LeaveWaitingList {
                account_id: who(shopper),
                wait_id: id(&wait),
                occurred_at: None,
            })
        }
        Asked::Add { units } => Command::AddStock(AddStock {
            offer_id: id(OFFER),
            addition_id: id(&format!("s-{number}")),
            units: pieces(units),
        }),
        Asked::Remove { units } => Command::RemoveStock(RemoveStock {
            offer_id: id(OFFER),
            removal_id: id(&format!("d-{number}")),
            units: pieces(units),
            read_versions: None,
        }),
    }
}

fn pieces(units: u64) -> Units {
    Units::new(units).expect("an amount")
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (who, hold, exchange, units) = (0_u8..4, 0_u8..5, 0_u8..6, 1_u64..3);
    let asked = prop_oneof![
        4 => (who.clone(), exchange.clone(), units.clone())
            .prop_map(|(who, exchange, units)| Asked::Redeem { who, exchange, units }),
        5 => (who.clone(), hold.clone(), units.clone(), 1_i64..60)
            .prop_map(|(who, hold, units, lasts)| Asked::Reserve { who, hold, units, lasts }),
        4 => (who.clone(), hold.clone(), exchange.clone())
            .prop_map(|(who, hold, exchange)| Asked::Capture { who, hold, exchange }),
        1 => (who.clone(), hold).prop_map(|(who, hold)| Asked::Release { who, hold }),
        4 => who.clone().prop_map(|who| Asked::Join { who }),
        1 => who.clone().prop_map(|who| Asked::Leave { who }),
        2 => (who, exchange).prop_map(|(who, exchange)| Asked::Cancel { who, exchange }),
        1 => units.clone().prop_map(|units| Asked::Add { units }),
        1 => units.prop_map(|units| Asked::Remove { units }),
    ];
    let wait = prop_oneof![12 => 0_i64..20, 1 => Just(DAY)];
    let step = (wait, prop::bool::weighted(0.3), asked);
    let step = step.prop_map(|(wait, is_swept, asked)| Step { wait, is_swept, asked });
    prop::collection::vec(step, 1..80)
}

fn begun(stock: u64) -> History {
    let mut history = History { state: State::new(Partition(0)), events: vec![], ends: vec![] };
    let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
    history.append(time(1), vec![Event::LogOpened(opened)]);
    let offer = Command::OpenOffer(OpenOffer {
        offer_id: id(OFFER),
        terms: terms(0, None),
        page: Page::default(),
        stock: Some(pieces(stock)),
    });
    let accounts = (0..4).map(|who| {
        let account_id = id(&format!("shopper-{who}"));
        Command::OpenAccount(OpenAccount { account_id, occurred_at: None })
    });
    for command in [offer].into_iter().chain(accounts) {
        does(&mut history, &command, time(1)).expect("it is done");
    }
    history
}

/// Whether each unit was kept for who waited longest, and until its deadline.
fn is_in_order(events: &[Recorded]) -> bool {
    let mut waiting: VecDeque<(&AccountId, &WaitId)> = VecDeque::new();
    let mut kept: HashMap<(&AccountId, &WaitId), Timestamp> = HashMap::new();
    events.iter().all(|Recorded { time, event, .. }| match event {
        Event::WaitBegun(account, fact) => {
            waiting.push_back((account, &fact.wait_id));
            true
        }
        Event::WaitServed(account, fact) => {
            let wait = (account, &fact.wait_id);
            kept.insert(wait, fact.deadline);
            waiting.pop_front() == Some(wait)
        }
        Event::WaitEnded(account, fact) => {
            let wait = (account, &fact.wait_id);
            waiting.retain(|other| *other != wait);
            let deadline = kept.remove(&wait);
            let is_over = deadline.is_some_and(|deadline| deadline <= *time);
            deadline.is_some() == fact.served && is_over == (fact.reason == WaitEnd::Lapsed)
        }
        _ => true,
    })
}

fn does(history: &mut History, command: &Command, now: Timestamp) -> Result<bool, &'static str> {
    match history.decide(command, now) {
        Ok(Decision::Record { events, .. }) => {
            history.append(now, events);
            Ok(true)
        }
        Ok(_) => Ok(false),
        Err(refusal) => Err(refusal.code()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn invariant_i23_who_waits_longest_is_served_and_nobody_is_told_sold_out_wrongly(
        stock in 1_u64..6,
        steps in steps(),
    ) {
        let mut history = begun(stock);
        let (mut plain, mut now) = (Plain { stock, ..Plain::default() }, 1);
        for (number, Step { wait, is_swept, asked }) in steps.into_iter().enumerate() {
            now += wait;
            if is_swept {
                while let Some(events) = history.state.take_due(time(now)) {
                    history.append(time(now), events);
                }
                plain.serve(now);
            }
            let command = command(asked, number, now, &plain);
            if command.recorded_at(&history.state).is_none() {
                let expected = plain.answers(asked, number, now).map(|()| true);
                let found = does(&mut history, &command, time(now));
                prop_assert_eq!(found, expected, "{:?} at {}", asked, now);
            }
            let offer: OfferId = id(OFFER);
            let offer = history.state.offer(&offer).expect("it is there");
            let remaining = offer.inventory.remaining().expect("it is counted").get();
            prop_assert!(remaining <= plain.free(now), "a unit is kept and free");
        }
        while let Some(events) = history.state.take_due(time(now)) {
            history.append(time(now), events);
        }
        plain.serve(now);
        let offer = history.state.offer(&id(OFFER)).expect("it is there");
        let remaining = offer.inventory.remaining().expect("it is counted").get();
        prop_assert_eq!(remaining, plain.free(now));
        prop_assert!(is_in_order(&history.events));
    }
}
