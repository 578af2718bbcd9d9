//! Credit: balances, lots and their parts, and the statement.

use domain::{
    AccountId, CauseKind, CreditDeducted, CreditEarned, CreditExpired, CreditGivenBack,
    CreditMatured, CreditReceived, CreditRefunded, CreditReturned, CreditSent, CreditWithdrawn,
    DebtRepaid, LotPart, Points, RefundCause, Timestamp, UnitId, WithdrawalCause,
    WithdrawalReversed,
};
use read_model::{AccountBalance, CreditLot, CreditPart, LedgerEntry, NEVER, Total, UnitBalance};

use super::{At, Change, Rows, int, json, rule_columns};

/// Names a part of a lot within all accounts, in spending order within one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartKey {
    pub(crate) account_id: AccountId,
    pub(crate) expires_at: i64,
    pub(crate) lot: i64,
    pub(crate) graced: bool,
    /// The lot's.
    pub(crate) unit: UnitId,
}

/// By how much a part changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PartChange {
    pub(crate) change: Change,
    pub(crate) available_at: Option<i64>,
    /// Whether the batch earned it, so that there is no row yet.
    pub(crate) is_new: bool,
}

/// Parts that were taken back. Whether they were pending or available is in their lots, which the
/// batch may not have; it is looked up when the batch is written.
#[derive(Debug)]
pub(crate) struct Withdrawal {
    pub(crate) account_id: AccountId,
    pub(crate) unit: UnitId,
    pub(crate) recorded_at: i64,
    pub(crate) parts: Vec<(PartKey, i64)>,
    /// Its entry, by its index.
    pub(crate) entry: usize,
}

impl Rows {
    pub(super) fn earned(&mut self, at: At<'_>, account_id: AccountId, fact: CreditEarned) {
        self.note_claim_of_purchase(&account_id, &fact);
        let points = int(fact.points.get());
        let recorded_at = at.recorded_at;
        let available_at = fact.available_at.filter(|available_at| *available_at > recorded_at);
        let what = if available_at.is_some() { Change::BEGINS_PENDING } else { Change::COMES };
        let change = what.times(points);
        let cause_kind = fact.cause.kind.as_str().to_owned();
        let cause_id = fact.cause.id.to_string();
        let (rule_id, rule_version) = rule_columns(fact.rule);
        let reference = fact.reference.map(|reference| reference.to_string());
        let unit = fact.unit;
        let is_converted = fact.cause.kind == CauseKind::Conversion;
        let total = if is_converted { Total::ConvertedIn } else { Total::Issued };
        self.totals.add(unit, total, points);
        self.change_balance(at, &account_id, unit, change);
        self.entries.push(LedgerEntry {
            cause_kind: Some(cause_kind.clone()),
            cause_id: Some(cause_id.clone()),
            reference: reference.clone(),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("credit-earned", at, &account_id, unit, change)
        });
        let key = PartKey {
            account_id: account_id.clone(),
            expires_at: fact.expires_at.map_or(NEVER, Timestamp::micros),
            lot: at.place(),
            graced: false,
            unit,
        };
        let available_at = available_at.map(Timestamp::micros);
        self.parts.insert(key, PartChange { change, available_at, is_new: true });
        self.lots.push(CreditLot {
            lot: at.place(),
            account_id: account_id.to_string(),
            unit: unit.to_string(),
            points,
            cause_kind,
            cause_id,
            rule_id,
            rule_version,
            reference,
            recorded_at: recorded_at.micros(),
            available_at: fact.available_at.map(Timestamp::micros),
            expires_at: fact.expires_at.map(Timestamp::micros),
        });
    }

    pub(super) fn deducted(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditDeducted,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(fact.unit, Total::Redeemed, int(fact.points.get()));
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::GOES);
        self.entries.push(LedgerEntry {
            exchange_id: Some(fact.exchange_id.to_string()),
            lots: Some(json(&fact.lots)?),
            ..entry("credit-deducted", at, account_id, fact.unit, change)
        });
        Ok(())
    }

    pub(super) fn matured(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditMatured,
    ) -> Result<(), serde_json::Error> {
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::MATURES);
        let lots = Some(json(&fact.lots)?);
        self.entries.push(LedgerEntry {
            lots,
            ..entry("credit-matured", at, account_id, fact.unit, change)
        });
        Ok(())
    }

    pub(super) fn expired(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditExpired,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(fact.unit, Total::Expired, int(fact.points.get()));
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::GOES);
        let lots = Some(json(&fact.lots)?);
        self.entries.push(LedgerEntry {
            lots,
            ..entry("credit-expired", at, account_id, fact.unit, change)
        });
        Ok(())
    }

    pub(super) fn refunded(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditRefunded,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(fact.unit, Total::Refunded, int(fact.points.get()));
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::COMES);
        let entry = LedgerEntry {
            lots: Some(json(&fact.lots)?),
            ..entry("credit-refunded", at, account_id, fact.unit, change)
        };
        let entry = match &fact.cause {
            RefundCause::Cancellation { exchange_id, cancellation_id } => LedgerEntry {
                exchange_id: Some(exchange_id.to_string()),
                cancellation_id: Some(cancellation_id.to_string()),
                ..entry
            },
            RefundCause::Capture(refund) => {
                let hold = self.change_hold(account_id, &refund.hold_id, String::new());
                hold.refunded_points += int(fact.points.get());
                LedgerEntry {
                    hold_id: Some(refund.hold_id.to_string()),
                    refund_id: Some(refund.refund_id.to_string()),
                    occurred_at: refund.occurred_at.map(Timestamp::micros),
                    ..entry
                }
            }
        };
        self.entries.push(entry);
        Ok(())
    }

    pub(super) fn withdrawn(
        &mut self,
        at: At<'_>,
        account_id: AccountId,
        fact: CreditWithdrawn,
    ) -> Result<(), serde_json::Error> {
        let of_nobody = taken_of_nobody(fact.expired, fact.forgiven);
        self.totals.add(fact.unit, Total::Withdrawn, int(fact.points.get()) - of_nobody);
        self.note_withdrawal_of_purchase(&account_id, &fact);
        // What was taken from lots is added when it is written.
        let change = Change { owed: or_zero(fact.owed), ..Change::NONE };
        self.change_balance(at, &account_id, fact.unit, change);
        let parts = fact
            .lots
            .iter()
            .map(|part| (key(&account_id, fact.unit, part), int(part.points.get())));
        self.withdrawals.push(Withdrawal {
            account_id: account_id.clone(),
            unit: fact.unit,
            recorded_at: at.recorded_at.micros(),
            parts: parts.collect(),
            entry: self.entries.len(),
        });
        let (withdrawal_kind, id, purchase_id) = match fact.withdrawal {
            WithdrawalCause::Withdrawal { id } => ("withdrawal", id.to_string(), None),
            WithdrawalCause::Return { purchase_id, id } => {
                ("return", id.to_string(), Some(purchase_id.to_string()))
            }
            WithdrawalCause::Adjustment { id } => ("adjustment", id.to_string(), None),
        };
        let cause = fact.of.map(|cause| (cause.kind.as_str().to_owned(), cause.id.to_string()));
        let (cause_kind, cause_id) = cause.unzip();
        self.entries.push(LedgerEntry {
            cause_kind,
            cause_id,
            withdrawal_kind: Some(withdrawal_kind.into()),
            withdrawal_id: Some(id),
            purchase_id,
            reference: fact.reference.map(|reference| reference.to_string()),
            lots: Some(json(&fact.lots)?),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("credit-withdrawn", at, &account_id, fact.unit, change)
        });
        Ok(())
    }

    pub(super) fn withdrawal_reversed(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &WithdrawalReversed,
    ) -> Result<(), serde_json::Error> {
        let entry = self.given_back("withdrawal-reversed", at, account_id, &fact.credit)?;
        self.entries.push(LedgerEntry {
            withdrawal_kind: Some("withdrawal".into()),
            withdrawal_id: Some(fact.withdrawal_id.to_string()),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry
        });
        Ok(())
    }

    /// What a reversal gives back; its entry is still to be pushed.
    pub(super) fn given_back(
        &mut self,
        kind: &str,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditGivenBack,
    ) -> Result<LedgerEntry, serde_json::Error> {
        let of_nobody = taken_of_nobody(fact.expired, fact.forgiven);
        self.totals.add(fact.unit, Total::Withdrawn, of_nobody - int(fact.points.get()));
        self.note_taken_of_purchase(account_id, &fact.of, fact.unit, -int(fact.points.get()));
        let mut change = Change { owed: -or_zero(fact.owed), ..Change::NONE };
        self.change_balance(at, account_id, fact.unit, change);
        let pending_until = fact.available_at.map(Timestamp::micros);
        for part in &fact.lots {
            let is_pending = pending_until.is_some() && part.lot == fact.of_lot;
            let what = if is_pending { Change::BEGINS_PENDING } else { Change::COMES };
            change += self.move_parts(at, account_id, fact.unit, std::slice::from_ref(part), what);
            if is_pending {
                self.parts.entry(key(account_id, fact.unit, part)).or_default().available_at =
                    pending_until;
            }
        }
        Ok(LedgerEntry {
            cause_kind: Some(fact.of.kind.as_str().to_owned()),
            cause_id: Some(fact.of.id.to_string()),
            lots: Some(json(&fact.lots)?),
            ..entry(kind, at, account_id, fact.unit, change)
        })
    }

    pub(super) fn repaid(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &DebtRepaid,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(fact.unit, Total::Repaid, int(fact.points.get()));
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::PAYS_DEBT);
        let lots = Some(json(&fact.lots)?);
        self.entries
            .push(LedgerEntry { lots, ..entry("debt-repaid", at, account_id, fact.unit, change) });
        Ok(())
    }

    pub(super) fn sent(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditSent,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(fact.unit, Total::Sent, int(fact.points.get()));
        if !fact.transfer_id.is_of_merger() {
            self.totals.add(fact.unit, Total::Transfers, 1);
        }
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::GOES);
        self.entries.push(LedgerEntry {
            transfer_id: Some(fact.transfer_id.to_string()),
            counterparty: Some(fact.to.to_string()),
            lots: Some(json(&fact.lots)?),
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            ..entry("credit-sent", at, account_id, fact.unit, change)
        });
        Ok(())
    }

    pub(super) fn received(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditReceived,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(fact.unit, Total::Received, int(fact.points.get()));
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::COMES);
        self.entries.push(LedgerEntry {
            transfer_id: Some(fact.transfer_id.to_string()),
            counterparty: Some(fact.from.to_string()),
            lots: Some(json(&fact.lots)?),
            ..entry("credit-received", at, account_id, fact.unit, change)
        });
        Ok(())
    }

    /// Credit that an account of another partition couldn't have; it is in transit no more.
    pub(super) fn came_back(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &CreditReturned,
    ) -> Result<(), serde_json::Error> {
        self.totals.add(fact.unit, Total::Received, int(fact.points.get()));
        let change = self.move_parts(at, account_id, fact.unit, &fact.lots, Change::COMES);
        self.entries.push(LedgerEntry {
            transfer_id: Some(fact.transfer_id.to_string()),
            counterparty: Some(fact.to.to_string()),
            lots: Some(json(&fact.lots)?),
            ..entry("credit-returned", at, account_id, fact.unit, change)
        });
        Ok(())
    }

    /// The parts that were taken back, and when: whether they were pending is to be looked up.
    pub(crate) fn withdrawn_parts(&self) -> impl Iterator<Item = (&PartKey, i64)> {
        self.withdrawals.iter().flat_map(|withdrawal| {
            withdrawal.parts.iter().map(|(key, _)| (key, withdrawal.recorded_at))
        })
    }

    /// Adds what was taken back to parts, balances and entries; `were_pending` says of each of the
    /// withdrawn parts, in their order, whether it was.
    pub(crate) fn apply_withdrawals(&mut self, were_pending: &[bool]) {
        let mut were_pending = were_pending.iter();
        for withdrawal in std::mem::take(&mut self.withdrawals) {
            let mut sum = Change::NONE;
            for (key, points) in withdrawal.parts {
                let was_pending = were_pending.next().copied().unwrap_or_default();
                let what = if was_pending { Change::GOES_PENDING } else { Change::GOES };
                let change = what.times(points);
                self.parts.entry(key).or_default().change += change;
                sum += change;
            }
            let of_unit = (withdrawal.account_id, withdrawal.unit);
            if let Some(balance) = self.unit_balances.get_mut(&of_unit) {
                sum.add_to_unit(balance);
            } else if let Some(balance) = self.balances.get_mut(&of_unit.0) {
                sum.add_to_balance(balance);
            }
            if let Some(entry) = self.entries.get_mut(withdrawal.entry) {
                sum.add_to_entry(entry);
            }
        }
    }

    /// The same happens to every point of these parts; gives what that adds up to.
    pub(super) fn move_parts(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        unit: UnitId,
        parts: &[LotPart],
        what: Change,
    ) -> Change {
        let mut sum = Change::NONE;
        for part in parts {
            let change = what.times(int(part.points.get()));
            self.parts.entry(key(account_id, unit, part)).or_default().change += change;
            sum += change;
        }
        self.change_balance(at, account_id, unit, sum);
        sum
    }

    /// What an account has of points stands in its own row, which also says when the account last
    /// changed; of further units in a row for each.
    pub(super) fn change_balance(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        unit: UnitId,
        change: Change,
    ) {
        let balance = self.balances.entry(account_id.clone()).or_insert_with(|| AccountBalance {
            account_id: account_id.to_string(),
            ..AccountBalance::default()
        });
        balance.partition = at.partition().into();
        balance.position = at.position();
        if unit == UnitId::POINTS {
            change.add_to_balance(balance);
            return;
        }
        let key = (account_id.clone(), unit);
        let balance = self.unit_balances.entry(key).or_insert_with(|| UnitBalance {
            account_id: account_id.to_string(),
            unit: unit.to_string(),
            ..UnitBalance::default()
        });
        change.add_to_unit(balance);
        balance.partition = at.partition().into();
        balance.position = at.position();
    }

    /// The parts that the batch earned, and by how much it changes others. What comes and goes
    /// within the batch leaves nothing.
    pub(crate) fn credit_parts(&self) -> (Vec<CreditPart>, Vec<CreditPart>) {
        let (mut new, mut changed) = (vec![], vec![]);
        for (key, PartChange { change, available_at, is_new }) in &self.parts {
            let Change { available, held, pending, owed: _ } = *change;
            if (available, held, pending) == (0, 0, 0) {
                continue;
            }
            let part = CreditPart {
                account_id: key.account_id.to_string(),
                expires_at: key.expires_at,
                lot: key.lot,
                graced: key.graced,
                unit: key.unit.to_string(),
                available,
                pending,
                held,
                available_at: available_at.filter(|_| pending > 0),
            };
            if *is_new { new.push(part) } else { changed.push(part) }
        }
        (new, changed)
    }
}

fn or_zero(points: Option<Points>) -> i64 {
    points.map_or(0, |points| int(points.get()))
}

/// What was asked for and taken of nobody: it had expired, or is forgiven.
fn taken_of_nobody(expired: Option<Points>, forgiven: Option<Points>) -> i64 {
    or_zero(expired) + or_zero(forgiven)
}

/// What every line of the statement has.
pub(super) fn entry(
    kind: &str,
    at: At<'_>,
    account_id: &AccountId,
    unit: UnitId,
    change: Change,
) -> LedgerEntry {
    let mut entry = LedgerEntry {
        kind: kind.into(),
        place: at.place(),
        account_id: account_id.to_string(),
        unit: unit.to_string(),
        recorded_at: at.recorded_at.micros(),
        ..LedgerEntry::default()
    };
    change.add_to_entry(&mut entry);
    entry
}

fn key(account_id: &AccountId, unit: UnitId, part: &LotPart) -> PartKey {
    PartKey {
        account_id: account_id.clone(),
        expires_at: part.expires_at.map_or(NEVER, Timestamp::micros),
        lot: part.lot.place().as_i64(),
        graced: part.graced,
        unit,
    }
}
