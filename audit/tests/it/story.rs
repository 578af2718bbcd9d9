//! Every event of the domain has a sentence.

use std::collections::BTreeSet;

use audit::sentence;
use domain::Clock;
use event_schema::decode;
use testing::golden::golden_rows;
use testing::life::{EVENTS, history};

#[test]
fn a_life_of_points_is_told_in_plain_sentences() {
    let told: Vec<String> =
        history(Clock::Commands).iter().map(|(_, event)| sentence(event)).collect();
    assert_eq!(told.len(), EVENTS);
    for (position, expected) in [
        (
            7,
            "The account earned 300 points for purchase B-1 by rule default in version 2. They can \
             be spent from 1970-01-05T00:00:00Z. They expire at 1970-04-11T00:00:00Z.",
        ),
        (15, "600 points were taken for exchange x-1: 200 of lot 0:7 and 400 of lot 0:13."),
        (
            16,
            "Exchange x-1 got 2 of product product by offer mug for 600 points. Warehouse main was \
             asked to ship it.",
        ),
        (17, "300 points came back of exchange x-1, cancellation c-1: 300 of lot 0:13."),
        (
            18,
            "1 of the 2 units of exchange x-1 were cancelled by cancellation c-1 and went back to \
             offer mug; 300 points came back.",
        ),
        (20, "400 points were set aside by hold h-1 until 1970-01-21T00:00:00Z: 400 of lot 0:13."),
        (28, "150 points were sent to account bob by transfer t-1: 150 of lot 0:13."),
        (34, "40 points paid what the account owed: 40 of lot 0:33."),
        (43, "The account was opened."),
        (53, "The stock of offer mug has no end, in version 5."),
        (71, "Offer mug was paused, in version 6."),
        (72, "Offer mug was resumed by r-1, in version 7."),
        (73, "The account came into the segment staff."),
    ] {
        assert_eq!(told[position - 1], expected);
    }
}

#[test]
fn every_stored_event_has_a_sentence() {
    let mut types = BTreeSet::new();
    for row in golden_rows() {
        let (_, event) = decode(&row).expect("it decodes");
        let told = sentence(&event);
        assert!(told.ends_with('.') && told.len() > 20, "{}: {told}", row.event_type);
        let begins = told.chars().next().expect("a letter");
        assert!(begins.is_uppercase() || begins.is_ascii_digit(), "{told}");
        let is_plain =
            ["  ", "..", "Some(", "None", "{", "}", " ."].iter().all(|it| !told.contains(it));
        assert!(is_plain, "{}: {told}", row.event_type);
        types.insert(row.event_type);
    }
    assert!(types.len() >= 50, "{} types have an example: {types:?}", types.len());
}
