insert into programme_total (
    "partition", issued, redeemed, refunded, expired, withdrawn, sent, received, repaid,
    exchanges, cancellations, purchases, returns, holds, transfers, shipments
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
on conflict do update set
    issued = issued + excluded.issued,
    redeemed = redeemed + excluded.redeemed,
    refunded = refunded + excluded.refunded,
    expired = expired + excluded.expired,
    withdrawn = withdrawn + excluded.withdrawn,
    sent = sent + excluded.sent,
    received = received + excluded.received,
    repaid = repaid + excluded.repaid,
    exchanges = exchanges + excluded.exchanges,
    cancellations = cancellations + excluded.cancellations,
    purchases = purchases + excluded.purchases,
    returns = returns + excluded.returns,
    holds = holds + excluded.holds,
    transfers = transfers + excluded.transfers,
    shipments = shipments + excluded.shipments
