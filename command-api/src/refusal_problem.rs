//! Refusals as problem documents, and the command API's own problems. A refusal's texts are in its
//! row in `domain/src/refusal.rs`; its HTTP status follows from its kind, here.

use axum::http::StatusCode;
use domain::{Fact, Refusal, RefusalKind, RefusalRow, SwitchName};
use wire::{BEING_CHECKED, OUR_MISTAKE, Problem, ProblemPage, TRY_AGAIN};

use crate::keys::KEY_ENDED;
use crate::switches::SWITCH_CHANGED;
use crate::{NoTrees, NotDecided};

/// How long a client should wait before it asks again. The wait is milliseconds; `Retry-After`
/// counts whole seconds.
const RETRY_AFTER_SECONDS: u32 = 1;

/// How long a client should wait where an operator must act first.
const RETRY_AFTER_CLOCK_SECONDS: u32 = 60;

/// How long a client should wait where the log takes nothing, which is tried once a second.
const RETRY_AFTER_AWAY_SECONDS: u32 = 2;

/// How long a client should wait where an operator has turned a switch on: neither so long that
/// nobody comes back when it is off again, nor so short that all ask all the time.
const RETRY_AFTER_SWITCH_SECONDS: u32 = 10;

const AGAIN: &str = "Send the same request again in a second.";

const AGAIN_LATER: &str = "Send the same request again after Retry-After.";

/// The pages that explain every problem of the command API.
pub fn problem_pages() -> impl Iterator<Item = ProblemPage> {
    let own = [
        ADJUSTMENT_FORBIDDEN,
        ALREADY_EXISTS,
        IF_MATCH_MISSING,
        ID_REUSED,
        NOT_DECIDED,
        OUTCOME_UNKNOWN,
        DECISION_FAILED,
        KEY_ENDED,
        SWITCH_CHANGED,
        ERASURE_UNAVAILABLE,
        CODE_KEY_MISSING,
    ];
    Refusal::ROWS.iter().map(refusal_page).chain(own)
}

/// A refusal's problem.
pub(crate) fn refused(refusal: &Refusal) -> Problem {
    let problem = Problem::of(&refusal_page(refusal.row()), refusal.to_string());
    refusal.facts().into_iter().fold(problem, |problem, (name, fact)| match fact {
        Fact::Number(number) => problem.fact(name, number),
        Fact::Time(time) => problem.fact(name, time.to_string()),
        Fact::Unit(unit) => problem.fact(name, unit.as_str()),
        Fact::Ladder(ladder) => problem.fact(name, ladder.as_str()),
        Fact::Tier(tier) => problem.fact(name, tier.as_str()),
        Fact::Segment(segment) => problem.fact(name, segment.as_str()),
        Fact::Field(word) | Fact::Word(word) => problem.fact(name, word),
    })
}

fn refusal_page(row: &RefusalRow) -> ProblemPage {
    let RefusalRow { code, kind, can_succeed_later, title, meaning, remedy, shopper } = *row;
    let status = match kind {
        RefusalKind::Conflict => StatusCode::CONFLICT,
        RefusalKind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        RefusalKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
    };
    ProblemPage { status, slug: code, title, meaning, remedy, shopper, can_succeed_later }
}

/// A refusal's problem, where the path names the offer or the rule: an unknown one is 404 there.
pub(crate) fn not_found_where_unknown(problem: Problem) -> Problem {
    if problem.code() == Refusal::OfferUnknown.code() {
        return Problem::not_found("The offer doesn't exist. Open it first, or check its id.");
    }
    if problem.code() == Refusal::RuleUnknown.code() {
        return Problem::not_found(
            "The earning rule doesn't exist. Create it without If-Match, or check its id.",
        );
    }
    problem
}

/// A refusal's problem, where the path names the unit that is to change: an unknown one is 404
/// there.
pub(crate) fn unit_not_found_where_unknown(problem: Problem) -> Problem {
    let remedy = "The unit doesn't exist. Create it without If-Match, or check its id.";
    not_found_where("unit-unknown", problem, remedy)
}

/// Likewise where it is to be closed.
pub(crate) fn closed_unit_not_found(problem: Problem) -> Problem {
    let lists = "The unit doesn't exist. Check its id; GET /v1/units lists all units.";
    not_found_where("unit-unknown", problem, lists)
}

fn not_found_where(code: &str, problem: Problem, detail: &'static str) -> Problem {
    if problem.code() == code { Problem::not_found(detail) } else { problem }
}

/// A refusal's problem, where the path names the ladder: an unknown one is 404 there.
pub(crate) fn ladder_not_found_where_unknown(problem: Problem) -> Problem {
    let remedy = "The ladder doesn't exist. Create it without If-Match, or check its id.";
    not_found_where("ladder-unknown", problem, remedy)
}

/// A refusal's problem, where the path names the conversion rate: an unknown one is 404 there.
pub(crate) fn rate_not_found_where_unknown(problem: Problem) -> Problem {
    let remedy =
        "The conversion rate doesn't exist. Create it without If-Match, or check both units.";
    not_found_where("rate-unknown", problem, remedy)
}

/// The key may make the call, but not with this cause in the body.
pub(crate) fn adjustment_forbidden() -> Problem {
    Problem::of(
        &ADJUSTMENT_FORBIDDEN,
        "The field cause.kind of the body is adjustment, and only a key with the role operator may \
         adjust credit. Send another cause, or use an operator's key.",
    )
    .fact("field", "cause.kind")
}

/// The log is in a store that can't erase.
pub(crate) fn erasure_unavailable() -> Problem {
    Problem::of(
        &ERASURE_UNAVAILABLE,
        "The log is in KurrentDB, in which no event ever changes: nothing in it can be erased. Copy \
         the log into SQLite or PostgreSQL (guerdon copy-log), erase there, and destroy the former \
         server.",
    )
}

/// The log has no key under which codes are hashed.
pub(crate) fn code_key_missing() -> Problem {
    Problem::of(
        &CODE_KEY_MISSING,
        "The log has no key under which codes are hashed, so the ledger couldn't tell a code that was \
         uploaded before. A log gets its key when it is made, and a copy gets the original's. A log \
         that was imported has no key, and a log in KurrentDB has none; a copy of it in SQLite or \
         PostgreSQL (guerdon copy-log) gets a new one if no codes are in it.",
    )
}

/// What was to be new is there, as `If-None-Match: *` was to make sure.
pub(crate) fn already_exists() -> Problem {
    Problem::of(
        &ALREADY_EXISTS,
        "The header If-None-Match asks for a new one, and one with this id exists. If an earlier \
         try of this request had no answer, it may be what that try recorded. Read it, or use \
         another id.",
    )
}

/// A change of some terms says of which version it is.
pub(crate) fn if_match_missing() -> Problem {
    Problem::of(
        &IF_MATCH_MISSING,
        "The header If-Match is missing. Read what is to be changed, and send its ETag in If-Match.",
    )
}

/// The problem of a command that was to make something new: all that says that it is there, in
/// whatever state, is the same to the caller.
pub(crate) fn exists_where_new(problem: Problem) -> Problem {
    let there = [
        "offer-exists",
        "offer-closed",
        "rule-exists",
        "unit-exists",
        "unit-fixed",
        "ladder-exists",
        "rate-exists",
        "rate-closed",
    ];
    if there.contains(&problem.code()) { already_exists() } else { problem }
}

pub(crate) fn id_reused(field: &str) -> Problem {
    let difference = match field {
        "call" => "for another call".to_owned(),
        field => format!("for a request with another {field}"),
    };
    let detail = format!(
        "This id was already used {difference}. Use a new id for a new request, or repeat the \
         first request unchanged."
    );
    Problem::of(&ID_REUSED, detail).fact("field", field)
}

pub(crate) fn not_decided(why: NotDecided) -> Problem {
    let (reason, remedy, retry_after) = match why {
        NotDecided::SwitchedOff(switch) => return switched_off(switch),
        NotDecided::QueueFull => ("Too many requests are waiting.", AGAIN, RETRY_AFTER_SECONDS),
        NotDecided::Overloaded { seconds } => (
            "The ledger is overloaded: requests wait too long for their turn, and this one was \
             refused before it began.",
            AGAIN_LATER,
            seconds,
        ),
        NotDecided::LogAway => (
            "The ledger can't record anything at the moment, so this request was refused before it \
             began.",
            AGAIN_LATER,
            RETRY_AFTER_AWAY_SECONDS,
        ),
        NotDecided::DeadlinePassed => {
            ("The request waited too long for its turn.", AGAIN, RETRY_AFTER_SECONDS)
        }
        NotDecided::Deposed => {
            ("Another server has taken over the ledger.", AGAIN, RETRY_AFTER_SECONDS)
        }
        NotDecided::Stopped => ("The server is stopping.", AGAIN, RETRY_AFTER_SECONDS),
        NotDecided::ClockUnconfirmed => (
            "The server's clock is in doubt.",
            "An operator must run `guerdon confirm-clock`; send the same request again after that.",
            RETRY_AFTER_CLOCK_SECONDS,
        ),
    };
    Problem::of(&NOT_DECIDED, format!("{reason} Nothing was recorded. {remedy}"))
        .retry_after(retry_after)
}

/// An operator has turned a switch on, under which this isn't recorded.
fn switched_off(switch: SwitchName) -> Problem {
    let reason = match switch {
        SwitchName::ReadOnly => "An operator has made the ledger read-only for now.",
        _ => "An operator has paused redemptions for now.",
    };
    Problem::of(&NOT_DECIDED, format!("{reason} Nothing was recorded. {AGAIN_LATER}"))
        .fact("switch", switch.as_str())
        .retry_after(RETRY_AFTER_SWITCH_SECONDS)
}

/// The balances can't be sealed now.
pub(crate) fn seal_not_made(why: NoTrees) -> Problem {
    match why {
        NoTrees::NotYet(wait) => {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1);
            let detail = format!(
                "The trees over all balances are being made. Nothing was recorded. Send the same \
                 request again in {seconds} seconds."
            );
            Problem::of(&NOT_DECIDED, detail).retry_after(seconds)
        }
        NoTrees::Failed => Problem::internal(),
        NoTrees::NotHere => {
            Problem::not_found("No balances are sealed here: the ledger's log is in memory.")
        }
    }
}

/// What every route answers until the ledger has started.
#[must_use]
pub fn starting() -> Problem {
    Problem::of(&NOT_DECIDED, format!("The server is starting. Nothing was recorded. {AGAIN}"))
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(crate) fn outcome_unknown() -> Problem {
    Problem::of(
        &OUTCOME_UNKNOWN,
        "Storage hasn't confirmed in time whether the request is recorded. Send the same request \
         with the same id again in a second: it is recorded at most once, and the answer says \
         whether it is.",
    )
    .retry_after(RETRY_AFTER_SECONDS)
}

/// The event that a repeat is answered from can't be read for now.
pub(crate) fn original_unread() -> Problem {
    Problem::of(
        &OUTCOME_UNKNOWN,
        "The event recorded under this id can't be read now; the server's log says why. Send the \
         same request with the same id again in a second: it is recorded at most once.",
    )
    .retry_after(RETRY_AFTER_SECONDS)
}

pub(crate) fn decision_failed() -> Problem {
    Problem::of(
        &DECISION_FAILED,
        "The server failed while it decided this request. Nothing was recorded, and the server \
         won't try this request again before its next start. Tell the operator; the server's log \
         says more.",
    )
}

const ADJUSTMENT_FORBIDDEN: ProblemPage = ProblemPage {
    status: StatusCode::FORBIDDEN,
    slug: "adjustment-forbidden",
    title: "Adjustment isn't allowed",
    meaning: "The key may make this call, but the body's cause is an adjustment, which only a key \
              with the role operator may make or take back. The fact `field` names the field of \
              the body. Nothing was recorded.",
    remedy: "Send another cause, or use an operator's key.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const ERASURE_UNAVAILABLE: ProblemPage = ProblemPage {
    status: StatusCode::CONFLICT,
    slug: "erasure-unavailable",
    title: "Log can't be erased in",
    meaning: "The log is in a store in which no event ever changes, KurrentDB, so nothing that is \
              private can be erased. Nothing was recorded.",
    remedy: "Copy the log into SQLite or PostgreSQL (guerdon copy-log), erase there, and destroy the \
             former server.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const CODE_KEY_MISSING: ProblemPage = ProblemPage {
    status: StatusCode::CONFLICT,
    slug: "code-key-missing",
    title: "Log has no key for codes",
    meaning: "The log has no key under which codes are hashed: it was imported, or is in KurrentDB. \
              Without the key a code that was uploaded before isn't known again. Nothing was \
              recorded.",
    remedy: "Copy the original log with its key (guerdon copy-log) in place of importing it.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const ALREADY_EXISTS: ProblemPage = ProblemPage {
    status: StatusCode::PRECONDITION_FAILED,
    slug: "already-exists",
    title: "Already exists",
    meaning: "The header If-None-Match asks for something new (an offer, an earning rule, a unit, a \
              ladder or a conversion rate), and one with this id exists. This request recorded \
              nothing; an earlier try of it that had no answer, or the answer outcome-unknown, may \
              have.",
    remedy: "Read what exists and compare it with what was sent. To change it, send its ETag in \
             If-Match; for a new one, use another id.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const IF_MATCH_MISSING: ProblemPage = ProblemPage {
    status: StatusCode::PRECONDITION_REQUIRED,
    slug: "if-match-missing",
    title: "If-Match is missing",
    meaning: "The call changes a part of what there is, and doesn't say which version the caller \
              has read. Nothing was recorded.",
    remedy: "Read what is to be changed, and send its ETag in If-Match.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

pub(crate) const ID_REUSED: ProblemPage = ProblemPage {
    status: StatusCode::UNPROCESSABLE_ENTITY,
    slug: "id-reused",
    title: "Id already used for another request",
    meaning: "An id belongs to one request for ever, and another request was recorded under it. \
              The fact `field` names the first field that differs. Nothing was recorded.",
    remedy: "Use a new id for a new request, or repeat the first request unchanged.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const NOT_DECIDED: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "not-decided",
    title: "Request not decided",
    meaning: "The ledger is overloaded, its queue is full, the request waited too long, nothing can \
              be recorded at the moment, another server has taken over, this server is starting or \
              stopping, its clock is in doubt, an operator has turned a switch on (the fact `switch` \
              names it), or the trees of a seal are still being made. The detail says which. Nothing \
              was recorded.",
    remedy: "Send the same request with the same id again after Retry-After.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

const OUTCOME_UNKNOWN: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "outcome-unknown",
    title: "Outcome unknown",
    meaning: "Storage hasn't confirmed in time whether the request is recorded. Or the ledger \
              can't read the event recorded under this id now. The request is recorded once or not \
              at all.",
    remedy: "Send the same request with the same id again after Retry-After; the answer says \
             whether it is recorded.",
    shopper: BEING_CHECKED,
    can_succeed_later: true,
};

const DECISION_FAILED: ProblemPage = ProblemPage {
    status: StatusCode::INTERNAL_SERVER_ERROR,
    slug: "decision-failed",
    title: "Decision failed",
    meaning: "The server failed while it decided this request, because of an error of its own. \
              Nothing was recorded, and the server won't try this request again before its next \
              start.",
    remedy: "Tell the operator; the server's log says more. After the server's next start, send \
             the same request with the same id again.",
    shopper: OUR_MISTAKE,
    can_succeed_later: true,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_answered_with_its_facts() {
        let refusal = Refusal::SoldOut {
            remaining: domain::Units::ZERO,
            asked: domain::Units::new(2).expect("an amount"),
        };
        let document = serde_json::to_value(refused(&refusal)).expect("JSON");
        assert_eq!(document["code"], "sold-out");
        assert_eq!(document["detail"], "The offer has 0 units left; the request is for 2.");
        assert_eq!((&document["remaining"], &document["asked"]), (&0.into(), &2.into()));
    }

    /// API.md's tables have every problem in its place, and no other; the refusals stand in order
    /// of precedence.
    #[test]
    fn api_md_lists_every_problem_in_its_place() {
        let refusals: Vec<ProblemPage> = Refusal::ROWS.iter().map(refusal_page).collect();
        let own = problem_pages().skip(refusals.len());
        let others = wire::SHARED_PROBLEM_PAGES.iter().copied().chain(own);
        assert_eq!(table("## Refusals"), rows(refusals.into_iter()));
        assert_eq!(table("## Other problems"), rows(others));
    }

    /// The rows of the table under a heading of API.md.
    fn table(heading: &str) -> Vec<String> {
        include_str!("../../docs/API.md")
            .lines()
            .skip_while(|line| *line != heading)
            .skip_while(|line| !line.starts_with("|---"))
            .skip(1)
            .take_while(|line| line.starts_with('|'))
            .map(str::to_owned)
            .collect()
    }

    fn rows(pages: impl Iterator<Item = ProblemPage>) -> Vec<String> {
        let row = |page: ProblemPage| {
            let ProblemPage { status, slug, title, can_succeed_later, .. } = page;
            let later = if can_succeed_later { "yes" } else { "no" };
            format!("| `{slug}` | {} | {later} | {title} |", status.as_u16())
        };
        pages.map(row).collect()
    }
}
