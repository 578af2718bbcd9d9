//! What takes credit back, gives it back, adjusts it, or ends a grant.

use domain::command::{
    AdjustCredit, Direction, ReturnPurchase, ReverseReturn, ReverseWithdrawal, RevokeTierGrant,
    WithdrawCredit,
};
use domain::{Cause, CauseKind, Command, Event, Note};

use super::plain::Line;
use super::{Both, Lot, Taken, UNITS, id, points};

impl Both {
    pub(super) fn withdraws(&mut self, number: usize, amount: Option<u64>, key: &str) {
        let lot = self.lots[number].clone();
        let is_return = lot.is_purchase && amount.is_none();
        let command = if is_return {
            Command::ReturnPurchase(ReturnPurchase {
                account_id: id(lot.account),
                purchase_id: id(lot.cause.id.as_str()),
                return_id: id(key),
                lines: None,
                note: Note::default(),
                occurred_at: None,
                original: None,
            })
        } else {
            Command::WithdrawCredit(WithdrawCredit {
                account_id: id(lot.account),
                withdrawal_id: id(key),
                cause: lot.cause.clone(),
                unit: lot.unit,
                points: amount.map(points),
                note: Note::default(),
                occurred_at: None,
                original: None,
            })
        };
        let Some(events) = self.does(&command) else { return };
        let taken = events.iter().find_map(|event| match event {
            Event::CreditWithdrawn(_, fact) => Some(fact.points.get()),
            _ => None,
        });
        // All of it may have been withdrawn before it is returned.
        let Some(taken) = taken else { return };
        let line = self.back(&lot, -i128::from(taken));
        self.taken.push(Taken { lot: number, line, key: key.to_owned(), is_return });
    }

    pub(super) fn reverses(&mut self, number: usize) {
        let taken = self.taken[number].clone();
        let lot = self.lots[taken.lot].clone();
        let command = if taken.is_return {
            Command::ReverseReturn(ReverseReturn {
                account_id: id(lot.account),
                purchase_id: id(lot.cause.id.as_str()),
                return_id: id(&taken.key),
                note: Note::default(),
                occurred_at: None,
                original: None,
            })
        } else {
            Command::ReverseWithdrawal(ReverseWithdrawal {
                account_id: id(lot.account),
                withdrawal_id: id(&taken.key),
                note: Note::default(),
                occurred_at: None,
                original: None,
            })
        };
        if self.does(&command).is_some() {
            let points = -self.plain.accounts[lot.counts_for].lines[taken.line].points;
            self.back(&lot, points);
        }
    }

    /// What is taken of a lot, or given back, counts on the lot's day.
    fn back(&mut self, lot: &Lot, points: i128) -> usize {
        let of = self.plain.accounts[lot.counts_for].lines[lot.line].clone();
        let line = Line { points, lot: Some(lot.line), ..of };
        self.plain.write(lot.counts_for, line, self.now)
    }

    pub(super) fn adjusts(
        &mut self,
        account: &'static str,
        unit: usize,
        amount: u64,
        is_added: bool,
        key: &str,
    ) {
        let direction = if is_added { Direction::Add } else { Direction::Take };
        let command = Command::AdjustCredit(AdjustCredit {
            account_id: id(account),
            adjustment_id: id(key),
            direction,
            unit: id(UNITS[unit]),
            points: points(amount),
            expires_at: None,
            reference: id("ticket"),
            note: Note::default(),
            occurred_at: None,
        });
        let kind = CauseKind::Adjustment;
        if is_added {
            let cause = Cause { kind, id: id(key) };
            self.earns(account, &command, cause, (unit, self.now), false);
        } else if self.does(&command).is_some() {
            let day = self.calendars[unit].day(self.now);
            let (unit, points) = (id(UNITS[unit]), -i128::from(amount));
            let line = Line { unit, day, kind, points, lot: None, order: 0 };
            self.plain.write(account, line, self.now);
        }
    }

    pub(super) fn revokes(&mut self, account: &'static str, ladder: &str) {
        let Some(number) = self.state.ladders().number(id(ladder)) else { return };
        let standing = self.state.account(&id(account)).and_then(|it| it.standings().get(number));
        let known = self.state.ladder(id(ladder)).expect("it is there");
        let Some((grant_id, ..)) = standing.and_then(|it| it.parts(known).grant) else { return };
        let command = Command::RevokeTierGrant(RevokeTierGrant {
            account_id: id(account),
            ladder: id(ladder),
            grant_id,
            note: Note::default(),
            occurred_at: None,
        });
        if self.does(&command).is_some() {
            self.plain.revoke(account, id(ladder), self.now);
        }
    }
}
