-- What an account has had of an offer, less what was cancelled: in all, and in a day, a week and a
-- month, each by what stands in the JSON of an exchange that counts there.
select
    cast(coalesce(sum(quantity - cancelled_quantity), 0) as bigint) as taken,
    cast(coalesce(sum(case when counted like $3 then quantity - cancelled_quantity end), 0) as bigint)
        as in_day,
    cast(coalesce(sum(case when counted like $4 then quantity - cancelled_quantity end), 0) as bigint)
        as in_week,
    cast(coalesce(sum(case when counted like $5 then quantity - cancelled_quantity end), 0) as bigint)
        as in_month
from exchange
where account_id = $1 and offer_id = $2
