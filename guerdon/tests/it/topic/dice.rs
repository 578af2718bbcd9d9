//! Moments that nobody chose, and that can be had again: `GUERDON_SEED` says which.

use std::time::Duration;

/// Gives other moments to each run, and the same ones to the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    /// Says its seed, for whoever has to see a failure again.
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
    pub(crate) fn new(what: &str) -> Self {
        let given = std::env::var("GUERDON_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| uuid::Uuid::now_v7().as_u64_pair().1 >> 16);
        println!("{what}: GUERDON_SEED={seed}");
        Self(seed)
    }

    /// Dice of another, who throws beside this one.
    pub(crate) fn another(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }

    /// Below `end`; splitmix64.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// Waits until any moment within so many milliseconds.
    pub(crate) async fn pause(&mut self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(self.below(milliseconds))).await;
    }
}
