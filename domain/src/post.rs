//! Numbers the messages of a decision in the making.

use std::collections::BTreeMap;

use log_record::Partition;

use crate::{Event, Message, MessageNumber, MessageSent, State};

/// Messages that are written one after the other against a state that doesn't change.
pub(crate) struct Post<'a> {
    state: &'a State,
    written: BTreeMap<Partition, MessageNumber>,
}

impl<'a> Post<'a> {
    /// Before the first message of a decision.
    pub(crate) const fn of(state: &'a State) -> Self {
        Self { state, written: BTreeMap::new() }
    }

    /// After the messages among these events.
    pub(crate) fn after(state: &'a State, events: &[Event]) -> Self {
        let mut post = Self::of(state);
        for event in events {
            if let Event::MessageSent(fact) = event {
                post.written.insert(fact.to, fact.number);
            }
        }
        post
    }

    /// The event that sends the message.
    pub(crate) fn write(&mut self, to: Partition, message: Message) -> Event {
        let last = self.written.get(&to).copied().unwrap_or_else(|| self.state.sent_to(to));
        let number = last.next();
        self.written.insert(to, number);
        Event::MessageSent(Box::new(MessageSent { to, number, message }))
    }

    /// The events that send it to every partition but this one.
    pub(crate) fn write_to_others(&mut self, message: &Message) -> Vec<Event> {
        let here = self.state.partition();
        let others = all(self.state).filter(|to| *to != here);
        others.map(|to| self.write(to, message.clone())).collect()
    }
}

/// Every partition of the log.
pub(crate) fn all(state: &State) -> impl Iterator<Item = Partition> {
    (0..state.partitions()).map(Partition)
}
