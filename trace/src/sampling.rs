//! Which traces are kept: a share of those that begin here, and those that callers keep, up to so
//! many a second.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::unix_micros;

/// The most traces a second that are kept because their callers ask for it, in each process. A
/// caller sets the flag for nothing, and each trace costs the ledger and its collector.
const BY_CALLERS_PER_SECOND_MAX: u64 = 100;

/// The bits that count the traces of one second; the others are the second.
const COUNT_BITS: u32 = 16;

/// The share of traces that are kept, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// A share; `None` where it isn't one.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }
}

/// Decides which traces are kept.
#[derive(Debug)]
pub(crate) struct Sampling {
    share: f64,
    drawn: AtomicU64,
    by_callers: AtomicU64,
}

impl Sampling {
    pub(crate) fn of(Share(share): Share) -> Self {
        let drawn = AtomicU64::new(unix_micros().cast_unsigned());
        Self { share, drawn, by_callers: AtomicU64::new(0) }
    }

    /// Whether the next trace that begins here is kept.
    pub(crate) fn keeps_next(&self) -> bool {
        /// Successive multiples of it differ in all bits once they are mixed.
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        /// As many numbers as a float can tell apart between 0 and 1.
        const NUMBERS: f64 = (1_u64 << 53) as f64;
        let drawn = mixed(self.drawn.fetch_add(GOLDEN, Ordering::Relaxed));
        (drawn >> 11) as f64 / NUMBERS < self.share
    }

    /// Whether a trace is kept because its caller keeps it.
    pub(crate) fn keeps_callers(&self) -> bool {
        self.keeps_callers_in(unix_micros().cast_unsigned() / 1_000_000)
    }

    fn keeps_callers_in(&self, second: u64) -> bool {
        let empty = second << COUNT_BITS;
        let count = |counted: u64| if counted < empty { empty } else { counted } + 1;
        let counted =
            self.by_callers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |counted| {
                (count(counted) <= empty + BY_CALLERS_PER_SECOND_MAX).then(|| count(counted))
            });
        counted.is_ok()
    }
}

/// `SplitMix64`: near numbers become far ones, evenly spread.
const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(share: f64, of: usize) -> usize {
        let sampling = Sampling::of(Share::new(share).expect("a share"));
        (0..of).filter(|_| sampling.keeps_next()).count()
    }

    #[test]
    fn about_the_share_is_kept() {
        assert_eq!(kept(0.0, 10_000), 0);
        assert_eq!(kept(1.0, 10_000), 10_000);
        // Ten standard deviations around 1,000.
        let hundredth = kept(0.01, 100_000);
        assert!((700..1_300).contains(&hundredth), "{hundredth}");
    }

    #[test]
    fn a_share_is_from_0_to_1() {
        for no_share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::new(no_share), None);
        }
    }

    #[test]
    fn callers_get_so_many_traces_a_second() {
        let sampling = Sampling::of(Share::new(0.0).expect("a share"));
        let kept = |second| (0..1_000).filter(|_| sampling.keeps_callers_in(second)).count() as u64;
        assert_eq!(kept(5), BY_CALLERS_PER_SECOND_MAX);
        assert_eq!(kept(5), 0);
        assert_eq!(kept(6), BY_CALLERS_PER_SECOND_MAX);
    }
}
