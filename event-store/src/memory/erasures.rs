//! Erasing private texts in memory.

use log_record::{Partition, Position, Private, RecordedEvent};

use super::MemoryStore;
use crate::StoreError;
use crate::erasure::{Erased, Erasure, Found};

impl MemoryStore {
    pub(crate) fn note_erasures(&self) {
        let log = &mut *self.log();
        for event in log.partitions.iter().flat_map(|partition| &partition.events) {
            let is_noted = log.erasures.iter().any(|erasure| erasure.place == event.place);
            if *event.event_type != *RecordedEvent::ERASURE || is_noted {
                continue;
            }
            let public: serde_json::Value = serde_json::from_str(&event.public).unwrap_or_default();
            log.erasures.push(Erasure {
                place: event.place,
                account_id: event.account_id.as_deref().unwrap_or_default().to_owned(),
                until: Position(public["until"].as_u64().unwrap_or_default()),
                asked_at: event.recorded_at,
                log_at: None,
                archive_at: None,
                read_model_at: None,
                ranges: vec![],
                done_at: None,
                also: vec![],
            });
        }
    }

    pub(crate) fn erasures(&self) -> Vec<Erasure> {
        self.log().erasures.clone()
    }

    pub(crate) fn save_erasure(&self, erasure: &Erasure) {
        let log = &mut *self.log();
        for known in log.erasures.iter_mut().filter(|known| known.place == erasure.place) {
            known.clone_from(erasure);
        }
    }

    pub(crate) fn events_of(
        &self,
        at: Partition,
        (after, to): (Position, Position),
        erased: &Erased,
    ) -> Result<Vec<Found>, StoreError> {
        let log = &mut *self.log();
        let events = log.partition(at)?.events.iter();
        let events = events.filter(|event| (after.next()..=to).contains(&event.position()));
        let found = events.filter(|event| erased.has_event(event)).map(|event| Found {
            position: event.position(),
            account_id: event.account_id.as_deref().unwrap_or_default().to_owned(),
            has_text: matches!(event.private, Private::Text(_)),
        });
        Ok(found.collect())
    }

    pub(crate) fn erase_at(&self, at: Partition, positions: &[Position]) -> Result<(), StoreError> {
        let log = &mut *self.log();
        for event in &mut log.partition(at)?.events {
            if positions.contains(&event.position()) {
                event.private = Private::Erased(event.private_hash());
            }
        }
        Ok(())
    }
}
