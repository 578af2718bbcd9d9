//! What the `PATCH` calls have in common: the handler has the terms shown, merges the patch onto
//! them, and sends the whole to the writer for the version that was shown. If another change came
//! in between, it begins again.

use axum::http::HeaderMap;
use domain::Refusal;
use wire::{Precondition, Problem};

use crate::refusal_problem::{if_match_missing, refused};

/// The versions that the patch is for. A patch without If-Match is refused.
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

/// The problem of a merged body that is invalid. If the caller's If-Match names another version
/// than the one shown, the answer is that the version has changed: the invalid field may be one
/// that the caller didn't send.
pub(crate) fn stale_or(problem: Problem, is_meant: bool, changed: Refusal) -> Problem {
    if is_meant { problem } else { refused(&changed) }
}

/// The versions for which a merged body may be decided: version `shown`, onto which it was merged,
/// if the caller's If-Match allows that version. Otherwise no version: then the body is refused
/// unless it changes nothing.
pub(crate) fn versions_as_read(read: &Precondition, shown: u64) -> Box<[u64]> {
    if read.matches(shown) { [shown].into() } else { [].into() }
}

/// The versions in If-Match, for a call that merges nothing; `None` for `*`.
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
