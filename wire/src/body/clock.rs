//! The ledger's clock.

use domain::Timestamp;
use log_record::Place;
use serde::{Deserialize, Serialize};

/// `PUT /v1/clock/confirmation`: an operator vouches for the ledger's clock.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmClockBody {
    /// The time on a clock that is right. The ledger's clock must agree within a minute.
    pub wall: Timestamp,
}

/// The clock was confirmed.
#[derive(Clone, Debug, Serialize)]
pub struct ClockConfirmationBody {
    /// The time that was confirmed.
    pub wall: Timestamp,
    /// The position of the event `clock-confirmed`.
    pub position: Place,
}
