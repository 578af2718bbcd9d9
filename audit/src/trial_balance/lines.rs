//! A trial balance line by line, for tables and spreadsheets.

use serde::Serialize;
use wire::body::{Sum, TrialBalanceBody};

/// A line of a trial balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrialLine {
    /// The unit.
    pub unit: String,
    /// `in`, `out`, or `liability`.
    pub side: &'static str,
    /// What it is a sum of; of the liability the month of expiry.
    pub name: String,
    /// The points.
    pub points: Sum,
}

/// All lines without the sums of each side, which a spreadsheet makes by itself.
#[must_use]
pub fn trial_lines(body: &TrialBalanceBody) -> Vec<TrialLine> {
    let mut lines = vec![];
    for unit in &body.units {
        let sides = [
            ("in", "issued", unit.issued),
            ("in", "refunded", unit.refunded),
            ("in", "converted_in", unit.converted_in),
            ("in", "debt", unit.debt),
            ("out", "available", unit.available),
            ("out", "held", unit.held),
            ("out", "pending", unit.pending),
            ("out", "in_transit", unit.in_transit),
            ("out", "redeemed", unit.redeemed),
            ("out", "expired", unit.expired),
            ("out", "withdrawn", unit.withdrawn),
            ("out", "converted_out", unit.converted_out),
        ];
        let sides = sides.map(|(side, name, points)| (side, name.to_owned(), points));
        let months = unit.liability.months.iter();
        let months = months.map(|month| ("liability", month.month.clone(), month.points));
        lines.extend(sides.into_iter().chain(months).map(|(side, name, points)| TrialLine {
            unit: unit.unit.to_string(),
            side,
            name,
            points,
        }));
    }
    lines
}

impl TrialLine {
    /// Comma-separated values with a heading. No name needs quotes.
    #[must_use]
    pub fn csv(lines: &[Self]) -> String {
        let heading = "unit,side,name,points\r\n".to_owned();
        let lines = lines.iter().map(|line| {
            let Self { unit, side, name, points: Sum(points) } = line;
            format!("{unit},{side},{name},{points}\r\n")
        });
        std::iter::once(heading).chain(lines).collect()
    }
}
