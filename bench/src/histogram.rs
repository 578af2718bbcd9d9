//! Latencies in buckets that grow with them: 32 to each doubling, so within about 3 %.

/// Buckets to a doubling, as a power of two.
const SUB_BITS: u32 = 5;

/// Counts of latencies in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; 64 << SUB_BITS], max: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, micros: u64) {
        if let Some(count) = self.counts.get_mut(bucket(micros)) {
            *count += 1;
        }
        self.max = self.max.max(micros);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.max = self.max.max(other.max);
    }

    /// The latency that `per_mille` of a thousand stay within, in microseconds.
    pub(crate) fn quantile(&self, per_mille: u64) -> u64 {
        let total: u64 = self.counts.iter().sum();
        let wanted = (total * per_mille).div_ceil(1000);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return upper(index).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(micros: u64) -> usize {
    let doubling = micros.max(1).ilog2().saturating_sub(SUB_BITS);
    let sub = micros >> doubling;
    usize::try_from((u64::from(doubling) << SUB_BITS) + sub).unwrap_or(usize::MAX)
}

fn upper(index: usize) -> u64 {
    let index = index as u64;
    let doubling = (index >> SUB_BITS).saturating_sub(1);
    let sub = index - (doubling << SUB_BITS);
    ((sub + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_is_told_within_a_few_percent() {
        for micros in [0, 1, 31, 32, 63, 64, 100, 1_000, 12_345, 1_000_000] {
            let mut histogram = Histogram::default();
            histogram.add(micros);
            histogram.add(u64::MAX / 2);
            let told = histogram.quantile(500);
            assert!(told >= micros && told <= micros + micros / 16 + 1, "{micros}: {told}");
        }
    }

    #[test]
    fn half_are_below_the_median() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|micros| histogram.add(micros));
        assert!((490..=530).contains(&histogram.quantile(500)));
        assert_eq!(histogram.quantile(1000), 1000);
    }
}
