//! What a state adds up to: all accounts of a partition by unit, and its offers.

use std::collections::BTreeMap;

use domain::{State, Timestamp, UnitId};
use log_record::Place;
use serde::{Serialize, Serializer};

use crate::ReplayError;

/// What all accounts of a partition have, and its offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StateSums {
    /// The last event that is in them.
    pub position: Place,
    /// What fell due by this time is taken into account, whether or not the log says it yet.
    pub at: Timestamp,
    /// How many accounts there are.
    pub accounts: u64,
    /// How many offers there are.
    pub offers: u64,
    /// How many units of the offers are with shoppers.
    #[serde(serialize_with = "as_text")]
    pub sold: u128,
    /// By unit, in the order in which they were made.
    pub units: Vec<UnitSums>,
}

/// What all accounts have of a unit; a sum may need more than 53 bits, so it is a text in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnitSums {
    /// The unit.
    pub unit: UnitId,
    /// What can be spent.
    #[serde(serialize_with = "as_text")]
    pub available: u128,
    /// What is set aside.
    #[serde(serialize_with = "as_text")]
    pub held: u128,
    /// What can be spent later.
    #[serde(serialize_with = "as_text")]
    pub pending: u128,
    /// What accounts owe.
    #[serde(serialize_with = "as_text")]
    pub owed: u128,
}

fn as_text<S: Serializer>(sum: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(sum)
}

impl StateSums {
    /// Adds up a state once all that is due by a time has been applied to it.
    pub fn at(state: State, time: Timestamp) -> Result<Self, ReplayError> {
        let (position, mut state) = (state.place(), state.with_schedule());
        while let Some(events) = state.take_due(time) {
            for event in events {
                state.evolve(state.position().next(), time, &event)?;
            }
        }
        let (mut accounts, mut offers, mut sold) = (0, 0, 0);
        let mut units: Vec<UnitSums> =
            state.units().map(|(unit, _)| UnitSums { unit, ..UnitSums::default() }).collect();
        let numbers: BTreeMap<UnitId, usize> =
            units.iter().enumerate().map(|(index, sums)| (sums.unit, index)).collect();
        for (_, account) in state.accounts() {
            accounts += 1;
            for (number, wallet) in account.wallets() {
                let unit = state.unit_id(number).and_then(|unit| numbers.get(&unit));
                let Some(sums) = unit.and_then(|index| units.get_mut(*index)) else { continue };
                sums.available += u128::from(wallet.available().get());
                sums.held += u128::from(wallet.held().get());
                sums.pending += u128::from(wallet.pending().get());
                sums.owed += u128::from(wallet.owed().get());
            }
        }
        for (_, offer) in state.offers() {
            offers += 1;
            sold += u128::from(offer.inventory.sold().get());
        }
        Ok(Self { position, at: time, accounts, offers, sold, units })
    }
}
