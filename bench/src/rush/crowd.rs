//! The connections of the crowd. Each has its share of the shoppers and asks at fixed times, one
//! request after the other, whether or not the ledger keeps up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::told::Told;
use super::wish::{Next, SECOND_DEVICE_EVERY, Wish};
use crate::chance::Chance;
use crate::connection::Connection;
use crate::requests::Draft;

/// How many connect at once.
const AT_ONCE: usize = 256;

/// How long an answer may take, before its connection is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How late what was planned may be, before the rest isn't sent.
const OVERTIME: Duration = Duration::from_secs(60);

/// How long whoever was told to wait waits at most, in milliseconds.
const IMPATIENCE: u64 = 2_000;

/// The crowd as a whole.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    /// Where the ledger is; nothing while it was killed.
    pub(super) addresses: watch::Receiver<Option<SocketAddr>>,
    pub(super) key: String,
    pub(super) shoppers: u64,
    /// Requests a second, of all connections.
    pub(super) rate: f64,
    /// How long they come before the offer opens.
    pub(super) early: Duration,
    /// How long they come in all.
    pub(super) lasts: Duration,
}

/// One connection with its share of the shoppers.
struct Part {
    crowd: Crowd,
    connection: Option<Connection>,
    /// In the order in which they come; so many have.
    wishes: Vec<Wish>,
    came: usize,
    /// When which of them asks again.
    again: BinaryHeap<Reverse<(Instant, usize)>>,
    chance: Chance,
    draft: Draft,
    told: Told,
}

impl Crowd {
    /// Opens so many connections.
    pub(super) async fn connect(&self, connections: usize) -> anyhow::Result<Vec<Connection>> {
        let address = (*self.addresses.borrow()).context("there is no ledger")?;
        let mut open = Vec::with_capacity(connections);
        while open.len() < connections {
            let more = AT_ONCE.min(connections - open.len());
            let mut connecting = JoinSet::new();
            for _ in 0..more {
                connecting.spawn(Connection::open(address));
            }
            while let Some(connected) = connecting.join_next().await {
                open.push(connected??);
            }
        }
        Ok(open)
    }

    /// Comes over these connections, around the time at which the offer opens.
    pub(super) async fn come(
        self,
        connections: Vec<Connection>,
        opens: Instant,
    ) -> anyhow::Result<Told> {
        let begins = opens.checked_sub(self.early).context("the clock is at its start")?;
        let (all, mut parts) = (connections.len(), JoinSet::new());
        for (number, connection) in connections.into_iter().enumerate() {
            let part = Part {
                wishes: self.wishes(number, all),
                crowd: self.clone(),
                connection: Some(connection),
                came: 0,
                again: BinaryHeap::new(),
                chance: Chance::of_client(number as u64 + 1),
                draft: Draft::default(),
                told: Told::default(),
            };
            let between = Duration::from_secs_f64(all as f64 / self.rate);
            let first = begins + between.mul_f64(number as f64 / all as f64);
            parts.spawn(part.ask_at(first, between, opens));
        }
        let mut told = Told::default();
        while let Some(part) = parts.join_next().await {
            told.merge(part.context("a connection failed")??);
        }
        Ok(told)
    }

    /// What is wanted over one of so many connections: by its own shoppers, and by the second
    /// devices of its neighbour's.
    fn wishes(&self, number: usize, all: usize) -> Vec<Wish> {
        let of = |number: usize| (number as u64..self.shoppers).step_by(all);
        let seconds = of((number + 1) % all).filter(|shopper| has_two(*shopper, all));
        let mut seconds = seconds.map(|shopper| Wish::new(shopper, true));
        let mut wishes = vec![];
        for shopper in of(number) {
            wishes.push(Wish::new(shopper, false));
            // At about the time of their first.
            if has_two(shopper, all) {
                wishes.extend(seconds.next());
            }
        }
        wishes.extend(seconds);
        wishes
    }
}

/// Whether a shopper has two devices.
const fn has_two(shopper: u64, connections: usize) -> bool {
    (shopper / connections as u64).is_multiple_of(SECOND_DEVICE_EVERY)
}

impl Part {
    /// Asks at fixed times. What is late is counted from the time at which it was planned.
    async fn ask_at(
        mut self,
        first: Instant,
        between: Duration,
        opens: Instant,
    ) -> anyhow::Result<Told> {
        let slots = self.crowd.lasts.as_nanos() / between.as_nanos().max(1);
        let slots = u64::try_from(slots).unwrap_or(u64::MAX);
        for slot in 0..slots {
            let planned = first + between.mul_f64(slot as f64);
            sleep_until(planned.into()).await;
            if planned.elapsed() > OVERTIME {
                break;
            }
            let Some(wish) = self.next(slots - slot) else { continue };
            self.ask(wish, planned, opens).await?;
        }
        let came = self.wishes.iter().take(self.came);
        self.told.shoppers = came.filter(|wish| !wish.is_second).count() as u64;
        let created = self.wishes.iter().filter(|wish| wish.is_created());
        self.told.created =
            created.map(|it| (format!("shopper-{}", it.shopper), it.id().to_string())).collect();
        Ok(self.told)
    }

    /// Whose turn it is: so often a newcomer's that everybody comes, else that of somebody who asks
    /// again, or who tries once more what was answered before.
    fn next(&mut self, slots_left: u64) -> Option<usize> {
        let newcomers = (self.wishes.len() - self.came) as u64;
        let is_due = self.again.peek().is_some_and(|Reverse((at, _))| *at <= Instant::now());
        if self.chance.below(slots_left) < newcomers {
            self.came += 1;
            return Some(self.came - 1);
        }
        if is_due {
            return self.again.pop().map(|Reverse((_, wish))| wish);
        }
        let came = self.came as u64;
        (came > 0).then(|| usize::try_from(self.chance.below(came)).unwrap_or_default())
    }

    async fn ask(&mut self, wish: usize, planned: Instant, opens: Instant) -> anyhow::Result<()> {
        let Some(wanted) = self.wishes.get_mut(wish) else { return Ok(()) };
        self.draft.redemption(wanted.shopper, 0, format_args!("{}", wanted.id()))?;
        self.told.asked += 1;
        let mut next = None;
        if let Some(connection) = &mut self.connection {
            let ask = connection.ask(self.draft.ask(&self.crowd.key));
            if let Ok(Ok(answer)) = timeout(PATIENCE, ask).await {
                self.told.hears(answer.status, planned, opens);
                // Most are told to come again, by 429, and nobody reads more of that.
                let body = if answer.status == 429 { "".into() } else { connection.body() };
                next = Some(wanted.hears(answer, &body));
            }
        }
        let next = match next {
            Some(next) => next,
            None => {
                self.told.broken += 1;
                wanted.hears_nothing();
                self.connection = None;
                Ok(Next::AskAgain)
            }
        };
        match next {
            Ok(Next::AskAgain) => {
                let wait = Duration::from_millis(self.chance.below(IMPATIENCE));
                self.again.push(Reverse((Instant::now() + wait, wish)));
            }
            Ok(Next::Done) => {}
            Err(what) => self.told.contradicts(what),
        }
        if self.connection.is_none() {
            self.reconnect().await?;
        }
        Ok(())
    }

    /// Waits until there is a ledger, and connects to it. Nobody knocks at an address where none
    /// is: the system could give a knocking connection that very port.
    async fn reconnect(&mut self) -> anyhow::Result<()> {
        let address = {
            let there = self.crowd.addresses.wait_for(Option::is_some);
            let there =
                timeout(PATIENCE, there).await.context("the ledger doesn't come back")??;
            (*there).context("there is no ledger")?
        };
        self.connection = Connection::open(address).await.ok();
        if self.connection.is_none() {
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}
