//! All partitions, what is under way between them beside messages, and one random step after the
//! other.

use std::collections::HashMap;

use domain::{
    AccountId, Clock, Command, Decision, Event, ExchangeKey, Inquiry, LogOpened, Message,
    MessageNumber, OfferId, ParkedCommand, Refusal, Reply, ShelfGranted, Timestamp, Undelivered,
    UnitId, Units, Wait, receive,
};
use log_record::{Partition, Position};

use super::asking::{self, id};
use super::dice::Dice;
use super::flaws::Flaw;
use super::merging::Merging;
use super::node::{Asked, Node};
use super::seen::{Seen, Told, worth_seeing};

pub(super) const PARTITIONS: u16 = 4;
pub(super) const OFFERS: [&str; 4] = ["mug", "cup", "pen", OF_CODES];
pub(super) const OF_CODES: &str = "key";
pub(super) const STEP_MICROS: u64 = 200_000;
/// What is kept for who waited lapses then.
const A_DAY_MICROS: u64 = 24 * 60 * 60 * 1_000_000;
const PATIENCE_MICROS: u64 = 8_000_000;

pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    pub(super) now: Timestamp,
    pub(super) seen: Seen,
    pub(super) flaw: Option<Flaw>,
    pub(super) dice: Dice,
    pub(super) step: usize,
    /// Nothing gets lost, and no time passes while something is under way.
    pub(super) is_calm: bool,
    /// What callers were told so far.
    pub(super) told: Vec<(Command, Told)>,
    /// Inquiries and replies on their way, with when they were made; they may be lost.
    pub(super) inquiries: Vec<(Timestamp, Partition, Inquiry)>,
    pub(super) replies: Vec<(Timestamp, Partition, OfferId, ExchangeKey, Reply)>,
    /// What an offer's home has said: how many are left, and until when that may be believed.
    pub(super) sold_out: HashMap<OfferId, Vec<(Timestamp, Units)>>,
    pub(super) accounts: Vec<AccountId>,
    /// Every exchange that was ever asked for, so that it is asked for again, or cancelled.
    pub(super) asked: Vec<Command>,
    /// Likewise every reservation, so that it is captured or released.
    pub(super) reserved: Vec<Command>,
    /// Likewise every wait, so that its shopper leaves.
    pub(super) joined: Vec<Command>,
    pub(super) merging: Vec<Merging>,
    /// Credit that was earned, so that it is taken back.
    pub(super) earned: Vec<Command>,
    pub(super) next_id: u64,
}

impl World {
    pub(super) fn new(seed: u64, flaw: Option<Flaw>) -> Self {
        let nodes = (0..PARTITIONS).map(|number| Node::new(Partition(number))).collect();
        Self {
            nodes,
            now: Timestamp::from_micros(1_000_000).expect("a time"),
            seen: Seen::default(),
            flaw,
            dice: Dice::new(seed),
            step: 0,
            is_calm: false,
            told: vec![],
            inquiries: vec![],
            replies: vec![],
            sold_out: HashMap::new(),
            accounts: (0..12).map(|number| id(&format!("shopper-{number}"))).collect(),
            asked: vec![],
            reserved: vec![],
            joined: vec![],
            merging: vec![],
            earned: vec![],
            next_id: 0,
        }
    }

    /// Takes so many steps, heals, and sees that nothing is left over.
    pub(super) fn run(mut self, steps: usize) -> Result<Seen, String> {
        self.begin()?;
        while self.step < steps {
            self.step += 1;
            self.now = later(self.now, self.dice.below(STEP_MICROS));
            if self.dice.below(400) == 0 {
                self.now = later(self.now, A_DAY_MICROS);
            }
            let step = self.step;
            self.act().map_err(|why| format!("step {step}: {why}"))?;
            self.check().map_err(|why| format!("step {step}: {why}"))?;
        }
        self.heal().map_err(|why| format!("healing: {why}"))?;
        self.end_keeping().map_err(|why| format!("ending what is kept: {why}"))?;
        self.check_end().map_err(|why| format!("in the end: {why}"))?;
        Ok(self.seen)
    }

    pub(super) fn open_logs(&mut self) -> Result<(), String> {
        for index in 0..self.nodes.len() {
            let opened =
                LogOpened { log_id: "log".into(), partitions: PARTITIONS, clock: Clock::Wall };
            self.nodes[index].append(self.now, vec![Event::LogOpened(opened)])?;
            self.nodes[index].sync();
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), String> {
        self.open_logs()?;
        for account in self.accounts.clone() {
            for _ in 0..2 {
                let cause = self.number();
                self.ask(asking::earn(&account, UnitId::POINTS, 60, cause))?;
            }
        }
        self.ask(asking::make_unit(id("miles")))?;
        self.ask(asking::make_ladder(100))?;
        for offer in OFFERS {
            let stock = match self.dice.below(5) {
                0 => None,
                _ => Some(1 + self.dice.below(80)),
            };
            if offer == OF_CODES {
                self.ask(asking::open_codes(offer))?;
            } else {
                self.ask(asking::open(offer, stock))?;
            }
        }
        Ok(())
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn node(&mut self, partition: Partition) -> &mut Node {
        &mut self.nodes[usize::from(partition.0)]
    }

    pub(super) fn is_silent(&self, partition: Partition) -> bool {
        self.nodes[usize::from(partition.0)].silent_until > self.step
    }

    pub(super) fn any(&mut self) -> Partition {
        Partition(u16::try_from(self.dice.below(PARTITIONS.into())).expect("small"))
    }

    /// One random step.
    fn act(&mut self) -> Result<(), String> {
        let (here, there) = (self.any(), self.any());
        match self.dice.below(100) {
            0..28 => {
                let asked = self.shoppers_wish();
                self.ask(asked)
            }
            28..32 => {
                let asked = self.operators_wish();
                self.ask(asked)
            }
            94 => self.go_on_merging(),
            _ if self.dice.percent(2) => self.sweep_all(here),
            what => self.drift(what, here, there),
        }
    }

    /// One step for which nobody asks, by a number from 32 to 99.
    pub(super) fn drift(
        &mut self,
        what: u64,
        here: Partition,
        there: Partition,
    ) -> Result<(), String> {
        match what {
            32..60 => self.deliver(there, here),
            60..74 => {
                if !self.is_silent(here) {
                    self.node(here).sync();
                }
                Ok(())
            }
            74..80 => {
                self.inquire(here);
                Ok(())
            }
            80..86 => self.answer_one(),
            86..92 => self.reply_one(),
            92..94 => self.repeat_message(there, here),
            94..96 => {
                self.give_up(here);
                self.ask_operators_again(here)
            }
            96 => {
                self.node(here).take_snapshot();
                Ok(())
            }
            97 => {
                let silent = self.dice.below(120);
                let until = self.step + usize::try_from(silent).expect("small");
                self.node(here).silent_until = until;
                Ok(())
            }
            _ => {
                self.seen.see("crash");
                let mut dice = self.dice.clone();
                self.dice.percent(50);
                self.node(here).crash(|ends| dice.index(ends))
            }
        }
    }

    /// Somebody asks; a silent partition hears nothing.
    pub(super) fn ask(&mut self, command: Command) -> Result<(), String> {
        let here = command.partition(PARTITIONS);
        if self.is_silent(here) {
            return Ok(());
        }
        let deadline = later(self.now, PATIENCE_MICROS);
        self.submit(here, command, deadline)
    }

    fn submit(
        &mut self,
        here: Partition,
        command: Command,
        deadline: Timestamp,
    ) -> Result<(), String> {
        let (now, flaw) = (self.now, self.flaw);
        let (key, offer) = (command.exchange(), command.offer().cloned());
        let node = &mut self.nodes[usize::from(here.0)];
        if let Some(key) = &key {
            if node.parked.waiting(key).is_some() {
                return Ok(());
            }
            if command.recorded_at(&node.state).is_none()
                && let Command::Redeem(it) = &command
            {
                let order = &it.order;
                let when = if flaw == Some(Flaw::GateBelievedForEver) { EPOCH } else { now };
                if let Some(refusal) = node.gates.refusal(&order.offer_id, order.quantity, when) {
                    self.seen.see("sold out by gate");
                    let of = (&order.offer_id, order.quantity);
                    self.check_none_is_kept(here, &it.account_id, of)?;
                    let (offer, asked) = (order.offer_id.clone(), order.quantity);
                    self.tell(command, Told::Refused(refusal));
                    return self.check_refused(&offer, asked);
                }
            }
        }
        let now = now.max(node.state.recorded_at());
        match node.decide(&command, now) {
            Ok(Decision::Record { events, outcome, .. }) => {
                let at = node.state.position().plus(outcome as u64 + 1);
                self.record(here, now, events)?;
                // The home's own shoppers are told of what changes by nobody else.
                if let Some(offer) = offer {
                    self.decide_again(here, &offer)?;
                }
                if key.is_some() {
                    self.seen.see("exchange");
                }
                self.answer(here, command, at);
            }
            Ok(Decision::Wait(Wait::Units(ask))) => {
                let parked = ParkedCommand { command: Asked { command, deadline }, ask };
                node.parked.park(parked).map_err(|error| error.to_string())?;
            }
            Ok(Decision::Wait(Wait::Shelves { calls, .. })) => {
                node.operators.push((command, deadline));
                self.seen.see("shelves awaited");
                self.record(here, now, calls)?;
            }
            Ok(Decision::Repeat(at)) => {
                self.seen.see("repeat");
                self.tell(command, Told::Repeat(at));
            }
            Ok(Decision::Unchanged) => self.tell(command, Told::Unchanged),
            Ok(Decision::Load(_)) => return Err("an original was wanted twice".to_owned()),
            Err(Refusal::SoldOut { .. }) => {
                return Err("I18: a partition alone said that an offer is sold out".to_owned());
            }
            Err(refusal) => {
                self.seen.see("refused");
                self.tell(command, Told::Refused(refusal));
            }
        }
        Ok(())
    }

    /// It was done, which its caller is told once the log has it.
    fn answer(&mut self, here: Partition, command: Command, at: Position) {
        let is_hasty = self.flaw == Some(Flaw::AnsweredBeforeDurable);
        let node = self.node(here);
        if is_hasty {
            node.accepted.push(command.clone());
        } else {
            node.answer_later(command.clone());
        }
        self.tell(command, Told::Done(at));
    }

    pub(super) fn tell(&mut self, command: Command, told: Told) {
        self.told.push((command, told));
    }

    pub(super) fn record(
        &mut self,
        here: Partition,
        time: Timestamp,
        mut events: Vec<Event>,
    ) -> Result<(), String> {
        for event in &events {
            if let Some(what) = worth_seeing(event) {
                self.seen.see(what);
            }
        }
        if let Some(flaw) = self.flaw {
            flaw.spoil(&mut events);
        }
        let is_receipt = events.first().is_some_and(|it| matches!(it, Event::MessageReceived(_)));
        if self.flaw == Some(Flaw::CursorApart) && is_receipt && events.len() > 1 {
            let rest = events.split_off(1);
            self.node(here).append(time, events)?;
            return self.node(here).append(time, rest);
        }
        self.node(here).append(time, events)
    }

    /// A partition pulls the next message of another, or of itself.
    pub(super) fn deliver(&mut self, from: Partition, to: Partition) -> Result<(), String> {
        if self.is_silent(to) {
            return Ok(());
        }
        for _ in 0..=self.dice.below(4) {
            let received = self.node(to).state.received_from(from).number;
            let mut next = received.next();
            if self.flaw == Some(Flaw::GapPassedOver) && self.dice.percent(5) {
                next = next.next();
            }
            let Some(letter) = self.nodes[usize::from(from.0)].letter(to, next, self.flaw) else {
                return Ok(());
            };
            self.take_in(to, &letter)?;
        }
        Ok(())
    }

    pub(super) fn take_in(&mut self, to: Partition, letter: &domain::Letter) -> Result<(), String> {
        let now = self.now;
        let node = &mut self.nodes[usize::from(to.0)];
        let key = letter.exchange().cloned();
        let waiting = key.as_ref().and_then(|key| node.parked.waiting(key)).cloned();
        let waiting = waiting.map(|asked| asked.command);
        let receipt = match receive(&node.state, letter, waiting.as_ref(), now) {
            Ok(receipt) => receipt,
            Err(Undelivered::Repeat { .. }) => {
                self.seen.see("message repeated");
                return Ok(());
            }
            Err(Undelivered::Early { .. }) => {
                self.seen.see("message too early");
                return Ok(());
            }
            Err(why) => return Err(format!("I19: {why}")),
        };
        let outcome = receipt.outcome;
        let (last, before) = (node.state.position(), node.log.len());
        let comes_in = node.has_room_for(&letter.message);
        self.record(to, receipt.recorded_at, receipt.events)?;
        if comes_in && !self.node(to).has_had_back_since(last) {
            return Err("I7: credit came back, and its sender hasn't got it".to_owned());
        }
        if self.flaw == Some(Flaw::ReturnedTwice)
            && matches!(letter.message, Message::ShelfDrained(_) | Message::StockReturned(_))
            && self.dice.percent(30)
        {
            self.forge(to, letter.source.partition, letter.message.clone())?;
        }
        match (&letter.message, key) {
            (_, Some(key)) => {
                let parked = self.node(to).parked.take(&key);
                match (outcome, parked) {
                    (Some(outcome), Some(ParkedCommand { command: Asked { command, .. }, .. })) => {
                        self.seen.see("exchange by grant");
                        self.answer(to, command, last.plus(outcome as u64 + 1));
                    }
                    (Some(_), None) => return Err(format!("{key:?} was exchanged for nobody")),
                    (None, Some(ParkedCommand { command: Asked { command, deadline }, .. })) => {
                        self.submit(to, command, deadline)?;
                    }
                    (None, None) => self.seen.see("grant came too late"),
                }
            }
            (Message::ShelfGranted(ShelfGranted { offer_id, .. }), None) => {
                self.node(to).gates.open(offer_id, letter.source.position);
                self.decide_again(to, offer_id)?;
            }
            (Message::OfferShared(fact), None) => self.decide_again(to, &fact.offer_id)?,
            (Message::UnitKept(of), None) => {
                if !self.node(to).log[before..].iter().any(|it| is_served(&it.event)) {
                    self.seen.see("unit kept for nobody");
                }
                self.node(to).gates.lift(&of.offer_id);
                self.decide_again(to, &of.offer_id)?;
            }
            // Before anybody's inquiry fills the shelves again.
            (Message::ShelfDrained(_), None) => self.ask_operators_again(to)?,
            _ => {}
        }
        Ok(())
    }

    fn decide_again(&mut self, here: Partition, offer: &OfferId) -> Result<(), String> {
        for ParkedCommand { command, .. } in self.node(here).parked.take_all(offer) {
            self.submit(here, command.command, command.deadline)?;
        }
        Ok(())
    }

    /// A message that its source never sent.
    pub(super) fn forge(
        &mut self,
        to: Partition,
        from: Partition,
        message: Message,
    ) -> Result<(), String> {
        let last = self.node(to).state.received_from(from);
        let source = domain::Source {
            partition: from,
            number: last.number.next(),
            position: Position(last.position.0 + 1),
            checksum: log_record::Checksum([9; 32]),
            sent_at: EPOCH,
        };
        let received = domain::MessageReceived { source, message };
        let time = self.now.max(self.node(to).state.recorded_at());
        self.node(to).append(time, vec![Event::MessageReceived(Box::new(received))])
    }

    /// An old message is read again.
    fn repeat_message(&mut self, from: Partition, to: Partition) -> Result<(), String> {
        let received = self.node(to).state.received_from(from).number.0;
        if received == 0 || self.is_silent(to) {
            return Ok(());
        }
        let number = MessageNumber(1 + self.dice.below(received));
        let Some(letter) = self.nodes[usize::from(from.0)].letter(to, number, self.flaw) else {
            return Ok(());
        };
        if self.flaw == Some(Flaw::RepeatTakenIn) {
            let fact =
                domain::MessageReceived { source: letter.source, message: letter.message.clone() };
            let time = self.now.max(self.node(to).state.recorded_at());
            return self.node(to).append(time, vec![Event::MessageReceived(Box::new(fact))]);
        }
        self.take_in(to, &letter)
    }

    /// Those whose deadline has passed are answered that nothing was decided.
    fn give_up(&mut self, here: Partition) {
        let now = self.now;
        for _ in self.node(here).parked.take_where(|it| it.command.deadline <= now) {
            self.seen.see("gave up");
        }
    }

    pub(super) fn ask_operators_again(&mut self, here: Partition) -> Result<(), String> {
        let now = self.now;
        for (command, deadline) in std::mem::take(&mut self.node(here).operators) {
            if deadline > now && !self.is_silent(here) {
                self.submit(here, command, deadline)?;
            }
        }
        Ok(())
    }
}

const fn is_served(event: &Event) -> bool {
    matches!(event, Event::WaitServed(..))
}

const EPOCH: Timestamp = Timestamp::EPOCH;

pub(super) fn later(time: Timestamp, micros: u64) -> Timestamp {
    Timestamp::from_micros(time.micros() + micros.cast_signed()).expect("a time")
}
