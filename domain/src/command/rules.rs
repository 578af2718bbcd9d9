//! What a command's file says of its command: one `impl` of [`CommandRules`], and its scenarios.

use log_record::Position;

use crate::draft::Draft;
use crate::{
    AccountId, Cause, Decision, Event, IdHash, Preview, Refusal, State, Subject, Timestamp,
};

/// A command's rules.
pub(super) trait CommandRules {
    /// The name that is kept in the events' metadata.
    fn name(&self) -> &'static str;

    /// Whose command it is, and so which partition decides it.
    fn owner(&self) -> Owner<'_>;

    /// The id that makes a repeat of this command a repeat. A command that sets something whole has
    /// none: it changes nothing where the thing is as asked for.
    fn id_hash(&self) -> Option<IdHash> {
        None
    }

    /// Whether it is about something that the account has already: it is decided as ever where the
    /// account was merged into another. All other commands of accounts begin something.
    fn goes_on(&self) -> bool {
        false
    }

    /// What it earns for: a cause earns once for an account and for those that were merged into it.
    fn cause(&self) -> Option<Cause> {
        None
    }

    /// When it happened, according to the caller, where a caller can say so.
    fn occurred_at(&self) -> Option<Timestamp> {
        None
    }

    /// Decides the command, whose id was not recorded before, at the draft's time.
    fn decide(&self, draft: Draft<'_>) -> Result<Decision, Refusal>;

    /// What deciding it would do, where the command has a dry run; nothing where it has none.
    fn preview(&self, _draft: Draft<'_>) -> Option<Result<Preview, Refusal>> {
        None
    }

    /// The first field that differs from the request for which `event` was recorded. An erased
    /// field isn't compared.
    fn first_difference(&self, _event: &Event) -> Option<&'static str> {
        OTHER_CALL
    }

    /// Takes what deciding asked for by [`Decision::Load`]: the event at `position` and those right
    /// before it that belong to it, the last one last. Nothing where the command can't use them.
    fn load(&mut self, _before: &[Event], _position: Position, _event: &Event) -> Option<()> {
        None
    }

    /// The thing that the command sets whole or tells something of, in its present state, and the
    /// event that last changed it or asked for it.
    fn subject(&self, _state: &State) -> Option<(Subject, Position)> {
        None
    }
}

/// To whom a command or an event belongs: its key, by which its partition is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// An account; it lives in the partition that its id gives.
    Account(&'a AccountId),
    /// The programme: its offers, rules, policy and clock. It has one home partition.
    Programme,
}

/// The first difference where the event was recorded for another call: causes, captures and
/// adjustments share their ids with each other.
pub(super) const OTHER_CALL: Option<&'static str> = Some("call");

/// The first name whose values differ.
pub(super) fn first_different(fields: &[(&'static str, bool)]) -> Option<&'static str> {
    fields.iter().find(|(_, is_same)| !is_same).map(|(name, _)| *name)
}
