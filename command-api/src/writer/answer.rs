//! What a writer is asked, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use domain::{Command, Event, Preview, Refusal, Subject, SwitchName};
use log_record::{Place, Principal};

use super::queue::Class;

/// A command, and what is known of its caller.
#[derive(Clone, Debug)]
pub struct Request {
    /// The command.
    pub command: Command,
    /// Whether to answer only what a redemption would do, and record nothing.
    pub is_dry_run: bool,
    /// Who asks. It is no part of the command: a repeat by another caller is the same command.
    pub principal: Option<Arc<Principal>>,
    /// The trace that it is part of.
    pub traceparent: Option<Box<str>>,
    /// The id of the request that it came with.
    pub request_id: Option<Box<str>>,
    /// Whether an operator has marked it, or its account: then it is logged in detail.
    pub is_marked: bool,
    /// Whether it came in a call with many: then it waits behind those that came alone.
    pub is_one_of_many: bool,
    /// How long its caller waits, where that is shorter than what the writer gives a command.
    pub wait: Option<Duration>,
}

impl Request {
    /// A command that comes alone, and of whose caller nothing is known.
    #[must_use]
    pub const fn of(command: Command) -> Self {
        Self {
            command,
            is_dry_run: false,
            principal: None,
            traceparent: None,
            request_id: None,
            is_marked: false,
            is_one_of_many: false,
            wait: None,
        }
    }

    /// Whose place in the queue it takes.
    pub(crate) const fn class(&self) -> Class {
        if self.is_one_of_many { Class::Many } else { Class::Single }
    }
}

/// The outcome of a command, durable when it is given.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The command was recorded.
    Recorded {
        /// The place of the event that bears the command's id.
        place: Place,
        /// That event.
        event: Box<Event>,
        /// The place of the last of its events.
        last: Place,
        /// The thing that the command set or is about, as it was then.
        subject: Option<Subject>,
    },
    /// The same request was recorded before.
    Repeat {
        /// The place of the event that bears the command's id.
        place: Place,
        /// That event.
        event: Box<Event>,
        /// An event by which all that followed from the command is recorded.
        last: Place,
        /// The thing that the command is about, as it is now.
        subject: Option<Subject>,
    },
    /// The id was recorded for another request, which differs first in this field.
    IdReused(&'static str),
    /// The thing was as asked for already, since the event at this place.
    Unchanged(Place, Subject),
    /// What a redemption would do; nothing was recorded.
    Preview(Box<Preview>),
    /// The command was refused.
    Refused(Refusal),
}

/// Why there is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Nothing happened.
    NotDecided(NotDecided),
    /// The command was decided, and whether it was recorded isn't known yet.
    OutcomeUnknown,
    /// Deciding it failed, and it will not be tried again until the next start. Nothing happened.
    Panicked,
    /// What was recorded before can't be read at the moment; the same request may succeed later.
    /// It recorded nothing new.
    OriginalUnread,
    /// What was recorded before can't be read or used. The reason is in the program's log. It
    /// recorded nothing new.
    Failed,
}

/// Why a command was not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDecided {
    /// Too many commands wait.
    QueueFull,
    /// Commands wait too long, and this one may be refused for that.
    Overloaded {
        /// After so many seconds it may come again.
        seconds: u32,
    },
    /// The log takes nothing, again and again.
    LogAway,
    /// Its deadline passed before its turn came.
    DeadlinePassed,
    /// Another writer has taken over.
    Deposed,
    /// An operator has turned a switch on, under which it isn't recorded.
    SwitchedOff(SwitchName),
    /// The wall clock can't be trusted until an operator confirms it.
    ClockUnconfirmed,
    /// The writer is stopping or has stopped.
    Stopped,
}
