-- Points stop at 2^63-1, which a thousand of the largest amounts come to, rather than stop the
-- projection.
insert into programme_total (
    "partition", issued, redeemed, refunded, expired, withdrawn, sent, received, repaid,
    exchanges, cancellations, purchases, returns, holds, transfers, shipments
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
on conflict do update set
    issued = min(issued, 9223372036854775807 - excluded.issued) + excluded.issued,
    redeemed = min(redeemed, 9223372036854775807 - excluded.redeemed) + excluded.redeemed,
    refunded = min(refunded, 9223372036854775807 - excluded.refunded) + excluded.refunded,
    expired = min(expired, 9223372036854775807 - excluded.expired) + excluded.expired,
    withdrawn = min(withdrawn, 9223372036854775807 - excluded.withdrawn) + excluded.withdrawn,
    sent = min(sent, 9223372036854775807 - excluded.sent) + excluded.sent,
    received = min(received, 9223372036854775807 - excluded.received) + excluded.received,
    repaid = min(repaid, 9223372036854775807 - excluded.repaid) + excluded.repaid,
    exchanges = exchanges + excluded.exchanges,
    cancellations = cancellations + excluded.cancellations,
    purchases = purchases + excluded.purchases,
    returns = returns + excluded.returns,
    holds = holds + excluded.holds,
    transfers = transfers + excluded.transfers,
    shipments = shipments + excluded.shipments
