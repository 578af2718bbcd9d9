//! One lane: what was handed over, what was acknowledged, and why it can't go on.
//!
//! It knows neither Kafka nor the database. Messages are handed over in order and counted, so that
//! outcomes come for whole runs of them. The lane's checkpoint is the last message up to which all
//! are acknowledged. After a failure the lane drains first: it goes on from its checkpoint only
//! when none of its messages is in flight any more.

use std::collections::VecDeque;
use std::time::Duration;

use log_record::{PackedPlace, ShippingRequestId};
use tokio::time::Instant;

use super::message::MessageDigest;
use crate::kafka::outcomes::Run;
use crate::state::checkpoint::LaneCheckpoint;

/// How long a lane rests whose message can't be sent, at first and at most.
const REST_MIN: Duration = Duration::from_millis(500);
const REST_MAX: Duration = Duration::from_secs(60);

/// A message as its lane knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LaneEntry {
    pub(crate) place: PackedPlace,
    pub(crate) sequence: i64,
    /// The message's id.
    pub(crate) id: ShippingRequestId,
    pub(crate) digest: MessageDigest,
}

/// A lane of the warehouse that is fed.
#[derive(Debug)]
pub(crate) struct Lane {
    /// How far the lane is acknowledged.
    checkpoint: LaneCheckpoint,
    /// The checkpoint changed since it was stored.
    is_changed: bool,
    /// The messages handed over after the checkpoint, in order.
    handed_over: VecDeque<HandedOver>,
    /// How many messages were handed over, ever.
    count: u64,
    /// How many of them have no outcome yet.
    open: u64,
    /// The checkpoint went back; the messages handed over no longer follow it.
    went_back: bool,
    state: LaneState,
}

#[derive(Debug)]
struct HandedOver {
    entry: LaneEntry,
    is_acknowledged: bool,
}

#[derive(Debug)]
enum LaneState {
    /// It takes messages.
    Open,
    /// A message failed; the lane waits for the outcomes of the others.
    Draining(AfterDrain),
    /// Its next message can't be sent for now.
    Resting { until: Instant, tries: u32 },
    /// One message was handed over, to find out whether it can be sent now.
    Probing { tries: u32 },
}

#[derive(Debug)]
enum AfterDrain {
    /// The lane goes on from its checkpoint with another producer.
    GoOn,
    /// The lane rests; `tries` counts the rests before.
    Rest { tries: u32 },
}

/// What the feed has to do after a lane changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    /// Read the messages after this place again for the lane.
    ReadAgainAfter(PackedPlace),
}

impl Lane {
    pub(crate) fn new(checkpoint: LaneCheckpoint) -> Self {
        let state = match checkpoint.blocked_why {
            None => LaneState::Open,
            Some(_) => LaneState::Resting { until: Instant::now(), tries: 0 },
        };
        Self {
            checkpoint,
            is_changed: false,
            handed_over: VecDeque::new(),
            count: 0,
            open: 0,
            went_back: false,
            state,
        }
    }

    pub(crate) const fn checkpoint(&self) -> &LaneCheckpoint {
        &self.checkpoint
    }

    /// The sequence of the last message that was handed over, or else acknowledged.
    pub(crate) fn last_sequence(&self) -> i64 {
        self.handed_over.back().map_or(self.checkpoint.sequence, |last| last.entry.sequence)
    }

    /// Whether the message at `place` is to be handed over now. Messages that a lane in trouble
    /// doesn't take are read again for it later.
    pub(crate) fn takes(&self, place: PackedPlace) -> bool {
        let last = self.handed_over.back().map_or(self.checkpoint.place, |last| last.entry.place);
        matches!(self.state, LaneState::Open) && place > last
    }

    /// The number of the message that is handed over next.
    pub(crate) const fn next_number(&self) -> u64 {
        self.count
    }

    /// The place of the message with this number, while it is in flight.
    pub(crate) fn place_of(&self, number: u64) -> Option<PackedPlace> {
        let kept_from = self.count - self.handed_over.len() as u64;
        let index = usize::try_from(number.checked_sub(kept_from)?).ok()?;
        self.handed_over.get(index).map(|sent| sent.entry.place)
    }

    pub(crate) fn hand_over(&mut self, entry: LaneEntry) {
        self.handed_over.push_back(HandedOver { entry, is_acknowledged: false });
        self.count += 1;
        self.open += 1;
    }

    /// The first place that isn't acknowledged, if messages are in flight.
    pub(crate) fn first_in_flight(&self) -> Option<PackedPlace> {
        if self.went_back {
            return Some(self.checkpoint.place.next());
        }
        self.handed_over.front().map(|first| first.entry.place)
    }

    /// Whether a message of the lane can't be sent. Its messages are read again later, so they
    /// don't hold back the feed's place.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.checkpoint.blocked_why.is_some()
    }

    /// The brokers acknowledged a run of messages.
    pub(crate) fn acknowledged(&mut self, run: Run) -> Then {
        self.open = self.open.saturating_sub(run.count);
        let kept_from = self.count - self.handed_over.len() as u64;
        let first = run.first.saturating_sub(kept_from);
        let after = (run.first + run.count).saturating_sub(kept_from);
        let run = usize::try_from(first).unwrap_or(usize::MAX)
            ..usize::try_from(after).unwrap_or(usize::MAX).min(self.handed_over.len());
        if run.start < run.end {
            self.handed_over.range_mut(run).for_each(|sent| sent.is_acknowledged = true);
        }
        let follows = !self.went_back;
        let mut last = None;
        while let Some(HandedOver { entry, .. }) =
            self.handed_over.pop_front_if(|first| first.is_acknowledged && follows)
        {
            last = Some(entry);
        }
        if let Some(entry) = last {
            self.checkpoint.pass(entry);
            self.is_changed = true;
        }
        if let LaneState::Probing { .. } = self.state {
            return self.open();
        }
        self.drained()
    }

    /// The brokers refused a message.
    pub(crate) fn refused(&mut self, why: &str) -> Then {
        self.open = self.open.saturating_sub(1);
        let tries = match self.state {
            LaneState::Probing { tries } | LaneState::Draining(AfterDrain::Rest { tries }) => tries,
            _ => 0,
        };
        if self.checkpoint.blocked_why.as_deref() != Some(why) {
            self.checkpoint.blocked_why = Some(why.to_owned());
            self.is_changed = true;
        }
        self.state = LaneState::Draining(AfterDrain::Rest { tries });
        self.drained()
    }

    /// A failed producer gave a message back.
    pub(crate) fn given_back(&mut self) -> Then {
        self.open = self.open.saturating_sub(1);
        match self.state {
            LaneState::Open => self.state = LaneState::Draining(AfterDrain::GoOn),
            LaneState::Probing { tries } => {
                self.state = LaneState::Draining(AfterDrain::Rest { tries });
            }
            LaneState::Draining(_) | LaneState::Resting { .. } => {}
        }
        self.drained()
    }

    /// Another producer sends what follows. Its messages could overtake those in flight, so the
    /// lane waits for their outcomes first.
    pub(crate) fn change_producer(&mut self) {
        if matches!(self.state, LaneState::Open) && self.open > 0 {
            self.state = LaneState::Draining(AfterDrain::GoOn);
        }
    }

    /// Goes back to a message that was acknowledged and may be lost.
    pub(crate) fn go_back(&mut self, to: LaneCheckpoint) -> Then {
        self.checkpoint = LaneCheckpoint { blocked_why: self.checkpoint.blocked_why.take(), ..to };
        self.is_changed = true;
        self.went_back = true;
        if let LaneState::Open = self.state {
            self.state = LaneState::Draining(AfterDrain::GoOn);
        }
        self.drained()
    }

    fn drained(&mut self) -> Then {
        if self.open > 0 {
            return Then::Nothing;
        }
        match self.state {
            LaneState::Draining(AfterDrain::GoOn) => {
                self.forget_handed_over();
                self.state = LaneState::Open;
                Then::ReadAgainAfter(self.checkpoint.place)
            }
            LaneState::Draining(AfterDrain::Rest { tries }) => {
                self.forget_handed_over();
                let rest = REST_MIN.saturating_mul(1 << tries.min(16)).min(REST_MAX);
                self.state = LaneState::Resting { until: Instant::now() + rest, tries: tries + 1 };
                Then::Nothing
            }
            _ => Then::Nothing,
        }
    }

    /// When its next message is tried again, if the lane rests.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        match self.state {
            LaneState::Resting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Tries whether this message can be sent now.
    pub(crate) fn probe(&mut self, entry: LaneEntry) {
        if let LaneState::Resting { tries, .. } = self.state {
            self.state = LaneState::Probing { tries };
            self.hand_over(entry);
        }
    }

    /// Goes on after the checkpoint: the probe was acknowledged, or no message is left to try.
    pub(crate) fn open(&mut self) -> Then {
        self.forget_handed_over();
        self.state = LaneState::Open;
        self.checkpoint.blocked_why = None;
        self.is_changed = true;
        Then::ReadAgainAfter(self.checkpoint.place)
    }

    fn forget_handed_over(&mut self) {
        self.handed_over.clear();
        self.went_back = false;
    }

    /// The checkpoint, if it changed since it was stored.
    pub(crate) fn changed(&self) -> Option<&LaneCheckpoint> {
        self.is_changed.then_some(&self.checkpoint)
    }

    /// The checkpoint is stored, or about to be.
    pub(crate) fn stored(&mut self) {
        self.is_changed = false;
    }

    /// The checkpoint was not stored after all.
    pub(crate) fn not_stored(&mut self) {
        self.is_changed = true;
    }
}

#[cfg(test)]
mod tests {
    use log_record::{Generation, LogId};
    use uuid::Uuid;

    use super::*;

    fn lane() -> Lane {
        let name = "0/main/3".parse().expect("a lane's name");
        Lane::new(LaneCheckpoint { topic: "requests".into(), ..LaneCheckpoint::new(name) })
    }

    fn at(position: i64) -> PackedPlace {
        PackedPlace::from_i64(position)
    }

    fn id(sequence: i64) -> ShippingRequestId {
        let (log_id, generation) = (LogId(Uuid::from_u128(1)), Generation(1));
        ShippingRequestId { log_id, generation, place: at(sequence * 10).into() }
    }

    fn entry(sequence: i64) -> LaneEntry {
        let digest = MessageDigest::default();
        LaneEntry { place: at(sequence * 10), sequence, id: id(sequence), digest }
    }

    /// The message with this number was acknowledged; the first has 0.
    fn one(number: u64) -> Run {
        Run { first: number, count: 1 }
    }

    fn with_three_sent() -> Lane {
        let mut lane = lane();
        (1..=3).for_each(|sequence| lane.hand_over(entry(sequence)));
        lane
    }

    #[test]
    fn its_checkpoint_moves_only_over_what_is_acknowledged_without_a_gap() {
        let mut lane = with_three_sent();
        lane.acknowledged(one(1));
        assert_eq!((lane.checkpoint().sequence, lane.changed()), (0, None));
        assert_eq!(lane.first_in_flight(), Some(at(10)));
        lane.acknowledged(one(0));
        let checkpoint = lane.checkpoint();
        assert_eq!((checkpoint.sequence, &checkpoint.message_id), (2, &id(2).to_string()));
        lane.acknowledged(one(2));
        assert_eq!((lane.checkpoint().place, lane.first_in_flight()), (at(30), None));
    }

    #[test]
    fn a_run_of_messages_is_acknowledged_at_once() {
        let mut lane = with_three_sent();
        lane.hand_over(entry(4));
        lane.acknowledged(Run { first: 1, count: 3 });
        assert_eq!((lane.checkpoint().sequence, lane.changed()), (0, None), "the first is missing");
        lane.acknowledged(one(0));
        assert_eq!((lane.checkpoint().sequence, lane.first_in_flight()), (4, None));
    }

    #[test]
    fn what_was_handed_over_is_not_taken_twice() {
        let lane = with_three_sent();
        assert!(!lane.takes(at(30)));
        assert!(lane.takes(at(40)));
    }

    #[test]
    fn a_refused_message_stops_its_lane_when_nothing_is_in_flight_any_more() {
        let mut lane = with_three_sent();
        lane.acknowledged(one(0));
        assert_eq!(lane.refused("too large"), Then::Nothing);
        assert!(lane.rests_until().is_none() && !lane.takes(at(40)), "one is in flight");
        lane.acknowledged(one(2));
        assert!(lane.rests_until().is_some());
        assert_eq!(
            (lane.checkpoint().sequence, lane.checkpoint().blocked_why.as_deref()),
            (1, Some("too large"))
        );
        assert!(lane.is_blocked());

        // It tries that very message, and then goes on after it.
        let number = lane.next_number();
        lane.probe(entry(2));
        assert_eq!(lane.acknowledged(one(number)), Then::ReadAgainAfter(at(20)));
        assert!(!lane.is_blocked() && lane.takes(at(30)));
    }

    #[test]
    fn what_is_refused_again_rests_longer() {
        let mut lane = lane();
        lane.hand_over(entry(1));
        lane.refused("too large");
        let first = lane.rests_until().expect("it rests") - Instant::now();
        lane.probe(entry(1));
        lane.refused("too large");
        let second = lane.rests_until().expect("it rests") - Instant::now();
        assert!(second > first, "{first:?} and then {second:?}");
    }

    #[test]
    fn what_a_lost_producer_gives_back_is_read_again_from_the_checkpoint() {
        let mut lane = with_three_sent();
        lane.acknowledged(one(0));
        assert_eq!(lane.given_back(), Then::Nothing);
        assert_eq!(lane.given_back(), Then::ReadAgainAfter(at(10)));
        assert!(lane.takes(at(20)) && !lane.is_blocked());
    }

    #[test]
    fn another_producer_does_not_overtake_what_is_in_flight() {
        let mut lane = with_three_sent();
        lane.change_producer();
        assert!(!lane.takes(at(40)));
        lane.acknowledged(one(0));
        lane.given_back();
        assert_eq!(lane.given_back(), Then::ReadAgainAfter(at(10)));
        assert!(lane.takes(at(20)));
        lane.change_producer();
        assert!(lane.takes(at(20)), "nothing is in flight");
    }

    #[test]
    fn a_lane_that_goes_back_waits_for_what_is_in_flight() {
        let mut lane = with_three_sent();
        lane.acknowledged(one(0));
        let back = LaneCheckpoint { place: at(0), sequence: 0, ..lane.checkpoint().clone() };
        assert_eq!(lane.go_back(back), Then::Nothing);
        lane.acknowledged(one(1));
        assert_eq!(
            (lane.checkpoint().place, lane.first_in_flight()),
            (at(0), Some(at(1))),
            "it stays back"
        );
        assert_eq!(lane.acknowledged(one(2)), Then::ReadAgainAfter(at(0)));
        assert!(lane.takes(at(10)));
    }
}
