//! Where all partitions end at one moment.

use log_record::{Head, Partition};

use crate::{EventStore, StoreError};

impl EventStore {
    /// The ends of all partitions, in their order and as of one moment: where a receipt is before
    /// one's end, its message is before another's. Ends that are read one after the other don't
    /// promise that.
    pub async fn heads(&self) -> Result<Vec<(Partition, Head)>, StoreError> {
        match self {
            Self::Memory(store) => store.heads(),
            Self::Sqlite(store) => store.heads().await,
            Self::Postgres(store) => store.heads().await,
            // A ledger there has one partition.
            #[cfg(feature = "kurrent")]
            Self::Kurrent(store) => {
                let mut heads = vec![];
                for partition in (0..store.partitions()).map(Partition) {
                    heads.push((partition, store.head(partition).await?));
                }
                Ok(heads)
            }
        }
    }
}
