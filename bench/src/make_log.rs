//! A big log, made without a ledger: credit for every account, then redemptions, as the domain
//! decides them, appended straight to the store.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, anyhow};
use domain::command::{EarnCredit, OpenOffer, Order, Redeem};
use domain::{
    Cause, CauseKind, Clock, Command, Decision, Event, LogOpened, Page, Points, Prices, State,
    Terms, Timestamp, Units, decide,
};
use event_schema::{Metadata, Salt, encode};
use event_store::{Access, Append, EventStore, NewLog, StoreError, StoreUrl};
use log_record::{Head, LogId, NewEvent, Partition, WriterId};
use uuid::Uuid;

use crate::chance::Chance;

/// How many events are appended at once.
const BATCH_EVENTS: usize = 8_192;

/// How many offers there are.
pub(crate) const OFFERS: u64 = 100;

/// What to put into the log.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Content {
    /// Accounts, each with one lot that lasts.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) accounts: u64,
    /// Events in all, about; what isn't credit is redemptions, of two events each.
    #[arg(long, default_value_t = 10_000_000)]
    pub(crate) events: u64,
}

/// Makes the log in a folder where there is none.
pub(crate) async fn make_missing_log(content: &Content, folder: &Path) -> anyhow::Result<()> {
    if file(folder).exists() { Ok(()) } else { make_log(content, folder).await }
}

/// Opens the log in a folder, to read it.
pub(crate) async fn open_log(folder: &Path) -> Result<EventStore, StoreError> {
    EventStore::open(&StoreUrl::Sqlite(file(folder)), Access::Read).await
}

/// How many events a log has that has one partition.
pub(crate) async fn count_events(log: &EventStore) -> Result<u64, StoreError> {
    Ok(log.head(Partition(0)).await?.position.0)
}

/// The log's file.
pub(crate) fn file(folder: &Path) -> PathBuf {
    folder.join("log.sqlite")
}

/// Makes a log in a folder.
pub(crate) async fn make_log(content: &Content, folder: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut log = Log::open(folder, yesterday()?).await?;
    for offer in 0..OFFERS {
        log.decide(&open_offer(offer)?).await?;
    }
    for account in 0..content.accounts {
        log.decide(&earn(account)?).await?;
    }
    let mut chance = Chance::of_client(7);
    for number in 0_u64.. {
        if log.state.position().0 >= content.events {
            break;
        }
        log.decide(&redeem(chance.below(content.accounts), number, chance.below(OFFERS))?).await?;
    }
    log.append().await?;
    eprintln!("made a log of {} events in {:.0?}", log.state.position(), started.elapsed());
    Ok(())
}

/// Who redeems in such a log: the account of each redemption, in its order.
pub(crate) fn redeemers(content: &Content) -> Vec<u64> {
    // Before them are the log's opening, the offers and the credit, and each is two events.
    let before = 1 + OFFERS + content.accounts;
    let redemptions = content.events.saturating_sub(before).div_ceil(2);
    let mut chance = Chance::of_client(7);
    let redeemer = |_| {
        let account = chance.below(content.accounts);
        chance.below(OFFERS);
        account
    };
    (0..redemptions).map(redeemer).collect()
}

/// A log that is written by commands.
pub(crate) struct Log {
    store: EventStore,
    head: Head,
    state: State,
    waiting: Vec<NewEvent>,
    now: Timestamp,
}

impl Log {
    /// Opens a new one in a folder, at this time.
    pub(crate) async fn open(folder: &Path, now: Timestamp) -> anyhow::Result<Self> {
        let access = Access::Write(NewLog { log_id: LogId(Uuid::now_v7()), partitions: 1 });
        let store = EventStore::open(&StoreUrl::Sqlite(file(folder)), access).await?;
        let head = store.take_over(Partition(0), WriterId(Uuid::now_v7())).await?;
        let opened = Event::LogOpened(LogOpened {
            log_id: store.log_id().to_string().into(),
            partitions: 1,
            clock: Clock::Wall,
        });
        let (state, waiting) = (State::new(Partition(0)), vec![]);
        let mut log = Self { store, head, state, waiting, now };
        log.record(&[opened], "open-log")?;
        Ok(log)
    }

    pub(crate) async fn decide(&mut self, command: &Command) -> anyhow::Result<()> {
        // Ten thousand commands a second, so that a day is enough for many.
        self.now = Timestamp::from_micros(self.now.micros() + 100)?;
        match decide(&self.state, command, self.now) {
            Ok(Decision::Record { events, .. }) => self.record(&events, command.name())?,
            other => return Err(anyhow!("{command:?} was answered {other:?}")),
        }
        if self.waiting.len() >= BATCH_EVENTS {
            self.append().await?;
        }
        Ok(())
    }

    fn record(&mut self, events: &[Event], command: &'static str) -> anyhow::Result<()> {
        let mut metadata = Metadata::of_command(command);
        metadata.role = (command == "redeem").then_some("shopper".into());
        for event in events {
            let salt = Salt(*Uuid::now_v7().as_bytes());
            self.waiting.push(encode(event, self.now, &metadata, None, salt)?);
            self.state.evolve(self.state.position().next(), self.now, event)?;
        }
        Ok(())
    }

    /// Appends what waits.
    pub(crate) async fn append(&mut self) -> anyhow::Result<()> {
        let events = std::mem::take(&mut self.waiting);
        let position = log_record::Position(self.state.position().0 - events.len() as u64);
        let head = Head { position, ..self.head };
        self.store.append(Append::after(Partition(0), &head, events)).await?;
        Ok(())
    }
}

pub(crate) fn open_offer(number: u64) -> anyhow::Result<Command> {
    let terms = Terms {
        product_id: "product".parse()?,
        prices: Prices::of_points(Points::new(7)?),
        tier: None,
        segment: None,
        tier_prices: domain::TierPrices::default(),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: None,
        period_limits: domain::PeriodLimits::default(),
        time_zone: domain::TimeZone::default(),
        warehouse: "main".parse()?,
        ships: true,
        codes: false,
    };
    let offer_id = format!("offer-{number}").parse()?;
    Ok(Command::OpenOffer(OpenOffer { offer_id, terms, page: Page::default(), stock: None }))
}

pub(crate) fn earn(account: u64) -> anyhow::Result<Command> {
    Ok(Command::EarnCredit(EarnCredit {
        unit: domain::UnitId::POINTS,
        account_id: format!("shopper-{account}").parse()?,
        points: Points::new(1_000_000_000)?,
        cause: Cause { kind: CauseKind::Purchase, id: format!("basket-{account}").parse()? },
        available_at: None,
        expires_at: None,
        occurred_at: None,
    }))
}

pub(crate) fn redeem(account: u64, number: u64, offer: u64) -> anyhow::Result<Command> {
    let deliver_to = "1 Elm Street, 12345 Springfield".parse();
    let order = Order {
        exchange_id: format!("x-{number:010}").parse()?,
        offer_id: format!("offer-{offer}").parse()?,
        quantity: Units::new(1)?,
        deliver_to: Some(deliver_to.map_err(|_| anyhow!("nowhere to deliver to"))?),
        expected_points: None,
        expected_prices: None,
    };
    let account_id = format!("shopper-{account}").parse()?;
    Ok(Command::Redeem(Redeem { account_id, order, occurred_at: None }))
}

#[expect(clippy::disallowed_methods, reason = "a ledger that starts on the log trusts its clock")]
fn yesterday() -> anyhow::Result<Timestamp> {
    let time = SystemTime::now().checked_sub(Duration::from_secs(24 * 60 * 60));
    Ok(Timestamp::from_system(time.context("there was no yesterday")?)?)
}

#[cfg(test)]
mod tests {
    use log_record::{Place, Position};

    use super::*;

    #[tokio::test]
    async fn the_redeemers_are_those_of_the_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let content = Content { accounts: 50, events: 1 + OFFERS + 50 + 399 };
        make_log(&content, folder.path()).await.expect("made");
        let store = open_log(folder.path()).await.expect("opened");
        let expected = redeemers(&content);
        assert_eq!(expected.len(), 200);
        let first = 1 + OFFERS + 50 + 1;
        for (number, account) in (0..).zip(expected) {
            let position = Position(first + 2 * number);
            let place = Place { partition: Partition(0), position };
            let event = store.read_one(place).await.expect("read");
            let shopper = format!("shopper-{account}");
            assert_eq!(event.account_id.as_deref(), Some(&*shopper), "{number}");
        }
    }
}
