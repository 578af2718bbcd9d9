//! Many clients that redeem at once, and ask with the same id until they are answered.
//!
//! Each checks what it is told against what it was told before: `not-decided` means that nothing
//! happened, so the next answer to that id must be the first (201); only after `outcome-unknown`,
//! or where a connection broke, may it be a repeat (200).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Answer, Api, PATIENCE};

pub(crate) const SHOPPERS: u64 = 40;
pub(crate) const CREDIT: u64 = 10_000_000;
pub(crate) const PRICE: u64 = 3;
/// The offer that never runs out, and the one that does in every round.
pub(crate) const MUG: &str = "mug";
pub(crate) const RARE: &str = "rare";
pub(crate) const RARE_UNITS: u64 = 60;

/// How many redemptions are in flight.
const CLIENTS: u64 = 200;
/// Every so many redemptions one asks for what runs out.
const RARE_EVERY: u64 = 5;
/// Every so many redemptions that weren't decided one is given up, to see that it isn't there.
const GIVEN_UP_EVERY: u64 = 4;
/// How long a client rests after an answer, so that a debug build keeps up.
const REST: Duration = Duration::from_millis(40);

/// An exchange's account and id.
pub(crate) type Key = (String, String);

/// What is known of one redemption.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) offer: &'static str,
    round: u64,
    pub(crate) known: Known,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// All that was ever said of it is that nothing happened.
    NotDecided,
    /// A connection broke, or the outcome wasn't known.
    InDoubt,
    /// It was answered.
    Answered(Value),
    /// It was told to be sold out.
    SoldOut,
}

/// People who redeem, wherever the ledger is at the moment.
#[derive(Clone)]
pub(crate) struct Load(Arc<Shared>);

struct Shared {
    api: Mutex<Api>,
    sent: Mutex<BTreeMap<Key, Sent>>,
    next: AtomicU64,
    /// When each answer came that says that a redemption is recorded.
    answers: Mutex<Vec<Instant>>,
    not_decided: AtomicU64,
    outcome_unknown: AtomicU64,
    rounds: AtomicU64,
}

/// Clients at work.
pub(crate) struct Running {
    load: Load,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
    begun: Instant,
}

/// What a round of clients was told.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) answered: usize,
    /// How long nobody was answered, at most.
    pub(crate) away: Duration,
    pub(crate) not_decided: u64,
    pub(crate) outcome_unknown: u64,
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { answered, away, not_decided, outcome_unknown } = self;
        write!(
            f,
            "{answered} redemptions answered, nobody for {away:.2?} at most; told \
             {not_decided} not-decided, {outcome_unknown} outcome-unknown"
        )
    }
}

impl Load {
    /// Gives everyone credit and opens the offers.
    pub(crate) async fn prepare(api: &Api) -> Self {
        api.opens(MUG, PRICE, None, None).await;
        api.opens(RARE, PRICE, Some(RARE_UNITS), None).await;
        for shopper in 0..SHOPPERS {
            api.earns(&format!("shopper-{shopper}"), CREDIT, "start").await;
        }
        Self(Arc::new(Shared {
            api: Mutex::new(api.clone()),
            sent: Mutex::default(),
            next: AtomicU64::new(0),
            answers: Mutex::default(),
            not_decided: AtomicU64::new(0),
            outcome_unknown: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
        }))
    }

    /// From now on everybody asks there.
    pub(crate) fn asks(&self, api: &Api) {
        *self.0.api.lock().expect("not poisoned") = api.clone();
    }

    pub(crate) fn api(&self) -> Api {
        self.0.api.lock().expect("not poisoned").clone()
    }

    pub(crate) fn sent(&self) -> MutexGuard<'_, BTreeMap<Key, Sent>> {
        self.0.sent.lock().expect("not poisoned")
    }

    /// How many units of what runs out there ever were.
    pub(crate) fn rare_units(&self) -> u64 {
        (1 + self.0.rounds.load(Ordering::Relaxed)) * RARE_UNITS
    }

    /// Lets a round of clients begin, once there is again something of what runs out.
    pub(crate) async fn begin(&self) -> Running {
        let round = self.0.rounds.fetch_add(1, Ordering::Relaxed);
        // What was sold out may be had from now on.
        self.sent().retain(|_, sent| sent.known != Known::SoldOut);
        let path = format!("/v1/offers/{RARE}/stock-additions/round-{round}");
        self.api().put("operator", &path, json!({"units": RARE_UNITS})).await.is(201);
        self.0.answers.lock().expect("not poisoned").clear();
        self.0.not_decided.store(0, Ordering::Relaxed);
        self.0.outcome_unknown.store(0, Ordering::Relaxed);
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(self.clone().redeem_until(Arc::clone(&stop)));
        }
        Running { load: self.clone(), stop, clients, begun: Instant::now() }
    }

    async fn redeem_until(self, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            let number = self.0.next.fetch_add(1, Ordering::Relaxed);
            let offer = if number.is_multiple_of(RARE_EVERY) { RARE } else { MUG };
            let key = (format!("shopper-{}", number % SHOPPERS), format!("x-{number}"));
            let round = self.0.rounds.load(Ordering::Relaxed);
            let sent = Sent { offer, round, known: Known::NotDecided };
            self.sent().insert(key.clone(), sent);
            while !stop.load(Ordering::Relaxed) {
                if self.ask(&key, offer).await {
                    break;
                }
                let is_given_up = number.is_multiple_of(GIVEN_UP_EVERY)
                    && self.sent()[&key].known == Known::NotDecided;
                if is_given_up {
                    break;
                }
                tokio::time::sleep(REST / 4).await;
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Asks once; whether there was an answer.
    async fn ask(&self, key: &Key, offer: &'static str) -> bool {
        let api = self.api();
        let was_in_doubt = self.sent()[key].known == Known::InDoubt;
        // Should the server die now, nobody knows.
        self.knows(key, Known::InDoubt);
        let Ok(answer) = api.send(api.redemption(&key.0, &key.1, offer)).await else {
            return false;
        };
        let Answer { status, body, .. } = answer;
        let known = match (status, body["code"].as_str().unwrap_or_default()) {
            (201, _) => Known::Answered(body),
            (200, _) => {
                assert!(was_in_doubt, "{key:?} was never decided, and is a repeat: {body}");
                Known::Answered(body)
            }
            (409, "sold-out") => {
                assert_eq!(offer, RARE, "{body}");
                Known::SoldOut
            }
            (503, "not-decided") => {
                self.0.not_decided.fetch_add(1, Ordering::Relaxed);
                if was_in_doubt { Known::InDoubt } else { Known::NotDecided }
            }
            (503, "outcome-unknown") => {
                self.0.outcome_unknown.fetch_add(1, Ordering::Relaxed);
                Known::InDoubt
            }
            _ => panic!("{key:?} got {status} {body}"),
        };
        if matches!(known, Known::Answered(_)) {
            self.0.answers.lock().expect("not poisoned").push(Instant::now());
        }
        let is_answer = matches!(known, Known::Answered(_) | Known::SoldOut);
        self.knows(key, known);
        is_answer
    }

    fn knows(&self, key: &Key, known: Known) {
        if let Some(sent) = self.sent().get_mut(key) {
            sent.known = known;
        }
    }

    /// What was answered by an event after `head` is as if it had been in doubt: the log has lost
    /// its end. So is what was sold out, or was not decided because of what is lost.
    pub(crate) fn forget_after(&self, head: u64) {
        let is_lost = |body: &Value| {
            let position = body["position"].as_str().and_then(|place| place.strip_prefix("0:"));
            position.and_then(|text| text.parse::<u64>().ok()).is_none_or(|at| at > head)
        };
        for sent in self.sent().values_mut() {
            match &sent.known {
                Known::Answered(body) if !is_lost(body) => {}
                Known::NotDecided => {}
                _ => sent.known = Known::InDoubt,
            }
        }
    }

    fn answers(&self) -> usize {
        self.0.answers.lock().expect("not poisoned").len()
    }

    /// Asks all of this round again: what was answered is answered as at first, what wasn't decided
    /// is decided now, and what was in doubt is there or is decided now.
    pub(crate) async fn ask_all_again(&self) {
        let round = self.0.rounds.load(Ordering::Relaxed);
        let mut all: Vec<(Key, Sent)> =
            self.sent().iter().map(|(key, sent)| (key.clone(), sent.clone())).collect();
        all.retain(|(_, sent)| sent.round == round);
        let mut asking = JoinSet::new();
        for part in all.chunks(all.len() / 64 + 1) {
            let (load, part) = (self.clone(), part.to_vec());
            asking.spawn(async move {
                for (key, sent) in part {
                    load.ask_again(key, sent).await;
                }
            });
        }
        while let Some(asked) = asking.join_next().await {
            asked.expect("every answer is as it must be");
        }
    }

    async fn ask_again(&self, key: Key, sent: Sent) {
        let begun = Instant::now();
        let mut known = sent.known;
        // A busy server may not find in time whether it was recorded, nor what it answered.
        let again = loop {
            let again = self.api().redeems(&key.0, &key.1, sent.offer).await;
            if again.status != 503 || begun.elapsed() > PATIENCE {
                break again;
            }
            if known == Known::NotDecided && again.body["code"] == "outcome-unknown" {
                known = Known::InDoubt;
            }
            tokio::time::sleep(REST).await;
        };
        match known {
            Known::Answered(first) => assert_eq!(again.is(200), first, "{key:?}"),
            _ if sent.offer == RARE && again.status == 409 => {
                again.is_problem(409, "sold-out");
                self.knows(&key, Known::SoldOut);
            }
            Known::SoldOut => panic!("{key:?} was sold out, and is there: {again:?}"),
            Known::NotDecided => self.knows(&key, Known::Answered(again.is(201))),
            Known::InDoubt => {
                assert!(matches!(again.status, 200 | 201), "{key:?}: {again:?}");
                self.knows(&key, Known::Answered(again.body));
            }
        }
    }
}

impl Running {
    /// Waits until so many more redemptions are answered than by now.
    pub(crate) async fn answers(&self, more: usize) {
        let wanted = self.load.answers() + more;
        let started = Instant::now();
        while self.load.answers() < wanted {
            assert!(started.elapsed() < PATIENCE, "nobody is answered any more");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Lets everyone end what they are at, and says what they were told.
    pub(crate) async fn end(mut self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.expect("every answer is as it must be");
        }
        let answers = self.load.0.answers.lock().expect("not poisoned");
        let mut away = Duration::ZERO;
        let mut last = self.begun;
        for answer in answers.iter() {
            away = away.max(answer.saturating_duration_since(last));
            last = last.max(*answer);
        }
        Told {
            answered: answers.len(),
            away,
            not_decided: self.load.0.not_decided.load(Ordering::Relaxed),
            outcome_unknown: self.load.0.outcome_unknown.load(Ordering::Relaxed),
        }
    }
}
