//! All turns: medians over the rounds, and ratios within them.

use serde::Serialize;

use crate::turn::Turn;

#[derive(Clone, Debug, Default)]
pub(crate) struct Results(Vec<Turn>);

/// A contender's medians.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Medians {
    pub(crate) contender: &'static str,
    /// Answers that count, a second.
    pub(crate) rate: f64,
    pub(crate) per_noop: Option<f64>,
    /// Noop's processor time for a request, the client's included, in that of this contender: what
    /// its rate would be in noop's if nothing but the processors held it up.
    pub(crate) per_noop_by_cpu: Option<f64>,
    pub(crate) per_naive: Option<f64>,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Of all rounds.
    pub(crate) errors: u64,
    /// Processor seconds per thousand, PostgreSQL's included.
    pub(crate) server_cpu: f64,
    pub(crate) postgres_cpu: f64,
    pub(crate) client_cpu: f64,
    pub(crate) expired: Option<f64>,
    /// Each round's rate.
    pub(crate) rates: Vec<f64>,
}

impl Results {
    pub(crate) fn add(&mut self, turn: Turn) {
        self.0.push(turn);
    }

    pub(crate) fn of<'a>(&'a self, contender: &'a str) -> impl Iterator<Item = &'a Turn> {
        self.0.iter().filter(move |turn| turn.contender == contender)
    }

    /// The median of a figure, where the contender had a turn.
    pub(crate) fn median(&self, contender: &str, figure: impl Fn(&Turn) -> f64) -> Option<f64> {
        median(self.of(contender).map(figure).collect())
    }

    /// How long after its answer a message was on the topic, for so many of a thousand.
    pub(crate) fn published_millis(&self, contender: &str, per_mille: u64) -> Option<f64> {
        let turns = self.of(contender).filter_map(|turn| turn.published.as_ref());
        median(turns.map(|published| published.quantile(per_mille) as f64 / 1000.0).collect())
    }

    /// One contender's rate in another's, of the same round each.
    pub(crate) fn ratio(&self, contender: &str, other: &str) -> Option<f64> {
        self.ratio_of(contender, other, Turn::rate)
    }

    /// The percentage of a contender's processor time that another, of the same round each, does
    /// without.
    pub(crate) fn cpu_percent(&self, contender: &str, without: &str) -> Option<f64> {
        self.cpu_ratio(without, contender).map(|rest| 100.0 * (1.0 - rest))
    }

    /// The servers' processor time for an answer, in that of another contender in the same round.
    pub(crate) fn cpu_ratio(&self, contender: &str, other: &str) -> Option<f64> {
        let cpu = |turn: &Turn| turn.per_thousand(turn.loaded.servers_cpu());
        self.ratio_of(contender, other, cpu)
    }

    fn ratio_of(&self, contender: &str, other: &str, figure: impl Fn(&Turn) -> f64) -> Option<f64> {
        let pairs = self.of(contender).zip(self.of(other));
        median(pairs.map(|(turn, other)| figure(turn) / figure(other)).collect())
    }

    /// The comparison of a contender with the naive one that does the same.
    pub(crate) fn medians(&self, contender: &'static str, naive: Option<&str>) -> Medians {
        let of = |figure: &dyn Fn(&Turn) -> f64| self.median(contender, figure).unwrap_or_default();
        Medians {
            contender,
            rate: of(&Turn::rate),
            per_noop: self.ratio(contender, "noop"),
            per_noop_by_cpu: self.ratio_of(contender, "noop", Turn::per_cpu_second),
            per_naive: naive.and_then(|naive| self.ratio(contender, naive)),
            p50_ms: of(&|turn| millis(turn, 500)),
            p99_ms: of(&|turn| millis(turn, 990)),
            errors: self.of(contender).flat_map(|turn| turn.loaded.tally.errors.values()).sum(),
            server_cpu: of(&|turn| turn.per_thousand(turn.loaded.servers_cpu())),
            postgres_cpu: of(&|turn| turn.per_thousand(turn.loaded.postgres_cpu)),
            client_cpu: of(&|turn| turn.per_thousand(turn.loaded.client_cpu)),
            expired: median(
                self.of(contender).filter_map(|turn| turn.expired).map(|n| n as f64).collect(),
            ),
            rates: self.of(contender).map(Turn::rate).collect(),
        }
    }
}

/// A latency that so many of a thousand answers stay within.
pub(crate) fn millis(turn: &Turn, per_mille: u64) -> f64 {
    turn.loaded.tally.latencies.quantile(per_mille) as f64 / 1000.0
}

pub(crate) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let upper = figures.get(figures.len() / 2).copied()?;
    let lower = figures.get((figures.len() - 1) / 2).copied()?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (figures, middle) in
            [(vec![], None), (vec![3.0, 1.0, 2.0], Some(2.0)), (vec![4.0, 1.0], Some(2.5))]
        {
            assert_eq!(median(figures), middle);
        }
    }
}
