//! Seals of balances in few words; none has any.

use log_record::Position;

use super::values::*;
use crate::command::SealBalances;
use crate::*;

/// Seals no balances, as the log up to a position makes them.
pub(crate) fn seal(seal: &str, up_to: u64) -> Command {
    let sealed = Some(no_balances(up_to));
    Command::SealBalances(SealBalances { seal_id: id(seal), sealed })
}

pub(crate) fn sealed(seal: &str, up_to: u64) -> Event {
    Event::BalancesSealed(BalancesSealed { seal_id: id(seal), sealed: no_balances(up_to) })
}

pub(crate) fn no_balances(up_to: u64) -> SealedBalances {
    let up_to = Position(up_to);
    let home = SealedTrees { up_to, as_of: time(0), salts: SaltsId([0; 8]), units: vec![] };
    SealedBalances { home, further: vec![] }
}
