//! A writer that appends to a store.

use event_store::{Append, AppendError, EventStore};
use log_record::{BatchId, Epoch, Generation, NewEvent, Partition, Position, WriterId};
use uuid::Uuid;

/// A writer as it believes the partition to be.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    pub(super) partition: Partition,
    pub(super) epoch: Epoch,
    pub(super) generation: Generation,
    pub(super) expected: Position,
}

pub(super) async fn writer(store: &EventStore, partition: Partition, id: u128) -> Writer {
    let head = store.take_over(partition, writer_id(id)).await.expect("taken over");
    Writer { partition, epoch: head.epoch, generation: head.generation, expected: head.position }
}

impl Writer {
    pub(super) fn at(mut self, position: u64) -> Self {
        self.expected = Position(position);
        self
    }

    pub(super) async fn append<const N: usize>(
        self,
        store: &EventStore,
        names: [&str; N],
    ) -> Result<Position, AppendError> {
        self.append_events(store, names.map(event).to_vec()).await
    }

    /// As many appends as the store's limit asks for.
    pub(super) async fn append_many(mut self, store: &EventStore, count: usize) {
        let mut events: Vec<NewEvent> = (0..count).map(|_| event("many")).collect();
        while !events.is_empty() {
            let rest = events.split_off(store.append_limit().fitting(&events));
            let landed = self.append_events(store, events).await;
            (self.expected, events) = (landed.expect("appended"), rest);
        }
    }

    pub(super) async fn append_events(
        self,
        store: &EventStore,
        events: Vec<NewEvent>,
    ) -> Result<Position, AppendError> {
        let Self { partition, epoch, generation, expected } = self;
        let batch = BatchId(Uuid::from_u128(expected.0.into()));
        let append = Append { partition, epoch, generation, expected, batch, events };
        store.append(append).await.map(|landed| landed.position)
    }
}

pub(super) fn writer_id(id: u128) -> WriterId {
    WriterId(Uuid::from_u128(id))
}

pub(super) fn event(name: &str) -> NewEvent {
    NewEvent {
        event_type: "credit-earned",
        version: 1,
        recorded_at: 1_795_248_000_000_000,
        account_id: Some("ann".into()),
        public: format!(r#"{{"name":"{name}","text":"gruß \u0000"}}"#).into(),
        private: r#"{"salt":"00","deliver_to":"1 Elm Street"}"#.into(),
    }
}
