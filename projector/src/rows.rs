//! What a batch of events adds up to: a row, or a change of a row, for each key.
//!
//! One file per noun has its rows and what its events do to them; `Rows::add` has every event on
//! one page.

mod account;
mod change;
mod conversion;
mod credit;
mod erasure;
mod event_place;
mod exchange;
mod fact;
mod hold;
mod merger;
mod offer;
mod operation;
mod programme;
mod purchase;
mod seal;
mod shipping;
mod tier;
mod total;
mod unit;
mod wait;

use std::collections::BTreeMap;

use domain::{
    AccountId, Event, ExchangeId, HoldId, Message, OfferId, Prices, ProgrammeChange, PurchaseId,
    RuleVersion, Timestamp, UnitId, WaitId,
};
use event_schema::decode;
use event_store::with_causes;
use log_record::{PackedPlace, Partition, RecordedEvent};
use read_model::{
    AccountBalance, BalanceSeal, ConversionRate, CreditLot, EarningRule, EventPlace, Exchange,
    Fact, Hold, LedgerEntry, Merger, OfferAvailability, OfferSold, Operation, Policy, Purchase,
    ShippingStatus, Subject, UnitBalance, Wait,
};
use serde::Serialize;

use crate::ProjectError;

pub(crate) use change::Change;
pub(crate) use conversion::RateClosure;
pub(crate) use credit::{PartChange, PartKey, Withdrawal};
pub(crate) use erasure::AccountErasure;
use event_place::about;
pub(crate) use exchange::ExchangeChange;
pub(crate) use hold::HoldChange;
pub(crate) use offer::OfferChange;
pub(crate) use purchase::{PurchaseChange, Returned};
use shipping::UpdateKind;
pub(crate) use shipping::{
    FoundRequest, LaneEnd, Lanes, RequestKey, RequestState, Shipping, ShippingRequestChange,
    ShippingRows,
};
pub(crate) use tier::{FoundTier, TierError, TierRows, Tiers};
pub(crate) use total::{TotalRows, Totals};
pub(crate) use unit::{UnitChange, UnitClosure};
pub(crate) use wait::WaitChange;

/// The rows of a batch, by table.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// How many partitions the log has; 0 and 1 are the same.
    partitions: u16,
    pub(crate) lots: Vec<CreditLot>,
    pub(crate) parts: BTreeMap<PartKey, PartChange>,
    /// By how much each changes.
    pub(crate) balances: BTreeMap<AccountId, AccountBalance>,
    /// Likewise of further units.
    pub(crate) unit_balances: BTreeMap<(AccountId, UnitId), UnitBalance>,
    pub(crate) withdrawals: Vec<Withdrawal>,
    pub(crate) entries: Vec<LedgerEntry>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) hold_changes: BTreeMap<(AccountId, HoldId, String), HoldChange>,
    pub(crate) waits: Vec<Wait>,
    pub(crate) wait_changes: BTreeMap<(AccountId, WaitId), WaitChange>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) exchange_changes: BTreeMap<(AccountId, ExchangeId), ExchangeChange>,
    pub(crate) purchases: Vec<Purchase>,
    pub(crate) returned: BTreeMap<(AccountId, PurchaseId), Returned>,
    /// By path.
    pub(crate) facts: BTreeMap<String, Fact>,
    pub(crate) operations: Vec<Operation>,
    /// At most one: it ends its batch.
    pub(crate) erasures: Vec<AccountErasure>,
    pub(crate) seals: Vec<BalanceSeal>,
    pub(crate) mergers: Vec<Merger>,
    pub(crate) places: Vec<EventPlace>,
    pub(crate) shipping: Shipping,
    pub(crate) offers: BTreeMap<OfferId, OfferAvailability>,
    pub(crate) offer_changes: BTreeMap<OfferId, OfferChange>,
    /// Of offers that have their home in another partition.
    pub(crate) sold_elsewhere: BTreeMap<OfferId, OfferSold>,
    pub(crate) earning_rules: Vec<EarningRule>,
    pub(crate) policy: Option<Policy>,
    /// Every version that the batch made, in the order of the log: a closure is one, too, and the
    /// name may change after it.
    pub(crate) unit_changes: Vec<UnitChange>,
    pub(crate) tiers: Tiers,
    pub(crate) conversion_rates: Vec<ConversionRate>,
    pub(crate) rate_closures: Vec<RateClosure>,
    /// What the batch adds to them.
    pub(crate) totals: Totals,
    /// Where the log takes its time from, where the batch says so.
    pub(crate) clock: Option<&'static str>,
}

/// The place of an event, and when it was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    row: &'a RecordedEvent,
    recorded_at: Timestamp,
}

impl Rows {
    /// None so far, of a partition of a log that has so many.
    pub(crate) fn of_partitions(partitions: u16) -> Self {
        Self { partitions, ..Self::default() }
    }

    /// Adds up a batch, as if the log had one partition.
    pub(crate) fn of<'a>(
        events: impl IntoIterator<Item = &'a RecordedEvent>,
    ) -> Result<Self, ProjectError> {
        let mut rows = Self::default();
        rows.add_all(events)?;
        Ok(rows)
    }

    /// Adds the events that follow. After an error the rows are of no use.
    pub(crate) fn add_all<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a RecordedEvent>,
    ) -> Result<(), ProjectError> {
        for row in events {
            let unapplicable = |error: &dyn std::error::Error| ProjectError::Unapplicable {
                place: row.place,
                why: with_causes(error),
            };
            let (recorded_at, event) = decode(row).map_err(|error| unapplicable(&error))?;
            let at = At { row, recorded_at };
            self.note_fact(at, &event);
            self.note_counted(at, &event);
            self.note_operation(at, &event).map_err(|error| unapplicable(&*error))?;
            let (subject, exchange_id) = about(&event);
            let with_row = self.with_place();
            self.add(at, event).map_err(|error| unapplicable(&error))?;
            let has_row = self.with_place() > with_row;
            self.note_place(at, has_row, subject, exchange_id);
        }
        Ok(())
    }

    /// What the batch touches; some of it more than once.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = Subject<'_>> {
        let of_terms = self.offers.keys().chain(self.offer_changes.keys());
        let offers = of_terms.chain(self.sold_elsewhere.keys()).map(OfferId::as_str);
        let is_any_offer = !(self.offers.is_empty()
            && self.offer_changes.is_empty()
            && self.sold_elsewhere.is_empty());
        let accounts = self.accounts().map(Subject::Account);
        accounts.chain(offers.map(Subject::Offer)).chain(is_any_offer.then_some(Subject::Offers))
    }

    /// The accounts that the batch touches; some of them more than once.
    fn accounts(&self) -> impl Iterator<Item = &str> {
        let of_balances = self.balances.keys().map(AccountId::as_str);
        let of_parts = self.parts.keys().map(|part| part.account_id.as_str());
        let of_holds = self.holds.iter().map(|hold| hold.account_id.as_str());
        let of_changes = self.hold_changes.keys().map(|(account_id, _, _)| account_id.as_str());
        of_balances.chain(of_parts).chain(of_holds).chain(of_changes)
    }

    /// Whether something changes that is true for all accounts.
    pub(crate) const fn concerns_all(&self) -> bool {
        self.clock.is_some() || self.policy.is_some() || !self.tiers.ladders.is_empty()
    }

    fn add(&mut self, at: At<'_>, event: Event) -> Result<(), serde_json::Error> {
        match event {
            Event::LogOpened(fact) => {
                self.clock = Some(fact.clock.as_str());
                self.points_are_there(at);
            }
            Event::LogForked(_) => {}
            Event::ClockDoubted(_) => self.clock = Some("doubted"),
            Event::ClockConfirmed(_) => {
                self.clock = match self.clock {
                    Some("doubted") => Some("wall"),
                    None => Some("confirmed"),
                    known => known,
                }
            }
            Event::PolicyChanged(fact) => self.policy_changed(at, fact),
            Event::EarningRuleSet(fact) => self.earning_rule_set(at, &fact)?,
            Event::UnitSet(fact) => self.unit_set(at, fact),
            Event::UnitClosed(fact) => self.unit_closed(at, &fact),
            Event::LadderSet(fact) => self.ladder_set(at, fact)?,
            Event::TierReached(ref account, ref fact) => {
                self.tier_changed("tier-reached", at, account, fact, event.clone())?;
            }
            Event::TierKept(ref account, ref fact) => {
                self.tier_changed("tier-kept", at, account, fact, event.clone())?;
            }
            Event::TierLapsed(ref account, ref fact) => {
                self.tier_changed("tier-lapsed", at, account, fact, event.clone())?;
            }
            Event::TierGranted(ref account, ref fact) => {
                self.tier_granted(at, account, fact, event.clone())?;
            }
            Event::TierGrantEnded(ref account, ref fact) => {
                self.tier_grant_ended(at, account, fact, event.clone())?;
            }
            Event::ConversionRateSet(fact) => self.conversion_rate_set(at, &fact)?,
            Event::ConversionRateClosed(fact) => self.conversion_rate_closed(at, &fact),
            Event::AccountOpened(account, _) => self.opened(at, &account),
            Event::AccountErased(account, fact) => self.erased(at, &account, &fact),
            // Nothing that is shown changes before it is done.
            Event::AccountMergerBegun(..) | Event::AccountMergerAbandoned(..) => {}
            Event::AccountMerged(account, fact) => self.merged(at, &account, &fact),
            Event::AccountTakenOver(account, _) => self.took_over(at, &account),
            Event::CountsPassedOn(ref account, _) | Event::CountsTakenOver(ref account, _) => {
                self.counts_moved(at, account, event.clone());
            }
            Event::DebtPassedOn(account, fact) => self.debt_passed_on(at, &account, &fact),
            Event::DebtTakenOver(account, fact) => self.debt_taken_over(at, &account, &fact),
            Event::CreditEarned(account, fact) => self.earned(at, account, fact),
            Event::CreditDeducted(account, fact) => self.deducted(at, &account, &fact)?,
            Event::CreditMatured(account, fact) => self.matured(at, &account, &fact)?,
            Event::CreditExpired(account, fact) => self.expired(at, &account, &fact)?,
            Event::CreditRefunded(account, fact) => self.refunded(at, &account, &fact)?,
            Event::CreditWithdrawn(account, fact) => self.withdrawn(at, account, fact)?,
            Event::WithdrawalReversed(account, fact) => {
                self.withdrawal_reversed(at, &account, &fact)?;
            }
            Event::CreditGivenBack(account, fact) => {
                self.further_given_back(at, &account, &fact)?;
            }
            Event::ReturnReversed(account, fact) => self.return_reversed(at, &account, &fact)?,
            Event::DebtRepaid(account, fact) => self.repaid(at, &account, &fact)?,
            Event::CreditSent(account, fact) => self.sent(at, &account, &fact)?,
            Event::CreditReceived(account, fact) => self.received(at, &account, &fact)?,
            Event::CreditReturned(account, fact) => self.came_back(at, &account, &fact)?,
            Event::CreditConverted(account, fact) => self.converted(at, &account, &fact)?,
            Event::CreditHeld(account, fact) => self.held(at, account, &fact)?,
            Event::HoldExtended(account, fact) => self.extended(&account, &fact),
            Event::HoldCaptured(account, fact) => self.captured(at, account, fact)?,
            Event::HoldSwapped(account, fact) => self.swapped(at, account, fact)?,
            Event::HoldReleased(account, fact) => self.released(at, account, fact)?,
            Event::ExchangeCreated(account, fact) => self.exchanged(at, account, fact)?,
            Event::ExchangeCancelled(account, fact) => self.cancelled(at, account, fact),
            Event::ShipmentDispatched(account, fact) => self.dispatched(at, account, fact),
            Event::ShipmentAccepted(account, fact) => {
                self.reported(at, account, fact, ShippingStatus::Accepted);
            }
            Event::ShipmentBackOrdered(account, fact) => {
                self.reported(at, account, fact, ShippingStatus::BackOrdered);
            }
            Event::ShipmentDelivered(account, fact) => {
                self.reported(at, account, fact, ShippingStatus::Delivered);
            }
            Event::ShipmentRejected(account, fact) => {
                self.reported(at, account, fact, ShippingStatus::Rejected);
            }
            Event::ShipmentAskedAgain(account, fact) => {
                self.update_request(at, account, fact.shipped, UpdateKind::AskedAgain);
            }
            Event::ShipmentSettled(account, fact) => {
                self.reported(at, account, fact, ShippingStatus::Settled);
            }
            Event::PurchaseRecorded(account, fact) => self.purchased(at, account, fact)?,
            Event::PurchaseReturned(account, fact) => self.returned(at, account, fact),
            Event::OfferOpened(fact) => self.offer_opened(at, fact)?,
            Event::OfferAmended(fact) => self.offer_amended(at, fact)?,
            Event::OfferClosed(fact) => self.offer_closed(at, fact),
            Event::OfferReopened(fact) => self.offer_reopened(at, fact),
            Event::OfferPaused(fact) => self.offer_paused(at, fact),
            Event::OfferResumed(fact) => self.offer_resumed(at, fact),
            // The fact at its path says it.
            Event::SegmentSet(..) => {}
            Event::WaitBegun(account, fact) => self.wait_begun(at, &account, &fact),
            Event::WaitServed(account, fact) => self.wait_served(at, &account, &fact),
            Event::WaitEnded(account, fact) => self.wait_ended(at, &account, &fact),
            Event::StockAdded(fact) => self.stock_added(fact),
            Event::StockRemoved(fact) => self.stock_removed(fact),
            Event::StockAmended(fact) => self.stock_amended(at, fact),
            // The upload's last event counts them.
            Event::CodeAdded(_) => {}
            Event::CodesUploaded(fact) => self.codes_uploaded(&fact),
            Event::BalancesSealed(fact) => self.balances_sealed(at, &fact),
            // How switches are set stands beside the log; who turned them is an operation.
            Event::SwitchTurned(_) => {}
            // What follows from a message stands in events of its own; but accounts are judged by
            // the ladders that their partition knows.
            Event::MessageReceived(fact) => {
                if let Message::Programme(change) = fact.message
                    && let ProgrammeChange::Ladder(fact) = *change
                {
                    self.ladder_set(at, fact)?;
                }
            }
            Event::MessageSent(_) => {}
        }
        Ok(())
    }

    /// Whether something has its home in another partition than the event's.
    fn is_elsewhere(&self, at: At<'_>, home: impl FnOnce(u16) -> Partition) -> bool {
        self.partitions > 1 && home(self.partitions) != at.row.partition()
    }
}

impl At<'_> {
    /// The place in the log as the tables keep it.
    fn place(self) -> i64 {
        PackedPlace::from(self.row.place).as_i64()
    }

    fn partition(self) -> u16 {
        self.row.partition().0
    }

    fn position(self) -> i64 {
        int(self.row.position().0)
    }
}

/// The tables' integers have a sign; amounts and positions need 53 and 48 bits of them.
const fn int(number: u64) -> i64 {
    number.cast_signed()
}

/// A rule's id and version as two columns.
fn rule_columns(rule: Option<RuleVersion>) -> (Option<String>, Option<i64>) {
    rule.map(|rule| (rule.rule_id.to_string(), int(rule.version))).unzip()
}

/// JSON as a text, as the tables keep it.
fn json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

/// What something costs beside its first price, as the tables keep it.
fn further(prices: &Prices) -> Result<Option<String>, serde_json::Error> {
    let further = Some(prices.further()).filter(|further| !further.is_empty());
    further.map(|further| json(&further)).transpose()
}

#[cfg(test)]
mod tests {
    use read_model::NEVER;

    use super::*;

    fn ids(rows: &Rows) -> Vec<&str> {
        rows.accounts().collect()
    }

    #[test]
    fn a_batch_touches_every_account_of_which_it_changes_what_a_balance_is_read_from() {
        let id = |id: &str| -> AccountId { id.parse().expect("an id") };
        let hold = Hold {
            place: 1,
            account_id: "of-hold".into(),
            hold_id: "h-1".into(),
            part: String::new(),
            unit: "points".into(),
            points: 1,
            lots: "[]".into(),
            offer_id: None,
            product_id: None,
            quantity: None,
            prices: None,
            counted: None,
            deadline: 1,
            grace_days: 0,
            status: "held".into(),
            captured_points: None,
            refunded_points: 0,
            exchange_id: None,
            ended: None,
            ended_at: None,
            occurred_at: None,
            recorded_at: 1,
        };
        let part = PartKey {
            account_id: id("of-part"),
            expires_at: NEVER,
            lot: 1,
            graced: false,
            unit: UnitId::POINTS,
        };
        let of_change = (id("of-change"), "h-2".parse().expect("an id"), String::new());
        let mut rows = Rows { holds: vec![hold], ..Rows::default() };
        rows.parts.insert(part, PartChange::default());
        rows.hold_changes.insert(of_change, HoldChange::default());
        for account in ["ann", "bob"] {
            rows.balances.insert(id(account), AccountBalance::default());
        }
        assert_eq!(ids(&rows), ["ann", "bob", "of-part", "of-hold", "of-change"]);
        assert!(!rows.concerns_all());
    }

    #[test]
    fn the_clock_and_the_policy_concern_all() {
        assert!(Rows { clock: Some("wall"), ..Rows::default() }.concerns_all());
        let policy = Policy {
            number: 1,
            version: 1,
            spent_credit: "debt".into(),
            refund_grace_days: 1,
            grace_on_own_request: false,
            earning_points_max: 1,
            partition: 0,
            position: 1,
        };
        assert!(Rows { policy: Some(policy), ..Rows::default() }.concerns_all());
    }
}
