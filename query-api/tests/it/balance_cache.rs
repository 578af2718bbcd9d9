//! Balances that are kept: as long as they stand, and no longer.

use domain::{Clock, ClockDoubted, Event, Timestamp};
use event_schema::{Metadata, Salt, encode};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::{On, id, time};
use testing::life::{DAY, earned};

const ANN: &str = "/v1/accounts/ann";

testing::on_every_database! {
    a_kept_balance_changes_at_the_microsecond_its_credit_expires,
    a_write_is_seen_by_a_read_with_its_position_though_the_old_balance_was_kept,
    a_doubted_clock_lets_no_kept_balance_stand,
    many_readers_of_one_account_read_it_once,
    accounts_that_are_asked_for_at_once_get_each_its_own,
    an_account_that_there_was_not_is_found_once_it_is_there,
    every_account_of_a_batch_is_read_anew,
    what_another_projector_did_ends_what_was_kept,
    a_position_of_a_partition_that_is_not_there_is_refused,
}

/// Ann has 500 until the twentieth day.
async fn reads(on: On, clock: Clock) -> Reads {
    let opened = domain::LogOpened { log_id: "log".into(), partitions: 1, clock };
    let events =
        vec![(DAY, Event::LogOpened(opened)), (DAY, earned("ann", 500, "B-1", None, Some(20)))];
    Reads::of(on, events).await
}

async fn available(reads: &Reads) -> Value {
    let body = reads.get(ANN).await;
    assert_eq!(body, reads.get_anew(ANN).await);
    body["available"].clone()
}

async fn a_kept_balance_changes_at_the_microsecond_its_credit_expires(on: On) {
    let reads = reads(on, Clock::Commands).await;
    let expires_at = testing::life::day(20).micros();
    for (micros, points) in [(expires_at - 1, 500), (expires_at, 0)] {
        assert_eq!(reads.get(ANN).await["available"], 500, "it was kept before");
        let at = Timestamp::from_micros(micros).expect("a time");
        let other = earned("bob", 1, &format!("B-{micros}"), None, None);
        let event = encode(&other, at, &Metadata::default(), None, Salt([0; 16])).expect("encoded");
        reads.ledger.append(vec![event]).await;
        reads.project().await;
        assert_eq!(available(&reads).await, points);
    }
    // Bob's events left Ann's balance alone, so it was read for its times only: the first, the one
    // at which it began to count as expiring (which was past), and the one at which it expired.
    assert!(reads.api.balances_read() <= 3, "{}", reads.api.balances_read());
}

async fn a_write_is_seen_by_a_read_with_its_position_though_the_old_balance_was_kept(on: On) {
    let reads = reads(on, Clock::Wall).await;
    for round in 1..=20_u64 {
        reads.get(ANN).await;
        let more = earned("ann", 1, &format!("B-1{round}"), None, None);
        reads.ledger.record_at(&[(2 * DAY, more)]).await;
        let position = format!("0:{}", round + 2);
        let seen = async {
            loop {
                let header = Some(("guerdon-position", position.as_str()));
                let (status, _, body) = reads.ask_with("operator", ANN, header).await;
                if status == 200 {
                    return body["position"].clone();
                }
                assert_eq!(body["code"], "projection-behind");
            }
        };
        let other = join_all((0..4).map(|_| reads.get(ANN)));
        let (seen, _, ()) = tokio::join!(seen, other, reads.project());
        assert_eq!(seen, json!(position));
    }
}

async fn a_doubted_clock_lets_no_kept_balance_stand(on: On) {
    let reads = reads(on, Clock::Wall).await;
    assert_eq!(available(&reads).await, 0, "it expired half a century ago");
    let doubted = ClockDoubted { wall: time(99 * DAY), why: "it jumped".into() };
    reads.record(vec![(2 * DAY, Event::ClockDoubted(doubted))]).await;
    assert_eq!(available(&reads).await, 500, "time stands still where it was recorded last");
}

/// On a server they are read together.
async fn accounts_that_are_asked_for_at_once_get_each_its_own(on: On) {
    let reads = reads(on, Clock::Commands).await;
    let credit = (0..40).map(|number| {
        let account = format!("shopper-{number}");
        (2 * DAY, earned(&account, 100 + number, "B-1", None, None))
    });
    reads.record(credit.collect()).await;
    let asked = (0..50).map(|number| {
        let path = format!("/v1/accounts/shopper-{number}");
        let reads = &reads;
        async move { (number, reads.ask_with("operator", &path, None).await) }
    });
    for (number, (status, _, body)) in join_all(asked).await {
        if number < 40 {
            assert_eq!(body["account_id"], format!("shopper-{number}"));
            assert_eq!(body["available"], 100 + number);
        } else {
            assert_eq!(status, 404, "{body}");
        }
    }
}

async fn many_readers_of_one_account_read_it_once(on: On) {
    let reads = reads(on, Clock::Wall).await;
    let all = join_all((0..200).map(|_| reads.get(ANN))).await;
    assert!(all.iter().all(|body| *body == all[0]));
    assert_eq!(reads.api.balances_read(), 1);
    reads.record(vec![(2 * DAY, earned("ann", 1, "B-2", None, None))]).await;
    join_all((0..200).map(|_| reads.get(ANN))).await;
    assert_eq!(reads.api.balances_read(), 2);
}

async fn an_account_that_there_was_not_is_found_once_it_is_there(on: On) {
    let reads = reads(on, Clock::Wall).await;
    let dan: domain::AccountId = id("dan");
    let path = format!("/v1/accounts/{dan}");
    reads.missing(&path).await;
    reads.missing(&path).await;
    assert_eq!(reads.api.balances_read(), 1);
    reads.record(vec![(2 * DAY, earned("dan", 7, "B-2", None, None))]).await;
    assert_eq!(reads.get(&path).await["available"], 7);
}

async fn every_account_of_a_batch_is_read_anew(on: On) {
    let reads = reads(on, Clock::Wall).await;
    let names = ["ann", "bob", "cid", "dan"];
    let earned_by_all = |round: u64| {
        let earned = |name: &&str| earned(name, 1, &format!("B-1{round}"), None, None);
        names.iter().map(earned).map(|event| (2 * DAY, event)).collect()
    };
    for round in 0..3 {
        reads.record(earned_by_all(round)).await;
        for name in names {
            let body = reads.get(&format!("/v1/accounts/{name}")).await;
            assert_eq!(body["available"], round + 1, "{name} in round {round}");
        }
    }
}

/// In another process it says nothing here; the one here finds the tables moved.
async fn what_another_projector_did_ends_what_was_kept(on: On) {
    let reads = reads(on, Clock::Wall).await;
    for round in 1..=3 {
        let dan = "/v1/accounts/dan";
        let more = earned("dan", 1, &format!("B-1{round}"), None, None);
        reads.ledger.record_at(&[(2 * DAY, more)]).await;
        reads.ledger.project().await;
        reads.project().await;
        assert_eq!(reads.get(dan).await["available"], round);
        assert_eq!(reads.get(dan).await["available"], round);
    }
    assert_eq!(reads.api.balances_read(), 3, "each was kept meanwhile");
}

async fn a_position_of_a_partition_that_is_not_there_is_refused(on: On) {
    let reads = reads(on, Clock::Wall).await;
    reads.get(ANN).await;
    for position in ["1:1", "0:1, 1:1", "65535:18446744073709551615"] {
        let header = Some(("guerdon-position", position));
        let (status, _, body) = reads.ask_with("operator", ANN, header).await;
        assert_eq!((status, &body["code"]), (400, &json!("invalid-header")), "{position}");
    }
}
