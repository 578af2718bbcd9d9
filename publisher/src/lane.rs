//! One lane: what was handed over, what was acknowledged, and why it can't go on.
//!
//! It knows neither Kafka nor the database. Messages are handed over in order; its checkpoint is
//! the last one before which, and with which, all is acknowledged. What fails is drained first:
//! only when nothing of the lane is in flight any more does it go on from its checkpoint.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::state::LaneRow;

/// How long a lane rests whose message can't be sent, at first and at most.
const REST_MIN: Duration = Duration::from_millis(500);
const REST_MAX: Duration = Duration::from_secs(60);

/// What a lane needs to know of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) place: i64,
    pub(crate) sequence: i64,
    pub(crate) message_id: String,
    pub(crate) digest: String,
}

/// A lane of the warehouse that is fed.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Up to where it is acknowledged, as it is to be kept.
    row: LaneRow,
    /// The row isn't kept yet as it is.
    is_news: bool,
    /// What was handed over after that, in order; true: acknowledged already.
    in_flight: VecDeque<(Sent, bool)>,
    /// How many of those have not been told of.
    untold: usize,
    /// The checkpoint went back, and what is in flight doesn't follow it any more.
    went_back: bool,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Open,
    /// Something failed; the rest of what is in flight is waited for.
    Draining(Fate),
    /// Its next message can't be sent for now.
    Resting {
        until: Instant,
        tries: u32,
    },
    /// One message has been handed over, to see whether it can be sent by now.
    Probing {
        tries: u32,
    },
}

#[derive(Debug)]
enum Fate {
    /// It goes on from its checkpoint with another producer.
    GoOn,
    /// It rests, for the so-many-th time.
    Rest { tries: u32 },
}

/// What is to be done when a message's fate is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    /// Messages after this place are to be read again for this lane.
    ReadAgainAfter(i64),
}

impl Lane {
    pub(crate) fn new(row: LaneRow, is_news: bool) -> Self {
        let phase = match row.blocked_why {
            None => Phase::Open,
            Some(_) => Phase::Resting { until: Instant::now(), tries: 0 },
        };
        Self { row, is_news, in_flight: VecDeque::new(), untold: 0, went_back: false, phase }
    }

    pub(crate) const fn row(&self) -> &LaneRow {
        &self.row
    }

    /// The sequence of the last message that was handed over, or else acknowledged.
    pub(crate) fn last_sequence(&self) -> i64 {
        self.in_flight.back().map_or(self.row.sequence, |(sent, _)| sent.sequence)
    }

    /// Whether a message at `place` is to be handed over now. What a lane that is held up doesn't
    /// take is read again for it.
    pub(crate) fn takes(&self, place: i64) -> bool {
        let last = self.in_flight.back().map_or(self.row.place, |(sent, _)| sent.place);
        matches!(self.phase, Phase::Open) && place > last
    }

    pub(crate) fn hand_over(&mut self, sent: Sent) {
        self.in_flight.push_back((sent, false));
        self.untold += 1;
    }

    /// The first place that isn't acknowledged, where something is in flight.
    pub(crate) fn first_in_flight(&self) -> Option<i64> {
        if self.went_back {
            return Some(self.row.place + 1);
        }
        self.in_flight.front().map(|(sent, _)| sent.place)
    }

    /// Whether its messages are left to be read again, and so don't hold up the warehouse's place.
    pub(crate) const fn is_held_up(&self) -> bool {
        self.row.blocked_why.is_some()
    }

    /// A message was acknowledged.
    pub(crate) fn acknowledged(&mut self, place: i64) -> Then {
        self.untold = self.untold.saturating_sub(1);
        let found = self.in_flight.binary_search_by_key(&place, |(sent, _)| sent.place);
        if let Ok(index) = found {
            self.in_flight[index].1 = true;
        }
        let follows = !self.went_back;
        while let Some((sent, _)) = self.in_flight.pop_front_if(|(_, is_told)| *is_told && follows)
        {
            self.row.place = sent.place;
            self.row.sequence = sent.sequence;
            self.row.message_id = sent.message_id;
            self.row.digest = sent.digest;
            self.is_news = true;
        }
        if let Phase::Probing { .. } = self.phase {
            return self.open();
        }
        self.drained()
    }

    /// The brokers won't have a message.
    pub(crate) fn refused(&mut self, why: &str) -> Then {
        self.untold = self.untold.saturating_sub(1);
        let tries = match self.phase {
            Phase::Probing { tries } | Phase::Draining(Fate::Rest { tries }) => tries,
            _ => 0,
        };
        if self.row.blocked_why.as_deref() != Some(why) {
            self.row.blocked_why = Some(why.to_owned());
            self.is_news = true;
        }
        self.phase = Phase::Draining(Fate::Rest { tries });
        self.drained()
    }

    /// A message was given back, because its producer is no longer any good.
    pub(crate) fn given_back(&mut self) -> Then {
        self.untold = self.untold.saturating_sub(1);
        match self.phase {
            Phase::Open => self.phase = Phase::Draining(Fate::GoOn),
            Phase::Probing { tries } => self.phase = Phase::Draining(Fate::Rest { tries }),
            Phase::Draining(_) | Phase::Resting { .. } => {}
        }
        self.drained()
    }

    /// Another producer is to send what follows. It would overtake what is in flight, which is
    /// waited for first.
    pub(crate) fn change_producer(&mut self) {
        if matches!(self.phase, Phase::Open) && self.untold > 0 {
            self.phase = Phase::Draining(Fate::GoOn);
        }
    }

    /// Goes back to a message that was acknowledged already: it may have been lost.
    pub(crate) fn go_back(&mut self, row: LaneRow) -> Then {
        self.row = LaneRow { blocked_why: self.row.blocked_why.take(), ..row };
        self.is_news = true;
        self.went_back = true;
        if let Phase::Open = self.phase {
            self.phase = Phase::Draining(Fate::GoOn);
        }
        self.drained()
    }

    fn drained(&mut self) -> Then {
        if self.untold > 0 {
            return Then::Nothing;
        }
        match self.phase {
            Phase::Draining(Fate::GoOn) => {
                self.forget();
                self.phase = Phase::Open;
                Then::ReadAgainAfter(self.row.place)
            }
            Phase::Draining(Fate::Rest { tries }) => {
                self.forget();
                let rest = REST_MIN.saturating_mul(1 << tries.min(16)).min(REST_MAX);
                self.phase = Phase::Resting { until: Instant::now() + rest, tries: tries + 1 };
                Then::Nothing
            }
            _ => Then::Nothing,
        }
    }

    /// When its next message is to be tried again, where it rests.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Resting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Tries with this message whether it can be sent by now.
    pub(crate) fn probe(&mut self, sent: Sent) {
        if let Phase::Resting { tries, .. } = self.phase {
            self.phase = Phase::Probing { tries };
            self.hand_over(sent);
        }
    }

    /// Goes on after its checkpoint: it can be sent to, or there is nothing to try with.
    pub(crate) fn open(&mut self) -> Then {
        self.forget();
        self.phase = Phase::Open;
        self.row.blocked_why = None;
        self.is_news = true;
        Then::ReadAgainAfter(self.row.place)
    }

    fn forget(&mut self) {
        self.in_flight.clear();
        self.went_back = false;
    }

    /// Its row, where that isn't kept yet as it is.
    pub(crate) fn news(&self) -> Option<&LaneRow> {
        self.is_news.then_some(&self.row)
    }

    /// Its row has been kept.
    pub(crate) fn kept(&mut self) {
        self.is_news = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane() -> Lane {
        let feed = "0/main".parse().expect("a feed's name");
        let row = LaneRow { topic: "requests".into(), ..LaneRow::new("0/main/3", &feed) };
        Lane::new(row, false)
    }

    fn sent(sequence: i64) -> Sent {
        let place = sequence * 10;
        Sent { place, sequence, message_id: format!("m-{sequence}"), digest: String::new() }
    }

    fn with_three_sent() -> Lane {
        let mut lane = lane();
        (1..=3).for_each(|sequence| lane.hand_over(sent(sequence)));
        lane
    }

    #[test]
    fn its_checkpoint_moves_only_over_what_is_acknowledged_without_a_gap() {
        let mut lane = with_three_sent();
        lane.acknowledged(20);
        assert_eq!((lane.row().sequence, lane.news()), (0, None));
        assert_eq!(lane.first_in_flight(), Some(10));
        lane.acknowledged(10);
        assert_eq!((lane.row().sequence, lane.row().message_id.as_str()), (2, "m-2"));
        lane.acknowledged(30);
        assert_eq!((lane.row().place, lane.first_in_flight()), (30, None));
    }

    #[test]
    fn what_was_handed_over_is_not_taken_twice() {
        let lane = with_three_sent();
        assert!(!lane.takes(30));
        assert!(lane.takes(40));
    }

    #[test]
    fn a_refused_message_stops_its_lane_when_nothing_is_in_flight_any_more() {
        let mut lane = with_three_sent();
        lane.acknowledged(10);
        assert_eq!(lane.refused("too large"), Then::Nothing);
        assert!(lane.rests_until().is_none() && !lane.takes(40), "one is in flight");
        lane.acknowledged(30);
        assert!(lane.rests_until().is_some());
        assert_eq!(
            (lane.row().sequence, lane.row().blocked_why.as_deref()),
            (1, Some("too large"))
        );
        assert!(lane.is_held_up());

        // It tries that very message, and then goes on after it.
        lane.probe(sent(2));
        assert_eq!(lane.acknowledged(20), Then::ReadAgainAfter(20));
        assert!(!lane.is_held_up() && lane.takes(30));
    }

    #[test]
    fn what_is_refused_again_rests_longer() {
        let mut lane = lane();
        lane.hand_over(sent(1));
        lane.refused("too large");
        let first = lane.rests_until().expect("it rests") - Instant::now();
        lane.probe(sent(1));
        lane.refused("too large");
        let second = lane.rests_until().expect("it rests") - Instant::now();
        assert!(second > first, "{first:?} and then {second:?}");
    }

    #[test]
    fn what_a_lost_producer_gives_back_is_read_again_from_the_checkpoint() {
        let mut lane = with_three_sent();
        lane.acknowledged(10);
        assert_eq!(lane.given_back(), Then::Nothing);
        assert_eq!(lane.given_back(), Then::ReadAgainAfter(10));
        assert!(lane.takes(20) && !lane.is_held_up());
    }

    #[test]
    fn another_producer_does_not_overtake_what_is_in_flight() {
        let mut lane = with_three_sent();
        lane.change_producer();
        assert!(!lane.takes(40));
        lane.acknowledged(10);
        lane.given_back();
        assert_eq!(lane.given_back(), Then::ReadAgainAfter(10));
        assert!(lane.takes(20));
        lane.change_producer();
        assert!(lane.takes(20), "nothing is in flight");
    }

    #[test]
    fn a_lane_that_goes_back_waits_for_what_is_in_flight() {
        let mut lane = with_three_sent();
        lane.acknowledged(10);
        let back = LaneRow { place: 0, sequence: 0, ..lane.row().clone() };
        assert_eq!(lane.go_back(back), Then::Nothing);
        lane.acknowledged(20);
        assert_eq!((lane.row().place, lane.first_in_flight()), (0, Some(1)), "it stays back");
        assert_eq!(lane.acknowledged(30), Then::ReadAgainAfter(0));
        assert!(lane.takes(10));
    }
}
