//! What the writer promises about time: a clock that can't be right decides nothing, and what falls
//! due is recorded whether or not anybody asks.

use std::time::Duration;

use command_api::{Answer, NotDecided, Request, StartError, Unanswered, Writer, WriterStatus};
use domain::command::{ConfirmClock, EarnCredit, JoinWaitingList};
use domain::{
    AccountId, Cause, CauseKind, Clock, Command, Event, Points, Refusal, SwitchName, SwitchSetting,
    Timestamp,
};
use event_store::Fault;
use log_record::Position;
use wire::TurnedSwitch;

use crate::ledger::*;

const DAY: i64 = 24 * 60 * 60;

#[tokio::test]
async fn time_that_passes_as_it_should_is_no_jump() {
    let hands = Hands::at(1_000);
    let ledger = Ledger::with_clock(None, &hands).await;
    for round in 0..5 {
        ledger.recorded(earns("ann", &format!("B-{round}"), None)).await;
        // Asleep for a day, as a machine that was suspended; the time since its start counts it.
        hands.pass(DAY);
    }
    let times: Vec<_> = ledger.events().await.into_iter().map(|(time, _)| time).collect();
    assert_eq!(times.last(), Some(&time(1_000 + 4 * DAY)));
}

#[tokio::test]
async fn a_clock_that_jumps_decides_nothing_until_it_is_confirmed() {
    for jump in [-6, 6, DAY] {
        let hands = Hands::at(10 * DAY);
        let ledger = Ledger::with_clock(None, &hands).await;
        ledger.recorded(earns("ann", "B-1", None)).await;
        hands.jump(jump);
        let unanswered = ledger.asks(earns("ann", "B-2", None)).await.err();
        let unconfirmed = Some(Unanswered::NotDecided(NotDecided::ClockUnconfirmed));
        assert_eq!(unanswered, unconfirmed, "a jump of {jump} s");
        let status = ledger.writer.status().borrow().clone();
        let WriterStatus::ClockUnconfirmed(why) = status else { panic!("{status:?}") };
        assert!(why.to_string().contains("jumped"), "{why}");
        ledger.recorded(confirmation(10 * DAY + jump)).await;
        assert_eq!(*ledger.writer.status().borrow(), WriterStatus::Serving);
        ledger.recorded(earns("ann", "B-2", None)).await;
        let times: Vec<_> = ledger.events().await.into_iter().map(|(time, _)| time).collect();
        assert!(times.is_sorted(), "{times:?}");
    }
}

#[tokio::test]
async fn a_restart_does_not_take_an_operators_place() {
    let hands = Hands::at(10 * DAY);
    let mut ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(earns("ann", "B-1", Some(12 * DAY))).await;
    hands.jump(20 * DAY);
    for _ in 0..2 {
        let unanswered = ledger.asks(earns("ann", "B-2", None)).await.err();
        assert_eq!(unanswered, Some(Unanswered::NotDecided(NotDecided::ClockUnconfirmed)));
        ledger.restart().await;
    }
    assert_eq!(ledger.expired().await, 0);
    let doubts = ledger.events().await.into_iter();
    let doubts = doubts.filter(|(_, event)| matches!(event, Event::ClockDoubted(_)));
    assert_eq!(doubts.map(|(time, _)| time).collect::<Vec<_>>(), [time(10 * DAY)]);
    ledger.recorded(confirmation(30 * DAY)).await;
    ledger.recorded(earns("ann", "B-2", None)).await;
    assert_eq!(ledger.expired().await, 1);
}

#[tokio::test]
async fn a_confirmation_that_does_not_land_lifts_no_doubt() {
    let hands = Hands::at(10 * DAY);
    let mut ledger = Ledger::with_clock(None, &hands).await;
    ledger.config.deadline = Duration::from_millis(200);
    ledger.restart().await;
    ledger.recorded(earns("ann", "B-1", None)).await;
    hands.jump(DAY);
    let unconfirmed = Some(Unanswered::NotDecided(NotDecided::ClockUnconfirmed));
    assert_eq!(ledger.asks(earns("ann", "B-2", None)).await.err(), unconfirmed);
    ledger.store.hold_appends();
    ledger.store.fail_next_append(Fault::NotLanded);
    let lost = ledger.asks(confirmation(11 * DAY)).await.err();
    assert_eq!(lost, Some(Unanswered::OutcomeUnknown));
    ledger.store.release_appends();
    assert_eq!(ledger.asks(earns("ann", "B-2", None)).await.err(), unconfirmed);
    let status = ledger.writer.status().borrow().clone();
    assert!(matches!(status, WriterStatus::ClockUnconfirmed(_)), "{status:?}");
    ledger.recorded(confirmation(11 * DAY)).await;
    ledger.recorded(earns("ann", "B-2", None)).await;
}

#[tokio::test]
async fn a_start_by_a_doubted_clock_records_the_doubt_before_anybody_asks() {
    let hands = Hands::at(10 * DAY);
    let mut ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(earns("ann", "B-1", Some(12 * DAY))).await;
    hands.jump(400 * DAY);
    ledger.restart().await;
    let last = ledger.events().await.pop();
    assert!(matches!(last, Some((at, Event::ClockDoubted(_))) if at == time(10 * DAY)), "{last:?}");
}

#[tokio::test]
async fn a_clock_that_jumps_is_doubted_though_nobody_asks() {
    let hands = Hands::at(10 * DAY);
    let ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(earns("ann", "B-1", None)).await;
    hands.jump(DAY);
    let mut status = ledger.writer.status();
    let doubts = status.wait_for(|status| matches!(status, WriterStatus::ClockUnconfirmed(_)));
    let doubted = tokio::time::timeout(Duration::from_secs(10), doubts).await;
    drop(doubted.expect("it looks at the clock").expect("it runs"));
    let mut follower = ledger.config.store.follow(P0, Position(2)).expect("a partition");
    let rows = follower.next(1).await.expect("read");
    let row = rows.first().expect("a row");
    assert_eq!(&*row.event_type, "clock-doubted");
}

/// The jump is noticed when the append lands that somebody's lock held up.
#[tokio::test]
async fn a_clock_that_jumps_while_the_log_is_locked_is_doubted_though_nobody_asks() {
    let hands = Hands::at(10 * DAY);
    let ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(earns("ann", "B-1", Some(11 * DAY))).await;
    let mut status = ledger.writer.status();
    ledger.store.lock();
    hands.pass(DAY);
    let waits = status.wait_for(|status| *status == WriterStatus::Recovering).await;
    drop(waits.expect("what has expired is to be recorded"));
    hands.jump(DAY);
    ledger.store.unlock();
    let mut follower = ledger.config.store.follow(P0, Position(3)).expect("a partition");
    let followed = tokio::time::timeout(Duration::from_secs(10), follower.next(1)).await;
    let rows = followed.expect("it is recorded").expect("read");
    let row = rows.first().expect("a row");
    assert_eq!(&*row.event_type, "clock-doubted");
}

#[tokio::test]
async fn a_confirmation_lifts_no_doubt_about_a_jump_that_came_after_the_operator_looked() {
    let hands = Hands::at(10 * DAY);
    let ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(earns("ann", "B-1", None)).await;
    hands.jump(DAY);
    let unconfirmed = Some(Unanswered::NotDecided(NotDecided::ClockUnconfirmed));
    assert_eq!(ledger.asks(earns("ann", "B-2", None)).await.err(), unconfirmed);
    hands.jump(DAY);
    assert_eq!(ledger.asks(confirmation(11 * DAY)).await.err(), unconfirmed);
    assert_eq!(ledger.asks(earns("ann", "B-2", None)).await.err(), unconfirmed);
    ledger.recorded(confirmation(12 * DAY)).await;
    ledger.recorded(earns("ann", "B-2", None)).await;
}

#[tokio::test]
async fn a_clock_that_is_corrected_by_less_goes_on() {
    let hands = Hands::at(10 * DAY);
    let ledger = Ledger::with_clock(None, &hands).await;
    for (round, jump) in [4, -4, 4, -4].into_iter().enumerate() {
        hands.jump(jump);
        ledger.recorded(earns("ann", &format!("B-{round}"), None)).await;
    }
}

#[tokio::test]
async fn a_start_before_the_last_event_or_long_after_it_asks_first() {
    for (away, is_trusted) in
        [(-6, false), (-5, true), (0, true), (30 * DAY, true), (30 * DAY + 1, false)]
    {
        let hands = Hands::at(100 * DAY);
        let mut ledger = Ledger::with_clock(None, &hands).await;
        ledger.recorded(earns("ann", "B-1", None)).await;
        hands.jump(away);
        ledger.restart().await;
        let answer = ledger.asks(earns("ann", "B-2", None)).await;
        assert_eq!(answer.is_ok(), is_trusted, "{away} s away: {answer:?}");
        ledger.recorded(confirmation(100 * DAY + away)).await;
        ledger.recorded(earns("ann", "B-3", None)).await;
    }
}

#[tokio::test]
async fn a_log_keeps_the_clock_that_it_was_opened_with() {
    let hands = Hands::at(1_000);
    let ledger = Ledger::with_clock(Some(Clock::Commands), &hands).await;
    let mut config = ledger.config.clone();
    drop(ledger);
    config.clock = None;
    drop(Writer::start(config.clone(), P0).await.expect("as it was opened"));
    config.clock = Some(Clock::Wall);
    let error = Writer::start(config, P0).await.expect_err("another clock");
    assert!(matches!(error, StartError::OtherClock { .. }), "{error}");
}

#[tokio::test]
async fn by_the_commands_clock_time_is_what_they_say_and_never_goes_back() {
    let hands = Hands::at(1_000);
    let ledger = Ledger::with_clock(Some(Clock::Commands), &hands).await;
    for (basket, said) in [("B-1", Some(50)), ("B-2", Some(40)), ("B-3", None), ("B-4", Some(60))] {
        ledger.recorded(earns_at(said, "ann", basket, None)).await;
    }
    let times: Vec<_> = ledger.events().await.into_iter().map(|(time, _)| time).collect();
    assert_eq!(times, [0, 50, 50, 50, 60].map(time));
}

#[tokio::test]
async fn one_wrong_year_does_not_let_all_credit_expire() {
    let hands = Hands::at(1_000);
    let ledger = Ledger::with_clock(Some(Clock::Commands), &hands).await;
    ledger.recorded(earns("ann", "B-1", Some(2_000))).await;
    let of_2207 = 7_479_000_000;
    for said in [of_2207, 1_061] {
        let answer = ledger.asks(earns_at(Some(said), "bob", "B-2", None)).await;
        let Ok(Answer::Refused(Refusal::TimeAhead { wall })) = answer else { panic!("{answer:?}") };
        assert_eq!(wall, time(1_000));
    }
    ledger.recorded(earns_at(Some(1_060), "bob", "B-2", None)).await;
    assert_eq!(ledger.expired().await, 0);
    // What was recorded is repeated, whatever the wall clock says by then.
    hands.jump(-500);
    let repeat = ledger.asks(earns_at(Some(1_060), "bob", "B-2", None)).await;
    assert!(matches!(repeat, Ok(Answer::Repeat { .. })), "{repeat:?}");
}

#[tokio::test]
async fn what_falls_due_is_recorded_though_nobody_asks() {
    let hands = Hands::at(1_000);
    let ledger = Ledger::with_clock(None, &hands).await;
    ledger.recorded(open("mug", None)).await;
    for shopper in 0..3_000 {
        ledger.recorded(earns(&numbered(shopper), "B-1", Some(2_000))).await;
    }
    hands.pass(999);
    ledger.recorded(earns("ann", "B-1", None)).await;
    assert_eq!(ledger.expired().await, 0);
    hands.pass(1);
    ledger.until_expired(3_000, Duration::from_secs(10)).await;
    ledger.agrees_with_its_log().await;
}

#[tokio::test]
async fn after_a_long_stop_each_account_falls_due_in_order_of_time() {
    let hands = Hands::at(1_000);
    let mut ledger = Ledger::with_clock(None, &hands).await;
    for (basket, expires) in [("B-3", 3_000), ("B-1", 1_500), ("B-2", 2_000)] {
        ledger.recorded(earns("ann", basket, Some(expires))).await;
    }
    hands.pass(DAY);
    ledger.restart().await;
    ledger.until_expired(3, Duration::from_secs(10)).await;
    let lots: Vec<u64> = ledger
        .events()
        .await
        .into_iter()
        .filter_map(|(_, event)| match event {
            Event::CreditExpired(_, fact) => Some(fact.lots),
            _ => None,
        })
        .flatten()
        .map(|part| part.lot.place().position().0)
        .collect();
    assert_eq!(lots, [3, 4, 2]);
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_and_records_nothing() {
    let ledger = Ledger::start().await;
    let before = ledger.events().await.len();
    let dry = |request: Request| Request { is_dry_run: true, ..request };
    let answer = ledger.asks(dry(redeem("ann", "x-1", "mug"))).await;
    let Ok(Answer::Preview(preview)) = answer else { panic!("{answer:?}") };
    let unsupported = ledger.asks(dry(earn("cyd"))).await;
    assert!(matches!(unsupported, Ok(Answer::Refused(Refusal::DryRunUnsupported))));
    let [cost] = &preview.costs[..] else { panic!("{preview:?}") };
    assert_eq!(cost.points.get(), 300);
    assert_eq!(cost.available.get() - cost.available_after.get(), 300);
    assert_eq!(cost.lots.len(), 1);
    let refused = ledger.asks(dry(redeem("nobody", "x-1", "mug"))).await;
    assert!(matches!(refused, Ok(Answer::Refused(_))), "{refused:?}");
    assert_eq!(ledger.events().await.len(), before);
    ledger.recorded(redeem("ann", "x-1", "mug")).await;
    let repeat = ledger.asks(dry(redeem("ann", "x-1", "mug"))).await;
    assert!(matches!(repeat, Ok(Answer::Repeat { .. })), "{repeat:?}");
}

#[tokio::test]
async fn a_unit_that_is_kept_does_not_lapse_while_redemptions_are_paused() {
    const HALF_AN_HOUR: i64 = 30 * 60;
    let hands = Hands::at(10 * DAY);
    let ledger = Ledger::with_clock(None, &hands).await;
    let turns = |version, on| {
        let switch = SwitchName::PauseRedemptions;
        let setting = SwitchSetting { on, percent: None, until: None };
        ledger.config.switches.tell(TurnedSwitch { switch, version, setting });
    };
    ledger.recorded(open("rare", Some(1))).await;
    for account in ["ann", "bob"] {
        ledger.recorded(earn(account)).await;
    }
    ledger.recorded(redeem("ann", "x-1", "rare")).await;
    let waits = Command::JoinWaitingList(JoinWaitingList {
        account_id: id("bob"),
        wait_id: id("w-1"),
        offer_id: id("rare"),
        occurred_at: None,
        admission: None,
    });
    ledger.recorded(request(waits)).await;
    ledger.recorded(add_stock("rare", 1)).await;
    turns(1, true);
    hands.pass(DAY - HALF_AN_HOUR);
    // What is due is recorded with it.
    ledger.recorded(earn("cid")).await;
    hands.pass(2 * HALF_AN_HOUR);
    turns(2, false);
    ledger.recorded(redeem("bob", "x-1", "rare")).await;
    let kept = ledger.events().await.into_iter();
    let kept = kept.filter(|(_, event)| matches!(event, Event::WaitServed(_, it) if it.again));
    assert_eq!(kept.count(), 1);
}

fn earns(account: &str, basket: &str, expires: Option<i64>) -> Request {
    earns_at(None, account, basket, expires)
}

fn earns_at(said: Option<i64>, account: &str, basket: &str, expires: Option<i64>) -> Request {
    request(Command::EarnCredit(EarnCredit {
        unit: domain::UnitId::POINTS,
        account_id: id::<AccountId>(account),
        points: Points::new(100).expect("an amount"),
        cause: Cause { kind: CauseKind::Purchase, id: id(basket) },
        available_at: None,
        expires_at: expires.map(time),
        occurred_at: said.map(time),
    }))
}

fn confirmation(seconds: i64) -> Request {
    let wall: Timestamp = time(seconds);
    request(Command::ConfirmClock(ConfirmClock { wall }))
}
