//! What an import came to, as numbers and as a table to read.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// The counts of one run. A second run over the same ledger finds the same refusals and points;
/// what was accepted before is then repeated.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Offers that were opened by this run.
    pub(crate) offers_opened: u64,
    /// Offers that stood open as they are wanted.
    pub(crate) offers_repeated: u64,
    pub(crate) purchases_accepted: u64,
    pub(crate) purchases_repeated: u64,
    /// Baskets that earn nothing; they were not sent.
    pub(crate) purchases_skipped: u64,
    pub(crate) redemptions_accepted: u64,
    pub(crate) redemptions_repeated: u64,
    /// How many redemptions were refused with each code, in this run or as journaled.
    pub(crate) redemptions_refused: BTreeMap<String, u64>,
    /// Of all baskets, accepted or repeated.
    pub(crate) points_earned: u128,
    /// Of all redemptions, accepted or repeated.
    pub(crate) points_redeemed: u128,
    /// Calls that the ledger answered for good.
    pub(crate) requests: u64,
    /// From the first call to the last answer.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub(crate) took: Duration,
}

pub(crate) fn seconds<S: Serializer>(took: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(took.as_secs_f64())
}

impl Summary {
    /// Counts one refusal.
    pub(crate) fn refused(&mut self, code: String) {
        *self.redemptions_refused.entry(code).or_default() += 1;
    }

    /// The calls per second over the whole run.
    pub(crate) fn requests_per_second(&self) -> u64 {
        let millis = self.took.as_millis().max(1);
        u64::try_from(u128::from(self.requests) * 1_000 / millis).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, number: u128| writeln!(f, "{name:<36}{:>16}", grouped(number));
        row("offers opened", self.offers_opened.into())?;
        row("offers repeated", self.offers_repeated.into())?;
        row("purchases accepted", self.purchases_accepted.into())?;
        row("purchases repeated", self.purchases_repeated.into())?;
        row("purchases skipped (earn nothing)", self.purchases_skipped.into())?;
        row("redemptions accepted", self.redemptions_accepted.into())?;
        row("redemptions repeated", self.redemptions_repeated.into())?;
        for (code, count) in &self.redemptions_refused {
            row(&format!("refused: {code}"), (*count).into())?;
        }
        row("points earned", self.points_earned)?;
        row("points redeemed", self.points_redeemed)?;
        row("requests", self.requests.into())?;
        row("requests per second", self.requests_per_second().into())?;
        write!(f, "{:<36}{:>16.1}", "seconds", self.took.as_secs_f64())
    }
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (40_441_840, "40,441,840")]
        {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn the_table_has_a_line_for_every_code() {
        let mut summary =
            Summary { requests: 3_000, took: Duration::from_millis(1_500), ..Summary::default() };
        summary.refused("insufficient-credit".into());
        summary.refused("insufficient-credit".into());
        let table = summary.to_string();
        let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("refused: insufficient-credit").ends_with(" 2"));
        assert!(line("requests per second").ends_with(" 2,000"));
        assert!(line("seconds").ends_with(" 1.5"));
    }
}
