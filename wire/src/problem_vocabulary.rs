//! The problems that either API may answer with: each with its page and the function that makes it.
//! Those of reads are in `read_problems.rs`.
//!
//! The domain's refusals are rows in `domain/src/refusal.rs`. A `complaint` continues a sentence
//! that begins with the name of the field: `must be …`, `is missing`.

use std::borrow::Cow;
use std::fmt::Display;

use axum::http::header::{ACCEPT_ENCODING, CONNECTION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};

use crate::limits::RATE_LIMITED;
use crate::problem_page::{BEING_CHECKED, OUR_MISTAKE, TRY_AGAIN};
use crate::read_problems::{
    LOG_FORKED, LOG_UNREACHABLE, NOT_ADDED_UP, NOT_CACHED, NOT_SEALED, OVERLOADED,
    PROJECTION_BEHIND, READ_MODEL_UNREACHABLE, TOO_MANY_FOLLOWERS,
};
use crate::{Problem, ProblemPage, Role, excerpt};

/// The most characters of an unknown path that the answer repeats.
const PATH_SHOWN_MAX: usize = 200;

/// After how many seconds a token whose key can't be read may come again.
const TOKEN_KEYS_AFTER_SECONDS: u32 = 5;

/// The pages of all problems in this file.
pub const SHARED_PROBLEM_PAGES: &[ProblemPage] = &[
    INVALID_JSON,
    INVALID_FIELD,
    INVALID_ID,
    INVALID_QUERY,
    INVALID_HEADER,
    UNAUTHORIZED,
    TOKEN_KEYS_UNAVAILABLE,
    FORBIDDEN,
    WAREHOUSE_FORBIDDEN,
    NOT_FOUND,
    NO_SUCH_ROUTE,
    METHOD_NOT_ALLOWED,
    BODY_TOO_SLOW,
    LOG_FORKED,
    BODY_TOO_LARGE,
    NOT_JSON,
    BODY_ENCODED,
    RATE_LIMITED,
    TOO_MANY_FOLLOWERS,
    INTERNAL,
    PROJECTION_BEHIND,
    OVERLOADED,
    NOT_CACHED,
    NOT_SEALED,
    READ_MODEL_UNREACHABLE,
    LOG_UNREACHABLE,
    NOT_ADDED_UP,
];

const INVALID_JSON: ProblemPage = ProblemPage {
    status: StatusCode::BAD_REQUEST,
    slug: "invalid-json",
    title: "Body isn't a JSON object",
    meaning: "The request's body isn't one JSON object in UTF-8 (RFC 8259). The facts `line` and \
              `column`, from 1, are where reading stopped. Nothing was recorded.",
    remedy: "Write the body with a JSON library, and send exactly one object.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const INVALID_FIELD: ProblemPage = ProblemPage {
    status: StatusCode::BAD_REQUEST,
    slug: "invalid-field",
    title: "Field of the body isn't valid",
    meaning: "The body is JSON, but one of its fields is unknown, missing, there twice, of the \
              wrong type or out of range. The fact `field` names it, for example cause.kind or \
              lines[0].quantity. Nothing was recorded.",
    remedy: "Correct the field as the detail says, and send the request again.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const INVALID_ID: ProblemPage = ProblemPage {
    status: StatusCode::BAD_REQUEST,
    slug: "invalid-id",
    title: "Id in the path isn't valid",
    meaning: "A segment of the path isn't an id. The fact `field` names the segment, for example \
              account_id.",
    remedy: "Correct the id as the detail says, and send the request again.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const INVALID_QUERY: ProblemPage = ProblemPage {
    status: StatusCode::BAD_REQUEST,
    slug: "invalid-query",
    title: "Query parameter isn't valid",
    meaning: "A query parameter is unknown, missing, there twice, damaged or out of range. The \
              fact `field` names it.",
    remedy: "Correct the parameter as the detail says. Send a cursor back unchanged, and to the \
             list that gave it.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const INVALID_HEADER: ProblemPage = ProblemPage {
    status: StatusCode::BAD_REQUEST,
    slug: "invalid-header",
    title: "Header isn't valid",
    meaning: "A header is malformed, there twice, or missing although the call needs it. The fact \
              `header` names it.",
    remedy: "Correct the header as the detail says, and send the request again.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const UNAUTHORIZED: ProblemPage = ProblemPage {
    status: StatusCode::UNAUTHORIZED,
    slug: "unauthorized",
    title: "No valid key",
    meaning: "The request has no key or token, or its key is unknown, expired or revoked, or the \
              ledger doesn't take its token. For a token, the fact `reason` says why: malformed, \
              algorithm, unknown-key, signature, expired, not-yet-valid, issuer, audience or \
              claim.",
    remedy: "Send the header Authorization: Bearer KEY, with a key from the operator or a token \
             from the issuer. If the token has expired, get a new one.",
    shopper: "Please sign in again.",
    can_succeed_later: false,
};

const TOKEN_KEYS_UNAVAILABLE: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "token-keys-unavailable",
    title: "Token's key can't be read",
    meaning: "The request has a token whose key the ledger doesn't know, and the ledger can't read \
              the issuer's keys at the moment. So it can't tell whether the token is valid. Nothing \
              was recorded. Requests with API keys are answered as usual.",
    remedy: "Send the request again after the seconds in Retry-After. The operator finds the cause \
             in GET /health/ready and in the program's log.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

/// The key may not make the call, whatever it is about.
pub const FORBIDDEN: ProblemPage = ProblemPage {
    status: StatusCode::FORBIDDEN,
    slug: "forbidden",
    title: "Key isn't allowed",
    meaning: "The key may not make this call. The fact `role` is the key's role. If the role isn't \
              allowed, `allowed` lists the roles that are. If a scope of the key forbids the call, \
              `scope` names it.",
    remedy: "Use a key that may make the call, or ask the operator for one.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const WAREHOUSE_FORBIDDEN: ProblemPage = ProblemPage {
    status: StatusCode::FORBIDDEN,
    slug: "warehouse-forbidden",
    title: "Another warehouse's goods",
    meaning: "The key may make this call, but for the warehouses of its scope only, and this one is \
              about another. The fact `role` is the key's role, and `scope` names the warehouses. \
              Nothing was recorded.",
    remedy: "Ask about a warehouse of the scope, or use a key for this warehouse.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const NOT_FOUND: ProblemPage = ProblemPage {
    status: StatusCode::NOT_FOUND,
    slug: "not-found",
    title: "Not found",
    meaning: "No resource with this path exists, or not in this account.",
    remedy: "Check the path and its ids. If the resource was written a moment ago, send the \
             Guerdon-Position of that write with the read.",
    shopper: "We can't find what you are looking for.",
    can_succeed_later: true,
};

/// The path belongs to no route of this process.
pub const NO_SUCH_ROUTE: ProblemPage = ProblemPage {
    status: StatusCode::NOT_FOUND,
    slug: "no-such-route",
    title: "No such route",
    meaning: "This process has no route with this path: the path is misspelt, or another process \
              of the ledger has the route.",
    remedy: "Compare the path with the routes in docs/API.md. If the parts of the ledger run in \
             processes of their own, ask the process that has this route.",
    shopper: OUR_MISTAKE,
    can_succeed_later: true,
};

const METHOD_NOT_ALLOWED: ProblemPage = ProblemPage {
    status: StatusCode::METHOD_NOT_ALLOWED,
    slug: "method-not-allowed",
    title: "Method isn't allowed",
    meaning: "The route exists, but not with this method. The header Allow lists its methods.",
    remedy: "Use one of the methods in the header Allow.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const BODY_TOO_SLOW: ProblemPage = ProblemPage {
    status: StatusCode::REQUEST_TIMEOUT,
    slug: "body-too-slow",
    title: "Body came too slowly",
    meaning: "The body didn't arrive in time: within 10 seconds, and a second more for each 8 KiB, \
              unless the operator has set other limits. Nothing was recorded, and the connection \
              is closed.",
    remedy: "Send the request again, over a faster connection.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

const BODY_TOO_LARGE: ProblemPage = ProblemPage {
    status: StatusCode::PAYLOAD_TOO_LARGE,
    slug: "body-too-large",
    title: "Body is too large",
    meaning: "The body is longer than this call allows. The fact `limit_bytes` is the limit. \
              Nothing was recorded.",
    remedy: "Send shorter texts, or split the request into several.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const NOT_JSON: ProblemPage = ProblemPage {
    status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    slug: "not-json",
    title: "Content-Type isn't JSON",
    meaning: "The header Content-Type is missing, or names another type than JSON. Nothing was \
              recorded.",
    remedy: "Send Content-Type: application/json with a JSON body.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

const BODY_ENCODED: ProblemPage = ProblemPage {
    status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
    slug: "body-encoded",
    title: "Body is encoded",
    meaning: "The header Content-Encoding says that the body is compressed or encoded otherwise, \
              and the server decodes nothing. Nothing was recorded.",
    remedy: "Send the body as it is, without the header Content-Encoding.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

/// The ledger failed at a request; the log says why.
pub const INTERNAL: ProblemPage = ProblemPage {
    status: StatusCode::INTERNAL_SERVER_ERROR,
    slug: "internal",
    title: "Server error",
    meaning: "The server failed because of an error of its own. Whether the request is recorded \
              is unknown.",
    remedy: "Send the same request with the same id again: it is recorded at most once. If it \
             fails again, tell the operator; the server's log says more.",
    shopper: BEING_CHECKED,
    can_succeed_later: true,
};

impl Problem {
    /// 400: the body's field `field` (`cause.kind`) is wrong.
    pub fn invalid_field(field: &str, complaint: impl Display) -> Self {
        let detail = format!(
            "The field {field} of the body {complaint}. Correct it and send the request again."
        );
        Self::of(&INVALID_FIELD, detail).fact("field", field)
    }

    /// 400: the body is not a JSON object. Line and column count from 1.
    pub fn invalid_json(line: usize, column: usize, complaint: impl Display) -> Self {
        let detail = format!(
            "The body is not a JSON object: {complaint} at line {line}, column {column}. Send one \
             object in UTF-8."
        );
        Self::of(&INVALID_JSON, detail).fact("line", line).fact("column", column)
    }

    /// 400: the path's segment `field` (`account_id`) is no id.
    pub fn invalid_id(field: &str, complaint: impl Display) -> Self {
        let detail = format!(
            "The segment {field} of the path {complaint}. Correct it and send the request again."
        );
        Self::of(&INVALID_ID, detail).fact("field", field)
    }

    /// 400: the query parameter `field` is wrong.
    pub fn invalid_query(field: &str, complaint: impl Display) -> Self {
        let detail = format!(
            "The query parameter {field} {complaint}. Correct it and send the request again."
        );
        Self::of(&INVALID_QUERY, detail).fact("field", field)
    }

    /// 400: a header that the call reads is wrong or missing.
    pub fn invalid_header(header: &'static str, complaint: impl Display) -> Self {
        let detail =
            format!("The header {header} {complaint}. Correct it and send the request again.");
        Self::of(&INVALID_HEADER, detail).fact("header", header)
    }

    /// 401: no key, or one that is unknown, expired or revoked.
    pub fn unauthorized(detail: &'static str) -> Self {
        Self::of(&UNAUTHORIZED, detail).header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 401: a token that the ledger doesn't take.
    pub(crate) fn bad_token(detail: String) -> Self {
        Self::of(&UNAUTHORIZED, detail)
    }

    /// 503: a token's key isn't known, and the issuer's keys can't be read.
    pub(crate) fn token_keys_unavailable() -> Self {
        let detail = "The token's key isn't known, and the issuer's keys can't be read at the \
                      moment. Send the request again later.";
        Self::of(&TOKEN_KEYS_UNAVAILABLE, detail).retry_after(TOKEN_KEYS_AFTER_SECONDS)
    }

    /// 403: the key's role may not make this call.
    #[must_use]
    pub fn forbidden(role: Role, allowed: &[Role]) -> Self {
        let allowed: Vec<&str> = allowed.iter().map(|role| role.as_str()).collect();
        let detail = format!(
            "A key with the role {role} may not make this call. Use a key with one of these roles: \
             {}.",
            allowed.join(", ")
        );
        Self::of(&FORBIDDEN, detail).fact("role", role.as_str()).fact("allowed", allowed)
    }

    /// 403: the key is narrowed by this scope, which forbids the call.
    #[must_use]
    pub fn forbidden_by_scope(role: Role, scope: &str) -> Self {
        let detail = format!(
            "The key's scope {scope} does not allow this call. Use a key without this scope."
        );
        Self::of(&FORBIDDEN, detail).fact("role", role.as_str()).fact("scope", scope)
    }

    /// 403: the key is for the warehouses of this scope, and the call is about another one.
    #[must_use]
    pub fn warehouse_forbidden(role: Role, scope: &str) -> Self {
        let detail = format!(
            "The key's scope {scope} does not allow this warehouse. Use a key for this warehouse."
        );
        Self::of(&WAREHOUSE_FORBIDDEN, detail).fact("role", role.as_str()).fact("scope", scope)
    }

    /// 403: the key is bound to an account, and the call is about more than one.
    #[must_use]
    pub fn forbidden_by_account(role: Role) -> Self {
        let detail = "The key is for one account only, and this call is not about one account. Use \
                      a key that is not bound to an account.";
        Self::of(&FORBIDDEN, detail).fact("role", role.as_str()).fact("scope", "account")
    }

    /// 404: the resource doesn't exist, or the caller may not see it.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&NOT_FOUND, detail)
    }

    /// 404: no route of this process has the path.
    #[must_use]
    pub fn no_such_route(path: &str) -> Self {
        let path: String = path.chars().take(PATH_SHOWN_MAX).collect();
        let detail = format!(
            "This process has no route {path}. docs/API.md lists the routes. If the parts of the \
             ledger run in processes of their own: the query API answers reads, the command API \
             answers writes, and the publisher (which needs --kafka) answers calls about overdue \
             requests, parked messages and replays."
        );
        Self::of(&NO_SUCH_ROUTE, detail)
    }

    /// 405: the address has no such method. The router adds `Allow`.
    #[must_use]
    pub fn method_not_allowed(method: &Method) -> Self {
        let method = excerpt(method.as_str());
        let detail =
            format!("This route has no {method}. Use one of the methods in the header Allow.");
        Self::of(&METHOD_NOT_ALLOWED, detail)
    }

    /// 408: the body didn't arrive in time.
    #[must_use]
    pub fn body_too_slow() -> Self {
        Self::of(
            &BODY_TOO_SLOW,
            "The body didn't arrive in time. Nothing was recorded. Send the request again, over a \
             faster connection.",
        )
        .header(CONNECTION, HeaderValue::from_static("close"))
    }

    /// 413: the body is longer than `limit_bytes`.
    #[must_use]
    pub fn body_too_large(limit_bytes: usize) -> Self {
        let detail =
            format!("The body is longer than {limit_bytes} bytes, the limit of this call.");
        Self::of(&BODY_TOO_LARGE, detail).fact("limit_bytes", limit_bytes)
    }

    /// 415: the body is not declared as JSON.
    #[must_use]
    pub fn not_json() -> Self {
        Self::of(
            &NOT_JSON,
            "The header Content-Type isn't JSON. Send Content-Type: application/json with a JSON \
             body.",
        )
    }

    /// 415: the body is compressed.
    #[must_use]
    pub fn body_encoded() -> Self {
        Self::of(
            &BODY_ENCODED,
            "The header Content-Encoding says that the body is encoded. Send it as it is, without \
             this header.",
        )
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
    }

    /// 500: an error of the server's own. Whoever answers this has logged it.
    #[must_use]
    pub fn internal() -> Self {
        Self::of(
            &INTERNAL,
            "The server failed; its log says why. Send the same request with the same id again: it \
             is recorded at most once.",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use log_record::{Partition, Place, Position};

    use super::*;
    use crate::Quota;
    use crate::limits::problem::rate_limited;

    fn one_of_each() -> Vec<Problem> {
        let place = Place { partition: Partition(0), position: Position(1) };
        let one = Quota::new(1, Duration::from_secs(1)).expect("a quota");
        vec![
            Problem::invalid_json(1, 1, "expected value"),
            Problem::invalid_field("points", "is missing"),
            Problem::invalid_id("account_id", "is too long"),
            Problem::invalid_query("limit", "is there twice"),
            Problem::invalid_header("If-Match", "is malformed"),
            Problem::unauthorized("No key."),
            Problem::token_keys_unavailable(),
            Problem::forbidden(Role::Auditor, &[Role::Shopper]),
            Problem::warehouse_forbidden(Role::Warehouse, "warehouses:main"),
            Problem::not_found("No account a-1."),
            Problem::no_such_route("/v1/nothing"),
            Problem::method_not_allowed(&Method::PATCH),
            Problem::body_too_slow(),
            Problem::log_forked(),
            Problem::body_too_large(16),
            Problem::not_json(),
            Problem::body_encoded(),
            rate_limited("all", "reads", one, Duration::from_secs(1)),
            Problem::too_many_followers("key", 64),
            Problem::internal(),
            Problem::projection_behind(place, place),
            Problem::overloaded(),
            Problem::not_cached(),
            Problem::not_sealed(place, place),
            Problem::read_model_unreachable(),
            Problem::log_unreachable(),
            Problem::not_added_up(place, place),
        ]
    }

    #[test]
    fn every_problem_has_a_page_and_every_page_a_problem() {
        let codes: Vec<&str> = one_of_each().iter().map(Problem::code).collect();
        let slugs: Vec<&str> = SHARED_PROBLEM_PAGES.iter().map(|page| page.slug).collect();
        assert_eq!(codes, slugs);
    }

    #[test]
    fn every_detail_and_every_page_is_made_of_full_sentences() {
        for problem in one_of_each() {
            assert!(problem.detail().ends_with('.'), "{}", problem.detail());
        }
        for ProblemPage { slug, title, meaning, remedy, shopper, .. } in SHARED_PROBLEM_PAGES {
            assert!(meaning.ends_with('.') && remedy.ends_with('.'), "{slug}");
            assert!(shopper.ends_with('.'), "{slug}");
            assert!(!title.ends_with('.'), "{slug}");
        }
    }
}
