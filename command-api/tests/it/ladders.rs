//! What the writer promises about ladders: tiers end, and amendments give tiers, though nobody
//! asks, and whoever asks meanwhile is answered by the present terms.

use std::time::{Duration, Instant};

use command_api::{Answer, Request};
use domain::command::{EarnCredit, ExpectedVersion, HoldCredit, SetLadder};
use domain::{
    Cause, CauseKind, Clock, Command, Downgrade, Event, LadderTerms, Level, Points, Returns, State,
    TierId, UnitId, Window, YearFrom,
};

use crate::ledger::*;

const SHOPPERS: usize = 3_000;

/// How much of what is due is recorded at most while a command waits: a portion of the idle writer,
/// and one with the command before.
const PORTION_MAX: usize = 1_024 + 64;

/// How many tiers end in one second; `GUERDON_TIERS` says more.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn tiers() -> usize {
    std::env::var("GUERDON_TIERS").ok().and_then(|it| it.parse().ok()).unwrap_or(SHOPPERS)
}
const SOON: Duration = Duration::from_secs(20);
/// The first of January 1971, in seconds.
const NEW_YEAR: i64 = 365 * 24 * 60 * 60;

#[tokio::test]
async fn tiers_that_end_in_the_same_second_end_though_nobody_asks_and_commands_are_answered() {
    let hands = Hands::at(NEW_YEAR - 1_000);
    let ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(ladder(1_000, ExpectedVersion::Absent)).await;
    let shoppers: Vec<usize> = (0..tiers()).collect();
    for together in shoppers.chunks(256) {
        let earning = together.iter().map(|shopper| earns(&numbered(*shopper), "B-1", 1_000));
        futures_util::future::join_all(earning.map(|request| ledger.recorded(request))).await;
    }
    ledger.recorded(earns("ann", "B-1", 900)).await;
    assert_eq!(ledger.count(is_lapsed).await, 0);
    hands.pass(1_000);
    let (begun, mut longest) = (Instant::now(), Duration::ZERO);
    for hold in 0..200 {
        let asked = Instant::now();
        ledger.recorded(holds("ann", &format!("h-{hold}"), NEW_YEAR + 100)).await;
        longest = longest.max(asked.elapsed());
    }
    assert!(begun.elapsed() < SOON, "200 commands took {:?}", begun.elapsed());
    println!("200 commands took {:?}, the longest of them {longest:?}", begun.elapsed());
    ledger.until(tiers(), is_lapsed).await;
    let between = ledger.longest_portion(is_lapsed).await;
    assert!(between <= PORTION_MAX, "{between} tiers ended between two commands");
    println!("{} tiers had ended after {:?}", tiers(), begun.elapsed());
    ledger.replays().await;
}

#[tokio::test]
async fn an_amendment_gives_its_tiers_in_the_background_and_before_the_next_decision() {
    let hands = Hands::at(1_000);
    let ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(ladder(1_000, ExpectedVersion::Absent)).await;
    // More than are looked at in one portion, and among them some who get nothing.
    for shopper in 0..SHOPPERS {
        let points = if shopper % 3 == 0 { 100 } else { 800 };
        ledger.recorded(earns(&numbered(shopper), "B-1", points)).await;
    }
    ledger.recorded(ladder(500, ExpectedVersion::Any)).await;
    // The last of them is judged before its command, wherever the portions are by then.
    let last = numbered(SHOPPERS - 1);
    let answer = ledger.asks(holds(&last, "h-1", 2_000)).await.expect("it is answered");
    assert!(matches!(answer, Answer::Recorded { .. }), "{answer:?}");
    let of_last: Vec<String> = ledger
        .events()
        .await
        .into_iter()
        .filter(|(_, event)| event.account_id().is_some_and(|it| it.as_str() == last))
        .map(|(_, event)| format!("{event:?}").chars().take_while(|it| *it != '(').collect())
        .collect();
    assert_eq!(of_last, ["CreditEarned", "TierReached", "CreditHeld"]);
    ledger.until(SHOPPERS - SHOPPERS / 3, is_reached).await;
    ledger.replays().await;
}

#[tokio::test]
async fn an_amendment_goes_on_after_a_restart_and_gives_everybody_once() {
    let hands = Hands::at(1_000);
    let mut ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(ladder(1_000, ExpectedVersion::Absent)).await;
    for shopper in 0..SHOPPERS {
        ledger.recorded(earns(&numbered(shopper), "B-1", 800)).await;
    }
    ledger.recorded(ladder(500, ExpectedVersion::Any)).await;
    ledger.restart().await;
    ledger.until(SHOPPERS, is_reached).await;
    ledger.restart().await;
    ledger.recorded(earns("ann", "B-1", 5)).await;
    assert_eq!(ledger.count(is_reached).await, SHOPPERS);
    ledger.replays().await;
}

#[tokio::test]
async fn by_the_commands_clock_an_amendment_gives_its_tiers_at_once_too() {
    let hands = Hands::at(NEW_YEAR);
    let ledger = Ledger::with_clock(Some(Clock::Commands), &hands).await;
    ledger.recorded(ladder(1_000, ExpectedVersion::Absent)).await;
    for shopper in 0..100 {
        ledger.recorded(earns(&numbered(shopper), "B-1", 800)).await;
    }
    ledger.recorded(ladder(500, ExpectedVersion::Any)).await;
    ledger.until(100, is_reached).await;
    ledger.replays().await;
}

fn is_lapsed(event: &Event) -> bool {
    matches!(event, Event::TierLapsed(..))
}

fn is_reached(event: &Event) -> bool {
    matches!(event, Event::TierReached(..))
}

impl Ledger {
    /// Its log is a history that there can be: each tier follows from what was counted (I16).
    async fn replays(&self) {
        let mut replayed = State::new(P0);
        for (recorded_at, event) in self.events().await {
            let next = replayed.position().next();
            replayed.evolve(next, recorded_at, &event).expect("possible");
        }
    }

    async fn count(&self, is_it: fn(&Event) -> bool) -> usize {
        self.events().await.iter().filter(|(_, event)| is_it(event)).count()
    }

    /// How many of these events stand between two commands at most, while commands come.
    async fn longest_portion(&self, is_it: fn(&Event) -> bool) -> usize {
        let events = self.events().await;
        let is_hold = |(_, event): &(_, Event)| matches!(event, Event::CreditHeld(..));
        let asked: Vec<usize> =
            (0..events.len()).filter(|index| is_hold(&events[*index])).collect();
        let portions = asked
            .windows(2)
            .map(|pair| events[pair[0]..pair[1]].iter().filter(|(_, event)| is_it(event)).count());
        portions.max().expect("two commands")
    }

    /// Waits until there are so many of these events.
    async fn until(&self, count: usize, is_it: fn(&Event) -> bool) {
        let begun = Instant::now();
        while self.count(is_it).await < count {
            assert!(begun.elapsed() < SOON, "{} of {count}", self.count(is_it).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(self.count(is_it).await, count);
    }
}

/// One level, by calendar years.
fn ladder(silver: u64, expected: ExpectedVersion) -> Request {
    let tier: TierId = id("silver");
    let level = Level { tier, from: Points::new(silver).expect("an amount") };
    let window = Window::Years {
        from: YearFrom::JANUARY,
        years: 0.try_into().expect("years"),
        months: 0.try_into().expect("months"),
    };
    let terms = LadderTerms {
        unit: UnitId::POINTS,
        levels: vec![level].try_into().expect("levels"),
        window,
        downgrade: Downgrade::ByCount,
        returns: Returns::Recount,
        adjustments: false,
    };
    request(Command::SetLadder(SetLadder { ladder: id("status"), terms, expected }))
}

fn earns(account: &str, basket: &str, points: u64) -> Request {
    request(Command::EarnCredit(EarnCredit {
        account_id: id(account),
        unit: UnitId::POINTS,
        points: Points::new(points).expect("an amount"),
        cause: Cause { kind: CauseKind::Review, id: id(basket) },
        available_at: None,
        expires_at: None,
        occurred_at: None,
    }))
}

/// A point, until a time.
fn holds(account: &str, hold: &str, deadline: i64) -> Request {
    request(Command::HoldCredit(HoldCredit {
        account_id: id(account),
        hold_id: id(hold),
        unit: UnitId::POINTS,
        points: Points::new(1).expect("an amount"),
        deadline: time(deadline),
        occurred_at: None,
    }))
}
