//! A log of several partitions: commands are decided by the domain, each in its partition, and
//! messages are received when a test says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::command::{
    CancelExchange, EarnCredit, ExpectedVersion, OpenOffer, Order, Redeem, SetLadder, SetUnit,
    TransferCredit,
};
use domain::{
    AccountId, Answers, Cause, CauseKind, Clock, Command, Decision, Desk, Downgrade, Event,
    KeptMonths, KeptYears, LadderTerms, Letter, Level, Levels, LogOpened, Note, Page, Parked,
    ParkedCommand, Refusal, Reply, Returns, Source, State, Timestamp, Undelivered, UnitId,
    UnitTerms, Wait, Window, answer, decide, receive,
};
use event_schema::decode;
use log_record::{Partition, Place, Position};

use crate::ledger::{Ledger, On, id, points, recorded_at, terms, time, units};

/// A log of several partitions, and its read tables.
pub struct Partitions {
    pub ledger: Arc<Ledger>,
    states: Vec<State>,
    parked: Vec<Parked>,
    desks: Vec<Desk>,
    /// Where the messages from a partition to another stand.
    sent: BTreeMap<(Partition, Partition), Vec<Position>>,
    second: i64,
    /// How many seconds pass with a command.
    pace: i64,
}

impl Partitions {
    /// An empty log that takes its time from its commands.
    pub async fn open(on: On, partitions: u16) -> Self {
        let all = (0..partitions).map(Partition);
        let mut log = Self {
            ledger: Arc::new(Ledger::of_partitions(1, on, partitions).await),
            states: all.clone().map(State::new).collect(),
            parked: all.clone().map(|_| Parked::default()).collect(),
            desks: all.clone().map(|_| Desk::default()).collect(),
            sent: BTreeMap::new(),
            second: 1,
            pace: 1,
        };
        for partition in all {
            let opened = LogOpened { log_id: "log".into(), partitions, clock: Clock::Commands };
            log.append(partition, time(1), vec![Event::LogOpened(opened)]).await;
        }
        log
    }

    /// From now on all that is recorded is recorded at once.
    pub fn stand_still(&mut self) {
        self.pace = 0;
    }

    pub fn states(&self) -> &[State] {
        &self.states
    }

    pub fn home(&self, account: &str) -> Partition {
        id::<AccountId>(account).partition(self.count())
    }

    /// Decides a command and records what follows; gives the last place that it reached.
    pub async fn does(&mut self, command: Command) -> Place {
        let refused = self.tries(&command).await.err();
        assert_eq!(refused, None, "{command:?}");
        self.states[usize::from(command.partition(self.count()).0)].place()
    }

    /// The same of a command that may be refused. One that waits for units is decided again once
    /// everything under way has come.
    pub async fn tries(&mut self, command: &Command) -> Result<(), Refusal> {
        self.second += self.pace;
        let here = command.partition(self.count());
        match self.decided(here, command).await? {
            Decision::Record { events, .. } => self.append(here, self.now(here), events).await,
            Decision::Wait(Wait::Shelves { calls, .. }) => {
                self.append(here, self.now(here), calls).await;
                self.deliver().await;
                return Box::pin(self.tries(command)).await;
            }
            Decision::Wait(Wait::Units(ask)) => {
                let key = ask.key.clone();
                let parked = ParkedCommand { command: command.clone(), ask };
                self.parked[usize::from(here.0)].park(parked).expect("there is room");
                while self.parked[usize::from(here.0)].waiting(&key).is_some() {
                    self.ask_homes(here).await?;
                    self.deliver().await;
                    // A portion came.
                    if !matches!(self.decided(here, command).await, Ok(Decision::Wait(_)))
                        && self.parked[usize::from(here.0)].take(&key).is_some()
                    {
                        return Box::pin(self.tries(command)).await;
                    }
                }
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }

    /// Receives all that is under way.
    pub async fn deliver(&mut self) {
        let all =
            || (0..self.states.len()).map(|number| Partition(number.try_into().expect("few")));
        let pairs: Vec<_> = all().flat_map(|from| all().map(move |to| (from, to))).collect();
        let mut is_quiet = false;
        while !is_quiet {
            is_quiet = true;
            for (from, to) in &pairs {
                while self.deliver_next(*from, *to).await {
                    is_quiet = false;
                }
            }
        }
    }

    /// Receives the next message from a partition to another, if there is one.
    async fn deliver_next(&mut self, from: Partition, to: Partition) -> bool {
        let here = usize::from(to.0);
        let received = usize::try_from(self.states[here].received_from(from).number.0);
        let sent = self.sent.get(&(from, to));
        let next = sent.and_then(|sent| sent.get(received.expect("small"))).copied();
        let Some(position) = next else { return false };
        let letter = self.letter(Place { partition: from, position }).await;
        let key = letter.exchange().cloned();
        let waiting = key.as_ref().and_then(|key| self.parked[here].waiting(key)).cloned();
        let receipt = receive(&self.states[here], &letter, waiting.as_ref(), self.now(to));
        if matches!(receipt, Err(Undelivered::Early { .. })) {
            return false;
        }
        let receipt = receipt.expect("it is the next one");
        self.append(to, receipt.recorded_at, receipt.events).await;
        if let Some(key) = key {
            self.parked[here].take(&key);
        }
        true
    }

    async fn ask_homes(&mut self, here: Partition) -> Result<(), Refusal> {
        let from = usize::from(here.0);
        for (home, inquiry) in self.parked[from].inquiries(&self.states[from], |_| true) {
            let there = usize::from(home.0);
            self.desks[there].forget(inquiry.from, inquiry.received);
            let Answers { events, replies } =
                answer(&self.states[there], &self.desks[there], &inquiry);
            self.append(home, self.now(home), events).await;
            for (key, reply) in replies {
                if let Reply::SoldOut { remaining, .. } = reply {
                    let parked = self.parked[from].take(&key).expect("it waits");
                    return Err(Refusal::SoldOut { remaining, asked: parked.ask.units });
                }
            }
        }
        Ok(())
    }

    async fn decided(&self, here: Partition, command: &Command) -> Result<Decision, Refusal> {
        let (state, now) = (&self.states[usize::from(here.0)], self.now(here));
        let decision = decide(state, command, now)?;
        let Decision::Load(at) = decision else { return Ok(decision) };
        let place = |position| Place { partition: here, position };
        let (_, event) = self.event(place(at)).await;
        let mut before = vec![];
        for number in (1..=event.events_before() as u64).rev() {
            before.push(self.event(place(Position(at.0 - number))).await.1);
        }
        let whole = command.with_original(&before, at, &event).expect("it takes it");
        decide(state, &whole, now)
    }

    async fn append(&mut self, here: Partition, time: Timestamp, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let rows = events.iter().map(|event| recorded_at(time, event)).collect();
        self.ledger.append_in(here, rows).await;
        let state = &mut self.states[usize::from(here.0)];
        self.desks[usize::from(here.0)].note(&events);
        for event in &events {
            let at = state.position().next();
            state.evolve(at, time, event).expect("it follows");
            if let Event::MessageSent(fact) = event {
                self.sent.entry((here, fact.to)).or_default().push(at);
            }
        }
    }

    async fn letter(&self, place: Place) -> Letter {
        let row = self.ledger.store.read_one(place).await.expect("read");
        let (sent_at, event) = decode(&row).expect("decoded");
        let Event::MessageSent(fact) = event else { panic!("{place} is no message") };
        let source = Source {
            partition: place.partition,
            number: fact.number,
            position: place.position,
            checksum: row.checksum,
            sent_at,
        };
        Letter { source, to: fact.to, message: fact.message }
    }

    async fn event(&self, place: Place) -> (Timestamp, Event) {
        decode(&self.ledger.store.read_one(place).await.expect("read")).expect("decoded")
    }

    fn count(&self) -> u16 {
        self.states.len().try_into().expect("few")
    }

    fn now(&self, here: Partition) -> Timestamp {
        time(self.second).max(self.states[usize::from(here.0)].recorded_at())
    }
}

/// The accounts of [`life`].
pub const SHOPPERS: [&str; 12] =
    ["s-0", "s-1", "s-2", "s-3", "s-4", "s-5", "s-6", "s-7", "s-8", "s-9", "s-10", "s-11"];

/// An account that there never is, in another partition than the first shopper's.
pub const STRANGER: &str = "stranger-1";

/// Shoppers over four partitions with points and miles and a tier, an offer of which they take 24
/// of 40 and give some back, and transfers between all of them. One of the first shopper came back;
/// what the last one sent is still under way.
pub async fn life(on: On) -> Partitions {
    let mut log = Partitions::open(on, 4).await;
    log.does(unit("miles")).await;
    log.does(ladder("status")).await;
    log.does(offer("mug", 40)).await;
    log.does(offer("cup", 1_000)).await;
    log.deliver().await;
    for shopper in SHOPPERS {
        log.does(earn(shopper, UnitId::POINTS, 60, "r-1")).await;
        log.does(earn(shopper, id("miles"), 9, "r-2")).await;
    }
    for shopper in SHOPPERS {
        log.does(redeem(shopper, "x-1", "mug", 2)).await;
        log.deliver().await;
        log.does(redeem(shopper, "x-2", "cup", 1)).await;
    }
    for shopper in &SHOPPERS[..4] {
        log.does(cancel(shopper, "x-1", "c-1", 1)).await;
    }
    log.deliver().await;
    for (from, to) in SHOPPERS.into_iter().zip(SHOPPERS.into_iter().cycle().skip(1)).take(11) {
        log.does(transfer(from, to, UnitId::POINTS, 5, "t-1")).await;
        log.does(transfer(from, to, id("miles"), 2, "t-2")).await;
        log.deliver().await;
    }
    log.does(transfer(SHOPPERS[0], STRANGER, UnitId::POINTS, 3, "t-3")).await;
    log.deliver().await;
    log.does(transfer(SHOPPERS[11], elsewhere(&log, SHOPPERS[11]), UnitId::POINTS, 4, "t-4")).await;
    log
}

/// A shopper who lives in another partition than this one.
pub fn elsewhere(log: &Partitions, shopper: &str) -> &'static str {
    let home = log.home(shopper);
    SHOPPERS.into_iter().find(|other| log.home(other) != home).expect("they are spread")
}

pub fn earn(account: &str, unit: UnitId, amount: u64, cause: &str) -> Command {
    Command::EarnCredit(EarnCredit {
        account_id: id(account),
        unit,
        points: points(amount),
        cause: Cause { kind: CauseKind::Review, id: id(cause) },
        available_at: None,
        expires_at: None,
        occurred_at: None,
    })
}

pub fn redeem(account: &str, exchange: &str, offer: &str, quantity: u64) -> Command {
    let order = Order {
        exchange_id: id(exchange),
        offer_id: id(offer),
        quantity: units(quantity),
        deliver_to: Some(id("1 Elm Street")),
        expected_points: None,
        expected_prices: None,
    };
    Command::Redeem(Redeem { account_id: id(account), order, occurred_at: None })
}

pub fn cancel(account: &str, exchange: &str, cancellation: &str, quantity: u64) -> Command {
    Command::CancelExchange(CancelExchange {
        account_id: id(account),
        exchange_id: id(exchange),
        cancellation_id: id(cancellation),
        quantity: Some(units(quantity)),
        by_operator: false,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub fn transfer(from: &str, to: &str, unit: UnitId, amount: u64, transfer: &str) -> Command {
    Command::TransferCredit(TransferCredit {
        account_id: id(from),
        transfer_id: id(transfer),
        to: id(to),
        unit,
        points: points(amount),
        occurred_at: None,
    })
}

pub fn offer(offer: &str, stock: u64) -> Command {
    let (terms, page) = (terms(1), Page::default());
    Command::OpenOffer(OpenOffer { offer_id: id(offer), terms, page, stock: Some(units(stock)) })
}

fn unit(unit: &str) -> Command {
    let (terms, expected) = (UnitTerms::of_points(), ExpectedVersion::Absent);
    Command::SetUnit(SetUnit { unit: id(unit), terms, expected })
}

/// Silver from 50 points on, by calendar years.
fn ladder(ladder: &str) -> Command {
    let silver = Level { tier: id("silver"), from: points(50) };
    let window = Window::Years {
        from: id("01-01"),
        years: KeptYears::try_from(0).expect("years"),
        months: KeptMonths::try_from(0).expect("months"),
    };
    let terms = LadderTerms {
        unit: UnitId::POINTS,
        levels: Levels::try_from(vec![silver]).expect("levels"),
        window,
        downgrade: Downgrade::ByCount,
        returns: Returns::Recount,
        adjustments: false,
    };
    let expected = ExpectedVersion::Absent;
    Command::SetLadder(SetLadder { ladder: id(ladder), terms, expected })
}
