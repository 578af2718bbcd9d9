//! DECIDE: the pure state machine of one partition of the ledger.
//!
//! `decide(&State, &Command, now) -> Result<Decision, Refusal>` and
//! `State::evolve(place, recorded_at, &Event)` are plain synchronous functions. This crate knows
//! nothing of tokio, HTTP, SQL, clocks, randomness or logging: time and new ids come in with the
//! call. The invariants that it keeps are numbered in `docs/INVARIANTS.md`.
//!
//! In reading order:
//! - [`command`]: what can be asked for, one file per command with its rules in order of
//!   precedence; `draft` is a decision in the making, [`decision`] a finished one, [`original`]
//!   what a decision needs of long ago
//! - [`message`]: what partitions tell each other; [`receive()`] decides on a message, `sharing`
//!   adds what others are told to a decision, and `post` numbers it; [`shelves`] and [`offer_home`]
//!   share an offer's units out, and [`parked`] is what waits for them
//! - [`refusal`]: the answers that say no
//! - [`event`]: the facts that are recorded
//! - [`state`]: what the facts add up to; [`account`] (with `lots`, and `due` for what happens by
//!   itself), [`offer`], [`inventory`], [`code_pool`], [`recorded_ids`] and `schedule` are its
//!   parts
//! - [`shipment`]: how far a shipping request is
//! - [`policy`], [`earning_rule`], [`mod@unit`], [`conversion`], [`ladder`]: what an operator
//!   chooses; [`switch`] is what counts for all of the ledger at once; [`shopper_limit`] and
//!   [`segment`] are of an offer's terms; [`standing`] is where an account stands on ladders;
//!   [`grace`] follows from the policy, and [`cap_count`] is what a rule's cap counts
//! - [`amount`], [`ids`], [`short_id`], [`text`], [`day`], [`timestamp`], [`time_zone`]: types that
//!   carry their precondition

pub mod account;
pub mod amount;
pub mod cap_count;
pub mod code_pool;
pub mod command;
pub mod conversion;
mod counted;
pub mod day;
mod debts;
pub mod decision;
mod draft;
mod due;
pub mod earning_rule;
pub mod event;
pub mod grace;
pub mod ids;
pub mod inventory;
pub mod ladder;
mod lots;
mod merged;
pub mod message;
pub mod multiplier;
pub mod offer;
pub mod offer_home;
pub mod original;
pub mod page;
pub mod parked;
pub mod policy;
mod post;
pub mod price;
pub mod receive;
pub mod recorded_ids;
pub mod refusal;
mod schedule;
pub mod segment;
mod sharing;
pub mod shelves;
pub mod shipment;
pub mod shopper_limit;
pub mod short_id;
pub mod standing;
pub mod state;
pub mod subject;
pub mod switch;
mod tally;
pub mod text;
pub mod tier;
pub mod time_zone;
pub mod timestamp;
pub mod unit;

#[cfg(test)]
mod impossible;
#[cfg(test)]
mod known_bugs;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod several_units;

pub use account::{Account, Hold, OfferNumber, Pending, Wallet};
pub use amount::{AMOUNT_MAX, AmountError, Points, SumError, Units, optional_sum, sum};
pub use cap_count::{BACKDATE_DAYS_MAX, CapPeriod, CapRoom};
pub use code_pool::{CODES_OF_OFFER_MAX, CodeHash, CodePool};
pub use command::{Command, Owner, PROGRAMME_HOME, decide};
pub use conversion::{ConversionRate, ConversionTerms};
pub use day::{Day, DayError};
pub use decision::{Decision, Preview, PreviewedCost, StockChange, Wait};
pub use due::{Credit, DueStep, LiveHold};
pub use earning_rule::{
    Cap, CategoryRate, EarlierVersion, EarningRule, EarningTerms, ExpiryRule, Period, Rate,
};
pub use event::{
    AccountErased, AccountMerged, AccountMergerAbandoned, AccountMergerBegun, AccountOpened,
    AccountTakenOver, BalancesSealed, CapCount, CaptureRefund, Cause, CauseKind, Claim, Clock,
    ClockConfirmed, ClockDoubted, CodeAdded, CodesUploaded, ConversionRateClosed,
    ConversionRateSet, Counts, CountsPassedOn, CountsTakenOver, CreditConverted, CreditDeducted,
    CreditEarned, CreditExpired, CreditGivenBack, CreditHeld, CreditMatured, CreditReceived,
    CreditRefunded, CreditRefused, CreditReturned, CreditSent, CreditWithdrawn, DebtPassedOn,
    DebtRepaid, DebtTakenOver, EarningRuleSet, Event, ExchangeCancelled, ExchangeCreated, GrantEnd,
    GrantInForce, HoldCaptured, HoldExtended, HoldReleased, HoldSwapped, Keeps, LadderCounts,
    LadderSet, LimitCount, LogForked, LogOpened, LotId, LotPart, MessageReceived, MessageSent,
    Note, OfferAmended, OfferClosed, OfferOpened, OfferPaused, OfferReopened, OfferResumed,
    Ordered, ParcelLines, PolicyChanged, PurchaseEarning, PurchaseLine, PurchaseRecorded,
    PurchaseReturned, RULES_OF_PURCHASE_MAX, RateVersion, RefundCause, ReleaseReason,
    ReplacedGrant, Reservation, ReturnCreditGivenBack, ReturnReversed, ReturnedLine, RoomBack,
    RuleVersion, SaltsId, SealedBalances, SealedTrees, SealedUnit, SegmentSet, ShipmentDispatched,
    ShipmentReport, Shipped, ShippedLine, StockAdded, StockAmended, StockRemoved, SwitchTurned,
    TakenBack, TierChanged, TierEarned, TierGrantEnded, TierGranted, UnitClosed, UnitPoints,
    UnitSet, WaitBegun, WaitEnd, WaitEnded, WaitServed, WithdrawalCause, WithdrawalReversed,
};
pub use grace::{BackFor, Grace, with_grace};
pub use ids::{
    AccountId, AccountIdError, AdditionId, CancellationId, Category, CauseId, ConversionId,
    DispatchId, ErasureId, ExchangeId, ExtensionId, GrantId, HoldId, IdError, OfferId, ProductId,
    PurchaseId, Reference, RefundId, RemovalId, ReopeningId, ResumptionId, ReturnId, RuleId,
    SealId, TransferId, UploadId, WaitId, WarehouseId, WithdrawalId,
};
pub use inventory::{Allocation, Inventory};
pub use ladder::{
    CountPeriod, Downgrade, EarlierLadderTerms, KeptMonths, KeptMonthsError, KeptYears,
    KeptYearsError, LADDERS_MAX, LEVELS_MAX, Ladder, LadderId, LadderNumber, LadderTerms, Ladders,
    Level, Levels, LevelsError, Returns, TierId, TierNumber, Window, WindowMonths,
    WindowMonthsError, YearFrom, YearFromError,
};
pub use message::{
    CountsInTransit, CreditInTransit, DebtInTransit, ExchangeKey, Grant, Letter, MergedAccount,
    Message, MessageNumber, OfferShared, ProgrammeChange, ShelfCalledBack, ShelfDrained,
    ShelfGranted, Source, StockReturned, TransferStatus, UnitShared, WaitOf,
};
pub use multiplier::Multiplier;
pub use offer::{Offer, OfferPhase, OfferStatus, Terms};
pub use offer_home::{HomePhase, OfferHome, SCARCE_BELOW_UNITS, WIDE_FROM_UNITS};
pub use original::{
    CapturedCredit, EarnedCredit, OriginalCapture, OriginalCredit, OriginalEarning,
    OriginalExchange, OriginalPurchase, OriginalWithdrawal, Paid, WithdrawnCredit,
};
pub use page::{Page, PageHash, RemainingShown, RemainingShownError};
pub use parked::{
    GATE_BELIEVED_MICROS, Gates, INQUIRY_EXCHANGES_MAX, NotParked, PARKED_MAX, Parked,
    ParkedCommand,
};
pub use policy::{Policy, SpentCredit};
pub use price::{PRICES_MAX, Price, Prices, PricesError};
pub use receive::{Receipt, receive};
pub use recorded_ids::{AlreadyHashed, ByIdHash, IdHash, RecordedIds};
pub use refusal::{
    AskedUnits, Fact, NotOpen, OfUnit, Refusal, RefusalCode, RefusalCodeError, RefusalKind,
    RefusalRow, Whose,
};
pub use schedule::{AccountNumber, Due};
pub use segment::SegmentId;
pub use shelves::{Answers, Ask, Desk, Inquiry, Reply, answer};
pub use shipment::{PARCELS_MAX, Shipment, ShippingStatus};
pub use shopper_limit::{LimitDays, LimitPeriod, PeriodLimits};
pub use short_id::ShortIdError;
pub use standing::{
    HeldTier, PresentTier, Standing, StandingParts, Standings, TierStep, present_tiers,
};
pub(crate) use state::Waiter;
pub use state::{Cursor, Impossible, Merger, State, StateSize, Undelivered, Unwanted};
pub use subject::Subject;
pub use switch::{SwitchName, SwitchSetting, UnknownSwitch};
pub use text::{
    Actor, Attributes, CODE_BYTES_MAX, Carrier, Code, DeliverTo, Description, ExpressNo, ImageUrl,
    OfferName, Reason, TrackingUrl, UnitName,
};
pub use tier::{LadderTier, TIER_PRICES_MAX, TierPrice, TierPrices, TierPricesError};
pub use time_zone::{Calendar, TimeZone, UnknownTimeZone, ZonedTime, ZonedTimeError};
pub use timestamp::{Timestamp, TimestampError};
pub use unit::{DECIMALS_MAX, Decimals, DecimalsError, Unit, UnitId, UnitNumber, UnitTerms};
