//! What `PATCH` has in common wherever it is: the terms are shown, the patch is merged onto them,
//! and the whole goes to the writer for the version that was shown. If somebody else's change came
//! in between, they are shown again.

use axum::http::HeaderMap;
use domain::Refusal;
use wire::{Precondition, Problem};

use crate::refusal_problem::{if_match_missing, refused};

/// The versions for which the patch is meant; there is no patch without.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Precondition, Problem> {
    match Precondition::read(headers)? {
        Precondition::Absent => Err(if_match_missing()),
        Precondition::IsNew => Err(Problem::invalid_header(
            "If-None-Match",
            "isn't heeded by this call; send If-Match with the ETag that was read",
        )),
        read => Ok(read),
    }
}

/// What is wrong with a body that was merged: whoever meant another version than the one that was
/// shown must read again first, because it may be about a field that nobody sent.
pub(crate) fn stale_or(problem: Problem, is_meant: bool, changed: Refusal) -> Problem {
    if is_meant { problem } else { refused(&changed) }
}

/// The versions for which a body may be decided that was merged onto version `shown`: this one, if
/// the caller meant it. With none, only a body that changes nothing is not refused.
pub(crate) fn versions_as_read(read: &Precondition, shown: u64) -> Option<Box<[u64]>> {
    Some(if read.matches(shown) { [shown].into() } else { [].into() })
}

/// The same versions, where the change is the caller's whole.
pub(crate) fn read_versions(headers: &HeaderMap) -> Result<Option<Box<[u64]>>, Problem> {
    Ok(match if_match(headers)? {
        Precondition::Versions(versions) => Some(versions),
        _ => None,
    })
}

/// Whether the thing had another version by the time that the change was decided.
pub(crate) fn is_overtaken(problem: &Problem) -> bool {
    let changed = [
        Refusal::OfferChanged { version: 0 },
        Refusal::RuleChanged { version: 0 },
        Refusal::PolicyChanged { version: 0 },
    ];
    changed.iter().any(|refusal| refusal.code() == problem.code())
}
