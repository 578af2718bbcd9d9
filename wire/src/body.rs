//! The bodies of both HTTP APIs: one struct for each request and each answer, one file per noun.
//!
//! A struct here is a shape and nothing else: its fields in JSON's order, each with its type, its
//! unit and its meaning. Amounts are whole numbers, times are RFC 3339 in UTC, positions and lots
//! are texts `partition:position`. A field that is `None` is left out, unless its doc says `null`.
//!
//! A request refuses unknown fields; where one struct is inside another, [`crate::Object`] refuses
//! a list in its place. A request is named after its call (`PutOfferBody`), an answer after its
//! noun (`OfferBody`), and an answer with a recorded fact after its event (`CreditHeldBody`). The
//! command API fills answers from events, the query API from rows; neither type is known here.

mod account;
mod account_balance;
mod attempt;
mod clock;
mod conversion;
mod credit;
mod credit_lot;
mod earning_rule;
mod erasure;
mod event;
mod exchange;
mod expiry;
mod fact;
mod hold;
mod key;
mod ladder;
mod ledger_entry;
mod mark;
mod merger;
mod offer;
mod operation;
mod policy;
mod price;
mod purchase;
mod receipt;
mod seal;
mod segment;
mod shipping_request;
mod switch;
mod tier;
mod total;
mod transfer;
mod trial_balance;
mod unit;
mod wait;

pub use account::{AccountOpenedBody, OpenAccountBody};
pub use account_balance::{AccountBalanceBody, UnitBalanceBody};
pub use attempt::{AttemptBody, AttemptStatus};
pub use clock::{ClockConfirmationBody, ConfirmClockBody};
pub use conversion::{
    CloseConversionRateBody, ConversionRateBody, ConvertCreditBody, ConvertedFromBody,
    CreditConvertedBody, PutConversionRateBody, RateVersionBody,
};
pub use credit::{
    AdjustCreditBody, AskedCauseBody, AskedCauseKind, CapPeriodBody, CapRoomBody, CauseBody,
    ClaimBody, CreditBody, CreditEarnedBody, CreditGivenBackBody, CreditOutcomeBody,
    CreditWithdrawnBody, DirectionBody, EarnCreditBody, EarnCreditItemBody, EarnCreditsBody,
    EarnedCreditsBody, ReverseBody, RuleVersionBody, WithdrawCreditBody, WithdrawalBody,
    WithdrawalReversedBody,
};
pub use credit_lot::{CreditLotBody, LotOriginBody, LotPartBody};
pub use earning_rule::{
    CapBody, CategoryRateBody, EarningRuleBody, ExpiryBody, MultiplierBody, PutEarningRuleBody,
    PutMultiplierBody, RateBody,
};
pub use erasure::{AccountErasedBody, EraseAccountBody, ErasureBody, ErasureStatus};
pub use event::EventBody;
pub use exchange::{
    CancelExchangeBody, CountedBody, CreatedExchangeBody, DryRunBody, DryRunOutcome, ExchangeBody,
    ExchangeCancelledBody, ExchangeCreatedBody, ExchangeStatus, OrderedBody, PreviewBody,
    PreviewedPriceBody, RedeemBody, RedeemQuery,
};
pub use expiry::{AccountExpiryBody, ExpiredBody, ExpiringAccountBody, ExpiringBody};
pub use fact::{FactBody, FactCallerBody};
pub use hold::{
    CaptureExchangeBody, CaptureHoldBody, CaptureRefundedBody, CreditHeldBody, ExtendHoldBody,
    HoldBody, HoldCapturedBody, HoldCreditBody, HoldExtendedBody, HoldReleasedBody,
    HoldReservesBody, HoldStatus, RefundCaptureBody, ReleaseHoldBody, ReservationBody,
};
pub use key::{CreateKeyBody, KeyBody, KeysBody, MadeKeyBody, RevokeKeyBody, RotateKeyBody};
pub use ladder::{KeepsBody, LadderBody, LevelBody, PutLadderBody, WindowBody};
pub use ledger_entry::{
    ChangeBody, EntryLotBody, EntryTierBody, EntryWithdrawalBody, ExplainedEntryBody,
    LedgerEntryBody,
};
pub use mark::{MarkBody, MarksBody, SetMarkBody};
pub use merger::{AccountMergedBody, MergeAccountBody};
pub use offer::{
    AccountOfferBody, AddStockBody, AttributesBody, CODES_BYTES_MAX, CloseOfferBody,
    CodeUploadBody, CountdownBody, GateBody, GatesBody, OFFER_BYTES_MAX, OfferBody, PageBody,
    PauseOfferBody, PeriodLimitsBody, PutOfferBody, RemoveStockBody, ReopenOfferBody,
    ResumeOfferBody, ShopperLimitBody, StockAdditionBody, StockRemovalBody, UploadCodesBody,
};
pub use operation::{
    OperationBody, OperationCallBody, OperationCallerBody, OperationEventBody, OperationOutcome,
};
pub use policy::{PolicyBody, PutPolicyBody};
pub use price::{ExpectedPriceBody, PriceBody, PutPriceBody};
pub use purchase::{
    CreditRefusedBody, EarnedOfUnitBody, PurchaseBody, PurchaseEarningBody, PurchaseLineBody,
    PurchaseOutcomeBody, PurchaseRecordedBody, PurchaseRefusalBody, PurchaseReturnedBody,
    PutPurchaseBody, PutPurchaseItemBody, PutPurchaseLineBody, PutPurchasesBody, RecordedLineBody,
    RecordedPurchasesBody, ReturnPurchaseBody, ReturnReversedBody, ReturnedLineBody, RoomBackBody,
    TakenBackBody, UnitPointsBody,
};
pub use receipt::{ReceiptBody, ReceiptEventBody};
pub use seal::{
    BalanceProofBody, PathNodeBody, SealBalancesBody, SealBody, SealProofBody, SealedTreesBody,
    SealedUnitBody,
};
pub use segment::{SegmentBody, SetSegmentBody};
pub use shipping_request::{
    BackOrderShipmentBody, DispatchParcelBody, DispatchShipmentBody, OverdueShippingRequestBody,
    ParcelBody, RejectShipmentBody, ReportShipmentBody, ResentShipmentBody, SettleShipmentBody,
    ShipmentAnswerBody, ShipmentDispatchedBody, ShipmentReportedBody, ShippedLineBody,
    ShippingLineBody, ShippingRequestBody,
};
pub use switch::{SwitchBody, SwitchesBody, TurnSwitchBody};
pub use tier::{
    AccountTierBody, GrantTierBody, GrantedTierBody, LadderAccountBody, LadderTierBody,
    NextTierBody, PutTierPriceBody, ReplacedGrantBody, RevokeGrantBody, TierGrantEndedBody,
    TierGrantedBody, TierPriceBody,
};
pub use total::{LiabilityBody, LiabilityMonthBody, Sum, TotalsBody};
pub use transfer::{CreditSentBody, TransferCreditBody};
pub use trial_balance::{TrialBalanceBody, UnitTrialBalanceBody};
pub use unit::{CloseUnitBody, PutUnitBody, UnitBody};
pub use wait::{
    JoinWaitingListBody, LeaveWaitingListBody, WaitBegunBody, WaitBody, WaitEndedBody, WaitStatus,
};

use serde::{Deserialize, Deserializer};

/// An optional field that is `null` is the same as one that is left out.
fn null_is_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// `Some` for a field that is there, also where it is `null`, if a `T` can be that.
fn present<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(from).map(Some)
}
