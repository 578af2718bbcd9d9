-- What flowed, counted from the events, beside what there is, summed over the accounts.
select
    flow.*,
    stock.*,
    (select group_concat("partition" || ':' || position, ',' order by "partition") from checkpoint)
        as position
from (
        select
            coalesce(sum(issued), 0) as issued,
            coalesce(sum(redeemed), 0) as redeemed,
            coalesce(sum(refunded), 0) as refunded,
            coalesce(sum(expired), 0) as expired,
            coalesce(sum(withdrawn), 0) as withdrawn,
            coalesce(sum(sent) - sum(received), 0) as in_transit,
            coalesce(sum(sent), 0) as sent,
            coalesce(sum(received), 0) as received,
            coalesce(sum(repaid), 0) as repaid,
            coalesce(sum(exchanges), 0) as exchanges,
            coalesce(sum(cancellations), 0) as cancellations,
            coalesce(sum(purchases), 0) as purchases,
            coalesce(sum(returns), 0) as returns,
            coalesce(sum(holds), 0) as holds,
            coalesce(sum(transfers), 0) as transfers,
            coalesce(sum(shipments), 0) as shipments
        from programme_total
    ) as flow
    cross join (
        select
            coalesce(sum(available), 0) as available,
            coalesce(sum(held), 0) as held,
            coalesce(sum(pending), 0) as pending,
            coalesce(sum(owed), 0) as debt,
            count(*) as accounts
        from account_balance
    ) as stock
