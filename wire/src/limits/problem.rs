//! The problem of a call that comes too soon.

use std::time::Duration;

use axum::http::StatusCode;

use super::policy::whole_seconds;
use super::quota::Quota;
use crate::{Problem, ProblemPage};

/// A limit of the caller, or of all callers, is used up.
pub(crate) const RATE_LIMITED: ProblemPage = ProblemPage {
    status: StatusCode::TOO_MANY_REQUESTS,
    slug: "rate-limited",
    title: "Too many calls",
    meaning: "A limit on calls is used up. The fact `of` says whose: that of a `shopper`, of a `key`, \
              of `all` callers together, of a shopper for an `offer`, or of an `address` with wrong \
              keys. `what` says what is counted: redemptions, commands, batches, reads or \
              wrong-keys. `limit` calls are let in within `window_seconds`: as many at once, and \
              then one each time that one comes back. Nothing was recorded, and the call that is \
              refused doesn't count.",
    remedy: "Send the same request again after the seconds in Retry-After; `retry_after_ms` says the \
             same in milliseconds. The header RateLimit of other answers says how many calls are \
             left.",
    shopper: "That was very often. Please wait a moment, and then try again.",
    can_succeed_later: true,
};

/// 429: the bucket is empty, and gets a call back after `wait`.
pub(crate) fn rate_limited(
    of: &'static str,
    what: &'static str,
    quota: Quota,
    wait: Duration,
) -> Problem {
    let limit = match of {
        "shopper" => format!("this shopper's {what}"),
        "offer" => format!("this shopper's {what} of the offer"),
        "key" => format!("this key's {what}"),
        "address" => "wrong keys from this address".to_owned(),
        _ => format!("all callers' {what}"),
    };
    let seconds = u32::try_from(whole_seconds(wait)).unwrap_or(u32::MAX).max(1);
    let (calls, window) = (quota.calls().get(), quota.seconds());
    let detail = format!(
        "The limit of {limit} is {calls} in {window} s, and it is used up. Nothing was recorded. \
         Send the request again in {seconds} s."
    );
    Problem::of(&RATE_LIMITED, detail)
        .fact("of", of)
        .fact("what", what)
        .fact("limit", calls)
        .fact("window_seconds", window)
        .fact(
            "retry_after_ms",
            u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1),
        )
        .retry_after(seconds)
}
