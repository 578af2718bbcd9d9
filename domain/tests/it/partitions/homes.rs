//! What partitions ask the homes of offers for those that wait, and what these answer. Some of it
//! gets lost, and some of it comes twice.

use domain::{
    Answers, Event, GATE_BELIEVED_MICROS, Grant, Message, OfferId, Refusal, Reply, ShelfDrained,
    ShelfGranted, Units, answer,
};
use log_record::Partition;

use super::flaws::Flaw;
use super::seen::Told;
use super::world::{PARTITIONS, World, later};

impl World {
    /// A partition asks the homes for those that wait; some of that is lost.
    pub(super) fn inquire(&mut self, here: Partition) {
        if self.is_silent(here) {
            return;
        }
        let node = &mut self.nodes[usize::from(here.0)];
        for (home, inquiry) in node.parked.inquiries(&node.state, |_| true) {
            if self.is_calm || !self.dice.percent(20) {
                self.inquiries.push((self.now, home, inquiry));
            }
        }
    }

    /// A home answers an inquiry, maybe an old one, and after that maybe once more.
    pub(super) fn answer_one(&mut self) -> Result<(), String> {
        if self.inquiries.is_empty() {
            return Ok(());
        }
        let index = self.dice.index(self.inquiries.len());
        let (made, home, inquiry) = if self.dice.percent(10) {
            self.inquiries[index].clone()
        } else {
            self.inquiries.remove(index)
        };
        if self.is_silent(home) {
            return Ok(());
        }
        if self.flaw == Some(Flaw::SilentShelfWrittenOff) {
            self.write_off(home, &inquiry.offer_id)?;
        }
        let node = self.node(home);
        node.desk.forget(inquiry.from, inquiry.received);
        let Answers { mut events, mut replies } = answer(&node.state, &node.desk, &inquiry);
        let at = node.state.position();
        let known = node.state.offer_home(&inquiry.offer_id).cloned();
        match (self.flaw, &known) {
            (Some(Flaw::SoldOutTooSoon), Some(home)) if home.stock.is_some() => {
                for (key, reply) in &mut replies {
                    let asked = inquiry.waiting.iter().find(|(of, _)| of == key);
                    if asked.is_some_and(|(_, units)| home.pool < *units) {
                        *reply = Reply::SoldOut { remaining: home.pool, at };
                    }
                }
            }
            (Some(Flaw::FilledWhileComingHome), Some(it))
                if it.pool.get() > 0 && it.phase != domain::HomePhase::Wide =>
            {
                let grant = Grant::Portion(it.pool);
                let granted = ShelfGranted { offer_id: inquiry.offer_id.clone(), grant };
                events = vec![Event::MessageSent(Box::new(domain::MessageSent {
                    to: inquiry.from,
                    number: self.node(home).state.sent_to(inquiry.from).next(),
                    message: Message::ShelfGranted(granted),
                }))];
            }
            _ => {}
        }
        let time = self.now.max(self.node(home).state.recorded_at());
        self.record(home, time, events)?;
        // What a home says holds once what it decided before is durable.
        self.node(home).sync();
        for (key, reply) in replies {
            if let Reply::SoldOut { remaining, .. } = reply {
                let asked = inquiry.waiting.iter().find(|(of, _)| *of == key);
                let asked = asked.map(|(_, units)| *units).unwrap_or_default();
                self.invariant_i18_sold_out(&inquiry.offer_id, asked)?;
                let until = later(self.now, 2 * GATE_BELIEVED_MICROS.cast_unsigned());
                let said = self.sold_out.entry(inquiry.offer_id.clone()).or_default();
                said.push((until, remaining));
            }
            if self.is_calm || !self.dice.percent(10) {
                self.replies.push((made, inquiry.from, inquiry.offer_id.clone(), key, reply));
            }
        }
        Ok(())
    }

    fn write_off(&mut self, home: Partition, offer: &OfferId) -> Result<(), String> {
        let silent = (0..PARTITIONS).map(Partition).find(|it| self.is_silent(*it));
        let known = self.node(home).state.offer_home(offer).cloned();
        if let (Some(silent), Some(known)) = (silent, known)
            && let domain::HomePhase::Scarce { drained, .. } = &known.phase
            && !drained.contains(&silent)
        {
            let (offer_id, round) = (offer.clone(), known.round);
            let none = ShelfDrained { offer_id, round, units: Units::ZERO, sold: Units::ZERO };
            self.forge(home, silent, Message::ShelfDrained(none))?;
        }
        Ok(())
    }

    pub(super) fn reply_one(&mut self) -> Result<(), String> {
        if self.replies.is_empty() {
            return Ok(());
        }
        let index = self.dice.index(self.replies.len());
        let (made, to, offer, key, reply) = self.replies.remove(index);
        // Who waits hears no answer to what was asked long ago, maybe for another.
        if self.is_silent(to) || self.now.micros() - made.micros() >= GATE_BELIEVED_MICROS {
            return Ok(());
        }
        let now = self.now;
        let node = self.node(to);
        if !node.state.keeps_units_of(&offer) {
            node.gates.hear(&offer, reply, made);
        }
        if let Reply::SoldOut { remaining, .. } = reply
            && let Some(parked) = node.parked.take(&key)
        {
            self.seen.see("sold out");
            debug_assert!(parked.ask.offer_id == offer && now >= made);
            let asked = parked.ask.units;
            self.check_none_is_kept(to, &key.account_id, (&offer, asked))?;
            let refused = Told::Refused(Refusal::SoldOut { remaining, asked });
            self.tell(parked.command.command, refused);
            return self.check_refused(&offer, asked);
        }
        Ok(())
    }
}
