//! The ledger and its model, side by side.

use std::collections::HashMap;

use domain::{
    Clock, Command, Decision, Event, LogOpened, OfferId, Refusal, Shipped, State, StockChange,
    UnitId, Units, decide,
};
use log_record::{Partition, Position};

use super::ask::{Sweep, Wait};
use super::compare::{Side, compare_repeat};
use super::effect::{Due, Effect, Lots};
use super::ledger::{DAY, Effects, Ledger, Outcome, Part, Time};
use super::refusals::compare_refusals;
use super::values::{id, time};

/// A command's name, and what became of it.
pub(crate) type Count = (&'static str, &'static str);

/// 2027-12-20T00:00:00Z, so that histories cross the end of a year.
pub(crate) const BEGINNING: Time = 1_829_260_800_000_000;

#[derive(Debug)]
#[expect(dead_code, reason = "they are printed")]
enum Told {
    Asked(Command),
    Recorded(Event),
}

pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) model: Ledger,
    pub(crate) counts: Vec<Count>,
    /// What was asked, and what was recorded for it.
    told: Vec<(Time, Told)>,
    state: State,
    events: Vec<Event>,
    /// When they were recorded.
    times: Vec<Time>,
    lots: Lots,
    /// Where the event stands that bears the id of each deed.
    outcomes: Vec<Position>,
    /// How much of what fell due was recorded, by account.
    recorded: HashMap<String, usize>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let mut pair = Self {
            now: BEGINNING,
            model: Ledger::default(),
            counts: vec![],
            told: vec![],
            state: State::new(Partition(0)),
            events: vec![],
            times: vec![],
            lots: Lots::default(),
            outcomes: vec![],
            recorded: HashMap::new(),
        };
        let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
        pair.evolve(Event::LogOpened(opened));
        pair
    }

    pub(crate) fn wait(&mut self, wait: &Wait) {
        self.now = wait.after(self.now, &self.model);
    }

    /// Records in the background what fell due.
    pub(crate) fn sweep(&mut self, sweep: Sweep) {
        self.model.advance(self.now);
        match sweep {
            Sweep::Portions(portions) => {
                for _ in 0..portions {
                    self.sweep_portion();
                }
            }
            Sweep::All => {
                while self.sweep_portion() {}
                self.compare_all();
            }
            Sweep::Replay => {
                let mut replayed = State::new(Partition(0));
                for (position, (at, event)) in (1..).zip(self.times.iter().zip(&self.events)) {
                    let evolved = replayed.evolve(Position(position), time(*at), event);
                    assert_eq!(evolved, Ok(()), "{event:?}");
                }
                self.state = replayed;
            }
            Sweep::Snapshot => {
                let bytes = postcard::to_stdvec(&self.state).expect("a snapshot");
                let state: State = postcard::from_bytes(&bytes).expect("a snapshot");
                self.state = state.with_schedule();
            }
        }
    }

    fn sweep_portion(&mut self) -> bool {
        let Some(events) = self.state.take_due(time(self.now)) else { return false };
        assert!(!events.is_empty(), "a portion of nothing");
        let effects = self.record(events);
        let Some(Effect::Due(account, _)) = effects.first() else { panic!("{effects:?}") };
        let recorded = self.recorded.entry(account.clone()).or_default();
        let fallen = &self.model.account(account).expect("it has had credit").fallen;
        let until = (*recorded + effects.len()).min(fallen.len());
        let expected = fallen[*recorded..until].iter();
        let expected: Vec<Effect> =
            expected.map(|due| Effect::Due(account.clone(), due.clone())).collect();
        assert_eq!(effects, expected, "the ledger's sweep (left), the model's (right)");
        *recorded = until;
        true
    }

    /// Gives a command to both.
    pub(crate) fn execute(&mut self, command: &Command) -> Outcome {
        self.model.advance(self.now);
        self.told.push((self.now, Told::Asked(command.clone())));
        let fallen = self.model.accounts.iter();
        let fallen: HashMap<String, usize> =
            fallen.map(|it| (it.name.clone(), it.fallen.len())).collect();
        let outcome = self.model.execute(command, self.now);
        let decided = self.decide(command);
        let name = command.name();
        match (&outcome, decided) {
            (Outcome::Refused(no), Err(refusal)) => {
                self.counts.push((name, refusal.code()));
                compare_refusals(command, no, &refusal, || self.story());
            }
            (Outcome::Repeat(deed), Ok(Decision::Repeat(position))) => {
                self.counts.push((name, "repeat"));
                assert_eq!(position, self.outcomes[*deed], "{command:?} repeats another");
                let event = &self.events[index_of(position)];
                compare_repeat(command, &self.model.deeds[*deed].command, event);
            }
            (Outcome::Unchanged, Ok(Decision::Unchanged)) => self.counts.push((name, "unchanged")),
            (Outcome::Done(effects), Ok(Decision::Record { events, outcome, stock })) => {
                self.counts.push((name, "done"));
                if let (Command::RejectShipment(it), 1) = (command, effects.own.len())
                    && matches!(it.shipped, Shipped::ExchangeId(_))
                {
                    self.counts.push((name, "rejected with nothing left"));
                }
                let before = self.remaining();
                self.compare_done(command, effects, &fallen, events, outcome);
                self.compare_stock(command, &before, stock);
            }
            (outcome, decided) => panic!(
                "{command:?}\nthe model says {outcome:?},\nthe ledger says {decided:?}\n{}",
                self.story()
            ),
        }
        outcome
    }

    fn compare_done(
        &mut self,
        command: &Command,
        effects: &Effects,
        fallen: &HashMap<String, usize>,
        events: Vec<Event>,
        outcome: usize,
    ) {
        let mut expected = vec![];
        for account in &effects.accounts {
            let until = fallen.get(account).copied().unwrap_or_default();
            let from = self.recorded.get(account).copied().unwrap_or_default();
            let Some(of) = self.model.account(account) else { continue };
            let before = of.fallen[from..until].iter();
            expected.extend(before.map(|due| Effect::Due(account.clone(), due.clone())));
            self.recorded.insert(account.clone(), of.fallen.len());
        }
        expected.extend(effects.own.iter().cloned());
        expected.extend(effects.after.iter().cloned());

        let outcome = self.state.position().plus(u64::try_from(outcome).expect("few") + 1);
        self.outcomes.push(outcome);
        let recorded = self.record(events);
        assert_eq!(
            recorded,
            expected,
            "{command:?}\nwhat the ledger recorded (left), what the model did (right)\n{}",
            self.story()
        );
        if command.id_hash().is_some() {
            assert_eq!(command.recorded_at(&self.state), Some(outcome), "{command:?}");
        }
        for account in &effects.accounts {
            self.compare_account(account);
        }
        self.compare_programme();
    }

    /// The decision names the offer whose stock it changed, and what is left of it.
    fn compare_stock(
        &self,
        command: &Command,
        before: &[Option<Units>],
        stock: Option<StockChange>,
    ) {
        let named = stock.map(|change| (self.state.offer_id(change.offer), change.remaining));
        let changed = self.state.offers().zip(before);
        let changed: Vec<_> = changed
            .filter(|((_, offer), before)| offer.inventory.remaining() != **before)
            .map(|((id, offer), _)| (Some(id), offer.inventory.remaining()))
            .collect();
        assert_eq!(named.into_iter().collect::<Vec<_>>(), changed, "{command:?}");
    }

    fn remaining(&self) -> Vec<Option<Units>> {
        self.state.offers().map(|(_, offer)| offer.inventory.remaining()).collect()
    }

    fn decide(&self, command: &Command) -> Result<Decision, Refusal> {
        let decided = decide(&self.state, command, time(self.now))?;
        let Decision::Load(position) = decided else { return Ok(decided) };
        let index = index_of(position);
        let event = &self.events[index];
        let before = &self.events[index - event.events_before()..index];
        let command = command.with_original(before, position, event);
        let decided = decide(&self.state, &command.expect("it is loaded"), time(self.now))?;
        assert!(!matches!(decided, Decision::Load(_)), "it was loaded already");
        Ok(decided)
    }

    fn record(&mut self, events: Vec<Event>) -> Vec<Effect> {
        let mut effects: Vec<Effect> = vec![];
        for event in events {
            effects.extend(self.lots.effects_of(self.state.place().plus(1), &event));
            self.evolve(event);
        }
        self.counts.extend(effects.iter().flat_map(|effect| traits_of(effect, self.now)));
        effects
    }

    fn evolve(&mut self, event: Event) {
        self.told.push((self.now, Told::Recorded(event.clone())));
        let position = self.state.position().next();
        let evolved = self.state.evolve(position, time(self.now), &event);
        assert_eq!(evolved, Ok(()), "{event:?}\n{}", self.story());
        self.events.push(event);
        self.times.push(self.now);
    }

    /// Records all that fell due, and compares everything; now and in half a year.
    pub(crate) fn finish(&mut self) {
        for later in [0, 180 * DAY] {
            self.now += later;
            self.sweep(Sweep::All);
            let fallen = self.model.accounts.iter();
            for account in fallen {
                let recorded = self.recorded.get(&account.name).copied().unwrap_or_default();
                assert_eq!(recorded, account.fallen.len(), "{} was not settled", account.name);
            }
        }
    }

    fn compare_all(&self) {
        let story = || self.story();
        let side = self.side(&story);
        side.compare_accounts();
        side.compare_parcels();
        self.compare_programme();
    }

    /// An account that is settled in both.
    fn compare_account(&self, name: &str) {
        let story = || self.story();
        self.side(&story).compare_account(name);
    }

    fn compare_programme(&self) {
        for offer in &self.model.offers {
            let id: OfferId = id(&offer.id);
            let real = self.state.offer(&id).unwrap_or_else(|| panic!("{id} is no offer"));
            let stock = real.inventory.stock().map(|stock| u128::from(stock.get()));
            assert_eq!(stock, offer.stock, "{id}");
            let remaining = real.inventory.remaining().map(|left| u128::from(left.get()));
            assert_eq!(remaining, offer.stock.map(|stock| stock - offer.sold), "{id}");
            assert_eq!(u128::from(real.inventory.sold().get()), offer.sold, "{id}");
        }
        let story = || self.story();
        self.side(&story).compare_programme();
    }

    fn side<'a>(&'a self, story: &'a dyn Fn() -> String) -> Side<'a> {
        Side { state: &self.state, model: &self.model, lots: &self.lots, story }
    }

    /// What was asked and recorded so far, to be read where something is not the same.
    fn story(&self) -> String {
        let lines = self.told.iter().map(|(now, what)| {
            let days = (now - BEGINNING) / DAY;
            let rest = (now - BEGINNING) % DAY;
            format!("day {days} + {rest} us: {what:?}\n")
        });
        lines.collect()
    }
}

/// What is worth counting of something that happened.
pub(crate) fn traits_of(effect: &Effect, now: Time) -> Vec<Count> {
    let several = |parts: &[Part], what| (parts.len() > 1).then_some(what);
    let traits = match effect {
        Effect::Due(_, due) => vec![Some(match due {
            Due::Matured(_) => "matured",
            Due::Released(..) => "released by deadline",
            Due::Expired(part) if part.graced => "expired after grace",
            Due::Expired(_) => "expired",
            Due::Repaid(_) => "repaid",
        })],
        Effect::Deducted { parts, .. } => vec![several(parts, "deducted of several")],
        Effect::Refunded { parts, .. } => vec![
            several(parts, "refunded to several"),
            parts.iter().any(|part| part.graced).then_some("refunded with grace"),
        ],
        Effect::Exchanged { costs, counted, .. } => {
            vec![
                (costs.len() > 1).then_some("exchanged for several units"),
                (counted.len() > 1).then_some("counted in several periods"),
            ]
        }
        Effect::Cancelled { cancellation, refunds, .. } => vec![
            (cancellation == "~rejected").then_some("refunded by a rejection"),
            (refunds.len() > 1).then_some("refunded of several units"),
        ],
        Effect::Reversed { pending_until, cap_room, further, .. } => vec![
            (!further.is_empty()).then_some("gave several units back"),
            pending_until.map(|_| "given back to a pending lot"),
            cap_room.as_ref().map(|_| "used room under a cap again"),
        ],
        Effect::Withdrawn { parts, expired, owed, forgiven, lot, cap_room, .. } => vec![
            cap_room.as_ref().map(|_| "made room under a cap"),
            (*forgiven > 0).then_some("forgiven"),
            several(parts, "withdrawn of several"),
            (*expired > 0).then_some("withdrawn where expired"),
            (*owed > 0).then_some("owed"),
            lot.is_some_and(|lot| parts.iter().any(|part| part.lot != lot))
                .then_some("withdrawn of other lots"),
        ],
        Effect::Released { parts, .. } => {
            vec![parts.iter().any(|part| part.graced).then_some("released with grace")]
        }
        Effect::Captured { released, .. } => {
            vec![(!released.is_empty()).then_some("captured in part")]
        }
        Effect::Swapped { .. } => vec![Some("swapped in a hold")],
        Effect::Converted(it) => vec![several(&it.parts, "converted of several")],
        Effect::Sent { parts, .. } => vec![several(parts, "sent of several")],
        Effect::Earned { rule, is_claim: true, .. } => {
            vec![rule.is_some().then_some("claimed by rule")]
        }
        Effect::Earned { unit, rule: None, .. } => {
            vec![(*unit != UnitId::POINTS).then_some("earned of another unit")]
        }
        Effect::Earned { rule: Some(_), cap_period, .. } => {
            let end = cap_period.and_then(|(_, end)| end);
            vec![Some("earned by rule"), end.filter(|end| *end <= now).map(|_| "told late")]
        }
        Effect::Purchased { units, .. } => {
            let is_refused = units.iter().any(|unit| unit.refused.is_some());
            let earned = units.iter().filter(|unit| unit.sum > 0).count();
            vec![
                is_refused.then_some("refused credit"),
                (earned > 1).then_some("earned several units"),
                (is_refused && earned > 0).then_some("refused one unit of two"),
            ]
        }
        Effect::Returned { taken, .. } if taken.iter().filter(|it| it.points > 0).count() > 1 => {
            vec![Some("took several units back")]
        }
        _ => vec![],
    };
    traits.into_iter().flatten().map(|of| ("-", of)).collect()
}

fn index_of(position: Position) -> usize {
    usize::try_from(position.0).expect("few") - 1
}
