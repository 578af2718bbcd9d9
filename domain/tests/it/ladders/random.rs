//! Random histories of accounts on ladders: what is asked, and how time goes on.

use proptest::prelude::*;

/// What is asked next.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// Credit, of the unit with a number, for a cause of a kind.
    Earn { unit: u8, points: u64, kind: u8 },
    /// A purchase by the rule, told so many seconds late.
    Buy { points: u64, late: u32 },
    /// Takes back some of what one of the lots so far was earned as, or all that is left.
    Withdraw { lot: u16, points: Option<u64> },
    /// Undoes one of the withdrawals so far.
    Reverse { withdrawal: u16 },
    /// By hand.
    Adjust { unit: u8, points: u64, is_added: bool },
    /// Something that counts nothing.
    Hold,
    /// Grants a tier for so many days.
    Grant { ladder: u8, tier: u8, days: u16 },
    /// Ends the grant in force.
    Revoke { ladder: u8 },
    /// Merges the account into the other one.
    Merge,
    /// Makes one more ladder.
    Make { terms: u8 },
    /// Changes levels, for how long a tier holds, and the rest.
    Amend { ladder: u8, percent: u8, keeps: [u8; 2], is_one_level: bool, keeps_tiers: bool },
}

/// How time goes on before it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    None,
    Seconds(u32),
    Days(u16),
    /// To the next end of a tier, and some microseconds more or less.
    ToEnd(i8),
    /// To the beginning of the next month in the second unit's zone, likewise.
    ToMonth(i8),
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) wait: Wait,
    pub(crate) account: u8,
    pub(crate) ask: Ask,
}

#[derive(Clone, Debug)]
pub(crate) struct History {
    /// Which terms the first two ladders have.
    pub(crate) ladders: [u8; 2],
    /// Whether what is due is recorded all the time.
    pub(crate) is_swept: bool,
    pub(crate) steps: Vec<Step>,
}

pub(crate) fn histories() -> impl Strategy<Value = History> {
    let steps = prop::collection::vec(step(), 1..100);
    ((0..12_u8, 0..12_u8), any::<bool>(), steps).prop_map(|((one, other), is_swept, steps)| {
        History { ladders: [one, other], is_swept, steps }
    })
}

fn step() -> impl Strategy<Value = Step> {
    (wait(), 0..2_u8, ask()).prop_map(|(wait, account, ask)| Step { wait, account, ask })
}

fn wait() -> impl Strategy<Value = Wait> {
    prop_oneof![
        4 => Just(Wait::None),
        3 => (1..100_000_u32).prop_map(Wait::Seconds),
        5 => (1..40_u16).prop_map(Wait::Days),
        1 => (100..900_u16).prop_map(Wait::Days),
        4 => (-1..2_i8).prop_map(Wait::ToEnd),
        3 => (-1..2_i8).prop_map(Wait::ToMonth),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let points = prop_oneof![1..600_u64, Just(1_000), Just(999), 1_000..4_000_u64];
    let small = 1..500_u64;
    prop_oneof![
        8 => (0..2_u8, points.clone(), 0..3_u8)
            .prop_map(|(unit, points, kind)| Ask::Earn { unit, points, kind }),
        5 => (points, 0..3_000_000_u32).prop_map(|(points, late)| Ask::Buy { points, late }),
        5 => (any::<u16>(), prop::option::of(small.clone()))
            .prop_map(|(lot, points)| Ask::Withdraw { lot, points }),
        2 => any::<u16>().prop_map(|withdrawal| Ask::Reverse { withdrawal }),
        2 => (0..2_u8, small, any::<bool>())
            .prop_map(|(unit, points, is_added)| Ask::Adjust { unit, points, is_added }),
        2 => Just(Ask::Hold),
        1 => (0..3_u8, 0..3_u8, 1..800_u16)
            .prop_map(|(ladder, tier, days)| Ask::Grant { ladder, tier, days }),
        1 => (0..3_u8).prop_map(|ladder| Ask::Revoke { ladder }),
        1 => Just(Ask::Merge),
        1 => (0..12_u8).prop_map(|terms| Ask::Make { terms }),
        2 => (0..3_u8, 40..200_u8, any::<[u8; 2]>(), any::<bool>(), any::<bool>()).prop_map(
            |(ladder, percent, keeps, is_one_level, keeps_tiers)| {
                Ask::Amend { ladder, percent, keeps, is_one_level, keeps_tiers }
            }
        ),
    ]
}
