-- Where an account's events are, after a place and from a time on, in the order of the log; each with
-- 1 where it is of the exchange that is asked for. Every event of an account has one row in these four.
select place, is_of_exchange
from (
    select * from (
        select place, cast(case when exchange_id = $5 then 1 else 0 end as bigint) as is_of_exchange
        from ledger_entry
        where account_id = $1 and recorded_at >= $3 and place > $2
        order by recorded_at, place
        limit $4
    ) as entries
    union all
    select * from (
        select place, cast(case when exchange_id = $5 then 1 else 0 end as bigint) as is_of_exchange
        from exchange
        where account_id = $1 and recorded_at >= $3 and place > $2
        order by recorded_at, place
        limit $4
    ) as exchanges
    union all
    select * from (
        select place, cast(0 as bigint) as is_of_exchange
        from purchase
        where account_id = $1 and recorded_at >= $3 and place > $2
        order by recorded_at, place
        limit $4
    ) as purchases
    union all
    select * from (
        select place, cast(case when exchange_id = $5 then 1 else 0 end as bigint) as is_of_exchange
        from event_place
        where subject = $6 and place > $2
        order by place
        limit $4
    ) as others
) as events
order by place
limit $4
