//! Many partitions in one process: units, credit and the programme's changes go between their
//! writers, which are killed and stopped meanwhile.

mod town;

use std::time::Duration;

use command_api::{
    Answer, ClockDoubt, Spread, StartError, Writer, WriterConfig, WriterStatus, Writers,
};
use domain::command::{CloseOffer, ConfirmClock, RemoveStock};
use domain::{AccountId, Clock, Command, OfferId, Refusal, TransferStatus, Units};
use event_store::{Append, EventStore, MemoryStore, NewLog};
use log_record::{LogId, Partition, Position, WriterId};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ledger::*;
use town::{PARTITIONS, TOO_LATE, Town, cancel, living_in, policy, transfer};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_sold_to_its_last_unit_and_then_everybody_hears_that_it_is_sold_out() {
    for town in Town::each(SOON).await {
        town.recorded(open("mug", Some(50))).await;
        let shoppers: Vec<String> = (0..90).map(numbered).collect();
        for shopper in &shoppers {
            town.recorded(earn(shopper)).await;
        }
        // Who hears that it is sold out while a unit is on its way back may ask again.
        let (mut accepted, mut others) = (vec![], shoppers);
        for _ in 0..20 {
            let mut asked = JoinSet::new();
            for shopper in std::mem::take(&mut others) {
                let writers = town.writers.clone();
                asked.spawn(async move {
                    let answer = writers.submit(redeem(&shopper, &shopper, "mug")).await;
                    (shopper, answer)
                });
            }
            while let Some(Ok((shopper, answer))) = asked.join_next().await {
                match answer {
                    Ok(Answer::Recorded { .. }) => accepted.push(shopper),
                    Ok(Answer::Refused(Refusal::SoldOut { .. })) => others.push(shopper),
                    other => panic!("{shopper}: {other:?}"),
                }
            }
            if accepted.len() == 50 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(accepted.len(), 50);
        let (units, exchanges) = town.sold("mug").await;
        assert_eq!((units, exchanges.len()), (50, 50));
        // Whoever has it has it, also where it is known to be sold out.
        for shopper in &accepted {
            let again = town.asks(redeem(shopper, shopper, "mug")).await;
            assert!(matches!(again, Ok(Answer::Repeat { .. })), "{again:?}");
        }
        // What comes back is sold once it is home.
        Town::has_recorded(&town.asks(cancel(&accepted[0], &accepted[0])).await);
        loop {
            match town.asks(redeem(&others[0], "x-late", "mug")).await {
                Ok(Answer::Recorded { .. }) => break,
                Ok(Answer::Refused(Refusal::SoldOut { .. })) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(town.sold("mug").await.0, 50);
        town.states().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_is_sold_exactly_though_the_writers_are_killed_in_the_middle() {
    let (mut town, _) = Town::in_memory(SOON).await;
    town.recorded(open("mug", Some(60))).await;
    for shopper in 0..90 {
        town.recorded(earn(&numbered(shopper))).await;
    }
    for _ in 0..4 {
        let mut asked = JoinSet::new();
        for shopper in (0..90).map(numbered) {
            let writers = town.writers.clone();
            asked.spawn(async move { writers.submit(redeem(&shopper, &shopper, "mug")).await });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        town.kill_and_restart().await;
        asked.join_all().await;
    }
    let mut sold = 0;
    for _ in 0..20 {
        sold = 0;
        for shopper in (0..90).map(numbered) {
            match town.asks(redeem(&shopper, &shopper, "mug")).await {
                Ok(Answer::Recorded { .. } | Answer::Repeat { .. }) => sold += 1,
                Ok(Answer::Refused(Refusal::SoldOut { .. })) => {}
                other => panic!("{shopper}: {other:?}"),
            }
        }
        if sold == 60 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (units, exchanges) = town.sold("mug").await;
    assert_eq!((sold, units), (60, 60));
    assert!(exchanges.values().all(|count| *count == 1));
    town.states().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_that_an_offer_is_sold_out_while_a_partition_is_silent() {
    let (town, _) = Town::in_memory(Duration::from_millis(700)).await;
    let home = id::<OfferId>("mug").home(PARTITIONS);
    let silent = (0..PARTITIONS).map(Partition).rfind(|it| *it != home && it.0 > 0).expect("one");
    let ann = living_in((0..PARTITIONS).find(|it| *it != silent.0).expect("another"));
    town.recorded(open("mug", Some(40))).await;
    town.recorded(earn(&ann)).await;
    // Somebody else writes that partition: this process's writer stops.
    town.silence(silent).await;
    assert!(town.asks(policy(3)).await.is_ok());
    let spread = town.spread(Partition(0)).await;
    assert_eq!(spread, Spread { have: PARTITIONS - 1, of: PARTITIONS });
    assert!(town.stopped(silent.0).await.contains("another writer"));
    for partition in (0..PARTITIONS).filter(|it| *it != silent.0) {
        assert_eq!(town.status(partition), WriterStatus::Serving, "{partition}");
    }
    // Its shelf has five; the others sell theirs.
    let (mut sold, mut number) = (0, 0);
    let unanswered = loop {
        number += 1;
        match town.asks(redeem(&ann, &format!("x-{number}"), "mug")).await {
            Ok(Answer::Recorded { .. }) => sold += 1,
            other => break other,
        }
    };
    assert_eq!((unanswered.err(), sold), (Some(TOO_LATE), 35));
}

#[tokio::test]
async fn credit_to_another_partition_is_received_or_returned_and_in_transit_past_the_deadline() {
    for town in Town::each(SOON).await {
        let (ann, bob) = (living_in(0), living_in(3));
        for account in [&ann, &bob] {
            town.recorded(earn(account)).await;
        }
        let sent = transfer(&ann, &bob, 100, "t-1");
        assert_eq!(town.transfers(&sent).await.status, TransferStatus::Received);
        assert_eq!(town.transfers(&sent).await.status, TransferStatus::Received, "a repeat");
        let sent = transfer(&ann, "stranger-2", 100, "t-2");
        let to: AccountId = id("stranger-2");
        assert_ne!(to.partition(PARTITIONS), Partition(0), "a stranger elsewhere");
        let returned = town.transfers(&sent).await;
        let reason = returned.reason.map(domain::RefusalCode::as_str);
        assert_eq!(
            (returned.status, reason),
            (TransferStatus::Returned, Some("recipient-unknown"))
        );
        assert_eq!(town.transfers(&sent).await, returned, "a repeat");
        let all = [id(&ann), id(&bob)];
        assert_eq!(town.credit(&all).await, (200_000_000, 0));
    }
    let (town, _) = Town::in_memory(Duration::from_millis(300)).await;
    let (ann, bob) = (living_in(0), living_in(3));
    for account in [&ann, &bob] {
        town.recorded(earn(account)).await;
    }
    town.silence(Partition(3)).await;
    let sent = transfer(&ann, &bob, 100, "t-1");
    assert_eq!(town.transfers(&sent).await.status, TransferStatus::InTransit);
    assert_eq!(town.credit(&[id(&ann), id(&bob)]).await, (199_999_900, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_goes_around_a_ring_and_none_is_lost_though_the_writers_are_killed() {
    let (mut town, _) = Town::in_memory(SOON).await;
    let ring: Vec<String> = (0..PARTITIONS).map(living_in).collect();
    for account in &ring {
        town.recorded(earn(account)).await;
    }
    for round in 0..6 {
        let mut asked = JoinSet::new();
        for number in 0..60 {
            let (from, to) = (&ring[number % 4], &ring[(number + 1) % 4]);
            let sent = transfer(from, to, 100, &format!("t-{round}-{number}"));
            let writers = town.writers.clone();
            let sent = request(Command::TransferCredit(sent));
            asked.spawn(async move { writers.submit(sent).await });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        town.kill_and_restart().await;
        asked.join_all().await;
        for number in 0..60 {
            let (from, to) = (&ring[number % 4], &ring[(number + 1) % 4]);
            let sent = transfer(from, to, 100, &format!("t-{round}-{number}"));
            assert_eq!(town.transfers(&sent).await.status, TransferStatus::Received);
        }
    }
    let accounts: Vec<AccountId> = ring.iter().map(|name| id(name)).collect();
    assert_eq!(town.credit(&accounts).await, (400_000_000, 0));
}

#[tokio::test]
async fn a_receipt_is_recorded_no_earlier_than_its_message_by_the_clock_of_commands_too() {
    let store =
        MemoryStore::new(NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: PARTITIONS });
    let config = WriterConfig {
        clock: Some(Clock::Commands),
        ..WriterConfig::new(EventStore::Memory(store), SOON)
    };
    let town = Town::of(config, None).await;
    let (ann, bob) = (living_in(1), living_in(2));
    for account in [&ann, &bob] {
        town.recorded(earn(account)).await;
    }
    let mut sent = transfer(&ann, &bob, 100, "t-1");
    sent.occurred_at = Some(time(1_000_000));
    assert_eq!(town.transfers(&sent).await.status, TransferStatus::Received);
    let states = town.states().await;
    assert_eq!(states[2].recorded_at(), time(1_000_000));
}

#[tokio::test]
async fn stock_is_taken_away_once_every_shelf_is_home_and_a_close_ends_the_waiting() {
    let (town, _) = Town::in_memory(Duration::from_secs(2)).await;
    town.recorded(open("mug", Some(80))).await;
    let remove = RemoveStock {
        offer_id: id("mug"),
        removal_id: id("d-1"),
        units: Units::new(79).expect("an amount"),
        read_versions: None,
    };
    Town::has_recorded(&town.asks(request(Command::RemoveStock(remove))).await);
    let states = town.states().await;
    let home = id::<OfferId>("mug").home(PARTITIONS);
    let pool = states[usize::from(home.0)].offer_home(&id("mug")).expect("a home").pool;
    assert_eq!(pool.get(), 1);
    // A shopper of the home waits, for a partition is silent, and hears of the close.
    let home = id::<OfferId>("cup").home(PARTITIONS).0;
    let (away, ann) = (if home == 3 { 2 } else { 3 }, living_in(home));
    town.recorded(earn(&ann)).await;
    town.silence(Partition(away)).await;
    Town::has_recorded(&town.asks(open("cup", Some(4))).await);
    for number in 0..4 {
        let asked = redeem(&ann, &format!("x-{number}"), "cup");
        Town::has_recorded(&town.asks(asked).await);
    }
    let waiting = town.begins(redeem(&ann, "x-4", "cup"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished(), "nobody knows whether there is one");
    let close = Command::CloseOffer(CloseOffer { offer_id: id("cup") });
    Town::has_recorded(&town.asks(request(close)).await);
    let refused = waiting.await.expect("ran");
    assert!(matches!(refused, Ok(Answer::Refused(Refusal::OfferNotOpen { .. }))), "{refused:?}");
}

#[tokio::test]
async fn a_history_that_is_another_stops_every_partition_by_name() {
    let (town, store) = Town::in_memory(SOON).await;
    town.has_credit_sent().await;
    store.lose_tail(Partition(1), 2);
    for partition in 0..PARTITIONS {
        let why = town.stopped(partition).await;
        assert!(why.contains("log-forked"), "{partition}: {why}");
    }
}

#[tokio::test]
async fn all_partitions_take_their_time_from_the_same_clock() {
    let store = || MemoryStore::new(NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 2 });
    let config = |store: &MemoryStore, clock| WriterConfig {
        clock,
        ..WriterConfig::new(EventStore::Memory(store.clone()), SOON)
    };
    // A first start that broke off has opened one partition.
    let half = store();
    let commands = config(&half, Some(Clock::Commands));
    drop(Writer::start(commands, Partition(0)).await.expect("it starts"));
    for _ in 0..2 {
        let (writers, _) = Writers::start(config(&half, None)).await.expect("they start");
        assert_eq!(writers.clock(), Clock::Commands);
    }
    let mixed = store();
    for (partition, clock) in [(0, Clock::Wall), (1, Clock::Commands)] {
        let config = config(&mixed, Some(clock));
        drop(Writer::start(config, Partition(partition)).await.expect("it starts"));
    }
    let refused = Writers::start(config(&mixed, None)).await.expect_err("they differ");
    let StartError::ClocksDiffer { partition, .. } = refused else { panic!("{refused}") };
    assert_eq!(partition, Partition(1));
}

#[tokio::test]
async fn partitions_of_several_moments_are_not_served() {
    let (town, store) = Town::in_memory(SOON).await;
    town.has_credit_sent().await;
    let new_log = NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: PARTITIONS };
    let cut = EventStore::Memory(MemoryStore::new(new_log));
    let whole = EventStore::Memory(store);
    for partition in [0, 2, 3].map(Partition) {
        let events = whole.read(partition, Position::START, 1_000).await.expect("read");
        let head = cut.take_over(partition, WriterId(Uuid::from_u128(9))).await.expect("taken");
        cut.append_recorded(Append::after(partition, &head, events)).await.expect("landed");
    }
    let refused = Writers::start(WriterConfig::new(cut, SOON)).await.expect_err("refused");
    let refused = refused.to_string();
    assert!(refused.contains("of partition 1, which partition 1 hasn't sent"), "{refused}");
}

#[tokio::test]
async fn one_confirmation_of_the_clock_counts_for_all_partitions() {
    let hands = Hands::at(1_000_000);
    let store =
        MemoryStore::new(NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: PARTITIONS });
    let config = WriterConfig {
        read_clock: hands.clone().into(),
        ..WriterConfig::new(EventStore::Memory(store), SOON)
    };
    let town = Town::of(config, None).await;
    hands.jump(5_000);
    for partition in 0..PARTITIONS {
        let mut all = town.writers.statuses();
        let (_, mut status) = all.nth(usize::from(partition)).expect("it is there");
        let doubts = status.wait_for(|status| {
            matches!(status, WriterStatus::ClockUnconfirmed(ClockDoubt::Jumped { .. }))
        });
        drop(tokio::time::timeout(SOON, doubts).await.expect("in time").expect("it runs"));
    }
    let confirm = ConfirmClock { wall: time(1_005_000) };
    Town::has_recorded(&town.asks(request(Command::ConfirmClock(confirm))).await);
    for partition in 0..PARTITIONS {
        town.recorded(earn(&living_in(partition))).await;
    }
    // A partition in which nothing was recorded for long doesn't doubt what the others know.
    hands.pass(20 * 86_400);
    town.recorded(earn("somebody")).await;
    hands.pass(20 * 86_400);
    let mut town = town;
    town.kill_and_restart().await;
    for partition in 0..PARTITIONS {
        assert_eq!(town.status(partition), WriterStatus::Serving, "{partition}");
    }
}
