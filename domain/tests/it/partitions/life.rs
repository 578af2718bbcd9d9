//! Random life of all commands over several partitions. The commands are those of the plain model
//! of one ledger (`model`), which knows no partitions.
//!
//! Where everything under way arrives between two commands (`settled`), all comes out as the model
//! says: what is recorded, what is refused and why, what every account has. Lots are compared by
//! their cause. Four things differ, and the model is told them (`Ledger::partitions`): stock is
//! looked at last; a transfer whose recipient can't have it comes back if the recipient lives
//! elsewhere; of lots that expire at one time, those of the lower partition come first; and each
//! partition counts for itself how many it sold of what has no end.
//!
//! Where nobody waits (`restless`), messages come late, partitions crash and are silent, and the
//! model only says which names a command may have. What may never be is looked for after each step.
//!
//! A failure prints its seed. To see it again:
//! `GUERDON_LIFE_SEED=7 cargo test -p domain --test it -- partitions::life`
//! More of it: the same with `GUERDON_LIFE_CASES=5000`, and `cargo test --release`.

mod restless;
mod settled;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::settled::Settled;
use super::PROTOCOL;
use super::flaws::{Flaw, come_to_light};
use super::seen::Seen;
use super::world::World;
use crate::model::ask::Step;
use crate::model::beside::Count;
use crate::model::random::steps;

/// How many histories each of both tests lives through.
const HISTORIES: u64 = 150;

#[test]
fn with_all_delivered_between_commands_everything_comes_out_as_in_one_partition() {
    let mut counts: BTreeMap<Count, usize> = BTreeMap::new();
    let mut seen = Seen::default();
    for seed in seeds() {
        let life = |steps: &[Step]| Settled::new(seed, None).live(steps);
        let history = history(seed);
        let Ok(life) = catch_unwind(AssertUnwindSafe(|| life(&history))) else {
            say_how_to_see_again(seed);
            // The last message is that of the shortest history that fails.
            life(&shortest(history, |steps| {
                catch_unwind(AssertUnwindSafe(|| life(steps))).is_err()
            }));
            unreachable!("it failed before")
        };
        seen.add(&life.world.seen);
        for count in life.counts {
            *counts.entry(count).or_default() += 1;
        }
    }
    println!("{counts:?}\n{seen:?}");
    if seeds().count() >= usize::try_from(HISTORIES).expect("few") {
        seen.has_met(&[
            "exchange",
            "exchange by grant",
            "portion",
            "called back",
            "units home",
            "shelves awaited",
            "credit received",
            "credit returned",
            "programme",
            "offer shared",
            "stock amended",
            "stock removed",
            "offer reopened",
            "offer resumed",
        ]);
        let met = |what| counts.iter().any(|((_, outcome), _)| *outcome == what);
        for what in [
            "sold-out",
            "sent back: recipient-unknown",
            "sent of several",
            "spent of several partitions",
            "swapped in a hold",
            "repaid",
            "expired after grace",
            "counted in several periods",
        ] {
            assert!(met(what), "never met: {what}; met: {counts:?}");
        }
    }
}

#[test]
fn without_waiting_nothing_comes_about_that_may_never_be() {
    let mut all = Seen::default();
    for seed in seeds() {
        let live = |steps: &[Step]| World::new(seed, None).live(steps);
        match live(&history(seed)) {
            Ok(seen) => all.add(&seen),
            Err(_) => {
                say_how_to_see_again(seed);
                let steps = shortest(history(seed), |steps| live(steps).is_err());
                let why = live(&steps).expect_err("it failed before");
                let asked = steps.iter().map(|step| format!("{step:?}\n")).collect::<String>();
                panic!("{why}\nafter these steps:\n{asked}")
            }
        }
    }
    println!("{all:?}");
    if seeds().count() >= usize::try_from(HISTORIES).expect("few") {
        all.has_met(&PROTOCOL);
    }
}

/// Each of these was put in on purpose: what is said wrongly is seen beside the model alone, and
/// the others where nobody waits.
#[test]
fn every_planted_bug_comes_to_light() {
    come_to_light(&Flaw::UNLIKE, |seed, flaw| {
        let life = || Settled::new(seed, Some(flaw)).live(&history(seed));
        let is_unlike = catch_unwind(AssertUnwindSafe(life)).is_err();
        is_unlike.then(|| "it is unlike one partition".to_owned())
    });
    come_to_light(&Flaw::RESTLESS, |seed, flaw| {
        World::new(seed, Some(flaw)).live(&history(seed)).err()
    });
}

/// The history of a seed, the same for ever.
fn history(seed: u64) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    steps().new_tree(&mut runner).expect("a history").current()
}

/// A history that fails, without the steps that it fails without.
fn shortest(mut steps: Vec<Step>, fails: impl Fn(&[Step]) -> bool) -> Vec<Step> {
    let mut portion = steps.len();
    while portion > 0 {
        let mut from = 0;
        while from < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..(from + portion).min(steps.len()));
            if fails(&fewer) {
                steps = fewer;
            } else {
                from += portion;
            }
        }
        portion /= 2;
    }
    steps
}

fn say_how_to_see_again(seed: u64) {
    println!(
        "seed {seed}; again: GUERDON_LIFE_SEED={seed} cargo test -p domain --test it -- \
         partitions::life"
    );
}

#[expect(clippy::disallowed_methods, reason = "how many cases, and which, is for who runs them")]
fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match (number("GUERDON_LIFE_SEED"), number("GUERDON_LIFE_CASES")) {
        (Some(seed), _) => seed..seed + 1,
        (None, cases) => 0..cases.unwrap_or(HISTORIES),
    }
}
