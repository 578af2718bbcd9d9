//! Refusals: one row each in the table below, with its code, its kind, whether the same request
//! can succeed later, its fields and facts, and all of its texts. The table's order is the
//! precedence: the first row that applies is the answer, unless a command's file has another order.
//!
//! A refusal is an answer and not an event: a refused id is not remembered, and the same request
//! is decided again. HTTP statuses and problem pages follow from the rows, in the command API.
//!
//! The file is long because every refusal has its row here.

mod code;
mod fact;

pub use code::{RefusalCode, RefusalCodeError};
use fact::IntoFact;
pub use fact::{AskedUnits, Fact, NotOpen, OfUnit, Whose};

use crate::{
    AMOUNT_MAX, LadderId, LimitPeriod, Points, SegmentId, TierId, Timestamp, UnitId, Units,
};

/// A refusal of every kind, without the numbers of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalRow {
    /// The stable name that programs decide by.
    pub code: &'static str,
    /// What is wrong with the request, as HTTP's statuses distinguish it.
    pub kind: RefusalKind,
    /// Whether the very same request can succeed later.
    pub can_succeed_later: bool,
    /// A few words, without a full stop.
    pub title: &'static str,
    /// The condition, in full sentences; names facts and fields.
    pub meaning: &'static str,
    /// What the caller can do, in full sentences.
    pub remedy: &'static str,
    /// What a shop may tell its shopper, in full sentences without a word of this ledger's.
    pub shopper: &'static str,
}

/// What is wrong with a refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It conflicts with the state of the ledger.
    Conflict,
    /// It changes an existing resource without If-Match.
    PreconditionRequired,
    /// It would change another version than the present one.
    PreconditionFailed,
}

/// Makes the enum and the table out of the rows. `facts` lists the fields that programs get; one
/// with another name is written `name = value`.
macro_rules! refusals {
    ($(
        $(#[$doc:meta])*
        $name:ident $({ $($field:ident: $type:ty),+ })? {
            $code:literal, $kind:ident, can_succeed_later: $later:literal,
            facts: [$($fact:ident $(= $value:expr)?),*],
            title: $title:literal,
            sentence: $sentence:literal,
            meaning: $meaning:literal,
            remedy: $remedy:literal,
            shopper: $shopper:literal,
        }
    )*) => {
        /// Why a command is refused. Displayed, it is the sentence about this one case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[expect(missing_docs, reason = "a row's meaning explains its fields")]
        pub enum Refusal {
            $(
                $(#[$doc])*
                #[error($sentence)]
                $name $({ $($field: $type),+ })?,
            )*
        }

        impl Refusal {
            /// Every row, in order of precedence.
            pub const ROWS: &[RefusalRow] =
                &[$(row!($code, $kind, $later, $title, $meaning, $remedy, $shopper)),*];

            /// Its row.
            #[must_use]
            pub const fn row(&self) -> &'static RefusalRow {
                match self {
                    $(Self::$name { .. } => {
                        const { &row!($code, $kind, $later, $title, $meaning, $remedy, $shopper) }
                    })*
                }
            }

            /// The stable name that programs decide by.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                self.row().code
            }

            /// The facts behind the sentence, by name.
            #[must_use]
            pub fn facts(&self) -> Vec<(&'static str, Fact)> {
                match *self {
                    $(Self::$name { $($($field),+)? } => {
                        $($(let _ = $field;)+)?
                        let facts: &[Option<(&str, Fact)>] =
                            &[$(fact!($fact $(= $value)?)),*];
                        facts.iter().copied().flatten().collect()
                    })*
                }
            }
        }
    };
}

macro_rules! row {
    (
        $code:literal,
        $kind:ident,
        $later:literal,
        $title:literal,
        $meaning:literal,
        $remedy:literal,
        $shopper:literal
    ) => {
        RefusalRow {
            code: $code,
            kind: RefusalKind::$kind,
            can_succeed_later: $later,
            title: $title,
            meaning: concat!($meaning, " Nothing was recorded."),
            remedy: $remedy,
            shopper: $shopper,
        }
    };
}

macro_rules! fact {
    ($name:ident) => {
        fact!($name = $name)
    };
    ($name:ident = $value:expr) => {
        IntoFact::into_fact($value, stringify!($name))
    };
}

refusals! {
    /// The command would move the time of a log that goes by its commands beyond the wall clock.
    TimeAhead { wall: Timestamp } {
        "time-ahead", Conflict, can_succeed_later: true,
        facts: [now = wall],
        title: "Time is ahead of the clock",
        sentence: "occurred_at is in the future: it is {wall} now. This log takes its time from \
                   occurred_at, and its time can't go back.",
        meaning: "The log was opened with `--clock commands`, so `occurred_at` becomes its time, \
                  and `occurred_at` is more than a minute after `now`, the wall clock's time.",
        remedy: "Correct `occurred_at`. One wrong year would let all credit expire.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The command has no dry run.
    DryRunUnsupported {
        "dry-run-unsupported", Conflict, can_succeed_later: false,
        facts: [],
        title: "No dry run",
        sentence: "This command has no dry run; only a redemption has one.",
        meaning: "The request asks for a dry run of a command that has none. Only a redemption has one.",
        remedy: "Send the request without a dry run.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The account was merged into another. For a redemption, `sold-out` comes before.
    AccountMerged { whose: Whose } {
        "account-merged", Conflict, can_succeed_later: false,
        facts: [],
        title: "Account was merged into another",
        sentence: "{whose} was merged into another one, and nothing begins in it any more.",
        meaning: "The account was merged into another one. What it has done is still answered and \
                  decided under its id: repeats, and what becomes of its holds, exchanges, purchases \
                  and parcels. Nothing else begins in it. `merged_into` is the account that has it \
                  now; it is missing where the account is another shopper's: a transfer's \
                  recipient.",
        remedy: "Send the request for the account `merged_into`.",
        shopper: "This account is now a part of another one. Please use that one.",
    }
    /// An account can't be merged into itself.
    MergerIntoItself {
        "merger-into-itself", Conflict, can_succeed_later: false,
        facts: [],
        title: "Account would be merged into itself",
        sentence: "An account can't be merged into itself.",
        meaning: "The body's `into` is the account of the path.",
        remedy: "Send the other account as `into`.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The account that was to take another over doesn't exist.
    NewAccountUnknown {
        "new-account-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "New account doesn't exist",
        sentence: "The account that is to take the other one over doesn't exist: it was never \
                   opened, and has had neither credit nor a purchase.",
        meaning: "An account exists once it was opened, got credit, or a purchase was recorded for \
                  it. None of that has happened to the account `into`.",
        remedy: "Check `into`, or open that account first: PUT /v1/accounts/{account_id}.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// Another merger of one of both accounts is under way.
    MergerUnderWay {
        "merger-under-way", Conflict, can_succeed_later: true,
        facts: [],
        title: "Another merger is under way",
        sentence: "Another merger of one of the two accounts was begun and isn't done.",
        meaning: "Another merger was begun: of the account `into`, or of the account itself into a \
                  third one at the same time.",
        remedy: "Send the other merger again, which ends it. Then send this one for the account \
                 that is left.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// What is to be reversed made a debt that another account owes by now.
    DebtPassedOn {
        "debt-passed-on", Conflict, can_succeed_later: false,
        facts: [],
        title: "Another account owes the debt",
        sentence: "The withdrawal or return made a debt, which passed to another account when this \
                   one was merged into it.",
        meaning: "The withdrawal or return made the account owe something. The account was merged \
                  into another one, which owes that now, or has paid it.",
        remedy: "Adjust the credit of the account `merged_into` instead.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The account never had such a hold.
    HoldUnknown {
        "hold-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Hold doesn't exist",
        sentence: "The account has no hold with this id.",
        meaning: "No hold with this id was ever made on this account.",
        remedy: "Check the account id and the hold id, or hold credit first.",
        shopper: "We can't find this reservation of points.",
    }
    /// The hold was captured or released, by a caller or at its deadline.
    HoldEnded {
        "hold-ended", Conflict, can_succeed_later: false,
        facts: [],
        title: "Hold has ended",
        sentence: "The hold has ended: a caller captured or released it, or its deadline \
                   released it.",
        meaning: "A caller captured or released the hold, or its deadline released it. For a \
                  refund: it ended without a capture.",
        remedy: "Hold credit again, with a new hold id.",
        shopper: "The reservation of your points has ended. Please start again.",
    }
    /// There is no capture to refund.
    HoldNotCaptured {
        "hold-not-captured", Conflict, can_succeed_later: true,
        facts: [],
        title: "Hold was not captured",
        sentence: "The hold still runs and was not captured, so there is nothing to refund.",
        meaning: "The hold still runs: nothing of it was spent yet.",
        remedy: "Check the hold id. A hold that runs is released, not refunded.",
        shopper: "These points were only reserved, not used, so there is nothing to give back.",
    }
    /// The capture paid an exchange, which can be cancelled.
    CapturePaidExchange {
        "capture-paid-exchange", Conflict, can_succeed_later: false,
        facts: [],
        title: "Capture paid an exchange",
        sentence: "The capture paid an exchange. Cancel the exchange to refund it.",
        meaning: "The capture paid an exchange, whose credit comes back with its goods.",
        remedy: "Cancel the exchange with PUT \
                 /v1/accounts/{account_id}/exchanges/{exchange_id}/cancellations/{cancellation_id}. \
                 The hold names its `exchange_id`.",
        shopper: "To get these points back, cancel the order that they paid for.",
    }
    /// The capture's exchange id belongs to another exchange.
    ExchangeExists {
        "exchange-exists", Conflict, can_succeed_later: false,
        facts: [],
        title: "Exchange id already used",
        sentence: "The account has another exchange with this exchange_id.",
        meaning: "The account has another exchange with the capture's `exchange_id`.",
        remedy: "Use a new exchange id.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The hold keeps units of an offer, and is asked for something else.
    HoldReservesOffer {
        "hold-reserves-offer", Conflict, can_succeed_later: false,
        facts: [],
        title: "Hold reserves an offer",
        sentence: "The hold reserves units of an offer: it is captured for an exchange of that \
                   offer and quantity, and isn't extended.",
        meaning: "The hold was made with an `offer_id`. Its capture is for an exchange of just \
                  that offer and quantity, and its deadline stays.",
        remedy: "Capture it with an `exchange` of the offer and the quantity that it reserves, or \
                 release it and begin anew.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The account never had such a wait.
    WaitUnknown {
        "wait-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Wait doesn't exist",
        sentence: "The account has no wait with this id.",
        meaning: "No wait with this id was ever begun by this account.",
        remedy: "Check the account id and the wait id, or join the waiting list first.",
        shopper: "You aren't on this waiting list.",
    }
    /// The wait is over.
    WaitEnded {
        "wait-ended", Conflict, can_succeed_later: false,
        facts: [],
        title: "Wait has ended",
        sentence: "The wait has ended: the shopper got a unit, left the list, or let the deadline \
                   pass, or the offer is over.",
        meaning: "The wait is over: the shopper got a unit, left the list before, a unit was kept \
                  until its deadline, or the offer was closed or its window ended.",
        remedy: "Nothing needs to be done: read the wait for how it ended.",
        shopper: "You aren't on this waiting list any more.",
    }
    /// What is cancelled of an offer of codes doesn't come back.
    WaitingListUnsupported {
        "waiting-list-unsupported", Conflict, can_succeed_later: false,
        facts: [],
        title: "No waiting lists here",
        sentence: "There is no waiting list here: the offer hands out codes.",
        meaning: "The offer's `codes` is true: what is cancelled of it doesn't come back, and a \
                  code isn't kept for anybody.",
        remedy: "Ask for the offer again later; don't send this request again.",
        shopper: "There is no waiting list for this.",
    }
    /// There is no exchange to cancel.
    ExchangeUnknown {
        "exchange-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Exchange doesn't exist",
        sentence: "The account has no exchange with this id.",
        meaning: "No exchange with this id was made on this account. Another account may have one.",
        remedy: "Check the account id and the exchange id.",
        shopper: "We can't find this order.",
    }
    /// There is no purchase to return.
    PurchaseUnknown {
        "purchase-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Purchase doesn't exist",
        sentence: "The account has no purchase with this id.",
        meaning: "No purchase with this id was recorded on this account. Another account may have \
                  one.",
        remedy: "Check the account id and the purchase id.",
        shopper: "We can't find this purchase.",
    }
    /// There is no credit to withdraw.
    CreditUnknown {
        "credit-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Cause earned no credit",
        sentence: "The account has earned no credit for this cause.",
        meaning: "No credit was recorded on this account for a cause of this kind with this id.",
        remedy: "Check the account id, and the kind and id of the cause.",
        shopper: "We can't find the points for this.",
    }
    /// The purchase has no refused credit to be claimed.
    NothingToClaim {
        "nothing-to-claim", Conflict, can_succeed_later: false,
        facts: [],
        title: "No refused credit to claim",
        sentence: "The purchase has no refused credit that can be claimed: it earned its credit \
                   when it was recorded, it earns nothing, or all goods that earn something were \
                   returned.",
        meaning: "Without `points`, the request claims the credit that was refused when the \
                  purchase was recorded, and there is none: the purchase earned its credit then, \
                  it earns nothing, or all goods that earn something were returned.",
        remedy: "Read the purchase: `credit_refused` is there where credit was refused, and \
                 `points` is what it has earned.",
        shopper: "You already have all points for this purchase.",
    }
    /// All units of the exchange were cancelled before.
    AlreadyCancelled {
        "already-cancelled", Conflict, can_succeed_later: false,
        facts: [],
        title: "Exchange is wholly cancelled",
        sentence: "All units of the exchange were cancelled already.",
        meaning: "All units of the exchange were cancelled and refunded, by a shopper, an operator \
                  or the warehouse's rejection.",
        remedy: "Nothing needs to be done: read the exchange for what was refunded.",
        shopper: "This order is already cancelled, and you have your points back.",
    }
    /// All units of the purchase came back before.
    AlreadyReturned {
        "already-returned", Conflict, can_succeed_later: false,
        facts: [],
        title: "Purchase is wholly returned",
        sentence: "All units of the purchase were returned already.",
        meaning: "All units of all lines of the purchase were returned.",
        remedy: "Nothing needs to be done: read the purchase for what was returned.",
        shopper: "All of this purchase is already returned.",
    }
    /// There is no withdrawal to reverse.
    WithdrawalUnknown {
        "withdrawal-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Withdrawal doesn't exist",
        sentence: "The account has no withdrawal with this id.",
        meaning: "No withdrawal with this id was recorded on this account.",
        remedy: "Check the account id and the withdrawal id.",
        shopper: "We can't find this correction of your points.",
    }
    /// There is no return to reverse.
    ReturnUnknown {
        "return-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Return doesn't exist",
        sentence: "The purchase has no return with this id.",
        meaning: "No return with this id was recorded for this purchase of this account.",
        remedy: "Check the account id, the purchase id and the return id.",
        shopper: "We can't find this return.",
    }
    /// A parcel was delivered of which nobody told that it left.
    ParcelUnknown {
        "parcel-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Parcel doesn't exist",
        sentence: "No dispatch with this dispatch_id was reported for the shipping request.",
        meaning: "The request reports the delivery of one parcel, and no dispatch with its \
                  `dispatch_id` was reported.",
        remedy: "Report the parcel's dispatch first, or check the dispatch id.",
        shopper: "We don't know this parcel yet.",
    }
    /// The parcel has left.
    ExchangeDispatched {
        "exchange-dispatched", Conflict, can_succeed_later: false,
        facts: [],
        title: "Goods have left the warehouse",
        sentence: "The goods have left the warehouse: the exchange can't be cancelled, and the \
                   shipping request can't be rejected.",
        meaning: "Once all its goods were dispatched or delivered, an exchange can't be \
                  cancelled, and its shipping request can't be rejected.",
        remedy: "Ask the shopper to send the goods back, then adjust the credit.",
        shopper: "Your order is on its way, so it can't be cancelled any more.",
    }
    /// An operator settled the shipping request by hand.
    ShipmentSettled {
        "shipment-settled", Conflict, can_succeed_later: false,
        facts: [],
        title: "Shipping request settled by an operator",
        sentence: "An operator settled the shipping request by hand: nobody can reject it, and \
                   only an operator can cancel the exchange.",
        meaning: "An operator settled the shipping request by hand. Nobody can reject it any \
                  more, and only an operator can cancel the exchange.",
        remedy: "To refund the shopper, ask an operator to cancel the exchange.",
        shopper: "Please contact us about this order; it can't be cancelled here.",
    }
    /// What was exchanged is not shipped.
    HandedOver {
        "handed-over", Conflict, can_succeed_later: false,
        facts: [],
        title: "Exchange isn't shipped",
        sentence: "The exchange is of something that isn't shipped: it was handed over at once, and \
                   only an operator can cancel it.",
        meaning: "The offer's `ships` was false when the exchange was created, as for a code or a \
                  download. It was handed over at once, and only an operator can cancel it.",
        remedy: "To refund the shopper, ask an operator to cancel the exchange.",
        shopper: "You already have this, so it can't be cancelled here. Please contact us.",
    }
    /// The purchase or the shipping request has no such line.
    LineUnknown { line: u64 } {
        "line-unknown", Conflict, can_succeed_later: false,
        facts: [line],
        title: "Product isn't in the purchase or the shipping request",
        sentence: "Line {line} names a product that isn't in the purchase or the shipping request.",
        meaning: "A line of the return names a product that isn't in the purchase, or a line of \
                  the parcel one that isn't in the shipping request. `line` is its number, from 1.",
        remedy: "Name only products that are in the purchase or the shipping request.",
        shopper: "This product isn't a part of the order.",
    }
    /// The shipping request can't have more parcels.
    TooManyParcels { max: u64 } {
        "too-many-parcels", Conflict, can_succeed_later: false,
        facts: [max],
        title: "Too many parcels",
        sentence: "A shipping request can have at most {max} parcels, and this one has so many.",
        meaning: "A shipping request can have at most `max` parcels.",
        remedy: "Report the goods that are left as one parcel, under an id that you have not used \
                 yet, before the limit is reached. Beyond it, ask an operator to settle the \
                 request.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// More units are to come back than are left.
    QuantityTooLarge { left: Units, asked: AskedUnits } {
        "quantity-too-large", Conflict, can_succeed_later: false,
        facts: [left, asked],
        title: "More units than are left",
        sentence: "The request is for {asked}; {left} can still be cancelled or returned.",
        meaning: "Only `left` units can still be cancelled or returned, and the request is for \
                  `asked`. Without `asked`, the request is for all that are left, and `left` is 0.",
        remedy: "Ask for at most `left` units. Where `left` is 0, nothing needs to be done: all \
                 units of this line were returned before.",
        shopper: "The order doesn't have so many units left.",
    }
    /// The earning rule doesn't exist.
    RuleUnknown {
        "rule-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Earning rule doesn't exist",
        sentence: "The request has no `points`, and its earning rule doesn't exist.",
        meaning: "The request has no `points`, and its earning rule doesn't exist: the one that \
                  `rule` names, one of those that `rules` names, or `default`.",
        remedy: "Create the rule with PUT /v1/earning-rules/{rule_id}, or send `points`.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The request changes an account's segment that it didn't read.
    SegmentChanged { version: u64 } {
        "segment-changed", PreconditionFailed, can_succeed_later: false,
        facts: [version],
        title: "Segment has changed",
        sentence: "The account's segment has changed: its version is {version} now. Read it again.",
        meaning: "If-Match names an old version of the account's segment. `version` is the present \
                  one; 0 where nothing was said of it yet.",
        remedy: "Read the segment, decide again, and send its present ETag in If-Match.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The request changes an existing rule without If-Match.
    RuleExists { version: u64 } {
        "rule-exists", PreconditionRequired, can_succeed_later: false,
        facts: [version],
        title: "Earning rule exists with other terms",
        sentence: "The earning rule exists with other terms. To change version {version}, send \
                   If-Match: \"{version}\".",
        meaning: "An earning rule with this id exists, and differs from the body. `version` is its \
                  version.",
        remedy: "To change the rule, read it and send its ETag in If-Match. For a new rule, use \
                 another id.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The rule isn't at the version that the caller read.
    RuleChanged { version: u64 } {
        "rule-changed", PreconditionFailed, can_succeed_later: false,
        facts: [version],
        title: "Earning rule has changed",
        sentence: "The earning rule has changed: its version is {version} now. Read it again.",
        meaning: "If-Match names an old version of the rule. `version` is the present one.",
        remedy: "Read the rule, decide again, and send its present ETag in If-Match.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The request changes the unit of a rule.
    RuleFixed { unit: UnitId } {
        "rule-fixed", Conflict, can_succeed_later: false,
        facts: [unit],
        title: "A rule's unit can't change",
        sentence: "The earning rule gives the unit {unit}, which can't change.",
        meaning: "The body's `unit` isn't the rule's, which is `unit`. Credit was earned by the \
                  rule in its unit, and its cap counts in it.",
        remedy: "Send the rule's own `unit`, or make another rule.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The policy isn't at the version that the caller read.
    PolicyChanged { version: u64 } {
        "policy-changed", PreconditionFailed, can_succeed_later: false,
        facts: [version],
        title: "Policy has changed",
        sentence: "The policy has changed: its version is {version} now. Read it again.",
        meaning: "If-Match names an old version of the policy. `version` is the present one.",
        remedy: "Read the policy, decide again, and send its present ETag in If-Match.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The request changes an existing unit without If-Match.
    UnitExists { version: u64 } {
        "unit-exists", PreconditionRequired, can_succeed_later: false,
        facts: [version],
        title: "Unit exists with another name",
        sentence: "The unit exists with another name. To change the name of version {version}, send \
                   If-Match: \"{version}\".",
        meaning: "A unit with this id exists, and its `name` differs from the body's. `version` is \
                  its version.",
        remedy: "To change the unit's name, read the unit and send its ETag in If-Match. For a new \
                 unit, use another id.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The unit isn't at the version that the caller read.
    UnitChanged { version: u64 } {
        "unit-changed", PreconditionFailed, can_succeed_later: false,
        facts: [version],
        title: "Unit has changed",
        sentence: "The unit has changed: its version is {version} now. Read it again.",
        meaning: "If-Match names an old version of the unit. `version` is the present one.",
        remedy: "Read the unit, decide again, and send its present ETag in If-Match.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// More than the unit's name would change.
    UnitFixed { field: &'static str } {
        "unit-fixed", Conflict, can_succeed_later: false,
        facts: [field],
        title: "Only a unit's name can change",
        sentence: "The unit exists with another {field}, which can't change; only its name can. A \
                   field that the body leaves out has its default.",
        meaning: "A unit with this id exists, and the body's `spendable`, `decimals` or `time_zone` \
                  differs from the unit's: `field` is the first that does. Accounts have credit of \
                  the unit on these terms.",
        remedy: "Read the unit, and send its own `spendable`, `decimals` and `time_zone` with the \
                 new name. For other terms, make another unit.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// There are as many units as there can be.
    TooManyUnits { max: u64 } {
        "too-many-units", Conflict, can_succeed_later: false,
        facts: [max],
        title: "Too many units",
        sentence: "There are already {max} units, and there can't be more.",
        meaning: "There can be at most `max` units, the closed ones included.",
        remedy: "Use a unit that there is.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The unit that is there from the start stays open.
    UnitNotClosable {
        "unit-not-closable", Conflict, can_succeed_later: false,
        facts: [],
        title: "The unit points can't be closed",
        sentence: "The unit points can't be closed.",
        meaning: "The unit `points` is the one of every request that names none, so it stays open.",
        remedy: "Close another unit. To end the programme, close its offers and send no more credit.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The ladder doesn't exist.
    LadderUnknown { ladder: LadderId } {
        "ladder-unknown", Conflict, can_succeed_later: true,
        facts: [ladder],
        title: "Ladder doesn't exist",
        sentence: "There is no ladder {ladder}.",
        meaning: "The request names `ladder`, which doesn't exist.",
        remedy: "Check the ladder's id, or have an operator make the ladder.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The request changes an existing ladder without If-Match.
    LadderExists { version: u64 } {
        "ladder-exists", PreconditionRequired, can_succeed_later: false,
        facts: [version],
        title: "Ladder exists with other terms",
        sentence: "The ladder exists with other terms. To change version {version}, send \
                   If-Match: \"{version}\".",
        meaning: "A ladder with this id exists, and its terms differ from the body. `version` is \
                  its version.",
        remedy: "To amend it, read the ladder and send its ETag in If-Match. For a new ladder, use \
                 another id.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The ladder isn't at the version that the caller read.
    LadderChanged { version: u64 } {
        "ladder-changed", PreconditionFailed, can_succeed_later: false,
        facts: [version],
        title: "Ladder has changed",
        sentence: "The ladder has changed. It is at version {version} now.",
        meaning: "If-Match names another version than the ladder's present one, which is `version`.",
        remedy: "Read the ladder, apply your change to it, and send it with the new ETag.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// Accounts were judged by what would change.
    LadderFixed {
        "ladder-fixed", Conflict, can_succeed_later: false,
        facts: [],
        title: "This part of a ladder can't change",
        sentence: "A ladder's unit, window and adjustments can't change, and none of its tiers can \
                   go, get another name, or another place among the others.",
        meaning: "The body has another `unit`, `window` or `adjustments` than the ladder, or lacks \
                  one of its tiers, or has them in another order. `levels` may get more tiers and \
                  begin elsewhere; `keeps`, `downgrade` and `returns` can change.",
        remedy: "Send these as they are, or make another ladder.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// There are as many ladders as there can be.
    TooManyLadders { max: u64 } {
        "too-many-ladders", Conflict, can_succeed_later: false,
        facts: [max],
        title: "Too many ladders",
        sentence: "There are already {max} ladders, and there can't be more.",
        meaning: "There can be at most `max` ladders.",
        remedy: "Amend a ladder that there is.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The ladder has no such tier.
    TierUnknown { ladder: LadderId, tier: TierId } {
        "tier-unknown", Conflict, can_succeed_later: true,
        facts: [ladder, tier],
        title: "Tier doesn't exist",
        sentence: "The ladder {ladder} has no tier {tier}.",
        meaning: "The request names `tier`, which `ladder` doesn't have.",
        remedy: "Check the tier's id, or amend the ladder.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// No such tier was granted to the account.
    GrantUnknown {
        "grant-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Grant doesn't exist",
        sentence: "The account has no grant with this id on this ladder.",
        meaning: "No grant with this id was ever made to this account on this ladder.",
        remedy: "Check the ids of the account, the ladder and the grant.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The grant ended by its time, or another took its place.
    GrantEnded {
        "grant-ended", Conflict, can_succeed_later: false,
        facts: [],
        title: "Grant has ended",
        sentence: "The grant has ended: its time is over, or another grant has taken its place.",
        meaning: "The grant's time is over, or another grant has taken its place.",
        remedy: "Nothing is left to revoke. Look at the account's tiers for the grant in force.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The offer doesn't exist.
    OfferUnknown {
        "offer-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Offer doesn't exist",
        sentence: "The offer that the request's offer_id names doesn't exist.",
        meaning: "The body's `offer_id` names an offer that doesn't exist.",
        remedy: "Check the offer id, or ask an operator to open the offer.",
        shopper: "We don't have this offer.",
    }
    /// The request changes an existing offer without If-Match.
    OfferExists { version: u64 } {
        "offer-exists", PreconditionRequired, can_succeed_later: false,
        facts: [version],
        title: "Offer exists with other terms",
        sentence: "The offer exists with other terms, or was opened with another stock. To change \
                   version {version}, send If-Match: \"{version}\".",
        meaning: "An offer with this id exists, and its terms or the stock that it was opened with \
                  differ from the body. `version` is its version.",
        remedy: "To change some terms, read the offer and send them with PATCH and its ETag in \
                 If-Match. For a new offer, use another id.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The offer isn't at the version that the caller read.
    OfferChanged { version: u64 } {
        "offer-changed", PreconditionFailed, can_succeed_later: false,
        facts: [version],
        title: "Offer has changed",
        sentence: "The offer has changed: its version is {version} now. Read it again.",
        meaning: "If-Match names an old version of the offer. `version` is the present one.",
        remedy: "Read the offer, decide again, and send its present ETag in If-Match.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// An open offer is to be reopened.
    OfferNotClosed {
        "offer-not-closed", Conflict, can_succeed_later: true,
        facts: [],
        title: "Offer isn't closed",
        sentence: "The offer isn't closed, so it can't be reopened.",
        meaning: "A reopening is for an offer that was closed.",
        remedy: "Nothing needs to be done: the offer takes redemptions within its window.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// There is nothing to resume.
    OfferNotPaused {
        "offer-not-paused", Conflict, can_succeed_later: true,
        facts: [],
        title: "Offer isn't paused",
        sentence: "The offer isn't paused, so it can't be resumed.",
        meaning: "A resumption is for an offer that is paused.",
        remedy: "Nothing needs to be done, unless the offer was closed: then reopen it.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// A closed offer can't be changed.
    OfferClosed { at: Timestamp } {
        "offer-closed", Conflict, can_succeed_later: false,
        facts: [closed_at = at],
        title: "Offer is closed",
        sentence: "The offer was closed at {at} and can't be changed.",
        meaning: "The offer was closed at `closed_at`. A closed offer can't be changed.",
        remedy: "Reopen the offer with PUT /v1/offers/{offer_id}/reopenings/{reopening_id}, or open \
                 another one.",
        shopper: "This offer has ended.",
    }
    /// An offer's codes are for ever, or never.
    CodesFixed {
        "codes-fixed", Conflict, can_succeed_later: false,
        facts: [],
        title: "Offer stays of codes or without",
        sentence: "An amendment can't change whether an offer hands out codes. Send the field \
                   codes as the offer has it, or open another offer.",
        meaning: "The body's `codes` is another than the offer's. It is chosen at the opening, for \
                  good.",
        remedy: "Send `codes` as the offer has it, or open another offer.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The stock of an offer of codes isn't set by hand.
    StockOfCodes {
        "stock-of-codes", Conflict, can_succeed_later: false,
        facts: [],
        title: "Stock is the number of codes",
        sentence: "The offer hands out codes, and its stock is the number of them: it can't be set, \
                   added to or taken from. Upload codes.",
        meaning: "The offer's `codes` is true. Its stock is the number of codes that were uploaded, \
                  and changes by uploads only.",
        remedy: "Leave `stock` out. To have more, upload codes with PUT \
                 /v1/offers/{offer_id}/code-uploads/{upload_id}; to hand out no more, pause the \
                 offer or close it.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The offer hands out no codes.
    OfferWithoutCodes {
        "offer-without-codes", Conflict, can_succeed_later: false,
        facts: [],
        title: "Offer hands out no codes",
        sentence: "The offer hands out no codes: it is of something that is shipped, or handed over \
                   otherwise.",
        meaning: "Codes are for an offer that was opened with `codes` true. This one wasn't.",
        remedy: "Check the offer's id, or open an offer with `codes` true.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The offer has had the code.
    CodeKnown { index: u64 } {
        "code-known", Conflict, can_succeed_later: false,
        facts: [index],
        title: "Code was uploaded before",
        sentence: "codes[{index}] was uploaded to this offer before, or stands earlier in the same \
                   upload.",
        meaning: "The code at `index` of the body's `codes`, counted from 0, is one that the offer \
                  has had, also where it was handed out since; or it stands earlier in the same \
                  body. None of the codes was taken.",
        remedy: "Leave the code out, and send the others. Look for what else of the list was \
                 uploaded before.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// An amendment would change the number of a limited stock.
    StockNotAmendable { stock: Option<Units> } {
        "stock-not-amendable", Conflict, can_succeed_later: false,
        facts: [stock],
        title: "An amendment can't change the number in stock",
        sentence: "An amendment can make the stock limited or unlimited, but can't change its \
                   number. Leave stock out, and send a stock addition or a stock removal.",
        meaning: "The offer's stock is limited, and the body's `stock` is another number. The fact \
                  `stock` is the offer's.",
        remedy: "Leave `stock` out. Add units with PUT \
                 /v1/offers/{offer_id}/stock-additions/{addition_id}, or take some away with PUT \
                 /v1/offers/{offer_id}/stock-removals/{removal_id}.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// Units can't be added to an unlimited stock.
    StockUnlimited {
        "stock-unlimited", Conflict, can_succeed_later: false,
        facts: [],
        title: "Offer's stock is unlimited",
        sentence: "The offer's stock is unlimited, so no units can be added or taken away.",
        meaning: "A stock addition or removal needs a limited stock.",
        remedy: "To add units, nothing needs to be done: an unlimited offer can't sell out. To limit \
                 the stock, amend the offer's `stock`.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// More is sold than the stock would be.
    StockSold { sold: Units } {
        "stock-sold", Conflict, can_succeed_later: true,
        facts: [sold],
        title: "Stock can't be less than what is sold",
        sentence: "The stock would be less than the {sold} units that are sold.",
        meaning: "The removal or the amendment would leave fewer units than are `sold`. Cancelled \
                  units don't count as sold.",
        remedy: "Take fewer units away, or limit the stock to at least the units that are `sold`.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// Less is left than was asked for.
    SoldOut { remaining: Units, asked: Units } {
        "sold-out", Conflict, can_succeed_later: true,
        facts: [remaining, asked],
        title: "Sold out",
        sentence: "The offer has {remaining} units left; the request is for {asked}.",
        meaning: "The request is for `asked` units, and the offer has only `remaining` left.",
        remedy: "Ask for fewer, or send the same request again after stock was added.",
        shopper: "Sold out. Please look at our other offers.",
    }
    /// The offer takes no redemptions now.
    OfferNotOpen { why: NotOpen } {
        "offer-not-open", Conflict, can_succeed_later: true,
        facts: [reason = why.reason(), why],
        title: "Offer isn't open",
        sentence: "{why}",
        meaning: "The offer takes no redemptions now. `reason` says why: it is `scheduled` and \
                  opens at `opens_at`, was `paused` at `paused_at`, has `ended` at `closes_at`, or \
                  was `closed` at `closed_at`.",
        remedy: "Before `opens_at`: send the same request again at that time. While it is paused: \
                 try again later. After `closes_at` or `closed_at`: choose another offer.",
        shopper: "This offer isn't open at the moment.",
    }
    /// The offer is for those with a tier that the account doesn't have.
    TierRequired { ladder: LadderId, tier: TierId, own: Option<TierId>, until: Option<Timestamp> } {
        "tier-required", Conflict, can_succeed_later: true,
        facts: [ladder, tier, own, until],
        title: "Offer is for a higher tier",
        sentence: "The offer is for the tier {tier} of the ladder {ladder}, or a higher one.",
        meaning: "The offer is for accounts that have the `tier` of the `ladder`, or a higher one. \
                  This account has the tier `own` until `until`; without them, none, or none that \
                  ends.",
        remedy: "Show the shopper what is missing: the account's `tiers` have it. Send the same \
                 request again once the account has the tier.",
        shopper: "This offer is for members of a higher level.",
    }
    /// The offer is for those with a label that the account doesn't have.
    SegmentRequired { segment: SegmentId } {
        "segment-required", Conflict, can_succeed_later: true,
        facts: [segment],
        title: "Offer is for a segment",
        sentence: "The offer is for accounts of the segment {segment}.",
        meaning: "The offer is for accounts of the `segment`, and this account isn't one of them.",
        remedy: "Choose another offer. To let the account have it, add the account to the segment \
                 with PUT /v1/accounts/{account_id}/segments/{segment}.",
        shopper: "This offer isn't for your account.",
    }
    /// The unit doesn't exist.
    UnitUnknown { unit: UnitId } {
        "unit-unknown", Conflict, can_succeed_later: true,
        facts: [unit],
        title: "Unit doesn't exist",
        sentence: "The request names the unit {unit}, which doesn't exist.",
        meaning: "The request names a `unit` that doesn't exist.",
        remedy: "Check the unit, or have an operator make it with PUT /v1/units/{unit}.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// Nothing more comes into being of the unit.
    UnitClosed { unit: UnitId, at: Timestamp } {
        "unit-closed", Conflict, can_succeed_later: false,
        facts: [unit, closed_at = at],
        title: "Unit is closed",
        sentence: "The unit {unit} was closed at {at}: nothing more is earned of it.",
        meaning: "The `unit` was closed at `closed_at`. What accounts have of it can be spent, and \
                  nothing more is earned, added by hand or converted into it. No conversion rate \
                  that is set may name it.",
        remedy: "Use another unit.",
        shopper: "No more points of this kind are given.",
    }
    /// The unit counts, and can't be spent.
    UnitNotSpendable { unit: UnitId } {
        "unit-not-spendable", Conflict, can_succeed_later: false,
        facts: [unit],
        title: "Unit can't be spent",
        sentence: "The unit {unit} can't be spent, held, passed on or converted.",
        meaning: "The `unit` was made with `spendable` false: it can't be redeemed, held, passed on \
                  or converted.",
        remedy: "Use a unit whose `spendable` is true.",
        shopper: "Points of this kind can't be spent.",
    }
    /// Credit of one unit is asked for where it is of another.
    UnitMismatch { unit: UnitId, asked: UnitId } {
        "unit-mismatch", Conflict, can_succeed_later: false,
        facts: [unit, asked],
        title: "Credit is of another unit",
        sentence: "The credit is of the unit {unit}, and the request needs {asked}.",
        meaning: "The credit is of `unit`, and the request is for `asked`: a cause earned another \
                  unit than the withdrawal or the claim names, or a hold keeps another unit than \
                  the offer costs.",
        remedy: "For a withdrawal or a claim, send `unit`. For a capture, hold credit of the unit \
                 that the offer costs.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// Two rules of a purchase give the same unit.
    UnitRepeated { unit: UnitId } {
        "unit-repeated", Conflict, can_succeed_later: true,
        facts: [unit],
        title: "Two rules give the same unit",
        sentence: "Two of the request's rules give the unit {unit}; each must give another.",
        meaning: "Two of the earning rules that `rules` names give the `unit`. A purchase earns each \
                  unit by one rule.",
        remedy: "Name one rule of each unit.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// There is no such conversion rate.
    RateUnknown { from: UnitId, to: UnitId } {
        "rate-unknown", Conflict, can_succeed_later: true,
        facts: [from, to],
        title: "Conversion rate doesn't exist",
        sentence: "There is no conversion rate from {from} to {to}.",
        meaning: "No operator has set a rate by which `from` becomes `to`.",
        remedy: "Check both units, or have an operator set the rate with PUT \
                 /v1/conversion-rates/{from}/{to}.",
        shopper: "These points can't be turned into the others.",
    }
    /// Nothing more is converted by the rate.
    RateClosed { from: UnitId, to: UnitId, at: Timestamp } {
        "rate-closed", Conflict, can_succeed_later: false,
        facts: [from, to, closed_at = at],
        title: "Conversion rate is closed",
        sentence: "The conversion rate from {from} to {to} was closed at {at}.",
        meaning: "The rate by which `from` becomes `to` was closed at `closed_at`, for good: nothing \
                  more is converted by it, and it can't be changed.",
        remedy: "Convert into another unit.",
        shopper: "These points can't be turned into the others any more.",
    }
    /// The request changes an existing conversion rate without If-Match.
    RateExists { version: u64 } {
        "rate-exists", PreconditionRequired, can_succeed_later: false,
        facts: [version],
        title: "Conversion rate exists with other terms",
        sentence: "The conversion rate exists with other terms. To change version {version}, send \
                   If-Match: \"{version}\".",
        meaning: "A conversion rate of these units exists, and differs from the body. `version` is \
                  its version.",
        remedy: "To change the rate, read it and send its ETag in If-Match.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The conversion rate isn't at the version that the caller read.
    RateChanged { version: u64 } {
        "rate-changed", PreconditionFailed, can_succeed_later: false,
        facts: [version],
        title: "Conversion rate has changed",
        sentence: "The conversion rate has changed: its version is {version} now. Read it again.",
        meaning: "If-Match names an old version of the conversion rate. `version` is the present \
                  one.",
        remedy: "Read the rate, decide again, and send its present ETag in If-Match.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// More points are to be captured, refunded or withdrawn than are left.
    PointsTooLarge { unit: UnitId, left: Points, asked: Points } {
        "points-too-large", Conflict, can_succeed_later: false,
        facts: [unit, left, asked],
        title: "More points than are left",
        sentence: "The request is for {asked} {unit}; {left} are left.",
        meaning: "The request is for `asked` of the `unit`, and `left` are left: a capture of more \
                  than the hold has, a refund of more than the capture spent that isn't refunded \
                  yet, or a withdrawal of more than the cause's credit has that isn't withdrawn \
                  yet.",
        remedy: "Ask for at most `left`.",
        shopper: "There aren't so many points left to give back or to use.",
    }
    /// No whole step of the rate, or less than its minimum, is to be converted.
    PointsTooSmall { unit: UnitId, least: Points, asked: Points } {
        "points-too-small", Conflict, can_succeed_later: true,
        facts: [unit, least, asked],
        title: "Fewer points than can be converted",
        sentence: "The request is to convert {asked} {unit}, and {least} is the least that can be \
                   converted.",
        meaning: "The request is to convert `asked` of the `unit`, and the rate converts `least` or \
                  more: one whole step of it, and at least its `minimum`.",
        remedy: "Convert at least `least` points.",
        shopper: "These are too few points to turn them into others.",
    }
    /// The credit would have expired before it was given.
    ExpiryPassed { now: Timestamp } {
        "expiry-passed", Conflict, can_succeed_later: false,
        facts: [now],
        title: "Credit would have expired already",
        sentence: "expires_at isn't after now, {now}: the credit would expire at once.",
        meaning: "The credit's `expires_at` isn't after `now`, the ledger's time.",
        remedy: "Send a future `expires_at`, or leave it out. To import history by its own time, \
                 use a log that was opened with `--clock commands`.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The time zone of the rule or the offer isn't known to this build.
    TimeZoneUnknown {
        "time-zone-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Time zone isn't known",
        sentence: "The time_zone of the rule or the offer isn't known to this version of the \
                   ledger.",
        meaning: "The rule or the offer was set by a version of the ledger that knew its \
                  `time_zone`; this version doesn't.",
        remedy: "Set the rule or the offer with another name of the time zone, or run a version \
                 that knows it.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The credit is more than the policy allows for one.
    EarningTooLarge { unit: UnitId, max: Points, asked: Points } {
        "earning-too-large", Conflict, can_succeed_later: true,
        facts: [unit, max, asked],
        title: "Credit is over the policy's limit",
        sentence: "The credit is {asked} {unit}; the policy allows {max} for one.",
        meaning: "The credit is `asked` of the `unit`, and the policy's `earning_points_max`, which \
                  is for every unit, is `max`: one purchase, other cause or adjustment can't earn \
                  more.",
        remedy: "Correct the points. If they are right, have an operator raise the policy's \
                 `earning_points_max`.",
        shopper: "These points need a check by us first. Please contact us.",
    }
    /// A sum or product would exceed the largest amount.
    AmountTooLarge { what: &'static str, unit: OfUnit } {
        "amount-too-large", Conflict, can_succeed_later: true,
        facts: [unit, max = AMOUNT_MAX],
        title: "Amount too large",
        sentence: "The largest amount is {AMOUNT_MAX}, and {what}{unit} would exceed it.",
        meaning: "A sum or product would exceed `max`, the largest amount. It is of the `unit`; \
                  without one, it counts goods, or prices of several units.",
        remedy: "Send smaller amounts or quantities. Where the account's credit is too large, the \
                 same request succeeds once some is spent.",
        shopper: "The amount is too large. Please choose a smaller one.",
    }
    /// The cost, or what comes of a conversion, isn't what the caller expects.
    PriceChanged { what: &'static str, unit: UnitId, needed: Points, expected: Points } {
        "price-changed", Conflict, can_succeed_later: true,
        facts: [unit, needed, expected],
        title: "Price has changed",
        sentence: "{what} {needed} {unit}, not the expected {expected}.",
        meaning: "The cost is `needed` of the `unit`, or a conversion gives so much of it, and by \
                  the body's `expected_points` or `expected_prices` it is `expected`; 0 stands \
                  for a unit that one side doesn't name. Of several units it is the first that \
                  differs.",
        remedy: "Show the shopper the present number, and send it as `expected_points` or, of \
                 several units, as `expected_prices`.",
        shopper: "The price has changed. Please look at the new one before you go on.",
    }
    /// The goods are to be shipped, and nobody said where.
    DeliverToMissing {
        "deliver-to-missing", Conflict, can_succeed_later: true,
        facts: [],
        title: "Address is missing",
        sentence: "The offer is shipped, and the request has no deliver_to.",
        meaning: "The offer's `ships` is true, and the body has no `deliver_to`.",
        remedy: "Send the address, or a reference to one, as `deliver_to`.",
        shopper: "Please tell us where to send it.",
    }
    /// An exchange of an offer of codes has one.
    OneCodeAtATime { asked: Units } {
        "one-code-at-a-time", Conflict, can_succeed_later: false,
        facts: [asked],
        title: "One code at a time",
        sentence: "The offer hands out codes, one for each exchange; the request is for {asked}.",
        meaning: "The offer's `codes` is true, and the body's `quantity` is more than 1.",
        remedy: "Send `quantity` 1. For more codes, send more exchanges, each under an id of its own.",
        shopper: "You can get one of these at a time.",
    }
    /// Codes aren't reserved.
    CodesNotReserved {
        "codes-not-reserved", Conflict, can_succeed_later: false,
        facts: [],
        title: "Codes can't be reserved",
        sentence: "The offer hands out codes, which can't be reserved: redeem it, or hold credit \
                   without offer_id.",
        meaning: "The offer's `codes` is true, and the hold would reserve units of it.",
        remedy: "Redeem the offer at once, or hold the credit without `offer_id` and capture it for an \
                 exchange of the offer.",
        shopper: "This can't be set aside for you. Please take it right away.",
    }
    /// The account doesn't exist.
    AccountUnknown {
        "account-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Account doesn't exist",
        sentence: "The account doesn't exist: it was never opened, and has had neither credit nor \
                   a purchase.",
        meaning: "An account exists once it was opened, got credit, or a purchase was recorded for \
                  it. None of that has happened to this account.",
        remedy: "Check the account id, or open the account (PUT /v1/accounts/{account_id}) or give \
                 it credit.",
        shopper: "You don't have any points yet.",
    }
    /// Goods of an account that is to be erased haven't left.
    GoodsUnshipped { requests: u64 } {
        "goods-unshipped", Conflict, can_succeed_later: true,
        facts: [requests],
        title: "Goods aren't shipped",
        sentence: "Shipping requests of the account have goods that haven't left: {requests}. \
                   Without the address they can't be shipped.",
        meaning: "Shipping requests of the account have goods that haven't left; `requests` says how \
                  many. Their warehouses still need the addresses that would be erased.",
        remedy: "Wait until the goods have left, or have the requests cancelled, rejected or \
                 settled. GET /v1/shipping-requests?account_id={account_id} lists them.",
        shopper: "Something is still on its way to you. We can erase your data once it has left.",
    }
    /// The recipient's account doesn't exist.
    RecipientUnknown {
        "recipient-unknown", Conflict, can_succeed_later: true,
        facts: [],
        title: "Recipient's account doesn't exist",
        sentence: "The recipient's account doesn't exist: it was never opened, and has had neither \
                   credit nor a purchase.",
        meaning: "An account exists once it was opened, got credit, or a purchase was recorded for \
                  it. None of that has happened to the recipient's account.",
        remedy: "Check the recipient's id, or open the recipient's account first: PUT \
                 /v1/accounts/{account_id}.",
        shopper: "We can't find the person whom you want to give points to.",
    }
    /// The hold would end too early or too late.
    DeadlineOutOfRange { after: Timestamp, latest: Timestamp } {
        "deadline-out-of-range", Conflict, can_succeed_later: true,
        facts: [after, latest],
        title: "Deadline out of range",
        sentence: "The deadline must be after {after}, and {latest} at the latest.",
        meaning: "The deadline isn't after `after`: now for a new hold, the present deadline for \
                  an extension. Or it is after `latest`: 30 days after the hold was made.",
        remedy: "Send a deadline after `after`, and not after `latest`. If there is no such time, \
                 hold credit again.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The reservation would last longer than its offer.
    ReservationPastOffer { closes_at: Timestamp } {
        "reservation-past-offer", Conflict, can_succeed_later: true,
        facts: [closes_at],
        title: "Reservation past its offer's end",
        sentence: "The offer ends at {closes_at}, and the deadline is after that.",
        meaning: "The deadline of the reservation is after `closes_at`, the end of its offer.",
        remedy: "Send a deadline that isn't after `closes_at`.",
        shopper: "This offer ends too soon to be reserved for so long.",
    }
    /// A grant would end in the past, or too late.
    UntilOutOfRange { after: Timestamp, latest: Timestamp } {
        "until-out-of-range", Conflict, can_succeed_later: true,
        facts: [after, latest],
        title: "End of the grant out of range",
        sentence: "until must be after {after}, and {latest} at the latest.",
        meaning: "The time `until` isn't after `after`, which is now, or it is after `latest`: \
                  five years from now.",
        remedy: "Send an `until` after `after`, and not after `latest`.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The credit would have expired before it could be spent.
    NeverMatures { available_at: Timestamp, expires_at: Timestamp } {
        "never-matures", Conflict, can_succeed_later: true,
        facts: [available_at, expires_at],
        title: "Credit would expire while it is pending",
        sentence: "The credit would become available at {available_at}, but it would have expired \
                   by then, at {expires_at}.",
        meaning: "The credit would become available at `available_at`, and expire at \
                  `expires_at`, which isn't later. Nobody could spend it.",
        remedy: "Send an `available_at` or `expires_at` with the purchase or the claim, or change \
                 the rule's `pending_days` or `expiry`.",
        shopper: "Something went wrong on our side. No points were used.",
    }
    /// The account can't have more parts of lots, or more holds.
    AccountFull { what: &'static str, max: u64 } {
        "account-full", Conflict, can_succeed_later: true,
        facts: [max],
        title: "Account is full",
        sentence: "An account can have at most {max} {what}, and this one would have more.",
        meaning: "An account can have at most 10,000 parts of lots and 1,000 holds. `max` is the \
                  limit that the request would exceed.",
        remedy: "Spend credit or release holds first, earn in larger lots, or move fewer points at \
                 a time.",
        shopper: "Your account can't take any more points at the moment.",
    }
    /// The shopper would have more of the offer than one shopper may.
    ShopperLimitReached {
        limit: Units,
        taken: Units,
        asked: Units,
        period: LimitPeriod,
        renews_at: Option<Timestamp>
    } {
        "shopper-limit-reached", Conflict, can_succeed_later: true,
        facts: [limit, taken, asked, period, renews_at],
        title: "Shopper limit reached",
        sentence: "The offer allows {limit} units for each shopper{period}; this shopper has \
                   {taken} and requests {asked} more.",
        meaning: "The offer allows `limit` units for each shopper in a `period`, which is `day`, \
                  `week`, `month` or `ever`; this shopper has `taken` and requests `asked` more. \
                  The next period begins at `renews_at`; without it, none does.",
        remedy: "Ask for fewer, send the same request again at `renews_at`, or choose another \
                 offer.",
        shopper: "You already have as many of these as one person can get.",
    }
    /// The shopper waits for the offer already.
    AlreadyWaiting {
        "already-waiting", Conflict, can_succeed_later: true,
        facts: [],
        title: "Already on the waiting list",
        sentence: "The account waits for this offer already.",
        meaning: "The account is on the offer's waiting list by another wait, or a unit is kept \
                  for it. A shopper waits for one unit at a time.",
        remedy: "Read the wait that there is. Once it has ended, the shopper can join again.",
        shopper: "You are on this waiting list already.",
    }
    /// There is nothing to wait for.
    NotSoldOut {
        "not-sold-out", Conflict, can_succeed_later: true,
        facts: [],
        title: "Offer isn't sold out",
        sentence: "The offer isn't sold out: a unit can be redeemed now.",
        meaning: "A unit of the offer is left for this shopper, so there is nothing to wait for.",
        remedy: "Redeem the offer.",
        shopper: "Good news: you can get this right now.",
    }
    /// So many wait that another one would hardly get anything.
    WaitingListFull { max: u64 } {
        "waiting-list-full", Conflict, can_succeed_later: true,
        facts: [max],
        title: "Waiting list is full",
        sentence: "The offer's waiting list is full: {max} shoppers are on it.",
        meaning: "The offer has `max` places: so many shoppers wait for it, or have a unit kept.",
        remedy: "Try again later: there is room once somebody got a unit or left the list.",
        shopper: "Too many are waiting for this already. Please try again later.",
    }
    /// There isn't enough credit.
    InsufficientCredit { unit: UnitId, needed: Points, available: Points } {
        "insufficient-credit", Conflict, can_succeed_later: true,
        facts: [unit, needed, available],
        title: "Not enough credit",
        sentence: "The request needs {needed} {unit}; {available} are available.",
        meaning: "The request needs `needed` of the `unit`, and only `available` are available: on \
                  the account or, for a capture, in the hold.",
        remedy: "Send the same request again when the account has more credit. A hold gets no more \
                 credit: capture for fewer units, or release it and hold more.",
        shopper: "You don't have enough points for this.",
    }
    /// Spent credit is to be withdrawn, and the policy allows no debt.
    CreditAlreadySpent { unit: UnitId, left: Points, asked: Points } {
        "credit-already-spent", Conflict, can_succeed_later: true,
        facts: [unit, left, asked],
        title: "Credit already spent",
        sentence: "The request withdraws {asked} {unit}, but only {left} are left: the rest was \
                   spent or is held, and the policy doesn't allow debt.",
        meaning: "The request withdraws `asked` of the `unit`, but only `left` are left: the rest \
                  was spent or is held. The policy's `spent_credit` is `refuse`, so the account \
                  can't owe them.",
        remedy: "Withdraw at most `left`, or set the policy's `spent_credit` to `debt` or \
                 `forgive`.",
        shopper: "These points were already used, so they can't be taken back.",
    }
    /// The log can't take all that the command would record in one append.
    TooMuchAtOnce {
        "too-much-at-once", Conflict, can_succeed_later: true,
        facts: [],
        title: "Too much for one append to the log",
        sentence: "The request would record more than this ledger's log takes at once.",
        meaning: "What the request would record is larger than one append to this ledger's log can \
                  be, because it concerns too many parts of lots or has too many lines.",
        remedy: "Send a request for fewer points or with fewer lines. If what has fallen due in the \
                 account is the reason, the same request succeeds once the ledger has recorded it; \
                 a ledger that takes its time from the commands does so after another command of \
                 that time or a later one is recorded. An operator can raise `append-bytes` in \
                 the log's URL.",
        shopper: "This is too much at once. Please try it with less.",
    }
}

impl From<NotOpen> for Refusal {
    fn from(why: NotOpen) -> Self {
        Self::OfferNotOpen { why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_written_in_words_and_sentences() {
        for RefusalRow { code, title, meaning, remedy, shopper, .. } in Refusal::ROWS {
            assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code}");
            assert!(!title.ends_with('.'), "{code}: {title}");
            for text in [meaning, remedy, shopper] {
                assert!(
                    text.ends_with('.') && text.starts_with(char::is_uppercase),
                    "{code}: {text}"
                );
            }
        }
    }

    #[test]
    fn a_shopper_is_told_in_a_shops_words() {
        for RefusalRow { code, shopper, .. } in Refusal::ROWS {
            for word in ["ledger", "credit", "hold ", "exchange", "request", "`", " id"] {
                assert!(!shopper.contains(word), "{code}: {word} in {shopper}");
            }
        }
    }

    #[test]
    fn no_two_rows_have_one_code() {
        for (index, row) in Refusal::ROWS.iter().enumerate() {
            assert!(Refusal::ROWS.iter().take(index).all(|before| before.code != row.code));
        }
    }
}
