//! How withdrawals and returns are undone, by docs/CREDIT.md.

use domain::command::{ReverseReturn, ReverseWithdrawal};

use super::earning;
use super::effect::Effect;
use super::ledger::{Ledger, Part, Time, sum};
use super::rules::{Answer, done, no};

impl Ledger {
    pub(crate) fn reverse_withdrawal(&mut self, it: &ReverseWithdrawal, now: Time) -> Answer {
        let what = ["withdrawal".to_owned(), it.withdrawal_id.to_string()];
        self.reverse(it.account_id.as_str(), &what, "withdrawal-unknown", now)
    }

    pub(crate) fn reverse_return(&mut self, it: &ReverseReturn, now: Time) -> Answer {
        let of = format!("{}/{}", it.purchase_id, it.return_id);
        self.reverse(it.account_id.as_str(), &["return".to_owned(), of], "return-unknown", now)
    }

    /// Gives back what was taken, and what has paid the debt since.
    fn reverse(
        &mut self,
        name: &str,
        what: &[String; 2],
        unknown: &'static str,
        now: Time,
    ) -> Answer {
        let mut withdrawals = self.withdrawals.iter();
        let place = withdrawals.position(|it| it.account == name && it.what == *what);
        let Some(place) = place else { return no(unknown) };
        let it = self.withdrawals[place].clone();
        let mut owed = 0;
        let mut parts = vec![];
        let pending_until = it.pending_until.filter(|until| *until > now);
        if let Some(lot) = it.lot {
            let unit = self.lots[lot].unit;
            let debts = self.wallet(name, unit).debts;
            let debt = debts.into_iter().find(|debt| debt.withdrawal == Some(place));
            let grace = self.grace();
            let is_pending = |part: &Part| pending_until.is_some() && part.lot == lot;
            for part in &it.parts {
                let back = grace.given(std::slice::from_ref(part), now, false);
                parts.extend(if is_pending(part) { vec![part.clone()] } else { back });
            }
            if let Some(debt) = debt {
                owed = debt.left;
                parts.extend(grace.given(&debt.paid, now, false));
            }
            self.check_room(name, unit, sum(&parts))?;
            self.lots[lot].withdrawn -= it.points;
            self.lots[lot].expired += it.expired;
            let account = self.wallet_mut(name, unit);
            account.owed -= owed;
            account.debts.retain(|debt| debt.withdrawal != Some(place));
            for part in &parts {
                match pending_until.filter(|_| is_pending(part)) {
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
        if let [kind, of] = what
            && kind == "return"
        {
            let (id, _) = of.split_once('/').expect("purchase/return");
            let mut purchases = self.purchases.iter_mut();
            let purchase = purchases.find(|it| it.account == name && it.id == id);
            for line in &mut purchase.expect("it was returned").lines {
                let again = it.lines.iter().filter(|(product, _)| *product == line.product);
                line.returned -= again.map(|(_, quantity)| quantity).sum::<u128>();
            }
        }
        done(
            name,
            [Effect::Reversed {
                account: name.to_owned(),
                what: what.clone(),
                points: it.points,
                parts,
                pending_until,
                owed,
                forgiven: it.forgiven,
                lines: it.lines,
                cap_room,
            }],
        )
    }
}
