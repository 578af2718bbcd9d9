//! What can be asked of the ledger, and the one function that answers.
//!
//! Each command's file has its fields, its rules in order of precedence, and its scenarios. A new
//! command is its file, and a line in `commands!` below.

mod add_stock;
mod adjust_credit;
mod admit_wait;
mod amend_offer;
mod cancel_exchange;
mod capture_hold;
mod claim_credit;
mod close_conversion_rate;
mod close_offer;
mod close_unit;
mod confirm_clock;
mod convert_credit;
mod dispatch_shipment;
mod earn_credit;
mod erase_account;
mod extend_hold;
mod give_back;
mod grant_tier;
mod hold_credit;
mod join_waiting_list;
mod kept;
mod leave_waiting_list;
mod merge_account;
mod open_account;
mod open_offer;
mod order;
mod pause_offer;
mod record_purchase;
mod redeem;
mod refund;
mod refund_capture;
mod reject_shipment;
mod release_hold;
mod remove_stock;
mod reopen_offer;
mod report_shipment;
mod reserve_offer;
mod resume_offer;
mod return_purchase;
mod reverse_return;
mod reverse_withdrawal;
mod revoke_tier_grant;
mod rules;
mod seal_balances;
mod set_conversion_rate;
mod set_earning_rule;
mod set_ladder;
mod set_policy;
mod set_segment;
mod set_unit;
mod show_terms;
mod take_back;
mod transfer_credit;
mod turn_switch;
mod upload_codes;
mod withdraw_credit;

pub use add_stock::AddStock;
pub use adjust_credit::{AdjustCredit, Direction};
pub use admit_wait::AdmitWait;
pub use amend_offer::AmendOffer;
pub use cancel_exchange::CancelExchange;
pub use capture_hold::{Capture, CaptureHold};
pub use claim_credit::ClaimCredit;
pub use close_conversion_rate::CloseConversionRate;
pub use close_offer::CloseOffer;
pub use close_unit::CloseUnit;
pub use confirm_clock::ConfirmClock;
pub use convert_credit::ConvertCredit;
pub use dispatch_shipment::DispatchShipment;
pub use earn_credit::EarnCredit;
pub use erase_account::EraseAccount;
pub use extend_hold::ExtendHold;
pub use grant_tier::GrantTier;
pub use hold_credit::{HOLD_DAYS_MAX, HoldCredit};
pub use join_waiting_list::{Admission, JoinWaitingList, WAITING_MAX};
pub use leave_waiting_list::LeaveWaitingList;
pub use merge_account::{AdmitMerger, MergeAccount, MergerStep};
pub use open_account::OpenAccount;
pub use open_offer::OpenOffer;
pub use order::Order;
use order::are_expected;
pub use pause_offer::PauseOffer;
pub use record_purchase::RecordPurchase;
pub use redeem::Redeem;
pub use refund_capture::RefundCapture;
pub use reject_shipment::RejectShipment;
pub use release_hold::ReleaseHold;
pub use remove_stock::RemoveStock;
pub use reopen_offer::ReopenOffer;
pub use report_shipment::{Report, ReportShipment};
pub use reserve_offer::ReserveOffer;
pub use resume_offer::ResumeOffer;
pub use return_purchase::ReturnPurchase;
pub use reverse_return::ReverseReturn;
pub use reverse_withdrawal::ReverseWithdrawal;
pub use revoke_tier_grant::RevokeTierGrant;
pub use rules::Owner;
pub use seal_balances::SealBalances;
pub use set_conversion_rate::SetConversionRate;
pub use set_earning_rule::{ExpectedVersion, SetEarningRule};
pub use set_ladder::SetLadder;
pub use set_policy::SetPolicy;
pub use set_segment::SetSegment;
pub use set_unit::SetUnit;
pub use show_terms::ShowTerms;
pub use transfer_credit::TransferCredit;
pub use turn_switch::TurnSwitch;
pub use upload_codes::UploadCodes;
pub use withdraw_credit::WithdrawCredit;

use log_record::{Partition, Position};

use crate::draft::Draft;
use crate::merged::pass_on;
use crate::sharing::tell_others;
use crate::{
    Decision, Event, ExchangeId, ExchangeKey, IdHash, OfferId, Preview, Refusal, State, Subject,
    Timestamp, Whose,
};
use rules::CommandRules;

/// The partition of the programme but for its offers: its rules, policy, units and clock.
pub const PROGRAMME_HOME: Partition = Partition(0);

/// Makes the enum of these commands, and gives each of them its rules.
macro_rules! commands {
    ($($(#[$doc:meta])* $command:ident,)*) => {
        /// Something asked of the ledger, valid in itself.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Command {
            $($(#[$doc])* $command($command),)*
        }

        impl Command {
            fn rules(&self) -> &dyn CommandRules {
                match self {
                    $(Self::$command(command) => command,)*
                }
            }

            fn rules_mut(&mut self) -> &mut dyn CommandRules {
                match self {
                    $(Self::$command(command) => command,)*
                }
            }
        }
    };
}

commands! {
    /// Open an account without credit.
    OpenAccount,
    /// Give a shopper credit.
    EarnCredit,
    /// Record goods bought for money.
    RecordPurchase,
    /// Give the credit that was refused when a purchase was recorded.
    ClaimCredit,
    /// Take goods of a purchase back.
    ReturnPurchase,
    /// Take back what was earned for a cause.
    WithdrawCredit,
    /// Undo a return.
    ReverseReturn,
    /// Undo a withdrawal.
    ReverseWithdrawal,
    /// Add or take credit by hand.
    AdjustCredit,
    /// Set credit aside.
    HoldCredit,
    /// Set credit aside with the units of an offer that it pays.
    ReserveOffer,
    /// Wait for a unit of an offer that is sold out.
    JoinWaitingList,
    /// See whether somebody may wait for an offer.
    AdmitWait,
    /// Wait no more.
    LeaveWaitingList,
    /// Keep credit aside for longer.
    ExtendHold,
    /// Spend what is held.
    CaptureHold,
    /// Give back what a capture spent.
    RefundCapture,
    /// Give back what is held.
    ReleaseHold,
    /// Exchange credit for goods.
    Redeem,
    /// Cancel an exchange and refund it.
    CancelExchange,
    /// Record that a parcel left.
    DispatchShipment,
    /// Record what else became of a parcel.
    ReportShipment,
    /// Record that a parcel won't be shipped, and refund it.
    RejectShipment,
    /// Pass credit on.
    TransferCredit,
    /// Turn credit of one unit into credit of another.
    ConvertCredit,
    /// Begin to offer something.
    OpenOffer,
    /// Replace an offer's terms.
    AmendOffer,
    /// End an offer.
    CloseOffer,
    /// Let an offer go on.
    ReopenOffer,
    /// Stop an offer for a while.
    PauseOffer,
    /// Let an offer go on that was paused.
    ResumeOffer,
    /// Add to an offer's stock.
    AddStock,
    /// Take away from an offer's stock.
    RemoveStock,
    /// Put codes into an offer's pool.
    UploadCodes,
    /// Make or replace an earning rule.
    SetEarningRule,
    /// Choose the policy.
    SetPolicy,
    /// Make a unit, or rename it.
    SetUnit,
    /// End a unit.
    CloseUnit,
    /// Make a ladder, or amend it.
    SetLadder,
    /// Put an account into a segment, or take it out.
    SetSegment,
    /// Grant a tier for a time.
    GrantTier,
    /// End a grant before its time.
    RevokeTierGrant,
    /// Make or replace a conversion rate.
    SetConversionRate,
    /// End a conversion rate.
    CloseConversionRate,
    /// Show an offer's terms, a rule's or the policy.
    ShowTerms,
    /// Vouch for the clock.
    ConfirmClock,
    /// Erase what is private of an account.
    EraseAccount,
    /// Merge an account into another.
    MergeAccount,
    /// See whether an account may take another over.
    AdmitMerger,
    /// Commit to all balances.
    SealBalances,
    /// Record that a switch was turned.
    TurnSwitch,
}

/// Decides a command against the state, at a time that the writer stamped.
pub fn decide(state: &State, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    match command.recorded_at(state) {
        Some(at) => Ok(Decision::Repeat(at)),
        None => {
            let mut decision = decide_draft(command, Draft::new(state, now))?;
            // It may record what was due in another account, and so free units.
            if let Decision::Record { events, .. } = &mut decision {
                pass_on(state, events, now);
            }
            if state.is_shared() {
                tell_others(state, &mut decision, now);
            }
            Ok(decision)
        }
    }
}

/// Decides a command whose id was not recorded before.
pub(crate) fn decide_draft(command: &Command, draft: Draft<'_>) -> Result<Decision, Refusal> {
    let is_merged = command.begins_in_merged(draft.state);
    match command.rules().decide(draft) {
        // The gate in front of the writer's queue knows the stock only.
        Err(sold_out @ Refusal::SoldOut { .. }) => Err(sold_out),
        // What stands as asked for is a repeat.
        Ok(Decision::Unchanged) => Ok(Decision::Unchanged),
        _ if is_merged => Err(Refusal::AccountMerged { whose: Whose::Own }),
        decided => decided,
    }
}

impl Command {
    /// The name that is kept in the events' metadata.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.rules().name()
    }

    /// Whose command it is, and so which partition decides it.
    #[must_use]
    pub fn owner(&self) -> Owner<'_> {
        self.rules().owner()
    }

    /// The partition that decides it, of so many: that of its account, the home of its offer, or
    /// the programme's.
    #[must_use]
    pub fn partition(&self, partitions: u16) -> Partition {
        if let Self::AdmitWait(it) = self {
            return it.offer_id.home(partitions);
        }
        match (self.offer(), self.owner()) {
            (Some(offer), _) => offer.home(partitions),
            (None, Owner::Account(account)) => account.partition(partitions),
            (None, Owner::Programme) => PROGRAMME_HOME,
        }
    }

    /// The offer that an operator's command changes or shows.
    #[must_use]
    pub const fn offer(&self) -> Option<&OfferId> {
        Some(match self {
            Self::OpenOffer(it) => &it.offer_id,
            Self::AmendOffer(it) => &it.offer_id,
            Self::CloseOffer(it) => &it.offer_id,
            Self::ReopenOffer(it) => &it.offer_id,
            Self::PauseOffer(it) => &it.offer_id,
            Self::ResumeOffer(it) => &it.offer_id,
            Self::AddStock(it) => &it.offer_id,
            Self::RemoveStock(it) => &it.offer_id,
            Self::UploadCodes(it) => &it.offer_id,
            Self::ShowTerms(ShowTerms::Offer(offer_id)) => offer_id,
            _ => return None,
        })
    }

    /// Whether all partitions are told what it changes.
    #[must_use]
    pub const fn is_for_all(&self) -> bool {
        match self {
            Self::ShowTerms(_) => false,
            Self::SetPolicy(_)
            | Self::SetEarningRule(_)
            | Self::SetUnit(_)
            | Self::CloseUnit(_)
            | Self::SetLadder(_)
            | Self::SetConversionRate(_)
            | Self::CloseConversionRate(_) => true,
            _ => self.offer().is_some(),
        }
    }

    /// The exchange that the command would create or reserve.
    #[must_use]
    pub fn exchange(&self) -> Option<ExchangeKey> {
        if let Self::ReserveOffer(it) = self {
            let exchange_id = ExchangeId::of_reservation(&it.hold_id);
            return Some(ExchangeKey { account_id: it.account_id.clone(), exchange_id });
        }
        let (account_id, order) = match self {
            Self::Redeem(it) => (&it.account_id, &it.order),
            Self::CaptureHold(CaptureHold {
                account_id,
                capture: Capture::Exchange(order),
                ..
            }) => (account_id, order),
            _ => return None,
        };
        let (account_id, exchange_id) = (account_id.clone(), order.exchange_id.clone());
        Some(ExchangeKey { account_id, exchange_id })
    }

    /// The id that makes a repeat of this command a repeat. A command that sets something whole has
    /// none: it changes nothing where the thing is as asked for.
    #[must_use]
    pub fn id_hash(&self) -> Option<IdHash> {
        self.rules().id_hash()
    }

    /// The event that bears the command's id, where the id was recorded before. A
    /// cause that was recorded for an account that was merged into the command's, and lives in the
    /// same partition, is recorded.
    #[must_use]
    pub fn recorded_at(&self, state: &State) -> Option<Position> {
        let own = self.id_hash().and_then(|id| state.position_of(self.owner(), id));
        own.or_else(|| self.recorded_before_merger(state))
    }

    fn recorded_before_merger(&self, state: &State) -> Option<Position> {
        let Owner::Account(id) = self.owner() else { return None };
        let former = state.former_accounts(id);
        let cause = if former.is_empty() { None } else { self.rules().cause() }?;
        let mut former = former.into_iter();
        former.find_map(|id| state.recorded().position_of(IdHash::cause(id, &cause)))
    }

    /// Whether it would begin something in an account that was merged into another.
    fn begins_in_merged(&self, state: &State) -> bool {
        match self.owner() {
            Owner::Account(id) => state.merged_into(id).is_some() && !self.rules().goes_on(),
            Owner::Programme => false,
        }
    }

    /// When it happened, according to the caller, where a caller can say so.
    #[must_use]
    pub fn occurred_at(&self) -> Option<Timestamp> {
        self.rules().occurred_at()
    }

    /// What deciding it would do, where the command has a dry run; nothing where it has none. Its
    /// id was not recorded before.
    #[must_use]
    pub fn preview(&self, state: &State, now: Timestamp) -> Option<Result<Preview, Refusal>> {
        let preview = self.rules().preview(Draft::new(state, now))?;
        Some(match preview {
            Err(sold_out @ Refusal::SoldOut { .. }) => Err(sold_out),
            _ if self.begins_in_merged(state) => Err(Refusal::AccountMerged { whose: Whose::Own }),
            preview => preview,
        })
    }

    /// The thing that the command sets whole or tells something of, as it is at `now`, and the
    /// event that last changed it or asked for it.
    #[must_use]
    pub fn subject(&self, state: &State, now: Timestamp) -> Option<(Subject, Position)> {
        let (subject, changed_at) = self.rules().subject(state)?;
        Some((subject.at(now), changed_at))
    }

    /// The command with the event at `position` and those right before it that belong to it
    /// ([`Event::events_before`]), the last one last; nothing where the command can't use them.
    #[must_use]
    pub fn with_original(
        &self,
        before: &[Event],
        position: Position,
        event: &Event,
    ) -> Option<Self> {
        let mut command = self.clone();
        command.rules_mut().load(before, position, event)?;
        Some(command)
    }

    /// The first field that differs from the request for which `event` was recorded; nothing where
    /// both ask the same. An erased field isn't compared.
    #[must_use]
    pub fn first_difference(&self, event: &Event) -> Option<&'static str> {
        self.rules().first_difference(event)
    }
}
