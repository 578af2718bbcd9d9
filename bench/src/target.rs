//! What the ledger is to reach on two cores that the client shares with it. Rates are told as
//! ratios of one run, for a machine's own rate says nothing of the next one's.

use serde::Serialize;

use crate::results::{Results, millis};

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Target {
    AtLeast {
        of: &'static str,
        over: &'static str,
        ratio: f64,
    },
    P99Within {
        of: &'static str,
        millis: f64,
    },
    /// Of a contender's processor time, what another does without.
    CpuShareWithin {
        of: &'static str,
        without: &'static str,
        percent: f64,
    },
    /// A contender's processor time in that of another.
    CpuWithin {
        of: &'static str,
        over: &'static str,
        ratio: f64,
    },
    /// From the answer to the message.
    P99PublishedWithin {
        of: &'static str,
        millis: f64,
    },
}

use Target::{AtLeast, CpuShareWithin, CpuWithin, P99PublishedWithin, P99Within};

/// Over both ways to write the naive transaction: as most do, and as it is quickest.
pub(crate) const TARGETS: [Target; 33] = [
    AtLeast { of: "guerdon-sqlite-uniform", over: "noop", ratio: 0.6 },
    AtLeast { of: "guerdon-postgres-uniform", over: "noop", ratio: 0.5 },
    AtLeast { of: "guerdon-postgres-uniform", over: "naive-uniform", ratio: 6.0 },
    AtLeast { of: "guerdon-postgres-hot", over: "naive-hot", ratio: 7.0 },
    AtLeast { of: "guerdon-postgres-uniform", over: "naive-in-steps-uniform", ratio: 6.0 },
    AtLeast { of: "guerdon-postgres-hot", over: "naive-in-steps-hot", ratio: 7.0 },
    AtLeast { of: "guerdon-sqlite-hot", over: "guerdon-sqlite-uniform", ratio: 0.95 },
    AtLeast { of: "guerdon-postgres-hot", over: "guerdon-postgres-uniform", ratio: 0.95 },
    AtLeast { of: "guerdon-sqlite-uniform-partitions", over: "guerdon-sqlite-uniform", ratio: 0.9 },
    AtLeast { of: "guerdon-sqlite-hot-partitions", over: "guerdon-sqlite-hot", ratio: 0.9 },
    AtLeast {
        of: "guerdon-postgres-uniform-partitions",
        over: "guerdon-postgres-uniform",
        ratio: 0.9,
    },
    AtLeast { of: "guerdon-postgres-hot-partitions", over: "guerdon-postgres-hot", ratio: 0.9 },
    AtLeast { of: "guerdon-postgres-whole-way", over: "naive-uniform", ratio: 3.0 },
    AtLeast { of: "guerdon-sqlite-whole-way", over: "noop", ratio: 0.35 },
    AtLeast { of: "guerdon-postgres-whole-way", over: "noop", ratio: 0.35 },
    AtLeast { of: "guerdon-sqlite-slow-clients", over: "guerdon-sqlite-uniform", ratio: 0.7 },
    AtLeast { of: "guerdon-sqlite-sold-out", over: "noop", ratio: 0.9 },
    AtLeast { of: "guerdon-postgres-sold-out", over: "noop", ratio: 0.9 },
    AtLeast { of: "guerdon-sqlite-balance-cached", over: "noop", ratio: 0.8 },
    AtLeast { of: "guerdon-postgres-balance-cached", over: "noop", ratio: 0.8 },
    AtLeast { of: "guerdon-sqlite-balance-uncached", over: "noop", ratio: 0.4 },
    AtLeast { of: "guerdon-postgres-balance-uncached", over: "noop", ratio: 0.4 },
    AtLeast {
        of: "guerdon-postgres-uniform-slow-disk",
        over: "naive-uniform-slow-disk",
        ratio: 6.0,
    },
    AtLeast { of: "guerdon-postgres-hot-slow-disk", over: "naive-hot-slow-disk", ratio: 50.0 },
    P99Within { of: "guerdon-sqlite-half-rate", millis: 10.0 },
    P99Within { of: "guerdon-postgres-half-rate", millis: 10.0 },
    AtLeast { of: "kafka-publisher", over: "kafka-bare", ratio: 0.7 },
    P99PublishedWithin { of: "kafka-latency", millis: 30.0 },
    AtLeast { of: "guerdon-sqlite-kafka", over: "guerdon-sqlite-no-kafka", ratio: 0.95 },
    AtLeast { of: "guerdon-sqlite-kafka-away", over: "guerdon-sqlite-no-kafka", ratio: 0.95 },
    CpuShareWithin {
        of: "guerdon-sqlite-sealed",
        without: "guerdon-sqlite-unsealed",
        percent: 3.0,
    },
    CpuWithin { of: "guerdon-sqlite-watched", over: "guerdon-sqlite-unwatched", ratio: 1.1 },
    CpuWithin { of: "guerdon-sqlite-limited", over: "guerdon-sqlite-unlimited", ratio: 1.1 },
];

impl Target {
    /// What is compared.
    pub(crate) fn what(self) -> String {
        match self {
            AtLeast { of, over, .. } => format!("{of} ÷ {over}"),
            CpuShareWithin { of, without, .. } => {
                format!("processor time of {of} that {without} does without, %")
            }
            CpuWithin { of, over, .. } => format!("processor time of {of} ÷ {over}"),
            P99Within { of, .. } => format!("p99 of {of}, ms"),
            P99PublishedWithin { of, .. } => format!("p99 of {of}, answer to message, ms"),
        }
    }

    pub(crate) fn wanted(self) -> String {
        match self {
            AtLeast { ratio, .. } => format!("≥ {ratio}"),
            CpuShareWithin { percent, .. } => format!("≤ {percent}"),
            CpuWithin { ratio, .. } => format!("≤ {ratio}"),
            P99Within { millis, .. } | P99PublishedWithin { millis, .. } => format!("≤ {millis}"),
        }
    }

    /// What came out, where it was measured.
    pub(crate) fn measured(self, results: &Results) -> Option<f64> {
        match self {
            AtLeast { of, over, .. } => results.ratio(of, over),
            CpuShareWithin { of, without, .. } => results.cpu_percent(of, without),
            CpuWithin { of, over, .. } => results.cpu_ratio(of, over),
            P99Within { of, .. } => results.median(of, |turn| millis(turn, 990)),
            P99PublishedWithin { of, .. } => results.published_millis(of, 990),
        }
    }

    pub(crate) fn is_reached(self, measured: f64) -> bool {
        match self {
            AtLeast { ratio, .. } => measured >= ratio,
            CpuShareWithin { percent, .. } => measured <= percent,
            CpuWithin { ratio, .. } => measured <= ratio,
            P99Within { millis, .. } | P99PublishedWithin { millis, .. } => measured <= millis,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::catalogue;

    #[test]
    fn every_target_is_of_contenders_that_have_their_turn_by_default() {
        let usual: Vec<_> = catalogue().into_iter().filter(|c| !c.is_extra).collect();
        let is_usual = |name| usual.iter().any(|contender| contender.name == name);
        for target in TARGETS {
            match target {
                AtLeast { of, over, .. }
                | CpuShareWithin { of, without: over, .. }
                | CpuWithin { of, over, .. } => {
                    assert!(is_usual(of) && is_usual(over), "{target:?}");
                }
                P99Within { of, .. } | P99PublishedWithin { of, .. } => {
                    assert!(is_usual(of), "{target:?}");
                }
            }
        }
    }
}
