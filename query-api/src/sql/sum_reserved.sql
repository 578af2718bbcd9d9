-- What an account has reserved of an offer at a time: in all, and in a day, a week and a month, each by what
-- stands in the JSON of a reservation that counts there.
select
    cast(coalesce(sum(quantity), 0) as bigint) as taken,
    cast(coalesce(sum(case when counted like $3 then quantity end), 0) as bigint) as in_day,
    cast(coalesce(sum(case when counted like $4 then quantity end), 0) as bigint) as in_week,
    cast(coalesce(sum(case when counted like $5 then quantity end), 0) as bigint) as in_month
from hold
where account_id = $1 and offer_id = $2 and status = 'held' and deadline > $6
