-- What flowed, counted from the events, beside what there is, summed over the accounts.
select
    flow.*,
    stock.*,
    (
        select string_agg(
            cast("partition" as text) || ':' || cast(position as text), ',' order by "partition"
        )
        from checkpoint
    ) as position
from (
        select
            cast(coalesce(sum(issued), 0) as bigint) as issued,
            cast(coalesce(sum(redeemed), 0) as bigint) as redeemed,
            cast(coalesce(sum(refunded), 0) as bigint) as refunded,
            cast(coalesce(sum(expired), 0) as bigint) as expired,
            cast(coalesce(sum(withdrawn), 0) as bigint) as withdrawn,
            cast(coalesce(sum(sent) - sum(received), 0) as bigint) as in_transit,
            cast(coalesce(sum(sent), 0) as bigint) as sent,
            cast(coalesce(sum(received), 0) as bigint) as received,
            cast(coalesce(sum(repaid), 0) as bigint) as repaid,
            cast(coalesce(sum(exchanges), 0) as bigint) as exchanges,
            cast(coalesce(sum(cancellations), 0) as bigint) as cancellations,
            cast(coalesce(sum(purchases), 0) as bigint) as purchases,
            cast(coalesce(sum(returns), 0) as bigint) as returns,
            cast(coalesce(sum(holds), 0) as bigint) as holds,
            cast(coalesce(sum(transfers), 0) as bigint) as transfers,
            cast(coalesce(sum(shipments), 0) as bigint) as shipments
        from programme_total
    ) as flow
    cross join (
        select
            cast(coalesce(sum(available), 0) as bigint) as available,
            cast(coalesce(sum(held), 0) as bigint) as held,
            cast(coalesce(sum(pending), 0) as bigint) as pending,
            cast(coalesce(sum(owed), 0) as bigint) as debt,
            count(*) as accounts
        from account_balance
    ) as stock
