//! How often callers may call: a token bucket for each shopper, each key and all together, by what
//! their calls do, and one for each address that shows wrong keys.
//!
//! A credential that is bound to an account is its shopper's own, and is limited as that shopper,
//! however many keys and tokens the shopper has. Every other one is limited by itself. Parts of
//! this process are never limited. `docs/operations/limits.md` has it for operators.

mod cells;
mod policy;
pub(crate) mod problem;
mod quota;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use parking_lot::RwLock;

use self::cells::Cells;
pub(crate) use self::policy::Allowance;
use self::policy::{Bucket, LatePolicy, Policy};
pub(crate) use self::problem::RATE_LIMITED;
pub(crate) use self::quota::Counted;
pub use self::quota::{ByClass, CallClass, Quota, QuotaError};
use crate::caller::SeenCaller;
use crate::dispatch::{TakenRoute, decoded_id};
use crate::{ApiKey, Caller, Problem, Role, Switches};

/// Which limits there are.
#[derive(Clone, Debug, Default)]
pub struct LimitRules {
    /// Those of each shopper with a key or token of its own.
    pub of_shopper: ByClass,
    /// Those of each other key.
    pub of_key: ByClass,
    /// Those of all callers but operators and auditors together.
    pub of_all: ByClass,
    /// How often a shopper may try to redeem an offer, by the offer's id, whoever asks for it.
    pub of_offer: HashMap<Box<str>, Quota>,
    /// How often an address may show a wrong key.
    pub wrong_keys: Option<Quota>,
    /// Whether the redemptions that a trusted app asks for count as the shopper's, too.
    pub count_apps: bool,
}

/// The limits of a process. Clones share them.
#[derive(Clone, Debug)]
pub struct Limits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    set: LimitSet,
    /// The factor by which a switch scales the limits.
    switches: Switches,
    /// The set as it was scaled last, and to how many percent.
    scaled: RwLock<Option<(u16, Arc<LimitSet>)>>,
    wrong_keys: Option<LatePolicy>,
    count_apps: bool,
}

/// All limits that a switch scales.
#[derive(Debug)]
struct LimitSet {
    of_shopper: Policies,
    of_key: Policies,
    of_all: Policies,
    of_offer: HashMap<Box<str>, Policy>,
}

/// One for each class that has one.
type Policies = [Option<Policy>; CallClass::ALL.len()];

/// How often a limit has refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// Whose limit: `shopper`.
    pub of: &'static str,
    /// What it counts: `redemptions`.
    pub what: &'static str,
    /// How often.
    pub count: u64,
}

impl Limits {
    /// Limits by these rules. All buckets are full.
    #[must_use]
    pub fn new(rules: LimitRules) -> Self {
        Self::scaled_by(rules, Switches::default())
    }

    /// Limits by these rules, scaled by the switch for that.
    #[must_use]
    pub fn scaled_by(rules: LimitRules, switches: Switches) -> Self {
        let LimitRules { of_shopper, of_key, of_all, of_offer, wrong_keys, count_apps } = rules;
        let cells = Arc::new(Cells::new());
        let each = |of, what, quota| Policy::of_each(of, what, quota, &cells);
        let redemptions = CallClass::Redemptions.as_str();
        let offers = of_offer.into_iter();
        let offers = offers.map(|(offer, quota)| (offer, each("offer", redemptions, quota)));
        let wrong_keys =
            wrong_keys.map(|quota| LatePolicy::of_each("address", "wrong-keys", quota, &cells));
        let set = LimitSet {
            of_shopper: policies(of_shopper, |what, quota| each("shopper", what, quota)),
            of_key: policies(of_key, |what, quota| each("key", what, quota)),
            of_all: policies(of_all, |what, quota| Policy::of_all("all", what, quota, &cells)),
            of_offer: offers.collect(),
        };
        let scaled = RwLock::default();
        Self(Arc::new(Shared { set, switches, scaled, wrong_keys, count_apps }))
    }

    /// Asks the limits as they are scaled now.
    fn ask<T>(&self, ask: impl FnOnce(&LimitSet) -> T) -> T {
        match self.0.switches.limit_percent() {
            100 => ask(&self.0.set),
            percent => ask(&self.0.scaled(percent)),
        }
    }

    /// Counts a call of this class, and refuses it if its caller, or all callers, made too many. A
    /// call that an app may not make isn't counted against the shopper.
    pub(crate) fn count(
        &self,
        class: CallClass,
        caller: &Caller,
        may_call: bool,
        parts: &Parts,
    ) -> Result<(), Problem> {
        let is_shoppers = may_call && class == CallClass::Redemptions && self.0.count_apps;
        let account = if is_shoppers { account_in(parts) } else { None };
        if let Some(allowance) = self.take(class, caller, account.as_deref())? {
            SeenCaller::allow(&parts.extensions, allowance);
        }
        Ok(())
    }

    /// Counts a redemption that only the body of a call asks for. The call itself was counted as
    /// what it is.
    pub fn count_redemption(&self, caller: &Caller, account_id: &str) -> Result<(), Problem> {
        let account = self.0.count_apps.then_some(account_id);
        self.take(CallClass::Redemptions, caller, account).map(drop)
    }

    /// Takes a call out of each of its buckets, if there is one in all of them. `account` is the
    /// shopper's for whom an app asks, where that counts. Gives what the caller may still do.
    fn take(
        &self,
        class: CallClass,
        caller: &Caller,
        account: Option<&str>,
    ) -> Result<Option<Allowance>, Problem> {
        let Some(key) = &caller.key else { return Ok(None) };
        self.ask(|limits| limits.take(class, caller.role, key, account))
    }

    /// Counts an attempt to redeem an offer, whoever makes it for the shopper, and refuses it if
    /// there were too many.
    pub fn count_attempt(&self, account_id: &str, offer_id: &str) -> Result<(), Problem> {
        self.ask(|limits| match limits.of_offer.get(offer_id) {
            Some(policy) => policy.bucket((account_id, offer_id)).take().map(drop),
            None => Ok(()),
        })
    }

    /// Refuses a key that isn't known, if too many such came from this address.
    pub(crate) fn check_stranger(&self, from: IpAddr) -> Result<(), Problem> {
        self.0.wrong_keys.as_ref().map_or(Ok(()), |limit| limit.check(network(from)))
    }

    /// Counts a key that isn't known.
    pub(crate) fn count_stranger(&self, from: IpAddr) {
        if let Some(limit) = &self.0.wrong_keys {
            limit.count(network(from));
        }
    }

    /// How often each limit has refused something; offers are one.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refusals> {
        let LimitSet { of_shopper, of_key, of_all, of_offer } = &self.0.set;
        let by_class = [of_shopper, of_key, of_all].into_iter().flatten().flatten();
        let by_class = by_class.map(Policy::refusals);
        let offers = of_offer.values().map(Policy::refusals);
        let offers = offers.reduce(|(of, what, sum), (_, _, more)| (of, what, sum + more));
        let wrong_keys = self.0.wrong_keys.as_ref().map(LatePolicy::refusals);
        let all = by_class.chain(offers).chain(wrong_keys);
        all.map(|(of, what, count)| Refusals { of, what, count }).collect()
    }
}

impl Shared {
    /// The limits at so many percent. They are made when a switch is turned, and kept.
    fn scaled(&self, percent: u16) -> Arc<LimitSet> {
        let is_it = |(of, _): &&(u16, Arc<LimitSet>)| *of == percent;
        if let Some((_, set)) = self.scaled.read().as_ref().filter(is_it) {
            return Arc::clone(set);
        }
        let mut scaled = self.scaled.write();
        if let Some((_, set)) = scaled.as_ref().filter(is_it) {
            return Arc::clone(set);
        }
        let set = Arc::new(self.set.scaled(percent));
        *scaled = Some((percent, Arc::clone(&set)));
        set
    }
}

impl LimitSet {
    fn scaled(&self, percent: u16) -> Self {
        let Self { of_shopper, of_key, of_all, of_offer } = self;
        let scaled = |policies: &Policies| {
            policies.each_ref().map(|policy| policy.as_ref().map(|it| it.scaled(percent)))
        };
        let offers = of_offer.iter();
        let offers = offers.map(|(offer, policy)| (offer.clone(), policy.scaled(percent)));
        Self {
            of_shopper: scaled(of_shopper),
            of_key: scaled(of_key),
            of_all: scaled(of_all),
            of_offer: offers.collect(),
        }
    }

    fn take(
        &self,
        class: CallClass,
        role: Role,
        key: &ApiKey,
        account: Option<&str>,
    ) -> Result<Option<Allowance>, Problem> {
        let Self { of_shopper, of_key, of_all, .. } = self;
        let own = key.account_id.as_deref();
        let shopper = own.or(account).and_then(|account| bucket(of_shopper, class, account));
        let of_key = if own.is_none() { bucket(of_key, class, name_of(key)) } else { None };
        // What shoppers do in a crowd must not lock out whoever looks after the ledger.
        let is_among_all = !matches!(role, Role::Operator | Role::Auditor);
        let of_all = if is_among_all { bucket(of_all, class, ()) } else { None };
        // The narrowest is asked first, and whoever is refused takes nothing from anybody.
        let buckets = [&shopper, &of_key, &of_all];
        if buckets.iter().filter(|bucket| bucket.is_some()).count() > 1 {
            buckets.into_iter().flatten().try_for_each(Bucket::look)?;
        }
        let shopper = shopper.map(Bucket::take).transpose()?;
        let of_key = of_key.map(Bucket::take).transpose()?;
        of_all.map(Bucket::take).transpose()?;
        Ok(if own.is_some() { shopper } else { of_key })
    }
}

fn policies(quotas: ByClass, make: impl Fn(&'static str, Quota) -> Policy) -> Policies {
    let mut policies = Policies::default();
    for (class, quota) in quotas.iter() {
        if let Some(place) = policies.get_mut(class as usize) {
            *place = Some(make(class.as_str(), quota));
        }
    }
    policies
}

fn bucket(policies: &Policies, class: CallClass, of: impl Hash) -> Option<Bucket<'_>> {
    let policy = policies.get(class as usize).and_then(Option::as_ref)?;
    Some(policy.bucket(of))
}

/// What tells a key from others. Tokens have the id of the issuer's key, so their subject counts.
fn name_of(key: &ApiKey) -> (Option<&str>, Option<&str>) {
    (key.id(), key.principal.subject.as_deref())
}

/// The account that a call is about.
fn account_in(parts: &Parts) -> Option<std::borrow::Cow<'_, str>> {
    let route = parts.extensions.get::<TakenRoute>()?;
    decoded_id(route.id_named("account_id", parts.uri.path())?)
}

/// Whom an address belongs to: of IPv6, a network of 64 bits is one household's.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
