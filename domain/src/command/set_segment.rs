//! Put an account into a segment, or take it out.

use log_record::Position;

use super::rules::{CommandRules, Owner};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, Event, Refusal, SegmentId, SegmentSet, State, Subject, Timestamp,
};

/// Says whether an account is in a segment. Its version is the position of the event that said so
/// last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetSegment {
    /// The account.
    pub account_id: AccountId,
    /// The segment.
    pub segment: SegmentId,
    /// Whether the account is in it from now on.
    pub member: bool,
    /// The versions of which the caller read one; without them, any.
    pub read_versions: Option<Box<[u64]>>,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for SetSegment {
    fn name(&self) -> &'static str {
        "set-segment"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let account = draft.state.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        let present = draft.state.segment(&self.account_id, self.segment);
        if present.is_some_and(|(member, _)| member == self.member) {
            return Ok(Decision::Unchanged);
        }
        let version = present.map_or(0, |(_, changed_at)| changed_at.0);
        if self.read_versions.as_ref().is_some_and(|read| !read.contains(&version)) {
            return Err(Refusal::SegmentChanged { version });
        }
        if present.is_none() {
            account.check_new_segment()?;
        }
        let set = SegmentSet {
            segment: self.segment,
            member: self.member,
            occurred_at: self.occurred_at,
        };
        draft.push_outcome(Event::SegmentSet(self.account_id.clone(), set));
        Ok(draft.finish())
    }

    fn subject(&self, state: &State) -> Option<(Subject, Position)> {
        let (member, changed_at) = state.segment(&self.account_id, self.segment)?;
        Some((Subject::Segment { member }, changed_at))
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;
    use crate::{Command, Terms};

    fn for_staff(command: Command) -> Command {
        with_terms(command, |terms| Terms { segment: Some(id("staff")), ..terms })
    }

    #[test]
    fn an_offer_of_a_segment_is_for_its_accounts_alone() {
        given([earned("ann", 500, "B-1"), earned("bob", 500, "B-1")])
            .does(for_staff(open("mug", 1, None)))
            .refuses(redeem("ann", "x-1", "mug"), "segment-required")
            .does(set_segment("ann", "staff", true))
            .does(redeem("ann", "x-1", "mug"))
            .refuses(redeem("bob", "x-1", "mug"), "segment-required")
            .does(hold("bob", "h-1", 1, 100))
            .refuses(capture_for("bob", "h-1", "x-1", "mug"), "segment-required")
            .does(set_segment("ann", "staff", false))
            .refuses(redeem("ann", "x-2", "mug"), "segment-required")
            .when(redeem("ann", "x-1", "mug"))
            .then_repeats(7);
    }

    #[test]
    fn a_segment_that_is_as_asked_for_stands() {
        given([earned("ann", 500, "B-1")])
            .does(set_segment("ann", "staff", true))
            .when(set_segment("ann", "staff", true))
            .then_unchanged();
        given([earned("ann", 500, "B-1")])
            .does(set_segment("ann", "staff", false))
            .when(set_segment("ann", "staff", false))
            .then_unchanged();
    }

    #[test]
    fn a_segment_is_changed_as_it_was_read() {
        let read = |member, version| set_segment_read("ann", "staff", member, version);
        given([earned("ann", 500, "B-1")])
            .refuses(read(true, 1), "segment-changed")
            .does(read(true, 0))
            .refuses(read(false, 0), "segment-changed")
            .does(read(false, 3))
            .when(read(false, 3))
            .then_unchanged();
    }

    #[test]
    fn only_an_account_has_segments_and_not_without_end() {
        given([]).refuses(set_segment("ann", "staff", true), "account-unknown");
        let mut full = given([earned("ann", 500, "B-1")]);
        for number in 0..100 {
            full = full.does(set_segment("ann", &format!("s-{number}"), number % 2 == 0));
        }
        full.refuses(set_segment("ann", "staff", true), "account-full")
            .does(set_segment("ann", "s-0", false));
    }
}
