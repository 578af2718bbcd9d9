//! Who calls: the key or token that a request bears, and the person or program behind it.
//!
//! A part of this very process may call a router without a key, by putting a [`Caller`] into the
//! request's extensions, which nothing that comes over a network can set.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, StatusCode};
use domain::Reason;
use log_record::Principal;
use trace::{Traceparent, unix_micros};

use crate::dispatch::TakenRoute;
use crate::limits::Allowance;
use crate::prefer::Preferences;
use crate::request_id::read_request_id;
use crate::token::{NotLetIn, TokenError};
use crate::{ApiKey, KeyRing, Problem, Role, Tokens};

/// Who makes the request, and in which trace: for the metadata of the events that come of it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The role of the key or token that the request bears.
    pub role: Role,
    /// The key with the person or program behind it, for the events that come of the request.
    pub principal: Arc<Principal>,
    /// The W3C trace context that it came with, where that is valid.
    pub traceparent: Option<Box<str>>,
    /// Whether an operator has marked the request, or its account.
    pub is_marked: bool,
    /// The id of the request; a part of this process makes none.
    pub request_id: Option<Box<str>>,
    /// How long it waits for the answer, where it says so.
    pub wait: Option<Duration>,
    /// Whether it would rather not wait for the answer, and ask later.
    pub responds_async: bool,
    /// Whether this is a part of a call that asks for many things.
    pub is_one_of_many: bool,
    /// The key, or what a token says; a part of this process has none.
    pub(crate) key: Option<Arc<ApiKey>>,
}

impl Caller {
    /// A part of this process, which calls in the name of `role` and has no key.
    #[must_use]
    pub fn of_this_process(role: Role, traceparent: Option<Box<str>>) -> Self {
        let principal = Arc::new(Principal::of_role(role.as_str()));
        Self {
            role,
            principal,
            traceparent,
            is_marked: false,
            request_id: None,
            wait: None,
            responds_async: false,
            is_one_of_many: false,
            key: None,
        }
    }

    /// The same caller, who says why it calls.
    #[must_use]
    pub(crate) fn with_reason(self, reason: &Reason) -> Self {
        let reason = Some(reason.as_str().into());
        let principal = Principal { reason, ..Principal::clone(&self.principal) };
        Self { principal: Arc::new(principal), ..self }
    }

    /// The same caller, for a part of a call that asks for many things.
    #[must_use]
    pub fn for_one_of_many(&self) -> Self {
        Self { is_one_of_many: true, ..self.clone() }
    }

    /// The warehouses of the key's scope; `None` means every warehouse.
    #[must_use]
    pub fn warehouses(&self) -> Option<&[Box<str>]> {
        self.key.as_ref()?.scopes.warehouses.as_deref()
    }

    /// Checks that the caller may see and change what is asked of this warehouse.
    pub fn check_warehouse(&self, warehouse: &str) -> Result<(), Problem> {
        let Some(key) = &self.key else { return Ok(()) };
        if key.scopes.allow_warehouse(warehouse) {
            return Ok(());
        }
        let scope = key.scopes.warehouses_text().unwrap_or_default();
        Err(Problem::warehouse_forbidden(self.role, &scope))
    }
}

/// Put into a request's extensions, says from where it comes, and learns who calls: for a log of
/// requests. Who has no valid key stays unknown.
#[derive(Clone, Debug)]
pub struct SeenCaller(Arc<Seen>);

#[derive(Debug)]
struct Seen {
    from: IpAddr,
    principal: OnceLock<Arc<Principal>>,
    allowance: OnceLock<Allowance>,
}

impl SeenCaller {
    /// Puts one into the extensions of a request from this address.
    #[must_use]
    pub fn begin(extensions: &mut Extensions, from: IpAddr) -> Self {
        let (principal, allowance) = Default::default();
        let seen = Self(Arc::new(Seen { from, principal, allowance }));
        extensions.insert(seen.clone());
        seen
    }

    /// The one whose key the request bore.
    #[must_use]
    pub fn get(&self) -> Option<&Principal> {
        self.0.principal.get().map(|principal| &**principal)
    }

    /// Adds to the answer how often the caller may still call, where that is limited. What anybody
    /// may keep is for other callers, too.
    pub fn say_allowance(&self, headers: &mut HeaderMap) {
        let is_public =
            headers.get(CACHE_CONTROL).is_some_and(|kept| kept.as_bytes().starts_with(b"public"));
        if let Some(allowance) = self.0.allowance.get().filter(|_| !is_public) {
            allowance.add_to(headers);
        }
    }

    /// The address that a request comes from, where that is known.
    pub(crate) fn client(extensions: &Extensions) -> Option<IpAddr> {
        extensions.get().map(|Self(seen)| seen.from)
    }

    /// Tells who calls to whoever put this into the extensions.
    pub(crate) fn tell(extensions: &Extensions, caller: &Caller) {
        if let Some(Self(seen)) = extensions.get() {
            seen.principal.get_or_init(|| Arc::clone(&caller.principal));
        }
    }

    /// Tells how often the caller may still call.
    pub(crate) fn allow(extensions: &Extensions, allowance: Allowance) {
        if let Some(Self(seen)) = extensions.get() {
            seen.allowance.get_or_init(|| allowance);
        }
    }
}

/// Put into a request's extensions, says that an operator has marked the request.
#[derive(Clone, Copy, Debug)]
pub struct Marked;

/// Put into a request's extensions, learns which route the request takes: for a name of its span
/// that has no id in it. Only a route that asks for a key tells it.
#[derive(Clone, Debug, Default)]
pub struct SeenRoute(Arc<OnceLock<TakenRoute>>);

impl SeenRoute {
    /// The route, as it is declared: `/v1/accounts/{account_id}`.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.get().map(TakenRoute::path)
    }

    /// Tells the route to whoever put this into the extensions.
    pub(crate) fn tell(extensions: &Extensions) {
        if let (Some(Self(seen)), Some(route)) = (extensions.get(), extensions.get()) {
            seen.get_or_init(|| TakenRoute::clone(route));
        }
    }
}

/// The trace that a request is part of, by its header `traceparent`, where that is a valid one.
#[must_use]
pub fn trace_of(headers: &HeaderMap) -> Option<Traceparent> {
    Traceparent::parse(traceparent(headers)?)
}

fn traceparent(headers: &HeaderMap) -> Option<&str> {
    const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
    headers.get(TRACEPARENT)?.to_str().ok()
}

/// The header `traceparent`, where it is a valid one.
pub(crate) fn read_traceparent(headers: &HeaderMap) -> Option<&str> {
    traceparent(headers).filter(|text| Traceparent::parse(text).is_some())
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Taken out, because no handler asks twice.
        parts.extensions.remove().ok_or_else(|| {
            tracing::error!(uri = %parts.uri, "this route asks who calls, but lacks `only`");
            Problem::internal()
        })
    }
}

/// The caller who is known already.
pub(crate) fn caller(extensions: &Extensions) -> Option<Caller> {
    extensions.get::<Caller>().cloned()
}

/// Why it isn't known who calls.
#[derive(Debug)]
pub(crate) enum Unidentified {
    /// The caller isn't let in.
    Refused(Problem),
    /// The issuer's token isn't let in at this time: it was good, or will be.
    OutOfTime(Problem),
    /// The key of the caller's token isn't known. It may be new: look again.
    TokenKeyUnknown(Tokens),
}

impl Unidentified {
    /// What is answered, after another look for the keys of tokens which has ended or not.
    pub(crate) fn problem(self, has_looked: bool) -> Problem {
        match self {
            Self::Refused(problem) | Self::OutOfTime(problem) => problem,
            Self::TokenKeyUnknown(tokens) => tokens.key_unknown(has_looked),
        }
    }
}

/// The caller whose key or token the request bears. Whoever shows too many that aren't known is
/// refused, if the request says from where it comes.
pub(crate) fn identify(
    keys: &KeyRing,
    headers: &HeaderMap,
    from: Option<IpAddr>,
) -> Result<Caller, Unidentified> {
    let text = bearer_key(headers).ok_or_else(|| {
        Unidentified::Refused(Problem::unauthorized(
            "The request has no key, or a malformed one. Send one header Authorization: \
             Bearer KEY.",
        ))
    })?;
    let now = unix_micros();
    let key = match keys.find(text) {
        Some(key) => let_in(key, now).map_err(Unidentified::Refused)?,
        None => match keys.tokens().and_then(|tokens| tokens.known(text, now)) {
            Some(bearer) => bearer,
            None => bearer_of_unknown(keys, text, now, from)?,
        },
    };
    let traceparent = read_traceparent(headers).map(Into::into);
    let (role, principal) = (key.role, Arc::clone(&key.principal));
    let request_id = read_request_id(headers).map(Into::into);
    let Preferences { wait, responds_async } = Preferences::of(headers);
    Ok(Caller {
        role,
        principal,
        traceparent,
        is_marked: false,
        request_id,
        wait,
        responds_async,
        is_one_of_many: false,
        key: Some(key),
    })
}

fn let_in(key: Arc<ApiKey>, now: i64) -> Result<Arc<ApiKey>, Problem> {
    if !key.is_valid(now) {
        return Err(Problem::unauthorized(
            "The key has expired or was revoked. Ask the ledger's operator for a new one.",
        ));
    }
    KeyRing::note_use(&key, now);
    Ok(key)
}

/// The same, after another look for the keys of tokens which has ended or not.
pub(crate) fn identify_again(
    keys: &KeyRing,
    headers: &HeaderMap,
    from: Option<IpAddr>,
    has_looked: bool,
) -> Result<Caller, Problem> {
    identify(keys, headers, from).map_err(|why| {
        let is_new = matches!(why, Unidentified::TokenKeyUnknown(_));
        let problem = why.problem(has_looked);
        // Where the issuer's keys can't be read, the token may be a good one.
        if let Some((limits, from)) = keys.limits().zip(from)
            && is_new
            && problem.status() == StatusCode::UNAUTHORIZED
        {
            limits.count_stranger(from);
        }
        problem
    })
}

/// The bearer of what wasn't shown before. To check a signature is much work, so whoever shows too
/// many bad ones has none checked.
fn bearer_of_unknown(
    keys: &KeyRing,
    text: &str,
    now: i64,
    from: Option<IpAddr>,
) -> Result<Arc<ApiKey>, Unidentified> {
    let Some((limits, from)) = keys.limits().zip(from) else {
        return bearer_of_token(keys, text, now);
    };
    limits.check_stranger(from).map_err(Unidentified::Refused)?;
    let bearer = bearer_of_token(keys, text, now);
    if let Err(Unidentified::Refused(_)) = bearer {
        limits.count_stranger(from);
    }
    bearer
}

fn bearer_of_token(keys: &KeyRing, text: &str, now: i64) -> Result<Arc<ApiKey>, Unidentified> {
    match keys.tokens() {
        Some(tokens) if Tokens::is_one(text) => tokens.check(text, now).map_err(|why| match why {
            NotLetIn::Bad(error @ (TokenError::Expired | TokenError::NotYetValid)) => {
                Unidentified::OutOfTime(error.problem())
            }
            NotLetIn::Bad(error) => Unidentified::Refused(error.problem()),
            NotLetIn::KeyUnknown => Unidentified::TokenKeyUnknown(tokens.clone()),
        }),
        _ => Err(Unidentified::Refused(Problem::unauthorized(
            "This ledger does not know the key. Send a key that the ledger's operator gave out.",
        ))),
    }
}

/// The role of the key that a request bears, for what anyone may ask and some are told more of.
/// Where the request's extensions say from where it comes, wrong keys are counted.
#[must_use]
pub fn role_of(keys: &KeyRing, headers: &HeaderMap, extensions: &Extensions) -> Option<Role> {
    let from = SeenCaller::client(extensions);
    identify(keys, headers, from).ok().map(|caller| caller.role)
}

/// Whether the key or token still has the same rights; streams check this.
#[must_use]
pub fn is_known_still(keys: &KeyRing, headers: &HeaderMap, caller: &Caller) -> bool {
    let Some(then) = &caller.key else { return true };
    let known = bearer_key(headers).and_then(|text| {
        let key = keys.find(text);
        key.or_else(|| bearer_of_token(keys, text, unix_micros()).ok())
    });
    known.is_some_and(|key| {
        key.is_valid(unix_micros())
            && key.role == then.role
            && key.scopes == then.scopes
            && key.account_id == then.account_id
    })
}

/// The key of the one `Authorization: Bearer KEY`. Two such headers could mean two callers, so
/// they count as none.
fn bearer_key(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, key) = line.to_str().ok()?.split_once(' ')?;
    let key = key.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyHash;

    fn ring(scopes: &str) -> KeyRing {
        let scopes = scopes.parse().expect("scopes");
        let key = ApiKey { scopes, ..ApiKey::of_role(Role::Warehouse) };
        KeyRing::from_iter([(KeyHash::of("narrowed"), key)])
    }

    #[test]
    fn a_caller_is_known_still_while_the_key_may_do_the_same() {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, "Bearer narrowed".parse().unwrap())]);
        let known = ring("warehouses:main");
        let caller = identify(&known, &headers, None).expect("known");
        assert!(is_known_still(&known, &headers, &caller));
        known.replace(&ring("warehouses:east"));
        assert!(!is_known_still(&known, &headers, &caller), "it is for another warehouse");
    }
}
