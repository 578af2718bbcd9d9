//! The ledger beside a plain, slow model of it that was written from docs/CREDIT.md alone: random
//! commands are given to both, and everything that the document promises must come out the same.

pub(crate) mod ask;
mod asking;
pub(crate) mod beside;
mod bought;
mod command;
pub(crate) mod compare;
mod conversions;
mod earning;
pub(crate) mod effect;
mod examples;
pub(crate) mod ledger;
mod lots;
mod offers;
mod purchases;
pub(crate) mod random;
pub(crate) mod refusals;
mod reversing;
mod rules;
pub(crate) mod shipping;
mod spending;
mod units;
pub(crate) mod values;
mod wallet;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use ask::{Ask, Step};
use beside::{Count, Pair};
use random::steps;
use values::in_unit;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn what_happens_is_what_the_document_says(steps in steps(), is_swept in any::<bool>()) {
        run(&steps, is_swept);
    }
}

#[test]
fn the_random_commands_do_everything_and_are_refused_for_every_reason() {
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<Count, usize> = BTreeMap::new();
    for is_swept in [false, true].repeat(900) {
        let steps = steps().new_tree(&mut runner).expect("a history").current();
        for count in run(&steps, is_swept).counts {
            *counts.entry(count).or_default() += 1;
        }
    }
    for ((command, outcome), count) in &counts {
        println!("{command:18} {outcome:24} {count:6}");
    }
    let counted = |wanted: &dyn Fn(&Count) -> bool| -> usize {
        counts.iter().filter(|(count, _)| wanted(count)).map(|(_, times)| times).sum()
    };
    let mut missing = vec![];
    for command in COMMANDS {
        if counted(&|(asked, outcome)| *asked == command && *outcome == "done") < 50 {
            missing.push(command);
        }
    }
    for what in TRAITS {
        if counted(&|(_, outcome)| *outcome == what) < 20 {
            missing.push(what);
        }
    }
    // No random history is long enough to fill an account; the writer refuses a dry run that there
    // isn't, what is ahead of its clock, and what an append can't have. No request has a hundred
    // parcels here, and no history a hundred units.
    let codes = domain::Refusal::ROWS.iter().map(|row| row.code);
    const NEVER: [&str; 39] = [
        // Codes have laws of their own.
        "codes-fixed",
        "stock-of-codes",
        "offer-without-codes",
        "code-known",
        "one-code-at-a-time",
        "codes-not-reserved",
        // Waits have scenarios of their own.
        "wait-unknown",
        "wait-ended",
        "waiting-list-unsupported",
        "already-waiting",
        "not-sold-out",
        "waiting-list-full",
        // Reservations have a model of their own.
        "hold-reserves-offer",
        "reservation-past-offer",
        "account-full",
        "dry-run-unsupported",
        "time-ahead",
        "time-zone-unknown",
        "too-many-parcels",
        "too-many-units",
        "too-much-at-once",
        // An erasure changes nothing that the model has; its scenarios are beside the command.
        "goods-unshipped",
        // Mergers have scenarios beside the command, and a simulation of their own.
        "account-merged",
        "merger-into-itself",
        "new-account-unknown",
        "merger-under-way",
        "debt-passed-on",
        // A segment's version is a position.
        "segment-changed",
        // Ladders have a model of their own.
        "ladder-unknown",
        "ladder-exists",
        "ladder-changed",
        "ladder-fixed",
        "too-many-ladders",
        "tier-required",
        "tier-unknown",
        "grant-unknown",
        "grant-ended",
        "until-out-of-range",
        "tier-required",
    ];
    for code in codes.filter(|code| !NEVER.contains(code)) {
        if counted(&|(_, outcome)| *outcome == code) < 10 {
            missing.push(code);
        }
    }
    assert_eq!(missing, Vec::<&str>::new());
}

const COMMANDS: [&str; 41] = [
    "open-account",
    "earn-credit",
    "claim-credit",
    "record-purchase",
    "return-purchase",
    "withdraw-credit",
    "reverse-return",
    "reverse-withdrawal",
    "adjust-credit",
    "hold-credit",
    "capture-hold",
    "release-hold",
    "extend-hold",
    "refund-capture",
    "redeem",
    "cancel-exchange",
    "accept-shipment",
    "back-order-shipment",
    "dispatch-shipment",
    "deliver-shipment",
    "reject-shipment",
    "settle-shipment",
    "resend-shipment",
    "transfer-credit",
    "convert-credit",
    "open-offer",
    "amend-offer",
    "close-offer",
    "reopen-offer",
    "pause-offer",
    "resume-offer",
    "set-segment",
    "add-stock",
    "remove-stock",
    "set-earning-rule",
    "set-policy",
    "set-unit",
    "close-unit",
    "set-conversion-rate",
    "close-conversion-rate",
    "confirm-clock",
];

/// What makes a history hard.
const TRAITS: [&str; 35] = [
    "captured in part",
    "claimed by rule",
    "converted of several",
    "counted in several periods",
    "deducted of several",
    "earned by rule",
    "earned of another unit",
    "earned several units",
    "exchanged for several units",
    "expired",
    "expired after grace",
    "forgiven",
    "gave several units back",
    "given back to a pending lot",
    "made room under a cap",
    "used room under a cap again",
    "matured",
    "owed",
    "refunded by a rejection",
    "refunded of several units",
    "refunded to several",
    "refunded with grace",
    "refused credit",
    "refused one unit of two",
    "rejected with nothing left",
    "released by deadline",
    "released with grace",
    "repaid",
    "sent of several",
    "swapped in a hold",
    "told late",
    "took several units back",
    "withdrawn of other lots",
    "withdrawn of several",
    "withdrawn where expired",
];

fn run(steps: &[Step], is_swept: bool) -> Pair {
    let mut pair = Pair::new();
    for step in steps {
        pair.wait(&step.wait);
        if is_swept {
            pair.sweep(step.sweep);
        }
        let mut command = step.ask.command(&pair.model, pair.now);
        if !matches!(step.ask, Ask::Again(_)) {
            command = in_unit(command, step.unit, &pair.model);
        }
        pair.execute(&command);
    }
    pair.finish();
    pair
}

#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which a config hides")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000)
}
