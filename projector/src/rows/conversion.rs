//! Conversion rates, and what is converted by them.

use domain::{AccountId, ConversionRateClosed, ConversionRateSet, CreditConverted, Timestamp};
use read_model::{ConversionRate, LedgerEntry, Total, row};

use super::credit::entry;
use super::{At, Change, Rows, int, json};

row! {
    /// A conversion rate's closure.
    pub(crate) struct RateClosure in "conversion_rate" {
        from_unit: String,
        to_unit: String,
        version: i64,
        closed_at: i64,
        partition: i64,
        position: i64,
    }
}

impl Rows {
    pub(super) fn conversion_rate_set(
        &mut self,
        at: At<'_>,
        fact: &ConversionRateSet,
    ) -> Result<(), serde_json::Error> {
        self.conversion_rates.push(ConversionRate {
            from_unit: fact.from.to_string(),
            to_unit: fact.to.to_string(),
            version: int(fact.version),
            terms: json(&fact.terms)?,
            closed_at: None,
            recorded_at: at.recorded_at.micros(),
            partition: at.partition().into(),
            position: at.position(),
        });
        Ok(())
    }

    pub(super) fn conversion_rate_closed(&mut self, at: At<'_>, fact: &ConversionRateClosed) {
        self.rate_closures.push(RateClosure {
            from_unit: fact.from.to_string(),
            to_unit: fact.to.to_string(),
            version: int(fact.version),
            closed_at: at.recorded_at.micros(),
            partition: at.partition().into(),
            position: at.position(),
        });
    }

    /// What goes; the next event has what comes.
    pub(super) fn converted(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditConverted,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(fact.unit, Total::ConvertedOut, int(fact.points.get()));
        self.totals.add(fact.unit, Total::Conversions, 1);
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::GOES);
        self.entries.push(LedgerEntry {
            cause_kind: Some(domain::CauseKind::Conversion.as_str().to_owned()),
            cause_id: Some(fact.conversion_id.to_string()),
            lots: Some(json(&fact.lots)?),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("credit-converted", at, account_id, fact.unit, change)
        });
        Ok(())
    }
}
