//! A real year with a second unit and five ladders over it, against a plain loop over the same file
//! that shares no code with the ledger: each household's tiers in the last second of every month
//! and in the first of the next.
//!
//! The slice in `data/complete-journey`, or, where `GUERDON_COMPLETE_JOURNEY` names a folder with
//! its `purchases.csv.gz`, the whole year.

mod plain;
mod told;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::command::{EarnCredit, ExpectedVersion, SetLadder, SetUnit};
use domain::{
    AccountId, Cause, CauseKind, Clock, Command, Decision, Downgrade, Event, LadderTerms, Level,
    LogOpened, Points, PresentTier, Returns, State, Timestamp, UnitTerms, Window, decide,
};
use log_record::Partition;

use self::plain::{Household, LADDERS, LEVELS, Ladder, baskets, month_begins};
use crate::ledger::journey;

/// Where status is counted: a month ends there four or five hours after it ends in UTC.
const ZONE: &str = "America/New_York";

#[test]
fn the_tiers_of_a_real_year_are_what_a_plain_loop_finds_at_the_end_of_every_month() {
    let rows = journey::rows(&journey::purchases_file(&journey::data_folder()));
    let mut days = baskets(&rows, usize::MAX).into_iter().peekable();
    let mut year = Year::begun();
    for month in 0..12 {
        while let Some((_, of_day)) = days.next_if(|(day, _)| day.month() <= month) {
            for basket in of_day {
                let [_, status] =
                    year.households.entry(basket.account.clone()).or_default().buys(&basket);
                year.earns(&basket.account, &basket.id, basket.at, status);
            }
        }
        let end = month_begins(month + 1);
        year.compare(end - TimeDelta::seconds(1), month);
        // What is due is recorded or not: it counts as done all the same.
        if month % 2 == 0 {
            year.sweep(end);
        }
        year.compare(end, month + 1);
    }
    println!("{} households: {:?}", year.households.len(), year.seen);
    // The year moves enough for the comparison to mean something.
    assert!(year.seen.changes > 5 * year.households.len(), "{:?}", year.seen);
    assert!(year.seen.by_level.iter().flatten().all(|count| *count > 0), "{:?}", year.seen);
    year.compare_with_a_replay(month_begins(12));
}

/// The ledger's state beside the plain loop.
struct Year {
    state: State,
    events: Vec<(Timestamp, Event)>,
    households: BTreeMap<String, Household>,
    seen: Seen,
}

/// What was seen of the households' tiers.
#[derive(Debug, Default)]
struct Seen {
    tiers: BTreeMap<String, Vec<Option<usize>>>,
    changes: usize,
    by_level: [[usize; LEVELS.len()]; LADDERS.len()],
}

fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("valid")
}

fn time(at: DateTime<Utc>) -> Timestamp {
    Timestamp::from_micros(at.timestamp_micros()).expect("a time")
}

impl Year {
    fn begun() -> Self {
        let (state, households) = (State::new(Partition(0)), BTreeMap::new());
        let mut year = Self { state, events: vec![], households, seen: Seen::default() };
        let begun = time(month_begins(-1));
        let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Commands };
        year.append(begun, vec![Event::LogOpened(opened)]);
        let terms = UnitTerms { spendable: false, time_zone: id(ZONE), ..UnitTerms::of_points() };
        let expected = ExpectedVersion::Absent;
        let unit = Command::SetUnit(SetUnit { unit: id("status"), terms, expected });
        year.does(begun, &unit);
        for ladder in &LADDERS {
            let (ladder, terms) = (id(ladder.name), terms_of(ladder));
            let expected = ExpectedVersion::Absent;
            year.does(begun, &Command::SetLadder(SetLadder { ladder, terms, expected }));
        }
        year
    }

    fn append(&mut self, now: Timestamp, events: Vec<Event>) {
        for event in events {
            let next = self.state.position().next();
            assert_eq!(self.state.evolve(next, now, &event), Ok(()), "{event:?}");
            self.events.push((now, event));
        }
    }

    fn does(&mut self, now: Timestamp, command: &Command) {
        let decided = decide(&self.state, command, now);
        let Ok(Decision::Record { events, .. }) = decided else {
            panic!("{command:?}: {decided:?}")
        };
        self.append(now, events);
    }

    fn earns(&mut self, account: &str, purchase: &str, at: DateTime<Utc>, status: u64) {
        if status == 0 {
            return;
        }
        let command = EarnCredit {
            account_id: id(account),
            unit: id("status"),
            points: Points::new(status).expect("points"),
            cause: Cause { kind: CauseKind::Purchase, id: id(purchase) },
            available_at: None,
            expires_at: None,
            occurred_at: None,
        };
        self.does(time(at), &Command::EarnCredit(command));
    }

    fn sweep(&mut self, now: DateTime<Utc>) {
        while let Some(events) = self.state.take_due(time(now)) {
            self.append(time(now), events);
        }
    }

    /// Compares all households at a time, in this month.
    fn compare(&mut self, now: DateTime<Utc>, month: i32) {
        for (account, household) in &mut self.households {
            household.come_to(month);
            let shown = self.state.tiers(&id(account), time(now));
            for (at, (ladder, shown)) in LADDERS.iter().zip(&shown).enumerate() {
                let tier = household.tiers[at];
                let level = tier.level.map(|level| id(LEVELS[level]));
                let until = tier.until.map(|month| time(month_begins(month)));
                let (name, found) = (ladder.name, (shown.1.tier, shown.1.until));
                assert_eq!(shown.0.to_string(), name);
                assert_eq!(found, (level, until), "{account} on {name} at {now}: {tier:?}");
                if let Some(level) = tier.level {
                    self.seen.by_level[at][level] += 1;
                }
            }
            let levels: Vec<_> = household.tiers.iter().map(|tier| tier.level).collect();
            let before = self.seen.tiers.insert(account.clone(), levels.clone());
            let before = before.unwrap_or_else(|| vec![None; LADDERS.len()]);
            self.seen.changes += before.iter().zip(levels).filter(|(was, is)| **was != *is).count();
        }
    }

    /// A state that is made of the events alone has the same tiers.
    fn compare_with_a_replay(&self, now: DateTime<Utc>) {
        let mut replayed = State::new(Partition(0));
        for (recorded_at, event) in &self.events {
            let next = replayed.position().next();
            assert_eq!(replayed.evolve(next, *recorded_at, event), Ok(()), "{event:?}");
        }
        let all = |state: &State| -> Vec<(AccountId, Vec<PresentTier>)> {
            let of = |account: &String| {
                let account = id(account);
                let tiers = state.tiers(&account, time(now));
                (account, tiers.into_iter().map(|(_, tier)| tier).collect())
            };
            self.households.keys().map(of).collect()
        };
        assert_eq!(all(&replayed), all(&self.state));
    }
}

fn terms_of(ladder: &Ladder) -> LadderTerms {
    let levels = LEVELS.iter().zip(ladder.from).map(|(tier, from)| {
        let from = Points::new(from).expect("points");
        Level { tier: id(tier), from }
    });
    let small = |number: i32| u8::try_from(number).expect("small");
    let window = match ladder.window {
        plain::Window::Months { before, kept } => Window::Months {
            months: small(before).try_into().expect("months"),
            keeps: small(kept).try_into().expect("months"),
        },
        plain::Window::Years { from, kept } => Window::Years {
            from: id(&format!("{:02}-01", from + 1)),
            years: 0.try_into().expect("years"),
            months: small(kept).try_into().expect("months"),
        },
    };
    LadderTerms {
        unit: id("status"),
        levels: levels.collect::<Vec<_>>().try_into().expect("levels"),
        window,
        downgrade: if ladder.is_one_level { Downgrade::OneLevel } else { Downgrade::ByCount },
        returns: Returns::default(),
        adjustments: false,
    }
}
