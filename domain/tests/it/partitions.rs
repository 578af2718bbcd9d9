//! Many partitions under one seed: the real states, their logs as durable mailboxes, crashes at any
//! prefix, slow and silent partitions, inquiries that get lost, and shoppers who give up. After
//! every step an oracle that sees all partitions at once looks for what may never be
//! (`docs/INVARIANTS.md`, I17 to I23).
//!
//! A failure prints its seed. To see it again:
//! `GUERDON_PARTITIONS_SEED=7 cargo test -p domain --test it -- partitions::random`
//! More of it: the same with `GUERDON_PARTITIONS_CASES=2000`, and `cargo test --release`.

mod asking;
mod dice;
mod flaws;
mod homes;
mod life;
mod mergers;
mod merging;
mod node;
mod oracle;
mod seen;
mod settling;
mod stories;
mod waiting;
mod wishes;
mod world;

use flaws::{Flaw, come_to_light};
use seen::Seen;
use world::World;

/// What the protocol has.
const PROTOCOL: [&str; 19] = [
    "exchange",
    "exchange by grant",
    "sold out",
    "sold out by gate",
    "portion",
    "no end",
    "called back",
    "units home",
    "grant came too late",
    "cancellation",
    "crash",
    "credit received",
    "credit returned",
    "programme",
    "offer shared",
    "gave up",
    "shelves awaited",
    "repeat",
    "message repeated",
];

/// What the commands have that a plain life doesn't ask for.
const FURTHER: [&str; 21] = [
    "code",
    "stock removed",
    "stock amended",
    "offer reopened",
    "offer resumed",
    "reservation",
    "reservation captured",
    "reservation ended",
    "wait joined",
    "wait left",
    "unit kept",
    "unit kept for nobody",
    "kept for longer",
    "wait taken",
    "wait lapsed",
    "wait closed",
    "not sold out for a wait",
    "merger",
    "merger refused",
    "account merged",
    "counts taken over",
];

/// How many steps a world takes, before it heals.
const STEPS: usize = 1_500;

#[test]
fn random_partitions_sell_all_and_no_more_and_lose_no_credit() {
    let mut all = Seen::default();
    for seed in seeds() {
        match World::new(seed, None).run(STEPS) {
            Ok(seen) => all.add(&seen),
            Err(why) => panic!(
                "{why}\nseed {seed}; again: GUERDON_PARTITIONS_SEED={seed} cargo test -p domain \
                 --test it -- partitions::random"
            ),
        }
    }
    println!("{all:?}");
    if seeds().count() > 1 {
        all.has_met(&PROTOCOL);
        all.has_met(&FURTHER);
    }
}

/// Each of these was put in on purpose, and each has a fault that brings it to light.
#[test]
fn every_planted_bug_is_found() {
    come_to_light(&Flaw::ALL, |seed, flaw| World::new(seed, Some(flaw)).run(STEPS).err());
}

#[expect(clippy::disallowed_methods, reason = "how many cases, and which, is for who runs them")]
fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match (number("GUERDON_PARTITIONS_SEED"), number("GUERDON_PARTITIONS_CASES")) {
        (Some(seed), _) => seed..seed + 1,
        (None, cases) => 0..cases.unwrap_or(100),
    }
}
