//! Redemptions whose callers don't wait for the outcome: what became of each, as long as this
//! process remembers it.
//!
//! Nothing here is durable. A client that finds nothing sends its request again: the exchange's id
//! makes that safe.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::command::Redeem;
use domain::{AccountId, ExchangeId};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use wire::Problem;
use wire::body::{AttemptBody, AttemptStatus};

use crate::redeem::Created;

/// How many redemptions may be pending at a time: those of eight seconds of a fast ledger. More are
/// answered as if their callers waited.
const PENDING_MAX: usize = 16_384;

/// How many are remembered that are decided, the oldest forgotten first; about a kilobyte each. A
/// pending one is never forgotten.
const KNOWN_MAX: usize = 32_768;

/// What a redemption came to.
pub(crate) type Decided = Arc<Result<Created, Problem>>;

type Id = (AccountId, ExchangeId);

/// The redemptions that are remembered.
pub(crate) struct Attempts {
    known: Arc<Mutex<Known>>,
    pending: Arc<Semaphore>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<Id, Arc<Attempt>>,
    /// In the order in which they were decided.
    decided: VecDeque<Arc<Attempt>>,
}

/// A redemption that is pending, or was.
pub(crate) struct Attempt {
    id: Id,
    /// What was asked for, until it is decided; it has an address in it.
    asked: Mutex<Option<Redeem>>,
    decided: watch::Sender<Option<Decided>>,
}

/// What begins with a request.
pub(crate) enum Begun {
    /// Its redemption, which is to be decided; nothing else decides it.
    New(Pending),
    /// Nothing: the same is pending.
    Before(Arc<Attempt>),
    /// Nothing: another one is pending under this id, or too many are; or it has created its
    /// exchange, which is remembered whatever becomes of a repeat.
    Nothing,
}

/// A redemption that is to be decided. One that is dropped undecided has failed.
pub(crate) struct Pending {
    attempt: Arc<Attempt>,
    known: Arc<Mutex<Known>>,
    _room: OwnedSemaphorePermit,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { known: Arc::default(), pending: Arc::new(Semaphore::new(PENDING_MAX)) }
    }
}

impl Attempts {
    /// Begins a redemption, unless it is pending already.
    pub(crate) fn begin(&self, redeem: &Redeem) -> Begun {
        let id = (redeem.account_id.clone(), redeem.order.exchange_id.clone());
        let mut known = self.known.lock();
        if let Some(before) = known.by_id.get(&id) {
            if let Some(asked) = &*before.asked.lock() {
                let is_same = asked == redeem;
                return if is_same { Begun::Before(Arc::clone(before)) } else { Begun::Nothing };
            }
            if before.has_created() {
                return Begun::Nothing;
            }
        }
        let Ok(room) = Arc::clone(&self.pending).try_acquire_owned() else {
            return Begun::Nothing;
        };
        let asked = Mutex::new(Some(redeem.clone()));
        let attempt = Arc::new(Attempt { id, asked, decided: watch::Sender::default() });
        known.by_id.insert(attempt.id.clone(), Arc::clone(&attempt));
        Begun::New(Pending { attempt, known: Arc::clone(&self.known), _room: room })
    }

    pub(crate) fn find(&self, id: &Id) -> Option<Arc<Attempt>> {
        self.known.lock().by_id.get(id).cloned()
    }
}

impl Known {
    /// Remembers one that is decided.
    fn keep(&mut self, attempt: &Arc<Attempt>) {
        self.decided.push_back(Arc::clone(attempt));
        if self.decided.len() > KNOWN_MAX
            && let Some(oldest) = self.decided.pop_front()
        {
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, attempt: &Arc<Attempt>) {
        if self.by_id.get(&attempt.id).is_some_and(|known| Arc::ptr_eq(known, attempt)) {
            self.by_id.remove(&attempt.id);
        }
    }
}

impl Pending {
    pub(crate) fn attempt(&self) -> Arc<Attempt> {
        Arc::clone(&self.attempt)
    }

    pub(crate) fn decide(self, outcome: Result<Created, Problem>) {
        self.attempt.decide(outcome);
        self.known.lock().keep(&self.attempt);
    }

    /// The same, where the caller hears it at once: it isn't remembered, and pushes out no other.
    pub(crate) fn decide_at_once(self, outcome: Result<Created, Problem>) -> Decided {
        self.known.lock().forget(&self.attempt);
        self.attempt.decide(outcome)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.attempt.decided.borrow().is_none() {
            self.attempt.decide(Err(Problem::internal()));
            self.known.lock().keep(&self.attempt);
        }
    }
}

impl Attempt {
    fn decide(&self, outcome: Result<Created, Problem>) -> Decided {
        let decided = Arc::new(outcome);
        self.decided.send_replace(Some(Arc::clone(&decided)));
        // The last, for what isn't pending any more is looked at as decided.
        *self.asked.lock() = None;
        decided
    }

    fn has_created(&self) -> bool {
        self.decided.borrow().as_ref().is_some_and(|decided| decided.is_ok())
    }

    /// What it came to, if that is known within this time.
    pub(crate) async fn decided(&self, within: Duration) -> Option<Decided> {
        let mut decided = self.decided.subscribe();
        if !within.is_zero() {
            drop(tokio::time::timeout(within, decided.wait_for(Option::is_some)).await);
        }
        self.decided.borrow().clone()
    }

    /// How far it is, if it came to this; without the code of an exchange.
    pub(crate) fn body(&self, decided: Option<&Decided>) -> AttemptBody {
        let (account_id, exchange_id) = self.id.clone();
        let (status, exchange, problem) = match decided.map(|decided| &**decided) {
            None => (AttemptStatus::Pending, None, None),
            Some(Ok(created)) => (AttemptStatus::Created, Some(created.exchange.clone()), None),
            Some(Err(problem)) if problem.status().is_server_error() => {
                (AttemptStatus::Failed, None, Some(problem.clone()))
            }
            Some(Err(problem)) => (AttemptStatus::Refused, None, Some(problem.clone())),
        };
        AttemptBody { account_id, exchange_id, status, durable: false, exchange, problem }
    }

    /// Where it can be read.
    pub(crate) fn path(&self) -> String {
        let (account_id, exchange_id) = &self.id;
        format!("/v1/accounts/{account_id}/exchanges/{exchange_id}/attempt")
    }
}

#[cfg(test)]
mod tests {
    use domain::command::Order;
    use domain::{Points, UnitId, Units};
    use log_record::{Partition, Place, Position};
    use wire::body::CreatedExchangeBody;

    use super::*;
    use crate::execute::Done;

    fn redeem(exchange: usize, offer: &str) -> Redeem {
        let order = Order {
            exchange_id: format!("x-{exchange}").parse().expect("an id"),
            offer_id: offer.parse().expect("an id"),
            quantity: Units::new(1).expect("units"),
            deliver_to: None,
            expected_points: None,
            expected_prices: None,
        };
        Redeem { account_id: "ann".parse().expect("an id"), order, occurred_at: None }
    }

    fn begin(attempts: &Attempts, redeem: &Redeem) -> Pending {
        match attempts.begin(redeem) {
            Begun::New(pending) => pending,
            Begun::Before(_) | Begun::Nothing => panic!("it begins"),
        }
    }

    fn refuse(pending: Pending) {
        pending.decide(Err(Problem::not_found("No offer.")));
    }

    #[tokio::test]
    async fn the_same_request_joins_a_pending_one_and_another_one_does_not() {
        let attempts = Attempts::default();
        let mug = redeem(1, "mug");
        let pending = begin(&attempts, &mug);
        assert!(matches!(attempts.begin(&mug), Begun::Before(_)));
        assert!(matches!(attempts.begin(&redeem(1, "hat")), Begun::Nothing));
        let attempt = pending.attempt();
        assert!(attempt.decided(Duration::ZERO).await.is_none());
        refuse(pending);
        let decided = attempt.decided(Duration::from_secs(9)).await.expect("decided");
        assert_eq!(attempt.body(Some(&decided)).status, AttemptStatus::Refused);
        begin(&attempts, &redeem(1, "hat")).attempt();
    }

    #[tokio::test]
    async fn what_nobody_decided_has_failed() {
        let attempts = Attempts::default();
        let pending = begin(&attempts, &redeem(1, "mug"));
        let attempt = pending.attempt();
        drop(pending);
        let decided = attempt.decided(Duration::ZERO).await.expect("decided");
        assert_eq!(attempt.body(Some(&decided)).status, AttemptStatus::Failed);
        assert!(attempt.asked.lock().is_none());
    }

    #[tokio::test]
    async fn what_is_decided_at_once_is_told_to_whoever_joined_and_not_remembered() {
        let attempts = Attempts::default();
        let mug = redeem(1, "mug");
        let pending = begin(&attempts, &mug);
        let Begun::Before(joined) = attempts.begin(&mug) else { panic!("it is pending") };
        pending.decide_at_once(Err(Problem::overloaded()));
        assert!(joined.decided(Duration::ZERO).await.is_some());
        let known = attempts.known.lock();
        assert!(known.by_id.is_empty() && known.decided.is_empty());
    }

    #[test]
    fn a_pending_one_is_not_forgotten_for_those_that_are_decided() {
        let attempts = Attempts::default();
        let mug = redeem(KNOWN_MAX + 1, "mug");
        let _pending = begin(&attempts, &mug);
        for number in 0..=KNOWN_MAX {
            refuse(begin(&attempts, &redeem(number, "mug")));
        }
        assert!(matches!(attempts.begin(&mug), Begun::Before(_)));
    }

    #[test]
    fn an_exchange_that_was_created_is_remembered_whatever_becomes_of_a_repeat() {
        let attempts = Attempts::default();
        let mug = redeem(1, "mug");
        let Redeem { account_id, order, .. } = mug.clone();
        let place = Place { partition: Partition(0), position: Position(7) };
        let (event, told, subject, spread) = Default::default();
        let done = Done { place, event, last: place, told, subject, is_repeat: false, spread };
        let body = CreatedExchangeBody {
            exchange_id: order.exchange_id.clone(),
            account_id: account_id.clone(),
            offer_id: order.offer_id,
            quantity: order.quantity,
            points: Points::ZERO,
            unit: UnitId::POINTS,
            prices: vec![],
            status: "created",
            code: None,
            erased: false,
            position: place,
        };
        let created = Created { done, exchange: body, code_at: None };
        begin(&attempts, &mug).decide(Ok(created));
        assert!(matches!(attempts.begin(&mug), Begun::Nothing));
        let known = attempts.find(&(account_id, order.exchange_id)).expect("remembered");
        assert!(known.has_created());
        refuse(begin(&attempts, &redeem(2, "mug")));
        begin(&attempts, &redeem(2, "mug")).attempt();
    }

    #[test]
    fn so_many_are_pending_and_so_many_are_known() {
        let attempts = Attempts::default();
        let pending: Vec<_> =
            (0..PENDING_MAX).map(|number| begin(&attempts, &redeem(number, "mug"))).collect();
        assert!(matches!(attempts.begin(&redeem(PENDING_MAX, "mug")), Begun::Nothing));
        drop(pending);
        for number in 0..=KNOWN_MAX {
            refuse(begin(&attempts, &redeem(number, "mug")));
        }
        let known = attempts.known.lock();
        assert_eq!((known.by_id.len(), known.decided.len()), (KNOWN_MAX, KNOWN_MAX));
        drop(known);
        let is_known = |number| {
            let Redeem { account_id, order, .. } = redeem(number, "mug");
            attempts.find(&(account_id, order.exchange_id)).is_some()
        };
        assert!(!is_known(0) && is_known(1) && is_known(KNOWN_MAX));
    }
}
