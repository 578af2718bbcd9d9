//! Given these events, when this is asked, then that follows: how the rules' tests speak.
//!
//! `given` begins with `log-opened` at position 1, so the first event named stands at position 2.

mod codes;
mod commands;
mod conversions;
mod erasures;
mod events;
mod ladders;
mod mergers;
mod offers;
mod parcels;
mod reservations;
mod seals;
mod values;

use log_record::{Partition, Position};

pub(crate) use codes::*;
pub(crate) use commands::*;
pub(crate) use conversions::*;
pub(crate) use erasures::*;
pub(crate) use events::*;
pub(crate) use ladders::*;
pub(crate) use mergers::*;
pub(crate) use offers::*;
pub(crate) use parcels::*;
pub(crate) use reservations::*;
pub(crate) use seals::*;
pub(crate) use values::*;

use crate::*;

pub(crate) struct Scenario {
    state: State,
    events: Vec<Event>,
    now: Timestamp,
}

pub(crate) struct Outcome {
    scenario: Scenario,
    command: Command,
    decided: Result<Decision, Refusal>,
}

pub(crate) fn given<const N: usize>(events: [Event; N]) -> Scenario {
    let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
    Scenario { state: State::new(Partition(0)), events: vec![], now: time(1) }
        .and([Event::LogOpened(opened)])
        .and(events)
}

/// There are miles and status beside points; rules give ten points, one mile, and five of status
/// for each hundred of money.
pub(crate) fn with_two_units() -> Scenario {
    let terms = |unit: &str, points| EarningTerms { unit: id(unit), ..rate(points) };
    let new = crate::command::ExpectedVersion::Absent;
    given([])
        .does(make_unit("miles"))
        .does(make_unit("status"))
        .does(rule("default", rate(10), new.clone()))
        .does(rule("miles", terms("miles", 1), new.clone()))
        .does(rule("status", terms("status", 5), new))
}

/// Ann has bought two televisions, which earned 20 points and two miles.
pub(crate) fn earned_two() -> Scenario {
    with_two_units().does(purchase_by(["default", "miles"], "ann", "B-1", &[("tv", 2, 200)]))
}

impl Scenario {
    pub(crate) fn and<const N: usize>(mut self, events: [Event; N]) -> Self {
        for event in events {
            let position = self.state.position().next();
            let evolved = self.state.evolve(position, self.now, &event);
            assert_eq!(evolved, Ok(()), "{event:?}");
            self.events.push(event);
        }
        self
    }

    pub(crate) fn at(mut self, seconds: i64) -> Self {
        self.now = time(seconds);
        self
    }

    pub(crate) fn at_micros(mut self, micros: i64) -> Self {
        self.now = Timestamp::from_micros(micros).expect("a time");
        self
    }

    /// It is refused with these facts, and the story goes on.
    #[track_caller]
    pub(crate) fn refuses_with(self, command: Command, why: Refusal) -> Self {
        let Outcome { scenario, decided, .. } = self.when(command);
        assert_eq!(decided.expect_err("it was not refused"), why);
        scenario
    }

    pub(crate) fn when(self, command: Command) -> Outcome {
        let mut decided = decide(&self.state, &command, self.now);
        if let Ok(Decision::Load(at)) = decided {
            let index = usize::try_from(at.0).expect("small") - 1;
            let event = &self.events[index];
            let before = &self.events[index - event.events_before()..index];
            let command = command.with_original(before, at, event).expect("it takes it");
            decided = decide(&self.state, &command, self.now);
        }
        Outcome { scenario: self, command, decided }
    }

    /// What is decided, which isn't recorded.
    pub(crate) fn decides(self, command: Command) -> (Self, Result<Decision, Refusal>) {
        let Outcome { scenario, decided, .. } = self.when(command);
        (scenario, decided)
    }

    /// It is decided and recorded.
    #[track_caller]
    pub(crate) fn does(self, command: Command) -> Self {
        let Outcome { scenario, decided, .. } = self.when(command);
        let Ok(Decision::Record { events, .. }) = decided else {
            panic!("nothing is recorded: {decided:?}")
        };
        events.into_iter().fold(scenario, |scenario, event| scenario.and([event]))
    }

    /// It is refused, and the story goes on.
    #[track_caller]
    pub(crate) fn refuses(self, command: Command, code: &str) -> Self {
        let Outcome { scenario, decided, .. } = self.when(command);
        assert_eq!(decided.expect_err("it was not refused").code(), code);
        scenario
    }

    /// No correct history has this event next.
    #[track_caller]
    pub(crate) fn never_has(mut self, event: &Event) {
        let next = self.state.position().next();
        assert!(self.state.evolve(next, self.now, event).is_err(), "{event:?}");
    }

    /// What falls due by now is recorded, as in the background.
    pub(crate) fn sweeps(mut self) -> Self {
        while let Some(events) = self.state.take_due(self.now) {
            self = events.into_iter().fold(self, |scenario, event| scenario.and([event]));
        }
        self
    }

    /// Likewise while redemptions are paused, or not; where they aren't, an offer may be.
    pub(crate) fn sweeps_while(mut self, are_redemptions_paused: bool) -> Self {
        loop {
            let kept = self.state.keeps_longer(self.now, are_redemptions_paused);
            if kept.is_empty() {
                return self.sweeps();
            }
            self = kept.into_iter().fold(self, |scenario, event| scenario.and([event]));
        }
    }

    /// Whether a parcel is wanted, or why not.
    #[track_caller]
    pub(crate) fn wants(self, account: &str, exchange: &str, unwanted: Option<Unwanted>) -> Self {
        let shipped = Shipped::ExchangeId(id(exchange));
        assert_eq!(self.state.unwanted(&id(account), &shipped), unwanted);
        self
    }

    /// How far the request of an exchange of so many units is.
    #[track_caller]
    pub(crate) fn shows_shipment(
        self,
        account: &str,
        exchange: &str,
        of: u64,
        status: ShippingStatus,
        left: u64,
    ) -> Self {
        let shipped = Shipped::ExchangeId(id(exchange));
        let of = [line("product", of)];
        self.shows(account, &shipped, &of, status, left)
    }

    /// How far the request of a purchase is.
    #[track_caller]
    pub(crate) fn shows_purchase(
        self,
        account: &str,
        basket: &str,
        of: &[(&str, u64)],
        status: &str,
        left: u64,
    ) -> Self {
        let shipped = Shipped::PurchaseId(id(basket));
        let of: Vec<_> = of.iter().map(|(product, quantity)| line(product, *quantity)).collect();
        let status = ShippingStatus::named(status).expect("a status");
        self.shows(account, &shipped, &of, status, left)
    }

    #[track_caller]
    fn shows(
        self,
        account: &str,
        shipped: &Shipped,
        of: &[ShippedLine],
        status: ShippingStatus,
        left: u64,
    ) -> Self {
        let shipment = self.state.shipment(&id(account), shipped, of);
        let units: u64 = shipment.lines_left.iter().map(|line| line.quantity.get()).sum();
        assert_eq!((shipment.status, units), (status, left));
        self
    }

    /// What the account takes beyond its place in the state.
    pub(crate) fn allocated_bytes(&self, account: &str) -> usize {
        self.state.account(&id(account)).expect("an account").allocated_bytes()
    }

    /// Of how many parts of lots that are available.
    #[track_caller]
    pub(crate) fn has_parts(self, account: &str, count: usize) -> Self {
        let account = self.state.account(&id(account)).expect("an account");
        assert_eq!(account.wallet(UnitNumber::POINTS).lots().count(), count);
        self
    }

    /// What the account has, as recorded: available, pending, held, owed.
    #[track_caller]
    pub(crate) fn leaves(self, account: &str, sums: [u64; 4]) -> Self {
        self.leaves_of(account, "points", sums)
    }

    /// What the account has of a unit, likewise.
    #[track_caller]
    pub(crate) fn leaves_of(self, account: &str, unit: &str, sums: [u64; 4]) -> Self {
        let number = self.state.unit_number(id(unit)).expect("a unit");
        let account = self.state.account(&id(account)).expect("an account");
        let wallet = account.wallet(number);
        let found = [wallet.available(), wallet.pending(), wallet.held(), wallet.owed()];
        assert_eq!(found.map(Points::get), sums, "available, pending, held, owed");
        self
    }
}

impl Outcome {
    /// A parcel of so many units leaves.
    #[track_caller]
    pub(crate) fn then_sends(self, units: u64) -> Scenario {
        let Self { scenario, command, .. } = self;
        let scenario = scenario.does(command);
        let Some(Event::ShipmentDispatched(_, fact)) = scenario.events.last() else {
            panic!("no parcel left")
        };
        let sent: u64 = fact.lines.lines().iter().map(|line| line.quantity.get()).sum();
        assert_eq!(sent, units);
        scenario
    }

    /// A parcel leaves, which is wanted, or not for this reason.
    #[track_caller]
    pub(crate) fn then_is_unwanted(self, why: Option<Unwanted>) -> Scenario {
        let Self { scenario, decided, .. } = self;
        let Ok(Decision::Record { events, .. }) = decided else { panic!("{decided:?}") };
        let [Event::ShipmentDispatched(account, fact)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(scenario.state.unwanted_parcel(account, fact), why);
        events.into_iter().fold(scenario, |scenario, event| scenario.and([event]))
    }

    /// The events are decided, and the state takes them.
    #[track_caller]
    pub(crate) fn then<const N: usize>(self, events: [Event; N]) {
        let Ok(Decision::Record { events: decided, .. }) = &self.decided else {
            panic!("nothing is recorded: {:?}", self.decided);
        };
        assert_eq!(decided, &events.to_vec());
        self.scenario.and(events);
    }

    /// Events of these types are decided, in this order; the story goes on with them.
    #[track_caller]
    pub(crate) fn then_records<const N: usize>(self, types: [&str; N]) -> Scenario {
        let Ok(Decision::Record { events, .. }) = self.decided else {
            panic!("nothing is recorded: {:?}", self.decided)
        };
        let printed: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
        let found: Vec<&str> =
            printed.iter().map(|text| text.split('(').next().unwrap_or_default()).collect();
        assert_eq!(found, types);
        events.into_iter().fold(self.scenario, |scenario, event| scenario.and([event]))
    }

    /// An exchange is created that costs so many points by this tier, and the story goes on.
    #[track_caller]
    pub(crate) fn then_exchanges(self, cost: u64, tier: Option<LadderTier>) -> Scenario {
        let Self { scenario, command, .. } = self;
        let scenario = scenario.does(command);
        let created = scenario.events.iter().rev().find_map(|event| match event {
            Event::ExchangeCreated(_, fact) => Some(fact),
            _ => None,
        });
        let created = created.expect("an exchange");
        assert_eq!((created.prices.first().points.get(), created.tier), (cost, tier));
        scenario
    }

    /// A purchase is recorded, for which the rule would have given so many points without its cap.
    #[track_caller]
    pub(crate) fn then_is_cut_from(self, before_cap: Option<u64>) -> Scenario {
        let Self { scenario, command, .. } = self;
        let scenario = scenario.does(command);
        let Some(Event::PurchaseRecorded(_, fact)) = scenario.events.last() else {
            panic!("no purchase is recorded")
        };
        let cut = fact.earned.first().and_then(|earned| earned.points_before_cap);
        assert_eq!(cut.map(Points::get), before_cap);
        scenario
    }

    #[track_caller]
    pub(crate) fn then_refused(self, code: &str) {
        let refusal = self.decided.expect_err("it was not refused");
        assert_eq!(refusal.code(), code, "{refusal}");
        assert!(Refusal::ROWS.iter().any(|row| row.code == refusal.code()), "{refusal}");
    }

    /// With these facts.
    #[track_caller]
    pub(crate) fn then_refused_because(self, why: Refusal) {
        assert_eq!(self.decided.expect_err("it was not refused"), why);
    }

    #[track_caller]
    pub(crate) fn then_repeats(self, position: u64) {
        self.then_compares(position, None);
    }

    #[track_caller]
    pub(crate) fn then_differs_from(self, position: u64, field: &str) {
        self.then_compares(position, Some(field));
    }

    #[track_caller]
    fn then_compares(self, position: u64, difference: Option<&str>) {
        assert_eq!(self.decided, Ok(Decision::Repeat(Position(position))));
        let index = usize::try_from(position).expect("small") - 1;
        assert_eq!(self.command.first_difference(&self.scenario.events[index]), difference);
    }

    #[track_caller]
    pub(crate) fn then_unchanged(self) {
        assert_eq!(self.decided, Ok(Decision::Unchanged));
    }
}
