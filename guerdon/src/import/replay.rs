//! The order of an import: every offer, then day by day the purchases and after them the
//! redemptions. Each day is finished, and journaled, before the next.
//!
//! It is given rows that were read and a ledger that answers; it opens no file itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::credits::Credit;
use super::day::Day;
use super::days::{DayRows, by_account};
use super::error::ImportError;
use super::journal::{DayPhase, Journal};
use super::ledger::{Answer, Ledger};
use super::rows::Redemption;
use super::summary::Summary;
use crate::csv_rows::Place;
use crate::progress::Progress;
use crate::spread::spread;

/// What stays the same through an import.
pub(crate) struct Replay {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) price: u64,
    pub(crate) connections: usize,
    pub(crate) ask_again: bool,
    pub(crate) progress: Progress,
}

impl Replay {
    /// Opens every product that is redeemed, once.
    pub(crate) async fn open_offers(
        &self,
        days: &BTreeMap<Day, DayRows>,
        summary: &mut Summary,
    ) -> Result<(), ImportError> {
        let rows = days.values().flat_map(|rows| &rows.redemptions);
        let products: HashMap<Box<str>, Place> =
            rows.map(|row| (row.product_id.clone(), row.place.clone())).collect();
        let price = self.price;
        let answers = self.spread(products, move |ledger, (product_id, place)| async move {
            ledger.open_offer(&place, &product_id, price).await
        });
        for answer in answers.await? {
            match answer {
                Answer::New => summary.offers_opened += 1,
                _ => summary.offers_repeated += 1,
            }
        }
        Ok(())
    }

    /// Brings one day to its end.
    pub(crate) async fn day(
        &self,
        day: Day,
        rows: DayRows,
        journal: &mut Journal,
        summary: &mut Summary,
    ) -> Result<(), ImportError> {
        let phase = journal.phase(day).cloned();
        if phase.is_none() {
            journal.begin(day)?;
        }
        // A day that the journal does not know must be new to the ledger too.
        let must_be_new = phase.is_none() && !self.ask_again;
        let had = self.credits(rows.credits, summary).await?;
        self.stop_if_already_there(must_be_new, had, day, journal)?;

        let (refused_before, finished) = match phase {
            Some(DayPhase::Finished { refused }) => (refused, true),
            _ => (BTreeMap::new(), false),
        };
        let (settled, asked): (Vec<_>, Vec<_>) =
            rows.redemptions.into_iter().partition(|row| refused_before.contains_key(&row.row));
        self.progress.inc(settled.len() as u64);
        for code in refused_before.into_values() {
            summary.refused(code);
        }
        let (had, refused) = self.redemptions(asked, summary).await?;
        self.stop_if_already_there(must_be_new, had, day, journal)?;
        if finished { Ok(()) } else { journal.finish(day, refused) }
    }

    /// Credits the day's baskets. Returns the first that the ledger had, if it had any.
    async fn credits(
        &self,
        credits: Vec<Credit>,
        summary: &mut Summary,
    ) -> Result<Option<Place>, ImportError> {
        let (skipped, credits): (Vec<_>, Vec<_>) =
            credits.into_iter().partition(|credit| credit.points == 0);
        self.progress.inc(skipped.len() as u64);
        summary.purchases_skipped += skipped.len() as u64;
        let progress = self.progress.clone();
        let answers = self.spread(credits, move |ledger, credit| {
            let progress = progress.clone();
            async move {
                let answer = ledger.credit(&credit).await?;
                progress.inc(1);
                Ok((credit.purchase.place, credit.points, answer))
            }
        });
        let mut had = None;
        for (place, points, answer) in answers.await? {
            summary.points_earned += u128::from(points);
            match answer {
                Answer::New => summary.purchases_accepted += 1,
                _ => summary.purchases_repeated += 1,
            }
            if answer == Answer::Repeated {
                had.get_or_insert(place);
            }
        }
        Ok(had)
    }

    /// Asks for the day's redemptions. Returns the first that the ledger had, and those refused.
    async fn redemptions(
        &self,
        redemptions: Vec<Redemption>,
        summary: &mut Summary,
    ) -> Result<(Option<Place>, BTreeMap<u64, String>), ImportError> {
        let progress = self.progress.clone();
        let answers = self.spread(by_account(redemptions), move |ledger, list| {
            let progress = progress.clone();
            async move {
                let mut answers = Vec::with_capacity(list.len());
                for redemption in list {
                    let answer = ledger.redeem(&redemption).await?;
                    progress.inc(1);
                    answers.push((redemption, answer));
                }
                Ok(answers)
            }
        });
        let (mut had, mut refused) = (None, BTreeMap::new());
        for (redemption, answer) in answers.await?.into_iter().flatten() {
            match answer {
                Answer::New => summary.redemptions_accepted += 1,
                Answer::Repeated => {
                    summary.redemptions_repeated += 1;
                    had.get_or_insert(redemption.place);
                }
                Answer::DoneOnRetry => summary.redemptions_repeated += 1,
                Answer::Refused { code } => {
                    summary.refused(code.clone());
                    refused.insert(redemption.row, code);
                    continue;
                }
            }
            summary.points_redeemed += u128::from(self.price);
        }
        Ok((had, refused))
    }

    fn stop_if_already_there(
        &self,
        must_be_new: bool,
        had: Option<Place>,
        day: Day,
        journal: &mut Journal,
    ) -> Result<(), ImportError> {
        let Some(place) = had.filter(|_| must_be_new) else { return Ok(()) };
        journal.withdraw(day)?;
        Err(ImportError::AlreadyThere { place, day, journal: journal.path().into() })
    }

    /// Runs `call` for every job.
    async fn spread<J, R, F>(
        &self,
        jobs: impl IntoIterator<Item = J>,
        call: impl Fn(Arc<Ledger>, J) -> F,
    ) -> Result<Vec<R>, ImportError>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, ImportError>> + Send + 'static,
    {
        spread(self.connections, jobs, |job| call(Arc::clone(&self.ledger), job)).await
    }
}
