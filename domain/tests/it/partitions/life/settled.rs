//! Partitions that tell each other everything between two commands, beside the plain model.

use std::collections::{BTreeMap, HashMap};

use domain::command::{Capture, CaptureHold};
use domain::{Command, Event, Gates, Inventory, OfferId, Owner, Refusal, TransferStatus, Units};
use log_record::{Partition, Place, Position};

use super::super::flaws::Flaw;
use super::super::seen::Told;
use super::super::world::{PARTITIONS, World};
use crate::model::ask::{Ask, Step, Sweep};
use crate::model::beside::{BEGINNING, Count, traits_of};
use crate::model::compare::{Side, compare_repeat};
use crate::model::effect::{Due, Effect, Lots};
use crate::model::ledger::{DAY, Effects, Ledger, No, Outcome, Time};
use crate::model::refusals::compare_refusals;
use crate::model::values::{id, in_unit, time};

/// What happened, by account; under no name what is of the programme.
type ByAccount = BTreeMap<String, Vec<Effect>>;

pub(super) struct Settled {
    pub(super) world: World,
    pub(super) counts: Vec<Count>,
    model: Ledger,
    lots: Lots,
    /// How many events of each partition were looked at.
    looked_at: Vec<usize>,
    /// How much of what fell due was recorded, by account.
    recorded: HashMap<String, usize>,
    /// Where the event stands that bears the id of each deed.
    outcomes: Vec<Place>,
    story: Vec<String>,
}

impl Settled {
    pub(super) fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        let mut world = World::new(seed, flaw);
        world.is_calm = true;
        world.now = time(BEGINNING);
        world.open_logs().expect("an empty log can be opened");
        Self {
            counts: vec![],
            model: Ledger { partitions: PARTITIONS, ..Ledger::default() },
            lots: Lots::default(),
            looked_at: world.nodes.iter().map(|node| node.log.len()).collect(),
            recorded: HashMap::new(),
            outcomes: vec![],
            story: vec![],
            world,
        }
    }

    pub(super) fn live(mut self, steps: &[Step]) -> Self {
        for step in steps {
            self.world.now = time(step.wait.after(self.now(), &self.model));
            self.sweep(step.sweep);
            let mut command = step.ask.command(&self.model, self.now());
            if !matches!(step.ask, Ask::Again(_)) {
                command = in_unit(command, step.unit, &self.model);
            }
            self.execute(&command);
        }
        self.finish();
        self
    }

    fn now(&self) -> Time {
        self.world.now.micros()
    }

    /// Records in the background what fell due, or starts a partition anew.
    fn sweep(&mut self, sweep: Sweep) {
        self.model.advance(self.now());
        let here = self.world.any();
        match sweep {
            Sweep::Portions(portions) => {
                for _ in 0..portions {
                    let here = self.world.any();
                    self.sweep_portion(here);
                }
            }
            Sweep::All => {
                for here in (0..PARTITIONS).map(Partition) {
                    while self.sweep_portion(here) {}
                }
                self.compare_all();
            }
            Sweep::Replay => self.world.node(here).crash(|ends| ends - 1).expect("it is replayed"),
            Sweep::Snapshot => self.world.node(here).restart_from_snapshot(),
        }
    }

    fn sweep_portion(&mut self, here: Partition) -> bool {
        let is_more = self.world.sweep(here).unwrap_or_else(|why| panic!("{why}"));
        self.world.node(here).sync();
        for (account, effects) in self.effects() {
            let recorded = self.recorded.entry(account.clone()).or_default();
            let fallen = &self.model.account(&account).expect("it has had credit").fallen;
            let until = (*recorded + effects.len()).min(fallen.len());
            let expected = fallen[*recorded..until].iter();
            let expected: Vec<Effect> = expected.map(|due| due_of(&account, due)).collect();
            assert_eq!(effects, expected, "the ledger's sweep (left), the model's (right)");
            *recorded = until;
        }
        is_more
    }

    /// Gives a command to both, and lets everything arrive.
    fn execute(&mut self, command: &Command) {
        self.model.advance(self.now());
        self.tell(&format!("{command:?}"));
        let fallen = self.model.accounts.iter();
        let fallen: HashMap<String, usize> =
            fallen.map(|it| (it.name.clone(), it.fallen.len())).collect();
        let outcome = self.model.execute(command, self.now());
        let told = self.ask(command);
        let effects = self.effects();
        let name = command.name();
        match (&outcome, told) {
            (Outcome::Refused(no), Told::Refused(refusal)) => {
                self.counts.push((name, refusal.code()));
                let no = &self.as_home_says(command, no, &refusal);
                compare_refusals(command, no, &refusal, || self.story());
                assert_eq!(effects, ByAccount::new(), "{command:?}\n{}", self.story());
            }
            (Outcome::Repeat(deed), Told::Repeat(position)) => {
                self.counts.push((name, "repeat"));
                let place = Place { partition: command.partition(PARTITIONS), position };
                assert_eq!(place, self.outcomes[*deed], "{command:?} repeats another");
                let first = &self.model.deeds[*deed].command;
                compare_repeat(command, first, self.event(place));
                assert_eq!(effects, ByAccount::new(), "{command:?}\n{}", self.story());
            }
            (Outcome::Unchanged, Told::Unchanged) => {
                self.counts.push((name, "unchanged"));
                assert_eq!(effects, ByAccount::new(), "{command:?}\n{}", self.story());
            }
            (Outcome::Done(done), Told::Done(at)) => {
                self.counts.push((name, "done"));
                self.compare_done(command, done, &fallen, effects, at);
            }
            (outcome, told) => panic!(
                "{command:?}\nthe model says {outcome:?},\nthe ledger says {told:?}\n{}",
                self.story()
            ),
        }
        self.compare_programme();
    }

    /// What its caller is told in the end.
    fn ask(&mut self, command: &Command) -> Told {
        // For a second a writer believes what was said of an offer; here nobody does.
        self.world.nodes.iter_mut().for_each(|node| node.gates = Gates::default());
        self.world.told.clear();
        let asked = self.world.ask(command.clone()).and_then(|()| self.world.settle());
        asked.unwrap_or_else(|why| panic!("{command:?}: {why}\n{}", self.story()));
        match self.world.told.as_slice() {
            [(_, told)] => told.clone(),
            other => panic!("{command:?} was told {other:?}\n{}", self.story()),
        }
    }

    fn event(&self, place: Place) -> &Event {
        let index = usize::try_from(place.position.0).expect("few") - 1;
        &self.world.nodes[usize::from(place.partition.0)].log[index].event
    }

    /// What happened since; what partitions tell each other happens to nobody.
    fn effects(&mut self) -> ByAccount {
        let mut effects = ByAccount::new();
        let now = self.now();
        for (number, node) in (0..).zip(&self.world.nodes) {
            let looked_at = self.looked_at[usize::from(number)];
            for (index, recorded) in node.log.iter().enumerate().skip(looked_at) {
                let event = &recorded.event;
                self.story.push(format!("  {number}: {event:?}\n"));
                if matches!(event, Event::MessageSent(_) | Event::MessageReceived(_)) {
                    continue;
                }
                let position = Position(index as u64 + 1);
                let place = Place { partition: Partition(number), position };
                let of_event = self.lots.effects_of(place, event);
                let traits = of_event.iter().flat_map(|effect| traits_of(effect, now));
                self.counts.extend(traits.chain(of_event.iter().filter_map(trait_across)));
                let account = event.account_id().map(ToString::to_string);
                effects.entry(account.unwrap_or_default()).or_default().extend(of_event);
            }
        }
        self.looked_at = self.world.nodes.iter().map(|node| node.log.len()).collect();
        effects
    }

    fn compare_done(
        &mut self,
        command: &Command,
        done: &Effects,
        fallen: &HashMap<String, usize>,
        effects: ByAccount,
        at: Position,
    ) {
        let mut expected = ByAccount::new();
        for account in &done.accounts {
            let until = fallen.get(account).copied().unwrap_or_default();
            let from = self.recorded.get(account).copied().unwrap_or_default();
            let Some(of) = self.model.account(account) else { continue };
            let before = of.fallen[from..until].iter().map(|due| due_of(account, due));
            expected.entry(account.clone()).or_default().extend(before);
            self.recorded.insert(account.clone(), of.fallen.len());
        }
        let owner = match command.owner() {
            Owner::Account(account) => account.to_string(),
            Owner::Programme => String::new(),
        };
        for effect in &done.own {
            let account = match effect {
                Effect::Received { account, .. } => account,
                _ => &owner,
            };
            expected.entry(account.clone()).or_default().push(effect.clone());
        }
        for effect in &done.after {
            let Effect::Due(account, _) = effect else { panic!("{effect:?} follows from nothing") };
            expected.entry(account.clone()).or_default().push(effect.clone());
        }
        expected.retain(|_, effects| !effects.is_empty());
        assert_eq!(
            effects,
            expected,
            "{command:?}\nwhat the ledger recorded (left), what the model did (right)\n{}",
            self.story()
        );
        let partition = command.partition(PARTITIONS);
        self.outcomes.push(Place { partition, position: at });
        if command.id_hash().is_some() {
            let state = &self.world.nodes[usize::from(partition.0)].state;
            assert_eq!(command.recorded_at(state), Some(at), "{command:?}");
        }
        self.compare_transfer(command, done);
        for account in &done.accounts {
            let home = self.model.home_of(account);
            let story = || self.story();
            self.side(Partition(home), &story).compare_account(account);
        }
    }

    /// Where more is asked for than there ever was, the home says so at once, and no shelf comes
    /// home for that: then all that there ever was is said to be left.
    fn as_home_says(&self, command: &Command, no: &No, refusal: &Refusal) -> No {
        let mut facts = no.facts.clone();
        let order = match command {
            Command::Redeem(it) => Some(&it.order),
            Command::CaptureHold(CaptureHold { capture: Capture::Exchange(it), .. }) => Some(it),
            _ => None,
        };
        let offer = order.and_then(|order| self.model.offer(order.offer_id.as_str()));
        let stock = offer.and_then(|offer| offer.stock);
        if let (Some(facts), Refusal::SoldOut { remaining, asked }) = (&mut facts, refusal)
            && stock == Some(number(*remaining))
            && let [left @ ("remaining", _), ("asked", said)] = facts.as_mut_slice()
            && *said == i128::from(asked.get())
        {
            left.1 = remaining.get().into();
        }
        No { code: no.code, facts, units: no.units.clone() }
    }

    /// What both partitions know of a transfer between them.
    fn compare_transfer(&self, command: &Command, done: &Effects) {
        let Command::TransferCredit(it) = command else { return };
        let [from, to] = [&it.account_id, &it.to].map(|account| account.partition(PARTITIONS));
        if from == to {
            return;
        }
        let [from, to] = [from, to].map(|it| &self.world.nodes[usize::from(it.0)].state);
        let status = |state: &domain::State| state.transfer_status(&it.account_id, &it.transfer_id);
        let is_back = done.own.iter().any(|effect| matches!(effect, Effect::SentBack { .. }));
        let expected = if is_back {
            (Some(TransferStatus::Returned), None)
        } else {
            (Some(TransferStatus::InTransit), Some(TransferStatus::Received))
        };
        assert_eq!((status(from), status(to)), expected, "{it:?}");
    }

    /// Records all that fell due, and compares everything; now and in half a year.
    fn finish(&mut self) {
        for later in [0, 180 * DAY] {
            self.world.now = time(self.now() + later);
            self.sweep(Sweep::All);
            for account in &self.model.accounts {
                let recorded = self.recorded.get(&account.name).copied().unwrap_or_default();
                assert_eq!(recorded, account.fallen.len(), "{} was not settled", account.name);
            }
        }
    }

    fn compare_all(&self) {
        let story = || self.story();
        for here in (0..PARTITIONS).map(Partition) {
            let side = self.side(here, &story);
            side.compare_accounts();
            side.compare_parcels();
        }
        self.compare_programme();
    }

    /// Every partition knows the programme; of an offer's units the home has the stock.
    fn compare_programme(&self) {
        let story = || self.story();
        for here in (0..PARTITIONS).map(Partition) {
            self.side(here, &story).compare_programme();
        }
        for offer in &self.model.offers {
            let id: OfferId = id(&offer.id);
            let home = &self.world.nodes[usize::from(id.home(PARTITIONS).0)].state;
            let home = home.offer_home(&id).unwrap_or_else(|| panic!("{id} has no home"));
            let stock = home.stock.map(number);
            assert_eq!(stock, offer.stock, "{id}");
            let shelves = self.world.nodes.iter().map(|node| {
                node.state.offer(&id).unwrap_or_else(|| panic!("{id} is no offer")).inventory
            });
            let sold: u128 = shelves.clone().map(|shelf| number(shelf.sold())).sum();
            assert_eq!(sold, offer.sold, "{id}\n{}", self.story());
            let left = shelves.filter_map(Inventory::remaining).map(number).sum::<u128>();
            let remaining = stock.map(|_| left + number(home.pool));
            assert_eq!(remaining, offer.stock.map(|stock| stock - offer.sold), "{id}");
        }
    }

    fn side<'a>(&'a self, here: Partition, story: &'a dyn Fn() -> String) -> Side<'a> {
        let state = &self.world.nodes[usize::from(here.0)].state;
        Side { state, model: &self.model, lots: &self.lots, story }
    }

    fn tell(&mut self, what: &str) {
        let (days, rest) = ((self.now() - BEGINNING) / DAY, (self.now() - BEGINNING) % DAY);
        self.story.push(format!("day {days} + {rest} us: {what}\n"));
    }

    /// What was asked and recorded so far, to be read where something is not the same.
    fn story(&self) -> String {
        self.story.concat()
    }
}

fn due_of(account: &str, due: &Due) -> Effect {
    Effect::Due(account.to_owned(), due.clone())
}

/// What is worth counting where there are several partitions.
fn trait_across(effect: &Effect) -> Option<Count> {
    let parts = match effect {
        Effect::SentBack { why: "recipient-unknown", .. } => {
            return Some(("-", "sent back: recipient-unknown"));
        }
        Effect::SentBack { why: "amount-too-large", .. } => {
            return Some(("-", "sent back: amount-too-large"));
        }
        Effect::Deducted { parts, .. }
        | Effect::Held { parts, .. }
        | Effect::Sent { parts, .. } => parts,
        _ => return None,
    };
    let is_of_several = parts.windows(2).any(|pair| pair[0].partition != pair[1].partition);
    is_of_several.then_some(("-", "spent of several partitions"))
}

fn number(units: Units) -> u128 {
    units.get().into()
}
