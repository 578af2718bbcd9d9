//! The lane of a shipping request: the messages of one lane are sent and numbered in order.

use domain::{AccountId, WarehouseId};
use log_record::Partition;
use sha2::{Digest, Sha256};

/// How many lanes a warehouse has in each partition.
pub const LANE_SLOTS: u64 = 16;

/// `{partition}/{warehouse}/{slot}`. The slot is bytes 8 to 15 of SHA-256 of the account id, as a
/// big-endian number, modulo 16. (Bytes 0 to 7 are for choosing a partition: taken from the same
/// bytes, slot and partition would go together, and most lanes would stay empty.)
#[must_use]
pub fn lane(partition: Partition, warehouse: &WarehouseId, account: &AccountId) -> String {
    let hash = Sha256::digest(account.as_str());
    let number = hash[8..16].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    format!("{partition}/{warehouse}/{}", number % LANE_SLOTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Warehouses keep what they have had by lane, so an account's lane never changes. The numbers
    /// were worked out with Python's hashlib.
    #[test]
    fn an_account_stays_in_its_lane_for_ever() {
        let lane = |account: &str| {
            let (warehouse, account) = ("main".parse(), account.parse());
            lane(Partition(0), &warehouse.expect("an id"), &account.expect("an id"))
        };
        assert_eq!(lane("ann"), "0/main/3");
        assert_eq!(lane("hh-1029"), "0/main/6");
    }
}
