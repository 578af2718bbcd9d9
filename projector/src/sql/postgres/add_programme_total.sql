-- Points stop at 2^63-1, which a thousand of the largest amounts come to, rather than stop the
-- projection.
insert into programme_total as total (
    "partition", issued, redeemed, refunded, expired, withdrawn, sent, received, repaid,
    exchanges, cancellations, purchases, returns, holds, transfers, shipments
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
on conflict ("partition") do update set
    issued = least(total.issued, 9223372036854775807 - excluded.issued) + excluded.issued,
    redeemed = least(total.redeemed, 9223372036854775807 - excluded.redeemed) + excluded.redeemed,
    refunded = least(total.refunded, 9223372036854775807 - excluded.refunded) + excluded.refunded,
    expired = least(total.expired, 9223372036854775807 - excluded.expired) + excluded.expired,
    withdrawn = least(total.withdrawn, 9223372036854775807 - excluded.withdrawn) + excluded.withdrawn,
    sent = least(total.sent, 9223372036854775807 - excluded.sent) + excluded.sent,
    received = least(total.received, 9223372036854775807 - excluded.received) + excluded.received,
    repaid = least(total.repaid, 9223372036854775807 - excluded.repaid) + excluded.repaid,
    exchanges = total.exchanges + excluded.exchanges,
    cancellations = total.cancellations + excluded.cancellations,
    purchases = total.purchases + excluded.purchases,
    returns = total.returns + excluded.returns,
    holds = total.holds + excluded.holds,
    transfers = total.transfers + excluded.transfers,
    shipments = total.shipments + excluded.shipments
