//! The alarm for goods that have left and that nobody wants any more.

use domain::{AccountId, Shipped, State};
use log_record::Partition;

use super::place;

/// Says so in the program's log where a parcel is dispatched that was cancelled, rejected or
/// settled: a human must see to it. It is said when that is decided, so once more where the append
/// fails and is tried again.
pub(super) fn warn_if_unwanted(
    state: &State,
    partition: Partition,
    account: &AccountId,
    shipped: &Shipped,
) {
    let Some(why) = state.unwanted(account, shipped) else { return };
    let (kind, id) = match shipped {
        Shipped::ExchangeId(id) => ("exchange", id.as_str()),
        Shipped::PurchaseId(id) => ("purchase", id.as_str()),
    };
    // The shipping request's id ends in these numbers.
    let asked_at = state.asked_at(account, shipped);
    let asked_at = asked_at.map(|at| place(partition, at).to_string());
    tracing::warn!(
        %account,
        kind,
        id,
        asked_at,
        why = why.as_str(),
        "a parcel was dispatched that is not wanted any more: see to it by hand"
    );
}
