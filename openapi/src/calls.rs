//! Every call that needs a key: its name for clients, and what it answers by status.
//!
//! The rest of a call's description follows from its route, its handler and its section in
//! `docs/reference/`. A test compares this table with the routers, and its statuses with what the
//! sections say; another one compares the answers of a running ledger with the schemas. The file is
//! long because every call has its line here.

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The name of a client's function.
    pub id: &'static str,
    /// `PUT /v1/policy`.
    pub name: &'static str,
    /// By status the types of the body, of which it has one; none: it has no body.
    pub answers: &'static [(u16, &'static [&'static str])],
}

const fn call(
    name: &'static str,
    id: &'static str,
    answers: &'static [(u16, &'static [&'static str])],
) -> Call {
    Call { id, name, answers }
}

/// A read.
macro_rules! reads {
    ($($body:literal),+) => { &[(200, &[$($body),+])] };
}

/// A write: 201 made, 200 repeated.
macro_rules! writes {
    ($($body:literal),+) => { &[(201, &[$($body),+]), (200, &[$($body),+])] };
}

/// In the order of the pages.
#[rustfmt::skip]
pub const CALLS: &[Call] = &[
    call("GET /v1/accounts/{account_id}", "getAccount", reads!("AccountBalanceBody")),
    call("PUT /v1/accounts/{account_id}", "openAccount", writes!("AccountOpenedBody")),
    call("GET /v1/accounts/{account_id}/lots", "listLots", reads!("Page<CreditLotBody>")),
    call("GET /v1/accounts/{account_id}/expiry", "getExpiry", reads!("AccountExpiryBody")),
    call("GET /v1/accounts/{account_id}/entries", "listEntries", reads!("Page<LedgerEntryBody>")),
    call(
        "GET /v1/accounts/{account_id}/entries/{position}",
        "getEntry",
        reads!("ExplainedEntryBody"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/erasures/{erasure_id}",
        "eraseAccount",
        writes!("AccountErasedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/erasures/{erasure_id}",
        "getErasedAccount",
        reads!("Recorded<AccountErasedBody>"),
    ),
    call("GET /v1/accounts/{account_id}/erasure", "getErasure", reads!("ErasureBody")),
    call("POST /v1/accounts/{account_id}/credits", "earnCredit", writes!("CreditBody")),
    call("POST /v1/credits", "earnCredits", reads!("EarnedCreditsBody")),
    call("GET /v1/expiring-credit", "listExpiringCredit", reads!("Page<ExpiringAccountBody>")),
    call(
        "PUT /v1/accounts/{account_id}/withdrawals/{withdrawal_id}",
        "withdrawCredit",
        writes!("CreditWithdrawnBody"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/withdrawals/{withdrawal_id}/reversal",
        "reverseWithdrawal",
        writes!("WithdrawalReversedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/withdrawals/{withdrawal_id}/reversal",
        "getWithdrawalReversal",
        reads!("Recorded<WithdrawalReversedBody>"),
    ),
    call(
        "GET /v1/accounts/{account_id}/withdrawals/{withdrawal_id}",
        "getWithdrawal",
        reads!("Recorded<CreditWithdrawnBody>"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/adjustments/{adjustment_id}",
        "adjustCredit",
        writes!("CreditEarnedBody", "CreditWithdrawnBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/adjustments/{adjustment_id}",
        "getAdjustment",
        reads!("Recorded<CreditEarnedBody>", "Recorded<CreditWithdrawnBody>"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/transfers/{transfer_id}",
        "transferCredit",
        writes!("CreditSentBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/transfers/{transfer_id}",
        "getTransfer",
        reads!("Recorded<TransferBody>"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/exchanges/{exchange_id}",
        "redeem",
        &[
            (201, &["CreatedExchangeBody"]),
            (200, &["CreatedExchangeBody", "DryRunBody"]),
            (202, &["AttemptBody"]),
        ],
    ),
    call(
        "POST /v1/accounts/{account_id}/exchanges",
        "redeemByKey",
        &[
            (201, &["CreatedExchangeBody"]),
            (200, &["CreatedExchangeBody", "DryRunBody"]),
            (202, &["AttemptBody"]),
        ],
    ),
    call(
        "GET /v1/accounts/{account_id}/exchanges/{exchange_id}/attempt",
        "getAttempt",
        reads!("AttemptBody"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/exchanges/{exchange_id}/cancellations/{cancellation_id}",
        "cancelExchange",
        writes!("ExchangeCancelledBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/exchanges/{exchange_id}/cancellations/{cancellation_id}",
        "getCancellation",
        reads!("Recorded<ExchangeCancelledBody>"),
    ),
    call("GET /v1/accounts/{account_id}/exchanges", "listExchanges", reads!("Page<ExchangeBody>")),
    call(
        "GET /v1/accounts/{account_id}/exchanges/{exchange_id}",
        "getExchange",
        reads!("ExchangeBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/exchanges/{exchange_id}/receipt",
        "getReceipt",
        reads!("ReceiptBody"),
    ),
    call("PUT /v1/seals/{seal_id}", "sealBalances", writes!("SealBody")),
    call("GET /v1/seals", "listSeals", reads!("Page<SealBody>")),
    call("GET /v1/seals/{seal_id}", "getSeal", reads!("SealBody")),
    call("GET /v1/seals/{seal_id}/proof", "getSealProof", reads!("SealProofBody")),
    call(
        "GET /v1/accounts/{account_id}/balance-proof",
        "getBalanceProof",
        reads!("BalanceProofBody"),
    ),
    call("GET /v1/exchanges", "findExchanges", reads!("Page<ExchangeBody>")),
    call("PUT /v1/accounts/{account_id}/holds/{hold_id}", "holdCredit", writes!("CreditHeldBody")),
    call(
        "PUT /v1/accounts/{account_id}/holds/{hold_id}/extensions/{extension_id}",
        "extendHold",
        writes!("HoldExtendedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/holds/{hold_id}/extensions/{extension_id}",
        "getExtension",
        reads!("Recorded<HoldExtendedBody>"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/holds/{hold_id}/capture",
        "captureHold",
        writes!("HoldCapturedBody", "ExchangeCreatedBody"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/holds/{hold_id}/refunds/{refund_id}",
        "refundCapture",
        writes!("CaptureRefundedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/holds/{hold_id}/refunds/{refund_id}",
        "getRefund",
        reads!("Recorded<CaptureRefundedBody>"),
    ),
    call(
        "GET /v1/accounts/{account_id}/holds/{hold_id}/capture",
        "getCapture",
        reads!("Recorded<CaptureBody>"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/holds/{hold_id}/release",
        "releaseHold",
        writes!("HoldReleasedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/holds/{hold_id}/release",
        "getRelease",
        reads!("Recorded<HoldReleasedBody>"),
    ),
    call("GET /v1/accounts/{account_id}/holds", "listHolds", reads!("Page<HoldBody>")),
    call("GET /v1/accounts/{account_id}/holds/{hold_id}", "getHold", reads!("HoldBody")),
    call(
        "PUT /v1/accounts/{account_id}/waits/{wait_id}",
        "joinWaitingList",
        writes!("WaitBegunBody"),
    ),
    call("GET /v1/accounts/{account_id}/waits/{wait_id}", "getWait", reads!("WaitBody")),
    call(
        "PUT /v1/accounts/{account_id}/waits/{wait_id}/leaving",
        "leaveWaitingList",
        writes!("WaitEndedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/waits/{wait_id}/leaving",
        "getLeaving",
        reads!("Recorded<WaitEndedBody>"),
    ),
    call("PUT /v1/offers/{offer_id}", "putOffer", writes!("OfferBody")),
    call("PATCH /v1/offers/{offer_id}", "patchOffer", reads!("OfferBody")),
    call(
        "PUT /v1/offers/{offer_id}/stock-additions/{addition_id}",
        "addStock",
        writes!("StockAdditionBody"),
    ),
    call(
        "GET /v1/offers/{offer_id}/stock-additions/{addition_id}",
        "getStockAddition",
        reads!("Recorded<StockAdditionBody>"),
    ),
    call(
        "PUT /v1/offers/{offer_id}/stock-removals/{removal_id}",
        "removeStock",
        writes!("StockRemovalBody"),
    ),
    call(
        "GET /v1/offers/{offer_id}/stock-removals/{removal_id}",
        "getStockRemoval",
        reads!("Recorded<StockRemovalBody>"),
    ),
    call("GET /v1/offers", "listOffers", reads!("Page<OfferBody>")),
    call("GET /v1/offers/{offer_id}", "getOffer", reads!("OfferBody")),
    call(
        "GET /v1/accounts/{account_id}/offers/{offer_id}",
        "getAccountOffer",
        reads!("AccountOfferBody"),
    ),
    call("PUT /v1/offers/{offer_id}/closure", "closeOffer", writes!("OfferBody")),
    call("GET /v1/offers/{offer_id}/closure", "getClosure", reads!("Recorded<OfferClosedBody>")),
    call(
        "PUT /v1/offers/{offer_id}/reopenings/{reopening_id}",
        "reopenOffer",
        writes!("OfferBody"),
    ),
    call(
        "GET /v1/offers/{offer_id}/reopenings/{reopening_id}",
        "getReopening",
        reads!("Recorded<OfferReopenedBody>"),
    ),
    call("PUT /v1/offers/{offer_id}/pause", "pauseOffer", writes!("OfferBody")),
    call("GET /v1/offers/{offer_id}/pause", "getPause", reads!("Recorded<OfferPausedBody>")),
    call(
        "PUT /v1/offers/{offer_id}/resumptions/{resumption_id}",
        "resumeOffer",
        writes!("OfferBody"),
    ),
    call(
        "GET /v1/offers/{offer_id}/resumptions/{resumption_id}",
        "getResumption",
        reads!("Recorded<OfferResumedBody>"),
    ),
    call("GET /v1/offers/{offer_id}/countdown", "getCountdown", reads!("CountdownBody")),
    call(
        "PUT /v1/offers/{offer_id}/code-uploads/{upload_id}",
        "uploadCodes",
        writes!("CodeUploadBody"),
    ),
    call(
        "GET /v1/offers/{offer_id}/code-uploads/{upload_id}",
        "getCodeUpload",
        reads!("Recorded<CodeUploadBody>"),
    ),
    call("GET /v1/gates", "getGates", reads!("GatesBody")),
    call(
        "PUT /v1/accounts/{account_id}/segments/{segment}",
        "setSegment",
        reads!("SegmentBody"),
    ),
    call("GET /v1/accounts/{account_id}/segments", "listSegments", reads!("Page<SegmentBody>")),
    call(
        "GET /v1/accounts/{account_id}/segments/{segment}",
        "getSegment",
        reads!("SegmentBody"),
    ),
    call("PUT /v1/accounts/{account_id}/merger", "mergeAccount", writes!("AccountMergedBody")),
    call(
        "GET /v1/accounts/{account_id}/merger",
        "getMerger",
        reads!("Recorded<AccountMergedBody>"),
    ),
    call("PUT /v1/clock/confirmation", "confirmClock", &[(201, &["ClockConfirmationBody"])]),
    call(
        "GET /v1/clock/confirmation",
        "getClockConfirmation",
        reads!("Recorded<ClockConfirmationBody>"),
    ),
    call("GET /v1/keys", "listKeys", reads!("KeysBody")),
    call("POST /v1/keys", "createKey", &[(201, &["MadeKeyBody"])]),
    call("POST /v1/keys/{key_id}/rotations", "rotateKey", &[(201, &["MadeKeyBody"])]),
    call("PUT /v1/keys/{key_id}/revocation", "revokeKey", writes!("KeyBody")),
    call("PUT /v1/marks/accounts/{marked_id}", "markAccount", writes!("MarkBody")),
    call("PUT /v1/marks/requests/{marked_id}", "markRequest", writes!("MarkBody")),
    call("GET /v1/marks", "listMarks", reads!("MarksBody")),
    call("DELETE /v1/marks/accounts/{marked_id}", "unmarkAccount", &[(204, &[])]),
    call("DELETE /v1/marks/requests/{marked_id}", "unmarkRequest", &[(204, &[])]),
    call("GET /v1/operations", "listOperations", reads!("Page<OperationBody>")),
    call("GET /v1/totals", "getTotals", reads!("TotalsBody")),
    call("GET /v1/events", "listEvents", reads!("Page<EventBody>")),
    call("GET /v1/trial-balance", "getTrialBalance", reads!("TrialBalanceBody")),
    call("GET /v1/liability", "getLiability", reads!("LiabilityBody")),
    call("GET /metrics", "getMetrics", reads!("String")),
    call("GET /v1/switches", "listSwitches", reads!("SwitchesBody")),
    call("GET /v1/switches/{switch}", "getSwitch", reads!("SwitchBody")),
    call("PUT /v1/switches/{switch}", "turnSwitch", reads!("SwitchBody")),
    call("GET /v1/publisher", "getPublisher", reads!("Report")),
    call(
        "POST /v1/publisher/warehouses/{warehouse}/continuation",
        "continueWarehouse",
        reads!("ContinuedBody"),
    ),
    call("GET /v1/parked-messages", "listParkedMessages", reads!("Page<ParkedBody>")),
    call("GET /v1/parked-messages/{parked_id}", "getParkedMessage", reads!("ParkedBody")),
    call("POST /v1/parked-messages/{parked_id}/retry", "retryParkedMessage", reads!("RetriedBody")),
    call("DELETE /v1/parked-messages/{parked_id}", "discardParkedMessage", &[(204, &[])]),
    call("POST /v1/shipping-stream/replays", "startReplay", &[(202, &["Replay"])]),
    call("GET /v1/shipping-stream/replays/{replay_id}", "getReplay", reads!("Replay")),
    call(
        "PUT /v1/accounts/{account_id}/purchases/{purchase_id}",
        "recordPurchase",
        writes!("PurchaseRecordedBody"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/purchases/{purchase_id}/returns/{return_id}",
        "returnPurchase",
        writes!("PurchaseReturnedBody"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/purchases/{purchase_id}/returns/{return_id}/reversal",
        "reverseReturn",
        writes!("ReturnReversedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/purchases/{purchase_id}/returns/{return_id}/reversal",
        "getReturnReversal",
        reads!("Recorded<ReturnReversedBody>"),
    ),
    call(
        "GET /v1/accounts/{account_id}/purchases/{purchase_id}/returns/{return_id}",
        "getReturn",
        reads!("Recorded<PurchaseReturnedBody>"),
    ),
    call("GET /v1/accounts/{account_id}/purchases", "listPurchases", reads!("Page<PurchaseBody>")),
    call(
        "GET /v1/accounts/{account_id}/purchases/{purchase_id}",
        "getPurchase",
        reads!("PurchaseBody"),
    ),
    call("GET /v1/purchases", "findPurchases", reads!("Page<PurchaseBody>")),
    call("POST /v1/purchases", "recordPurchases", reads!("RecordedPurchasesBody")),
    call("PUT /v1/units/{unit}", "putUnit", writes!("UnitBody")),
    call("GET /v1/units", "listUnits", reads!("Page<UnitBody>")),
    call("GET /v1/units/{unit}", "getUnit", reads!("UnitBody")),
    call("PUT /v1/units/{unit}/closure", "closeUnit", writes!("UnitBody")),
    call("GET /v1/units/{unit}/closure", "getUnitClosure", reads!("Recorded<UnitClosedBody>")),
    call("PUT /v1/ladders/{ladder}", "putLadder", writes!("LadderBody")),
    call("GET /v1/ladders", "listLadders", reads!("Page<LadderBody>")),
    call("GET /v1/ladders/{ladder}", "getLadder", reads!("LadderBody")),
    call(
        "PUT /v1/accounts/{account_id}/tiers/{ladder}/grants/{grant_id}",
        "grantTier",
        writes!("TierGrantedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/tiers/{ladder}/grants/{grant_id}",
        "getGrant",
        reads!("Recorded<TierGrantedBody>"),
    ),
    call(
        "GET /v1/ladders/{ladder}/accounts",
        "listLadderAccounts",
        reads!("Page<LadderAccountBody>"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/tiers/{ladder}/grants/{grant_id}/revocation",
        "revokeGrant",
        writes!("TierGrantEndedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/tiers/{ladder}/grants/{grant_id}/revocation",
        "getGrantRevocation",
        reads!("Recorded<TierGrantEndedBody>"),
    ),
    call(
        "PUT /v1/conversion-rates/{from}/{to}",
        "putConversionRate",
        writes!("ConversionRateBody"),
    ),
    call("GET /v1/conversion-rates", "listConversionRates", reads!("Page<ConversionRateBody>")),
    call(
        "GET /v1/conversion-rates/{from}/{to}",
        "getConversionRate",
        reads!("ConversionRateBody"),
    ),
    call(
        "PUT /v1/accounts/{account_id}/conversions/{conversion_id}",
        "convertCredit",
        writes!("CreditConvertedBody"),
    ),
    call(
        "GET /v1/accounts/{account_id}/conversions/{conversion_id}",
        "getConversion",
        reads!("Recorded<CreditConvertedBody>"),
    ),
    call(
        "PUT /v1/conversion-rates/{from}/{to}/closure",
        "closeConversionRate",
        writes!("ConversionRateBody"),
    ),
    call(
        "GET /v1/conversion-rates/{from}/{to}/closure",
        "getConversionRateClosure",
        reads!("Recorded<ConversionRateClosedBody>"),
    ),
    call("PUT /v1/earning-rules/{rule_id}", "putEarningRule", writes!("EarningRuleBody")),
    call("PATCH /v1/earning-rules/{rule_id}", "patchEarningRule", reads!("EarningRuleBody")),
    call("GET /v1/earning-rules", "listEarningRules", reads!("Page<EarningRuleBody>")),
    call("GET /v1/earning-rules/{rule_id}", "getEarningRule", reads!("EarningRuleBody")),
    call("PUT /v1/policy", "putPolicy", reads!("PolicyBody")),
    call("PATCH /v1/policy", "patchPolicy", reads!("PolicyBody")),
    call("GET /v1/policy", "getPolicy", reads!("PolicyBody")),
    call("GET /v1/shipping-requests", "listShippingRequests", reads!("Page<ShippingRequestBody>")),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}",
        "getShippingRequest",
        reads!("ShippingRequestBody"),
    ),
    call(
        "PUT /v1/shipping-requests/{shipping_request_id}/acceptance",
        "acceptShipment",
        writes!("ShipmentAnswerBody<ShipmentReportedBody>"),
    ),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}/acceptance",
        "getAcceptance",
        reads!("Recorded<ShipmentReportedBody>"),
    ),
    call(
        "PUT /v1/shipping-requests/{shipping_request_id}/back-order",
        "backOrderShipment",
        writes!("ShipmentAnswerBody<ShipmentReportedBody>"),
    ),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}/back-order",
        "getBackOrder",
        reads!("Recorded<ShipmentReportedBody>"),
    ),
    call(
        "PUT /v1/shipping-requests/{shipping_request_id}/dispatches/{dispatch_id}",
        "dispatchParcel",
        writes!("ShipmentAnswerBody<ShipmentDispatchedBody>"),
    ),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}/dispatches/{dispatch_id}",
        "getParcel",
        reads!("Recorded<ShipmentDispatchedBody>"),
    ),
    call(
        "PUT /v1/shipping-requests/{shipping_request_id}/dispatches/{dispatch_id}/delivery",
        "deliverParcel",
        writes!("ShipmentAnswerBody<ShipmentReportedBody>"),
    ),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}/dispatches/{dispatch_id}/delivery",
        "getParcelDelivery",
        reads!("Recorded<ShipmentReportedBody>"),
    ),
    call(
        "PUT /v1/shipping-requests/{shipping_request_id}/dispatch",
        "dispatchShipment",
        writes!("ShipmentAnswerBody<ShipmentDispatchedBody>"),
    ),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}/dispatch",
        "getDispatch",
        reads!("Recorded<ShipmentDispatchedBody>"),
    ),
    call(
        "PUT /v1/shipping-requests/{shipping_request_id}/delivery",
        "deliverShipment",
        writes!("ShipmentAnswerBody<ShipmentReportedBody>"),
    ),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}/delivery",
        "getDelivery",
        reads!("Recorded<ShipmentReportedBody>"),
    ),
    call(
        "PUT /v1/shipping-requests/{shipping_request_id}/rejection",
        "rejectShipment",
        writes!("ShipmentAnswerBody<ShipmentReportedBody>"),
    ),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}/rejection",
        "getRejection",
        reads!("Recorded<ShipmentReportedBody>"),
    ),
    call(
        "PUT /v1/shipping-requests/{shipping_request_id}/settlement",
        "settleShipment",
        writes!("ShipmentAnswerBody<ShipmentReportedBody>"),
    ),
    call(
        "GET /v1/shipping-requests/{shipping_request_id}/settlement",
        "getSettlement",
        reads!("Recorded<ShipmentReportedBody>"),
    ),
    call(
        "POST /v1/shipping-requests/{shipping_request_id}/resend",
        "resendShipment",
        &[(202, &["ResentShipmentBody"])],
    ),
    call("GET /v1/shipping-stream", "readShippingStream", reads!("StreamPage")),
    call(
        "GET /v1/overdue-shipping-requests",
        "listOverdueShippingRequests",
        reads!("Page<OverdueRequestBody>"),
    ),
];
