//! Told one by one: what the random worlds do at random. The file is long because each story is
//! told whole.

use std::collections::HashSet;

use domain::command::CancelExchange;
use domain::{
    AMOUNT_MAX, AccountId, Answers, Command, Decision, Desk, Event, ExchangeKey,
    GATE_BELIEVED_MICROS, Gates, Grant, INQUIRY_EXCHANGES_MAX, Inquiry, Inventory, Letter, Message,
    MessageNumber, NotParked, OfferId, PARKED_MAX, Parked, ParkedCommand, Refusal, Reply, Source,
    State, Timestamp, TransferId, TransferStatus, Undelivered, UnitId, Wait, answer, decide,
    receive,
};
use log_record::{Checksum, Partition, Position};

use super::asking::{self, id, points, units};
use super::world::PARTITIONS;

/// Partitions that tell each other everything at once, unless a story says otherwise.
pub(super) struct Town {
    states: Vec<State>,
    /// What each partition has recorded.
    logs: Vec<Vec<Event>>,
    pub(super) letters: Vec<Letter>,
    now: Timestamp,
}

impl Town {
    pub(super) fn new() -> Self {
        let states = (0..PARTITIONS).map(|number| State::new(Partition(number))).collect();
        let now = Timestamp::from_micros(1_000_000).expect("a time");
        let logs = vec![vec![]; usize::from(PARTITIONS)];
        let mut town = Self { states, logs, letters: vec![], now };
        for number in 0..PARTITIONS {
            let opened = domain::LogOpened {
                log_id: "log".into(),
                partitions: PARTITIONS,
                clock: domain::Clock::Wall,
            };
            town.append(Partition(number), vec![Event::LogOpened(opened)]);
        }
        town
    }

    /// So many seconds from now.
    pub(super) fn now_plus(&self, seconds: i64) -> Timestamp {
        Timestamp::from_micros(self.now.micros() + seconds * 1_000_000).expect("a time")
    }

    pub(super) fn waits(&mut self, seconds: i64) {
        self.now = self.now_plus(seconds);
    }

    pub(super) fn state(&self, partition: Partition) -> &State {
        &self.states[usize::from(partition.0)]
    }

    fn append(&mut self, here: Partition, events: Vec<Event>) {
        let now = self.now;
        let state = &mut self.states[usize::from(here.0)];
        for event in events {
            let at = state.position().next();
            state.evolve(at, now, &event).expect("what was decided can follow");
            self.logs[usize::from(here.0)].push(event.clone());
            if let Event::MessageSent(fact) = event {
                let checksum = Checksum([u8::try_from(at.0 % 251).expect("small"); 32]);
                let source = Source {
                    partition: here,
                    number: fact.number,
                    position: at,
                    checksum,
                    sent_at: now,
                };
                self.letters.push(Letter { source, to: fact.to, message: fact.message });
            }
        }
        assert!(state.is_whole());
    }

    pub(super) fn decide(&self, command: &Command) -> Result<Decision, Refusal> {
        let here = command.partition(PARTITIONS);
        let decided = decide(self.state(here), command, self.now);
        let Ok(Decision::Load(at)) = decided else { return decided };
        let (log, index) =
            (&self.logs[usize::from(here.0)], usize::try_from(at.0).expect("few") - 1);
        let before = &log[index - log[index].events_before()..index];
        let command = command.with_original(before, at, &log[index]).expect("it takes it");
        decide(self.state(here), &command, self.now)
    }

    /// It is decided and recorded, and nothing is delivered.
    #[track_caller]
    pub(super) fn does(&mut self, command: &Command) {
        match self.decide(command) {
            Ok(Decision::Record { events, .. }) => {
                self.append(command.partition(PARTITIONS), events);
            }
            other => panic!("nothing is recorded: {other:?}"),
        }
    }

    /// Everything under way arrives, and nobody waits for units.
    pub(super) fn delivers(&mut self) {
        self.delivers_what_can_be();
        assert!(self.letters.is_empty(), "{:?} can't be received", self.letters);
    }

    /// Likewise, but for what names something that its receiver hasn't heard of.
    pub(super) fn delivers_what_can_be(&mut self) {
        let next = |town: &Self| {
            let mut letters = town.letters.iter();
            letters.position(|letter| town.state(letter.to).check_next(letter).is_ok())
        };
        while let Some(index) = next(self) {
            let letter = self.letters.remove(index);
            self.takes_in(&letter, None);
        }
    }

    /// What is due everywhere is recorded, and what that tells others arrives.
    pub(super) fn sweeps(&mut self) {
        loop {
            let due = self.states.iter_mut().find_map(|state| {
                let here = state.partition();
                state.take_due(self.now).map(|events| (here, events))
            });
            let Some((here, events)) = due else { return };
            self.append(here, events);
            self.delivers();
        }
    }

    /// What is due in a partition next.
    pub(super) fn due_at(&mut self, here: Partition) -> Option<Vec<Event>> {
        let now = self.now;
        self.states[usize::from(here.0)].take_due(now)
    }

    /// Events that are decided are recorded.
    pub(super) fn records(&mut self, here: Partition, events: Vec<Event>) {
        self.append(here, events);
    }

    pub(super) fn takes_in(&mut self, letter: &Letter, waiting: Option<&Command>) -> Option<usize> {
        let receipt = receive(self.state(letter.to), letter, waiting, self.now);
        let receipt = receipt.expect("it is the next");
        self.append(letter.to, receipt.events);
        receipt.outcome
    }

    /// The operator's command waits for the shelves, and is decided once they are home.
    pub(super) fn does_once_home(&mut self, command: &Command) {
        let Ok(Decision::Wait(Wait::Shelves { calls, .. })) = self.decide(command) else {
            panic!("it doesn't wait")
        };
        self.append(command.partition(PARTITIONS), calls);
        self.delivers();
        self.does(command);
        self.delivers();
    }

    /// What the home answers, appended.
    pub(super) fn asks(&mut self, desk: &mut Desk, inquiry: &Inquiry) -> Vec<(ExchangeKey, Reply)> {
        let home = inquiry.offer_id.home(PARTITIONS);
        let Answers { events, replies } = answer(self.state(home), desk, inquiry);
        desk.note(&events);
        self.append(home, events);
        replies
    }

    pub(super) fn shelf(&self, partition: u16, offer: &str) -> Inventory {
        self.state(Partition(partition)).offer(&id(offer)).expect("an offer").inventory
    }

    pub(super) fn pool(&self, offer: &str) -> u64 {
        let offer: OfferId = id(offer);
        let home = self.state(offer.home(PARTITIONS)).offer_home(&offer).expect("a home");
        home.pool.get()
    }
}

/// Somebody who lives in a partition.
fn living_in(partition: u16) -> AccountId {
    let names = (0..).map(|number| id::<AccountId>(&format!("shopper-{number}")));
    let mut there = names.filter(|name| name.partition(PARTITIONS) == Partition(partition));
    there.next().expect("somebody")
}

pub(super) fn rich_in(town: &mut Town, partition: u16) -> AccountId {
    let account = living_in(partition);
    town.does(&asking::earn(&account, UnitId::POINTS, 1_000, 1));
    account
}

pub(super) fn inquiry_of(town: &Town, command: &Command, received: u64) -> Inquiry {
    let Ok(Decision::Wait(Wait::Units(ask))) = town.decide(command) else {
        panic!("it doesn't wait: {:?}", town.decide(command))
    };
    let from = command.partition(PARTITIONS);
    let (offer_id, waiting) = (ask.offer_id, vec![(ask.key, ask.units)]);
    Inquiry { from, received: MessageNumber(received), offer_id, waiting }
}

#[test]
fn an_offer_opens_with_half_of_its_stock_on_shelves() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(80)));
    town.delivers();
    assert_eq!(town.pool("mug"), 40);
    for partition in 0..PARTITIONS {
        assert_eq!(town.shelf(partition, "mug").remaining(), Some(units(10)));
    }
    let ann = rich_in(&mut town, 2);
    town.does(&asking::redeem(&ann, 1, "mug", 10));
    assert_eq!(town.shelf(2, "mug").sold(), units(10));
    assert!(town.letters.is_empty(), "a sale from a shelf tells nobody");
}

#[test]
fn a_shelf_that_runs_short_asks_and_gets_a_portion() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(80)));
    town.delivers();
    let ann = rich_in(&mut town, 2);
    let command = asking::redeem(&ann, 1, "mug", 15);
    let received = town.state(Partition(2)).received_from(id::<OfferId>("mug").home(PARTITIONS));
    let inquiry = inquiry_of(&town, &command, received.number.0);
    let mut desk = Desk::default();
    assert_eq!(town.asks(&mut desk, &inquiry)[0].1, Reply::Wait);
    // Asked again before it has arrived, nothing more is granted.
    let pool = town.pool("mug");
    town.asks(&mut desk, &inquiry);
    assert_eq!((pool, town.pool("mug")), (25, 25));
    town.delivers();
    town.does(&command);
}

#[test]
fn the_last_units_go_to_exchanges_by_name_and_then_it_is_sold_out() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(2)));
    town.delivers();
    let (ann, bob) = (rich_in(&mut town, 1), rich_in(&mut town, 3));
    let hers = asking::redeem(&ann, 1, "mug", 2);
    let his = asking::redeem(&bob, 1, "mug", 1);
    let mut desk = Desk::default();
    let asked = inquiry_of(&town, &hers, 0);
    assert_eq!(town.asks(&mut desk, &asked)[0].1, Reply::Wait);
    let asked = inquiry_of(&town, &his, 0);
    let [(_, Reply::SoldOut { remaining, .. })] = town.asks(&mut desk, &asked)[..] else {
        panic!("it isn't sold out")
    };
    assert_eq!(remaining.get(), 0);
    let letter = town.letters.remove(0);
    assert_eq!(letter.exchange(), hers.exchange().as_ref());
    assert!(town.takes_in(&letter, Some(&hers)).is_some(), "the exchange is made");
    assert!(matches!(town.decide(&hers), Ok(Decision::Repeat(_))));
    // She changes her mind, and the units go home in the same append.
    let key = hers.exchange().expect("an exchange");
    town.does(&asking::cancel(&key, 1, Some(1)));
    assert_eq!(town.shelf(1, "mug").remaining().map(domain::Units::get), Some(0));
}

#[test]
fn more_than_there_ever_were_are_asked_for_and_no_shelf_is_called_back() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(80)));
    town.delivers();
    let ann = rich_in(&mut town, 1);
    let greedy = asking::redeem(&ann, 1, "mug", 81);
    let asked = inquiry_of(&town, &greedy, 0);
    let [(_, Reply::SoldOut { remaining, .. })] = town.asks(&mut Desk::default(), &asked)[..]
    else {
        panic!("so many were never there")
    };
    assert_eq!((remaining, town.pool("mug")), (units(80), 40));
    assert!(town.letters.is_empty(), "nothing is granted or called back");
}

#[test]
fn units_for_an_exchange_whose_shopper_is_gone_go_home_at_once() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(1)));
    town.delivers();
    let ann = rich_in(&mut town, 1);
    let command = asking::redeem(&ann, 1, "mug", 1);
    let asked = inquiry_of(&town, &command, 0);
    town.asks(&mut Desk::default(), &asked);
    assert_eq!(town.pool("mug"), 0);
    town.delivers();
    assert_eq!(town.pool("mug"), 1);
}

#[test]
fn a_hold_pays_an_exchange_whose_units_came_by_name() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(1)));
    town.delivers();
    let ann = rich_in(&mut town, 1);
    let deadline = Timestamp::from_micros(900_000_000).expect("a time");
    town.does(&asking::hold(&ann, 5, deadline));
    let command = asking::capture(&asking::redeem(&ann, 1, "mug", 1));
    let asked = inquiry_of(&town, &command, 0);
    town.asks(&mut Desk::default(), &asked);
    let letter = town.letters.remove(0);
    assert!(town.takes_in(&letter, Some(&command)).is_some(), "the exchange is made");
    assert!(matches!(town.decide(&command), Ok(Decision::Repeat(_))));
}

#[test]
fn codes_are_never_on_shelves_and_come_to_exchanges_by_name() {
    let mut town = Town::new();
    town.does(&asking::open_codes("key"));
    town.does(&asking::upload("key", 1, 20));
    town.delivers();
    assert_eq!(town.pool("key"), 20);
    assert!(
        (0..PARTITIONS)
            .all(|number| town.shelf(number, "key").stock() == Some(domain::Units::ZERO))
    );
    let (ann, bob) = (rich_in(&mut town, 1), rich_in(&mut town, 3));
    let [hers, his] = [&ann, &bob].map(|account| asking::redeem(account, 1, "key", 1));
    let mut desk = Desk::default();
    for command in [&hers, &his] {
        let asked = inquiry_of(&town, command, 0);
        assert_eq!(town.asks(&mut desk, &asked)[0].1, Reply::Wait);
    }
    let codes: Vec<Position> = [&hers, &his]
        .map(|command| {
            let letter = town.letters.remove(0);
            assert!(town.takes_in(&letter, Some(command)).is_some(), "the exchange is made");
            let Message::ShelfGranted(fact) = letter.message else { panic!("a grant") };
            let Grant::Code(_, code) = fact.grant else { panic!("a code") };
            code
        })
        .into();
    assert!(codes[0] < codes[1], "they are handed out in their order");
    // She gets her points back by an operator alone, and nobody her code.
    let key = hers.exchange().expect("an exchange");
    let Command::CancelExchange(hers) = asking::cancel(&key, 1, None) else {
        panic!("a cancellation")
    };
    let asked = Command::CancelExchange(hers.clone());
    assert_eq!(town.decide(&asked), Err(Refusal::HandedOver));
    town.does(&Command::CancelExchange(CancelExchange { by_operator: true, ..hers }));
    assert_eq!(town.pool("key"), 18);
}

#[test]
fn a_code_that_nobody_was_shown_goes_home_and_is_the_next() {
    let mut town = Town::new();
    town.does(&asking::open_codes("key"));
    town.does(&asking::upload("key", 1, 1));
    town.delivers();
    let (ann, bob) = (rich_in(&mut town, 1), rich_in(&mut town, 3));
    let hers = asking::redeem(&ann, 1, "key", 1);
    let asked = inquiry_of(&town, &hers, 0);
    town.asks(&mut Desk::default(), &asked);
    assert_eq!(town.pool("key"), 0);
    town.delivers();
    assert_eq!(town.pool("key"), 1);
    let his = asking::redeem(&bob, 1, "key", 1);
    let asked = inquiry_of(&town, &his, 0);
    let mut desk = Desk::default();
    town.asks(&mut desk, &asked);
    let letter = town.letters.remove(0);
    assert!(town.takes_in(&letter, Some(&his)).is_some(), "the exchange is made");
    let asked = inquiry_of(&town, &hers, 0);
    let [(_, Reply::SoldOut { remaining, .. })] = town.asks(&mut desk, &asked)[..] else {
        panic!("it isn't sold out")
    };
    assert_eq!(remaining.get(), 0);
}

#[test]
fn stock_is_reduced_limited_and_unlimited_once_every_shelf_is_home() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(80)));
    town.delivers();
    let ann = rich_in(&mut town, 2);
    town.does(&asking::redeem(&ann, 1, "mug", 5));
    town.does_once_home(&asking::remove("mug", 1, 70));
    assert_eq!(town.pool("mug"), 5);
    town.does(&asking::amend("mug", 1, Some(None)));
    town.delivers();
    town.does(&asking::redeem(&ann, 2, "mug", 500));
    town.does_once_home(&asking::amend("mug", 1, Some(Some(600))));
    let shelves = (0..PARTITIONS).filter_map(|number| town.shelf(number, "mug").remaining());
    let on_shelves: u64 = shelves.map(domain::Units::get).sum();
    assert_eq!(town.pool("mug") + on_shelves, 95);
}

#[test]
fn more_may_be_sold_of_what_has_no_end_than_an_amount_can_say() {
    let mut town = Town::new();
    town.does(&asking::open("mug", None));
    town.does(&asking::amend("mug", 0, None));
    town.delivers();
    for partition in [1, 2] {
        let shopper = rich_in(&mut town, partition);
        town.does(&asking::redeem(&shopper, 1, "mug", AMOUNT_MAX));
    }
    town.does(&asking::close("mug"));
    town.delivers();
    town.does(&asking::reopen("mug", 1));
    town.delivers();
    let limit = asking::amend("mug", 0, Some(Some(AMOUNT_MAX)));
    let Ok(Decision::Wait(Wait::Shelves { calls, .. })) = town.decide(&limit) else {
        panic!("it waits for the shelves")
    };
    town.append(limit.partition(PARTITIONS), calls);
    town.delivers();
    assert_eq!(town.decide(&limit).expect_err("more is sold").code(), "stock-sold");
}

#[test]
fn a_close_is_over_when_every_shelf_is_home_and_a_reopening_fills_them() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(80)));
    town.delivers();
    town.does(&asking::close("mug"));
    let offer: OfferId = id("mug");
    let home = offer.home(PARTITIONS);
    let is_over = |town: &Town| {
        town.state(home).offer_home(&offer).is_some_and(|home| home.is_drained(PARTITIONS))
    };
    assert!(!is_over(&town));
    town.delivers();
    assert!(is_over(&town));
    assert_eq!(town.pool("mug"), 80);
    let ann = rich_in(&mut town, 2);
    let refused = town.decide(&asking::redeem(&ann, 1, "mug", 1)).expect_err("it is closed");
    assert_eq!(refused.code(), "offer-not-open");
    town.does(&asking::reopen("mug", 1));
    town.delivers();
    town.does(&asking::redeem(&ann, 1, "mug", 10));
}

#[test]
fn a_pause_a_segment_and_limits_hold_in_every_partition() {
    let mut town = Town::new();
    let of_staff = |segment| asking::for_segment(segment, asking::open("mug", Some(80)));
    town.does(&of_staff(Some("staff")));
    town.delivers();
    let ann = rich_in(&mut town, 2);
    let code =
        |town: &Town, command: &Command| town.decide(command).expect_err("it is refused").code();
    assert_eq!(code(&town, &asking::redeem(&ann, 1, "mug", 1)), "segment-required");
    town.does(&asking::set_segment(&ann, "staff"));
    town.does(&asking::pause("mug"));
    town.delivers();
    assert_eq!(code(&town, &asking::redeem(&ann, 1, "mug", 1)), "offer-not-open");
    town.does(&asking::resume("mug", 1));
    town.delivers();
    town.does(&asking::redeem(&ann, 1, "mug", 2));
    town.does(&asking::amend_limit("mug", 3));
    town.delivers();
    // The limit counts where the account lives, since the offer has it.
    town.does(&asking::redeem(&ann, 2, "mug", 3));
    assert_eq!(code(&town, &asking::redeem(&ann, 3, "mug", 1)), "shopper-limit-reached");
}

#[test]
fn who_would_be_refused_anyway_asks_for_no_units() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(1)));
    town.delivers();
    let poor = living_in(1);
    let refused = town.decide(&asking::redeem(&poor, 1, "mug", 1)).expect_err("unknown");
    assert_eq!(refused.code(), "account-unknown");
    town.does(&asking::amend("mug", 5, None));
    town.delivers();
    town.does(&asking::earn(&poor, UnitId::POINTS, 4, 1));
    let refused = town.decide(&asking::redeem(&poor, 1, "mug", 1)).expect_err("too dear");
    assert_eq!(refused.code(), "insufficient-credit");
}

#[test]
fn a_transfer_is_in_transit_then_received_or_returned() {
    let mut town = Town::new();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    let stranger: AccountId = (0..)
        .map(|number| id::<AccountId>(&format!("stranger-{number}")))
        .find(|name| name.partition(PARTITIONS) == Partition(3))
        .expect("a name");
    let of = |town: &Town, partition: u16, number: u64| {
        let transfer: TransferId = id(&format!("t-{number}"));
        town.state(Partition(partition)).transfer_status(&ann, &transfer)
    };
    town.does(&asking::transfer(&ann, &bob, UnitId::POINTS, 100, 1));
    assert_eq!(of(&town, 0, 1), Some(TransferStatus::InTransit));
    assert_eq!(of(&town, 3, 1), None);
    town.delivers();
    assert_eq!(of(&town, 3, 1), Some(TransferStatus::Received));
    town.does(&asking::transfer(&ann, &stranger, UnitId::POINTS, 100, 2));
    town.delivers();
    assert_eq!(of(&town, 0, 2), Some(TransferStatus::Returned));
    let available = |partition: u16, who: &AccountId| {
        let account = town.state(Partition(partition)).account(who).expect("an account");
        account.wallet(domain::UnitNumber::POINTS).available()
    };
    assert_eq!((available(0, &ann), available(3, &bob)), (points(900), points(1_100)));
    let again = asking::transfer(&ann, &stranger, UnitId::POINTS, 100, 2);
    assert!(matches!(town.decide(&again), Ok(Decision::Repeat(_))), "its id stays used");
}

#[test]
fn credit_brings_its_unit_to_where_nobody_knows_it_yet() {
    let mut town = Town::new();
    let (ann, bob) = (rich_in(&mut town, 1), rich_in(&mut town, 3));
    let miles: UnitId = id("miles");
    town.does(&asking::make_unit(miles));
    // Ann's partition hears of miles, and Bob's doesn't yet.
    let told = town.letters.iter().position(|letter| letter.to == Partition(1)).expect("told");
    let letter = town.letters.remove(told);
    town.takes_in(&letter, None);
    let to_bobs: Vec<Letter> = town.letters.extract_if(.., |it| it.to == Partition(3)).collect();
    town.does(&asking::earn(&ann, miles, 7, 2));
    town.does(&asking::transfer(&ann, &bob, miles, 7, 1));
    town.delivers();
    let bobs = town.state(Partition(3));
    let number = bobs.unit_number(miles).expect("it is known now");
    assert_eq!(bobs.account(&bob).expect("bob").wallet(number).available(), points(7));
    town.letters.extend(to_bobs);
    town.delivers();
}

#[test]
fn credit_of_a_closed_unit_closes_it_nowhere() {
    let mut town = Town::new();
    let (ann, bob) = (rich_in(&mut town, 1), rich_in(&mut town, 3));
    let miles: UnitId = id("miles");
    town.does(&asking::make_unit(miles));
    // What was set of miles before they were closed may reach Bob's partition late.
    let mut late: Vec<Letter> = town.letters.extract_if(.., |it| it.to == Partition(3)).collect();
    town.delivers();
    town.does(&asking::earn(&ann, miles, 7, 2));
    town.does(&asking::close_unit(miles));
    late.extend(town.letters.extract_if(.., |it| it.to == Partition(3)));
    town.delivers();
    town.does(&asking::transfer(&ann, &bob, miles, 7, 1));
    town.delivers();
    let is_closed = |town: &Town| {
        let unit = town.state(Partition(3)).unit(miles).expect("credit has told it");
        unit.closed_at.is_some()
    };
    assert!(!is_closed(&town));
    town.letters.extend(late);
    town.delivers();
    assert!(is_closed(&town));
}

#[test]
fn what_an_operator_chooses_reaches_every_partition() {
    let mut town = Town::new();
    town.does(&asking::policy(7));
    let has_it = |town: &Town| {
        let sent = |to| town.state(Partition(0)).sent_to(Partition(to));
        let has =
            |to: &u16| town.state(Partition(*to)).received_from(Partition(0)).number >= sent(*to);
        (1..PARTITIONS).filter(has).count()
    };
    assert_eq!(has_it(&town), 0);
    town.delivers();
    assert_eq!(has_it(&town), 3);
    assert!((0..PARTITIONS).all(|to| town.state(Partition(to)).policy_version() == 1));
}

#[test]
fn a_gap_a_repeat_a_fork_and_a_stray_message_are_told_apart() {
    let mut town = Town::new();
    town.does(&asking::policy(7));
    town.does(&asking::policy(8));
    let to_last = |letter: &&Letter| letter.to == Partition(3);
    let letters: Vec<Letter> = town.letters.iter().filter(to_last).cloned().collect();
    let [first, second] = &letters[..] else { panic!("two messages") };
    let (from, now) = (Partition(0), town.now);
    let received = |town: &Town, letter: &Letter| {
        receive(town.state(Partition(3)), letter, None, now).map(|receipt| receipt.events.len())
    };
    let gap = Undelivered::Gap { from, expected: 1, found: 2 };
    assert_eq!(received(&town, second), Err(gap));
    town.takes_in(first, None);
    assert_eq!(received(&town, first), Err(Undelivered::Repeat { from, number: 1 }));
    let mut other = first.clone();
    other.source.checksum = Checksum([1; 32]);
    assert_eq!(received(&town, &other), Err(Undelivered::Forked { from, number: 1 }));
    let mut rewritten = second.clone();
    rewritten.source.position = first.source.position;
    assert_eq!(received(&town, &rewritten), Err(Undelivered::Forked { from, number: 2 }));
    let stray = Letter { to: Partition(1), ..second.clone() };
    let (to, here) = (Partition(1), Partition(3));
    assert_eq!(received(&town, &stray), Err(Undelivered::Misdirected { to, here }));
    assert_eq!(received(&town, second), Ok(1));
    assert!(Undelivered::Forked { from, number: 2 }.to_string().starts_with("log-forked"));
}

#[test]
fn a_message_is_received_no_earlier_than_it_was_sent() {
    let mut town = Town::new();
    town.does(&asking::policy(7));
    let mut letter = town.letters.remove(0);
    letter.source.sent_at = Timestamp::from_micros(9_000_000).expect("a time");
    let receipt = receive(town.state(letter.to), &letter, None, town.now).expect("the next");
    assert_eq!(receipt.recorded_at, letter.source.sent_at);
}

#[test]
fn one_partition_tells_nobody_and_waits_for_nobody() {
    let mut state = State::new(Partition(0));
    let now = Timestamp::from_micros(1).expect("a time");
    let opened =
        domain::LogOpened { log_id: "log".into(), partitions: 1, clock: domain::Clock::Wall };
    state.evolve(Position(1), now, &Event::LogOpened(opened)).expect("opened");
    let ann = living_in(0);
    for command in [
        asking::open("mug", Some(1)),
        asking::earn(&ann, UnitId::POINTS, 10, 1),
        asking::policy(7),
        asking::redeem(&ann, 1, "mug", 1),
    ] {
        let Ok(Decision::Record { events, .. }) = decide(&state, &command, now) else {
            panic!("recorded")
        };
        for event in events {
            assert!(!matches!(event, Event::MessageSent(_)), "{event:?}");
            let at = state.position().next();
            state.evolve(at, now, &event).expect("it follows");
        }
    }
    let refused = decide(&state, &asking::redeem(&ann, 2, "mug", 1), now).expect_err("none left");
    assert_eq!(refused.code(), "sold-out");
    assert_eq!(state.offer_home(&id("mug")), None);
}

#[test]
fn commands_wait_in_their_order_up_to_a_bound() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(1)));
    town.delivers();
    let ann = rich_in(&mut town, 1);
    let mut parked = Parked::default();
    let park = |parked: &mut Parked<i64>, number: u64, deadline: i64| {
        let command = asking::redeem(&ann, number, "mug", 1);
        let Ok(Decision::Wait(Wait::Units(ask))) = town.decide(&command) else { panic!("waits") };
        parked.park(ParkedCommand { command: deadline, ask })
    };
    assert_eq!(park(&mut parked, 1, 50), Ok(()));
    assert_eq!(park(&mut parked, 1, 50), Err(NotParked::AlreadyWaits));
    assert_eq!(park(&mut parked, 2, 10), Ok(()));
    let state = town.state(Partition(1));
    let [(home, inquiry)] = &parked.inquiries(state, |_| true)[..] else { panic!("one offer") };
    assert_eq!((*home, inquiry.waiting.len()), (id::<OfferId>("mug").home(PARTITIONS), 2));
    let gone = parked.take_where(|it| it.command <= 10);
    assert_eq!((gone.len(), parked.len()), (1, 1));
    for number in 3..3 + PARKED_MAX as u64 - 1 {
        assert_eq!(park(&mut parked, number, 50), Ok(()));
    }
    assert_eq!(park(&mut parked, 1_000_000, 50), Err(NotParked::Full));
    // One inquiry after the other asks for all of them, and then for the first again.
    let mut asked = || {
        let mut inquiries = parked.inquiries(state, |_| true);
        let waiting = inquiries.remove(0).1.waiting;
        waiting.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    let first = asked();
    assert_eq!(first.len(), INQUIRY_EXCHANGES_MAX);
    let mut all: HashSet<_> = first.iter().cloned().collect();
    (1..PARKED_MAX / INQUIRY_EXCHANGES_MAX).for_each(|_| all.extend(asked()));
    assert_eq!((all.len(), asked()), (PARKED_MAX, first));
    assert_eq!(parked.take_all(&id("mug")).len(), PARKED_MAX);
    assert!(parked.is_empty());
}

#[test]
fn that_an_offer_is_sold_out_is_believed_for_a_moment_and_newer_news_count() {
    let mug: OfferId = id("mug");
    let at = |micros| Timestamp::from_micros(micros).expect("a time");
    let said = |left: u64, at: u64| Reply::SoldOut {
        remaining: domain::Units::sum_of(left).expect("an amount"),
        at: Position(at),
    };
    let mut gates = Gates::default();
    assert_eq!(gates.refusal(&mug, units(1), at(5)), None);
    gates.hear(&mug, said(1, 7), at(5));
    gates.hear(&mug, said(0, 6), at(6));
    assert_eq!(gates.refusal(&mug, units(1), at(6)), None, "one is left");
    let refused = gates.refusal(&mug, units(2), at(6)).map(|refusal| refusal.code());
    assert_eq!(refused, Some("sold-out"));
    assert_eq!(gates.refusal(&mug, units(2), at(5 + GATE_BELIEVED_MICROS)), None);
    gates.open(&mug, Position(9));
    assert_eq!(gates.refusal(&mug, units(2), at(6)), None);
    gates.hear(&mug, said(0, 8), at(6));
    assert_eq!(
        gates.refusal(&mug, units(2), at(6)),
        None,
        "it was said before the units were sent"
    );
    gates.hear(&mug, said(0, 10), at(6));
    assert!(gates.refusal(&mug, units(2), at(6)).is_some());
}

#[test]
fn every_message_is_decided_on_though_nobody_waits() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(2)));
    let kinds: Vec<bool> = town
        .letters
        .iter()
        .map(|it| matches!(it.message, Message::OfferShared(_) | Message::ShelfCalledBack(_)))
        .collect();
    assert_eq!(kinds, vec![true; 7], "three are told of it, and four shelves are called back");
    town.delivers();
    assert_eq!(town.pool("mug"), 2);
}
