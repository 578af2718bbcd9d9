//! The problems of reads, each with its page and the function that makes it.

use axum::http::StatusCode;
use domain::SwitchName;
use log_record::Place;

use crate::problem_page::{OUR_MISTAKE, TRY_AGAIN};
use crate::{Problem, ProblemPage};

/// How long a client should give the projection to catch up, or another server to be found. The
/// wait is milliseconds; `Retry-After` counts whole seconds.
const PROJECTION_RETRY_AFTER_SECONDS: u32 = 1;

/// How long a client should give a rush to pass, at least.
const OVERLOAD_RETRY_AFTER_SECONDS: u32 = 2;

/// How long a client should give an operator who has turned a switch on: as with commands.
const SWITCH_RETRY_AFTER_SECONDS: u32 = 10;

/// How long a client should give the sealer, which signs several times a second.
const SEAL_RETRY_AFTER_SECONDS: u32 = 1;

/// How long a client should give a tree of balances to be made: a million events take some seconds.
const TREE_RETRY_AFTER_SECONDS: u32 = 5;

/// How long a client should give a follower to end, so that there is room for another.
const FOLLOWER_RETRY_AFTER_SECONDS: u32 = 5;

pub(crate) const LOG_FORKED: ProblemPage = ProblemPage {
    status: StatusCode::CONFLICT,
    slug: "log-forked",
    title: "Place of another history",
    meaning: "The cursor names a message or an event that the ledger's history doesn't have. The \
              ledger went back to a backup or to a standby that lacked its last events, or the cursor \
              is another ledger's. Others may stand in the place of those that were read before.",
    remedy: "Read again from the beginning, without a cursor, and drop the messages whose id you \
             have processed. Ask the operator about requests that you have and the ledger hasn't: \
             their ids aren't in the stream any more. Of events, read again from the position before \
             the last log-forked.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

pub(crate) const TOO_MANY_FOLLOWERS: ProblemPage = ProblemPage {
    status: StatusCode::TOO_MANY_REQUESTS,
    slug: "too-many-followers",
    title: "Too many follow",
    meaning: "A follower is a stream, or a page that waits (`wait_ms`). The key, or all keys \
              together, have as many followers as this process allows. The fact `of` says which \
              (`key` or `all`), and `limit` is the number.",
    remedy: "End followers that nobody needs, and ask again after Retry-After. One follower for each \
             warehouse is enough. A page without `wait_ms` is answered in any case.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(crate) const PROJECTION_BEHIND: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "projection-behind",
    title: "Read tables are behind",
    meaning: "The header Guerdon-Position asks for an answer that contains a write, or a cursor of \
              the shipping stream names a message, and the read tables didn't reach that in time. \
              The facts `wanted` and `reached` are positions. The write itself is recorded. Or the server has started, and its read \
              tables don't contain yet all that the log did then: `wanted` is where it ended. Or \
              no projector has run yet; then both facts are absent.",
    remedy: "Read again after Retry-After. If you sent the header, you can also read without it, \
             for what the read tables contain now.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(crate) const OVERLOADED: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "overloaded",
    title: "Too much is asked",
    meaning: "Commands wait too long for the ledger's writer, so this process refuses what it can: \
              lists first, other reads last. A command that is refused for that is `not-decided`.",
    remedy: "Read again after Retry-After.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(crate) const NOT_CACHED: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "not-cached",
    title: "Not in memory",
    meaning: "An operator has turned on the switch that the fact `switch` names: reads are answered \
              from what this process has in memory, and no database is asked. What the call asks \
              for isn't there, or is older than the header Guerdon-Position allows. Statements, \
              exchanges and most lists are never there. Commands go on.",
    remedy: "Read again after Retry-After. If you sent the header, you can also read without it, \
             for what is in memory.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(crate) const NOT_SEALED: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "not-sealed",
    title: "Not sealed yet",
    meaning: "A receipt needs an event that the transparency log hasn't signed yet. The facts \
              `wanted` and `reached` are positions: of that event, and up to where the log is \
              signed. What was recorded is signed within a second, unless signing has stopped \
              (`log-unsealed` in GET /health/ready). Or this process signs nothing, because it \
              takes no commands or its log is in memory; then both facts are absent. The exchange \
              itself is recorded.",
    remedy: "Ask again after Retry-After. If both facts are absent, ask the process that takes \
             commands, which must run the query API, too.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(crate) const READ_MODEL_UNREACHABLE: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "read-model-unreachable",
    title: "Read tables can't be reached",
    meaning: "No database server of the read tables answers, or, to `GET /v1/operations`, none of the \
              log. Commands may still work.",
    remedy: "Read again after Retry-After.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(crate) const LOG_UNREACHABLE: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "log-unreachable",
    title: "Log can't be read",
    meaning: "The call reads the log itself, and this process can't at the moment: the log's database \
              doesn't answer, or a file of its archive is missing or damaged. The server's log says \
              which. Other reads may still work.",
    remedy: "Ask again after Retry-After. If it stays so, tell the operator.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(crate) const NOT_ADDED_UP: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "not-added-up",
    title: "Log isn't added up yet",
    meaning: "The call adds up the log from its beginning to a moment, which takes longer than one \
              request may, or another such call is under way. The facts `wanted` and `reached` are \
              positions. What was added up is kept, for some moments at least.",
    remedy: "Ask again after Retry-After: the call goes on from `reached`. `guerdon audit \
             trial-balance` adds up a log in one go.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

impl Problem {
    /// 409: a cursor names a message that the log's history doesn't have.
    #[must_use]
    pub fn log_forked() -> Self {
        let detail = "The cursor names a message that this ledger's history doesn't have. Read again \
                      without a cursor, and drop the messages whose id you have processed; ask the \
                      operator about requests that aren't there any more.";
        Self::of(&LOG_FORKED, detail)
    }

    /// 409: a cursor names an event that the log's history doesn't have.
    #[must_use]
    pub fn events_forked() -> Self {
        let detail = "The cursor names an event that this ledger's history doesn't have, or another \
                      has its place now. Find the last log-forked event, and read again from the \
                      position before it.";
        Self::of(&LOG_FORKED, detail)
    }

    /// 503: the log can't be read for now. The program's own log says why.
    #[must_use]
    pub fn log_unreachable() -> Self {
        let detail = "This process can't read the ledger's log at the moment; the server's log says \
                      why. Ask again in a second.";
        Self::of(&LOG_UNREACHABLE, detail).retry_after(PROJECTION_RETRY_AFTER_SECONDS)
    }

    /// 503: the log is added up to `reached` only.
    #[must_use]
    pub fn not_added_up(wanted: Place, reached: Place) -> Self {
        let detail = format!(
            "The log is added up to {reached} as yet, and not to {wanted}: it takes longer than one \
             request may. Ask again, and it goes on from there."
        );
        Self::of(&NOT_ADDED_UP, detail)
            .fact("wanted", wanted.to_string())
            .fact("reached", reached.to_string())
            .retry_after(PROJECTION_RETRY_AFTER_SECONDS)
    }

    /// 429: the caller's key, or all keys together, have as many followers as they may.
    #[must_use]
    pub fn too_many_followers(of: &'static str, limit: usize) -> Self {
        let whose = if of == "key" { "This key has" } else { "All keys together have" };
        let detail = format!(
            "{whose} {limit} followers, the most that this process allows. End those that nobody \
             needs, or ask for pages without wait_ms."
        );
        Self::of(&TOO_MANY_FOLLOWERS, detail)
            .fact("of", of)
            .fact("limit", limit)
            .retry_after(FOLLOWER_RETRY_AFTER_SECONDS)
    }

    /// 503: the read tables have reached only `reached`.
    #[must_use]
    pub fn projection_behind(wanted: Place, reached: Place) -> Self {
        let detail = format!(
            "The read tables are at {reached} and didn't reach {wanted} in time. Read again in a \
             second, or without Guerdon-Position for what they contain now."
        );
        Self::of(&PROJECTION_BEHIND, detail)
            .fact("wanted", wanted.to_string())
            .fact("reached", reached.to_string())
            .retry_after(PROJECTION_RETRY_AFTER_SECONDS)
    }

    /// 503: commands wait too long, and so this read is refused.
    #[must_use]
    pub fn overloaded() -> Self {
        let detail = "Too many requests are waiting, so the ledger refuses some, and this read is one \
                      of them. Read again in two seconds.";
        Self::of(&OVERLOADED, detail).retry_after(OVERLOAD_RETRY_AFTER_SECONDS)
    }

    /// 503: reads are answered from memory only, and what is asked for isn't there.
    #[must_use]
    pub fn not_cached() -> Self {
        let detail = "An operator has reads answered from memory only for now, and this process \
                      doesn't have there what the call asks for. Read again after Retry-After.";
        Self::of_cached_reads(detail)
    }

    /// 503: reads are answered from memory only, and what is there is older than the header
    /// `Guerdon-Position` allows.
    #[must_use]
    pub fn cached_before() -> Self {
        let detail = "An operator has reads answered from memory only for now, and what is there was \
                      read before the position in Guerdon-Position. Read again after Retry-After, or \
                      without the header for what is there.";
        Self::of_cached_reads(detail)
    }

    fn of_cached_reads(detail: &'static str) -> Self {
        Self::of(&NOT_CACHED, detail)
            .fact("switch", SwitchName::CachedReadsOnly.as_str())
            .retry_after(SWITCH_RETRY_AFTER_SECONDS)
    }

    /// 503: an event isn't signed in the transparency log yet, which is signed up to `reached`.
    #[must_use]
    pub fn not_sealed(wanted: Place, reached: Place) -> Self {
        let detail = format!(
            "The transparency log is signed up to {reached}, and the proof needs {wanted}. Ask \
             again in a second."
        );
        Self::of(&NOT_SEALED, detail)
            .fact("wanted", wanted.to_string())
            .fact("reached", reached.to_string())
            .retry_after(SEAL_RETRY_AFTER_SECONDS)
    }

    /// 503: this process signs no transparency log.
    #[must_use]
    pub fn sealed_elsewhere() -> Self {
        let detail = "This process signs no transparency log, so it can't prove an event. Ask the \
                      process that takes commands; a log in memory has no receipts.";
        Self::of(&NOT_SEALED, detail).retry_after(SEAL_RETRY_AFTER_SECONDS)
    }

    /// 503: the tree of a seal is made again, and then proves what it is asked for.
    #[must_use]
    pub fn tree_being_made(seal: &str) -> Self {
        let detail = format!(
            "The tree of the seal {seal} isn't kept any more and is being made again of the log. Ask \
             again in {TREE_RETRY_AFTER_SECONDS} seconds."
        );
        Self::of(&NOT_SEALED, detail).retry_after(TREE_RETRY_AFTER_SECONDS)
    }

    /// 503: no projector has begun to make the read tables.
    #[must_use]
    pub fn projection_not_begun() -> Self {
        let detail =
            "The read tables are empty: no projector has run yet. Read again when one runs.";
        Self::of(&PROJECTION_BEHIND, detail).retry_after(PROJECTION_RETRY_AFTER_SECONDS)
    }

    /// 503: no server of the read model answers, or none accepts reads. The program's own log says
    /// why.
    #[must_use]
    pub fn read_model_unreachable() -> Self {
        let detail = "No database server of the read tables answers; the server's log says why. Read \
                      again in a second.";
        Self::of(&READ_MODEL_UNREACHABLE, detail).retry_after(PROJECTION_RETRY_AFTER_SECONDS)
    }

    /// 503: the log's server doesn't say which calls recorded no event.
    #[must_use]
    pub fn calls_unreachable() -> Self {
        let detail = "The log's database, which has the calls that recorded no event, doesn't answer; \
                      the server's log says why. Read again in a second, or with outcome=recorded.";
        Self::of(&READ_MODEL_UNREACHABLE, detail).retry_after(PROJECTION_RETRY_AFTER_SECONDS)
    }
}
