//! Ladders beside a plain, slow model of them: random histories are given to both, and every tier
//! that an account has and had must come out the same, also after a replay and from a snapshot.

mod asking;
mod plain;
mod plain_ladder;
mod random;
mod terms;

use std::collections::BTreeMap;

use domain::command::{
    EarnCredit, ExpectedVersion, GrantTier, HoldCredit, MergeAccount, MergerStep, RecordPurchase,
    SetEarningRule, SetLadder, SetPolicy, SetUnit,
};
use domain::{
    AccountId, Calendar, Cause, CauseKind, Clock, Command, Decision, Downgrade, EarningTerms,
    Event, LadderId, LogOpened, Note, Points, Policy, PurchaseLine, Rate, Returns, SpentCredit,
    State, Timestamp, UnitId, UnitTerms, Units, Window, decide,
};
use log_record::{Partition, Position};
use plain::{Line, News, Plain};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use random::{Ask, History, Step, Wait, histories};
use terms::{levels, news_of, terms_of};

use crate::zone_data::assert_other_rules_change_nothing;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn invariant_i16_tiers_follow_from_what_was_counted(history in histories()) {
        Both::of(&history);
    }
}

#[test]
fn the_random_histories_do_everything_that_can_become_of_a_tier() {
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..60 {
        let history = histories().new_tree(&mut runner).expect("a history").current();
        for (what, count) in Both::of(&history).told() {
            *counts.entry(what).or_default() += count;
        }
    }
    println!("{counts:?}");
    let wanted =
        ["reached", "kept", "lapsed", "lowered", "granted", "grant ended", "amended", "added"];
    let missing: Vec<_> = wanted.iter().filter(|what| counts.get(*what) < Some(&8)).collect();
    assert!(missing.is_empty(), "{missing:?}: {counts:?}");
}

#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which a config hides")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
}

const ACCOUNTS: [&str; 2] = ["ann", "bob"];
const UNITS: [&str; 2] = ["points", "status"];
const LADDERS: [&str; 3] = ["one", "two", "three"];
const TIERS: [&str; 4] = ["bronze", "silver", "gold", "pearl"];
/// So many days late a purchase counts on its own day.
const BACKDATE_DAYS: u16 = 31;

fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a valid id")
}

fn points(points: u64) -> Points {
    Points::new(points).expect("an amount")
}

/// The ledger and the model of one history.
struct Both {
    state: State,
    events: Vec<(Timestamp, Event)>,
    /// How many events there were after each append.
    ends: Vec<usize>,
    plain: Plain,
    now: Timestamp,
    lots: Vec<Lot>,
    taken: Vec<Taken>,
    calendars: [Calendar; 2],
}

/// Credit that was earned.
#[derive(Clone, Debug)]
struct Lot {
    account: &'static str,
    /// Whom it counts for by now.
    counts_for: &'static str,
    cause: Cause,
    unit: UnitId,
    line: usize,
    is_purchase: bool,
}

/// Credit that was taken back.
#[derive(Clone, Debug)]
struct Taken {
    lot: usize,
    line: usize,
    key: String,
    is_return: bool,
}

impl Both {
    fn of(history: &History) -> Self {
        let mut both = Self::begun(history);
        for (number, step) in history.steps.iter().enumerate() {
            both.wait(step.wait);
            if history.is_swept {
                both.sweep();
            }
            both.ask(step, number);
            both.compare(history);
        }
        both.end(history);
        both
    }

    fn begun(history: &History) -> Self {
        let berlin = UnitTerms { time_zone: id("Europe/Berlin"), ..UnitTerms::of_points() };
        let calendars = [Calendar::UTC, berlin.time_zone.calendar().expect("a zone")];
        let mut both = Self {
            state: State::new(Partition(0)),
            events: vec![],
            ends: vec![],
            plain: Plain::default(),
            now: id("2026-01-05T10:00:00Z"),
            lots: vec![],
            taken: vec![],
            calendars,
        };
        let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
        both.append(vec![Event::LogOpened(opened)]);
        let policy = Policy { spent_credit: SpentCredit::Debt, ..Policy::default() };
        both.does(&Command::SetPolicy(SetPolicy { policy, read_versions: None }));
        let expected = ExpectedVersion::Absent;
        both.does(&Command::SetUnit(SetUnit { unit: id("status"), terms: berlin, expected }));
        both.does(&Command::SetEarningRule(SetEarningRule {
            rule_id: id("default"),
            terms: EarningTerms {
                unit: UnitId::POINTS,
                rate: Rate { points: points(1), per_amount: points(1), full_steps_only: false },
                categories: vec![],
                multipliers: vec![],
                cap: None,
                expiry: None,
                pending_days: 3,
                time_zone: domain::TimeZone::default(),
                backdate_days: BACKDATE_DAYS,
            },
            expected: ExpectedVersion::Absent,
        }));
        for (number, terms) in history.ladders.into_iter().enumerate() {
            both.make(LADDERS[number], terms, UNITS[number]);
        }
        both
    }

    /// Time goes on, and never back.
    fn wait(&mut self, wait: Wait) {
        let micros = |time: Timestamp, more: i64| {
            Timestamp::from_micros(time.micros() + more).expect("a time")
        };
        let then = match wait {
            Wait::None => self.now,
            Wait::Seconds(seconds) => micros(self.now, i64::from(seconds) * 1_000_000),
            Wait::Days(days) => self.now.plus_days(days.into()),
            Wait::ToEnd(more) => {
                let ends = ACCOUNTS.iter().filter_map(|account| self.plain.next_end(account));
                ends.min().map_or(self.now, |end| micros(end, more.into()))
            }
            Wait::ToMonth(more) => {
                let mut day = self.calendars[1].day(self.now.plus_days(1));
                while !day.to_string().ends_with("-01") {
                    // A day of 25 hours ends later than a day after it began.
                    let later = self.calendars[1].start_of_day(day).plus_days(1);
                    day = self.calendars[1].day(micros(later, 2 * 60 * 60 * 1_000_000));
                }
                micros(self.calendars[1].start_of_day(day), more.into())
            }
        };
        self.now = self.now.max(then);
        for account in ACCOUNTS {
            self.plain.advance(account, self.now);
        }
    }

    fn sweep(&mut self) {
        while let Some(events) = self.state.take_due(self.now) {
            self.append(events);
        }
    }

    fn append(&mut self, events: Vec<Event>) {
        for event in events {
            let next = self.state.position().next();
            assert_eq!(self.state.evolve(next, self.now, &event), Ok(()), "{event:?}");
            self.events.push((self.now, event));
        }
        self.ends.push(self.events.len());
    }

    /// Decides a command, and records what it does; nothing where that is nothing.
    fn does(&mut self, command: &Command) -> Option<Vec<Event>> {
        let mut decided = decide(&self.state, command, self.now);
        if let Ok(Decision::Load(at)) = decided {
            let index = usize::try_from(at.0).expect("few") - 1;
            let event = &self.events[index].1;
            let before = &self.events[index - event.events_before()..index];
            let before: Vec<Event> = before.iter().map(|(_, event)| event.clone()).collect();
            let command = command.with_original(&before, at, event).expect("it takes it");
            decided = decide(&self.state, &command, self.now);
        }
        let Ok(Decision::Record { events, .. }) = decided else { return None };
        self.append(events.clone());
        Some(events)
    }

    fn ask(&mut self, step: &Step, number: usize) {
        let account = self.end_of(ACCOUNTS[usize::from(step.account)]);
        let key = format!("k-{number}");
        match &step.ask {
            Ask::Earn { unit, points: amount, kind } => {
                let kinds = [CauseKind::Purchase, CauseKind::Review, CauseKind::Promotion];
                let kind = kinds[usize::from(*kind)];
                let cause = Cause { kind, id: id(&key) };
                let command = Command::EarnCredit(EarnCredit {
                    account_id: id(account),
                    unit: id(UNITS[usize::from(*unit)]),
                    points: points(*amount),
                    cause: cause.clone(),
                    available_at: None,
                    expires_at: None,
                    occurred_at: None,
                });
                self.earns(account, &command, cause, (usize::from(*unit), self.now), false);
            }
            Ask::Buy { points: amount, late } => {
                let micros = self.now.micros() - i64::from(*late) * 1_000_000;
                let occurred_at = Timestamp::from_micros(micros).expect("a time");
                let is_in_time = occurred_at >= self.now.minus_days(BACKDATE_DAYS.into());
                let counts_at = if is_in_time { occurred_at } else { self.now };
                let line = PurchaseLine {
                    product_id: id("tv"),
                    quantity: Units::new(1).expect("one"),
                    amount: Some(*amount),
                    category: None,
                    earned: Box::default(),
                };
                let command = Command::RecordPurchase(RecordPurchase {
                    account_id: id(account),
                    purchase_id: id(&key),
                    lines: vec![line],
                    unit: UnitId::POINTS,
                    points: None,
                    rules: Box::default(),
                    shipping: None,
                    available_at: None,
                    expires_at: None,
                    occurred_at: Some(occurred_at),
                });
                let cause = Cause { kind: CauseKind::Purchase, id: id(&key) };
                self.earns(account, &command, cause, (0, counts_at), true);
            }
            Ask::Withdraw { lot, points } => {
                if !self.lots.is_empty() {
                    self.withdraws(usize::from(*lot) % self.lots.len(), *points, &key);
                }
            }
            Ask::Reverse { withdrawal } => {
                if !self.taken.is_empty() {
                    self.reverses(usize::from(*withdrawal) % self.taken.len());
                }
            }
            Ask::Adjust { unit, points: amount, is_added } => {
                self.adjusts(account, usize::from(*unit), *amount, *is_added, &key);
            }
            Ask::Hold => {
                self.does(&Command::HoldCredit(HoldCredit {
                    account_id: id(account),
                    hold_id: id(&key),
                    unit: UnitId::POINTS,
                    points: points(1),
                    deadline: self.now.plus_days(1),
                    occurred_at: None,
                }));
            }
            Ask::Grant { ladder, tier, days } => {
                let (ladder, tier) = (LADDERS[usize::from(*ladder)], TIERS[usize::from(*tier)]);
                let until = self.now.plus_days((*days).into());
                let command = Command::GrantTier(GrantTier {
                    account_id: id(account),
                    ladder: id(ladder),
                    grant_id: id(&key),
                    tier: id(tier),
                    until,
                    note: Note::default(),
                    occurred_at: None,
                });
                if self.does(&command).is_some() {
                    let grant = (id(&key), id(tier), until);
                    self.plain.grant(account, id(ladder), grant, self.now);
                }
            }
            Ask::Revoke { ladder } => self.revokes(account, LADDERS[usize::from(*ladder)]),
            Ask::Merge => self.merges(ACCOUNTS[usize::from(step.account)]),
            Ask::Make { terms } => self.make(LADDERS[2], *terms, UNITS[0]),
            Ask::Amend { .. } => self.amends(&step.ask),
        }
    }

    /// Earns credit that counts at a time, and tells the model.
    fn earns(
        &mut self,
        account: &'static str,
        command: &Command,
        cause: Cause,
        (unit, at): (usize, Timestamp),
        is_purchase: bool,
    ) {
        let events = self.does(command).expect("nothing refuses it");
        let earned = events.iter().find_map(|event| match event {
            Event::CreditEarned(_, fact) => Some(fact),
            _ => None,
        });
        let fact = earned.expect("it earns");
        let day = self.calendars[unit].day(at);
        let unit = id(UNITS[unit]);
        let counts = |(_, ladder): (LadderId, &domain::Ladder)| {
            let is_of_kind = cause.kind != CauseKind::Adjustment || ladder.terms.adjustments;
            ladder.terms.unit == unit && is_of_kind
        };
        let is_counted = self.state.ladders().iter().any(counts);
        assert_eq!(fact.counted_on, is_counted.then_some(day), "{fact:?}");
        let more = i128::from(fact.points.get());
        let line = Line { unit, day, kind: cause.kind, points: more, lot: None, order: 0 };
        let line = self.plain.write(account, line, self.now);
        self.lots.push(Lot { account, counts_for: account, cause, unit, line, is_purchase });
    }

    /// Who has an account by now.
    fn end_of(&self, account: &'static str) -> &'static str {
        let into = self.state.merged_into(&id(account));
        let end = into.and_then(|into| ACCOUNTS.iter().find(|it| **it == into.as_str()));
        end.copied().unwrap_or(account)
    }

    fn merges(&mut self, from: &'static str) {
        let into = ACCOUNTS.into_iter().find(|it| *it != from).expect("two accounts");
        let (account_id, step) = (id(from), MergerStep::Asked);
        let merge = MergeAccount { account_id, into: id(into), step };
        if self.does(&Command::MergeAccount(merge)).is_none() {
            return;
        }
        let behind = self.plain.merge(from, into, self.now);
        for taken in &mut self.taken {
            if self.lots[taken.lot].counts_for == from {
                taken.line += behind;
            }
        }
        for lot in self.lots.iter_mut().filter(|lot| lot.counts_for == from) {
            (lot.counts_for, lot.line) = (into, lot.line + behind);
        }
    }

    fn make(&mut self, ladder: &str, kind: u8, unit: &str) {
        let (ladder, terms) = (id(ladder), terms_of(kind, unit));
        let expected = ExpectedVersion::Absent;
        let command = Command::SetLadder(SetLadder { ladder, terms: terms.clone(), expected });
        if self.does(&command).is_some() {
            let number = UNITS.iter().position(|it| *it == unit).expect("a unit");
            self.plain.make(ladder, &terms, self.calendars[number], self.now);
        }
    }

    fn amends(&mut self, ask: &Ask) {
        let Ask::Amend { ladder, percent, keeps, is_one_level, keeps_tiers } = ask else { return };
        let id: LadderId = id(LADDERS[usize::from(*ladder)]);
        let Some(known) = self.state.ladder(id) else { return };
        let mut terms = known.terms.clone();
        let has_base = keeps[0] % 2 == 0;
        terms.levels = levels(has_base, u64::from(*percent), !keeps_tiers);
        let [one, two] = *keeps;
        terms.window = match terms.window {
            Window::Years { from, .. } => Window::Years {
                from,
                years: (one % 3).try_into().expect("years"),
                months: (two % 4).try_into().expect("months"),
            },
            Window::Months { months, .. } => {
                Window::Months { months, keeps: (one % 36 + 1).try_into().expect("months") }
            }
            Window::Ever => Window::Ever,
        };
        terms.downgrade = if *is_one_level { Downgrade::OneLevel } else { Downgrade::ByCount };
        terms.returns = if two % 3 == 0 { Returns::Keep } else { Returns::Recount };
        let expected = ExpectedVersion::Any;
        let set = SetLadder { ladder: id, terms: terms.clone(), expected };
        if self.does(&Command::SetLadder(set)).is_some() {
            self.plain.amend(id, &terms, self.now);
        }
    }

    /// What every account is shown to have is what the model says, whatever was recorded.
    fn compare(&mut self, history: &History) {
        for account in ACCOUNTS {
            self.plain.advance(account, self.now);
            let shown = self.state.tiers(&id(account), self.now);
            for (index, (ladder, it)) in shown.into_iter().enumerate() {
                let plain = self.plain.shown(account, index);
                // Since when a merged account has nothing is asked by nobody.
                let is_merged = self.state.all_merged().any(|(from, _)| from.as_str() == account);
                let since = if it.granted.is_some() || is_merged { plain.3 } else { it.since };
                let found = (it.tier, it.earned, it.until, since);
                assert_eq!(found, plain, "{account} on {ladder} at {}\n{history:#?}", self.now);
            }
        }
    }

    /// Everything that became of tiers is what the model says, and a replay gives the same.
    fn end(&mut self, history: &History) {
        self.now = self.now.plus_days(1_000);
        for account in ACCOUNTS {
            self.plain.advance(account, self.now);
        }
        self.compare(history);
        self.sweep();
        for account in ACCOUNTS {
            let of_account: AccountId = id(account);
            let mut news: Vec<News> = self
                .events
                .iter()
                .filter(|(_, event)| event.account_id() == Some(&of_account))
                .filter_map(|(_, event)| news_of(event))
                .collect();
            let plain = self.plain.accounts.get(account).map(|it| it.news.clone());
            let mut plain = plain.unwrap_or_default();
            // What falls due at the very moment of a command is recorded ladder by ladder where
            // nobody looked before the command; the model looks.
            if !history.is_swept {
                news.sort_by_key(News::ladder);
                plain.sort_by_key(News::ladder);
            }
            assert_eq!(news, plain, "{account}\n{history:#?}");
        }
        let mut replayed = State::new(Partition(0));
        let middle = self.ends[self.ends.len() / 2];
        for (number, (time, event)) in self.events.iter().enumerate() {
            if number == middle {
                let bytes = postcard::to_stdvec(&replayed).expect("a snapshot");
                let snapshot: State = postcard::from_bytes(&bytes).expect("a state");
                replayed = snapshot.with_schedule();
            }
            let at = Position(number as u64 + 1);
            assert_eq!(replayed.evolve(at, *time, event), Ok(()), "{event:?}");
        }
        for account in ACCOUNTS {
            let standings = |state: &State| {
                state.account(&id(account)).map(|account| account.standings().clone())
            };
            assert_eq!(standings(&replayed), standings(&self.state), "{account}");
        }
        let events = self.events.iter().map(|(time, event)| (*time, event));
        assert_other_rules_change_nothing(events, &self.state);
        assert_eq!(replayed.take_due(self.now), None, "all that was due is recorded");
    }

    /// How often what happened.
    fn told(&self) -> Vec<(&'static str, usize)> {
        let count = |is_it: &dyn Fn(&(Timestamp, Event)) -> bool| {
            self.events.iter().filter(|event| is_it(event)).count()
        };
        let lapsed = |(_, event): &(Timestamp, Event)| matches!(event, Event::TierLapsed(..));
        // Right behind what took credit back.
        let lowered = self.events.windows(2).filter(|pair| {
            lapsed(&pair[1])
                && matches!(pair[0].1, Event::CreditWithdrawn(..) | Event::PurchaseReturned(..))
        });
        vec![
            ("reached", count(&|(_, event)| matches!(event, Event::TierReached(..)))),
            ("kept", count(&|(_, event)| matches!(event, Event::TierKept(..)))),
            ("lapsed", count(&lapsed)),
            ("lowered", lowered.count()),
            ("granted", count(&|(_, event)| matches!(event, Event::TierGranted(..)))),
            ("grant ended", count(&|(_, event)| matches!(event, Event::TierGrantEnded(..)))),
            ("added", count(&|(_, event)| matches!(event, Event::CountsTakenOver(..)))),
            (
                "amended",
                count(&|(_, event)| matches!(event, Event::LadderSet(fact) if fact.version > 1)),
            ),
        ]
    }
}
