//! How withdrawals and returns are undone, by docs/CREDIT.md.

use domain::UnitId;
use domain::command::{ReverseReturn, ReverseWithdrawal};

use super::earning;
use super::effect::Effect;
use super::ledger::{Ledger, Part, Time, sum};
use super::rules::{Answer, done, no};

/// What comes back of what was taken at a place.
struct Back {
    place: usize,
    unit: UnitId,
    parts: Vec<Part>,
    pending_until: Option<Time>,
    owed: u128,
}

impl Ledger {
    pub(crate) fn reverse_withdrawal(&mut self, it: &ReverseWithdrawal, now: Time) -> Answer {
        let what = ["withdrawal".to_owned(), it.withdrawal_id.to_string()];
        self.reverse(it.account_id.as_str(), &what, "withdrawal-unknown", now)
    }

    pub(crate) fn reverse_return(&mut self, it: &ReverseReturn, now: Time) -> Answer {
        let of = format!("{}/{}", it.purchase_id, it.return_id);
        self.reverse(it.account_id.as_str(), &["return".to_owned(), of], "return-unknown", now)
    }

    /// Gives back what was taken of each unit, and what has paid the debts since; all of it or
    /// nothing.
    fn reverse(
        &mut self,
        name: &str,
        what: &[String; 2],
        unknown: &'static str,
        now: Time,
    ) -> Answer {
        let withdrawals = self.withdrawals.iter().enumerate();
        let withdrawals = withdrawals.filter(|(_, it)| it.account == name && it.what == *what);
        let places: Vec<usize> = withdrawals.map(|(place, _)| place).collect();
        if places.is_empty() {
            return no(unknown);
        }
        let backs: Vec<Back> = places.iter().map(|place| self.back(name, *place, now)).collect();
        for back in &backs {
            self.check_room(name, back.unit, sum(&back.parts))?;
        }
        let mut effects: Vec<Effect> =
            backs.into_iter().map(|back| self.give_back(name, what, back, now)).collect();
        // The event that says what is undone says what came back of the first unit, too.
        effects.rotate_left(1);
        let further = effects.split_last().map(|(_, further)| further).unwrap_or_default();
        let further = further.iter().filter_map(|effect| match effect {
            Effect::Reversed { unit, points, .. } => Some((*unit, *points)),
            _ => None,
        });
        let further: Vec<_> = further.collect();
        let lines: Vec<_> =
            places.iter().flat_map(|place| self.withdrawals[*place].lines.clone()).collect();
        if let Some(Effect::Reversed { lines: all, further: said, .. }) = effects.last_mut() {
            (*all, *said) = (lines.clone(), further);
        }
        if let [kind, of] = what
            && kind == "return"
        {
            let (id, _) = of.split_once('/').expect("purchase/return");
            let mut purchases = self.purchases.iter_mut();
            let purchase = purchases.find(|it| it.account == name && it.id == id);
            for line in &mut purchase.expect("it was returned").lines {
                let again = lines.iter().filter(|(product, _)| *product == line.product);
                line.returned -= again.map(|(_, quantity)| quantity).sum::<u128>();
            }
        }
        done(name, effects)
    }

    /// What comes back of what was taken at a place.
    fn back(&self, name: &str, place: usize, now: Time) -> Back {
        let it = &self.withdrawals[place];
        let pending_until = it.pending_until.filter(|until| *until > now);
        let (mut owed, mut parts) = (0, vec![]);
        let unit = it.lot.map(|lot| self.lots[lot].unit).unwrap_or_default();
        if let Some(lot) = it.lot {
            let debts = self.wallet(name, unit).debts;
            let debt = debts.into_iter().find(|debt| debt.withdrawal == Some(place));
            let grace = self.grace();
            for part in &it.parts {
                let is_pending = pending_until.is_some() && part.lot == lot;
                let back = grace.given(std::slice::from_ref(part), now, false);
                parts.extend(if is_pending { vec![part.clone()] } else { back });
            }
            if let Some(debt) = debt {
                owed = debt.left;
                parts.extend(grace.given(&debt.paid, now, false));
            }
        }
        Back { place, unit, parts, pending_until, owed }
    }

    fn give_back(&mut self, name: &str, what: &[String; 2], back: Back, now: Time) -> Effect {
        let Back { place, unit, parts, pending_until, owed } = back;
        let it = self.withdrawals[place].clone();
        if let Some(lot) = it.lot {
            self.lots[lot].withdrawn -= it.points;
            self.lots[lot].expired += it.expired;
            let account = self.wallet_mut(name, unit);
            account.owed -= owed;
            account.debts.retain(|debt| debt.withdrawal != Some(place));
            for part in &parts {
                match pending_until.filter(|_| part.lot == lot) {
                    None => account.put(part.clone()),
                    Some(until) => {
                        let mut pending = account.pending.iter_mut();
                        match pending.find(|(_, other)| other.lot == part.lot) {
                            Some((_, other)) => other.points += part.points,
                            None => account.pending.push((until, part.clone())),
                        }
                    }
                }
            }
        }
        let gain = it.gain.map(|gain| &mut self.gains[gain]);
        let gain = gain.filter(|gain| earning::is_kept(gain.period, now));
        let cap_room = gain.map(|gain| {
            gain.points += it.points;
            (gain.rule.clone(), gain.period)
        });
        Effect::Reversed {
            account: name.to_owned(),
            what: what.clone(),
            unit,
            points: it.points,
            parts,
            pending_until,
            owed,
            forgiven: it.forgiven,
            lines: vec![],
            cap_room,
            further: vec![],
        }
    }
}
