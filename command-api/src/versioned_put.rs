//! What `If-Match` and `If-None-Match` mean for a `PUT` of a thing with versions.

use domain::command::ExpectedVersion;
use wire::{Precondition, Problem};

use crate::execute::Done;
use crate::refusal_problem::{already_exists, exists_where_new};

/// The version that the command may replace.
pub(crate) fn expected_version(precondition: &Precondition) -> ExpectedVersion {
    match precondition {
        Precondition::Absent | Precondition::IsNew => ExpectedVersion::Absent,
        Precondition::AnyVersion => ExpectedVersion::Any,
        Precondition::Versions(versions) => ExpectedVersion::OneOf(versions.clone()),
    }
}

/// Whether it was made just now, where `If-None-Match: *` asks for that.
pub(crate) fn new_if_asked(
    precondition: &Precondition,
    done: Result<Done, Problem>,
) -> Result<Done, Problem> {
    match (precondition, done) {
        (Precondition::IsNew, Ok(done)) if done.is_repeat => Err(already_exists()),
        (Precondition::IsNew, Err(problem)) => Err(exists_where_new(problem)),
        (_, done) => done,
    }
}
