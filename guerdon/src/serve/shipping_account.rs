//! Whose a shipping request is: its id names the event that it comes from.

use event_store::{EventStore, StoreError};
use log_record::ShippingRequestId;

/// The account of a request of this log; nothing where there is no such request.
pub(super) async fn account_of(
    store: &EventStore,
    request: &str,
) -> Result<Option<String>, StoreError> {
    let Ok(id) = request.parse::<ShippingRequestId>() else { return Ok(None) };
    if id.log_id != store.log_id() {
        return Ok(None);
    }
    match store.read_one(id.place).await {
        Ok(event) => Ok(event.account_id.map(Into::into)),
        // There is no such event.
        Err(StoreError::CorruptEvent { .. } | StoreError::NoSuchPartition(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
