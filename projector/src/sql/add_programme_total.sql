-- Points stop at 2^63-1, which a thousand of the largest amounts come to, rather than stop the
-- projection.
{insert}
on conflict ("partition") do update set
    issued = case
        when programme_total.issued > 9223372036854775807 - excluded.issued then 9223372036854775807
        else programme_total.issued + excluded.issued
    end,
    redeemed = case
        when programme_total.redeemed > 9223372036854775807 - excluded.redeemed then 9223372036854775807
        else programme_total.redeemed + excluded.redeemed
    end,
    refunded = case
        when programme_total.refunded > 9223372036854775807 - excluded.refunded then 9223372036854775807
        else programme_total.refunded + excluded.refunded
    end,
    expired = case
        when programme_total.expired > 9223372036854775807 - excluded.expired then 9223372036854775807
        else programme_total.expired + excluded.expired
    end,
    withdrawn = case
        when programme_total.withdrawn > 9223372036854775807 - excluded.withdrawn then 9223372036854775807
        else programme_total.withdrawn + excluded.withdrawn
    end,
    sent = case
        when programme_total.sent > 9223372036854775807 - excluded.sent then 9223372036854775807
        else programme_total.sent + excluded.sent
    end,
    received = case
        when programme_total.received > 9223372036854775807 - excluded.received then 9223372036854775807
        else programme_total.received + excluded.received
    end,
    repaid = case
        when programme_total.repaid > 9223372036854775807 - excluded.repaid then 9223372036854775807
        else programme_total.repaid + excluded.repaid
    end,
    exchanges = programme_total.exchanges + excluded.exchanges,
    cancellations = programme_total.cancellations + excluded.cancellations,
    purchases = programme_total.purchases + excluded.purchases,
    returns = programme_total.returns + excluded.returns,
    holds = programme_total.holds + excluded.holds,
    transfers = programme_total.transfers + excluded.transfers,
    shipments = programme_total.shipments + excluded.shipments
