//! Who may make a call, beside the route: `put(only(&[Role::Shopper], redeem).about(Account))`.
//!
//! The page of routes then shows every permission, and a route without `only` stands out. A caller
//! is turned away before anything else of the request is read.
//!
//! A role says what a key may do. A key may be narrowed to a part of that: by scopes, and by an
//! account that it is bound to. A key with an account or with the scope `offers` or `warehouses`
//! reaches only routes that declare an [`About`].
//!
//! What a call wouldn't heed is refused after that: see `unheeded.rs`.

use std::future::ready;
use std::net::IpAddr;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::IntoResponse;

use crate::caller::{
    Marked, SeenCaller, SeenRoute, Unidentified, caller, identify, identify_again, read_traceparent,
};
use crate::dispatch::{Answering, TakenRoute, decoded_id};
use crate::guerdon_reason::read_reason;
use crate::limits::{CallClass, Counted};
use crate::prefer::Preferences;
use crate::request_id::read_request_id;
use crate::scope::{OFFERS, READ_ONLY};
use crate::unheeded::Heeds;
use crate::{About, ApiKey, Caller, Guard, HasKeys, KeyRing, Problem, Role};

/// `handler`, for callers whose key has one of these roles. Others get 401 or 403. The keys are
/// those of the router's state; the handler learns who called by taking a [`Caller`]. A [`Caller`]
/// in the extensions needs the role, but no key.
pub const fn only<H>(roles: &'static [Role], handler: H) -> Only<H> {
    let (heeds, counted) = (Heeds { query: false, versions: false }, Counted::ByMethod);
    Only { roles, about: None, heeds, counted, is_list: false, handler }
}

/// A handler behind a check of the caller's key; made by [`only`].
#[derive(Clone, Copy)]
pub struct Only<H> {
    roles: &'static [Role],
    about: Option<About>,
    heeds: Heeds,
    counted: Counted,
    is_list: bool,
    handler: H,
}

impl<H> Only<H> {
    /// Lets the caller in, whom the handler then finds in the extensions.
    fn admit(
        &self,
        known: Result<Caller, Problem>,
        parts: &mut Parts,
        state: &impl HasKeys,
    ) -> Result<(), Problem> {
        SeenRoute::tell(&parts.extensions);
        let reason = read_reason(&parts.headers);
        let mut caller = match &reason {
            Ok(Some(reason)) => known?.with_reason(reason),
            Ok(None) | Err(_) => known?,
        };
        SeenCaller::tell(&parts.extensions, &caller);
        let may_call = check(self.roles, self.about, (&caller, state.keys()), parts);
        if let Some((limits, class)) = state.keys().limits().zip(self.counted.class(&parts.method))
        {
            limits.count(class, &caller, may_call.is_ok(), parts)?;
        }
        may_call?;
        caller.is_marked |= parts.extensions.get::<Marked>().is_some();
        self.heeds.check(parts)?;
        reason?;
        if let Some(overload) = state.overload() {
            overload.check_read(self.is_list, caller.role)?;
        }
        parts.extensions.insert(caller);
        Ok(())
    }

    /// Who may call, and what the call heeds.
    pub(crate) fn guard(&self) -> Guard {
        let Self { roles, about, heeds, .. } = self;
        let Heeds { query: reads_query, versions: has_versions } = *heeds;
        Guard { roles, about: *about, reads_query, has_versions }
    }

    /// The same, also for keys that are narrowed to what the route is about.
    #[must_use]
    pub fn about(self, about: About) -> Self {
        Self { about: Some(about), ..self }
    }

    /// The same, for calls of another class than their method says.
    #[must_use]
    pub fn in_class(self, class: CallClass) -> Self {
        Self { counted: Counted::As(class), ..self }
    }

    /// The same, for calls that may come as often as they like.
    #[must_use]
    pub fn never_limited(self) -> Self {
        Self { counted: Counted::Never, ..self }
    }

    /// The same, for a call that reads a query. Any other call refuses parameters.
    #[must_use]
    pub fn with_query(mut self) -> Self {
        self.heeds.query = true;
        self
    }

    /// The same, for a list. Of what is read, lists are refused first where too much is asked.
    #[must_use]
    pub fn as_list(mut self) -> Self {
        self.is_list = true;
        self
    }

    /// The same, for a call that changes something with versions, and reads [`Precondition`].
    ///
    /// [`Precondition`]: crate::Precondition
    #[must_use]
    pub fn with_versions(mut self) -> Self {
        self.heeds.versions = true;
        self
    }
}

/// Put into a request's extensions, lets in operators and auditors alone, whatever the route: for
/// an address that is kept free for them.
#[derive(Clone, Copy, Debug)]
pub struct ForOperators;

/// Put into a request's extensions, lets in whoever has no key, as an operator, or, where operators
/// may not call, as the first role that may: for a ledger that only its own machine reaches. A
/// caller with a key is let in as what the key is.
#[derive(Clone, Copy, Debug)]
pub struct NoAuthentication;

/// The roles that [`ForOperators`] lets in.
const FOR_OPERATORS: &[Role] = &[Role::Operator, Role::Auditor];

impl<H, T, S> Handler<T, S> for Only<H>
where
    H: Handler<T, S, Future = Answering>,
    S: HasKeys + Send + 'static,
{
    type Future = Answering;

    fn call(self, request: Request, state: S) -> Answering {
        let (mut parts, body) = request.into_parts();
        let known = caller(&parts.extensions)
            .or_else(|| anyone(self.roles, &parts))
            .map_or_else(|| identify(state.keys(), &parts.headers, client(&parts)), Ok);
        let known = match known {
            Err(Unidentified::TokenKeyUnknown(tokens)) => {
                return Box::pin(async move {
                    let has_looked = tokens.look_again().await;
                    let (keys, from) = (state.keys(), client(&parts));
                    let known = identify_again(keys, &parts.headers, from, has_looked);
                    match self.admit(known, &mut parts, &state) {
                        Ok(()) => self.handler.call(Request::from_parts(parts, body), state).await,
                        Err(problem) => problem.into_response(),
                    }
                });
            }
            known => known.map_err(|why| why.problem(true)),
        };
        match self.admit(known, &mut parts, &state) {
            Ok(()) => self.handler.call(Request::from_parts(parts, body), state),
            Err(problem) => Box::pin(ready(problem.into_response())),
        }
    }
}

/// From where a request comes. Wrong keys are counted by that, whatever they ask for.
fn client(parts: &Parts) -> Option<IpAddr> {
    SeenCaller::client(&parts.extensions)
}

/// Who calls without a key where none is needed.
fn anyone(roles: &[Role], parts: &Parts) -> Option<Caller> {
    parts.extensions.get::<NoAuthentication>()?;
    if parts.headers.contains_key(AUTHORIZATION) {
        return None;
    }
    let role = if roles.contains(&Role::Operator) { Role::Operator } else { *roles.first()? };
    let caller = Caller::of_this_process(role, read_traceparent(&parts.headers).map(Into::into));
    let request_id = read_request_id(&parts.headers).map(Into::into);
    let Preferences { wait, responds_async } = Preferences::of(&parts.headers);
    Some(Caller { request_id, wait, responds_async, ..caller })
}

/// Whether the caller may make this call.
fn check(
    roles: &[Role],
    about: Option<About>,
    (caller, keys): (&Caller, &KeyRing),
    parts: &Parts,
) -> Result<(), Problem> {
    if !roles.contains(&caller.role) {
        return Err(Problem::forbidden(caller.role, roles));
    }
    if parts.extensions.get::<ForOperators>().is_some() && !FOR_OPERATORS.contains(&caller.role) {
        return Err(Problem::forbidden(caller.role, FOR_OPERATORS));
    }
    if let Some(key) = &caller.key {
        check_scopes(key, about, &parts.method)?;
        check_account((key, keys), about, parts)?;
    }
    Ok(())
}

fn check_scopes(key: &ApiKey, about: Option<About>, method: &Method) -> Result<(), Problem> {
    let is_read = method == Method::GET || method == Method::HEAD;
    if key.scopes.read_only && !is_read {
        return Err(Problem::forbidden_by_scope(key.role, READ_ONLY));
    }
    if key.scopes.offers && about != Some(About::Offers) {
        return Err(Problem::forbidden_by_scope(key.role, OFFERS));
    }
    let is_for_warehouses = match about {
        Some(About::Shipping | About::Offers | About::Programme) => true,
        Some(About::Account) | None => false,
    };
    match key.scopes.warehouses_text() {
        Some(scope) if !is_for_warehouses => Err(Problem::forbidden_by_scope(key.role, &scope)),
        _ => Ok(()),
    }
}

/// A key that is bound to an account reaches this account and those that were merged into it,
/// offers and the programme's terms.
fn check_account(
    (key, keys): (&ApiKey, &KeyRing),
    about: Option<About>,
    parts: &Parts,
) -> Result<(), Problem> {
    let Some(own) = &key.account_id else { return Ok(()) };
    match about {
        Some(About::Account) if is_account(own, keys, parts)? => Ok(()),
        Some(About::Account) => Err(Problem::not_found(
            "This key gives access to no account with this id. Check the account's id.",
        )),
        Some(About::Offers | About::Programme) => Ok(()),
        Some(About::Shipping) | None => Err(Problem::forbidden_by_account(key.role)),
    }
}

/// Whether this is the account in the path, or has that one.
fn is_account(account_id: &str, keys: &KeyRing, parts: &Parts) -> Result<bool, Problem> {
    let route = parts.extensions.get::<TakenRoute>();
    let Some(asked) = route.and_then(|route| route.id_named("account_id", parts.uri.path())) else {
        tracing::error!(uri = %parts.uri, "this route is about an account, but its path has none");
        return Err(Problem::internal());
    };
    let asked = decoded_id(asked);
    Ok(asked.is_some_and(|asked| asked == account_id || keys.leads_to(&asked, account_id)))
}

#[cfg(test)]
mod tests;
